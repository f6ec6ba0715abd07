package mailer

import "fmt"

// An Outcome is the verdict about a message or about one recipient of it: who is
// responsible for it now. It follows from how far an attempt got and what was
// answered, never from the words of an error.
type Outcome int

const (
	// Unknown means that the provider may or may not have the message: everything it
	// needed had been released and no complete, understood reply came back. It is the
	// zero value, so that a verdict nobody gave is never read as a refusal.
	Unknown Outcome = iota
	// Accepted means that the provider has taken responsibility. It may still bounce later.
	Accepted
	// PartlyAccepted means that some recipients were accepted and the others were not.
	// One recipient alone is never PartlyAccepted.
	PartlyAccepted
	// NotAccepted means that the provider provably does not have the message, so that
	// sending it again, here or elsewhere, cannot double it.
	NotAccepted
)

var outcomeNames = [...]string{"unknown", "accepted", "partly_accepted", "not_accepted"}

// String returns the name that the JSON form uses: "unknown", "accepted",
// "partly_accepted" or "not_accepted".
func (o Outcome) String() string { return enumName("Outcome", outcomeNames[:], int(o)) }

// MarshalText implements [encoding.TextMarshaler].
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (o *Outcome) UnmarshalText(text []byte) error {
	i, err := enumValue("outcome", outcomeNames[:], text)
	*o = Outcome(i)
	return err
}

// A Scope says whose fault a failure is, and with that what a router may do about it.
type Scope int

const (
	// ScopeUnknown is the zero value: nobody said, or nothing failed.
	ScopeUnknown Scope = iota
	// ScopeMessage is a refusal of this message: its content, size or format.
	ScopeMessage
	// ScopeRecipient is a refusal of one recipient.
	ScopeRecipient
	// ScopeSender is a refusal of the sender's identity: the account does not own it.
	// Another provider may.
	ScopeSender
	// ScopeAccount is wrong or missing credentials, a plan, an allow-list, or a route
	// that is set up wrongly.
	ScopeAccount
	// ScopeRate is a limit that passes with time, the provider's or a local one.
	ScopeRate
	// ScopeProvider is the provider's trouble, or the network's on the way to it.
	ScopeProvider
	// ScopeCaller is the caller's doing: a context that ended, a closed sender, bad input.
	ScopeCaller
)

var scopeNames = [...]string{"unknown", "message", "recipient", "sender", "account", "rate", "provider", "caller"}

// String returns the name that the JSON form uses, such as "provider".
func (s Scope) String() string { return enumName("Scope", scopeNames[:], int(s)) }

// MarshalText implements [encoding.TextMarshaler].
func (s Scope) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *Scope) UnmarshalText(text []byte) error {
	i, err := enumValue("scope", scopeNames[:], text)
	*s = Scope(i)
	return err
}

// Delivery says what to do when an attempt ends [Unknown].
type Delivery int

const (
	// DeliveryDefault leaves the choice to the router, which takes [AtMostOnce] unless told otherwise.
	DeliveryDefault Delivery = iota
	// AtMostOnce stops: the message is not sent again unless the provider says it has
	// no copy or takes an idempotency key. A copy may be missing, never doubled.
	AtMostOnce
	// AtLeastOnce sends again: a second copy is better than none, as with a one-time code.
	AtLeastOnce
)

var deliveryNames = [...]string{"default", "at-most-once", "at-least-once"}

// String returns "default", "at-most-once" or "at-least-once".
func (d Delivery) String() string { return enumName("Delivery", deliveryNames[:], int(d)) }

// MarshalText implements [encoding.TextMarshaler].
func (d Delivery) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (d *Delivery) UnmarshalText(text []byte) error {
	i, err := enumValue("delivery", deliveryNames[:], text)
	*d = Delivery(i)
	return err
}

// A Phase is how far an attempt got.
type Phase int

const (
	// PhaseNone: nothing was tried.
	PhaseNone Phase = iota
	// PhaseConnect: resolving, connecting, and waiting for a free connection.
	PhaseConnect
	// PhaseTLS: the TLS handshake, STARTTLS included.
	PhaseTLS
	// PhaseAuth: authentication, getting a token included.
	PhaseAuth
	// PhaseEnvelope: sender and recipients, or the head of the request.
	PhaseEnvelope
	// PhaseContent: the content, short of its last byte.
	PhaseContent
	// PhaseCommitted: the gate has let the last byte go; the reply is awaited.
	PhaseCommitted
	// PhaseDone: the provider's reply about the message was read.
	PhaseDone
)

var phaseNames = [...]string{"none", "connect", "tls", "auth", "envelope", "content", "committed", "done"}

// String returns the lower-case name, such as "connect".
func (p Phase) String() string { return enumName("Phase", phaseNames[:], int(p)) }

// MarshalText implements [encoding.TextMarshaler].
func (p Phase) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (p *Phase) UnmarshalText(text []byte) error {
	i, err := enumValue("phase", phaseNames[:], text)
	*p = Phase(i)
	return err
}

func enumName(kind string, names []string, i int) string {
	if i < 0 || i >= len(names) {
		return fmt.Sprintf("%s(%d)", kind, i)
	}
	return names[i]
}

func enumValue(kind string, names []string, text []byte) (int, error) {
	for i, name := range names {
		if name == string(text) {
			return i, nil
		}
	}
	return 0, fmt.Errorf("mailer: %q is no %s; known: %q", text, kind, names)
}
