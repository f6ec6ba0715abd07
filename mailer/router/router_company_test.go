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
