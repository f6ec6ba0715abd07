package sendertest

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// These flaws say something wrong about a send.

func optimist(inner mailer.Sender) send {
	return func(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
		r, err := inner.Send(ctx, msg)
		if !errors.Is(err, mailer.ErrUnknownOutcome) {
			return r, err
		}
		r = mailer.AsSendError(err).Receipt
		r.Outcome = mailer.Accepted
		for i := range r.Recipients {
			r.Recipients[i].Outcome, r.Recipients[i].Scope = mailer.Accepted, mailer.ScopeUnknown
		}
		return r, nil
	}
}

func reportsNoise(inner mailer.Sender) send {
	return func(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
		r, err := inner.Send(ctx, msg)
		if err == nil {
			return nil, &mailer.SendError{Receipt: r, Outcome: mailer.Accepted, Scope: mailer.ScopeProvider, Err: errors.New("quit: EOF")}
		}
		return r, err
	}
}

func plainError(r *mailer.Receipt, e *mailer.SendError) (*mailer.Receipt, error) {
	return r, errors.New(e.Error())
}

func noReceipt(r *mailer.Receipt, e *mailer.SendError) (*mailer.Receipt, error) {
	e.Receipt = nil
	return r, e
}

func otherReceipt(r *mailer.Receipt, e *mailer.SendError) (*mailer.Receipt, error) {
	if r == nil {
		return nil, e
	}
	other := *r
	return &other, e
}

func nilReceipt(_ *mailer.Receipt, e *mailer.SendError) (*mailer.Receipt, error) { return nil, e }

func eagerReceipt(_ *mailer.Receipt, e *mailer.SendError) (*mailer.Receipt, error) {
	return e.Receipt, e
}

func allAlike(_ *mailer.Receipt, e *mailer.SendError) (*mailer.Receipt, error) {
	e.Outcome, e.Receipt.Outcome = mailer.NotAccepted, mailer.NotAccepted
	for i := range e.Receipt.Recipients {
		e.Receipt.Recipients[i].Outcome, e.Receipt.Recipients[i].Scope = mailer.NotAccepted, e.Scope
	}
	return nil, e
}

func noRecipients(r *mailer.Receipt, e *mailer.SendError) (*mailer.Receipt, error) {
	e.Receipt.Recipients = nil
	return r, e
}

func reversed(r *mailer.Receipt, e *mailer.SendError) (*mailer.Receipt, error) {
	slices.Reverse(e.Receipt.Recipients)
	return r, e
}

func noProtocol(r *mailer.Receipt, e *mailer.SendError) (*mailer.Receipt, error) {
	e.Protocol = ""
	return r, e
}

func forgetsRetryAfter(r *mailer.Receipt, e *mailer.SendError) (*mailer.Receipt, error) {
	e.RetryAfter = 0
	return r, e
}

func causeOnly(inner mailer.Sender) send {
	return func(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
		r, err := inner.Send(ctx, msg)
		if e := mailer.AsSendError(err); e != nil && ctx.Err() != nil {
			e.Err = context.Cause(ctx)
		}
		return r, err
	}
}

func losesCause(r *mailer.Receipt, e *mailer.SendError) (*mailer.Receipt, error) {
	if e.Err != nil {
		e.Err = errors.New(e.Err.Error())
	}
	return r, e
}

func leaks(r *mailer.Receipt, e *mailer.SendError) (*mailer.Receipt, error) {
	e.Err = errors.New("535 user " + password + " unknown")
	return r, e
}

func leaksEncoded(r *mailer.Receipt, e *mailer.SendError) (*mailer.Receipt, error) {
	e.Receipt.ProviderMessageID = "cGE1NS93b3JkK29mPW1lbW9yeQ=="
	return r, e
}

func dropsInSilence(inner mailer.Sender) send {
	return func(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
		r, err := inner.Send(ctx, msg)
		if r != nil {
			r.Degraded = nil
		}
		return r, err
	}
}

func degradesAll(inner mailer.Sender) send {
	return func(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
		r, err := inner.Send(ctx, msg)
		if r != nil {
			r.Degraded = mailer.Advisory.Names()
		}
		return r, err
	}
}

func hidesIdentity(inner mailer.Sender) send {
	return func(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
		r, err := inner.Send(ctx, changed(msg, func(m *mailer.Message) { m.MessageID = "" }))
		if r != nil && msg.MessageID != "" {
			r.MessageID = msg.MessageID
		}
		return r, err
	}
}

func noAttempts(inner mailer.Sender) send {
	return func(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
		r, err := inner.Send(ctx, msg)
		if r != nil {
			r.Attempts = nil
		}
		return r, err
	}
}

func nothing(inner mailer.Sender) send {
	return func(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
		_, err := inner.Send(ctx, msg)
		return nil, err
	}
}

func contradicts(r *mailer.Receipt, e *mailer.SendError) (*mailer.Receipt, error) {
	e.Receipt.Outcome = mailer.Unknown
	return r, e
}

// scoped is a flaw that blames the same one for everything.
func scoped(scope mailer.Scope) func(*mailer.Receipt, *mailer.SendError) (*mailer.Receipt, error) {
	return func(r *mailer.Receipt, e *mailer.SendError) (*mailer.Receipt, error) {
		e.Scope = scope
		return r, e
	}
}

func recommends(r *mailer.Receipt, e *mailer.SendError) (*mailer.Receipt, error) {
	e.Elsewhere = true
	return r, e
}

func noCode(r *mailer.Receipt, e *mailer.SendError) (*mailer.Receipt, error) {
	e.Protocol, e.Code = "", 0
	return r, e
}

func noRecipientCode(r *mailer.Receipt, e *mailer.SendError) (*mailer.Receipt, error) {
	for i := range e.Receipt.Recipients {
		e.Receipt.Recipients[i].Code = 0
	}
	return r, e
}

func partOfOne(r *mailer.Receipt, e *mailer.SendError) (*mailer.Receipt, error) {
	for i := range e.Receipt.Recipients {
		e.Receipt.Recipients[i].Outcome = mailer.PartlyAccepted
	}
	return r, e
}

func blamed(inner mailer.Sender) send {
	return func(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
		r, err := inner.Send(ctx, msg)
		if r != nil {
			r.Recipients[0].Scope = mailer.ScopeProvider
		}
		return r, err
	}
}

func noProvider(r *mailer.Receipt, e *mailer.SendError) (*mailer.Receipt, error) {
	e.Receipt.Provider = ""
	return r, e
}

func wrongTime(r *mailer.Receipt, e *mailer.SendError) (*mailer.Receipt, error) {
	for i := range e.Receipt.Attempts {
		e.Receipt.Attempts[i].Start = time.Time{}
	}
	return r, e
}

// phase is a flaw that gets equally far every time.
func phase(p mailer.Phase) func(*mailer.Receipt, *mailer.SendError) (*mailer.Receipt, error) {
	return func(r *mailer.Receipt, e *mailer.SendError) (*mailer.Receipt, error) {
		for i := range e.Receipt.Attempts {
			e.Receipt.Attempts[i].Phase = p
		}
		return r, e
	}
}

func stoppedShort(inner mailer.Sender) send {
	return func(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
		r, err := inner.Send(ctx, msg)
		if r != nil {
			r.Attempts[0].Phase = mailer.PhaseContent
		}
		return r, err
	}
}

// hidesLoss calls a lost message refused, and names nobody who might have it.
func hidesLoss(_ *mailer.Receipt, e *mailer.SendError) (*mailer.Receipt, error) {
	e.Outcome, e.Receipt.Outcome, e.Receipt.Recipients = mailer.NotAccepted, mailer.NotAccepted, nil
	return nil, e
}
