package sendertest

import (
	"context"
	"slices"
	"sync"

	"github.com/mailkeel/mailkeel/mailer"
)

// These flaws keep something of what they returned.

// keeping is a flaw that keeps a value from one receipt to the next.
func keeping[T any](keep func(kept *T, r *mailer.Receipt) *mailer.Receipt) func(mailer.Sender) send {
	return func(inner mailer.Sender) send {
		var (
			mu   sync.Mutex
			kept T
		)
		return func(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
			r, err := inner.Send(ctx, msg)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				r = keep(&kept, r)
			}
			return r, err
		}
	}
}

// reuse moves list into the array that the last one was in.
func reuse[E any](kept *[]E, list *[]E) {
	*kept = append((*kept)[:0], *list...)
	*list = *kept
}

var (
	sameReceipt = keeping(func(kept, r *mailer.Receipt) *mailer.Receipt {
		*kept = *r
		return kept
	})
	sameRecipients = keeping(func(kept *[]mailer.RecipientResult, r *mailer.Receipt) *mailer.Receipt {
		reuse(kept, &r.Recipients)
		return r
	})
	sameAttempts = keeping(func(kept *[]mailer.Attempt, r *mailer.Receipt) *mailer.Receipt {
		reuse(kept, &r.Attempts)
		return r
	})
	sameDegraded = keeping(func(kept *[]string, r *mailer.Receipt) *mailer.Receipt {
		reuse(kept, &r.Degraded)
		return r
	})
	// readsReceipt takes its name from the first receipt that it returned.
	readsReceipt = keeping(func(kept **mailer.Receipt, r *mailer.Receipt) *mailer.Receipt {
		if *kept == nil {
			*kept = r
		}
		r.IdempotencyKey = (*kept).IdempotencyKey
		return r
	})
	// writesReceipt notes in a receipt that another one came after it.
	writesReceipt = keeping(func(kept **mailer.Receipt, r *mailer.Receipt) *mailer.Receipt {
		if *kept != nil {
			(*kept).Attempts[0].Decision = "not the last"
		}
		*kept = r
		return r
	})
)

// sameError has one error for each failure with that scope.
func sameError(scope mailer.Scope) func(mailer.Sender) mailer.Sender {
	var (
		mu   sync.Mutex
		kept *mailer.SendError
	)
	return after(func(r *mailer.Receipt, e *mailer.SendError) (*mailer.Receipt, error) {
		mu.Lock()
		defer mu.Unlock()
		if e.Scope != scope {
			return r, e
		}
		if kept == nil {
			kept = e
		}
		if r != nil {
			r = kept.Receipt
		}
		return r, kept
	})
}

// overwritesError has one error for all failures, each with a receipt of its own.
func overwritesError() func(mailer.Sender) mailer.Sender {
	var (
		mu   sync.Mutex
		kept mailer.SendError
	)
	return after(func(r *mailer.Receipt, e *mailer.SendError) (*mailer.Receipt, error) {
		mu.Lock()
		defer mu.Unlock()
		kept = *e
		return r, &kept
	})
}

// These flaws misread who a message goes to.

// wide returns m as if it had never been narrowed.
func wide(m *mailer.Message) *mailer.Message {
	return &mailer.Message{
		From: m.From, To: m.To, Cc: m.Cc, Bcc: m.Bcc, ReplyTo: m.ReplyTo, Subject: m.Subject, Text: m.Text,
		Date: m.Date, MessageID: m.MessageID, IdempotencyKey: m.IdempotencyKey,
	}
}

func isNarrow(m *mailer.Message) bool { return mailer.Needs(m)&mailer.FeatureEnvelope != 0 }

func widens(ctx context.Context, msg *mailer.Message) (context.Context, *mailer.Message) {
	if isNarrow(msg) {
		msg = wide(msg)
	}
	return ctx, msg
}

func widensCopies(ctx context.Context, msg *mailer.Message) (context.Context, *mailer.Message) {
	if msg.IsPrepared() {
		return ctx, msg
	}
	return widens(ctx, msg)
}

func widensInSilence(inner mailer.Sender) send {
	return func(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
		if !isNarrow(msg) {
			return inner.Send(ctx, msg)
		}
		r, err := inner.Send(ctx, wide(msg))
		if r != nil {
			r.Recipients = slices.DeleteFunc(r.Recipients, func(rcpt mailer.RecipientResult) bool {
				return !slices.Contains(msg.Recipients(), rcpt.Address)
			})
		}
		return r, err
	}
}

func tellsOfAll(inner mailer.Sender) send {
	return func(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
		r, err := inner.Send(ctx, msg)
		if r == nil || !isNarrow(msg) {
			return r, err
		}
		like := r.Recipients[0]
		r.Recipients = nil
		for _, address := range wide(msg).Recipients() {
			like.Address = address
			r.Recipients = append(r.Recipients, like)
		}
		return r, err
	}
}

func renamesNarrow(ctx context.Context, msg *mailer.Message) (context.Context, *mailer.Message) {
	if isNarrow(msg) {
		return mintsAnew(ctx, msg)
	}
	return ctx, msg
}

// otherName is a sender that says another name than its receipts.
type otherName struct{ broken }

func (otherName) Names() (provider, route string) { return "memory", "primary" }

func misnamed(inner mailer.Sender) mailer.Sender { return otherName{broken{inner, inner.Send}} }
