package router_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/mailertest"
	"github.com/mailkeel/mailkeel/mailer/router"
)

const (
	ann = "ann@example.net"
	bob = "bob@example.net"
	cid = "cid@example.net"
)

// rejecting is a step that takes the message but for those recipients.
func rejecting(verdict *mailer.SendError, recipients ...string) mailertest.Step {
	verdicts := map[string]*mailer.SendError{}
	for _, r := range recipients {
		verdicts[r] = verdict
	}
	return mailertest.Step{Recipients: verdicts}
}

// crowd is a message to three recipients, in all three lists.
func crowd(n int) *mailer.Message {
	msg := letter(n, ann)
	msg.Cc = []mailer.Address{{Address: bob}}
	msg.Bcc = []mailer.Address{{Address: cid}}
	return msg
}

func many(n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("r%d@example.net", i))
	}
	return all
}

// shown returns the addresses that the header of a message shows.
func shown(m *mailer.Message) []string {
	var all []string
	for _, a := range slices.Concat(m.To, m.Cc) {
		all = append(all, a.Address)
	}
	return all
}

// outcomes returns the recipients' outcomes and routes in one line.
func outcomes(r *mailer.Receipt) string {
	text := ""
	for _, x := range r.Recipients {
		text += fmt.Sprintf("%s by %s; ", x.Outcome, x.Route)
	}
	return text
}

// Only who was not accepted goes on, and the header stays whole.
func TestOnlyTheRestGoesOn(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := scripted("a", rejecting(refusal(mailer.ScopeProvider, elsewhere|temporary, 451), bob))
		b := healthy("b")
		m := start(t, router.Config{}, a, b)
		account := m.must(t.Context(), crowd(1))
		expect(t, "trace", trace(account), "a next route, b done")
		expect(t, "outcomes", outcomes(account), "accepted by a; accepted by b; accepted by a; ")
		got := b.seen()[0].msg
		if !slices.Equal(got.Recipients(), []string{bob}) || !slices.Equal(shown(got), []string{ann, bob}) {
			t.Errorf("b got it for %v and shows %v", got.Recipients(), shown(got))
		}
		expect(t, "key", got.IdempotencyKey, account.IdempotencyKey)
		expect(t, "message id", got.MessageID, account.MessageID)
	})
}

// A route whose header and envelope are one would show the others a message without them, or write to
// them again: it gets the rest only where that is allowed.
func TestRestWithoutEnvelope(t *testing.T) {
	for _, split := range []bool{false, true} {
		virtual(t, func(t *testing.T) {
			a := scripted("a", rejecting(refusal(mailer.ScopeProvider, elsewhere, 451), bob))
			b := healthy("b").lacking(mailer.FeatureEnvelope)
			m := start(t, router.Config{SplitRecipients: split}, a, b)
			account, e := m.send(t.Context(), crowd(1))
			if !split {
				expect(t, "outcomes", outcomes(account), "accepted by a; not_accepted by a; accepted by a; ")
				expect(t, "trace", trace(account), "a stop, [b]")
				if !errors.Is(e, mailer.ErrPartlyAccepted) {
					t.Errorf("%v", e)
				}
				return
			}
			expect(t, "trace", trace(account), "a next route, b done")
			got := b.seen()[0].msg
			if !slices.Equal(got.Recipients(), []string{bob}) || !slices.Equal(shown(got), []string{bob}) {
				t.Errorf("b got it for %v and shows %v", got.Recipients(), shown(got))
			}
			if got.IdempotencyKey == account.IdempotencyKey || got.MessageID != account.MessageID {
				t.Errorf("key %q, message id %q", got.IdempotencyKey, got.MessageID)
			}
		})
	}
}

// How the results of several routes come together.
func TestMergedResults(t *testing.T) {
	gone := refusal(mailer.ScopeRecipient, 0, 550)
	full := refusal(mailer.ScopeProvider, elsewhere|temporary, 451)
	doubt := &mailer.SendError{Scope: mailer.ScopeProvider, Err: errReset}
	for _, c := range []struct {
		name     string
		a, b     mailertest.Step
		trace    string
		outcomes string
		outcome  mailer.Outcome
	}{
		{
			"a bad address stays where it is", rejecting(gone, bob), down(),
			"a stop", "accepted by a; not_accepted by a; accepted by a; ", mailer.PartlyAccepted,
		},
		{
			"one for good, one for now", mailertest.Step{Recipients: map[string]*mailer.SendError{ann: gone, cid: full}}, mailertest.Step{},
			"a next route, b done", "not_accepted by a; accepted by a; accepted by b; ", mailer.PartlyAccepted,
		},
		{
			"the rest is refused elsewhere too", rejecting(full, ann, cid), rejecting(gone, cid),
			"a next route, b stop", "accepted by b; accepted by a; not_accepted by b; ", mailer.PartlyAccepted,
		},
		{
			"who is in doubt goes nowhere (P3)", mailertest.Step{Recipients: map[string]*mailer.SendError{ann: doubt, bob: full}}, mailertest.Step{},
			"a next route, b done", "unknown by a; accepted by b; accepted by a; ", mailer.Unknown,
		},
		{
			"in doubt elsewhere", rejecting(full, bob), lost(true),
			"a next route, b stop", "accepted by a; unknown by b; accepted by a; ", mailer.Unknown,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				m := start(t, router.Config{MaxAttempts: 2}, scripted("a", c.a), scripted("b", c.b))
				account, _ := m.send(t.Context(), crowd(1))
				expect(t, "trace", trace(account), c.trace)
				expect(t, "outcomes", outcomes(account), c.outcomes)
				expect(t, "outcome", account.Outcome, c.outcome)
			})
		})
	}
}

// A server that takes a few recipients at a time gets them all, in as many transactions
// as it takes (SMTP row 20).
func TestTooManyForOneTransaction(t *testing.T) {
	virtual(t, func(t *testing.T) {
		all := many(10)
		a := scripted("a")
		for i := 2; i <= 10; i += 2 {
			a.Steps = append(a.Steps, rejecting(refusal(mailer.ScopeRecipient, elsewhere|temporary, 452), all[i:]...))
		}
		b := scripted("b")
		m := start(t, router.Config{}, a, b)
		account := m.must(t.Context(), letter(1, all...))
		expect(t, "trace", trace(account), "a retry, a retry, a retry, a retry, a done")
		expect(t, "calls of b", len(b.seen()), 0)
		for i, c := range a.seen() {
			if !slices.Equal(c.msg.Recipients(), all[2*i:]) || !slices.Equal(shown(c.msg), all) {
				t.Errorf("transaction %d is for %v and shows %v", i, c.msg.Recipients(), shown(c.msg))
			}
		}
	})
}

// A server that takes nobody is not asked for ever.
func TestTooManyWithoutProgress(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := always("a", refused(mailer.ScopeRecipient, elsewhere|temporary, 452))
		m := start(t, router.Config{}, a)
		account, e := m.send(t.Context(), letter(1, many(4)...))
		expect(t, "outcome", e.Outcome, mailer.NotAccepted)
		expect(t, "attempts", len(account.Attempts), 3)
	})
}

// A message to more recipients than a route takes goes in portions, where that is allowed. A
// portion is no further attempt.
func TestPortions(t *testing.T) {
	for _, attempts := range []int{0, 1} {
		virtual(t, func(t *testing.T) {
			a := healthy("a")
			a.MaxRecipients = 2
			m := start(t, router.Config{SplitRecipients: true, MaxAttempts: attempts}, a)
			all := many(9)
			account := m.must(t.Context(), letter(1, all...))
			expect(t, "transactions", len(a.seen()), 5)
			expect(t, "provider's copies", len(a.Kept()), 5)
			expect(t, "attempts", len(account.Attempts), 5)
			for i, c := range a.seen() {
				if want := all[2*i : min(2*i+2, 9)]; !slices.Equal(c.msg.Recipients(), want) {
					t.Errorf("portion %d is for %v, want %v", i, c.msg.Recipients(), want)
				}
			}
		})
	}
}

// When the provider fails between portions, what is left goes on; none is sent again.
func TestPortionFails(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a, b := always("a", down()), healthy("b")
		a.Steps = []mailertest.Step{{}}
		a.MaxRecipients = 2
		m := start(t, router.Config{SplitRecipients: true}, a, b)
		all := many(11)
		account := m.must(t.Context(), letter(1, all...))
		expect(t, "trace", trace(account), "a retry, a next route, b done")
		if got := b.seen()[0].msg.Recipients(); !slices.Equal(got, all[2:]) {
			t.Errorf("b has it for %v", got)
		}
	})
}

// Where it is not allowed, another route takes the whole, or nobody.
func TestNoPortions(t *testing.T) {
	for _, c := range []struct {
		name  string
		cfg   router.Config
		whole bool
	}{
		{"not split", router.Config{}, false},
		{"all or none", router.Config{SplitRecipients: true}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				small, large := scripted("a"), healthy("b")
				small.MaxRecipients = 2
				msg := letter(1, many(3)...)
				msg.AllOrNone = c.whole
				m := start(t, c.cfg, small, large)
				expect(t, "trace", trace(m.must(t.Context(), msg)), "[a], b done")

				tiny := scripted("a")
				tiny.MaxRecipients = 2
				m = start(t, c.cfg, tiny)
				if _, e := m.send(t.Context(), msg); !errors.Is(e, mailer.ErrUnsupported) {
					t.Errorf("%v", e)
				}
			})
		})
	}
}

// A message that is all-or-none goes on as a whole, or not at all.
func TestAllOrNone(t *testing.T) {
	for _, c := range []struct {
		name    string
		verdict *mailer.SendError
		trace   string
		outcome mailer.Outcome
	}{
		{"the provider's fault", refusal(mailer.ScopeProvider, elsewhere|temporary, 451), "a next route, b done", mailer.Accepted},
		{"a bad address", refusal(mailer.ScopeRecipient, 0, 550), "a stop", mailer.NotAccepted},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				b := healthy("b")
				m := start(t, router.Config{SplitRecipients: true}, scripted("a", rejecting(c.verdict, bob)), b)
				msg := crowd(1)
				msg.AllOrNone = true
				account, _ := m.send(t.Context(), msg)
				expect(t, "trace", trace(account), c.trace)
				expect(t, "outcome", account.Outcome, c.outcome)
				for _, call := range b.seen() {
					expect(t, "recipients", len(call.msg.Recipients()), 3)
				}
			})
		})
	}
}

// A Sender that breaks the rules of all-or-none is not made to send the rest.
func TestAllOrNoneIsNeverSplit(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := scripted("b")
		m := start(t, router.Config{SplitRecipients: true, Routes: []router.Route{{Name: "a", Sender: careless{}}, through(b)}})
		msg := crowd(1)
		msg.AllOrNone = true
		_, err := m.Send(t.Context(), msg)
		expect(t, "outcome", mailer.AsSendError(err).Outcome, mailer.PartlyAccepted)
		expect(t, "calls of b", len(b.seen()), 0)
	})
}

// A route that came to rest during a transaction is not gone on with at once.
func TestNoFurtherTransactionAtRest(t *testing.T) {
	virtual(t, func(t *testing.T) {
		some := rejecting(refusal(mailer.ScopeRecipient, elsewhere|temporary, 452), bob)
		some.After = mailertest.For(500 * time.Millisecond)
		m := start(t, router.Config{}, scripted("a", some, forbidden()), healthy("b"))
		time.AfterFunc(100*time.Millisecond, func() { _, _ = m.Send(context.Background(), letter(2)) })
		account := m.must(t.Context(), crowd(1))
		expect(t, "outcomes", outcomes(account), "accepted by a; accepted by b; accepted by a; ")
	})
}

// A message that was refused as a whole goes on as a whole, also to a route that cannot send to some only.
func TestWholeWithoutEnvelope(t *testing.T) {
	virtual(t, func(t *testing.T) {
		m := start(t, router.Config{}, scripted("a", down()), healthy("b").lacking(mailer.FeatureEnvelope))
		expect(t, "trace", trace(m.must(t.Context(), crowd(1))), "a next route, b done")
	})
}

// Who is left goes to the same route again where no other can send to some only.
func TestRestGoesBack(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := scripted("a", rejecting(refusal(mailer.ScopeProvider, elsewhere|temporary, 451), bob), mailertest.Step{})
		m := start(t, router.Config{}, a, scripted("b").lacking(mailer.FeatureEnvelope))
		account := m.must(t.Context(), crowd(1))
		expect(t, "outcomes", outcomes(account), "accepted by a; accepted by a; accepted by a; ")
	})
}

// MaxAttempts holds for the rest too, unless it is a further portion.
func TestRestIsAnAttempt(t *testing.T) {
	virtual(t, func(t *testing.T) {
		m := start(t, router.Config{MaxAttempts: 1}, scripted("a", rejecting(refusal(mailer.ScopeProvider, elsewhere|temporary, 451), bob)), scripted("b"))
		account, e := m.send(t.Context(), crowd(1))
		expect(t, "attempts", len(tried(account)), 1)
		expect(t, "outcome", e.Outcome, mailer.PartlyAccepted)
	})
}

// The route of the whole is that of the last recipient who has its outcome.
func TestRouteOfTheWhole(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := scripted("a", rejecting(refusal(mailer.ScopeProvider, elsewhere, 451), cid))
		account := start(t, router.Config{}, a, healthy("b")).must(t.Context(), crowd(1))
		expect(t, "route", account.Route, "b")
		expect(t, "provider", account.Provider, "b-mail")
	})
}

// Portions that went through are no attempts that a later failure has to do without.
func TestPortionsThenAnotherRoute(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a, b := always("a", down()), healthy("b")
		a.Steps = []mailertest.Step{{}, {}, {}}
		a.MaxRecipients = 2
		m := start(t, router.Config{SplitRecipients: true}, a, b)
		m.must(t.Context(), letter(1, many(11)...))
		expect(t, "recipients of b", len(b.seen()[0].msg.Recipients()), 5)
	})
}

// That the addresses of a portion are bad says nothing about the others.
func TestBadPortion(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := scripted("a", refused(mailer.ScopeRecipient, 0, 550), mailertest.Step{})
		a.MaxRecipients = 2
		m := start(t, router.Config{SplitRecipients: true, MaxAttempts: 1}, a)
		account, _ := m.send(t.Context(), letter(1, many(4)...))
		expect(t, "outcomes", outcomes(account), "not_accepted by a; not_accepted by a; accepted by a; accepted by a; ")
	})
}

// Who was in no portion when one was in doubt may be tried later, anywhere.
func TestPortionInDoubt(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := scripted("a", mailertest.Step{}, lost(true))
		a.MaxRecipients = 2
		m := start(t, router.Config{SplitRecipients: true, MaxAttempts: 1}, a)
		account, _ := m.send(t.Context(), letter(1, many(6)...))
		expect(t, "outcomes", outcomes(account), "accepted by a; accepted by a; unknown by a; unknown by a; not_accepted by ; not_accepted by ; ")
		if r := account.Recipients[5]; !r.Temporary || !r.Elsewhere {
			t.Errorf("%+v", r)
		}
	})
}

// A bad address is known for good although what its message became of was in doubt.
func TestBadAddressAfterTheAnswer(t *testing.T) {
	virtual(t, func(t *testing.T) {
		late, bad := lost(false), refused(mailer.ScopeRecipient, 0, 550)
		late.Before, bad.Before = mailertest.For(400*time.Millisecond), mailertest.For(50*time.Millisecond)
		m := start(t, router.Config{}, askable{scripted("a", late), says(mailer.NotAccepted, nil)}, scripted("b", bad), scripted("c"))
		account, e := m.send(t.Context(), letter(1))
		expect(t, "outcome", e.Outcome, mailer.NotAccepted)
		if r := account.Recipients[0]; r.Temporary || r.Elsewhere {
			t.Errorf("%+v", r)
		}
	})
}

// All-or-none goes by the verdict on the whole, whatever is said about each.
func TestAllOrNoneByTheWhole(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := doing(func(_ context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
			e := &mailer.SendError{Receipt: new(mailer.Receipt), Outcome: mailer.NotAccepted, Scope: mailer.ScopeProvider, Elsewhere: true, Err: errRefused}
			for _, address := range msg.Recipients() {
				e.Receipt.Recipients = append(e.Receipt.Recipients, mailer.RecipientResult{Address: address, Outcome: mailer.NotAccepted, Scope: mailer.ScopeRecipient, Elsewhere: address != bob})
			}
			return nil, e
		})
		m := start(t, router.Config{Routes: []router.Route{{Name: "a", Sender: a}, through(healthy("b"))}})
		msg := crowd(1)
		msg.AllOrNone = true
		account, _ := m.send(t.Context(), msg)
		expect(t, "trace", trace(account), "a next route, b done")
	})
}

// Each is a provider that takes one recipient at a time.
type each struct{ *keyed }

func (e each) Capabilities() mailer.Capabilities {
	c := e.keyed.Capabilities()
	c.MaxRecipients = 1
	return c
}

// Of several portions in doubt each is replayed.
func TestReplayOfPortions(t *testing.T) {
	for _, delivery := range []mailer.Delivery{mailer.AtMostOnce, mailer.AtLeastOnce} {
		virtual(t, func(t *testing.T) {
			a := each{&keyed{provider: scripted("a", lost(true), lost(true)), window: time.Hour}}
			m := start(t, router.Config{SplitRecipients: true, MaxAttempts: 4}, a)
			msg := letter(1, ann, bob)
			msg.Delivery = delivery
			account := m.must(t.Context(), msg)
			expect(t, "trace", trace(account), "a retry, a replay, a replay, a done")
			expect(t, "copies", len(a.Kept()), 2)
		})
	}
}

// Where recipients need several things, the question comes first, and another route before a retry.
func TestUrgency(t *testing.T) {
	doubt := &mailer.SendError{Scope: mailer.ScopeProvider, Err: errReset}
	tooMany := refusal(mailer.ScopeRecipient, elsewhere|temporary, 452)
	virtual(t, func(t *testing.T) {
		step := mailertest.Step{Kept: true, Recipients: map[string]*mailer.SendError{ann: doubt, bob: tooMany}}
		m := start(t, router.Config{}, askable{scripted("a", step, mailertest.Step{}), says(mailer.Accepted, nil)})
		expect(t, "trace", trace(m.must(t.Context(), crowd(1))), "a ask, a retry, a done")
	})
	virtual(t, func(t *testing.T) {
		step := mailertest.Step{Recipients: map[string]*mailer.SendError{
			ann: refusal(mailer.ScopeProvider, temporary, 451), bob: refusal(mailer.ScopeProvider, elsewhere, 451),
		}}
		m := start(t, router.Config{}, scripted("a", step, mailertest.Step{}), healthy("b"))
		expect(t, "trace", trace(m.must(t.Context(), crowd(1))), "a next route, b retry, a done")
	})
}
