package acs

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/internal/redact"
	"github.com/mailkeel/mailkeel/mailer"
)

// An Operation is what became of a message inside of the service. What became of it at the
// recipients' servers only events tell.
type Operation struct {
	// ID is the Operation-Id.
	ID string
	// Status is the service's word: NotStarted, Running, Succeeded, Failed or Canceled, or a new one.
	Status string
	// Outcome is Accepted, for every recipient, unless the operation failed or was canceled: then
	// it is NotAccepted, for every recipient.
	Outcome mailer.Outcome
	// Scope says whose fault a failure was, and Elsewhere whether another provider may take the message.
	Scope     mailer.Scope
	Elsewhere bool
	// Code and Detail are the service's reason for a failure, such as
	// "EmailDroppedAllRecipientsSuppressed". Microsoft publishes no list of codes.
	Code, Detail string
	// RetryAfter is how long the service asks to wait before it is asked again; zero when it does not.
	RetryAfter time.Duration
}

// Done reports whether the status will not change any more.
func (o *Operation) Done() bool {
	switch strings.ToLower(o.Status) {
	case "succeeded", "failed", "canceled":
		return true
	}
	return false
}

// ErrNoOperation means that the service knows no operation of that name, or not yet, or not any more.
var ErrNoOperation = errors.New("no such operation")

// Status asks for an operation: the ProviderMessageID of a Receipt, or the [OperationID] of a key. It
// costs one of the status reads that the quota allows; where none is left, the error wraps
// [mailer.ErrRateLimited]. It wraps [ErrNoOperation] where the service knows none of that name. It is
// never a [*mailer.SendError].
func (c *Client) Status(ctx context.Context, id string) (Operation, error) {
	return c.read(ctx, "", id, 0)
}

// operation is EmailSendResult of the API's description.
type operation struct {
	ID     string `json:"id"`
	Status string `json:"status"`
	Error  struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

var errNotUnderstood = errors.New("reply not understood")

// read asks for an operation of a message from that sender, or of an unknown one. Spare is the share
// of the quota in percent that is left for others.
func (c *Client) read(ctx context.Context, from, id string, spare int) (Operation, error) {
	if !isOperationID(id) {
		return Operation{}, fmt.Errorf("%s: %w: that is no name of an operation", provider, ErrNoOperation)
	}
	a, seen := c.question(), &replies{}
	reply, err := c.get(ctx, a, from, operationPath+id, spare, seen)
	if err != nil {
		if e := mailer.AsSendError(err); e.Code == http.StatusNotFound {
			return Operation{}, fmt.Errorf("%s: %w", provider, ErrNoOperation)
		}
		return Operation{}, httpapi.Unresolved(err)
	}
	var result operation
	if reply.Status != http.StatusOK || !reply.JSON(&result) || result.Status == "" || !strings.EqualFold(result.ID, id) {
		return Operation{}, fmt.Errorf("%s: %w", provider, errNotUnderstood)
	}
	return result.judged(httpapi.RetryAfter(reply.Header, time.Now())), nil
}

const operationPath = "/emails/operations/"

// isOperationID: UUIDs, and whatever else needs no escape in a path.
func isOperationID(id string) bool {
	for i := range len(id) {
		c := id[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return id != "" && len(id) <= 128
}

// get asks the service something, as far as the quota allows it.
func (c *Client) get(ctx context.Context, a *ledger.Attempt, from, path string, spare int, seen *replies) (*httpapi.Reply, error) {
	meter, now := c.quotas.read(from), time.Now()
	if wait := meter.take(now, spare); wait > 0 {
		return nil, a.Refuse(ledger.RateLimited, ledger.Reason{RetryAfter: wait}, errQuota)
	}
	api := c.api
	api.Replies = seen
	reply, err := api.GetBy(ctx, a, func(ctx context.Context) error {
		req, err := c.request(ctx, http.MethodGet, path, nil)
		if err != nil {
			return err
		}
		return c.run(req)
	})
	meter.end(now, time.Now(), hasCounted(a, err))
	if err == nil {
		return reply, nil
	}
	if e := mailer.AsSendError(err); e.Code == http.StatusTooManyRequests {
		meter.heed(time.Now(), e.RetryAfter)
	}
	return nil, err
}

// judged says what r means for the recipients.
func (r *operation) judged(retryAfter time.Duration) Operation {
	o := Operation{ID: r.ID, Status: redact.Text(r.Status), Outcome: mailer.Accepted, RetryAfter: retryAfter}
	switch strings.ToLower(r.Status) {
	case "failed", "canceled":
		v := failure(r.Error.Code)
		o.Outcome, o.Scope, o.Elsewhere = v.Outcome, v.Scope, v.Elsewhere
		o.Code, o.Detail = redact.Text(r.Error.Code), redact.Text(r.Error.Message)
	}
	return o
}

// failure is what a code of an operation that failed means. Recipients that are on the suppression
// list of the whole platform have bounced before, and would elsewhere; a message that was dropped for
// another reason, another provider may take.
func failure(code string) ledger.Verdict {
	if strings.EqualFold(code, "EmailDroppedAllRecipientsSuppressed") {
		return ledger.RecipientRefused
	}
	return ledger.MessageUnfit
}
