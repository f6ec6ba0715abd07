package router_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/mailertest"
	"github.com/mailkeel/mailkeel/mailer/router"
)

// A rate limit keeps messages away for as long as the provider says.
func TestRateLimit(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := scripted("a", limited(30*time.Second))
		a.Rest = &mailertest.Step{}
		m := start(t, router.Config{}, a, healthy("b"))
		m.burst(1, 1)
		expect(t, "gate", m.state("a").GatedUntil, time.Now().Add(30*time.Second))
		expect(t, "state", m.state("a").State, router.Closed)
		time.Sleep(29 * time.Second)
		account := m.must(t.Context(), letter(2))
		expect(t, "meanwhile", trace(account), "[a], b done")
		expect(t, "scope", account.Attempts[0].Scope, mailer.ScopeRate)
		time.Sleep(time.Second)
		expect(t, "afterwards", trace(m.must(t.Context(), letter(3))), "a done")
		expect(t, "gate", m.state("a").GatedUntil, time.Time{})
	})
}

// Where nobody says how long a limit lasts, it is looked into again and again.
func TestRateLimitOfUnknownLength(t *testing.T) {
	http := limited(0)
	http.Verdict.Protocol, http.Verdict.Code = "http", 429
	credits := refused(mailer.ScopeRate, elsewhere, 402)
	credits.Verdict.Protocol = "http"
	for _, c := range []struct {
		name  string
		step  mailertest.Step
		gates []int // seconds
	}{
		{"http", http, []int{1, 2, 4, 8, 16, 32, 60, 60}},
		{"smtp, after a second message", limited(0), []int{0, 1, 2, 4, 8, 16, 32, 60, 60}},
		{"credits are used up", credits, []int{600, 600}},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				m := start(t, router.Config{}, always("a", c.step), healthy("b"))
				for i, want := range c.gates {
					m.burst(i, i)
					gate := max(0, time.Until(m.state("a").GatedUntil))
					expect(t, "gate", gate, time.Duration(want)*time.Second)
					time.Sleep(gate)
				}
				expect(t, "state", m.state("a").State, router.Closed)
			})
		})
	}
}

// A message that is taken ends a limit; the next one begins as short as the first.
func TestRateLimitIsOver(t *testing.T) {
	virtual(t, func(t *testing.T) {
		full := limited(0)
		full.Verdict.Protocol, full.Verdict.Code = "http", 429
		m := start(t, router.Config{}, scripted("a", full, full, mailertest.Step{}, full), healthy("b"))
		for i, want := range []time.Duration{time.Second, 2 * time.Second, 0, time.Second} {
			m.burst(i, i)
			gate := max(0, time.Until(m.state("a").GatedUntil))
			expect(t, "gate", gate, want)
			time.Sleep(gate)
		}
	})
}

// When every route is limited, the caller hears at once when to come back.
func TestAllLimited(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a, b := scripted("a", limited(2*time.Minute)), scripted("b", limited(time.Minute))
		m := start(t, router.Config{RetryDelay: -1}, a, b)
		m.burst(1, 1)
		time.Sleep(10 * time.Second)
		began := time.Now()
		account, e := m.send(t.Context(), letter(2))
		expect(t, "time", time.Since(began), 0)
		expect(t, "trace", trace(account), "[a], [b]")
		expect(t, "retry after", e.RetryAfter, 50*time.Second)
		if !errors.Is(e, mailer.ErrRateLimited) || !e.Temporary || e.Outcome != mailer.NotAccepted {
			t.Errorf("%v, temporary %v, outcome %v", e, e.Temporary, e.Outcome)
		}
		for _, r := range account.Recipients {
			expect(t, "recipient's", r.RetryAfter, 50*time.Second)
		}
	})
}

// When all routes rest, one message a second is let through, and the others fail at once
// with a time to come back at (P10, P11).
func TestAllRest(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a, b := broken("a", down()), broken("b", down())
		m := start(t, router.Config{RetryDelay: -1}, a, b)
		m.burst(1, 5)
		expect(t, "state of a", m.state("a").State, router.Open)
		expect(t, "state of b", m.state("b").State, router.Open)
		before := len(a.seen()) + len(b.seen())
		refusedAtOnce := 0
		for i := range 500 { // for ten seconds
			began := time.Now()
			account, e := m.send(t.Context(), letter(100+i))
			expect(t, "time", time.Since(began), 0)
			expect(t, "outcome", e.Outcome, mailer.NotAccepted)
			if len(tried(account)) == 0 {
				refusedAtOnce++
				if e.RetryAfter <= 0 || e.RetryAfter > time.Second || !e.Temporary || !errors.Is(e, mailer.ErrUnavailable) {
					t.Fatalf("%v, retry after %v, temporary %v", e, e.RetryAfter, e.Temporary)
				}
			}
			time.Sleep(20 * time.Millisecond)
		}
		if n := len(a.seen()) + len(b.seen()) - before; n > 2*11 || n < 2*8 {
			t.Errorf("%d messages were let through, and %d were not", n, refusedAtOnce)
		}
	})
}

// The one message that is let through may bring a route back before its check is due.
func TestBackBeforeItsCheck(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := broken("a", down())
		m := start(t, router.Config{RetryDelay: -1}, a)
		m.burst(1, 5)
		a.Rest = &mailertest.Step{}
		time.Sleep(1100 * time.Millisecond)
		m.must(t.Context(), letter(6))
		expect(t, "state", m.state("a").State, router.Closed)
		expect(t, "checks", len(a.checked()), 0)
	})
}

// A route with wrong credentials is not tried even when there is no other.
func TestConfigIsNeverTried(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := broken("a", forbidden())
		m := start(t, router.Config{}, a)
		for i := range 100 {
			_, e := m.send(t.Context(), letter(i))
			expect(t, "scope", e.Scope, mailer.ScopeAccount)
			time.Sleep(time.Second)
		}
		expect(t, "calls", len(a.seen()), 1)
		_, e := m.send(t.Context(), letter(100))
		if e.RetryAfter <= 0 || e.RetryAfter > 10*time.Minute {
			t.Errorf("retry after %v", e.RetryAfter)
		}
	})
}

// together sends n messages at once and returns their accounts.
func (m *mailing) together(n int) []*mailer.Receipt {
	accounts := make([]*mailer.Receipt, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { accounts[i], _ = m.send(m.t.Context(), letter(i)) })
	}
	wg.Wait()
	return accounts
}

// most returns how many calls ran at the same time.
func (p *provider) most() int {
	most, calls := 0, p.seen()
	for _, c := range calls {
		n := 0
		for _, d := range calls {
			if !d.at.After(c.at) && d.at.Add(d.took).After(c.at) {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// A wave that fails over does not crush the backup.
func TestMaxInFlight(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := always("b", slowly(0, 500*time.Millisecond))
		m := start(t, router.Config{Routes: []router.Route{through(always("a", down())), {Name: "b", Sender: b, MaxInFlight: 3}}})
		began := time.Now()
		for _, account := range m.together(12) {
			expect(t, "outcome", account.Outcome, mailer.Accepted)
			expect(t, "route", account.Route, "b")
		}
		expect(t, "at the same time", b.most(), 3)
		expect(t, "time", time.Since(began), 2*time.Second)
	})
}

// Whoever waits for a place for too long takes another route.
func TestWaitForAPlace(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a, b := always("a", slowly(0, 900*time.Millisecond)), healthy("b")
		m := start(t, router.Config{Routes: []router.Route{{Name: "a", Sender: a, MaxInFlight: 1}, through(b)}})
		m.must(t.Context(), letter(100)) // it is known now that a heeds its gate
		m.loose = true                   // who waits for a place makes an attempt, but no call
		began := time.Now()
		m.together(3)
		expect(t, "time", time.Since(began), 900*time.Millisecond)
		expect(t, "calls of a", len(a.seen()), 2)
		expect(t, "calls of b", len(b.seen()), 2)
		expect(t, "checks of a", len(a.checked()), 0)
		expect(t, "state", m.state("a").State, router.Closed)
	})
}

// Without another route the wait ends with the time for the boundary.
func TestSaturated(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := always("a", slowly(0, time.Minute))
		m := start(t, router.Config{ReplyLimit: -1, RetryDelay: -1, Routes: []router.Route{{Name: "a", Sender: a, MaxInFlight: 1}}})
		m.loose = true
		go func() { _, _ = m.Send(t.Context(), letter(1)) }()
		time.Sleep(time.Second)
		began := time.Now()
		_, e := m.send(t.Context(), letter(2))
		expect(t, "time", time.Since(began), 30*time.Second)
		expect(t, "outcome", e.Outcome, mailer.NotAccepted)
		expect(t, "scope", e.Scope, mailer.ScopeRate)
		expect(t, "state", m.state("a").State, router.Closed)
		expect(t, "gate", m.state("a").GatedUntil, time.Time{})
		time.Sleep(time.Minute)
	})
}

// When to come back is what the provider said, or what gives most hope among the routes that fit.
func TestWhenToComeBack(t *testing.T) {
	cfg := router.Config{RetryDelay: -1}
	t.Run("said", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			m := start(t, router.Config{MaxAttempts: 1}, scripted("a", limited(30*time.Second)), scripted("b"))
			_, e := m.send(t.Context(), letter(1))
			expect(t, "retry after", e.RetryAfter, 30*time.Second)
		})
	})
	t.Run("fits", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			m := start(t, cfg, scripted("a", limited(time.Minute)), scripted("b").lacking(mailer.FeatureSchedule))
			for i := range 2 {
				msg := letter(i)
				msg.SendAt = time.Now().Add(time.Hour)
				_, e := m.send(t.Context(), msg)
				expect(t, "retry after", e.RetryAfter, time.Minute)
			}
		})
	})
	t.Run("hope", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			m := start(t, cfg, broken("a", forbidden()), scripted("b", limited(time.Minute)), broken("c", forbidden()))
			m.burst(1, 1)
			_, e := m.send(t.Context(), letter(2))
			expect(t, "scope", e.Scope, mailer.ScopeRate)
		})
	})
}

// The wait for a place is not what the provider takes to start.
func TestPlaceIsNoStart(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := scripted("a", slowly(0, time.Second), mailertest.Step{})
		m := start(t, router.Config{Routes: []router.Route{{Name: "a", Sender: a, MaxInFlight: 1}}})
		m.together(2)
		expect(t, "usual start", m.state("a").UsualStart, 0)
	})
}

// That a message waited for its turn is not the provider's doing, nor that it was then too late.
func TestSaturationIsNoFailure(t *testing.T) {
	t.Run("another route was faster", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			a, b := always("a", slowly(80*time.Millisecond, 400*time.Millisecond)), always("b", slowly(270*time.Millisecond, 0))
			cfg := router.Config{Routes: []router.Route{through(a), through(b)}}
			cfg.Routes[0].MaxInFlight = 1
			m := start(t, cfg)
			for i := range 10 {
				var wg sync.WaitGroup
				wg.Go(func() { m.must(t.Context(), letter(2*i)) })
				wg.Go(func() { m.must(t.Context(), letter(2*i+1)) })
				wg.Wait()
				time.Sleep(time.Second)
			}
			expect(t, "state", m.state("a").State, router.Closed)
			expect(t, "checks", len(a.checked()), 0)
		})
	})
	t.Run("its time was up", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			a := always("a", slowly(time.Second, 0))
			cfg := router.Config{StartLimit: -1, Routes: []router.Route{through(a), through(healthy("b"))}}
			cfg.Routes[0].MaxInFlight = 1
			m := start(t, cfg)
			var wg sync.WaitGroup
			for i := range 100 {
				wg.Go(func() { m.must(within(t, 10*time.Second), letter(i)) })
				time.Sleep(100 * time.Millisecond)
				expect(t, "state", m.state("a").State, router.Closed)
			}
			wg.Wait()
		})
	})
}

// A Sender that marks no phase may not heed its gate, so that nothing runs beside whoever waits
// for a place there.
func TestNoCompanyWhileWaitingForTheGateless(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a, b := always("a", slowly(0, 400*time.Millisecond)), always("b", slowly(200*time.Millisecond, 0))
		m := start(t, router.Config{Routes: []router.Route{{Name: "a", Sender: gateless{a}, MaxInFlight: 1}, through(b)}})
		m.together(2)
		expect(t, "calls of a", len(a.seen()), 2)
		expect(t, "calls of b", len(b.seen()), 0)
	})
}
