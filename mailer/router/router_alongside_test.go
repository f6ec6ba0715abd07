package router_test

import (
	"bytes"
	"context"
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

// Company that is ready to send when the first was refused for good goes on.
func TestCompanyOfTheRefused(t *testing.T) {
	virtual(t, func(t *testing.T) {
		bad := refused(mailer.ScopeRecipient, 0, 550)
		bad.Before = mailertest.For(300 * time.Millisecond)
		m := start(t, router.Config{}, scripted("a", bad), scripted("b", slowly(150*time.Millisecond, 0)))
		account := m.must(t.Context(), letter(1))
		expect(t, "route", account.Route, "b")
	})
}

// What one of two refused for good is not open again because the other refused it for now.
func TestRefusedByBoth(t *testing.T) {
	virtual(t, func(t *testing.T) {
		bad, full := refused(mailer.ScopeRecipient, 0, 550), refused(mailer.ScopeProvider, elsewhere|temporary, 451)
		bad.Before, full.Before = mailertest.For(300*time.Millisecond), mailertest.For(150*time.Millisecond)
		c := scripted("c")
		m := start(t, router.Config{}, scripted("a", bad), scripted("b", full), c)
		_, e := m.send(t.Context(), letter(1))
		expect(t, "calls of c", len(c.seen()), 0)
		expect(t, "code", e.Code, 550)
	})
}

// Nobody else starts when company was refused for good, nor when the first has committed meanwhile.
func TestNoThirdAlongside(t *testing.T) {
	gone := refused(mailer.ScopeRecipient, 0, 550)
	late := down()
	late.Before = mailertest.For(60 * time.Millisecond)
	for name, c := range map[string]struct{ a, b mailertest.Step }{
		"refused for good":        {slowly(time.Second, 0), gone},
		"the first has committed": {slowly(300*time.Millisecond, time.Second), late},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				third := scripted("c")
				m := start(t, router.Config{}, scripted("a", c.a), scripted("b", c.b), third)
				expect(t, "route", m.must(t.Context(), letter(1)).Route, "a")
				expect(t, "calls of c", len(third.seen()), 0)
			})
		})
	}
}

// Nobody starts alongside for a caller who has given up.
func TestNoCompanyInTheEnd(t *testing.T) {
	virtual(t, func(t *testing.T) {
		step := down()
		step.Before = deaf(2 * time.Second)
		b := scripted("b")
		m := start(t, router.Config{}, scripted("a", step), b)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(200*time.Millisecond, cancel)
		account, _ := m.send(ctx, letter(1))
		expect(t, "calls of b", len(b.seen()), 0)
		expect(t, "trace", trace(account), "a stop")
	})
}

// A loser that was slow is not tried again, one that had no chance yet is.
func TestLosersAgain(t *testing.T) {
	full := refused(mailer.ScopeProvider, elsewhere, 451)
	full.After = mailertest.For(100 * time.Millisecond)
	t.Run("slow", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			a := always("a", blackHole())
			m := start(t, router.Config{}, a, scripted("b", full), healthy("c"))
			expect(t, "trace", trace(m.must(t.Context(), letter(1))), "a next route, b next route, c done")
			expect(t, "calls of a", len(a.seen()), 1)
		})
	})
	t.Run("without a chance", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			full.Before = mailertest.For(300 * time.Millisecond)
			b := scripted("b", slowly(200*time.Millisecond, 0), mailertest.Step{})
			m := start(t, router.Config{}, scripted("a", full), b)
			began := time.Now()
			account := m.must(t.Context(), letter(1))
			expect(t, "trace", trace(account), "a next route, b next route, b done")
			expect(t, "time", time.Since(began), 400*time.Millisecond)
		})
	})
}

// Where both fail, the verdict is the winner's, which heard an answer.
func TestVerdictOfTheWinner(t *testing.T) {
	virtual(t, func(t *testing.T) {
		full := refused(mailer.ScopeProvider, elsewhere, 451)
		full.Before, full.After = mailertest.For(300*time.Millisecond), mailertest.For(100*time.Millisecond)
		m := start(t, router.Config{MaxAttempts: 2}, scripted("a", full), scripted("b", slowly(200*time.Millisecond, 0)))
		account, e := m.send(t.Context(), letter(1))
		expect(t, "code", e.Code, 451)
		expect(t, "recipient's code", account.Recipients[0].Code, 451)
		expect(t, "recipient's route", account.Recipients[0].Route, "a")
	})
}

// A loser that finds the gate shut has the router to blame, not the caller.
func TestLoserAtTheGate(t *testing.T) {
	virtual(t, func(t *testing.T) {
		m := start(t, router.Config{}, scripted("a", slowly(300*time.Millisecond, time.Second)), scripted("b", slowly(100*time.Millisecond, 0)))
		account := m.must(t.Context(), letter(1))
		expect(t, "trace", trace(account), "a done, b next route")
		expect(t, "scope of b", account.Attempts[1].Scope, mailer.ScopeProvider)
	})
}

// A route that rests is no company; one that is only slow for others is.
func TestWhoIsCompany(t *testing.T) {
	t.Run("resting", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			b := healthy("b")
			b.Checks = func(context.Context) error { return refusal(mailer.ScopeProvider, 0, 0) }
			m := start(t, router.Config{CheckInterval: time.Minute}, always("a", slowly(2*time.Second, 0)), b)
			time.Sleep(65 * time.Second)
			expect(t, "state", m.state("b").State, router.Open)
			expect(t, "route", m.must(t.Context(), letter(1)).Route, "a")
			expect(t, "calls of b", len(b.seen()), 0)
		})
	})
	t.Run("slow", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			a, b := scripted("a", mailertest.Step{}, blackHole()), scripted("b", slowly(0, 10*time.Second), mailertest.Step{})
			m := start(t, router.Config{Policy: router.RoundRobin}, a, b)
			m.must(t.Context(), letter(1))
			done := make(chan struct{})
			go func() {
				defer close(done)
				m.must(t.Context(), letter(2))
			}()
			time.Sleep(2 * time.Second)
			began := time.Now()
			expect(t, "route", m.must(t.Context(), letter(3)).Route, "b")
			expect(t, "time", time.Since(began), startLimit)
			<-done
		})
	})
}

// Company that gets on is given its time before a third starts.
func TestCompanyGetsOn(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c := scripted("c")
		m := start(t, router.Config{}, always("a", blackHole()), healthy("b"), c)
		msg := letter(1)
		data := bytes.Repeat([]byte("0123456789abcdef"), 64)
		msg.Attachments = []mailer.Attachment{{Name: "a.txt", Content: mailer.Opener(int64(len(data)), func() (io.ReadCloser, error) {
			return io.NopCloser(&trickle{data: data}), nil
		})}}
		expect(t, "route", m.must(t.Context(), msg).Route, "b")
		expect(t, "calls of c", len(c.seen()), 0)
	})
}

// A winner that knows nothing of gates shuts that of a loser which does not heed its context.
func TestGatelessWinner(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := scripted("a", slowly(time.Second, 0))
		b := healthy("b")
		m := start(t, router.Config{}, heedless{a}, gateless{b})
		m.must(t.Context(), letter(1))
		expect(t, "copies", len(a.Kept())+len(b.Kept()), 1)
	})
}

// A place that was waited for is no reason for company once it is there.
func TestPlaceIsThere(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a, b := scripted("a", slowly(100*time.Millisecond, 0), slowly(5*time.Second, 0)), scripted("b")
		m := start(t, router.Config{Routes: []router.Route{{Name: "a", Sender: gateless{a}, MaxInFlight: 1}, through(b)}})
		done := make(chan struct{})
		go func() {
			defer close(done)
			m.must(t.Context(), letter(1))
		}()
		time.Sleep(time.Millisecond)
		m.must(t.Context(), letter(2))
		<-done
		expect(t, "calls of b", len(b.seen()), 0)
	})
}

// A doubt of one that knows nothing of gates ends the other, which does not heed its context.
func TestGatelessDoubt(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a, b := scripted("a", mailertest.Step{Before: deaf(300 * time.Millisecond)}), scripted("b", lost(true))
		m := start(t, router.Config{}, a, gateless{b})
		account, _ := m.send(t.Context(), letter(1))
		expect(t, "outcome", account.Outcome, mailer.Unknown)
		expect(t, "copies", len(a.Kept())+len(b.Kept()), 1)
	})
}

// When the winner is refused the loser is ended at once.
func TestRefusalEndsTheLoser(t *testing.T) {
	virtual(t, func(t *testing.T) {
		bad := refused(mailer.ScopeRecipient, 0, 550)
		bad.Before, bad.After = mailertest.For(300*time.Millisecond), mailertest.For(50*time.Millisecond)
		m := start(t, router.Config{}, scripted("a", bad), scripted("b", slowly(10*time.Second, 0)))
		began := time.Now()
		m.send(t.Context(), letter(1))
		expect(t, "time", time.Since(began), 350*time.Millisecond)
	})
}

// Heedless is a Sender that heeds its gate and no end of its context.
type heedless struct{ *provider }

func (h heedless) Send(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
	return h.provider.Send(context.WithoutCancel(ctx), msg)
}
