package router_test

import (
	"context"
	"errors"
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
		"without limits": {CommitLimit: -1, MinSlice: -1, StartLimit: -1, ReplyLimit: -1, DoubtLimit: -1},
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
	cfg := router.Config{CommitLimit: -1, MinSlice: -1, StartLimit: -1, ReplyLimit: -1, DoubtLimit: -1}
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
		m := start(t, router.Config{CommitLimit: -1, MinSlice: -1, StartLimit: -1, ReplyLimit: -1, DoubtLimit: -1}, a, healthy("b"))
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
				expect(t, "message id", receipt.MessageID, crowd(i).MessageID)
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

// The text of an error does not tell of the same attempt, or route, twice.
func TestTextSaysItOnce(t *testing.T) {
	virtual(t, func(t *testing.T) {
		_, e := start(t, router.Config{}, scripted("alpha", down(), down(), down())).send(t.Context(), letter(1))
		inner := nest(t, "inner", router.Config{}, scripted("inner/beta", refused(mailer.ScopeRecipient, 0, 550)))
		_, f := start(t, router.Config{Routes: []router.Route{inner}}).send(t.Context(), letter(2))
		for _, text := range []string{e.Error(), f.Error()} {
			if strings.Contains(text, "alpha: ") || strings.Contains(text, "inner/beta: ") {
				t.Errorf("%q", text)
			}
		}
	})
}

// What a router counts as usual: no doubts, and no contents that take their time.
func TestWhatIsUsual(t *testing.T) {
	virtual(t, func(t *testing.T) {
		bad := refused(mailer.ScopeRecipient, 0, 550)
		bad.After = mailertest.For(2 * time.Second)
		a := scripted("a", silence(), bad)
		m := start(t, router.Config{}, a)
		m.send(within(t, 20*time.Second), letter(1))
		expect(t, "reply after a doubt", m.state("a").UsualReply, 0)
		m.send(t.Context(), letter(2))
		expect(t, "reply", m.state("a").UsualReply, 2*time.Second)
	})
}

// Without limits a route's own settings hold all the same.
func TestWithoutLimitsSettings(t *testing.T) {
	plain := router.Config{MinSlice: -1, StartLimit: -1, ReplyLimit: -1, DoubtLimit: -1}
	t.Run("policy", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			cfg := plain
			cfg.Policy = router.RoundRobin
			m := start(t, cfg, healthy("a"), healthy("b"))
			for i, want := range []string{"a done", "b done"} {
				expect(t, "trace", trace(m.must(t.Context(), letter(i))), want)
			}
		})
	})
	t.Run("places", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			cfg, a := plain, always("a", slowly(0, time.Second))
			cfg.Routes = []router.Route{{Name: "a", Sender: a, MaxInFlight: 1}}
			start(t, cfg).together(3)
			expect(t, "at a time", a.most(), 1)
		})
	})
	t.Run("author", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			cfg, a := plain, healthy("a")
			cfg.Routes = []router.Route{{Name: "a", Sender: a, From: mailer.Address{Address: "b@other.example"}}}
			start(t, cfg).must(t.Context(), letter(1))
			expect(t, "author", a.seen()[0].msg.From.Address, "b@other.example")
		})
	})
	t.Run("what fits", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			msg := letter(1)
			msg.SendAt = time.Now().Add(time.Hour)
			m := start(t, plain, scripted("a").lacking(mailer.FeatureSchedule), healthy("b"))
			expect(t, "trace", trace(m.must(t.Context(), msg)), "[a], b done")
		})
	})
	t.Run("attempts", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			cfg := plain
			cfg.MaxAttempts = 1
			account, _ := start(t, cfg, scripted("a", down()), scripted("b")).send(t.Context(), letter(1))
			expect(t, "trace", trace(account), "a stop")
		})
	})
	t.Run("close", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			first := down()
			first.Before = mailertest.For(time.Second)
			m := start(t, plain, scripted("a", first), scripted("b", slowly(0, time.Second)))
			done := make(chan struct{})
			go func() {
				defer close(done)
				m.must(t.Context(), letter(1))
			}()
			time.Sleep(500 * time.Millisecond)
			began := time.Now()
			if err := m.Close(t.Context()); err != nil {
				t.Error(err)
			}
			expect(t, "time", time.Since(began), 1500*time.Millisecond)
			<-done
			_, e := m.send(t.Context(), letter(2))
			expect(t, "closed", errors.Is(e, mailer.ErrClosed), true)
			expect(t, "in flight", m.state("a").InFlight, 0)
		})
	})
}

// withoutLimits is a router of which attempts have no limits of their own.
var withoutLimits = router.Config{CommitLimit: -1, MinSlice: -1, StartLimit: -1, ReplyLimit: -1, DoubtLimit: -1}

// Messages that were under way when a route began to rest do not make it rest longer.
func TestWithoutLimitsRestsOnce(t *testing.T) {
	for name, step := range map[string]mailertest.Step{"provider": down(), "config": forbidden()} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				step.Before = mailertest.For(100 * time.Millisecond)
				m := start(t, withoutLimits, broken("a", step), healthy("b"))
				m.together(60)
				h := m.state("a")
				expect(t, "state", h.State, router.Open)
				expect(t, "cause", h.Cause, name)
				if rest, most := time.Until(h.Until), 36*time.Second; rest > most || name == "provider" && rest > most/3 {
					t.Errorf("it rests for %v", rest)
				}
			})
		})
	}
}

// How long a provider knows a key is counted from the beginning of the attempt (P3).
func TestWithoutLimitsReplay(t *testing.T) {
	virtual(t, func(t *testing.T) {
		late := lost(true)
		late.After = mailertest.For(2 * time.Minute)
		a := &keyed{provider: scripted("a", mailertest.Step{}, late, mailertest.Step{}), window: 2 * time.Minute}
		m := start(t, withoutLimits, a)
		m.must(t.Context(), letter(1)) // from now on it is known that its receipts have times
		time.Sleep(time.Hour)
		account, _ := m.send(t.Context(), letter(2))
		expect(t, "trace", trace(account), "a stop")
		expect(t, "copies", a.copies(account.MessageID, "ann@example.net"), 1)
	})
}

// Who listens hears of every attempt, and how long it took.
func TestWithoutLimitsIsObserved(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l, cfg, bad := new(listener), withoutLimits, down()
		cfg.Observer, bad.Before = l, mailertest.For(time.Second)
		m := start(t, cfg, scripted("a", mailertest.Step{}, bad), healthy("b"))
		m.must(t.Context(), letter(1))
		m.must(t.Context(), letter(2))
		if len(l.attempts) != 3 {
			t.Fatalf("heard of %d attempts", len(l.attempts))
		}
		expect(t, "duration", l.attempts[1].Duration, time.Second)
	})
}

// CommitLimit is one of the limits.
func TestWithoutOtherLimits(t *testing.T) {
	virtual(t, func(t *testing.T) {
		cfg := withoutLimits
		cfg.CommitLimit = 0
		m := start(t, cfg, scripted("a", slowly(time.Hour, 0)))
		began := time.Now()
		account, _ := m.send(context.Background(), letter(1))
		expect(t, "outcome", account.Outcome, mailer.NotAccepted)
		expect(t, "time", time.Since(began), 30*time.Second)
	})
}

// Where no route decided, the receipt names the router.
func TestUntakenNames(t *testing.T) {
	virtual(t, func(t *testing.T) {
		m := start(t, router.Config{Name: "mail"}, scripted("a").lacking(mailer.FeatureSchedule))
		msg := letter(1)
		msg.SendAt = time.Now().Add(time.Hour)
		account, _ := m.send(t.Context(), msg)
		for what, names := range map[string][2]string{
			"receipt": {account.Provider, account.Route}, "recipient": {account.Recipients[0].Provider, account.Recipients[0].Route},
		} {
			expect(t, what, names, [2]string{"router", "mail"})
		}
	})
}

// choosy passes every message over by itself, as adapters do with what only they know not to fit.
type choosy struct{}

func (choosy) Send(_ context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
	r := &mailer.Receipt{Outcome: mailer.NotAccepted, Attempts: []mailer.Attempt{
		{Outcome: mailer.NotAccepted, Scope: mailer.ScopeMessage, Decision: "stop", Skipped: "unsupported: too large"},
	}}
	for _, to := range msg.Recipients() {
		r.Recipients = append(r.Recipients, mailer.RecipientResult{Address: to, Outcome: mailer.NotAccepted, Scope: mailer.ScopeMessage, Elsewhere: true})
	}
	return nil, &mailer.SendError{Receipt: r, Outcome: r.Outcome, Scope: mailer.ScopeMessage, Elsewhere: true, Err: mailer.ErrUnsupported}
}

// What followed upon a route that passed the message over by itself is told too.
func TestDecisionAfterPassingOver(t *testing.T) {
	virtual(t, func(t *testing.T) {
		r, err := router.New(router.Config{Routes: []router.Route{{Name: "a", Sender: choosy{}}, {Name: "b", Sender: new(mailertest.Recorder)}}})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = r.Close(t.Context()) }()
		account, err := r.Send(t.Context(), letter(1))
		if err != nil {
			t.Fatal(err)
		}
		first := account.Attempts[0]
		expect(t, "decision", first.Decision, "next route")
		expect(t, "skipped", first.Skipped, "unsupported: too large")
	})
}
