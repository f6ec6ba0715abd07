package simmail

import (
	"fmt"
	"strings"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// A Kind says what is wrong with a message; it stands in its Subject, where providers
// read it.
type Kind string

const (
	// Good: nothing is.
	Good Kind = "good"
	// BadContent is refused after the content, wherever it goes.
	BadContent Kind = "bad content"
	// BadRecipient has one recipient only, whom nobody knows.
	BadRecipient Kind = "bad recipient"
	// BadSender comes from a domain that providers refuse; see [Provider].
	BadSender Kind = "bad sender"
	// DropsBefore makes providers drop the connection in the middle of the content.
	DropsBefore Kind = "drops before"
	// DropsAfter makes them drop it after the content, which they forget.
	DropsAfter Kind = "drops after"
)

// Poisons are the kinds that are not Good.
var Poisons = [...]Kind{BadContent, BadRecipient, BadSender, DropsBefore, DropsAfter}

// Local parts of recipients begin with what becomes of them.
const (
	rcptUnknown = "unknown" // 550 5.1.1
	rcptLater   = "later"   // 450 4.2.0
	rcptDenied  = "denied"  // 451 4.3.0, at a Provider that is Fussy
)

// A Mail is a message and how it is sent.
type Mail struct {
	Msg  *mailer.Message
	Kind Kind
	// At is when it is sent, since the world began.
	At time.Duration
	// Timeout is that of ctx; zero means that it has no deadline.
	Timeout time.Duration
	// CancelAfter is when ctx is cancelled, since the message was sent; zero means never.
	CancelAfter time.Duration
}

// NewMail returns a message of a kind, with a number of its own, to one recipient.
func NewMail(n int, kind Kind, at time.Duration) Mail {
	from, to := "app@example.com", "someone"
	switch kind {
	case BadSender:
		from = "app@foreign.example"
	case BadRecipient:
		to = rcptUnknown
	}
	return Mail{Kind: kind, At: at, Msg: &mailer.Message{
		From:      mailer.Address{Address: from},
		To:        []mailer.Address{{Address: to + "@example.net"}},
		Subject:   string(kind),
		Text:      "text",
		MessageID: fmt.Sprintf("<m%d@example.com>", n),
	}}
}

// Recipients gives the mail n good recipients in the place of its own, and one for each
// of the words "unknown", "later" and "denied" that are given.
func (m *Mail) Recipients(n int, words ...string) {
	m.Msg.To = nil
	for i := range n {
		m.Msg.To = append(m.Msg.To, mailer.Address{Address: fmt.Sprintf("someone%d@example.net", i)})
	}
	for i, w := range words {
		m.Msg.To = append(m.Msg.To, mailer.Address{Address: fmt.Sprintf("%s%d@example.net", w, i)})
	}
}

func (m *Mail) deadline() (time.Duration, bool) {
	switch {
	case m.CancelAfter > 0 && (m.Timeout == 0 || m.CancelAfter < m.Timeout):
		return m.At + m.CancelAfter, true
	case m.Timeout > 0:
		return m.At + m.Timeout, true
	}
	return 0, false
}

func isForeign(m *mailer.Message) bool { return strings.HasSuffix(m.From.Address, "@foreign.example") }

func hasWord(recipient, word string) bool { return strings.HasPrefix(recipient, word) }
