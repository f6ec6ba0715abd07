package router_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/mailertest"
	"github.com/mailkeel/mailkeel/mailer/router"
)

// The error of New names the field that is wrong.
func TestNewErrors(t *testing.T) {
	ok := router.Route{Sender: new(mailertest.Recorder)}
	for _, c := range []struct {
		cfg  router.Config
		want string
	}{
		{router.Config{}, "Routes is empty"},
		{router.Config{Routes: make([]router.Route, 65)}, "more than 64"},
		{router.Config{Routes: []router.Route{{Name: "a"}}}, "Routes[0]: Sender"},
		{router.Config{Routes: []router.Route{ok, {Sender: ok.Sender, Name: "a", From: mailer.Address{Address: "nobody"}}}}, "Routes[1]: From"},
		{router.Config{Routes: []router.Route{ok, ok}}, `"mailertest"`},
		{router.Config{Routes: []router.Route{ok}, Policy: 3}, "Policy"},
		{router.Config{Routes: []router.Route{ok}, Policy: -1}, "Policy"},
		{router.Config{Routes: []router.Route{ok}, Delivery: 7}, "Delivery"},
		{router.Config{Routes: []router.Route{ok}, MaxAttempts: -1}, "MaxAttempts"},
		{router.Config{Routes: []router.Route{ok}, Rest: -1}, "Rest"},
	} {
		r, err := router.New(c.cfg)
		if r != nil || err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "router: ") {
			t.Errorf("got %v, want something about %s", err, c.want)
		}
	}
}

// A route is called what it is told, or what its Sender is called, or by its place.
func TestRouteNames(t *testing.T) {
	named := &mailertest.Recorder{Profile: mailertest.Profile{Provider: "smtp", Name: "relay"}}
	m := start(t, router.Config{Routes: []router.Route{{Name: "a", Sender: new(mailertest.Recorder)}, {Sender: named}, {Sender: failing{}}}})
	for i, want := range []router.RouteHealth{{Name: "a", Provider: "mailertest"}, {Name: "relay", Provider: "smtp"}, {Name: "route 3"}} {
		expect(t, "health", m.Health()[i], want)
	}
	provider, name := m.Names()
	expect(t, "names", provider+" "+name, "router router")
}

// The Config is not changed, and a change of it after New has no effect.
func TestConfigIsCopied(t *testing.T) {
	a, b := healthy("a"), scripted("b")
	routes := []router.Route{through(a)}
	m := start(t, router.Config{Routes: routes})
	routes[0] = through(b)
	expect(t, "route", m.must(t.Context(), letter(1)).Route, "a")
}

// A router can carry what one of its routes can.
func TestCapabilities(t *testing.T) {
	a, b := healthy("a").lacking(mailer.FeatureRaw|mailer.FeatureSchedule), healthy("b").lacking(mailer.FeatureRaw|mailer.FeatureTags)
	a.MaxRecipients, b.MaxRecipients = 10, 50
	got := start(t, router.Config{}, a, b).Capabilities()
	expect(t, "features", got.Features, (mailer.Essential|mailer.Advisory)&^mailer.FeatureRaw)
	expect(t, "recipients", got.MaxRecipients, 50)
	b.MaxRecipients = 0
	expect(t, "recipients without a limit", start(t, router.Config{}, a, b).Capabilities().MaxRecipients, 0)
}

// The check of a router passes when mail could leave through one of its routes.
func TestCheck(t *testing.T) {
	bad := func(context.Context) error { return refusal(mailer.ScopeAccount, 0, 535) }
	for _, c := range []struct {
		name   string
		checks [2]func(context.Context) error
		want   error
	}{
		{"both", [2]func(context.Context) error{nil, nil}, nil},
		{"one", [2]func(context.Context) error{bad, nil}, nil},
		{"none", [2]func(context.Context) error{bad, bad}, mailer.ErrUnauthorized},
	} {
		a, b := healthy("a"), healthy("b")
		a.Checks, b.Checks = c.checks[0], c.checks[1]
		if err := start(t, router.Config{}, a, b).Check(t.Context()); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
	if err := start(t, router.Config{Routes: []router.Route{{Sender: failing{}}}}).Check(t.Context()); err != nil {
		t.Errorf("who cannot be checked: %v", err)
	}
}

// What became of a message is what one route says, or what all deny.
func TestResolve(t *testing.T) {
	yes, no, unsure := says(mailer.Accepted, nil), says(mailer.NotAccepted, nil), says(mailer.Unknown, nil)
	failed := says(mailer.Unknown, errRefused)
	for _, c := range []struct {
		name string
		a, b func(context.Context) (mailer.Outcome, error)
		want mailer.Outcome
		err  error
	}{
		{"the second has it", no, yes, mailer.Accepted, nil},
		{"nobody has it", no, no, mailer.NotAccepted, nil},
		{"one cannot say", no, unsure, mailer.Unknown, nil},
		{"one does not answer", no, failed, mailer.Unknown, nil},
		{"nobody answers", failed, failed, mailer.Unknown, errRefused},
	} {
		m := start(t, router.Config{}, askable{healthy("a"), c.a}, askable{healthy("b"), c.b})
		got, err := m.Resolve(t.Context(), letter(1))
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: got %v, %v", c.name, got, err)
		}
	}
	mixed := start(t, router.Config{}, askable{healthy("a"), no}, healthy("b"))
	if got, err := mixed.Resolve(t.Context(), letter(1)); got != mailer.Unknown || err != nil {
		t.Errorf("one cannot be asked: %v, %v", got, err)
	}
	if got, err := start(t, router.Config{}, healthy("a")).Resolve(t.Context(), letter(1)); got != mailer.Unknown || err == nil {
		t.Errorf("nobody can be asked: %v, %v", got, err)
	}
}

// What turns a limit off does so.
func TestLimitsTurnedOff(t *testing.T) {
	virtual(t, func(t *testing.T) {
		off := router.Config{CommitLimit: -1, MinSlice: -1, StartLimit: -1, ReplyLimit: -1, DoubtLimit: -1, AskLimit: -1, RetryDelay: -1, CheckInterval: -1}
		m := start(t, off, scripted("a", slowly(3*time.Hour, 4*time.Hour)), scripted("b"))
		began := time.Now()
		expect(t, "trace", trace(m.must(context.Background(), doubled(1))), "a done")
		expect(t, "time", time.Since(began), 7*time.Hour)
	})
}
