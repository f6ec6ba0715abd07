package router_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/mailertest"
	"github.com/mailkeel/mailkeel/mailer/router"
)

// alone keeps attempts from getting company, so that time alone ends them.
var alone = router.Config{StartLimit: -1}

// Each route has its slice, each that is left its minimum, and the send returns in time (P13).
func TestSlices(t *testing.T) {
	const least = 3 * time.Second
	for _, c := range []struct {
		limit time.Duration
		tried int
	}{
		{2 * time.Minute, 3}, {30 * time.Second, 3}, {9 * time.Second, 3}, {8 * time.Second, 2}, {6 * time.Second, 2},
		{5 * time.Second, 1}, {2 * time.Second, 1}, {time.Millisecond, 1},
	} {
		t.Run(c.limit.String(), func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				p := []*provider{always("a", blackHole()), always("b", blackHole()), always("c", blackHole())}
				m := start(t, alone, p[0], p[1], p[2])
				began := time.Now()
				deadline := began.Add(c.limit)
				account, e := m.send(within(t, c.limit), letter(1))
				if late := time.Since(deadline); late > 100*time.Millisecond || late < 0 {
					t.Errorf("it returned %v after the deadline", late)
				}
				expect(t, "outcome", e.Outcome, mailer.NotAccepted)
				expect(t, "attempts", len(tried(account)), c.tried)
				for i := range c.tried {
					call := p[i].seen()[0]
					further := time.Duration(c.tried-i-1) * least
					if left := deadline.Sub(call.commitBy); left < further || i == c.tried-1 && left != 0 {
						t.Errorf("route %d may use up all but %v", i, left)
					}
					if slice := call.commitBy.Sub(call.at); slice < min(least, c.limit) {
						t.Errorf("route %d has %v", i, slice)
					}
				}
			})
		})
	}
}

// Who comes last has all the time that those before left over.
func TestLastSlice(t *testing.T) {
	virtual(t, func(t *testing.T) {
		last := scripted("c", slowly(25*time.Second, 0))
		m := start(t, alone, scripted("a", down()), scripted("b", down()), last)
		m.must(within(t, 30*time.Second), letter(1))
		expect(t, "slice", last.seen()[0].commitBy.Sub(last.seen()[0].at), 30*time.Second)
	})
}

// MinSlice is a choice; without one the first route may use up everything.
func TestMinSlice(t *testing.T) {
	for _, c := range []struct {
		least, slice time.Duration
	}{{-1, 20 * time.Second}, {9 * time.Second, 9 * time.Second}, {11 * time.Second, 20 * time.Second}} {
		virtual(t, func(t *testing.T) {
			a := always("a", blackHole())
			m := start(t, router.Config{StartLimit: -1, MinSlice: c.least}, a, always("b", blackHole()))
			_, e := m.send(within(t, 20*time.Second), letter(1))
			expect(t, "slice", a.seen()[0].commitBy.Sub(a.seen()[0].at), c.slice)
			expect(t, "outcome", e.Outcome, mailer.NotAccepted)
		})
	}
}

// Without a deadline there are 30 s to the boundary, and as much as it takes after it.
func TestWithoutDeadline(t *testing.T) {
	for _, c := range []struct {
		name    string
		limit   time.Duration
		step    mailertest.Step
		outcome mailer.Outcome
		took    time.Duration
	}{
		{"not in time", 0, blackHole(), mailer.NotAccepted, 30 * time.Second},
		{"not in the time it had", time.Minute, blackHole(), mailer.NotAccepted, time.Minute},
		{"just in time", 0, slowly(29*time.Second, 0), mailer.Accepted, 29 * time.Second},
		{"late answer", 0, slowly(10*time.Second, 80*time.Second), mailer.Accepted, 90 * time.Second},
		{"no limit", -1, slowly(time.Hour, time.Hour), mailer.Accepted, 2 * time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				m := start(t, router.Config{CommitLimit: c.limit}, scripted("a", c.step))
				began := time.Now()
				account, _ := m.send(context.Background(), letter(1))
				expect(t, "outcome", account.Outcome, c.outcome)
				expect(t, "time", time.Since(began), c.took)
			})
		})
	}
}

// What the end of ctx means depends on the boundary; whose fault it is does not.
func TestCallerGivesUp(t *testing.T) {
	for _, c := range []struct {
		name    string
		step    mailertest.Step
		cancel  bool
		outcome mailer.Outcome
		is      error
	}{
		{"cancelled before", blackHole(), true, mailer.NotAccepted, context.Canceled},
		{"cancelled after", silence(), true, mailer.Unknown, context.Canceled},
		{"deadline before", slowly(time.Minute, 0), false, mailer.NotAccepted, context.DeadlineExceeded},
		{"deadline after", silence(), false, mailer.Unknown, context.DeadlineExceeded},
	} {
		for _, delivery := range []mailer.Delivery{mailer.AtMostOnce, mailer.AtLeastOnce} {
			t.Run(c.name+", "+delivery.String(), func(t *testing.T) {
				virtual(t, func(t *testing.T) {
					m := start(t, router.Config{StartLimit: -1, DoubtLimit: -1, MinSlice: -1}, scripted("a", c.step), scripted("b"))
					const limit = 10 * time.Second
					ctx := within(t, limit)
					if c.cancel {
						var cancel context.CancelFunc
						ctx, cancel = context.WithCancel(t.Context())
						time.AfterFunc(limit, cancel)
					}
					msg := letter(1)
					msg.Delivery = delivery
					began := time.Now()
					account, e := m.send(ctx, msg)
					expect(t, "time", time.Since(began), limit)
					expect(t, "outcome", e.Outcome, c.outcome)
					expect(t, "scope", e.Scope, mailer.ScopeCaller)
					expect(t, "trace", trace(account), "a stop")
					if !errors.Is(e, c.is) || errors.Is(e, mailer.ErrUnavailable) {
						t.Errorf("%v is not %v", e, c.is)
					}
					expect(t, "state", m.state("a").State, router.Closed)
				})
			})
		}
	}
}

// A caller who gives up again and again does not make a route rest.
func TestCallerIsNoEvidence(t *testing.T) {
	virtual(t, func(t *testing.T) {
		m := start(t, alone, always("a", blackHole()))
		for i := range 20 {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			_, e := m.send(ctx, letter(i))
			expect(t, "scope", e.Scope, mailer.ScopeCaller)
		}
		expect(t, "state", m.state("a").State, router.Closed)
	})
}

// An attempt that used up its own slice is the provider's fault, and the message goes on.
func TestSliceUsedUp(t *testing.T) {
	virtual(t, func(t *testing.T) {
		m := start(t, alone, always("a", blackHole()), healthy("b"))
		account := m.must(within(t, 20*time.Second), letter(1))
		expect(t, "trace", trace(account), "a next route, b done")
		expect(t, "scope", account.Attempts[0].Scope, mailer.ScopeProvider)
	})
}

// Nothing is tried after the deadline, also where the first did not heed it.
func TestNothingAfterTheDeadline(t *testing.T) {
	virtual(t, func(t *testing.T) {
		step := down()
		step.Before = deaf(10 * time.Second)
		b := scripted("b")
		m := start(t, alone, scripted("a", step), b)
		account, _ := m.send(within(t, 5*time.Second), letter(1))
		expect(t, "trace", trace(account), "a stop")
		expect(t, "calls of b", len(b.seen()), 0)
	})
}

// The end of ctx is left to ctx: a gate has no time of its own for the last route.
func TestDeadlineIsTheCallers(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var commitBy time.Time
		a := doing(func(ctx context.Context, _ *mailer.Message) (*mailer.Receipt, error) {
			commitBy = mailer.GateFrom(ctx).CommitBy
			return &mailer.Receipt{Outcome: mailer.Accepted}, nil
		})
		m := start(t, router.Config{Routes: []router.Route{{Name: "a", Sender: a}}})
		if _, err := m.Send(within(t, 20*time.Second), letter(1)); err != nil {
			t.Fatal(err)
		}
		expect(t, "commit by", commitBy, time.Time{})
	})
}

// An inner router keeps to the sooner of its own limit and that of the attempt it is for.
func TestSoonerLimit(t *testing.T) {
	for limit, want := range map[time.Duration]time.Duration{5 * time.Second: 5 * time.Second, -1: 30 * time.Second, time.Hour: 30 * time.Second} {
		virtual(t, func(t *testing.T) {
			a := healthy("inner/a")
			m := start(t, router.Config{StartLimit: -1, Routes: []router.Route{nest(t, "inner", router.Config{CommitLimit: limit}, a)}})
			m.must(context.Background(), letter(1))
			expect(t, "commit by", a.seen()[0].commitBy.Sub(a.seen()[0].at), want)
		})
	}
}

// A Sender that takes the end of its slice for the caller's doing: the rest of the recipients goes on.
func TestSliceIsNotTheCallers(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := doing(func(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
			time.Sleep(time.Until(mailer.GateFrom(ctx).CommitBy))
			e := &mailer.SendError{Receipt: new(mailer.Receipt), Outcome: mailer.NotAccepted, Scope: mailer.ScopeCaller, Err: context.DeadlineExceeded}
			for _, address := range msg.Recipients() {
				r := mailer.RecipientResult{Address: address, Outcome: mailer.NotAccepted, Scope: mailer.ScopeCaller}
				if address == bob {
					r.Scope = mailer.ScopeRecipient
				}
				e.Receipt.Recipients = append(e.Receipt.Recipients, r)
			}
			return nil, e
		})
		m := start(t, router.Config{StartLimit: -1, Routes: []router.Route{{Name: "a", Sender: a}, through(healthy("b"))}})
		account, _ := m.send(within(t, 20*time.Second), crowd(1))
		expect(t, "trace", trace(account), "a next route, b done")
		expect(t, "outcomes", outcomes(account), "accepted by b; not_accepted by a; accepted by b; ")
	})
}
