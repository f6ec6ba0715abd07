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

// An askable provider says what became of a message.
type askable struct {
	*provider
	answer func(ctx context.Context) (mailer.Outcome, error)
}

func (a askable) Resolve(ctx context.Context, _ *mailer.Message) (mailer.Outcome, error) {
	return a.answer(ctx)
}

func says(outcome mailer.Outcome, err error) func(context.Context) (mailer.Outcome, error) {
	return func(context.Context) (mailer.Outcome, error) { return outcome, err }
}

// A keyed provider recognises a message by its key for a while.
type keyed struct {
	*provider
	window  time.Duration
	repeats mailertest.Recorder // what it recognised
	losing  bool                // the replies about those are lost too
}

func (k *keyed) Capabilities() mailer.Capabilities {
	c := k.provider.Capabilities()
	c.ReplayWindow = k.window
	return c
}

func (k *keyed) Send(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
	first := k.seen()
	switch {
	case len(first) == 0 || time.Since(first[0].at) >= k.window || !k.knows(msg.IdempotencyKey):
	case k.losing:
		k.Add(lost(false)) // there is no second copy
	default:
		k.mu.Lock()
		k.calls = append(k.calls, call{at: time.Now(), msg: msg})
		k.mu.Unlock()
		return k.repeats.Send(ctx, msg)
	}
	return k.provider.Send(ctx, msg)
}

func (k *keyed) knows(key string) bool {
	for _, c := range k.Kept() {
		if c.Message.IdempotencyKey == key {
			return true
		}
	}
	return false
}

// Nobody else gets a message that may be under way.
func TestUnknownStops(t *testing.T) {
	for _, kept := range []bool{true, false} {
		virtual(t, func(t *testing.T) {
			a, b := scripted("a", lost(kept)), scripted("b")
			m := start(t, router.Config{}, a, b)
			account, e := m.send(t.Context(), letter(1))
			expect(t, "trace", trace(account), "a stop")
			expect(t, "outcome", e.Outcome, mailer.Unknown)
			if !errors.Is(e, mailer.ErrUnknownOutcome) || errors.Is(e, mailer.ErrUnavailable) || e.Temporary || e.Elsewhere {
				t.Errorf("%v, temporary %v, elsewhere %v", e, e.Temporary, e.Elsewhere)
			}
			expect(t, "calls of b", len(b.seen()), 0)
		})
	}
}

// An error without a verdict is no refusal.
func TestErrorWithoutVerdict(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := scripted("b")
		m := start(t, router.Config{Routes: []router.Route{{Name: "a", Sender: failing{}}, through(b)}})
		_, e := m.send(t.Context(), letter(1))
		expect(t, "outcome", e.Outcome, mailer.Unknown)
		expect(t, "calls of b", len(b.seen()), 0)
	})
}

// What the provider says about a message whose reply was lost is believed.
func TestAsk(t *testing.T) {
	for _, c := range []struct {
		name    string
		kept    bool
		answer  func(context.Context) (mailer.Outcome, error)
		limit   time.Duration
		trace   string
		outcome mailer.Outcome
		took    time.Duration
	}{
		{"it has it", true, says(mailer.Accepted, nil), 0, "a ask, a done", mailer.Accepted, 0},
		{"it has it not", false, says(mailer.NotAccepted, nil), 0, "a ask, a next route, b done", mailer.Accepted, 0},
		{"it cannot say", true, says(mailer.Unknown, nil), 0, "a ask, a stop", mailer.Unknown, 0},
		{"it answers nonsense", true, says(mailer.PartlyAccepted, nil), 0, "a ask, a stop", mailer.Unknown, 0},
		{"it cannot be asked", true, says(mailer.NotAccepted, errRefused), 0, "a ask, a stop", mailer.Unknown, 0},
		{"it takes too long", true, never, 0, "a ask, a stop", mailer.Unknown, 5 * time.Second},
		{"it takes longer than it may", true, never, time.Second, "a ask, a stop", mailer.Unknown, time.Second},
		{"it is not to be asked", true, says(mailer.Accepted, nil), -1, "a stop", mailer.Unknown, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				m := start(t, router.Config{AskLimit: c.limit}, askable{scripted("a", lost(c.kept)), c.answer}, healthy("b"))
				began := time.Now()
				account, _ := m.send(t.Context(), letter(1))
				expect(t, "trace", trace(account), c.trace)
				expect(t, "outcome", account.Outcome, c.outcome)
				expect(t, "time", time.Since(began), c.took)
				if asked := account.Attempts[len(account.Attempts)-1]; c.outcome == mailer.Unknown {
					expect(t, "outcome of the last attempt", asked.Outcome, mailer.Unknown)
				}
			})
		})
	}
}

func never(ctx context.Context) (mailer.Outcome, error) {
	<-ctx.Done()
	return mailer.Unknown, ctx.Err()
}

// When the provider has it not and nobody else takes it, the verdict is a refusal again.
func TestAskedAndThenRefused(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := askable{scripted("a", lost(false)), says(mailer.NotAccepted, nil)}
		m := start(t, router.Config{MaxAttempts: 2}, a, scripted("b", down()))
		account, e := m.send(t.Context(), letter(1))
		expect(t, "trace", trace(account), "a ask, a next route, b stop")
		expect(t, "outcome", e.Outcome, mailer.NotAccepted)
	})
}

// A provider that knows the message by its key gets it again, as long as it surely does.
func TestReplay(t *testing.T) {
	for _, c := range []struct {
		name    string
		window  time.Duration
		kept    bool
		trace   string
		outcome mailer.Outcome
	}{
		{"it has it", 33 * time.Second, true, "a replay, a done", mailer.Accepted},
		{"it has it not", 33 * time.Second, false, "a replay, a done", mailer.Accepted},
		{"it may have forgotten the key", 32 * time.Second, true, "a stop", mailer.Unknown},
		{"it knows no keys", 0, true, "a stop", mailer.Unknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				late := lost(c.kept)
				late.After = mailertest.For(2 * time.Second)
				a, b := &keyed{provider: scripted("a", late, mailertest.Step{}), window: c.window}, scripted("b")
				m := start(t, router.Config{}, a, b)
				account, _ := m.send(t.Context(), letter(1))
				expect(t, "trace", trace(account), c.trace)
				expect(t, "outcome", account.Outcome, c.outcome)
				if n := a.copies(account.MessageID, "ann@example.net"); n > 1 {
					t.Errorf("%d copies", n)
				}
				expect(t, "calls of b", len(b.seen()), 0)
			})
		})
	}
}

// The replay goes under the key of the first attempt, and MaxAttempts counts it.
func TestReplayIsBounded(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := &keyed{provider: scripted("a", lost(false), lost(false), lost(false)), window: time.Hour}
		m := start(t, router.Config{}, a, scripted("b"))
		account, e := m.send(t.Context(), letter(1))
		expect(t, "trace", trace(account), "a replay, a replay, a stop")
		expect(t, "outcome", e.Outcome, mailer.Unknown)
		for _, c := range a.seen() {
			expect(t, "key", c.msg.IdempotencyKey, "1@shop.example")
		}
	})
}

// A message that may arrive twice goes on, and arrives once more for each doubt at most.
func TestAtLeastOnce(t *testing.T) {
	for _, c := range []struct {
		name         string
		a, b, c      mailertest.Step
		trace        string
		outcome      mailer.Outcome
		copiesAtMost int
	}{
		{"the second takes it", lost(true), mailertest.Step{}, down(), "a next route, b done", mailer.Accepted, 2},
		{"the third takes it", lost(true), lost(true), mailertest.Step{}, "a next route, b next route, c done", mailer.Accepted, 3},
		{"refused, in doubt, taken", down(), lost(false), mailertest.Step{}, "a next route, b next route, c done", mailer.Accepted, 1},
		{"in doubt, then refused", lost(true), down(), down(), "a next route, b next route, c stop", mailer.Unknown, 1},
		{"in doubt, then a bad address", lost(true), refused(mailer.ScopeRecipient, 0, 550), down(), "", mailer.Unknown, 1},
		{"in doubt everywhere", lost(true), lost(true), lost(true), "a next route, b next route, c stop", mailer.Unknown, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				a, b, third := scripted("a", c.a), scripted("b", c.b), scripted("c", c.c)
				m := start(t, router.Config{}, a, b, third)
				account, e := m.send(t.Context(), doubled(1))
				if got := trace(account); c.trace != "" && got != c.trace {
					t.Errorf("trace: got %q, want %q", got, c.trace)
				}
				expect(t, "outcome", account.Outcome, c.outcome)
				if n := len(a.Kept()) + len(b.Kept()) + len(third.Kept()); n > c.copiesAtMost {
					t.Errorf("P5: %d copies", n)
				}
				if c.outcome == mailer.Unknown && (!errors.Is(e, mailer.ErrUnknownOutcome) || errors.Is(e, mailer.ErrUnavailable)) {
					t.Errorf("%v", e)
				}
			})
		})
	}
}

// The delivery that a router is set up with is that of messages that leave it open.
func TestDeliveryOfTheRouter(t *testing.T) {
	virtual(t, func(t *testing.T) {
		m := start(t, router.Config{Delivery: mailer.AtLeastOnce}, scripted("a", lost(false), lost(false)), healthy("b"))
		m.must(t.Context(), letter(1))
		once := letter(2)
		once.Delivery = mailer.AtMostOnce
		if _, e := m.send(t.Context(), once); e == nil || e.Outcome != mailer.Unknown {
			t.Errorf("at most once: %v", e)
		}
	})
}

// An answer is not awaited for ever where a second copy does no harm.
func TestDoubtLimit(t *testing.T) {
	for _, c := range []struct {
		name  string
		limit time.Duration
		time  time.Duration // until ctx ends
		took  time.Duration
	}{
		{"default", 0, time.Minute, 10 * time.Second},
		{"shorter", 2 * time.Second, time.Minute, 2 * time.Second},
		{"as long as the next route has time", 0, 8 * time.Second, 5 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				m := start(t, router.Config{DoubtLimit: c.limit}, scripted("a", silence()), healthy("b"))
				began := time.Now()
				account := m.must(within(t, c.time), doubled(1))
				expect(t, "trace", trace(account), "a next route, b done")
				expect(t, "time", time.Since(began), c.took)
				expect(t, "outcome of a", account.Attempts[0].Outcome, mailer.Unknown)
				expect(t, "scope of a", account.Attempts[0].Scope, mailer.ScopeProvider)
			})
		})
	}
}

// Without another route, or with a message that must not arrive twice, the answer is awaited.
func TestNoDoubtLimit(t *testing.T) {
	late := slowly(0, 40*time.Second)
	for name, msg := range map[string]*mailer.Message{"at most once": letter(1), "nowhere to go": doubled(1)} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				b := always("b", down()).lacking(mailer.FeatureHeaders)
				if msg.Delivery == mailer.AtLeastOnce {
					msg.Headers = mailer.Header{{Name: "X-Order", Value: "7"}}
				}
				m := start(t, router.Config{}, scripted("a", late), b)
				began := time.Now()
				m.must(within(t, time.Minute), msg)
				expect(t, "time", time.Since(began), 40*time.Second)
			})
		})
	}
}

// The error of a doubt names the route that is in doubt, and what the others said.
func TestTextOfADoubt(t *testing.T) {
	virtual(t, func(t *testing.T) {
		m := start(t, router.Config{}, scripted("alpha", lost(true)), scripted("beta", down()), scripted("gamma", forbidden()))
		account, e := m.send(t.Context(), doubled(1))
		expect(t, "route", account.Route, "alpha")
		for _, part := range []string{"alpha-mail: ", "beta: ", "gamma: ", "outcome unknown"} {
			if !strings.Contains(e.Error(), part) {
				t.Errorf("%q says nothing of %q", e, part)
			}
		}
	})
}

// Nothing runs beside a replay, however slow it is to start.
func TestReplayIsAlone(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := scripted("b")
		a := &keyed{provider: scripted("a", lost(false), slowly(2*time.Second, 0)), window: time.Hour}
		m := start(t, router.Config{}, a, b)
		expect(t, "trace", trace(m.must(t.Context(), letter(1))), "a replay, a done")
		expect(t, "calls of b", len(b.seen()), 0)
	})
}

// Who is in doubt at one provider is not in the replay at another.
func TestReplayForItsOwn(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := scripted("a", mailertest.Step{Kept: true, Recipients: map[string]*mailer.SendError{
			ann: {Scope: mailer.ScopeProvider, Err: errReset}, bob: refusal(mailer.ScopeProvider, elsewhere, 451),
		}})
		b := &keyed{provider: scripted("b", lost(false), mailertest.Step{}), window: time.Hour}
		m := start(t, router.Config{}, a, b)
		account, _ := m.send(t.Context(), crowd(1))
		expect(t, "outcomes", outcomes(account), "unknown by a; accepted by b; accepted by a; ")
		for _, c := range b.seen() {
			expect(t, "recipients of b", len(c.msg.Recipients()), 1)
		}
	})
}

// The window begins with the first of the attempts, and after it a message that may arrive
// twice goes on as itself.
func TestReplayWindowIsTheFirsts(t *testing.T) {
	virtual(t, func(t *testing.T) {
		late := lost(false)
		late.After = mailertest.For(2 * time.Second)
		a := &keyed{provider: scripted("a", late, late), window: 33 * time.Second}
		b := healthy("b")
		m := start(t, router.Config{Routes: []router.Route{{Name: "a", Sender: a, From: mailer.Address{Address: "a@other.example"}}, through(b)}})
		account := m.must(t.Context(), doubled(1))
		expect(t, "trace", trace(account), "a replay, a next route, b done")
		expect(t, "author at b", b.seen()[0].msg.From.Address, "orders@shop.example")
	})
}

// Replays are paid for as retries are.
func TestReplayBudget(t *testing.T) {
	virtual(t, func(t *testing.T) {
		no, yes := lost(false), mailertest.Step{}
		a := &keyed{provider: scripted("a", no, no, no, yes, no, no, no), window: time.Hour}
		m := start(t, router.Config{}, a)
		for i, want := range []string{"a replay, a replay, a stop", "a done", "a replay, a stop"} {
			account, _ := m.send(t.Context(), letter(i))
			expect(t, "trace", trace(account), want)
		}
	})
}

// Nothing is replayed at a route that has come to rest in the meantime.
func TestNoReplayAtRest(t *testing.T) {
	virtual(t, func(t *testing.T) {
		late := lost(false)
		late.After = mailertest.For(500 * time.Millisecond)
		a := &keyed{provider: scripted("a", late, forbidden()), window: time.Hour}
		m := start(t, router.Config{}, a)
		time.AfterFunc(100*time.Millisecond, func() { _, _ = m.Send(context.Background(), letter(2)) })
		account, _ := m.send(t.Context(), letter(1))
		expect(t, "trace", trace(account), "a stop")
	})
}

// A doubt is taken up again at the same route where there is no other.
func TestAtLeastOnceRetries(t *testing.T) {
	virtual(t, func(t *testing.T) {
		m := start(t, router.Config{}, scripted("a", lost(false), mailertest.Step{}))
		expect(t, "trace", trace(m.must(t.Context(), doubled(1))), "a retry, a done")
	})
}

// What was refused for good after a doubt goes no further.
func TestRefusedAfterADoubt(t *testing.T) {
	for name, step := range map[string]mailertest.Step{
		"a bad address":         refused(mailer.ScopeRecipient, 0, 550),
		"a full mailbox":        refused(mailer.ScopeRecipient, temporary, 452),
		"a bad message":         refused(mailer.ScopeMessage, 0, 554),
		"a bad message for now": refused(mailer.ScopeMessage, temporary, 451),
		"it is refused":         refused(mailer.ScopeProvider, 0, 554),
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				c := scripted("c")
				m := start(t, router.Config{}, scripted("a", lost(true)), scripted("b", step), c)
				account, _ := m.send(t.Context(), doubled(1))
				expect(t, "trace", trace(account), "a next route, b stop")
				expect(t, "outcome", account.Outcome, mailer.Unknown)
				expect(t, "calls of c", len(c.seen()), 0)
			})
		})
	}
}

// A Sender that closes long after the boundary leaves a doubt, not a refusal.
func TestSenderClosesAfterTheBoundary(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := scripted("a", silence())
		m := start(t, alone, a)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		time.AfterFunc(time.Minute, func() { _ = a.Script.Close(ended) })
		account, e := m.send(context.Background(), letter(1))
		expect(t, "outcome", account.Outcome, mailer.Unknown)
		expect(t, "cause", errors.Is(e, mailer.ErrClosed), true)
		expect(t, "scope", e.Scope, mailer.ScopeCaller)
	})
}

// Partly, and nobody said for whom: everybody is in doubt.
func TestPartlyForNobodyKnowsWhom(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := scripted("b")
		a := doing(func(context.Context, *mailer.Message) (*mailer.Receipt, error) {
			r := &mailer.Receipt{Outcome: mailer.PartlyAccepted}
			return r, &mailer.SendError{Receipt: r, Outcome: r.Outcome, Scope: mailer.ScopeProvider, Elsewhere: true}
		})
		m := start(t, router.Config{Routes: []router.Route{{Name: "a", Sender: a}, through(b)}})
		account, _ := m.send(t.Context(), crowd(1))
		expect(t, "outcomes", outcomes(account), "unknown by a; unknown by a; unknown by a; ")
		expect(t, "calls of b", len(b.seen()), 0)
	})
}

// A doubt that ends in time leaves half of it, and says nothing of another try.
func TestEndOfADoubt(t *testing.T) {
	for _, c := range []struct {
		limit, time, took time.Duration
	}{{0, 4 * time.Second, 2 * time.Second}, {500 * time.Millisecond, time.Minute, 500 * time.Millisecond}} {
		virtual(t, func(t *testing.T) {
			m := start(t, router.Config{DoubtLimit: c.limit, MaxAttempts: 2}, scripted("a", silence()), scripted("b", refused(mailer.ScopeProvider, elsewhere, 0)))
			began := time.Now()
			account, _ := m.send(within(t, c.time), doubled(1))
			expect(t, "time", time.Since(began), c.took)
			if r := account.Recipients[0]; r.Outcome != mailer.Unknown || r.Temporary || r.Elsewhere {
				t.Errorf("%+v", r)
			}
		})
	}
}

// The window of a provider begins with its own doubt, not with one of before.
func TestReplayWindowIsItsOwn(t *testing.T) {
	virtual(t, func(t *testing.T) {
		late := lost(false)
		late.After = mailertest.For(8 * time.Second)
		b := &keyed{provider: scripted("b", lost(false), mailertest.Step{}), window: 36 * time.Second}
		m := start(t, router.Config{DoubtLimit: -1}, scripted("a", late), b)
		expect(t, "trace", trace(m.must(t.Context(), doubled(1))), "a next route, b replay, b done")
	})
}

// A doubt is no refusal, whatever made the router give up waiting.
func TestDoubtIsNotUnavailable(t *testing.T) {
	virtual(t, func(t *testing.T) {
		m := start(t, router.Config{}, scripted("a", silence()), always("b", down()))
		_, e := m.send(t.Context(), doubled(1))
		if !errors.Is(e, mailer.ErrUnknownOutcome) || errors.Is(e, mailer.ErrUnavailable) {
			t.Errorf("%v", e)
		}
	})
}

// Undecided is a Sender that ends without a verdict, after a while.
type undecided struct{ *provider }

func (undecided) Send(ctx context.Context, _ *mailer.Message) (*mailer.Receipt, error) {
	mailer.GateFrom(ctx).Mark(mailer.PhaseConnect)
	time.Sleep(500 * time.Millisecond)
	return nil, errReset
}

// An answer that is on its way is awaited, whatever another attempt says.
func TestCommittedIsAwaited(t *testing.T) {
	virtual(t, func(t *testing.T) {
		m := start(t, router.Config{}, undecided{scripted("a")}, scripted("b", slowly(0, time.Second)))
		m.loose = true
		m.must(t.Context(), letter(1))
	})
}
