package acs_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/acs"
	"github.com/mailkeel/mailkeel/providers/acs/acstest"
)

func prepared(t testing.TB, m *mailer.Message) *mailer.Message {
	t.Helper()
	m, err := mailer.Prepare(m)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// lost is a request whose reply never comes.
func lost(accept bool) acstest.Fault { return acstest.Fault{Kind: acstest.Withhold, Accept: accept} }

// TestResolve: a message whose reply was lost is found where the service has it. Where not, three
// questions within 4 s prove nothing.
func TestResolve(t *testing.T) {
	seconds := func(all ...int) []time.Duration {
		var at []time.Duration
		for _, s := range all {
			at = append(at, time.Duration(s)*time.Second)
		}
		return at
	}
	for _, c := range []struct {
		name    string
		accept  bool
		life    acstest.Life
		outcome mailer.Outcome
		asked   []time.Duration
	}{
		{"had it", true, acstest.Life{}, mailer.Accepted, seconds(0)},
		{"had it not", false, acstest.Life{}, mailer.Unknown, seconds(0, 1, 4)},
		{"shows at the second question", true, acstest.Life{HiddenReads: 1}, mailer.Accepted, seconds(0, 1)},
		{"shows at the third", true, acstest.Life{VisibleAfter: 3 * time.Second}, mailer.Accepted, seconds(0, 1, 4)},
		{"never shows", true, acstest.Life{Hidden: true}, mailer.Unknown, seconds(0, 1, 4)},
		{"still runs", true, acstest.Life{RunningFor: time.Hour}, mailer.Accepted, seconds(0)},
		{"has failed since", true, acstest.Life{End: acstest.Dropped()}, mailer.Accepted, seconds(0)},
		{"was canceled since", true, acstest.Life{End: acstest.Canceled()}, mailer.Accepted, seconds(0)},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t, acstest.Config{Life: c.life})
			l.Next(lost(c.accept))
			var asked []time.Duration
			l.run(func(t *testing.T) {
				client := l.client(t, nil)
				m := prepared(t, simple())
				_, err := client.Send(t.Context(), m)
				wantVerdict(t, err, mailer.Unknown, mailer.ScopeProvider, mailer.ErrUnknownOutcome)
				got, err := client.Resolve(t.Context(), m)
				if got != c.outcome || err != nil {
					t.Errorf("got %v, %v; want %v", got, err, c.outcome)
				}
			})
			for _, r := range l.Requests()[1:] {
				at, err := time.Parse("Mon, 02 Jan 2006 15:04:05 GMT", r.Header.Get("X-Ms-Date"))
				if err != nil {
					t.Fatal(err)
				}
				asked = append(asked, at.Sub(bubbleStart))
			}
			if !slices.Equal(asked, c.asked) {
				t.Errorf("asked at %v, want %v", asked, c.asked)
			}
			copies := map[bool]int{true: 1}[c.accept]
			wantCopies(t, l.held(), copies)
		})
	}
}

// wantUnresolved: the outcome stays unknown, and why is no verdict about the message.
func wantUnresolved(t *testing.T, got mailer.Outcome, err error, is ...error) {
	t.Helper()
	var e *mailer.SendError
	if got != mailer.Unknown || err == nil || errors.As(err, &e) {
		t.Errorf("got %v, %v; want unknown and an error", got, err)
	}
	for _, want := range is {
		if !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
	if text := fmt.Sprint(err); strings.Contains(text, "@") || !strings.HasPrefix(text, "acs: ") {
		t.Errorf("the error reads %q", text)
	}
}

// TestResolveUnanswered: whatever goes wrong while it asks, the outcome stays unknown.
func TestResolveUnanswered(t *testing.T) {
	badJSON := acstest.OperationIs("x", acstest.StatusRunning, acstest.Error{})
	badJSON.Body = []byte(`{"id":`)
	for _, c := range []struct {
		name  string
		fault acstest.Fault
		is    []error
		asks  int
	}{
		{"500", acstest.Reply(acstest.InternalError()), []error{mailer.ErrUnavailable}, 3},
		{"502", acstest.Reply(acstest.Gateway(502)), []error{mailer.ErrUnavailable}, 3},
		{"cut", acstest.Fault{Kind: acstest.Withhold}, []error{mailer.ErrUnavailable}, 3},
		{"401", acstest.Reply(acstest.Denied()), []error{mailer.ErrUnauthorized}, 2},
		{"403", acstest.Reply(acstest.Forbidden()), []error{mailer.ErrUnauthorized}, 1},
		{"429", acstest.Reply(acstest.RateLimitedFor(time.Hour)), []error{mailer.ErrRateLimited}, 1},
		{"page", acstest.Reply(acstest.HTMLSuccess()), nil, 3},
		{"another", acstest.Reply(acstest.OperationIs("8540c0de-899f-5cce-acb5-3ec493af3800", acstest.StatusSucceeded, acstest.Error{})), nil, 3},
		{"no JSON", acstest.Reply(badJSON), nil, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t, acstest.Config{})
			l.Next(lost(true))
			for range 3 {
				l.Next(c.fault)
			}
			l.run(func(t *testing.T) {
				client := l.client(t, nil)
				m := prepared(t, simple())
				_, err := client.Send(t.Context(), m)
				wantVerdict(t, err, mailer.Unknown, mailer.ScopeProvider, nil)
				got, err := client.Resolve(t.Context(), m)
				wantUnresolved(t, got, err, c.is...)
			})
			wantRequests(t, l.Requests(), 1, c.asks)
		})
	}
}

// TestResolveMixed: one answer is an answer.
func TestResolveMixed(t *testing.T) {
	l := newLab(t, acstest.Config{})
	l.Next(acstest.Reply(acstest.InternalError()))
	l.Next(acstest.Reply(acstest.NotFound()))
	l.Next(acstest.Reply(acstest.InternalError()))
	l.run(func(t *testing.T) {
		if got, err := l.client(t, nil).Resolve(t.Context(), prepared(t, simple())); got != mailer.Unknown || err != nil {
			t.Errorf("got %v, %v", got, err)
		}
	})
}

// TestResolveCut: it ends with ctx, and with the Client, and is then no answer.
func TestResolveCut(t *testing.T) {
	server, client := start(t, acstest.Config{}, nil)
	m := prepared(t, simple())
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	got, err := client.Resolve(ended, m)
	wantUnresolved(t, got, err, context.Canceled)

	ctx := cutAfter(t, server.Next(acstest.Fault{Kind: acstest.Silence}))
	got, err = client.Resolve(ctx, m)
	wantUnresolved(t, got, err, context.Canceled)
	server.EndSilences()

	if err := client.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, err = client.Resolve(t.Context(), m)
	wantUnresolved(t, got, err, mailer.ErrClosed)
}

// TestResolveEndsEarly: ctx's end and Close are not slept through.
func TestResolveEndsEarly(t *testing.T) {
	l := newLab(t, acstest.Config{})
	l.run(func(t *testing.T) {
		client := l.client(t, nil)
		m := prepared(t, simple())
		if took := lasts(func() { _, _ = client.Resolve(limitedBy(t, 2*time.Second), m) }); took != 2*time.Second {
			t.Errorf("with a ctx of 2s it took %v", took)
		}
		time.AfterFunc(2*time.Second, func() { _ = client.Close(context.Background()) })
		if took := lasts(func() { _, _ = client.Resolve(t.Context(), m) }); took != 2*time.Second {
			t.Errorf("with Close after 2s it took %v", took)
		}
	})
}

// TestResolveRefused: nobody listens.
func TestResolveRefused(t *testing.T) {
	refuse := func(c *acs.Config) {
		c.Dial = func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
		}
	}
	l := newLab(t, acstest.Config{})
	l.run(func(t *testing.T) {
		got, err := l.client(t, refuse).Resolve(t.Context(), prepared(t, simple()))
		wantUnresolved(t, got, err, mailer.ErrUnavailable)
	})
}

// TestResolveInvalid: what has no identity cannot be asked for.
func TestResolveInvalid(t *testing.T) {
	server, client := start(t, acstest.Config{}, nil)
	for name, m := range map[string]*mailer.Message{"none": nil, "empty": {}, "not prepared": simple()} {
		t.Run(name, func(t *testing.T) {
			got, err := client.Resolve(t.Context(), m)
			wantUnresolved(t, got, err, mailer.ErrInvalidMessage)
		})
	}
	if n := server.Stats().Requests; n != 0 {
		t.Errorf("asked %d times", n)
	}
}

// TestOperationIDIsKept: the same identity is the same operation, at every attempt and client.
func TestOperationIDIsKept(t *testing.T) {
	server, client := start(t, acstest.Config{}, nil)
	m := prepared(t, simple())
	other := newClient(t, withKey(server), func(c *acs.Config) { c.Name = "other" })
	for range 2 {
		for _, c := range []*acs.Client{client, other} {
			if r := mustSend(t, c, m); r.ProviderMessageID != acs.OperationID(m.IdempotencyKey) {
				t.Errorf("accepted as %s, want %s", r.ProviderMessageID, acs.OperationID(m.IdempotencyKey))
			}
		}
	}
	wantCopies(t, held(t, server), 1)
	wantRequests(t, server.Requests(), 4, 0)
}
