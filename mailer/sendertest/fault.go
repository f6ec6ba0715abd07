package sendertest

import "fmt"

// A Fault is what goes wrong at the provider, or on the way to it, in one attempt.
type Fault int

const (
	// NoFault: the message is accepted.
	NoFault Fault = iota
	// ConnectionRefused: nothing listens.
	ConnectionRefused
	// SilentBefore: the provider falls silent while it still needs something, until the
	// client gives up. It must be where the client waits for the provider, such as a
	// greeting or a TLS handshake: the body of a small request is out before anybody
	// has read it.
	SilentBefore
	// LostInContent: the connection breaks in the middle of the content. The message has
	// about a megabyte, and the client must not have been able to hand over the last byte of
	// it, so a fake with large socket buffers breaks the client's side.
	LostInContent
	// ReplyLost: the message is accepted, and the connection ends without a reply.
	ReplyLost
	// LostAfterContent: the connection ends after the last byte without a reply, and
	// the message is not accepted.
	LostAfterContent
	// ReplyCut: the message is accepted, and the connection ends within the reply,
	// before it says so: within the reply code, or within the status line.
	ReplyCut
	// SilentAfter: the message is accepted, and the reply does not come.
	SilentAfter
	// MessageRefused: its content is refused for good, for every recipient.
	MessageRefused
	// RecipientRefused: [Step.Recipient] does not exist; the others are accepted, unless
	// the message is all-or-none.
	RecipientRefused
	// RecipientsRefused: none of the recipients exists.
	RecipientsRefused
	// SenderRefused: the account may not send as this sender.
	SenderRefused
	// CredentialsRefused: they are wrong, also when the client asks a second time about
	// the same message, with a fresh token for example.
	CredentialsRefused
	// RateLimited: too many messages; the provider does not say for how long.
	RateLimited
	// RateLimitedFor: too many messages; the provider says [Step.RetryAfter].
	RateLimitedFor
	// Unavailable: the provider itself says that it is in trouble, and that it did not
	// take the message.
	Unavailable
	// NoiseAfter: the message is accepted and the reply complete; then the connection
	// breaks, or answers nonsense to whatever follows.
	NoiseAfter

	faultCount
)

var faultNames = [faultCount]string{
	"no fault", "connection refused", "silent before", "lost in content", "reply lost", "lost after content",
	"reply cut", "silent after", "message refused", "recipient refused", "recipients refused", "sender refused",
	"credentials refused", "rate limited", "rate limited for", "unavailable", "noise after",
}

// String returns the name in words, such as "reply lost".
func (f Fault) String() string {
	if f < 0 || f >= faultCount {
		return fmt.Sprintf("Fault(%d)", int(f))
	}
	return faultNames[f]
}

// Faults returns all faults, [NoFault] among them.
func Faults() []Fault {
	all := make([]Fault, faultCount)
	for i := range all {
		all[i] = Fault(i)
	}
	return all
}

// Core reports whether every protocol has f, so that no Harness may declare it not
// applicable. The others need a protocol that names recipients, senders or times.
func (f Fault) Core() bool {
	switch f {
	case RecipientRefused, RecipientsRefused, SenderRefused, RateLimitedFor:
		return false
	}
	return true
}
