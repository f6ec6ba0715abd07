package sendgrid

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/mailer"
)

// scopeSend is the right that sending needs.
const scopeSend = "mail.send"

// Check implements [mailer.Checker]. It asks for the key's scopes, which sends nothing and costs
// nothing. Nil means that SendGrid was reached and that the key is valid and may send; where SendGrid
// itself says that the key may not ask (403), only that it is valid. It does not show that From is verified, or
// that there are credits left.
func (c *Client) Check(ctx context.Context) error {
	a := c.attempt(ctx)
	a.Gate = nil // of a message
	api, seen := c.api, &forbidden{}
	api.Replies = seen
	reply, err := api.Get(ctx, a, &httpapi.Request{Method: http.MethodGet, Path: "/v3/scopes"})
	switch {
	case seen.found:
		return nil
	case err != nil:
		return err
	}
	var held struct {
		Scopes []string `json:"scopes"`
	}
	switch {
	case !reply.JSON(&held) || held.Scopes == nil:
		return a.Refuse(ledger.ProviderDown, ledger.Reason{}, errNotUnderstood)
	case !slices.Contains(held.Scopes, scopeSend):
		return a.Refuse(ledger.AccountRefused, ledger.Reason{}, fmt.Errorf("%w: the key lacks the scope %s", mailer.ErrUnauthorized, scopeSend))
	}
	return nil
}

// forbidden notes whether SendGrid itself, and no proxy, has said 403.
type forbidden struct {
	replies
	found bool
}

// Problem implements [httpapi.Replies].
func (f *forbidden) Problem(r *httpapi.Reply) httpapi.Problem {
	p := f.replies.Problem(r)
	f.found = r.Status == http.StatusForbidden && p.Own
	return p
}

var errNotUnderstood = errors.New("reply not understood")
