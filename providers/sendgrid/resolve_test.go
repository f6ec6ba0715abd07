package sendgrid_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/sendgrid"
	"github.com/mailkeel/mailkeel/providers/sendgrid/sendgridtest"
)

func resolving(c *sendgrid.Config) { c.ResolveByLogs = true }

// sendLost sends m, and loses the reply.
func sendLost(t *testing.T, server *sendgridtest.Server, client *sendgrid.Client, m *mailer.Message, accept bool) {
	t.Helper()
	server.Next(sendgridtest.Fault{Kind: sendgridtest.Withhold, Accept: accept})
	if _, err := client.Send(t.Context(), m); !errors.Is(err, mailer.ErrUnknownOutcome) {
		t.Fatalf("got %v, want %v", err, mailer.ErrUnknownOutcome)
	}
	if err := server.WaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func prepared(t *testing.T, m *mailer.Message) *mailer.Message {
	t.Helper()
	m, err := mailer.Prepare(m)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestResolve: a message that SendGrid has is found among others to the same recipient, and
// one that it has not proves nothing.
func TestResolve(t *testing.T) {
	for name, accept := range map[string]bool{"accepted": true, "not accepted": false} {
		t.Run(name, func(t *testing.T) {
			server, client := start(t, sendgridtest.Config{}, resolving)
			for range 5 {
				if _, err := client.Send(t.Context(), simple()); err != nil {
					t.Fatal(err)
				}
			}
			m := prepared(t, simple())
			sendLost(t, server, client, m, accept)
			if _, err := client.Send(t.Context(), simple()); err != nil {
				t.Fatal(err)
			}
			want := map[bool]mailer.Outcome{true: mailer.Accepted, false: mailer.Unknown}[accept]
			if got, err := client.Resolve(t.Context(), m); got != want || err != nil {
				t.Errorf("got %v, %v; want %v", got, err, want)
			}
		})
	}
}

// TestResolveOtherEnvelope: a part of a list has the identity of the others, and is not taken
// for them: neither that one is, nor one with the same first recipient.
func TestResolveOtherEnvelope(t *testing.T) {
	ann, bob, carl := mailer.Address{Address: "ann@example.com"}, mailer.Address{Address: "bob@example.com"}, mailer.Address{Address: "carl@example.com"}
	server, client := start(t, sendgridtest.Config{}, resolving)
	whole := simple()
	whole.To = []mailer.Address{ann, bob}
	first := prepared(t, whole)
	sendLost(t, server, client, first, true)
	for _, c := range []struct {
		to   []mailer.Address
		want mailer.Outcome
	}{
		{[]mailer.Address{ann, bob}, mailer.Accepted},
		{[]mailer.Address{bob, carl}, mailer.Unknown},
		{[]mailer.Address{ann, carl}, mailer.Unknown},
		{[]mailer.Address{ann}, mailer.Unknown},
	} {
		part := *first
		part.To = c.to
		m := prepared(t, &part)
		if m.MessageID != first.MessageID || m.IdempotencyKey != first.IdempotencyKey {
			t.Fatal("a copy has another identity")
		}
		if got, err := client.Resolve(t.Context(), m); got != c.want || err != nil {
			t.Errorf("%v: got %v, %v; want %v", c.to, got, err, c.want)
		}
	}
}

// TestResolveInvalid: what cannot be looked for is an error, and no verdict about a message.
func TestResolveInvalid(t *testing.T) {
	server, client := start(t, sendgridtest.Config{}, resolving)
	changed := prepared(t, simple())
	changed.To[0].Address = "bob@example.com"
	wrong := *prepared(t, simple())
	wrong.From.Address = "nobody"
	for name, m := range map[string]*mailer.Message{
		"none": nil, "empty": {}, "not prepared": simple(), "changed": changed, "wrong": &wrong,
	} {
		got, err := client.Resolve(t.Context(), m)
		var e *mailer.SendError
		if got != mailer.Unknown || !errors.Is(err, mailer.ErrInvalidMessage) || errors.As(err, &e) || !strings.HasPrefix(fmt.Sprint(err), "sendgrid: ") {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
	if n := server.Stats().Requests; n != 0 {
		t.Errorf("asked %d times", n)
	}
}

func TestResolveOff(t *testing.T) {
	server, client := start(t, sendgridtest.Config{}, nil)
	got, err := client.Resolve(t.Context(), prepared(t, simple()))
	if got != mailer.Unknown || !errors.Is(err, mailer.ErrUnsupported) || server.Stats().Requests != 0 {
		t.Errorf("got %v, %v after %d requests; want unknown, %v", got, err, server.Stats().Requests, mailer.ErrUnsupported)
	}
}

// TestResolveFails: whatever goes wrong while it asks, the outcome stays unknown.
func TestResolveFails(t *testing.T) {
	for name, f := range map[string]*sendgridtest.Fault{
		"no right": replying(sendgridtest.Forbidden()), "key": replying(sendgridtest.Unauthorized()), "none": replying(sendgridtest.NotFound()),
		"page": replying(sendgridtest.HTMLSuccess()), "500": replying(sendgridtest.InternalError()), "cut": on(sendgridtest.Withhold),
		"no JSON": replying(sendgridtest.Answer{Status: 200, Body: []byte("["), Header: map[string][]string{"Content-Type": {"application/json"}}}),
	} {
		for asked := range 2 { // the list, then the detail
			t.Run(fmt.Sprintf("%s %d", name, asked), func(t *testing.T) {
				server, client := start(t, sendgridtest.Config{}, resolving)
				m := prepared(t, simple())
				sendLost(t, server, client, m, true)
				if asked == 1 {
					server.Next(sendgridtest.Fault{})
				}
				server.Next(*f)
				got, err := client.Resolve(t.Context(), m)
				var e *mailer.SendError
				if got != mailer.Unknown || err == nil || errors.As(err, &e) {
					t.Errorf("got %v, %v; want unknown and an error", got, err)
				}
				if strings.Contains(fmt.Sprint(err), "ann@") || strings.Contains(fmt.Sprint(err), secret) {
					t.Errorf("the error shows an address or the key: %v", err)
				}
			})
		}
	}
	_, client := start(t, sendgridtest.Config{}, resolving)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := client.Resolve(ctx, prepared(t, simple())); got != mailer.Unknown || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v, %v", got, err)
	}
}

// TestResolveBounds: a list without end is looked at in part.
func TestResolveBounds(t *testing.T) {
	server, client := start(t, sendgridtest.Config{}, resolving)
	a := sendgridtest.Errors(200)
	a.Body = []byte(`{"messages":[` + strings.Repeat(`{"sg_message_id":"other.1"},`, 500) + `{"sg_message_id":"../scopes"}]}`)
	server.Next(sendgridtest.Reply(a))
	detail := sendgridtest.Errors(200)
	detail.Body = []byte(`{"custom_args":{"mailkeel_message_id":"<other@example.com>"},"unique_args":"{}"}`)
	for range 500 {
		server.Next(sendgridtest.Reply(detail))
	}
	m := simple()
	m.Date = time.Now().Add(240 * time.Hour)
	if got, err := client.Resolve(t.Context(), prepared(t, m)); got != mailer.Unknown || err != nil {
		t.Errorf("got %v, %v; want unknown", got, err)
	}
	if got := server.Stats().Requests; got > 21 {
		t.Errorf("asked %d times, want at most 21", got)
	}
}
