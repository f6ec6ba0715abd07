package mailer

import (
	"slices"
	"time"
)

// A Message is an e-mail message and what is asked for its delivery. The zero value
// of every field but From and the recipients is a sensible default. A Message is
// plain data: fill it in, and leave it alone while it is being sent.
//
// What a provider may lack is either essential (it then refuses the message with
// [ErrUnsupported]) or advisory (left out and named in Receipt.Degraded); see [Feature].
type Message struct {
	// From is the author. Its name and address are shown to the recipient.
	From Address
	// Sender is who sends in From's stead (RFC 5322 section 3.6.2); zero when that is From.
	Sender Address
	// To, Cc and Bcc are the recipients: at least one, at most 1,000 together. An
	// address that stands in several places is one recipient. Bcc is never shown.
	To, Cc, Bcc []Address
	// ReplyTo is where answers go; empty means From.
	ReplyTo []Address
	// ReturnPath is where bounces go: the address of the SMTP envelope, without angle
	// brackets. Empty means From's; "<>" is the null return path, which gets none.
	ReturnPath string

	// Subject, Text and HTML are UTF-8. Line ends of every kind are sent as CRLF.
	Subject, Text, HTML string
	// Alternatives are further forms of the body, such as a calendar event or AMP.
	Alternatives []Alternative
	// Attachments are files. One with a ContentID is inline, shown by HTML as src="cid:...".
	Attachments []Attachment
	// Headers are further header fields; those that other fields of Message write are refused here.
	Headers Header
	// Date is the Date header field; zero means when the message is prepared.
	Date time.Time
	// MessageID is the Message-ID header field, angle brackets included. Empty means
	// that Prepare mints one; every attempt at every provider then carries the same.
	MessageID string
	// Raw is a whole RFC 5322 message, sent as it is, apart from line ends and a Bcc
	// field, which is removed; a provider whose API takes no raw mail gets its parts, or
	// refuses it. From and the recipients are then the envelope, and every other field that
	// makes up content must be empty.
	Raw Content

	// IdempotencyKey names the message to providers that know such keys, the same on
	// every attempt. Empty means the MessageID without its brackets.
	IdempotencyKey string
	// Delivery says what to do when an attempt's outcome is unknown.
	Delivery Delivery
	// AllOrNone refuses the whole message when one recipient is refused. The default
	// delivers to the others.
	AllOrNone bool
	// SendAt asks the provider to hold the message until then; zero means now.
	SendAt time.Time
	// Template makes the provider fill in a template of its own.
	Template *Template
	// Unsubscribe writes the List-Unsubscribe header fields.
	Unsubscribe Unsubscribe

	// Tags are labels for the provider's statistics. Advisory.
	Tags []string
	// Metadata comes back in the provider's events. Advisory.
	Metadata map[string]string
	// TrackOpens and TrackClicks overrule the provider's setting. Advisory.
	TrackOpens, TrackClicks Switch
	// Priority writes the priority header fields. Advisory.
	Priority Priority
	// DSN asks for delivery status notifications (RFC 3461). Advisory.
	DSN DSN
	// ProviderOptions holds what only one provider knows, by the provider's name, such
	// as "sendgrid"; the adapter documents the type it takes. Those of others are ignored.
	ProviderOptions map[string]any

	prepared *prepared
}

// An Alternative is a further form of the body. AMP ("text/x-amp-html") is placed
// before the HTML, as its specification asks; every other after it.
type Alternative struct {
	// ContentType is a media type with its parameters, such as "text/calendar; method=REQUEST".
	ContentType string
	// Content is sent as it is, octet by octet, but to an API that takes it as text: with CRLF
	// at the end of each line.
	Content Content
}

// An Attachment is a file that travels with the message.
type Attachment struct {
	// Name is the file name shown to the recipient. Only what follows its last slash
	// or backslash is sent, without bidirectional formatting characters, and at most
	// 255 bytes of it. Control characters are refused. It never names a file on this machine.
	Name string
	// ContentType is a media type; empty means the one of Name's extension, else
	// "application/octet-stream".
	ContentType string
	// ContentID makes the attachment inline: HTML refers to it as src="cid:ContentID".
	// Without angle brackets.
	ContentID string
	Content   Content
}

// A Template is a template that the provider keeps.
type Template struct {
	// ID is the provider's name for it.
	ID string
	// Version is a version or tag of it; empty means the active one.
	Version string
	// Data is what it is filled with: values that JSON can express.
	Data map[string]any
}

// Unsubscribe writes List-Unsubscribe (RFC 2369), and with OneClick List-Unsubscribe-Post
// (RFC 8058), which mailbox providers ask of bulk senders.
type Unsubscribe struct {
	// URL is an https address; opening it unsubscribes, or leads there.
	URL string
	// Mailto is an address; a message to it unsubscribes.
	Mailto string
	// OneClick says that URL unsubscribes upon a POST, without a question. It needs URL.
	OneClick bool
}

func (u Unsubscribe) isZero() bool { return u == Unsubscribe{} }

// A Switch is on, off, or left to the provider.
type Switch int

// The zero Switch leaves the provider's setting alone.
const (
	SwitchDefault Switch = iota
	On
	Off
)

// A Priority is the urgency shown to the recipient.
type Priority int

// The zero Priority writes no header field.
const (
	PriorityDefault Priority = iota
	PriorityHigh
	PriorityNormal
	PriorityLow
)

// A DSN asks for delivery status notifications of RFC 3461. The zero DSN leaves
// them to the servers' defaults.
type DSN struct {
	// Notify says when a notification is wanted; zero means the servers' default.
	Notify DSNNotify
	// ReturnFull asks for the whole message in a failure notification, not only its header.
	ReturnFull bool
	// EnvelopeID comes back in notifications: printable ASCII without space, at most 100 characters.
	EnvelopeID string
}

// DSNNotify is a set of the NOTIFY keywords of RFC 3461 section 4.1.
type DSNNotify uint8

// NotifyNever excludes the others.
const (
	NotifySuccess DSNNotify = 1 << iota
	NotifyFailure
	NotifyDelay
	NotifyNever
)

// prepared is what Prepare settled. self tells the frozen message from a copy of it
// that somebody may have changed.
type prepared struct {
	self       *Message
	recipients []string
	returnPath string
	boundary   string
	messageID  string // as it was settled
	minted     bool   // by Prepare, not given by the caller or Raw
	narrowed   bool   // recipients are fewer than the lists of the message

	// What unchanged compares with.
	from        Address
	addresses   []Address // of To, Cc, Bcc and ReplyTo
	givenReturn string
}

// IsPrepared reports whether m is what [Prepare] or [Spool] returned, not a copy of it.
func (m *Message) IsPrepared() bool { return m.prepared != nil && m.prepared.self == m }

// Recipients returns the addresses of the envelope, each once, in the order To, Cc,
// Bcc; of a message from [Narrow], and of its copies, those that are left. Of a prepared
// message they are checked, with domains in ASCII, and the slice belongs to the message.
func (m *Message) Recipients() []string {
	if m.IsPrepared() {
		return m.prepared.recipients
	}
	recipients, _ := m.prepared.narrow(uniqueRecipients(m.To, m.Cc, m.Bcc))
	return recipients
}

// EnvelopeFrom returns the return path of a prepared message as the SMTP envelope
// has it, without angle brackets: empty for the null return path.
func (m *Message) EnvelopeFrom() string {
	if m.IsPrepared() {
		return m.prepared.returnPath
	}
	return ""
}

// Boundary returns the random token of a prepared message from which the boundaries
// between its parts are made, so that every attempt has the same ones.
func (m *Message) Boundary() string {
	if m.IsPrepared() {
		return m.prepared.boundary
	}
	return ""
}

// uniqueRecipients compares addresses as envelope comparisons do: the local part
// exactly, the domain without regard to case.
func uniqueRecipients(lists ...[]Address) []string {
	n := 0
	for _, list := range lists {
		n += len(list)
	}
	unique := make([]string, 0, n)
	var seen map[string]bool // only for long lists, where a search would be quadratic
	if n > 16 {
		seen = make(map[string]bool, n)
	}
	for _, list := range lists {
		for _, a := range list {
			if seen != nil {
				if key := envelopeKey(a.Address); !seen[key] {
					seen[key] = true
					unique = append(unique, a.Address)
				}
			} else if !slices.ContainsFunc(unique, func(u string) bool { return sameMailbox(u, a.Address) }) {
				unique = append(unique, a.Address)
			}
		}
	}
	return slices.Clip(unique) // senders that append to it must not meet there
}
