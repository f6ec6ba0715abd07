package router_test

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/mailertest"
	"github.com/mailkeel/mailkeel/mailer/router"
)

// A Message-ID and a key are made once, and all routes have the same message.
func TestSameMessageEverywhere(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a, b, c := scripted("a", down()), scripted("b", limited(time.Second)), healthy("c")
		m := start(t, router.Config{}, a, b, c)
		msg := letter(1)
		msg.MessageID = ""
		account := m.must(t.Context(), msg)
		if account.MessageID == "" || msg.MessageID != "" {
			t.Errorf("message id %q, in the caller's message %q", account.MessageID, msg.MessageID)
		}
		for _, p := range []*provider{a, b, c} {
			got := p.seen()[0].msg
			expect(t, "message id", got.MessageID, account.MessageID)
			expect(t, "key", got.IdempotencyKey, account.IdempotencyKey)
			expect(t, "date", got.Date, a.seen()[0].msg.Date)
		}
	})
}

// Contents that can be read once only reach the route that takes the message.
func TestContentIsKept(t *testing.T) {
	m := start(t, router.Config{}, scripted("a", down()), scripted("b", down()), healthy("c"))
	msg := letter(1)
	msg.Attachments = []mailer.Attachment{{Name: "a.txt", Content: mailer.Reader(strings.NewReader("once"))}}
	m.must(t.Context(), msg)
	kept := spies(m.Router)[2].Kept()[0].Message.Attachments[0].Content
	r, err := kept.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil || string(data) != "once" {
		t.Errorf("%q, %v", data, err)
	}
}

// What was left out is told for the routes that took the message, and for them only.
func TestDegraded(t *testing.T) {
	virtual(t, func(t *testing.T) {
		full := refusal(mailer.ScopeProvider, elsewhere, 451)
		a := scripted("a", rejecting(full, ann, bob, cid)).lacking(mailer.FeatureMetadata)
		b := scripted("b", rejecting(full, bob)).lacking(mailer.FeatureTags | mailer.FeatureMetadata)
		c := healthy("c").lacking(mailer.FeatureTags | mailer.FeaturePriority)
		m := start(t, router.Config{}, a, b, c)
		msg := crowd(1)
		msg.Tags, msg.Priority, msg.Metadata = []string{"x"}, mailer.PriorityHigh, map[string]string{"k": "v"}
		account := m.must(t.Context(), msg)
		got := slices.Sorted(slices.Values(account.Degraded))
		if want := []string{"metadata", "priority", "tags"}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

// A receipt belongs to the caller: what is done to it shows nowhere else.
func TestReceiptIsTheCallers(t *testing.T) {
	for name, cfg := range map[string]router.Config{
		"usual":          {},
		"without limits": {MinSlice: -1, StartLimit: -1, ReplyLimit: -1, DoubtLimit: -1},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				m := start(t, cfg, always("a", down()), healthy("b"))
				for i := range 8 {
					account := m.must(t.Context(), letter(i))
					last := account.Attempts[len(account.Attempts)-1]
					expect(t, "route", last.Route, "b")
					expect(t, "decision", last.Decision, "done")
					expect(t, "provider", last.Provider, "b-mail")
					for j := range account.Attempts {
						account.Attempts[j] = mailer.Attempt{Route: "spoiled"}
					}
					account.Recipients[0] = mailer.RecipientResult{}
				}
			})
		})
	}
}

// Without limits of their own attempts are made without any ado; nothing else is different.
func TestWithoutLimits(t *testing.T) {
	cfg := router.Config{MinSlice: -1, StartLimit: -1, ReplyLimit: -1, DoubtLimit: -1}
	for _, c := range []struct {
		name    string
		a       mailertest.Step
		msg     *mailer.Message
		trace   string
		outcome mailer.Outcome
	}{
		{"accepted", mailertest.Step{}, letter(1), "a done", mailer.Accepted},
		{"refused", down(), letter(1), "a next route, b done", mailer.Accepted},
		{"limited", limited(time.Minute), letter(1), "a next route, b done", mailer.Accepted},
		{"in doubt", lost(true), letter(1), "a stop", mailer.Unknown},
		{"in doubt, at least once", lost(true), doubled(1), "a next route, b done", mailer.Accepted},
		{"a bad address", refused(mailer.ScopeRecipient, 0, 550), letter(1), "a stop", mailer.NotAccepted},
		{"the rest", rejecting(refusal(mailer.ScopeProvider, elsewhere, 451), bob), crowd(1), "a next route, b done", mailer.Accepted},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				m := start(t, cfg, scripted("a", c.a), healthy("b"))
				account, _ := m.send(t.Context(), c.msg)
				expect(t, "trace", trace(account), c.trace)
				expect(t, "outcome", account.Outcome, c.outcome)
			})
		})
	}
}

// And a route rests all the same.
func TestWithoutLimitsRests(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := broken("a", down())
		m := start(t, router.Config{MinSlice: -1, StartLimit: -1, ReplyLimit: -1, DoubtLimit: -1}, a, healthy("b"))
		m.burst(1, 20)
		expect(t, "calls of a", len(a.seen()), 5)
		a.mend()
		a.Rest = &mailertest.Step{}
		m.until("a", router.HalfOpen)
		m.must(t.Context(), doubled(21))
		expect(t, "trace", trace(m.must(t.Context(), letter(22))), "a done")
	})
}

// A Sender that says little: its receipt is completed, and its error is not written to.
func TestTerseSender(t *testing.T) {
	t.Run("accepted", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			for i, r := range []*mailer.Receipt{nil, {}, {Attempts: []mailer.Attempt{{Phase: mailer.PhaseDone, Outcome: mailer.Accepted}}}} {
				a := doing(func(context.Context, *mailer.Message) (*mailer.Receipt, error) { return r, nil })
				m := start(t, router.Config{Routes: []router.Route{{Name: "a", Sender: a}}})
				receipt, err := m.Send(t.Context(), crowd(i))
				if err != nil {
					t.Fatal(err)
				}
				expect(t, "outcomes", outcomes(receipt), "accepted by a; accepted by a; accepted by a; ")
				expect(t, "trace", trace(receipt), "a done")
				expect(t, "outcome", receipt.Outcome, mailer.Accepted)
			}
		})
	})
	t.Run("refused for now", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			n := 0
			a := doing(func(context.Context, *mailer.Message) (*mailer.Receipt, error) {
				if n++; n > 1 {
					return &mailer.Receipt{Outcome: mailer.Accepted}, nil
				}
				return nil, &mailer.SendError{Receipt: new(mailer.Receipt), Outcome: mailer.NotAccepted, Scope: mailer.ScopeProvider, Temporary: true}
			})
			m := start(t, router.Config{Routes: []router.Route{{Name: "a", Sender: a}}})
			m.loose = true
			receipt, err := m.Send(t.Context(), letter(1))
			if err != nil {
				t.Fatal(err)
			}
			expect(t, "trace", trace(receipt), "a retry, a done")
		})
	})
	t.Run("one error for all", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			given := &mailer.SendError{
				Receipt: &mailer.Receipt{Recipients: []mailer.RecipientResult{{Address: ann, Outcome: mailer.NotAccepted, Scope: mailer.ScopeCaller}},
					Attempts: []mailer.Attempt{{Detail: "given"}}},
				Outcome: mailer.NotAccepted, Scope: mailer.ScopeCaller, Err: errReset,
			}
			a := doing(func(ctx context.Context, _ *mailer.Message) (*mailer.Receipt, error) {
				mailer.GateFrom(ctx).Mark(mailer.PhaseConnect)
				<-ctx.Done()
				return nil, given
			})
			m := start(t, router.Config{Routes: []router.Route{{Name: "a", Sender: a}, through(healthy("b"))}})
			m.loose = true
			account := m.must(t.Context(), letter(1))
			expect(t, "trace", trace(account), "a next route, b done")
			expect(t, "scope", given.Scope, mailer.ScopeCaller)
			expect(t, "recipient's scope", given.Receipt.Recipients[0].Scope, mailer.ScopeCaller)
			expect(t, "detail", given.Receipt.Attempts[0].Detail, "given")
		})
	})
}

// A route that is left out has no place in the account where nobody could have taken the message.
func TestUnfitIsNotToldOfABadAddress(t *testing.T) {
	virtual(t, func(t *testing.T) {
		m := start(t, router.Config{}, scripted("a", refused(mailer.ScopeRecipient, 0, 550)), scripted("b").lacking(mailer.FeatureSchedule))
		msg := letter(1)
		msg.SendAt = time.Now().Add(time.Hour)
		account, _ := m.send(t.Context(), msg)
		expect(t, "trace", trace(account), "a stop")
	})
}

// The attempts inside a nested router began when they did.
func TestTimesOfNestedAttempts(t *testing.T) {
	virtual(t, func(t *testing.T) {
		step := down()
		step.Before = mailertest.For(time.Second)
		inner := nest(t, "inner", alone, scripted("inner/a", step), scripted("inner/b", mailertest.Step{}))
		m := start(t, router.Config{StartLimit: -1, Routes: []router.Route{inner}})
		began := time.Now()
		account := m.must(t.Context(), letter(1))
		expect(t, "start of a", account.Attempts[0].Start, began)
		expect(t, "start of b", account.Attempts[1].Start, began.Add(time.Second))
	})
}

// A route that refused it has left nothing out.
func TestDegradedOfTheRefused(t *testing.T) {
	virtual(t, func(t *testing.T) {
		m := start(t, router.Config{}, scripted("a", rejecting(refusal(mailer.ScopeProvider, elsewhere, 451), bob)),
			scripted("b", down()).lacking(mailer.FeatureTags), healthy("c"))
		msg := crowd(1)
		msg.Tags = []string{"x"}
		expect(t, "left out", len(m.must(t.Context(), msg).Degraded), 0)
	})
}
