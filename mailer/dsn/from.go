package dsn

import (
	"context"
	"strings"

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
	return s.next.Send(ctx, s.rewrite(msg))
}

// Resolve implements [mailer.Resolver].
func (r *fromResolver) Resolve(ctx context.Context, msg *mailer.Message) (mailer.Outcome, error) {
	return r.resolver.Resolve(ctx, r.rewrite(msg))
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

// rewrite keeps everything by which attempts recognise the message: a copy of a
// prepared one has its identity, Date and boundary already.
func (s *fromSender) rewrite(msg *mailer.Message) *mailer.Message {
	if msg == nil {
		return nil // for the next Sender to refuse
	}
	m, author := *msg, msg.From
	m.From.Address = s.from.Address
	if m.From.Name == "" {
		m.From.Name = s.from.Name
	}
	if author.Address == "" || strings.EqualFold(author.Address, s.from.Address) {
		return &m
	}
	if len(m.ReplyTo) == 0 && m.Raw.IsZero() {
		m.ReplyTo = []mailer.Address{author}
	}
	return &m
}
