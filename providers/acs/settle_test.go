package acs_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/acs"
	"github.com/mailkeel/mailkeel/providers/acs/acstest"
)

// TestSettled: where a refusal leaves open whether the service has the message, its operation tells,
// and nothing is sent again.
func TestSettled(t *testing.T) {
	accept := func(a acstest.Answer) acstest.Fault { return acstest.AcceptBut(a) }
	for _, c := range []struct {
		name    string
		fault   acstest.Fault
		change  func(*acs.Config)
		outcome mailer.Outcome
		scope   mailer.Scope
		gets    int
	}{
		{"503, had it", accept(acstest.Unavailable()), nil, mailer.Accepted, mailer.ScopeUnknown, 1},
		{"503, has it not", acstest.Reply(acstest.Unavailable()), nil, mailer.NotAccepted, mailer.ScopeProvider, 1},
		{"503 of a gateway, had it", accept(acstest.Gateway(503)), nil, mailer.Unknown, mailer.ScopeProvider, 0},
		{"503 that is not believed", accept(acstest.Unavailable()), func(c *acs.Config) { c.Treat5xxAsUnknown = true }, mailer.Unknown, mailer.ScopeProvider, 0},
		{"409, had it", accept(acstest.Conflict()), nil, mailer.Accepted, mailer.ScopeUnknown, 1},
		{"409, has it not", acstest.Reply(acstest.Conflict()), nil, mailer.Unknown, mailer.ScopeProvider, 1},
		{"500, had it", accept(acstest.InternalError()), nil, mailer.Unknown, mailer.ScopeProvider, 0},
		{"502, had it", accept(acstest.Gateway(502)), nil, mailer.Unknown, mailer.ScopeProvider, 0},
		{"504, had it", accept(acstest.Gateway(504)), nil, mailer.Unknown, mailer.ScopeProvider, 0},
		{"400", acstest.Reply(acstest.InvalidEmail("recipients.to[0].address")), nil, mailer.NotAccepted, mailer.ScopeMessage, 0},
		{"429", acstest.Reply(acstest.RateLimited()), nil, mailer.NotAccepted, mailer.ScopeRate, 0},
		{"202 without an id, had it", accept(acstest.AcceptedWithoutID()), nil, mailer.Unknown, mailer.ScopeProvider, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			server, client := start(t, acstest.Config{}, c.change)
			server.Next(c.fault)
			m := prepared(t, simple())
			receipt, err := client.Send(t.Context(), m)
			if c.outcome == mailer.Accepted {
				if err != nil || receipt.ProviderMessageID != acs.OperationID(m.IdempotencyKey) {
					t.Fatalf("got %+v, %v", receipt, err)
				}
			} else {
				wantVerdict(t, err, c.outcome, c.scope, nil)
			}
			copies := 0
			if c.fault.Accept {
				copies = 1
			}
			wantCopies(t, held(t, server), copies)
			wantRequests(t, server.Requests(), 1, c.gets)
		})
	}
}

// wantRequests counts the requests that sent, all with one Operation-Id, and those that asked.
func wantRequests(t *testing.T, all []acstest.Request, posts, gets int) {
	t.Helper()
	p, g, ids := 0, 0, map[string]bool{}
	for _, r := range all {
		if r.Method == http.MethodGet {
			g++
			continue
		}
		p++
		ids[r.Header.Get("Operation-Id")] = true
	}
	if p != posts || g != gets || len(ids) > 1 {
		t.Errorf("%d times sent and %d times asked, with the Operation-Ids %v; want %d and %d", p, g, ids, posts, gets)
	}
}

// TestSettleUnanswered: what was said stands where the question about it is not answered.
func TestSettleUnanswered(t *testing.T) {
	for name, fault := range map[string]acstest.Fault{
		"500":     acstest.Reply(acstest.InternalError()),
		"401":     acstest.Reply(acstest.Denied()),
		"429":     acstest.Reply(acstest.RateLimited()),
		"page":    acstest.Reply(acstest.HTMLSuccess()),
		"cut":     {Kind: acstest.Withhold},
		"another": acstest.Reply(acstest.OperationIs("8540c0de-899f-5cce-acb5-3ec493af3800", acstest.StatusSucceeded, acstest.Error{})),
	} {
		for _, c := range []struct {
			first   acstest.Answer
			outcome mailer.Outcome
		}{{acstest.Unavailable(), mailer.NotAccepted}, {acstest.Conflict(), mailer.Unknown}} {
			t.Run(name, func(t *testing.T) {
				server, client := start(t, acstest.Config{}, nil)
				server.Next(acstest.Reply(c.first))
				for range 2 { // a 401 is answered once
					server.Next(fault)
				}
				_, err := client.Send(t.Context(), simple())
				if e := wantVerdict(t, err, c.outcome, mailer.ScopeProvider, nil); e.Code != c.first.Status {
					t.Errorf("got the code %d", e.Code)
				}
				wantCopies(t, held(t, server), 0)
			})
		}
	}
}

// TestSettleLimits: settling takes 5 s at most, and ends with ctx.
func TestSettleLimits(t *testing.T) {
	l := newLab(t, acstest.Config{})
	for range 2 {
		l.Next(acstest.Reply(acstest.Unavailable()))
	}
	l.run(func(t *testing.T) {
		for limit, want := range map[time.Duration]time.Duration{time.Minute: 5 * time.Second, 2 * time.Second: 2 * time.Second} {
			client := l.client(t, func(c *acs.Config) { c.Dial, c.IdleTimeout = dialsOnce(c.Dial), -1 })
			var err error
			took := lasts(func() { _, err = client.Send(limitedBy(t, limit), simple()) })
			if e := wantRefused(t, err, mailer.ScopeProvider, nil); e.Code != http.StatusServiceUnavailable || took != want {
				t.Errorf("after %v got %v", took, err)
			}
		}
	})
	wantCopies(t, l.held(), 0)
}

// dialsOnce opens one connection, and then none before ctx ends.
func dialsOnce(dial dialer) dialer {
	dialed := false
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if dialed {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		dialed = true
		return dial(ctx, network, address)
	}
}

type dialer = func(ctx context.Context, network, address string) (net.Conn, error)

// cutAfter ends a context once reached is closed.
func cutAfter(t *testing.T, reached <-chan struct{}) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	go func() {
		select {
		case <-reached:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx
}

// TestGuardMessageID: with the guard, a second copy is refused even where the Operation-Id is another
// one, and a 400 for what the service has already is no refusal.
func TestGuardMessageID(t *testing.T) {
	guarded := func(c *acs.Config) { c.GuardMessageID = true }
	t.Run("sent again, answered before the guard", func(t *testing.T) { sendTwice(t, acstest.Config{}, guarded, nil, 2, 0) })
	t.Run("sent again, refused by the guard", func(t *testing.T) {
		sendTwice(t, acstest.Config{GuardRepeats: true}, guarded, nil, 2, 1)
	})
	t.Run("sent again, a conflict", func(t *testing.T) {
		sendTwice(t, acstest.Config{RepeatConflicts: true}, guarded, nil, 2, 1)
	})
	t.Run("under another key", func(t *testing.T) {
		otherKey := func(m *mailer.Message) { m.IdempotencyKey = "another" }
		err := sendTwice(t, acstest.Config{}, guarded, otherKey, 0, 0)
		wantRefused(t, err, mailer.ScopeMessage, nil)
	})
	t.Run("without the guard, under another key", func(t *testing.T) {
		server, client := start(t, acstest.Config{}, nil)
		m := *prepared(t, simple())
		mustSend(t, client, &m)
		m.IdempotencyKey = "another"
		mustSend(t, client, prepared(t, &m))
		if all := held(t, server); len(all) != 2 || all[0].MessageID != m.MessageID || all[1].MessageID == m.MessageID {
			t.Errorf("held %d: the second Message-ID is replaced in silence", len(all))
		}
	})
	t.Run("an id that the service finds invalid", func(t *testing.T) {
		server, client := start(t, acstest.Config{}, guarded)
		m := simple()
		m.MessageID = "<id@localhost>"
		_, err := client.Send(t.Context(), m)
		wantRefused(t, err, mailer.ScopeMessage, nil)
		wantCopies(t, held(t, server), 0)
		wantRequests(t, server.Requests(), 1, 1)
	})
}

// sendTwice sends one message, which change may change in between, and returns the error of the
// second time. There is one copy.
func sendTwice(t *testing.T, cfg acstest.Config, change func(*acs.Config), between func(*mailer.Message), posts, gets int) error {
	t.Helper()
	server, client := start(t, cfg, change)
	m := *prepared(t, simple())
	mustSend(t, client, &m)
	if between != nil {
		between(&m)
	}
	receipt, err := client.Send(t.Context(), prepared(t, &m))
	wantCopies(t, held(t, server), 1)
	if between != nil {
		return err
	}
	if err != nil || receipt.Outcome != mailer.Accepted {
		t.Errorf("the second time: %v", err)
	}
	wantRequests(t, server.Requests(), posts, gets)
	return err
}

// TestGuardUnanswered: a 400 under the guard may be about a message that the service has already. While the
// question about it is not answered, nobody knows.
func TestGuardUnanswered(t *testing.T) {
	guarded := func(c *acs.Config) { c.GuardMessageID = true }
	for name, fault := range map[string]acstest.Fault{
		"500":  acstest.Reply(acstest.InternalError()),
		"429":  acstest.Reply(acstest.RateLimited()),
		"page": acstest.Reply(acstest.HTMLSuccess()),
		"cut":  {Kind: acstest.Withhold},
	} {
		t.Run(name, func(t *testing.T) {
			server, client := start(t, acstest.Config{GuardRepeats: true}, guarded)
			m := prepared(t, simple())
			server.Next(lost(true))
			_, err := client.Send(t.Context(), m)
			wantVerdict(t, err, mailer.Unknown, mailer.ScopeProvider, nil)

			server.Next(acstest.Fault{}) // the second time is refused by the guard
			server.Next(fault)
			_, err = client.Send(t.Context(), m)
			e := wantVerdict(t, err, mailer.Unknown, mailer.ScopeProvider, mailer.ErrUnknownOutcome)
			if id := acs.OperationID(m.IdempotencyKey); e.Code != http.StatusBadRequest || e.Receipt.ProviderMessageID != id {
				t.Errorf("got the code %d and the operation %q", e.Code, e.Receipt.ProviderMessageID)
			}

			receipt, err := client.Send(t.Context(), m) // and the third, but the service says that it has it
			if err != nil || receipt.Outcome != mailer.Accepted {
				t.Errorf("the third time: %v", err)
			}
			wantCopies(t, held(t, server), 1)
		})
	}
}

// TestSettledAndWaited: what was settled is waited for like everything else.
func TestSettledAndWaited(t *testing.T) {
	l := newLab(t, acstest.Config{Life: acstest.Life{RunningFor: 3 * time.Second, End: acstest.Dropped()}})
	l.Next(acstest.AcceptBut(acstest.Unavailable()))
	l.run(func(t *testing.T) {
		client := l.client(t, func(c *acs.Config) { c.Wait = time.Minute })
		_, err := client.Send(t.Context(), simple())
		if e := wantRefused(t, err, mailer.ScopeMessage, nil); !e.Elsewhere || errors.Is(err, mailer.ErrUnknownOutcome) {
			t.Errorf("got %+v", e)
		}
	})
}
