package mailguntest

import (
	"net/mail"
	"strings"
	"time"
)

// A Message is a message that the server took, as it understood it.
type Message struct {
	// ID is what the reply said, with angle brackets.
	ID string
	// Endpoint is "messages" or "messages.mime".
	Endpoint string
	// Domain is the sending domain.
	Domain string
	// AcceptedAt is when it was taken.
	AcceptedAt time.Time

	// Recipients is the envelope: to, cc and bcc of the form, or its to for messages.mime,
	// without names and without those that came twice.
	Recipients []string

	// From, To, Cc, Bcc and ReplyTo are what the form says, or for messages.mime the header.
	// From is zero where it is left to a template.
	From                 mail.Address
	To, Cc, Bcc, ReplyTo []mail.Address
	Subject              string
	// Text, HTML and AMPHTML are the bodies, of messages.mime with \n as line end.
	Text, HTML, AMPHTML string
	// MessageID is the Message-ID that the client gave, with angle brackets as it gave them; empty where it gave none.
	MessageID string
	// Headers are the header fields in their order: of messages.mime those of the message,
	// unfolded and not decoded, then the h: parameters of the form.
	Headers []Header
	// Attachments and Inlines are the files, decoded.
	Attachments, Inlines []Attachment
	// MIME is the message as posted to messages.mime, else nil.
	MIME []byte

	// Tags are the o:tag parameters. Options are the other o: parameters and Variables the v: parameters, by
	// their names without the prefix.
	Tags               []string
	Options, Variables map[string]string
	// Template is the name of the stored template, TemplateVersion its t:version, and
	// TemplateVariables its t:variables.
	Template, TemplateVersion string
	TemplateVariables         map[string]any
	// RecipientVariables make the message a batch: every recipient gets a copy of its own.
	RecipientVariables map[string]map[string]any
	// DeliveryTime is o:deliverytime; zero means at once.
	DeliveryTime time.Time
	// TestMode is o:testmode: the message is taken, and not delivered.
	TestMode bool
}

// A Header is a header field.
type Header struct{ Name, Value string }

// Header returns the first field of that name, or "".
func (m *Message) Header(name string) string { return firstHeader(m.Headers, name) }

func firstHeader(headers []Header, name string) string {
	for _, h := range headers {
		if strings.EqualFold(h.Name, name) {
			return h.Value
		}
	}
	return ""
}

// An Attachment is a file of a message.
type Attachment struct {
	Name string
	// ContentType is the type as the client gave it, with parameters.
	ContentType string
	// ContentID is what the bodies refer to as cid:, without angle brackets; of an
	// inline file of the form its name.
	ContentID string
	Data      []byte
}
