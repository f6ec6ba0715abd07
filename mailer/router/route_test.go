package router

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// A stub is a Sender that carries what its capabilities say.
type stub struct{ caps mailer.Capabilities }

func (s stub) Send(_ context.Context, m *mailer.Message) (*mailer.Receipt, error) {
	return &mailer.Receipt{Outcome: mailer.Accepted, MessageID: m.MessageID}, nil
}

func (s stub) Capabilities() mailer.Capabilities { return s.caps }

// everything a message can ask for.
const everything = mailer.Essential | mailer.Advisory

// newTestRouter returns a router with n routes that carry everything, or with those of cfg.
func newTestRouter(t *testing.T, cfg Config, n int) *Router {
	t.Helper()
	for range n {
		cfg.Routes = append(cfg.Routes, Route{Sender: stub{mailer.Capabilities{Features: everything}}})
	}
	r, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close(context.Background()) })
	return r
}

// prepared returns a message to those recipients.
func prepared(t *testing.T, to ...string) *mailer.Message {
	t.Helper()
	m := &mailer.Message{From: mailer.Address{Address: "app@Example.com"}, Subject: "s", Text: "t"}
	for _, address := range to {
		m.To = append(m.To, mailer.Address{Address: address})
	}
	m, err := mailer.Prepare(m)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestInDomains(t *testing.T) {
	for _, c := range []struct {
		domains []string
		address string
		want    bool
	}{
		{[]string{"example.com"}, "a@example.com", true},
		{[]string{"example.com"}, "a@EXAMPLE.com", true},
		{[]string{"example.com"}, "a@mail.example.com", false},
		{[]string{"example.com"}, "a@notexample.com", false},
		{[]string{"example.com"}, "example.com@example.org", false},
		{[]string{"*.example.com"}, "a@mail.example.com", true},
		{[]string{"*.example.com"}, "a@eu.mail.Example.com", true},
		{[]string{"*.example.com"}, "a@example.com", false},
		{[]string{"*.example.com"}, "a@notexample.com", false},
		{[]string{"*.example.com"}, "a@.example.com", false},
		{[]string{"*"}, "a@example.com", true},
		{[]string{"example.org", "*.example.com"}, "a@x.example.com", true},
		{[]string{"example.org", "example.net"}, "a@example.com", false},
		{nil, "a@example.com", false},
	} {
		if got := inDomains(c.domains, c.address); got != c.want {
			t.Errorf("%v, %q: %t", c.domains, c.address, got)
		}
	}
}

// TestAdmits: a message that a route cannot carry, or is not for it, passes it over.
func TestAdmits(t *testing.T) {
	limited := func(features mailer.Feature, recipients int) mailer.Sender {
		return stub{mailer.Capabilities{Features: features, MaxRecipients: recipients}}
	}
	all := limited(everything, 0)
	for _, c := range []struct {
		name    string
		route   Route
		split   bool
		msg     func(*mailer.Message)
		targets []string
		want    error
	}{
		{name: "a plain route", route: Route{Sender: all}},
		{name: "its sender's domain", route: Route{Sender: all, FromDomains: []string{"EXAMPLE.com"}}},
		{name: "another sender's domain", route: Route{Sender: all, FromDomains: []string{"example.org"}}, want: errForeign},
		{name: "the domain of the route's From", route: Route{
			Sender: all, FromDomains: []string{"example.org"}, From: mailer.Address{Address: "x@example.org"},
		}},
		{name: "not the domain of the route's From", route: Route{
			Sender: all, FromDomains: []string{"example.com"}, From: mailer.Address{Address: "x@example.org"},
		}, want: errForeign},
		{name: "all recipients in its domains", route: Route{Sender: all, ToDomains: []string{"A.example", "b.example"}}},
		{name: "one recipient elsewhere", route: Route{Sender: all, ToDomains: []string{"a.example"}}, want: errOther},
		{name: "who is left is in its domains", route: Route{Sender: all, ToDomains: []string{"a.example"}}, targets: []string{"one@a.example"}},
		{name: "who is left is not", route: Route{Sender: all, ToDomains: []string{"a.example"}}, targets: []string{"two@b.example"}, want: errOther},
		{name: "one of its tags", route: Route{Sender: all, Tags: []string{"bulk", "news"}}, msg: func(m *mailer.Message) { m.Tags = []string{"x", "news"} }},
		{name: "other tags", route: Route{Sender: all, Tags: []string{"bulk"}}, msg: func(m *mailer.Message) { m.Tags = []string{"x"} }, want: errOther},
		{name: "no tags", route: Route{Sender: all, Tags: []string{"bulk"}}, want: errOther},
		{name: "it cannot attach", route: Route{Sender: limited(everything&^mailer.FeatureAttachments, 0)}, msg: func(m *mailer.Message) {
			m.Attachments = []mailer.Attachment{{Name: "a.txt", Content: mailer.Bytes([]byte("x"))}}
		}, want: mailer.ErrUnsupported},
		{name: "it cannot attach, which is not asked for", route: Route{Sender: limited(everything&^mailer.FeatureAttachments, 0)}},
		{name: "it has no tags, which is the adapter's to say", route: Route{Sender: limited(mailer.Essential, 0)}, msg: func(m *mailer.Message) { m.Tags = []string{"x"} }},
		{name: "as many recipients as it takes", route: Route{Sender: limited(everything, 2)}},
		{name: "too many recipients", route: Route{Sender: limited(everything, 1)}, want: mailer.ErrUnsupported},
		{name: "not too many are left", route: Route{Sender: limited(everything, 1)}, targets: []string{"one@a.example"}},
		{name: "too many recipients, in portions", route: Route{Sender: limited(everything, 1)}, split: true},
		{name: "too many recipients, in portions, all or none", route: Route{Sender: limited(everything, 1)}, split: true,
			msg: func(m *mailer.Message) { m.AllOrNone = true }, want: mailer.ErrUnsupported},
		{name: "a portion where the header shows all", route: Route{Sender: limited(everything&^mailer.FeatureEnvelope, 0)},
			targets: []string{"one@a.example"}, want: mailer.ErrUnsupported},
		{name: "a portion with a header of its own", route: Route{Sender: limited(everything&^mailer.FeatureEnvelope, 0)},
			targets: []string{"one@a.example"}, split: true},
		{name: "what it lacks comes before what it is for", route: Route{Sender: limited(everything, 1), Tags: []string{"bulk"}}, want: mailer.ErrUnsupported},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newTestRouter(t, Config{Routes: []Route{c.route}, SplitRecipients: c.split}, 0)
			m := *prepared(t, "one@a.example", "two@b.example")
			if c.msg != nil {
				c.msg(&m)
			}
			msg, err := mailer.Prepare(&m)
			if err != nil {
				t.Fatal(err)
			}
			err = r.routes[0].admits(&send{r: r, msg: msg, targets: c.targets})
			if (err == nil) != (c.want == nil) || !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

// TestUnfitScope: who has to look at it when no route can take the message.
func TestUnfitScope(t *testing.T) {
	for err, want := range map[error]mailer.Scope{
		errForeign: mailer.ScopeSender, errOther: mailer.ScopeMessage, mailer.ErrUnsupported: mailer.ScopeMessage,
	} {
		if got := unfitScope(fmt.Errorf("x: %w", err)); got != want {
			t.Errorf("%v: scope %s, want %s", err, got, want)
		}
	}
}

// TestStanding: how good a choice a route is, in each state that it can be in.
func TestStanding(t *testing.T) {
	now := at(30 * time.Second)
	open := func(why cause) func(*route) {
		return func(rt *route) { rt.circuit = *inState(Open, why) } // until 10 s, or config 30 s, after the epoch
	}
	half := func(rt *route) { rt.circuit.halfOpen(now.Add(1 - 2*time.Second)) }
	for _, c := range []struct {
		name  string
		state func(*route)
		eager bool
		want  standing
	}{
		{"closed", func(*route) {}, false, standing{}},
		{"overdue", func(rt *route) { rt.overdue.Add(1) }, false, standing{rank: behind}},
		{"gated", func(rt *route) { rt.throttle.until = now.Add(7 * time.Second) }, false,
			standing{unavailable, 7 * time.Second, "", mailer.ScopeRate}},
		{"gated and overdue", func(rt *route) { rt.throttle.until = now.Add(7 * time.Second); rt.overdue.Add(1) }, false,
			standing{unavailable, 7 * time.Second, "", mailer.ScopeRate}},
		{"not gated any more", func(rt *route) { rt.throttle.until = now }, false, standing{}},
		{"foreign sender", func(rt *route) { rt.foreign.add("example.com", now) }, false, standing{rank: last}},
		{"foreign and overdue", func(rt *route) { rt.foreign.add("example.com", now); rt.overdue.Add(1) }, false, standing{rank: last}},
		{"foreign long ago", func(rt *route) { rt.foreign.add("example.com", now.Add(-foreignFor)) }, false, standing{}},
		{"another foreign sender", func(rt *route) { rt.foreign.add("example.org", now) }, false, standing{}},
		{"foreign with the route's own From", func(rt *route) {
			rt.From.Address = "x@Example.org"
			rt.foreign.add("example.org", now)
		}, false, standing{rank: last}},
		{"resting", open(provider), false, standing{resting, 0, "", mailer.ScopeProvider}},
		{"resting, somebody knocks", func(rt *route) { open(provider)(rt); rt.circuit.claim(now) }, false,
			standing{unavailable, time.Second, "", mailer.ScopeProvider}},
		{"resting, somebody has been knocking for long", func(rt *route) { open(provider)(rt); rt.circuit.claim(now.Add(-5 * time.Second)) }, false,
			standing{unavailable, time.Second, "", mailer.ScopeProvider}},
		{"resting, somebody has just knocked", func(rt *route) {
			open(provider)(rt)
			cl, _ := rt.circuit.claim(now.Add(-250 * time.Millisecond))
			rt.circuit.release(cl)
		}, false, standing{unavailable, 750 * time.Millisecond, "", mailer.ScopeProvider}},
		{"resting, somebody knocked a second ago", func(rt *route) {
			open(provider)(rt)
			cl, _ := rt.circuit.claim(now.Add(-time.Second))
			rt.circuit.release(cl)
		}, false, standing{resting, 0, "", mailer.ScopeProvider}},
		{"slow", open(slow), false, standing{behind, 0, "", mailer.ScopeProvider}},
		{"misconfigured, the check is due", open(config), false, standing{unavailable, time.Second, "", mailer.ScopeAccount}},
		{"misconfigured, the check comes later", func(rt *route) { open(config)(rt); rt.circuit.until = now.Add(time.Minute) }, false,
			standing{unavailable, time.Minute, "", mailer.ScopeAccount}},
		{"half-open, and a copy would do harm", half, false, standing{resting, 0, "", mailer.ScopeProvider}},
		{"half-open, and a copy would do none", half, true, standing{}},
		{"half-open for long", func(rt *route) { rt.circuit.halfOpen(now.Add(-2 * time.Second)) }, false, standing{}},
		{"half-open, somebody goes first", func(rt *route) { half(rt); rt.circuit.claim(now) }, true,
			standing{unavailable, time.Second, "", mailer.ScopeProvider}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newTestRouter(t, Config{}, 1)
			rt := r.routes[0]
			c.state(rt)
			rt.troubled.Store(true) // look at all that mu guards
			s := &send{r: r, msg: prepared(t, "one@a.example")}
			if c.eager {
				s.delivery = mailer.AtLeastOnce
			}
			got := rt.standing(now, s)
			if (got.why == "") != (got.rank == ready) {
				t.Errorf("rank %d because of %q", got.rank, got.why)
			}
			if got.why = ""; got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

// TestRouteClaim: what keeps a message from a route also keeps it from one that was chosen
// a moment ago.
func TestRouteClaim(t *testing.T) {
	for _, c := range []struct {
		name  string
		state func(*route)
		want  claim
		ok    bool
	}{
		{"closed", func(*route) {}, claim{}, true},
		{"closed, of a later generation", func(rt *route) { rt.circuit = *inState(HalfOpen, provider); rt.circuit.turn(Closed, epoch) },
			claim{generation: 3}, true},
		{"gated", func(rt *route) { rt.throttle.until = at(time.Nanosecond) }, claim{}, false},
		{"gated until now", func(rt *route) { rt.throttle.until = epoch }, claim{}, true},
		{"half-open", func(rt *route) { rt.circuit = *inState(HalfOpen, provider) }, claim{generation: 2, permit: 3}, true},
		{"misconfigured", func(rt *route) { rt.circuit = *inState(Open, config) }, claim{}, false},
	} {
		rt := newTestRouter(t, Config{}, 1).routes[0]
		c.state(rt)
		rt.setTroubled(at(-1))
		got, ok := rt.claim(epoch)
		if got != c.want || ok != c.ok {
			t.Errorf("%s: got %+v, %t", c.name, got, ok)
		}
		if joined := rt.join(); joined != (claim{generation: rt.circuit.generation}) {
			t.Errorf("%s: who goes on joins with %+v", c.name, joined)
		}
	}
}

type named struct {
	stub
	provider, name string
}

func (n named) Names() (provider, route string) { return n.provider, n.name }

type wrapper struct{ mailer.Sender }

func (w wrapper) Unwrap() mailer.Sender { return w.Sender }

type many []mailer.Sender

func (m many) Send(context.Context, *mailer.Message) (*mailer.Receipt, error) { return nil, nil }
func (m many) Unwrap() []mailer.Sender                                        { return m }

type bare struct{}

func (bare) Send(context.Context, *mailer.Message) (*mailer.Receipt, error) { return nil, nil }

// TestNewRoute: what a route knows of its Sender, also through wrappers.
func TestNewRoute(t *testing.T) {
	r := newTestRouter(t, Config{Routes: []Route{
		{Sender: wrapper{named{stub{mailer.Capabilities{MaxRecipients: 7}}, "acs", "eu"}}},
		{Sender: named{provider: "acs", name: "us"}, Name: "mine", MaxInFlight: 2, Weight: -1},
		{Sender: bare{}, MaxInFlight: -1},
		{Sender: wrapper{many{bare{}}}, Name: "both"},
	}}, 0)
	type known struct {
		name, provider string
		weight         int
		nested, picky  bool
		slots          int
		caps           mailer.Capabilities
	}
	want := []known{
		{"eu", "acs", 1, false, true, 0, mailer.Capabilities{MaxRecipients: 7}},
		{"mine", "acs", 0, false, true, 2, mailer.Capabilities{}},
		{"route 3", "", 1, false, false, 0, mailer.Capabilities{Features: everything}},
		{"both", "", 1, true, false, 0, mailer.Capabilities{Features: everything}},
	}
	for i, rt := range r.routes {
		got := known{rt.Name, rt.provider, rt.Weight, rt.nested, rt.picky, cap(rt.slots), rt.caps}
		if got != want[i] || rt.index != i {
			t.Errorf("got %+v, want %+v", got, want[i])
		}
	}
}

func TestPicky(t *testing.T) {
	all := stub{mailer.Capabilities{Features: everything}}
	for name, c := range map[string]struct {
		route Route
		want  bool
	}{
		"none":       {Route{Sender: all}, false},
		"from":       {Route{Sender: all, FromDomains: []string{"x"}}, true},
		"to":         {Route{Sender: all, ToDomains: []string{"x"}}, true},
		"tags":       {Route{Sender: all, Tags: []string{"x"}}, true},
		"recipients": {Route{Sender: stub{mailer.Capabilities{Features: everything, MaxRecipients: 1}}}, true},
		"essential":  {Route{Sender: stub{mailer.Capabilities{Features: everything &^ mailer.FeatureInline}}}, true},
		"advisory":   {Route{Sender: stub{mailer.Capabilities{Features: mailer.Essential}}}, false},
	} {
		if got := newTestRouter(t, Config{Routes: []Route{c.route}}, 0).routes[0].picky; got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestCheckDomains(t *testing.T) {
	given := []string{"EXAMPLE.com", "*.B.example", "bücher.example"}
	got, err := checkDomains(given)
	if want := []string{"example.com", "*.b.example", "xn--bcher-kva.example"}; err != nil || !slices.Equal(got, want) || given[0] != "EXAMPLE.com" {
		t.Errorf("got %v of %v, error %v", got, given, err)
	}
	for _, bad := range []string{"", "*", "a b", "ann@example.com", "*.*.example", "example.com,example.net"} {
		if got, err := checkDomains([]string{bad}); err == nil {
			t.Errorf("%q is %v", bad, got)
		}
	}
}

// TestNothingPassedOver: where every route is free again by the time that the error is made, it says
// so in words, and that the message may be sent again.
func TestNothingPassedOver(t *testing.T) {
	s := &send{r: newTestRouter(t, Config{}, 2)}
	e := &mailer.SendError{Receipt: new(mailer.Receipt), Outcome: mailer.NotAccepted}
	s.weighPassed(e, epoch)
	if e.Error() != errNoRoute.Error() || !e.Temporary || e.Scope != mailer.ScopeProvider {
		t.Errorf("%v: %+v", e, e)
	}
}
