package sendertest

import (
	"context"
	"errors"

	"github.com/mailkeel/mailkeel/mailer"
)

// spoilers make a message one that nobody can send: something is missing, or would be
// read as another field, address or command than the one it stands in.
var spoilers = []struct {
	name  string
	spoil func(*mailer.Message)
}{
	{"no_recipient", func(m *mailer.Message) { m.To = nil }},
	{"no_sender", func(m *mailer.Message) { m.From = mailer.Address{} }},
	{"line_end_in_subject", func(m *mailer.Message) { m.Subject += "\r\nBcc: <mallory@example.org>" }},
	{"bare_line_feed_in_subject", func(m *mailer.Message) { m.Subject += "\nBcc: <mallory@example.org>" }},
	{"line_end_in_from_name", func(m *mailer.Message) { m.From.Name = "Ann\r\nBcc: <mallory@example.org>" }},
	{"line_end_in_recipient", func(m *mailer.Message) { m.To[0].Address = "ann@example.com>\r\nRCPT TO:<mallory@example.org" }},
	{"parameter_in_recipient", func(m *mailer.Message) { m.To[0].Address = "ann@example.com> NOTIFY=NEVER <ann@example.com" }},
	{"list_in_recipient", func(m *mailer.Message) { m.To[0].Address = "ann@example.com,mallory@example.org" }},
	{"line_end_in_return_path", func(m *mailer.Message) { m.ReturnPath = "ann@example.com\r\nDATA" }},
	{"line_end_in_reply_to", func(m *mailer.Message) { m.ReplyTo = []mailer.Address{{Name: "a\nb", Address: "a@example.com"}} }},
	{"line_end_in_header_value", func(m *mailer.Message) { m.Headers.Add("X-Case", "a\r\nBcc: <mallory@example.org>") }},
	{"colon_in_header_name", func(m *mailer.Message) { m.Headers.Add("Bcc: <mallory@example.org>\r\nX", "a") }},
	{"reserved_header", func(m *mailer.Message) { m.Headers.Add("Bcc", "mallory@example.org") }},
	{"line_end_in_message_id", func(m *mailer.Message) { m.MessageID = "<a@b>\r\nBcc: <mallory@example.org>" }},
	{"line_end_in_key", func(m *mailer.Message) { m.IdempotencyKey = "a\r\nAuthorization: b" }},
	{"line_end_in_tag", func(m *mailer.Message) { m.Tags = []string{"a\r\nb"} }},
	{"line_end_in_metadata", func(m *mailer.Message) { m.Metadata = map[string]string{"a\r\nb": "c"} }},
	{"line_end_in_file_name", func(m *mailer.Message) {
		m.Attachments = []mailer.Attachment{{Name: "a\r\nb", Content: mailer.Bytes(nil)}}
	}},
	{"line_end_in_content_type", func(m *mailer.Message) {
		m.Attachments = []mailer.Attachment{{Name: "a", ContentType: "text/plain\r\nX-Case: a", Content: mailer.Bytes(nil)}}
	}},
}

func invalidCases() []testCase {
	all := []testCase{{3, "invalid_nil", func(s *scene) { s.checkInvalid(nil) }}}
	for _, sp := range spoilers {
		all = append(all, testCase{3, "invalid_" + sp.name, func(s *scene) {
			m := s.message()
			sp.spoil(m)
			s.checkInvalid(m)
		}})
	}
	return all
}

// checkInvalid sends m, which must be refused before anybody is told of it.
func (s *scene) checkInvalid(m *mailer.Message) {
	s.Helper()
	before := s.truth()
	r := s.send(context.Background(), m)
	e := r.sendError()
	if !errors.Is(r.err, mailer.ErrInvalidMessage) || r.outcome() != mailer.NotAccepted || e.Scope != mailer.ScopeCaller {
		s.broke(quote(docInvalid), "the verdict is %s, scope %s (error %v)", r.outcome(), e.Scope, r.err)
	}
	s.wantNothing(quote(docInvalid), before)
	s.accept(context.Background(), s.message())
}
