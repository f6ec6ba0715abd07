package dsn

import (
	"context"

	"github.com/mailkeel/mailkeel/mailer"
)

// fromSender sends every message from one address.
type fromSender struct {
	placeholder
	next mailer.Sender
	from mailer.Address
}

// fromResolver is a fromSender whose next is a [mailer.Resolver], which must be asked
// about the message as it was sent.
type fromResolver struct {
	*fromSender
	resolver mailer.Resolver
}

var (
	_ mailer.Sender   = (*fromSender)(nil)
	_ mailer.Closer   = (*fromSender)(nil)
	_ mailer.Resolver = (*fromResolver)(nil)
)

func withFrom(next mailer.Sender, from mailer.Address) mailer.Sender {
	s := &fromSender{"sender with its own from address", next, from}
	if r, ok := mailer.Find[mailer.Resolver](next); ok {
		return &fromResolver{s, r}
	}
	return s
}

// Send sends a copy of msg; see [mailer.Sender] for the contract.
func (s *fromSender) Send(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
	return s.next.Send(ctx, mailer.SendAs(msg, s.from))
}

// Resolve implements [mailer.Resolver].
func (r *fromResolver) Resolve(ctx context.Context, msg *mailer.Message) (mailer.Outcome, error) {
	return r.resolver.Resolve(ctx, mailer.SendAs(msg, r.from))
}

// Unwrap returns the Sender that the scheme opened.
func (s *fromSender) Unwrap() mailer.Sender { return s.next }

// Close closes what the scheme opened; nothing where that needs none.
func (s *fromSender) Close(ctx context.Context) error {
	if c, ok := mailer.Find[mailer.Closer](s.next); ok {
		return c.Close(ctx)
	}
	return nil
}
