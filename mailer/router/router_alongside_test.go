package router_test

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/mailertest"
	"github.com/mailkeel/mailkeel/mailer/router"
)

const startLimit = 250 * time.Millisecond

// A route that does not get going gets company, and the loser is cancelled.
func TestCompany(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a, b := always("a", blackHole()), healthy("b")
		m := start(t, router.Config{}, a, b)
		began := time.Now()
		account := m.must(t.Context(), letter(1))
		expect(t, "time", time.Since(began), startLimit)
		expect(t, "trace", trace(account), "a next route, b done")
		expect(t, "outcome of a", account.Attempts[0].Outcome, mailer.NotAccepted)
		expect(t, "scope of a", account.Attempts[0].Scope, mailer.ScopeProvider)
		expect(t, "time of a", account.Attempts[0].Duration, startLimit)
		expect(t, "start of b", b.seen()[0].at, began.Add(startLimit))
		expect(t, "a was cancelled after", a.seen()[0].took, startLimit)
	})
}

// Whoever commits first sends, and exactly one does, also at the same instant.
func TestRaces(t *testing.T) {
	for _, c := range []struct {
		name string
		a, b time.Duration // to the boundary
		want string        // the winner; empty: either
		took time.Duration
	}{
		{"the first is faster after all", 300 * time.Millisecond, time.Second, "a", 350 * time.Millisecond},
		{"the second is faster", time.Second, 300 * time.Millisecond, "b", 600 * time.Millisecond},
		{"both at once", 300 * time.Millisecond, 50 * time.Millisecond, "", 350 * time.Millisecond},
		{"the first at the moment of company", startLimit, time.Second, "a", 300 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			for i := range 50 {
				virtual(t, func(t *testing.T) {
					const reply = 50 * time.Millisecond
					a, b := always("a", slowly(c.a, reply)), always("b", slowly(c.b, reply))
					m := start(t, router.Config{}, a, b)
					began := time.Now()
					account := m.must(t.Context(), letter(i))
					expect(t, "time", time.Since(began), c.took)
					if c.want != "" {
						expect(t, "winner", account.Route, c.want)
					}
					expect(t, "copies", len(a.Kept())+len(b.Kept()), 1)
				})
			}
		})
	}
}

// Once the winner has committed, the other is gone, and stays so whatever the winner hears.
func TestWinnerIsAwaited(t *testing.T) {
	for _, c := range []struct {
		name    string
		answer  mailertest.Step
		outcome mailer.Outcome
	}{
		{"it accepts", mailertest.Step{}, mailer.Accepted},
		{"it loses the reply", lost(true), mailer.Unknown},
		{"it refuses the recipient", refused(mailer.ScopeRecipient, 0, 550), mailer.NotAccepted},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				c.answer.After = mailertest.For(20 * time.Second)
				a, b := always("a", blackHole()), always("b", c.answer)
				m := start(t, router.Config{}, a, b)
				account, _ := m.send(within(t, time.Minute), letter(1))
				expect(t, "outcome", account.Outcome, c.outcome)
				if took := a.seen()[0].took; took > 3*startLimit {
					t.Errorf("a was cancelled after %v", took)
				}
				expect(t, "calls of a", len(a.seen()), 1)
			})
		})
	}
}

// A Sender that marks no phase may not heed its gate: nothing runs beside it.
func TestNoCompanyWithoutPhase(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := scripted("b")
		m := start(t, router.Config{}, gateless{scripted("a", slowly(10*time.Second, time.Second))}, b)
		m.must(t.Context(), letter(1))
		expect(t, "calls of b", len(b.seen()), 0)
	})
}

// Content on its way shows that the provider takes it, however long that lasts.
func TestNoCompanyForContent(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a, b := healthy("a"), scripted("b")
		m := start(t, router.Config{}, a, b)
		msg := letter(1)
		data := bytes.Repeat([]byte("0123456789abcdef"), 64)
		msg.Attachments = []mailer.Attachment{{Name: "a.txt", Content: mailer.Opener(int64(len(data)), func() (io.ReadCloser, error) {
			return io.NopCloser(&trickle{data: data}), nil
		})}}
		began := time.Now()
		m.must(t.Context(), msg)
		expect(t, "calls of b", len(b.seen()), 0)
		if took := time.Since(began); took < 10*time.Second {
			t.Errorf("the content took only %v", took)
		}
		expect(t, "state", m.state("a").State, router.Closed)
	})
}

// A trickle yields some data each second.
type trickle struct{ data []byte }

func (r *trickle) Read(p []byte) (int, error) {
	if len(r.data) == 0 {
		return 0, io.EOF
	}
	time.Sleep(time.Second)
	n := copy(p[:min(len(p), 100)], r.data)
	r.data = r.data[n:]
	return n, nil
}

// Company gets company too, as far as MaxAttempts goes.
func TestCompanyOfThree(t *testing.T) {
	for _, c := range []struct {
		attempts int
		outcome  mailer.Outcome
		took     time.Duration
	}{
		{3, mailer.Accepted, 2 * startLimit},
		{2, mailer.NotAccepted, 10 * time.Second},
	} {
		virtual(t, func(t *testing.T) {
			m := start(t, router.Config{MaxAttempts: c.attempts}, always("a", blackHole()), always("b", blackHole()), healthy("c"))
			began := time.Now()
			account, _ := m.send(within(t, 10*time.Second), letter(1))
			expect(t, "attempts", len(tried(account)), c.attempts)
			expect(t, "time", time.Since(began), c.took)
			expect(t, "outcome", account.Outcome, c.outcome)
		})
	}
}

// Company that is refused makes room for the next, while the first still gets nowhere.
func TestRefusedCompany(t *testing.T) {
	virtual(t, func(t *testing.T) {
		third := healthy("c")
		m := start(t, router.Config{}, always("a", blackHole()), scripted("b", down()), third)
		began := time.Now()
		account := m.must(t.Context(), letter(1))
		expect(t, "time", time.Since(began), startLimit)
		expect(t, "route", account.Route, "c")
	})
}

// The first may still win after its company was refused.
func TestFirstWinsLate(t *testing.T) {
	virtual(t, func(t *testing.T) {
		m := start(t, router.Config{}, always("a", slowly(2*time.Second, 0)), scripted("b", down()))
		began := time.Now()
		account := m.must(t.Context(), letter(1))
		expect(t, "time", time.Since(began), 2*time.Second)
		expect(t, "route", account.Route, "a")
		expect(t, "attempts", len(tried(account)), 2)
	})
}

// StartLimit is a choice.
func TestStartLimit(t *testing.T) {
	for _, c := range []struct {
		limit, took time.Duration
	}{{-1, 9 * time.Second}, {time.Second, time.Second}, {20 * time.Millisecond, 20 * time.Millisecond}} {
		virtual(t, func(t *testing.T) {
			m := start(t, router.Config{StartLimit: c.limit}, always("a", slowly(9*time.Second, 0)), healthy("b"))
			began := time.Now()
			m.must(within(t, time.Minute), letter(1))
			expect(t, "time", time.Since(began), c.took)
		})
	}
}

// A route that is known to take long is given three times that.
func TestUsualStart(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a, b := always("a", slowly(200*time.Millisecond, 0)), healthy("b")
		m := start(t, router.Config{}, a, b)
		m.must(t.Context(), letter(1))
		expect(t, "usual", m.state("a").UsualStart, 200*time.Millisecond)
		a.Rest = &mailertest.Step{Before: mailertest.For(550 * time.Millisecond)}
		expect(t, "trace", trace(m.must(t.Context(), letter(2))), "a done")
		expect(t, "calls of b", len(b.seen()), 0)
	})
}

// While one message waits for its answer too long, new ones prefer another route.
func TestSlowAnswersSteer(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a, b := scripted("a", slowly(0, 5*time.Second)), healthy("b")
		a.Rest = &mailertest.Step{}
		m := start(t, router.Config{}, a, b)
		done := make(chan struct{})
		go func() {
			m.must(t.Context(), letter(1))
			close(done)
		}()
		time.Sleep(990 * time.Millisecond)
		expect(t, "before", trace(m.must(t.Context(), letter(2))), "a done")
		time.Sleep(20 * time.Millisecond)
		expect(t, "overdue", m.state("a").Overdue, 1)
		expect(t, "in flight", m.state("a").InFlight, 1)
		expect(t, "meanwhile", trace(m.must(t.Context(), letter(3))), "[a], b done")
		<-done
		expect(t, "overdue", m.state("a").Overdue, 0)
		expect(t, "afterwards", trace(m.must(t.Context(), letter(4))), "a done")
	})
}

// A slow route that is all there is still gets the messages.
func TestSlowIsBetterThanNothing(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := always("a", slowly(0, 5*time.Second))
		m := start(t, router.Config{}, a)
		for i := range 10 {
			m.must(t.Context(), letter(i))
		}
		expect(t, "copies", len(a.Kept()), 10)
	})
}

// Answers that are overdue for five messages make a route rest; it is still better than none.
func TestOverdueAnswers(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := new(listener)
		a := always("a", slowly(0, 5*time.Second))
		b := healthy("b").lacking(mailer.FeatureSchedule)
		m := start(t, router.Config{Observer: l}, a, b)
		done := make(chan []*mailer.Receipt)
		go func() { done <- m.together(6) }()
		time.Sleep(1100 * time.Millisecond)
		expect(t, "state", m.state("a").State, router.Open)
		expect(t, "cause", m.state("a").Cause, "slow")
		for _, account := range <-done {
			expect(t, "route", account.Route, "a")
		}
		expect(t, "what fits b", trace(m.must(t.Context(), letter(7))), "[a], b done")
		scheduled := letter(8)
		scheduled.SendAt = time.Now().Add(time.Hour)
		expect(t, "what does not", m.must(t.Context(), scheduled).Route, "a")
		if got := l.turns(); len(got) == 0 || got[0] != "a closed>open slow" {
			t.Errorf("heard of %q", got)
		}
	})
}

// A route that lost for being slow is looked at at once, and until then others are preferred.
func TestSuspect(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a, b := scripted("a", blackHole()), healthy("b")
		a.Rest = &mailertest.Step{}
		a.Checks = mailertest.For(2 * time.Second)
		m := start(t, router.Config{}, a, b)
		m.must(t.Context(), letter(1))
		time.Sleep(time.Second)
		expect(t, "checks", len(a.checked()), 1)
		expect(t, "during the check", trace(m.must(t.Context(), letter(2))), "[a], b done")
		time.Sleep(2 * time.Second)
		expect(t, "after it", trace(m.must(t.Context(), letter(3))), "a done")
	})
}

// A check that fails makes the suspect rest at once.
func TestSuspectFails(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := always("a", blackHole())
		a.Checks = mailertest.Until(nil)
		m := start(t, router.Config{}, a, healthy("b"))
		for i := range 40 {
			m.must(t.Context(), letter(i))
			time.Sleep(time.Second)
		}
		expect(t, "calls of a", len(a.seen()), 1)
		expect(t, "state", m.state("a").State, router.Open)
	})
}
