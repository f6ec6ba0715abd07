package mailgun

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	vendor "github.com/mailgun/mailgun-go/v4"

	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/internal/redact"
	"github.com/mailkeel/mailkeel/mailer"
)

// Check asks for the domain; see [mailer.Checker]. Nil means that the key belongs to the domain's
// account and the domain is active. It does not mean that the account may send: quotas,
// a paused queue and a plan show only when a message is sent.
//
// A domain sending key cannot read its domain and looks like a wrong key, so that the error wraps
// [mailer.ErrUnauthorized] and says what it could not prove. With Config.SendingKey, Check
// posts a form that has nothing but o:testmode: refused for what is missing, which comes after
// key and domain were looked at, it proves these two, though not that the domain is active. That
// Mailgun keeps to this order is UNVERIFIED; a form without author and recipient cannot become a message.
func (c *Client) Check(ctx context.Context) error {
	a := c.attempt(ctx)
	if c.cfg.SendingKey {
		return c.checkSending(ctx, a)
	}
	var reply vendor.DomainResponse
	err := c.api.Through(ctx, a, func(client *http.Client, key string) (err error) {
		reply, err = c.vendor(client, key).GetDomain(ctx, c.cfg.Domain)
		return err
	})
	if err != nil {
		return c.failed(err)
	}
	if state := reply.Domain.State; state != "active" {
		return a.Refuse(ledger.AccountRefused, ledger.Reason{}, fmt.Errorf("the domain is not active: its state is %q", redact.Text(state)))
	}
	return nil
}

// vendor returns Mailgun's own client, for one call: it is not made to be shared.
func (c *Client) vendor(client *http.Client, key string) *vendor.MailgunImpl {
	v := vendor.NewMailgun(c.cfg.Domain, key)
	v.SetAPIBase(strings.TrimRight(c.cfg.BaseURL, "/") + "/v3")
	v.SetClient(client)
	return v
}

var errUnproven = errors.New("the key may be wrong, or a domain sending key, which cannot read its domain: " +
	"set SendingKey (sending_key=true) if it is one")

// failed says of a key that was refused what the check could not prove.
func (c *Client) failed(err error) error {
	e := mailer.AsSendError(err)
	if !c.cfg.SendingKey && (e.Code == http.StatusUnauthorized || e.Code == http.StatusForbidden) {
		e.Err = fmt.Errorf("%w: %w", e.Err, errUnproven)
	}
	return e
}

// checkSending posts a form that lacks everything.
func (c *Client) checkSending(ctx context.Context, a *ledger.Attempt) error {
	empty := newForm(endpointForm)
	defer empty.Release()
	empty.field("o:testmode", "yes") // for a form has at least one part
	empty.finish()
	api, seen := c.api, &missing{}
	api.Replies = seen
	_, err := api.Get(ctx, a, &httpapi.Request{Method: "POST", Path: c.path(endpointForm), Fields: empty.fields(), Body: empty})
	switch {
	case seen.found:
		return nil
	case err == nil:
		err = a.Refuse(ledger.AccountRefused, ledger.Reason{}, errors.New("a form without a message was not refused: "+hintPath))
	}
	return c.failed(err)
}

// missing notes whether the form was refused for what it lacks.
type missing struct {
	replies
	found bool
}

// Problem implements [httpapi.Replies].
func (m *missing) Problem(r *httpapi.Reply) httpapi.Problem {
	p := m.replies.Problem(r)
	m.found = r.Status == http.StatusBadRequest && p.Own && p.Verdict == nil
	return p
}
