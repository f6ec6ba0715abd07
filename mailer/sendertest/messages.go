package sendertest

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mailkeel/mailkeel/mailer"
)

// message returns a message to one recipient, with a subject of its own.
func (s *scene) message() *mailer.Message {
	s.made++
	return &mailer.Message{
		From:    s.From,
		To:      []mailer.Address{{Address: "ann@example.com"}},
		Subject: fmt.Sprintf("sendertest %d", s.made),
		Text:    "Dear Ann,\r\n\r\nthis is a test.\r\n",
	}
}

// middle is the recipient of a crowd that is refused.
const middle = "bob@example.com"

// crowd returns a message to three recipients.
func (s *scene) crowd() *mailer.Message {
	m := s.message()
	m.Cc = []mailer.Address{{Address: middle}}
	m.Bcc = []mailer.Address{{Address: "cid@example.com"}}
	return m
}

// large returns a message of about a megabyte.
func (s *scene) large() *mailer.Message {
	m := s.message()
	size := int64(1 << 20)
	if limit := s.capabilities.MaxMessageBytes; limit > 0 {
		size = min(size, limit/2)
	}
	const line = "The quick brown fox jumps over the lazy dog, again and again.\r\n"
	m.Text = strings.Repeat(line, int(size)/len(line))
	return m
}

// attached returns a message with an attachment that is read through open, or skips
// the case where the Sender carries none.
func (s *scene) attached(sizeBytes int64, open func() (io.ReadCloser, error)) *mailer.Message {
	s.Helper()
	if !s.carries(mailer.FeatureAttachments) {
		s.Skip("the Sender carries no attachments, so that nothing is read while it sends")
	}
	m := s.message()
	m.Attachments = []mailer.Attachment{{
		Name: "notes.txt", ContentType: "text/plain", Content: mailer.Opener(sizeBytes, open),
	}}
	return m
}

// full returns a message that uses every field that can be used at once, with room
// behind its lists, which belongs to the caller too.
func (s *scene) full() *mailer.Message {
	m := s.crowd()
	for i, list := range []*[]mailer.Address{&m.To, &m.Cc, &m.Bcc, &m.ReplyTo} {
		*list = append(slices.Grow(*list, 8), mailer.Address{Address: fmt.Sprintf("list%d@example.com", i)})
	}
	m.HTML = "<p>Dear Ann,<br>this is a test.</p>"
	for _, a := range asks {
		if !a.alone && s.carries(a.feature) {
			a.ask(m)
		}
	}
	m.ProviderOptions = map[string]any{"sendertest": []string{"left", "alone"}}
	return m
}
