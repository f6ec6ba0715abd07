package mailer

import "context"

// A Sender sends messages. Every adapter, the router and every wrapper is one.
//
// The caller guarantees that ctx is not nil, and leaves msg and what it refers to
// alone until Send returns.
//
// An implementation guarantees, and [sendertest] checks:
//
//  1. Send returns a nil error if and only if every recipient was accepted; the
//     Receipt is then not nil and its Outcome is [Accepted].
//  2. When some recipients were accepted and the others refused, it returns a Receipt
//     and a [*SendError] that holds the same Receipt.
//  3. Otherwise the Receipt is nil and the error is a [*SendError] with the account of the send.
//  4. The verdict follows the boundary rule: before the last byte that the provider needs
//     was released, every failure is [NotAccepted]; after it, without a complete and
//     understood reply, the verdict is [Unknown].
//  5. What fails after acceptance is no error.
//  6. Send never changes msg.
//  7. Send is safe for concurrent use.
//  8. One Send of an adapter is one attempt: at most one copy that could be accepted. It
//     speaks a second time only when the first request was definitely refused.
//  9. Send returns soon after ctx ends: NotAccepted before the boundary, Unknown after it, in both
//     cases with [ScopeCaller], and the error wraps ctx's error.
//  10. A [Gate] carried by ctx is committed once, just before the boundary; when Commit returns
//     false, nothing more is sent and the verdict is NotAccepted.
//  11. What is essential and cannot be carried is refused with [ErrUnsupported] before
//     anything is sent; what is advisory and left out is named in Receipt.Degraded.
//  12. No error, receipt or printed configuration shows a secret.
//  13. What Send returns belongs to the caller: it is made anew for each send, and the
//     Sender keeps nothing of it.
//
// A caller treats an error that is no *SendError, and a zero Outcome, as Unknown.
//
// [sendertest]: https://pkg.go.dev/github.com/mailkeel/mailkeel/mailer/sendertest
type Sender interface {
	Send(ctx context.Context, msg *Message) (*Receipt, error)
}

// A Checker can tell whether a provider would take a message now, without sending
// one: reachable, encrypted, credentials valid. Nil means yes, as far as the
// provider lets that be known. A failure is a [*SendError], with an empty list of recipients.
type Checker interface {
	Check(ctx context.Context) error
}

// A Resolver can ask the provider what became of a message whose verdict was
// [Unknown]. It takes the prepared message. Unknown with a nil error means that
// the provider answered and the answer proves nothing. An error means that it was not
// asked or did not answer; it is no [*SendError], for it has no verdict about the message.
type Resolver interface {
	Resolve(ctx context.Context, msg *Message) (Outcome, error)
}

// A Closer ends a Sender: new sends fail with [ErrClosed], those under way are
// waited for until ctx ends, then cut off, and everything is released. A second Close
// does nothing, and may return before the first has finished. The error is ctx's when
// sends had to be cut off.
type Closer interface {
	Close(ctx context.Context) error
}

// Capable tells what a Sender can carry.
type Capable interface{ Capabilities() Capabilities }

// Named tells how receipts call what a Sender sends through: the kind of provider, and
// the route's configured name.
type Named interface {
	Names() (provider, route string)
}

// Find returns the first Sender in s's tree that is a T: s itself, or what it wraps,
// through methods Unwrap() Sender or Unwrap() []Sender, depth first. T is one of the
// optional interfaces, such as [Checker], or a concrete type. Do not send a message
// to what Find returned: that would bypass the wrappers around it.
func Find[T any](s Sender) (T, bool) {
	if found, ok := s.(T); ok {
		return found, true
	}
	switch w := s.(type) {
	case interface{ Unwrap() Sender }:
		if inner := w.Unwrap(); inner != nil {
			return Find[T](inner)
		}
	case interface{ Unwrap() []Sender }:
		for _, inner := range w.Unwrap() {
			if found, ok := Find[T](inner); ok {
				return found, true
			}
		}
	}
	var none T
	return none, false
}
