package router_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/mailertest"
	"github.com/mailkeel/mailkeel/mailer/router"
)

// A fixed source always yields the same number.
type fixed uint64

func (f fixed) Uint64() uint64 { return uint64(f) }

func drawing(n fixed) func(string) rand.Source {
	return func(string) rand.Source { return n }
}

const (
	least = fixed(0)
	half  = fixed(1 << 52) // Float64 takes 53 bits
	most  = fixed(1<<53 - 1)
)

// The wait before a retry is drawn from zero up to a bound that doubles.
func TestJitter(t *testing.T) {
	for _, c := range []struct {
		name  string
		rand  fixed
		delay time.Duration
		waits []time.Duration
	}{
		{"least", least, 0, []time.Duration{0, 0}},
		{"half", half, 0, []time.Duration{100 * time.Millisecond, 200 * time.Millisecond}},
		{"most", most, 0, []time.Duration{200 * time.Millisecond, 400 * time.Millisecond}},
		{"configured", half, 4 * time.Second, []time.Duration{2 * time.Second, 4 * time.Second}},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				step := refused(mailer.ScopeProvider, elsewhere|temporary, 421)
				a := scripted("a", step, step, mailertest.Step{})
				m := start(t, router.Config{Rand: drawing(c.rand), RetryDelay: c.delay}, a)
				account := m.must(within(t, time.Minute), letter(1))
				expect(t, "trace", trace(account), "a retry, a retry, a done")
				for i, want := range c.waits {
					got := a.seen()[i+1].at.Sub(a.seen()[i].at)
					if d := got - want; d < -time.Microsecond || d > time.Microsecond {
						t.Errorf("wait %d: got %v, want %v", i, got, want)
					}
				}
			})
		})
	}
}

// Chance comes from the key of the message, so that a run can be repeated.
func TestRandIsAskedByKey(t *testing.T) {
	virtual(t, func(t *testing.T) {
		keys := map[string]bool{}
		m := start(t, router.Config{Rand: func(key string) rand.Source {
			keys[key] = true
			return half
		}}, scripted("a", down(), mailertest.Step{}))
		m.must(t.Context(), letter(1))
		if !keys["a"] || !keys["1@shop.example"] || len(keys) != 2 {
			t.Errorf("asked for %v", keys)
		}
	})
}

// What the provider asks to wait is waited, whatever it is that fails, and up to a tenth more by chance.
func TestRetryAfter(t *testing.T) {
	trouble := refused(mailer.ScopeProvider, elsewhere|temporary, 451)
	trouble.Verdict.RetryAfter = 5 * time.Second
	for name, step := range map[string]mailertest.Step{"rate limit": limited(5 * time.Second), "trouble": trouble} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				m := start(t, router.Config{Rand: drawing(half)}, scripted("a", step, mailertest.Step{}))
				began := time.Now()
				account := m.must(within(t, time.Minute), letter(1))
				expect(t, "trace", trace(account), "a retry, a done")
				expect(t, "time", time.Since(began).Round(time.Millisecond), 5250*time.Millisecond)
			})
		})
	}
}

// What cannot be waited for is told to the caller at once.
func TestRetryAfterTheDeadline(t *testing.T) {
	for name, limit := range map[string]time.Duration{"long after": 10 * time.Second, "too late for an attempt": 62 * time.Second} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				m := start(t, router.Config{}, scripted("a", limited(time.Minute)))
				began := time.Now()
				account, e := m.send(within(t, limit), letter(1))
				expect(t, "time", time.Since(began), 0)
				expect(t, "trace", trace(account), "a stop")
				expect(t, "retry after", e.RetryAfter, time.Minute)
				if !errors.Is(e, mailer.ErrRateLimited) {
					t.Errorf("%v", e)
				}
			})
		})
	}
}

// Another route comes before another try.
func TestFailoverBeforeRetry(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a, b := scripted("a", down(), mailertest.Step{}), scripted("b", forbidden())
		m := start(t, router.Config{}, a, b)
		expect(t, "trace", trace(m.must(within(t, time.Minute), letter(1))), "a next route, b retry, a done")
	})
}

// What does not pass is not tried again.
func TestNoRetry(t *testing.T) {
	for _, c := range []struct {
		name string
		cfg  router.Config
		step mailertest.Step
	}{
		{"for good", router.Config{}, refused(mailer.ScopeProvider, elsewhere, 0)},
		{"turned off", router.Config{RetryDelay: -1}, down()},
		{"one attempt", router.Config{MaxAttempts: 1}, down()},
		{"the message's fault", router.Config{}, refused(mailer.ScopeMessage, temporary|elsewhere, 451)},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				m := start(t, c.cfg, scripted("a", c.step))
				account, _ := m.send(t.Context(), letter(1))
				expect(t, "trace", trace(account), "a stop")
			})
		})
	}
}

// Retries cannot multiply the load of a provider in trouble (P9).
func TestRetryBudget(t *testing.T) {
	for _, c := range []struct {
		name        string
		n           int
		pause       time.Duration
		most, least int
	}{
		{"three for a few", 20, 0, 5, 3},
		{"a tenth of many", 2000, time.Millisecond, 210, 150},
		{"three in ten seconds", 20, 5 * time.Second, 16, 8},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				step := refused(mailer.ScopeProvider, elsewhere|temporary, 451)
				a := &alternating{provider: always("a", mailertest.Step{}), bad: step}
				m := start(t, router.Config{Rand: drawing(least)}, a)
				for i := range c.n {
					m.send(t.Context(), letter(i))
					time.Sleep(c.pause)
				}
				if n := len(a.seen()) - c.n; n > c.most || n < c.least {
					t.Errorf("%d retries for %d messages", n, c.n)
				}
			})
		})
	}
}

// Nobody waits for a retry after ctx or the router has ended.
func TestPauseEnds(t *testing.T) {
	virtual(t, func(t *testing.T) {
		m := start(t, router.Config{}, scripted("a", limited(20*time.Second)))
		began := time.Now()
		time.AfterFunc(3*time.Second, func() { _ = m.Close(t.Context()) })
		account, e := m.send(within(t, time.Minute), letter(1))
		expect(t, "time", time.Since(began), 3*time.Second)
		expect(t, "outcome", e.Outcome, mailer.NotAccepted)
		expect(t, "attempts", len(account.Attempts), 1)
	})
}

// Nothing is tried after a pause in which the caller or the router gave up.
func TestNothingAfterThePause(t *testing.T) {
	for _, closes := range []bool{false, true} {
		virtual(t, func(t *testing.T) {
			a := scripted("a", down())
			m := start(t, router.Config{Rand: drawing(most), RetryDelay: 4 * time.Second}, a)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			time.AfterFunc(time.Second, func() {
				if closes {
					_ = m.Close(t.Context())
				} else {
					cancel()
				}
			})
			account, _ := m.send(ctx, letter(1))
			expect(t, "trace", trace(account), "a stop")
			expect(t, "calls", len(a.seen()), 1)
		})
	}
}

// A wait that was drawn longer than there is time for is not begun.
func TestWaitBeyondTheDeadline(t *testing.T) {
	virtual(t, func(t *testing.T) {
		m := start(t, router.Config{Rand: drawing(most), RetryDelay: 4 * time.Second}, scripted("a", down()))
		began := time.Now()
		account, _ := m.send(within(t, 5*time.Second), letter(1))
		expect(t, "trace", trace(account), "a stop")
		expect(t, "time", time.Since(began), 0)
	})
}

// Which of several routes gets the message again: who may take it later, and soonest.
func TestWhereToRetry(t *testing.T) {
	ok := mailertest.Step{}
	never := refused(mailer.ScopeProvider, elsewhere, 0)
	for _, c := range []struct {
		name  string
		a, b  []mailertest.Step
		trace string
		took  time.Duration
	}{
		{"the first of equals", []mailertest.Step{down(), ok}, []mailertest.Step{down()}, "a next route, b retry, a done", 0},
		{"not who refused for good", []mailertest.Step{never}, []mailertest.Step{down(), ok}, "a next route, b retry, b done", 0},
		{"who asked for nothing", []mailertest.Step{down(), ok}, []mailertest.Step{limited(20 * time.Second)}, "a next route, b retry, a done", 0},
		{"the soonest", []mailertest.Step{limited(20 * time.Second)}, []mailertest.Step{limited(5 * time.Second), ok},
			"a next route, b retry, b done", 5 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				m := start(t, router.Config{Rand: drawing(least)}, scripted("a", c.a...), scripted("b", c.b...))
				began := time.Now()
				expect(t, "trace", trace(m.must(within(t, time.Minute), letter(1))), c.trace)
				expect(t, "time", time.Since(began).Round(time.Millisecond), c.took)
			})
		})
	}
}

// What a route refuses for good the second time is not tried there a third time.
func TestRefusedAtTheRetry(t *testing.T) {
	virtual(t, func(t *testing.T) {
		m := start(t, router.Config{}, scripted("a", down(), refused(mailer.ScopeProvider, elsewhere, 0)))
		account, e := m.send(t.Context(), letter(1))
		expect(t, "trace", trace(account), "a retry, a stop")
		expect(t, "temporary", e.Temporary, false)
	})
}

// One recipient who may be taken later is reason enough for a retry.
func TestRetryForOne(t *testing.T) {
	step := mailertest.Step{Recipients: map[string]*mailer.SendError{
		ann: refusal(mailer.ScopeRecipient, 0, 550), cid: refusal(mailer.ScopeProvider, elsewhere|temporary, 451),
	}}
	virtual(t, func(t *testing.T) {
		account, _ := start(t, router.Config{}, scripted("a", step, mailertest.Step{})).send(t.Context(), crowd(1))
		expect(t, "outcomes", outcomes(account), "not_accepted by a; accepted by a; accepted by a; ")
	})
	virtual(t, func(t *testing.T) { // but not where the header would go to the others again
		account, _ := start(t, router.Config{}, scripted("a", step).lacking(mailer.FeatureEnvelope)).send(t.Context(), crowd(1))
		expect(t, "trace", trace(account), "a stop")
	})
}
