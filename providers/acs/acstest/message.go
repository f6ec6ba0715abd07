package acstest

import (
	"strings"
	"time"
)

// A Message is a message that was accepted.
type Message struct {
	// OperationID is that of the Operation-Id header, or one that the server made.
	OperationID string
	// MessageID is the header of that name, or one that the server made because that is missing,
	// or malformed, or was seen before.
	MessageID string
	// Sender is senderAddress.
	Sender             string
	To, Cc, Bcc        []Address
	ReplyTo            []Address
	Subject            string
	Text, HTML         string
	Attachments        []Attachment
	Headers            map[string]string // as they came, those that control the service included
	TrackingDisabled   bool              // userEngagementTrackingDisabled
	Suppressed         []string          // the recipients to whom nothing is sent
	DroppedAttachments []string          // the names of attachments that the message goes without
	APIVersion         string
	ClientRequestID    string // x-ms-client-request-id
	// Request is the number of the request, as in [Request].
	Request int
	// Time is when the request came.
	Time time.Time
}

// An Address is an address with a display name.
type Address struct{ Email, Name string }

// An Attachment is a file, decoded. One with a ContentID is inline.
type Attachment struct {
	Name, ContentType, ContentID string
	Content                      []byte
}

// Recipients returns the addresses of To, Cc and Bcc.
func (m *Message) Recipients() []string {
	var all []string
	for _, list := range [][]Address{m.To, m.Cc, m.Bcc} {
		for _, a := range list {
			all = append(all, a.Email)
		}
	}
	return all
}

// Header returns the header of that name, in whatever case, and "" where there is none.
func (m *Message) Header(name string) string {
	for key, value := range m.Headers {
		if strings.EqualFold(key, name) {
			return value
		}
	}
	return ""
}

// enabled reports whether a header that controls the service is true.
func (m *Message) enabled(control string) bool { return strings.EqualFold(m.Header(control), "true") }
