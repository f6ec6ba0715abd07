package router_test

import (
	"context"
	"encoding/json"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/mailertest"
	"github.com/mailkeel/mailkeel/mailer/router"
)

// broken returns a provider that takes nothing and does not pass its check, until it is mended.
func broken(name string, step mailertest.Step) *provider {
	p := always(name, step)
	p.Checks = func(context.Context) error {
		if p.mended.Load() {
			return nil
		}
		return refusal(step.Verdict.Scope, 0, step.Verdict.Code)
	}
	return p
}

// mend makes p take everything from now on.
func (p *provider) mend() {
	p.mended.Store(true)
}

// burst sends messages with the numbers from first to last, one after the other.
func (m *mailing) burst(first, last int) {
	m.t.Helper()
	for i := first; i <= last; i++ {
		m.send(m.t.Context(), letter(i))
	}
}

// Five messages that fail make a route rest, and no sixth pays for it (P10, P11).
func TestOpensAfterFive(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := broken("a", down())
		m := start(t, router.Config{}, a, healthy("b"))
		m.burst(1, 4)
		expect(t, "after four", m.state("a").State, router.Closed)
		m.burst(5, 5)
		h := m.state("a")
		expect(t, "after five", h.State, router.Open)
		expect(t, "cause", h.Cause, "provider")
		expect(t, "since", h.Since, time.Now())
		if rest := time.Until(h.Until); rest < 8*time.Second || rest > 12*time.Second {
			t.Errorf("it rests for %v", rest)
		}
		if h.Detail == "" || strings.Contains(h.Detail, "\n") {
			t.Errorf("detail %q", h.Detail)
		}
		account := m.must(t.Context(), letter(6))
		expect(t, "trace", trace(account), "[a], b done")
		expect(t, "scope", account.Attempts[0].Scope, mailer.ScopeProvider)
		expect(t, "calls of a", len(a.seen()), 5)
	})
}

// A dead provider costs five messages however long it is dead (P10).
func TestDeadProviderCostsFive(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := broken("a", down())
		m := start(t, router.Config{}, a, healthy("b"))
		for i := range 1800 {
			m.must(t.Context(), letter(i))
			time.Sleep(time.Second)
		}
		expect(t, "calls of a", len(a.seen()), 5)
		if n := len(a.checked()); n < 6 || n > 14 {
			t.Errorf("%d checks in half an hour", n)
		}
	})
}

// One message that fails says nothing, however often it does.
func TestOneMessageOpensNothing(t *testing.T) {
	virtual(t, func(t *testing.T) {
		m := start(t, router.Config{}, always("a", down()), healthy("b"))
		for range 30 {
			if _, err := m.Send(t.Context(), letter(1)); err != nil {
				t.Error(err)
			}
		}
		expect(t, "state", m.state("a").State, router.Closed)
	})
}

// What is between the failures counts.
func TestFailuresAmongSuccesses(t *testing.T) {
	for _, c := range []struct {
		name  string
		every int // one of so many fails
		pause time.Duration
		state router.State
	}{
		{"half", 2, time.Second, router.Open},
		{"half, but seldom", 2, 10 * time.Second, router.Closed},
		{"a quarter", 4, time.Second, router.Closed},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				a := scripted("a")
				for i := range 60 {
					step := mailertest.Step{}
					if i%c.every == c.every-1 {
						step = down()
					}
					a.Add(step)
				}
				a.Checks = func(context.Context) error { return errRefused }
				m := start(t, router.Config{}, a, healthy("b"))
				for i := range 24 {
					m.must(t.Context(), letter(i))
					time.Sleep(c.pause)
				}
				expect(t, "state", m.state("a").State, c.state)
			})
		})
	}
}

// What is wrong with messages never makes a route rest, nor others wait (P12).
func TestPoison(t *testing.T) {
	for name, step := range map[string]mailertest.Step{
		"content":             refused(mailer.ScopeMessage, 0, 554),
		"content, without":    refused(mailer.ScopeMessage, 0, 0),
		"too large":           refused(mailer.ScopeMessage, elsewhere, 552),
		"recipient":           refused(mailer.ScopeRecipient, 0, 550),
		"recipient, for now":  refused(mailer.ScopeRecipient, temporary, 450),
		"sender":              refused(mailer.ScopeSender, elsewhere, 553),
		"relaying refused":    refused(mailer.ScopeAccount, elsewhere, 550),
		"the caller's doing":  refused(mailer.ScopeCaller, 0, 0),
		"a local full pool":   refused(mailer.ScopeRate, elsewhere|temporary, 0),
		"nothing, it is fine": {},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				a := healthy("a")
				m := start(t, router.Config{}, a, healthy("b"))
				began := time.Now()
				for i := range 100 {
					bad := letter(2 * i)
					bad.From.Address = "orders@bad.example"
					a.Rest = &step
					m.send(t.Context(), bad)
					a.Rest = &mailertest.Step{}
					expect(t, "good one", m.must(t.Context(), letter(2*i+1)).Route, "a")
				}
				expect(t, "time", time.Since(began), 0)
				expect(t, "state", m.state("a").State, router.Closed)
			})
		})
	}
}

// The way back: a check that passes, one message, and then all.
func TestRecovery(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := broken("a", down())
		m := start(t, router.Config{}, a, healthy("b"))
		m.burst(1, 5)
		opened := time.Now()
		time.Sleep(23 * time.Second) // the second check comes after 24 s at least, and 36 s at most
		if n := len(a.checked()); n != 1 {
			t.Fatalf("%d checks", n)
		}
		a.mend()
		a.Rest = &mailertest.Step{After: mailertest.For(time.Second / 2)}
		time.Sleep(16 * time.Second)
		checks := a.checked()
		if len(checks) != 2 {
			t.Fatalf("%d checks", len(checks))
		}
		first, second := checks[0].Sub(opened), checks[1].Sub(checks[0])
		if first < 8*time.Second || first > 12*time.Second || second < 16*time.Second || second > 24*time.Second {
			t.Errorf("checks after %v and %v", first, second)
		}
		expect(t, "state", m.state("a").State, router.HalfOpen)

		done := make(chan string)
		go func() { done <- trace(m.must(t.Context(), letter(6))) }()
		synctest.Wait()
		expect(t, "beside the first", trace(m.must(t.Context(), letter(7))), "[a], b done")
		expect(t, "the first", <-done, "a done")
		expect(t, "state", m.state("a").State, router.Closed)
		expect(t, "afterwards", trace(m.must(t.Context(), letter(8))), "a done")
	})
}

// For two seconds the first is one that may arrive twice, if there is one.
func TestFirstMayArriveTwice(t *testing.T) {
	for _, c := range []struct {
		name  string
		msg   *mailer.Message
		wait  time.Duration
		trace string
	}{
		{"at most once", letter(6), 0, "[a], b done"},
		{"at least once", doubled(6), 0, "a done"},
		{"at most once, later", letter(6), 2 * time.Second, "a done"},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				a := broken("a", down())
				m := start(t, router.Config{}, a, healthy("b"))
				m.burst(1, 5)
				a.mend()
				a.Rest = &mailertest.Step{}
				m.until("a", router.HalfOpen)
				time.Sleep(c.wait)
				expect(t, "trace", trace(m.must(t.Context(), c.msg)), c.trace)
			})
		})
	}
}

// until waits for a state.
func (m *mailing) until(name string, want router.State) {
	m.t.Helper()
	for range 10_000 {
		if m.state(name).State == want {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	m.t.Fatalf("%s is still %v", name, m.state(name).State)
}

// A check that passes is not enough: when the first message fails, the route rests again, longer.
func TestFirstFails(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := always("a", down())
		m := start(t, router.Config{}, a, healthy("b"))
		m.burst(1, 5)
		for i, base := range []time.Duration{20 * time.Second, 40 * time.Second, 80 * time.Second} {
			m.until("a", router.HalfOpen)
			m.must(t.Context(), doubled(10+i))
			h := m.state("a")
			expect(t, "state", h.State, router.Open)
			if rest := time.Until(h.Until); rest < base*8/10 || rest > base*12/10 {
				t.Errorf("it rests for %v, want about %v", rest, base)
			}
		}
		expect(t, "calls of a", len(a.seen()), 8)
	})
}

// The first message has its answer, whatever it is: a refused address is a sign of life.
func TestFirstIsRefused(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := always("a", down())
		m := start(t, router.Config{}, a, healthy("b"))
		m.burst(1, 5)
		m.until("a", router.HalfOpen)
		step := refused(mailer.ScopeRecipient, 0, 550)
		a.Rest = &step
		m.send(t.Context(), doubled(6))
		expect(t, "state", m.state("a").State, router.Closed)
	})
}

// Wrong credentials do not get better by trying: the first one makes the route rest.
func TestConfig(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := broken("a", forbidden())
		m := start(t, router.Config{}, a, healthy("b"))
		m.burst(1, 2)
		expect(t, "calls of a", len(a.seen()), 1)
		expect(t, "state", m.state("a").State, router.Open)
		expect(t, "cause", m.state("a").Cause, "config")
		last := time.Now()
		time.Sleep(time.Hour)
		base := 30 * time.Second
		for i, at := range a.checked() {
			if d := at.Sub(last); d < base*8/10 || d > base*12/10 {
				t.Errorf("check %d came after %v, want about %v", i, d, base)
			}
			last, base = at, min(2*base, 10*time.Minute)
		}
		if n := len(a.checked()); n < 8 || n > 12 {
			t.Errorf("%d checks in an hour", n)
		}
		a.mend()
		a.Rest = &mailertest.Step{}
		m.until("a", router.HalfOpen)
		m.must(t.Context(), doubled(3))
		expect(t, "state", m.state("a").State, router.Closed)
	})
}

// Health is plain data.
func TestHealthAsJSON(t *testing.T) {
	virtual(t, func(t *testing.T) {
		m := start(t, router.Config{}, broken("a", down()), healthy("b"))
		m.burst(1, 5)
		text, err := json.Marshal(m.Health())
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{`"name":"a","provider":"a-mail","state":"open","cause":"provider"`, `"until":"`, `{"name":"b","provider":"b-mail","state":"closed","in_flight":0`} {
			if !strings.Contains(string(text), part) {
				t.Errorf("%s\nhas no %s", text, part)
			}
		}
	})
}

// With CheckInterval a route is found dead before any message is.
func TestPatrol(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a, b := broken("a", down()), healthy("b")
		m := start(t, router.Config{CheckInterval: time.Minute}, a, b)
		time.Sleep(61 * time.Second)
		expect(t, "state", m.state("a").State, router.Open)
		expect(t, "trace", trace(m.must(t.Context(), letter(1))), "[a], b done")
		time.Sleep(9 * time.Minute)
		expect(t, "checks of b", len(b.checked()), 10)
		expect(t, "calls of a", len(a.seen()), 0)
		a.mend()
		a.Rest = &mailertest.Step{}
		m.until("a", router.HalfOpen)
		m.must(t.Context(), doubled(2))
		expect(t, "state", m.state("a").State, router.Closed)
	})
}

// A check is about no message: when the account is refused, that is for all of them.
func TestPatrolFindsWrongAccount(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := healthy("a")
		wrong := refusal(mailer.ScopeAccount, elsewhere, 400)
		wrong.Protocol = "http"
		a.Checks = func(context.Context) error { return wrong }
		m := start(t, router.Config{CheckInterval: time.Minute}, a, healthy("b"))
		time.Sleep(61 * time.Second)
		expect(t, "state", m.state("a").State, router.Open)
		expect(t, "cause", m.state("a").Cause, "config")
	})
}

// A provider that cannot be checked is tried with a message when it has rested.
func TestWithoutCheck(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := always("a", down())
		m := start(t, router.Config{Routes: []router.Route{{Name: "a", Sender: mute{a}}, through(healthy("b"))}})
		m.burst(1, 5)
		m.until("a", router.HalfOpen)
		expect(t, "checks", len(a.checked()), 0)
		a.Rest = &mailertest.Step{}
		expect(t, "trace", trace(m.must(t.Context(), doubled(6))), "a done")
	})
}

// A route is looked at each time that it lost for being slow, and by the patrol not while it is limited.
func TestWhenToCheck(t *testing.T) {
	t.Run("slow twice", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			a := scripted("a", blackHole(), blackHole())
			m := start(t, router.Config{}, a, healthy("b"))
			for i := range 2 {
				m.must(t.Context(), letter(i))
				time.Sleep(time.Second)
			}
			expect(t, "checks", len(a.checked()), 2)
		})
	})
	t.Run("limited", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			a := scripted("a", limited(10*time.Minute))
			m := start(t, router.Config{CheckInterval: time.Minute}, a, healthy("b"))
			m.burst(1, 1)
			time.Sleep(330 * time.Second)
			expect(t, "checks", len(a.checked()), 0)
		})
	})
}

// A route that comes and goes leaves nobody behind who waits for it to come back.
func TestFewWaitForRecovery(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := healthy("a")
		m := start(t, router.Config{RetryDelay: -1}, a)
		before, most := runtime.NumGoroutine(), 0
		for i := range 50 {
			a.Add(down(), down(), down(), down(), down())
			m.burst(10*i, 10*i+4)
			expect(t, "state", m.state("a").State, router.Open)
			time.Sleep(1100 * time.Millisecond)
			m.must(t.Context(), letter(10*i+5))
			most = max(most, runtime.NumGoroutine()-before)
		}
		if most > 12 {
			t.Errorf("%d goroutines", most)
		}
	})
}
