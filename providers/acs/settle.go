package acs

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/mailer"
)

// settleLimit is for asking what a refusal leaves open.
const settleLimit = 5 * time.Second

// isDoubtful: the service may have the message although it says no. 409 means that it knows the
// Operation-Id, and under GuardMessageID 400 may mean that it knows the Message-ID; 503 may come
// of something behind the application.
func (c *Client) isDoubtful(e *mailer.SendError) bool {
	switch e.Code {
	case http.StatusConflict:
		return true
	case http.StatusServiceUnavailable:
		return e.Outcome == mailer.NotAccepted
	case http.StatusBadRequest:
		return c.cfg.GuardMessageID && e.Scope == mailer.ScopeMessage
	}
	return false
}

// settle asks for the operation that e leaves open: it returns a receipt where there is one, and otherwise
// the error that then stands.
func (c *Client) settle(ctx context.Context, a *ledger.Attempt, id string, e *mailer.SendError) (*mailer.Receipt, *mailer.SendError) {
	ctx, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	o, err := c.read(ctx, a.Msg.From.Address, id, 0)
	switch {
	case err == nil:
		return a.Accept(http.StatusOK, o.ID), nil
	case e.Code == http.StatusBadRequest && !errors.Is(err, ErrNoOperation):
		// The guard has seen the Message-ID, for all we know: that of this very message.
		why := ledger.Reason{Protocol: e.Protocol, Code: e.Code, Text: e.Receipt.Recipients[0].Detail}
		return nil, a.Refuse(ledger.Unknown, why, e.Err)
	}
	return nil, e
}

// lags are the waits before each question of Resolve: an operation may show a little after it was
// accepted. UNVERIFIED: how long that can take.
var lags = [...]time.Duration{0, time.Second, 3 * time.Second}

// Resolve implements [mailer.Resolver] by the operation of the message's [OperationID]. Where there
// is one, the service has taken the message: [mailer.Accepted], whatever became of it then, which
// [Client.Status] tells. Where there is none three times within 4 s, that proves nothing: Unknown.
// It takes one to three status reads of the quota. The error is never a [*mailer.SendError]; it wraps
// [mailer.ErrInvalidMessage] where msg is not prepared.
func (c *Client) Resolve(ctx context.Context, msg *mailer.Message) (mailer.Outcome, error) {
	if msg == nil || msg.MessageID == "" || msg.IdempotencyKey == "" {
		return mailer.Unknown, fmt.Errorf("%s: %w: only a prepared message can be asked for", provider, mailer.ErrInvalidMessage)
	}
	var failed error
	answered := false
	for _, lag := range lags {
		if !c.pause(ctx, lag) {
			break
		}
		_, err := c.read(ctx, msg.From.Address, OperationID(msg.IdempotencyKey), 0)
		switch {
		case err == nil:
			return mailer.Accepted, nil
		case errors.Is(err, ErrNoOperation):
			answered = true
		case errors.Is(err, mailer.ErrUnauthorized), errors.Is(err, mailer.ErrRateLimited):
			return mailer.Unknown, err
		default:
			failed = err
		}
	}
	switch {
	case answered:
		return mailer.Unknown, nil
	case failed == nil: // ctx had ended before the first question
		failed = fmt.Errorf("%s: not resolved: %w", provider, ctx.Err())
	}
	return mailer.Unknown, failed
}

// pause waits, and reports whether there is a point in going on.
func (c *Client) pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
	case <-c.closing:
	}
	return false
}
