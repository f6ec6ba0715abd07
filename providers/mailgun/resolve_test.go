package mailgun_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/internal/apifake"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/mailgun"
	"github.com/mailkeel/mailkeel/providers/mailgun/mailguntest"
)

func resolving(t *testing.T, server mailguntest.Config) *rig {
	t.Helper()
	return newRig(t, server, func(c *mailgun.Config) { c.ResolveByEvents = true })
}

func (r *rig) resolve(m *mailer.Message) mailer.Outcome {
	r.t.Helper()
	outcome, err := r.client.Resolve(r.context(), m)
	if err != nil {
		r.t.Errorf("Resolve: %v", err)
	}
	return outcome
}

// lost sends m so that it is taken and nobody hears of it.
func (r *rig) lost(m *mailer.Message) {
	r.t.Helper()
	r.server.Next(mailguntest.Fault{Kind: mailguntest.Withhold, Accept: true})
	if _, err := r.client.Send(r.context(), m); !errors.Is(err, mailer.ErrUnknownOutcome) {
		r.t.Fatalf("Send: %v", err)
	}
}

func TestResolve(t *testing.T) {
	template := simple()
	template.Template = &mailer.Template{ID: "welcome"}
	old := simple()
	old.Date = time.Now().Add(-48 * time.Hour)
	ahead := simple()
	ahead.Date = time.Now().Add(48 * time.Hour)
	for name, m := range map[string]*mailer.Message{"messages.mime": simple(), "messages": template, "old Date": old, "Date to come": ahead} {
		t.Run(name, func(t *testing.T) {
			r := resolving(t, mailguntest.Config{})
			m, other := prepared(t, m), prepared(t, simple())
			r.lost(m)
			if got := r.resolve(m); got != mailer.Accepted {
				t.Errorf("got %v", got)
			}
			if got := r.resolve(other); got != mailer.Unknown {
				t.Errorf("another message: got %v", got)
			}
		})
	}
}

// TestResolveLate: that nothing is found proves nothing.
func TestResolveLate(t *testing.T) {
	r := resolving(t, mailguntest.Config{})
	r.server.HoldEvents()
	m := prepared(t, simple())
	r.lost(m)
	if got := r.resolve(m); got != mailer.Unknown {
		t.Errorf("before the events are there: got %v", got)
	}
	r.server.ReleaseEvents()
	if got := r.resolve(m); got != mailer.Accepted {
		t.Errorf("afterwards: got %v", got)
	}
}

// TestResolveByEvent answers with one event, and with others.
func TestResolveByEvent(t *testing.T) {
	m := prepared(t, simple())
	id := m.MessageID[1 : len(m.MessageID)-1]
	event := func(kind, id string) string {
		return fmt.Sprintf(`{"event":%q,"id":"1","timestamp":1,"message":{"headers":{"message-id":%q}}}`, kind, id)
	}
	page := func(items, next string) mailguntest.Fault {
		return mailguntest.Reply(apifake.JSON(200, `{"items":[`+items+`],"paging":{"next":"`+next+`"}}`))
	}
	for name, tt := range map[string]struct {
		items string
		want  mailer.Outcome
	}{
		"accepted":             {event("accepted", id), mailer.Accepted},
		"delivered":            {event("delivered", id), mailer.Accepted},
		"failed":               {event("failed", id), mailer.Accepted},
		"opened":               {event("opened", id), mailer.Accepted},
		"with brackets":        {event("accepted", "<"+id+">"), mailer.Accepted},
		"a kind of the future": {event("teleported", id), mailer.Accepted},
		"rejected":             {event("rejected", id), mailer.Unknown},
		"rejected and more":    {event("rejected", id) + "," + event("accepted", id), mailer.Accepted},
		"of another message":   {event("accepted", "x"+id), mailer.Unknown},
		"no kind":              {event("", id), mailer.Unknown},
		"none":                 {"", mailer.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			r := resolving(t, mailguntest.Config{})
			next := r.server.URL() + "/v3/" + mailguntest.DefaultDomain + "/events/next"
			for range 8 {
				r.server.Next(page(tt.items, next))
			}
			outcome, err := r.client.Resolve(r.context(), m)
			if outcome != tt.want || (err != nil) != (name == "no kind") {
				t.Errorf("got %v, %v; want %v", outcome, err, tt.want)
			}
			if n := r.server.Stats().Requests; n > 4 {
				t.Errorf("%d pages were read", n)
			}
		})
	}
}

// TestResolveFails: whatever goes wrong, the outcome stays unknown, and the error is no
// verdict about the message.
func TestResolveFails(t *testing.T) {
	m := prepared(t, simple())
	for name, tt := range map[string]struct {
		fault mailguntest.Fault
		key   string
		is    error
	}{
		"sending key":  {key: sendingKey, is: mailer.ErrUnauthorized},
		"rate limited": {fault: mailguntest.Reply(mailguntest.RateLimited("x.example.com", "request")), is: mailer.ErrRateLimited},
		"unavailable":  {fault: mailguntest.Reply(mailguntest.Unavailable()), is: mailer.ErrUnavailable},
		"gateway":      {fault: mailguntest.Reply(mailguntest.Gateway(502))},
		"no API":       {fault: mailguntest.Reply(mailguntest.MagnificentAPI())},
		"lost":         {fault: mailguntest.Fault{Kind: mailguntest.Withhold}},
		"page of a stranger": {fault: mailguntest.Reply(apifake.JSON(200,
			`{"items":[{"event":"accepted","message":{"headers":{"message-id":"x"}}}],"paging":{"next":"http://127.0.0.1:1/v3/events"}}`))},
	} {
		t.Run(name, func(t *testing.T) {
			config := mailguntest.Config{Domains: []mailguntest.Domain{{Name: mailguntest.DefaultDomain, SendingKey: sendingKey}}}
			r := newRig(t, config, func(c *mailgun.Config) {
				c.ResolveByEvents = true
				if tt.key != "" {
					c.Key = mailer.NewSecret(tt.key)
				}
			})
			r.server.Next(tt.fault)
			outcome, err := r.client.Resolve(r.context(), m)
			if outcome != mailer.Unknown || err == nil || tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("got %v, %v; want %v", outcome, err, tt.is)
			}
			if e := mailer.AsSendError(err); e.Outcome != mailer.Unknown {
				t.Errorf("the error says %v of the message: %v", e.Outcome, err)
			}
		})
	}
}

func TestResolveIsOff(t *testing.T) {
	r := newRig(t, mailguntest.Config{}, nil)
	outcome, err := r.client.Resolve(r.context(), prepared(t, simple()))
	if outcome != mailer.Unknown || !errors.Is(err, mailer.ErrUnsupported) || r.server.Stats().Conns != 0 {
		t.Errorf("got %v, %v and %d connections", outcome, err, r.server.Stats().Conns)
	}
	on := resolving(t, mailguntest.Config{})
	if outcome, err := on.client.Resolve(on.context(), simple()); outcome != mailer.Unknown || !errors.Is(err, mailer.ErrInvalidMessage) {
		t.Errorf("a message that was not prepared: got %v, %v", outcome, err)
	}
}
