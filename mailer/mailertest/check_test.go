package mailertest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/mailertest"
)

// A double is what all doubles are.
type double interface {
	mailer.Sender
	mailer.Checker
	mailer.Closer
	mailer.Named
}

// doubles returns one of each kind with that profile.
func doubles(p mailertest.Profile) map[string]double {
	return map[string]double{
		"Recorder": &mailertest.Recorder{Profile: p},
		"Script":   &mailertest.Script{Profile: p, Rest: new(mailertest.Step)},
		"Flaky":    &mailertest.Flaky{Profile: p},
	}
}

func TestCheck(t *testing.T) {
	lost := errors.New("no route to host")
	unauthorized := &mailer.SendError{Outcome: mailer.NotAccepted, Scope: mailer.ScopeAccount, Protocol: "http", Code: 401, Elsewhere: true}
	for _, c := range []struct {
		name   string
		checks func(context.Context) error
		is     error // nil: it passes
		want   mailer.SendError
	}{
		{"not asked", nil, nil, mailer.SendError{}},
		{"well", mailertest.For(time.Minute), nil, mailer.SendError{}},
		{"accepted", says(&mailer.SendError{Outcome: mailer.Accepted}), mailer.ErrUnavailable, mailer.SendError{Scope: mailer.ScopeProvider, Temporary: true, Elsewhere: true}},
		{"unreachable", says(lost), lost, mailer.SendError{Scope: mailer.ScopeProvider, Temporary: true, Elsewhere: true}},
		{"unauthorized", says(unauthorized), mailer.ErrUnauthorized, *unauthorized},
		{"no scope", says(&mailer.SendError{Err: lost}), lost, mailer.SendError{Scope: mailer.ScopeProvider}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for kind, d := range doubles(mailertest.Profile{Provider: "sendgrid", Name: "primary", Checks: c.checks}) {
				synctest.Test(t, func(t *testing.T) {
					err := d.Check(t.Context())
					if c.is == nil {
						if err != nil {
							t.Errorf("%s: %v", kind, err)
						}
						return
					}
					checkRefusal(t, kind, err, c.is, c.want)
				})
			}
		})
	}
	if unauthorized.Receipt != nil {
		t.Error("the error given was changed")
	}
}

func says(err error) func(context.Context) error { return func(context.Context) error { return err } }

// checkRefusal compares all but the cause and the receipt, which names the provider and nobody else.
func checkRefusal(t *testing.T, kind string, err, is error, want mailer.SendError) {
	t.Helper()
	var e *mailer.SendError
	if !errors.As(err, &e) || !errors.Is(err, is) {
		t.Errorf("%s: got %v, want %v", kind, err, is)
		return
	}
	got := *e
	got.Receipt, got.Err, want.Outcome, want.Err = nil, nil, mailer.NotAccepted, nil
	if got != want {
		t.Errorf("%s: got %+v, want %+v", kind, got, want)
	}
	r := e.Receipt
	if r == nil || r.Outcome != mailer.NotAccepted || r.Provider != "sendgrid" || r.Route != "primary" || len(r.Recipients) != 0 {
		t.Errorf("%s: receipt %+v", kind, r)
	}
}

// TestCheckEnds: with ctx, and with Close, whatever Checks waits for.
func TestCheckEnds(t *testing.T) {
	caller := mailer.SendError{Scope: mailer.ScopeCaller}
	profile := mailertest.Profile{Provider: "sendgrid", Name: "primary", Checks: mailertest.Until(nil)}
	for kind, d := range doubles(profile) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			checkRefusal(t, kind, d.Check(ctx), context.DeadlineExceeded, caller)
			checkRefusal(t, kind, d.Check(ctx), context.DeadlineExceeded, caller)
			failed := make(chan error)
			go func() { failed <- d.Check(context.Background()) }()
			synctest.Wait()
			go func() { _ = d.Close(ctx) }()
			checkRefusal(t, kind, <-failed, mailer.ErrClosed, caller)
			checkRefusal(t, kind, d.Check(context.Background()), mailer.ErrClosed, caller)
		})
	}
}

// TestCheckWithEndedContext: nothing passes then, also where nothing is asked.
func TestCheckWithEndedContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for kind, d := range doubles(mailertest.Profile{Provider: "sendgrid", Name: "primary"}) {
		checkRefusal(t, kind, d.Check(ctx), context.Canceled, mailer.SendError{Scope: mailer.ScopeCaller})
	}
}

// TestCloseWaitsForCheck: as it does for sends.
func TestCloseWaitsForCheck(t *testing.T) {
	for kind, d := range doubles(mailertest.Profile{Checks: mailertest.For(time.Minute)}) {
		synctest.Test(t, func(t *testing.T) {
			began, passed := time.Now(), make(chan error, 1)
			go func() { passed <- d.Check(context.Background()) }()
			synctest.Wait()
			if err := d.Close(context.Background()); err != nil || time.Since(began) != time.Minute {
				t.Errorf("%s: closed with %v after %v", kind, err, time.Since(began))
			}
			if err := <-passed; err != nil {
				t.Errorf("%s: %v", kind, err)
			}
		})
	}
}

// TestCheckUsesNothingUp: a check is no attempt.
func TestCheckUsesNothingUp(t *testing.T) {
	s := &mailertest.Script{Steps: make([]mailertest.Step, 1)}
	if err := s.Check(t.Context()); err != nil || s.Left() != 1 || len(s.Kept()) != 0 {
		t.Errorf("error %v, %d steps left, %d copies", err, s.Left(), len(s.Kept()))
	}
}

// TestNames: a double calls itself what its receipts do.
func TestNames(t *testing.T) {
	for _, c := range []struct {
		profile         mailertest.Profile
		provider, route string
	}{
		{mailertest.Profile{}, "mailertest", "mailertest"},
		{mailertest.Profile{Provider: "smtp"}, "smtp", "smtp"},
		{mailertest.Profile{Name: "backup"}, "mailertest", "backup"},
		{mailertest.Profile{Provider: "smtp", Name: "primary"}, "smtp", "primary"},
	} {
		for kind, d := range doubles(c.profile) {
			receipt, err := d.Send(t.Context(), message(0))
			if err != nil {
				t.Fatal(err)
			}
			provider, route := d.Names()
			if provider != c.provider || route != c.route || receipt.Provider != provider || receipt.Route != route {
				t.Errorf("%s: it is %q, %q, in receipts %q, %q, want %q, %q", kind, provider, route, receipt.Provider, receipt.Route, c.provider, c.route)
			}
		}
	}
}
