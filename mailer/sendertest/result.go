package sendertest

import (
	"context"
	"errors"
	"net/mail"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// A result is what came of one call of Send.
type result struct {
	msg          *mailer.Message
	subject      string
	started      bool // ctx had not ended when Send was called
	began, ended time.Time
	receipt      *mailer.Receipt
	err          error
}

// sendError returns the SendError in the error, or an empty one, so that checks need
// not ask; checkShape reports that it was missing.
func (r *result) sendError() *mailer.SendError {
	var e *mailer.SendError
	if errors.As(r.err, &e) && e != nil {
		return e
	}
	return &mailer.SendError{}
}

// account returns the receipt, wherever it is, or nil.
func (r *result) account() *mailer.Receipt {
	if r.err != nil {
		return r.sendError().Receipt
	}
	return r.receipt
}

// recipients returns the results for the recipients, as far as there are any.
func (r *result) recipients() []mailer.RecipientResult {
	if account := r.account(); account != nil {
		return account.Recipients
	}
	return nil
}

// outcome returns the verdict as a caller reads it.
func (r *result) outcome() mailer.Outcome {
	switch {
	case r.err != nil:
		return r.sendError().Outcome
	case r.receipt != nil:
		return r.receipt.Outcome
	}
	return mailer.Unknown
}

// refusedAtOnce reports that there may be no attempt to account for: ctx had ended, or
// the reason lies with the caller and is not that ctx ended later.
func (r *result) refusedAtOnce() bool {
	e := r.sendError()
	switch {
	case !r.started || errors.Is(r.err, mailer.ErrUnsupported):
		return true
	case e.Scope != mailer.ScopeCaller || e.Outcome != mailer.NotAccepted:
		return false
	}
	return !errors.Is(r.err, context.Canceled) && !errors.Is(r.err, context.DeadlineExceeded)
}

// subjectOf returns the subject by which msg is known, also when it is raw.
func subjectOf(msg *mailer.Message) string {
	switch {
	case msg == nil:
		return ""
	case msg.Subject != "" || msg.Raw.IsZero():
		return msg.Subject
	}
	raw, err := msg.Raw.Open()
	if err != nil {
		return ""
	}
	defer func() { _ = raw.Close() }()
	parsed, err := mail.ReadMessage(raw)
	if err != nil {
		return ""
	}
	return parsed.Header.Get("Subject")
}
