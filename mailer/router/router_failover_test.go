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

// What one route refuses goes to the other where that may take it, and nowhere else.
func TestEveryRefusal(t *testing.T) {
	const next, stop, retry = "a next route, b done", "a stop", "a retry, a done"
	for _, c := range []struct {
		name  string
		step  mailertest.Step
		trace string
		is    error // of the final error
	}{
		{"provider", refused(mailer.ScopeProvider, elsewhere|temporary, 0), next, nil},
		{"provider, with a code", refused(mailer.ScopeProvider, elsewhere|temporary, 421), next, nil},
		{"provider, for good", refused(mailer.ScopeProvider, elsewhere, 0), next, nil},
		{"provider, of no use elsewhere", refused(mailer.ScopeProvider, 0, 0), stop, mailer.ErrUnavailable},
		{"provider, only here and later", refused(mailer.ScopeProvider, temporary, 451), retry, nil},
		{"rate, only here and later", refused(mailer.ScopeRate, temporary, 450), retry, nil},
		{"scope unsaid", refused(mailer.ScopeUnknown, elsewhere, 0), next, nil},
		{"account", refused(mailer.ScopeAccount, elsewhere, 535), next, nil},
		{"account, of no use elsewhere", refused(mailer.ScopeAccount, 0, 535), stop, mailer.ErrUnauthorized},
		{"sender", refused(mailer.ScopeSender, elsewhere, 553), next, nil},
		{"sender, of no use elsewhere", refused(mailer.ScopeSender, 0, 553), stop, mailer.ErrSenderRefused},
		{"rate", refused(mailer.ScopeRate, elsewhere|temporary, 450), next, nil},
		{"rate, of no use elsewhere", refused(mailer.ScopeRate, 0, 450), stop, mailer.ErrRateLimited},
		{"too large here", refused(mailer.ScopeMessage, elsewhere, 552), next, nil},
		{"content", refused(mailer.ScopeMessage, 0, 554), stop, nil},
		{"content, later", refused(mailer.ScopeMessage, temporary, 451), stop, nil},
		{"recipient", refused(mailer.ScopeRecipient, 0, 550), stop, mailer.ErrRecipientRefused},
		{"recipient, later", refused(mailer.ScopeRecipient, temporary, 450), stop, mailer.ErrRecipientRefused},
		{"recipient, in another transaction", refused(mailer.ScopeRecipient, elsewhere|temporary, 452), next, nil},
		{"caller", refused(mailer.ScopeCaller, 0, 0), stop, nil},
		{"caller, whatever it says", refused(mailer.ScopeCaller, elsewhere|temporary, 0), stop, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				m := start(t, router.Config{}, scripted("a", c.step, mailertest.Step{}), healthy("b"))
				account, e := m.send(t.Context(), letter(1))
				expect(t, "trace", trace(account), c.trace)
				if (e != nil) != (c.trace == stop) {
					t.Errorf("error %v", e)
				}
				if c.is != nil && !errors.Is(e, c.is) {
					t.Errorf("%v is not %v", e, c.is)
				}
			})
		})
	}
}

// A success through the third route shows what the others said, and when.
func TestAccountOfAttempts(t *testing.T) {
	virtual(t, func(t *testing.T) {
		slow := forbidden()
		slow.Before = mailertest.For(20 * time.Millisecond)
		unfit := scripted("b").lacking(mailer.FeatureHeaders)
		m := start(t, router.Config{MaxAttempts: 4}, scripted("a", down()), unfit, scripted("c", slow), healthy("d"))
		began := time.Now()
		msg := letter(1)
		msg.Headers = mailer.Header{{Name: "X-Order", Value: "7"}}
		account := m.must(t.Context(), msg)
		expect(t, "trace", trace(account), "a next route, [b], c next route, d done")
		expect(t, "route", account.Route, "d")
		expect(t, "provider", account.Provider, "d-mail")
		expect(t, "message id", account.MessageID, "<1@shop.example>")
		expect(t, "key", account.IdempotencyKey, "1@shop.example")
		for i, want := range []mailer.Attempt{
			{Route: "a", Provider: "a-mail", Start: began, Phase: mailer.PhaseConnect, Outcome: mailer.NotAccepted, Scope: mailer.ScopeProvider},
			{Route: "b", Provider: "b-mail", Start: began, Outcome: mailer.NotAccepted, Scope: mailer.ScopeMessage},
			{
				Route: "c", Provider: "c-mail", Start: began, Duration: 20 * time.Millisecond, Phase: mailer.PhaseEnvelope,
				Outcome: mailer.NotAccepted, Scope: mailer.ScopeAccount, Code: 535,
			},
			{Route: "d", Provider: "d-mail", Start: began.Add(20 * time.Millisecond), Phase: mailer.PhaseDone, Outcome: mailer.Accepted},
		} {
			got := account.Attempts[i]
			got.Decision, got.Skipped, got.Detail = "", "", ""
			expect(t, "attempt", got, want)
		}
		if why := account.Attempts[1].Skipped; !strings.Contains(why, "headers") {
			t.Errorf("b was skipped because %q", why)
		}
	})
}

// errors.Is speaks of the last verdict; the text tells of the others too.
func TestFinalVerdictOnly(t *testing.T) {
	virtual(t, func(t *testing.T) {
		m := start(t, router.Config{}, scripted("alpha", forbidden()), scripted("beta", limited(time.Minute)), scripted("gamma", down()))
		account, e := m.send(t.Context(), letter(1))
		expect(t, "trace", trace(account), "alpha next route, beta next route, gamma stop")
		expect(t, "outcome", e.Outcome, mailer.NotAccepted)
		expect(t, "route", account.Route, "gamma")
		for _, is := range []error{mailer.ErrUnavailable, errRefused} {
			if !errors.Is(e, is) {
				t.Errorf("%v is not %v", e, is)
			}
		}
		for _, not := range []error{mailer.ErrUnauthorized, mailer.ErrRateLimited, mailer.ErrUnknownOutcome, mailer.ErrPartlyAccepted} {
			if errors.Is(e, not) {
				t.Errorf("%v is %v", e, not)
			}
		}
		for _, name := range []string{"alpha: ", "beta: ", "gamma-mail: "} {
			if !strings.Contains(e.Error(), name) {
				t.Errorf("%q does not name %s", e, name)
			}
		}
		if !e.Temporary || e.RetryAfter != 0 { // gamma may take it at once
			t.Errorf("temporary %v, retry after %v", e.Temporary, e.RetryAfter)
		}
	})
}

// A route that does not send for a domain is not bothered with it again for a while.
func TestForeignSenderIsRemembered(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := scripted("a", refused(mailer.ScopeSender, elsewhere, 553))
		a.Rest = &mailertest.Step{}
		m := start(t, router.Config{}, a, healthy("b"))
		expect(t, "first", trace(m.must(t.Context(), letter(1))), "a next route, b done")
		second := letter(2)
		second.From.Address = "billing@SHOP.example"
		expect(t, "same domain", trace(m.must(t.Context(), second)), "[a], b done")
		third := letter(3)
		third.From.Address = "orders@other.example"
		expect(t, "another domain", trace(m.must(t.Context(), third)), "a done")
		expect(t, "still remembered", trace(m.must(t.Context(), letter(4))), "[a], b done")
		expect(t, "state", m.state("a").State, router.Closed)
		time.Sleep(10 * time.Minute)
		expect(t, "forgotten", trace(m.must(t.Context(), letter(5))), "a done")
	})
}

// A route that refused the sender before is still better than none.
func TestForeignSenderIsTheLastResort(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := scripted("a", refused(mailer.ScopeSender, elsewhere, 553))
		a.Rest = &mailertest.Step{}
		m := start(t, router.Config{}, a, scripted("b", mailertest.Step{}, down()))
		m.must(t.Context(), letter(1))
		expect(t, "trace", trace(m.must(t.Context(), letter(2))), "[a], b next route, a done")
	})
}

// A message that no route can carry is refused before anything is tried.
func TestNoRouteFits(t *testing.T) {
	virtual(t, func(t *testing.T) {
		m := start(t, router.Config{}, scripted("a").lacking(mailer.FeatureSchedule), scripted("b").lacking(mailer.FeatureSchedule))
		msg := letter(1)
		msg.SendAt = time.Now().Add(time.Hour)
		account, e := m.send(t.Context(), msg)
		expect(t, "trace", trace(account), "[a], [b]")
		expect(t, "outcome", e.Outcome, mailer.NotAccepted)
		expect(t, "scope", e.Scope, mailer.ScopeMessage)
		if !errors.Is(e, mailer.ErrUnsupported) || e.Temporary || !strings.Contains(e.Error(), "schedule") {
			t.Errorf("%v, temporary %v", e, e.Temporary)
		}
	})
}

// What is refused before any route is looked at.
func TestRefusedAtOnce(t *testing.T) {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	invalid := letter(1)
	invalid.To = nil
	for _, c := range []struct {
		name   string
		ctx    context.Context
		msg    *mailer.Message
		closed bool
		is     error
	}{
		{"closed", context.Background(), letter(1), true, mailer.ErrClosed},
		{"invalid", context.Background(), invalid, false, mailer.ErrInvalidMessage},
		{"nil", context.Background(), nil, false, mailer.ErrInvalidMessage},
		{"ctx ended", ended, letter(1), false, context.Canceled},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := scripted("a")
			m := start(t, router.Config{}, a)
			if c.closed {
				_ = m.Close(t.Context())
			}
			receipt, err := m.Send(c.ctx, c.msg)
			account := m.contract(receipt, err)
			e := mailer.AsSendError(err)
			expect(t, "outcome", e.Outcome, mailer.NotAccepted)
			if !errors.Is(err, c.is) || c.msg != nil && e.Scope != mailer.ScopeCaller && e.Scope != mailer.ScopeMessage {
				t.Errorf("%v, scope %v, want %v", err, e.Scope, c.is)
			}
			expect(t, "calls", len(a.seen()), 0)
			expect(t, "attempts", len(account.Attempts), 0)
		})
	}
}

// MaxAttempts counts the attempts at all routes together.
func TestMaxAttempts(t *testing.T) {
	for attempts, want := range map[int]string{
		0: "a next route, b next route, c stop",
		1: "a stop",
		2: "a next route, b stop",
		4: "a next route, b next route, c next route, d done",
	} {
		virtual(t, func(t *testing.T) {
			m := start(t, router.Config{MaxAttempts: attempts}, scripted("a", down()), scripted("b", down()), scripted("c", down()), healthy("d"))
			account, _ := m.send(t.Context(), letter(1))
			if got := trace(account); !strings.HasPrefix(got, want) {
				t.Errorf("%d attempts: got %q, want %q", attempts, got, want)
			}
		})
	}
}
