package router_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/mailertest"
	"github.com/mailkeel/mailkeel/mailer/router"
)

// Close waits for what is under way, and then closes the Senders, once.
func TestCloseWaits(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a, b := always("a", slowly(100*time.Millisecond, 5*time.Second)), healthy("b")
		m := start(t, router.Config{}, a, b)
		done := make(chan error)
		go func() {
			_, err := m.Send(t.Context(), letter(1))
			done <- err
		}()
		time.Sleep(time.Second)
		began := time.Now()
		closed := make(chan error, 1)
		go func() { closed <- m.Close(t.Context()) }()
		synctest.Wait()
		_, e := m.send(t.Context(), letter(2))
		if !errors.Is(e, mailer.ErrClosed) || e.Outcome != mailer.NotAccepted {
			t.Errorf("a send after Close: %v", e)
		}
		if err := <-done; err != nil {
			t.Errorf("the send under way: %v", err)
		}
		if err := <-closed; err != nil {
			t.Errorf("Close: %v", err)
		}
		expect(t, "time", time.Since(began), 4100*time.Millisecond)
		if err := m.Close(t.Context()); err != nil {
			t.Errorf("second Close: %v", err)
		}
		expect(t, "closes of a", a.closed, 1)
		expect(t, "closes of b", b.closed, 1)
	})
}

// When its ctx ends, Close cuts off what is under way. What that means depends on the boundary.
func TestCloseCutsOff(t *testing.T) {
	for _, c := range []struct {
		name    string
		cfg     router.Config
		step    mailertest.Step
		outcome mailer.Outcome
	}{
		{"before the boundary", alone, blackHole(), mailer.NotAccepted},
		{"after it", alone, silence(), mailer.Unknown},
		{"after it, unwatched", router.Config{StartLimit: -1, ReplyLimit: -1}, silence(), mailer.Unknown},
		{"before it, unwatched", router.Config{StartLimit: -1, ReplyLimit: -1}, blackHole(), mailer.NotAccepted},
		{"waiting for a retry", alone, limited(20 * time.Second), mailer.NotAccepted},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				a := always("a", c.step)
				m := start(t, c.cfg, a)
				done := make(chan struct{})
				go func() {
					defer close(done)
					account, e := m.send(t.Context(), letter(1))
					expect(t, "outcome", account.Outcome, c.outcome)
					if e == nil || len(account.Attempts) != 1 {
						t.Errorf("%v after %d attempts", e, len(account.Attempts))
					}
					if c.step.Verdict == nil && !errors.Is(e, mailer.ErrClosed) && c.outcome == mailer.NotAccepted {
						t.Errorf("%v is not ErrClosed", e)
					}
				}()
				time.Sleep(time.Second)
				began := time.Now()
				err := m.Close(within(t, 2*time.Second))
				if took := time.Since(began); took > 2100*time.Millisecond {
					t.Errorf("Close took %v", took)
				}
				if c.step.Verdict == nil && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Close: %v", err)
				}
				<-done
			})
		})
	}
}

// Close also cuts off what a Sender does that cannot be closed.
func TestCloseCutsOffWhatCannotBeClosed(t *testing.T) {
	for _, c := range []struct {
		step    mailertest.Step
		outcome mailer.Outcome
	}{{blackHole(), mailer.NotAccepted}, {silence(), mailer.Unknown}} {
		virtual(t, func(t *testing.T) {
			m := start(t, router.Config{Routes: []router.Route{{Name: "a", Sender: mute{always("a", c.step)}}}})
			done := make(chan struct{})
			go func() {
				defer close(done)
				account, _ := m.send(t.Context(), letter(1))
				expect(t, "outcome", account.Outcome, c.outcome)
			}()
			time.Sleep(time.Second)
			began := time.Now()
			if err := m.Close(within(t, 2*time.Second)); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Close: %v", err)
			}
			<-done
			expect(t, "time", time.Since(began), 2*time.Second)
		})
	}
}

// What is cut off is no reason to try another route, nor for a route to rest.
func TestCutOffGoesNowhere(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a, b := always("a", blackHole()), scripted("b")
		m := start(t, alone, a, b)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for _, account := range m.together(8) {
				expect(t, "outcome", account.Outcome, mailer.NotAccepted)
			}
		}()
		time.Sleep(time.Second)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		_ = m.Close(ended)
		<-done
		expect(t, "calls of b", len(b.seen()), 0)
		expect(t, "state", m.state("a").State, router.Closed)
	})
}

// Checks in the background end with the router, whatever they are at.
func TestCloseEndsChecks(t *testing.T) {
	for name, checks := range map[string]mailertest.Wait{"resting": nil, "being checked": mailertest.Until(nil)} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				a := always("a", down())
				a.Checks = checks
				m := start(t, router.Config{CheckInterval: time.Minute}, a, healthy("b"))
				m.burst(1, 5)
				if checks != nil {
					time.Sleep(13 * time.Second)
					expect(t, "checks", len(a.checked()), 1)
				}
				began := time.Now()
				if err := m.Close(t.Context()); err != nil {
					t.Error(err)
				}
				expect(t, "time", time.Since(began), 0)
				time.Sleep(time.Hour)
				expect(t, "state", m.state("a").State, router.Open)
			})
		})
	}
}

// A Sender that panics takes nothing with it.
func TestPanic(t *testing.T) {
	for _, c := range []struct {
		name string
		cfg  router.Config
	}{
		{"usual", router.Config{}},
		{"without limits", router.Config{CommitLimit: -1, MinSlice: -1, StartLimit: -1, ReplyLimit: -1, DoubtLimit: -1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				a := healthy("a")
				bad := true
				cfg := c.cfg
				cfg.Routes = []router.Route{{Name: "a", Sender: panicking{a, func() bool { return bad }}, MaxInFlight: 1}}
				m := start(t, cfg)
				for i := range 3 {
					expect(t, "panic", recovered(func() { _, _ = m.Send(t.Context(), letter(i)) }), any(errPanic))
				}
				expect(t, "in flight", m.state("a").InFlight, 0)
				expect(t, "overdue", m.state("a").Overdue, 0)
				bad = false
				m.must(t.Context(), letter(4))
				if err := m.Close(t.Context()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// The message that goes first after a rest gives its permit back when the Sender panics.
func TestPanicGivesPermitBack(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := always("a", down())
		bad := false
		m := start(t, router.Config{Routes: []router.Route{{Name: "a", Sender: panicking{a, func() bool { return bad }}}, through(healthy("b"))}})
		m.burst(1, 5)
		m.until("a", router.HalfOpen)
		bad = true
		_ = recovered(func() { _, _ = m.Send(t.Context(), doubled(6)) })
		bad, a.Rest = false, &mailertest.Step{}
		expect(t, "route", m.must(t.Context(), doubled(7)).Route, "a")
		expect(t, "state", m.state("a").State, router.Closed)
	})
}

func recovered(f func()) (panicked any) {
	defer func() { panicked = recover() }()
	f()
	return nil
}

// What Close cuts off is not to be tried again here, now or elsewhere.
func TestCutOffIsNotTemporary(t *testing.T) {
	virtual(t, func(t *testing.T) {
		m := start(t, alone, always("a", blackHole()))
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		time.AfterFunc(time.Second, func() { _ = m.Close(ended) })
		_, e := m.send(t.Context(), letter(1))
		if e.Scope != mailer.ScopeCaller || e.Temporary || e.Elsewhere {
			t.Errorf("%v, scope %v, temporary %v, elsewhere %v", e, e.Scope, e.Temporary, e.Elsewhere)
		}
	})
}

// A pause that ends early is on record as the end of it.
func TestPauseThatEnds(t *testing.T) {
	virtual(t, func(t *testing.T) {
		m := start(t, router.Config{}, scripted("a", limited(20*time.Second)))
		time.AfterFunc(3*time.Second, func() { _ = m.Close(t.Context()) })
		account, _ := m.send(within(t, time.Minute), letter(1))
		expect(t, "trace", trace(account), "a stop")
	})
}

// The context of an attempt ends with it.
func TestContextOfAnAttempt(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var kept context.Context
		a := doing(func(ctx context.Context, _ *mailer.Message) (*mailer.Receipt, error) {
			kept = ctx
			_ = ctx.Done()
			return &mailer.Receipt{Outcome: mailer.Accepted}, nil
		})
		m := start(t, router.Config{Routes: []router.Route{{Name: "a", Sender: a}}})
		if _, err := m.Send(t.Context(), letter(1)); err != nil {
			t.Fatal(err)
		}
		if kept.Err() == nil {
			t.Error("it goes on")
		}
	})
}

// Whoever cannot be closed is cut off by the router, and the error says so.
func TestCutOffIsErrClosed(t *testing.T) {
	virtual(t, func(t *testing.T) {
		m := start(t, alone, mute{always("a", blackHole())})
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		time.AfterFunc(time.Second, func() { _ = m.Close(ended) })
		if _, e := m.send(t.Context(), letter(1)); !errors.Is(e, mailer.ErrClosed) || errors.Is(e, mailer.ErrUnavailable) {
			t.Errorf("%v", e)
		}
	})
}

// Crashing is a Sender that panics after a while.
type crashing struct{ *provider }

func (crashing) Send(ctx context.Context, _ *mailer.Message) (*mailer.Receipt, error) {
	mailer.GateFrom(ctx).Mark(mailer.PhaseConnect)
	time.Sleep(300 * time.Millisecond)
	panic(errPanic)
}

// Where a Sender panics, what runs beside it has ended when Send does, and Close knows.
func TestCloseAfterPanic(t *testing.T) {
	virtual(t, func(t *testing.T) {
		m := start(t, router.Config{}, crashing{scripted("a")}, scripted("b", slowly(5*time.Second, 0)))
		func() {
			defer func() { expect(t, "panic", recover(), any(errPanic)) }()
			_, _ = m.Send(t.Context(), letter(1))
		}()
		expect(t, "in flight", m.state("b").InFlight, 0)
		if err := m.Close(within(t, time.Minute)); err != nil {
			t.Error(err)
		}
	})
}
