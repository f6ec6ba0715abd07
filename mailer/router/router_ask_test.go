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

// After the caller or the router has given up nobody is asked.
func TestNobodyIsAskedInTheEnd(t *testing.T) {
	for _, closes := range []bool{false, true} {
		virtual(t, func(t *testing.T) {
			late := lost(true)
			late.After = deaf(5 * time.Second)
			asked := 0
			a := askable{scripted("a", late), func(context.Context) (mailer.Outcome, error) {
				asked++
				return mailer.Accepted, nil
			}}
			m := start(t, router.Config{}, a)
			ctx, cancel := context.WithCancel(t.Context())
			ended, end := context.WithCancel(t.Context())
			end()
			time.AfterFunc(3*time.Second, func() {
				if closes {
					_ = m.Close(ended)
				} else {
					cancel()
				}
			})
			defer cancel()
			account, _ := m.send(ctx, letter(1))
			expect(t, "outcome", account.Outcome, mailer.Unknown)
			expect(t, "questions", asked, 0)
		})
	}
}

// A question under way ends with the router.
func TestCloseEndsQuestions(t *testing.T) {
	virtual(t, func(t *testing.T) {
		m := start(t, router.Config{}, askable{scripted("a", lost(true)), never})
		time.AfterFunc(time.Second, func() { _ = m.Close(within(t, time.Second)) })
		began := time.Now()
		account, _ := m.send(t.Context(), letter(1))
		expect(t, "time", time.Since(began), 2*time.Second)
		expect(t, "outcome", account.Outcome, mailer.Unknown)
	})
}

// A Sender that turns out not to be able to say is not on record as asked.
func TestAskUnsupported(t *testing.T) {
	virtual(t, func(t *testing.T) {
		m := start(t, router.Config{}, askable{scripted("a", lost(true)), says(mailer.Unknown, mailer.ErrUnsupported)})
		account, _ := m.send(t.Context(), letter(1))
		expect(t, "trace", trace(account), "a stop")
	})
}

// The question is about the message as that route sent it, and its answer on record has the scope of its outcome.
func TestQuestion(t *testing.T) {
	for outcome, scope := range map[mailer.Outcome]mailer.Scope{mailer.Accepted: mailer.ScopeUnknown, mailer.Unknown: mailer.ScopeProvider} {
		virtual(t, func(t *testing.T) {
			a := scripted("a", lost(true))
			asked := &asking{provider: a, outcome: outcome}
			m := start(t, router.Config{Routes: []router.Route{{Name: "a", Sender: asked, From: mailer.Address{Address: "b@other.example"}}}})
			account, _ := m.send(t.Context(), letter(1))
			expect(t, "author", asked.msg.From.Address, "b@other.example")
			expect(t, "scope", account.Attempts[1].Scope, scope)
			expect(t, "recipient's scope", account.Recipients[0].Scope, scope)
		})
	}
}

// An asking provider keeps what it was asked about.
type asking struct {
	*provider
	outcome mailer.Outcome
	msg     *mailer.Message
}

func (a *asking) Resolve(_ context.Context, msg *mailer.Message) (mailer.Outcome, error) {
	a.msg = msg
	return a.outcome, nil
}

// The answer is about the recipients that were in that attempt, and about no other.
func TestAnswerForItsOwn(t *testing.T) {
	doubt := &mailer.SendError{Scope: mailer.ScopeProvider, Err: errReset}
	full := refusal(mailer.ScopeProvider, elsewhere|temporary, 451)
	for outcome, want := range map[mailer.Outcome]string{
		mailer.Accepted:    "unknown by a; accepted by b; accepted by a; ",
		mailer.NotAccepted: "unknown by a; not_accepted by b; accepted by a; ",
	} {
		virtual(t, func(t *testing.T) {
			a := scripted("a", mailertest.Step{Recipients: map[string]*mailer.SendError{ann: doubt, bob: full}})
			m := start(t, router.Config{MaxAttempts: 2}, a, askable{scripted("b", lost(outcome == mailer.Accepted)), says(outcome, nil)})
			account, _ := m.send(t.Context(), crowd(1))
			expect(t, "outcomes", outcomes(account), want)
		})
	}
}

// That one provider has it not does not say that another, which is in doubt too, has it not.
func TestAnswerOfOneOfTwo(t *testing.T) {
	virtual(t, func(t *testing.T) {
		m := start(t, router.Config{MaxAttempts: 2}, scripted("a", lost(true)), askable{scripted("b", lost(false)), says(mailer.NotAccepted, nil)})
		account, _ := m.send(t.Context(), doubled(1))
		expect(t, "trace", trace(account), "a next route, b ask, b stop")
		expect(t, "outcome", account.Outcome, mailer.Unknown)
	})
}

// A message that is all-or-none goes on when the provider has it not.
func TestAskAllOrNone(t *testing.T) {
	virtual(t, func(t *testing.T) {
		m := start(t, router.Config{}, askable{scripted("a", lost(false)), says(mailer.NotAccepted, nil)}, healthy("b"))
		msg := crowd(1)
		msg.AllOrNone = true
		expect(t, "trace", trace(m.must(t.Context(), msg)), "a ask, a next route, b done")
	})
}

// When the provider has it after all, what is left of the verdict is the refusal of the others.
func TestAskedForSome(t *testing.T) {
	virtual(t, func(t *testing.T) {
		step := rejecting(refusal(mailer.ScopeRecipient, 0, 550), bob)
		step.Verdict, step.Kept = lost(true).Verdict, true
		m := start(t, router.Config{}, askable{scripted("a", step), says(mailer.Accepted, nil)})
		account, e := m.send(t.Context(), crowd(1))
		expect(t, "outcomes", outcomes(account), "accepted by a; not_accepted by a; accepted by a; ")
		expect(t, "scope", e.Scope, mailer.ScopeRecipient)
		expect(t, "cause", errors.Is(e, errReset), false)
	})
}
