package simmail_test

import (
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/internal/simmail"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/observe"
)

// call is one at "a" that was accepted, unless edit says otherwise.
func call(n int, start, end time.Duration, edit func(*simmail.Call)) *simmail.Call {
	m := simmail.NewMail(n, simmail.Good, start).Msg
	c := &simmail.Call{
		Provider: "a", Msg: m, Number: 1, Start: start, End: end, Committed: end, Recipients: m.Recipients(),
		Copies: m.Recipients(), Outcome: mailer.Accepted, Code: 250, Phase: mailer.PhaseDone,
	}
	if edit != nil {
		edit(c)
	}
	return c
}

// history is what the calls amount to, each of a message of its own of which the sender was told the truth.
func history(states []observe.State, calls ...*simmail.Call) *simmail.History {
	h := &simmail.History{Providers: []string{"a"}, States: states, Calls: calls, Closed: time.Hour}
	for _, c := range calls {
		r := &mailer.Receipt{Outcome: c.Outcome, Attempts: []mailer.Attempt{{
			Start: time.Time{}.Add(c.Start), Route: c.Provider, Phase: c.Phase, Outcome: c.Outcome, Scope: c.Scope, Code: c.Code,
		}}}
		for _, address := range c.Recipients {
			r.Recipients = append(r.Recipients, mailer.RecipientResult{Address: address, Outcome: c.Outcome})
		}
		s := &simmail.Sent{Mail: simmail.Mail{Msg: c.Msg, Kind: simmail.Good, At: c.Start}, Start: c.Start, End: c.End, Receipt: r}
		if c.Outcome != mailer.Accepted {
			s.Receipt, s.Err = nil, &mailer.SendError{Receipt: r, Outcome: c.Outcome}
		}
		h.Sent = append(h.Sent, s)
	}
	return h
}

func state(at time.Duration, to string) observe.State {
	return observe.State{Route: "a", Time: time.Time{}.Add(at), To: to}
}

func refused(c *simmail.Call) {
	c.Outcome, c.Scope, c.Copies, c.Code = mailer.NotAccepted, mailer.ScopeProvider, nil, 421
}

const second = time.Second

// TestChecks is about what the mini cannot show: the promises about speed and states.
func TestChecks(t *testing.T) {
	outage := &simmail.Outage{Provider: "a", From: second, Until: 20 * second}
	slow := &simmail.Outage{Provider: "a", From: second, Until: 20 * second, Late: second, MayBeLate: 1}
	shared := &simmail.Outage{Provider: "a", From: second, Until: 20 * second, LastResort: true}
	back := &simmail.Outage{Provider: "a", From: second, Until: 20 * second, Back: 40 * second}
	five := func(more ...*simmail.Call) (calls []*simmail.Call) {
		for i := range 5 {
			calls = append(calls, call(i, 2*second+time.Duration(i), 3*second, refused))
		}
		return append(calls, more...)
	}
	for _, c := range []struct {
		name     string
		promises simmail.Promises
		history  *simmail.History
		want     string
	}{
		{"one goes first", simmail.Promises{}, history([]observe.State{state(second, "half-open")}, call(1, 2*second, 3*second, nil), call(2, 4*second, 5*second, nil)), ""},
		{"two go first", simmail.Promises{}, history([]observe.State{state(second, "half-open")}, call(1, 2*second, 4*second, nil), call(2, 3*second, 5*second, nil)), "P10"},
		{"closed in the meantime", simmail.Promises{}, history([]observe.State{state(second, "half-open"), state(2*second+1, "closed")}, call(1, 2*second, 4*second, nil), call(2, 3*second, 5*second, nil)), ""},
		{"one is late", simmail.Promises{Outage: slow}, history(nil, call(1, 2*second, 8*second, nil), call(2, 4*second, 5*second, nil)), ""},
		{"two are late", simmail.Promises{Outage: slow}, history(nil, call(1, 2*second, 8*second, nil), call(2, 4*second, 8*second, nil)), "G8"},
		{"five failures are allowed", simmail.Promises{Outage: outage}, history(nil, five()...), ""},
		{"a sixth is not", simmail.Promises{Outage: outage}, history(nil, five(call(9, 4*second, 5*second, refused))...), "P10"},
		{"the last resort, once a second", simmail.Promises{Outage: shared}, history(nil, five(call(8, 4*second, 4*second+1, refused), call(9, 5*second, 5*second+1, refused))...), ""},
		{"the last resort, too often", simmail.Promises{Outage: shared}, history(nil, five(call(8, 4*second, 4*second+1, refused), call(9, 5*second-1, 5*second, refused))...), "P10"},
		{"back in time", simmail.Promises{Outage: back}, history(nil, five(call(9, 30*second, 31*second, nil))...), ""},
		{"back too late", simmail.Promises{Outage: back}, history(nil, five(call(9, 41*second, 42*second, nil))...), "P11"},
		{"an open route", simmail.Promises{Poisoned: true}, history([]observe.State{state(second, "open")}), "P12"},
		{"good at last", simmail.Promises{GoodFrom: second, Primary: "a"}, history(nil, call(1, 2*second, 3*second, nil)), ""},
		{"a detour for ever", simmail.Promises{GoodFrom: second, Primary: "b"}, history(nil, call(1, 2*second, 3*second, nil)), "P11"},
		{"refused for ever", simmail.Promises{GoodFrom: second}, history(nil, call(1, 2*second, 3*second, refused)), "P11"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.promises.Retries = -1
			got := ""
			if problems := c.history.Check(c.promises); len(problems) > 0 {
				got = problems[0].Promise
			}
			if got != c.want {
				t.Errorf("got %q, want %q: %v", got, c.want, c.history.Check(c.promises))
			}
		})
	}
}
