package sendgrid

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/mailer"
)

// maxCandidates limits how many messages to the same recipient one Resolve looks at.
const maxCandidates = 20

// before is how much earlier than the message a log entry may be: clocks differ.
const before = time.Hour

// Resolve implements [mailer.Resolver] by the Email Logs, where Config.ResolveByLogs is set: it
// looks at the latest messages to the first recipient since msg.Date, for one that carries
// msg's identity. [mailer.Accepted] means that SendGrid took the message, whatever came of it
// afterwards. What is not found proves nothing, for the logs may lag: that is Unknown. The
// error is never a [*mailer.SendError]; it wraps [mailer.ErrInvalidMessage] where msg is not prepared.
func (c *Client) Resolve(ctx context.Context, msg *mailer.Message) (mailer.Outcome, error) {
	if !c.cfg.ResolveByLogs {
		return mailer.Unknown, fmt.Errorf("sendgrid: %w: Config.ResolveByLogs (resolve=true) is off", mailer.ErrUnsupported)
	}
	if msg == nil || msg.MessageID == "" {
		return mailer.Unknown, fmt.Errorf("%s: %w: only a prepared message can be looked for", provider, mailer.ErrInvalidMessage)
	}
	a := c.attempt(ctx)
	a.Gate = nil // of a message
	m, err := mailer.Prepare(msg)
	if err != nil {
		return mailer.Unknown, httpapi.Unresolved(a.Invalid(err))
	}
	identity := make(map[string]string)
	identify(identity, m)
	ids, err := c.search(ctx, a, m)
	if err != nil {
		return mailer.Unknown, httpapi.Unresolved(err)
	}
	for _, id := range ids {
		switch same, err := c.isLogged(ctx, a, id, identity); {
		case err != nil:
			return mailer.Unknown, httpapi.Unresolved(err)
		case same:
			return mailer.Accepted, nil
		}
	}
	return mailer.Unknown, nil
}

// search returns SendGrid's names for the latest messages that may be m (POST /v3/logs,
// https://www.twilio.com/docs/sendgrid/api-reference/email-logs/filter-all-messages). There
// is no field for custom arguments; the detail has them. UNVERIFIED: the order of the list,
// and how a quote within a value is written, which is why the subject is not asked for.
func (c *Client) search(ctx context.Context, a *ledger.Attempt, m *mailer.Message) ([]string, error) {
	since := m.Date
	if now := time.Now(); now.Before(since) {
		since = now
	}
	query := `to_email = "` + m.Recipients()[0] + `" AND sg_message_id_created_at > TIMESTAMP "` +
		since.Add(-before).UTC().Format(time.RFC3339) + `"`
	body, err := json.Marshal(map[string]any{"query": query, "limit": maxCandidates})
	if err != nil {
		return nil, err
	}
	text, err := httpapi.Splice(body, nil)
	if err != nil {
		return nil, err
	}
	defer text.Release()
	reply, err := c.api.Get(ctx, a, &httpapi.Request{Method: http.MethodPost, Path: "/v3/logs", Fields: jsonContent, Body: text})
	if err != nil {
		return nil, err
	}
	var list struct {
		Messages []struct {
			ID string `json:"sg_message_id"`
		} `json:"messages"`
	}
	if !reply.JSON(&list) {
		return nil, a.Refuse(ledger.ProviderDown, ledger.Reason{}, errNotUnderstood)
	}
	var ids []string
	for _, entry := range list.Messages[:min(len(list.Messages), maxCandidates)] {
		if httpapi.IsID(entry.ID) {
			ids = append(ids, entry.ID)
		}
	}
	return ids, nil
}

// isLogged reports whether the message that SendGrid calls id has the identity (GET /v3/logs/{sg_message_id}).
// UNVERIFIED: the name of the object with the custom arguments, for which both that are in use are taken.
func (c *Client) isLogged(ctx context.Context, a *ledger.Attempt, id string, identity map[string]string) (bool, error) {
	reply, err := c.api.Get(ctx, a, &httpapi.Request{Method: http.MethodGet, Path: "/v3/logs/" + url.PathEscape(id)})
	if err != nil {
		return false, err
	}
	var detail struct {
		CustomArgs json.RawMessage `json:"custom_args"`
		UniqueArgs json.RawMessage `json:"unique_args"`
	}
	if !reply.JSON(&detail) {
		return false, a.Refuse(ledger.ProviderDown, ledger.Reason{}, errNotUnderstood)
	}
	return carries(detail.CustomArgs, identity) || carries(detail.UniqueArgs, identity), nil
}

// carries reports whether args have all of the identity. They are an object, or the text of one.
func carries(args json.RawMessage, identity map[string]string) bool {
	var text string
	if json.Unmarshal(args, &text) == nil {
		args = json.RawMessage(strings.TrimSpace(text))
	}
	var held map[string]any
	if json.Unmarshal(args, &held) != nil {
		return false
	}
	for key, value := range identity {
		if held[key] != value {
			return false
		}
	}
	return true
}
