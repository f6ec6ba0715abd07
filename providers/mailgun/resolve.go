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
	// maxPages and pageSize bound what is read. Only events of the one message are asked for.
	maxPages = 4
	pageSize = 100
)

var errOff = errors.New("events are not looked at: set ResolveByEvents (resolve=true), which needs an account key")

// Resolve looks for the message among the domain's events; see [mailer.Resolver]. It is off unless
// Config.ResolveByEvents is set, for it needs an account key; it then returns Unknown
// and an error that wraps [mailer.ErrUnsupported].
//
// Any event of the message but one proves that Mailgun took it, for all recipients: Accepted. That one is
// "rejected", which proves nothing: it follows an acceptance, and a refusal at the door as
// well (seen for sandbox domains), and names one recipient or none. Nothing found proves nothing
// either, because events come late and are kept for some days only: Unknown, never
// NotAccepted. A raw message without a Message-ID of its own cannot be found.
func (c *Client) Resolve(ctx context.Context, msg *mailer.Message) (mailer.Outcome, error) {
	if !c.cfg.ResolveByEvents {
		return mailer.Unknown, fmt.Errorf("%s: %w: %w", provider, mailer.ErrUnsupported, errOff)
	}
	if msg == nil || msg.MessageID == "" {
		return mailer.Unknown, fmt.Errorf("%s: %w: only a prepared message can be looked for", provider, mailer.ErrInvalidMessage)
	}
	a, taken := c.attempt(ctx), false
	a.Gate = nil // which is that of a send
	err := c.api.Through(ctx, a, func(client *http.Client, key string) (err error) {
		taken, err = c.wasTaken(ctx, c.vendor(client, key), msg)
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

// wasTaken reads the events of the message until one proves something.
func (c *Client) wasTaken(ctx context.Context, v *vendor.MailgunImpl, msg *mailer.Message) (bool, error) {
	id := strings.Trim(msg.MessageID, "<>") // events have no brackets
	begin := time.Now()
	if !msg.Date.IsZero() && msg.Date.Before(begin) {
		begin = msg.Date
	}
	pages := v.ListEvents(&vendor.ListEventOptions{
		Begin: begin.Add(-beforeDate).UTC(), ForceAscending: true, Limit: pageSize, Filter: map[string]string{"message-id": id},
	})
	var parsed []vendor.Event // fails on kinds of events that the library does not know, which Items have all the same
	for range maxPages {
		more := pages.Next(ctx, &parsed)
		if proves(pages.Items, id) {
			return true, nil
		}
		if !more {
			return false, pages.Err()
		}
	}
	return false, nil
}

// proves reports whether one of the events is of the message and comes only after it was taken.
func proves(items []events.RawJSON, id string) bool {
	for _, item := range items {
		var e struct {
			Event   string `json:"event"`
			Message struct {
				Headers struct {
					MessageID string `json:"message-id"`
				} `json:"headers"`
			} `json:"message"`
		}
		if json.Unmarshal(item, &e) == nil && strings.Trim(e.Message.Headers.MessageID, "<>") == id && e.Event != "" && e.Event != "rejected" {
			return true
		}
	}
	return false
}
