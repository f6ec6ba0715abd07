package mailgun

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	vendor "github.com/mailgun/mailgun-go/v4"
	"github.com/mailgun/mailgun-go/v4/events"

	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/mailer"
)

const (
	// beforeDate is how much earlier than the message's Date its first event may seem to be: clocks differ.
	beforeDate = time.Hour
	// maxPages bounds what one Resolve reads. pageSize is small because every event of a
	// message names everybody in To, and a page must not be larger than a reply may be.
	maxPages = 8
	pageSize = 10
)

var errOff = errors.New("events are not looked at: set ResolveByEvents (resolve=true), which needs an account key")

// Resolve looks for the message among the domain's events; see [mailer.Resolver]. It is off unless
// Config.ResolveByEvents is set, for it needs an account key; it then returns Unknown
// and an error that wraps [mailer.ErrUnsupported].
//
// An event with the message's Message-ID and the name of its envelope proves that Mailgun took it,
// batch or not, for all recipients: Accepted. One without any user variables proves it for its own
// recipient, and there must be one for each, which is looked for up to eight recipients. Events of the same Message-ID to others prove nothing, nor do
// those of messages that came in. Nor does "rejected": it follows an acceptance, and a refusal at the
// door as well (seen for sandbox domains). Nothing found proves nothing
// either, because events come late and are kept for some days only: Unknown, never
// NotAccepted. A raw message without a Message-ID of its own cannot be found.
func (c *Client) Resolve(ctx context.Context, msg *mailer.Message) (mailer.Outcome, error) {
	if !c.cfg.ResolveByEvents {
		return mailer.Unknown, fmt.Errorf("%s: %w: %w", provider, mailer.ErrUnsupported, errOff)
	}
	m, err := identified(msg)
	if err != nil {
		return mailer.Unknown, fmt.Errorf("%s: %w", provider, err)
	}
	a, taken := c.attempt(ctx), false
	a.Gate = nil // which is that of a send
	err = c.api.Through(ctx, a, func(client *http.Client, key string) (err error) {
		taken, err = newSearch(c.vendor(client, key), m).covers(ctx, m.Recipients())
		return err
	})
	switch {
	case err != nil:
		return mailer.Unknown, httpapi.Unresolved(err)
	case taken:
		return mailer.Accepted, nil
	}
	return mailer.Unknown, nil
}

// identified returns msg as it was sent.
func identified(msg *mailer.Message) (*mailer.Message, error) {
	if msg == nil || msg.MessageID == "" {
		return nil, fmt.Errorf("%w: only a prepared message can be looked for", mailer.ErrInvalidMessage)
	}
	m, err := mailer.Prepare(msg)
	if err != nil {
		return nil, mailer.AsSendError(err).Err // whose verdict is one about a send
	}
	return m, nil
}

// A search reads the events of one message.
type search struct {
	vendor   *vendor.MailgunImpl
	begin    time.Time
	id       string // without brackets, as events have it
	envelope string
	pages    int // that may still be read
}

func newSearch(v *vendor.MailgunImpl, m *mailer.Message) *search {
	begin := time.Now()
	if m.Date.Before(begin) {
		begin = m.Date
	}
	return &search{
		vendor: v, begin: begin.Add(-beforeDate).UTC(), pages: maxPages,
		id: strings.Trim(m.MessageID, "<>"), envelope: httpapi.EnvelopeID(m.Recipients()),
	}
}

// covers reports whether the events prove that the message was taken for all recipients.
// It asks for those of the first one, and of the others only where these name no envelope.
func (s *search) covers(ctx context.Context, recipients []string) (bool, error) {
	for _, recipient := range recipients {
		if p, err := s.about(ctx, recipient); err != nil || p != ofRecipient {
			return p == ofMessage, err
		}
	}
	return true, nil
}

// about reads the events of one recipient until one proves something. That Mailgun finds an address
// in whatever case is UNVERIFIED; what it does not find proves nothing.
func (s *search) about(ctx context.Context, recipient string) (proof, error) {
	pages := s.vendor.ListEvents(&vendor.ListEventOptions{
		Begin: s.begin, ForceAscending: true, Limit: pageSize, Filter: map[string]string{"message-id": s.id, "recipient": recipient},
	})
	var parsed []vendor.Event // fails on kinds of events that the library does not know, which Items have all the same
	for s.pages > 0 {
		s.pages--
		more := pages.Next(ctx, &parsed)
		if p := s.best(pages.Items, recipient); p != ofNothing {
			return p, nil
		}
		if !more {
			return ofNothing, pages.Err()
		}
	}
	return ofNothing, nil
}

// A proof is what an event proves to have been taken.
type proof int

const (
	ofNothing   proof = iota
	ofRecipient       // a message of that Message-ID, for this recipient
	ofMessage         // this one, for all recipients
)

// best returns the strongest proof among the events.
func (s *search) best(items []events.RawJSON, recipient string) proof {
	p := ofNothing
	for _, item := range items {
		var e event
		if json.Unmarshal(item, &e) == nil {
			p = max(p, s.proof(&e, recipient))
		}
	}
	return p
}

// An event is what matters of one.
type event struct {
	Event     string         `json:"event"`
	Recipient string         `json:"recipient"`
	Variables map[string]any `json:"user-variables"`
	Flags     struct {
		IsRouted bool `json:"is-routed"` // it came in
	} `json:"flags"`
	Message struct {
		Headers struct {
			MessageID string `json:"message-id"`
		} `json:"headers"`
	} `json:"message"`
}

func (s *search) proof(e *event, recipient string) proof {
	switch e.Event {
	case "", "rejected", "stored": // the last is of a message that came in
		return ofNothing
	}
	switch {
	case e.Flags.IsRouted || strings.Trim(e.Message.Headers.MessageID, "<>") != s.id:
		return ofNothing
	case e.Variables[variableEnvelope] == s.envelope:
		return ofMessage
	case len(e.Variables) == 0 && foldDomain(e.Recipient) == foldDomain(recipient):
		return ofRecipient
	}
	return ofNothing
}
