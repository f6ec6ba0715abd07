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

// TestResolveOthers: what happened to one part of a long list says nothing about another, which has
// the same Message-ID.
func TestResolveOthers(t *testing.T) {
	for name, o := range map[string]mailgun.Options{
		"messages.mime": {}, "batch": {RecipientVariables: map[string]map[string]any{}},
	} {
		t.Run(name, func(t *testing.T) {
			r := resolving(t, mailguntest.Config{})
			first := prepared(t, withOptions(simple(), o))
			second := *first
			second.To = append(first.To[:1:1], mailer.Address{Address: "bob@example.com"})
			r.lost(first)
			if got := r.resolve(first); got != mailer.Accepted {
				t.Errorf("the part that was taken: got %v", got)
			}
			if got := r.resolve(prepared(t, &second)); got != mailer.Unknown {
				t.Errorf("the other part: got %v", got)
			}
			r.lost(&second)
			if got := r.resolve(&second); got != mailer.Accepted {
				t.Errorf("the other part, once it was taken: got %v", got)
			}
		})
	}
}

// TestResolveMany: however many recipients the message and its events have, and however much
// happened, a page can be read.
func TestResolveMany(t *testing.T) {
	r := resolving(t, mailguntest.Config{})
	m := simple()
	for i := range 999 {
		m.To = append(m.To, mailer.Address{Address: fmt.Sprintf("recipient-%d@customers.example.com", i)})
	}
	m = prepared(t, m)
	r.lost(m)
	for range 200 {
		if err := r.server.AddEvent(mailguntest.Event{Type: "opened", MessageID: m.MessageID, Recipient: "ann@example.com"}); err != nil {
			t.Fatal(err)
		}
	}
	if got := r.resolve(m); got != mailer.Accepted {
		t.Errorf("got %v", got)
	}
	if n := r.server.Stats().Requests; n != 2 {
		t.Errorf("%d requests, want 2", n)
	}
}

// envelopeOf returns the variable that names the envelope of m.
func envelopeOf(t *testing.T, m *mailer.Message) string {
	t.Helper()
	r := newRig(t, mailguntest.Config{}, nil)
	_, got := r.accepted(m)
	return got.Variables["mailkeel_envelope"]
}

// TestResolveByEvent answers with one event, and with others.
func TestResolveByEvent(t *testing.T) {
	one := prepared(t, simple())
	two := *one
	two.To = append(one.To[:1:1], mailer.Address{Address: "bob@example.com"})
	id := one.MessageID[1 : len(one.MessageID)-1]
	of := envelopeOf(t, &two)
	if of == "" || of == envelopeOf(t, one) {
		t.Fatalf("the envelope is called %q", of)
	}
	event := func(kind, id, more string) string {
		return fmt.Sprintf(`{"event":%q,"id":"1","timestamp":1,"message":{"headers":{"message-id":%q}}%s}`, kind, id, more)
	}
	ours := `,"user-variables":{"mailkeel_envelope":"` + of + `"}`
	const ann, bob, eve = `,"recipient":"ann@example.com"`, `,"recipient":"bob@EXAMPLE.com"`, `,"recipient":"eve@example.com"`
	for name, tt := range map[string]struct {
		items string
		want  mailer.Outcome
	}{
		"accepted":             {event("accepted", id, ours), mailer.Accepted},
		"delivered":            {event("delivered", id, ours), mailer.Accepted},
		"failed":               {event("failed", id, ours), mailer.Accepted},
		"opened":               {event("opened", id, ours), mailer.Accepted},
		"with brackets":        {event("accepted", "<"+id+">", ours), mailer.Accepted},
		"a kind of the future": {event("teleported", id, ours), mailer.Accepted},
		"rejected":             {event("rejected", id, ours), mailer.Unknown},
		"rejected and more":    {event("rejected", id, ours) + "," + event("accepted", id, ours), mailer.Accepted},
		"of another message":   {event("accepted", "x"+id, ours), mailer.Unknown},
		"no kind":              {event("", id, ours), mailer.Unknown},
		"none":                 {"", mailer.Unknown},

		"to others":                    {event("accepted", id, ann+`,"user-variables":{"mailkeel_envelope":"x"}`), mailer.Unknown},
		"to others and to us":          {event("accepted", id, ann+`,"user-variables":{"mailkeel_envelope":"x"}`) + "," + event("accepted", id, ours), mailer.Accepted},
		"of somebody else":             {event("accepted", id, ann+`,"user-variables":{"a":"b"}`) + "," + event("accepted", id, bob+`,"user-variables":{"a":"b"}`), mailer.Unknown},
		"variables of another form":    {event("accepted", id, ann+`,"user-variables":[1]`) + "," + event("accepted", id, bob+`,"user-variables":[1]`), mailer.Unknown},
		"envelope of another form":     {event("accepted", id, ann+`,"user-variables":{"mailkeel_envelope":[1]}`), mailer.Unknown},
		"incoming":                     {event("accepted", id, ours+`,"flags":{"is-routed":true}`), mailer.Unknown},
		"stored when it came in":       {event("stored", id, ours), mailer.Unknown},
		"no variables, all recipients": {event("accepted", id, ann) + "," + event("opened", id, bob), mailer.Accepted},
		"empty variables":              {event("accepted", id, ann+`,"user-variables":{}`) + "," + event("accepted", id, bob+`,"user-variables":null`), mailer.Accepted},
		"no variables, incoming":       {event("accepted", id, ann+`,"flags":{"is-routed":true}`) + "," + event("accepted", id, bob), mailer.Unknown},
		"no variables, one recipient":  {event("accepted", id, ann), mailer.Unknown},
		"no variables, a stranger":     {event("accepted", id, ann) + "," + event("accepted", id, eve), mailer.Unknown},
		"no variables, no recipient":   {event("accepted", id, "") + "," + event("accepted", id, ""), mailer.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			r := resolving(t, mailguntest.Config{})
			next := r.server.URL() + "/v3/" + mailguntest.DefaultDomain + "/events/next"
			for range 20 {
				r.server.Next(mailguntest.Reply(apifake.JSON(200, `{"items":[`+tt.items+`],"paging":{"next":"`+next+`"}}`)))
			}
			outcome, err := r.client.Resolve(r.context(), &two)
			if outcome != tt.want || (err != nil) != (name == "no kind") {
				t.Errorf("got %v, %v; want %v", outcome, err, tt.want)
			}
			if n := r.server.Stats().Requests; n > 8 {
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
	broken := *prepared(t, simple())
	broken.From.Address = "nobody"
	outcome, err = on.client.Resolve(on.context(), &broken)
	if e := (*mailer.SendError)(nil); outcome != mailer.Unknown || !errors.Is(err, mailer.ErrInvalidMessage) || errors.As(err, &e) {
		t.Errorf("a message that cannot be one: got %v, %v", outcome, err)
	}
}
