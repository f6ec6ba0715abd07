package smtp_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/wneessen/go-mail"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/smtp"
)

// Whatever stands in what go-mail does not sanitise, a message that is converted goes to whom it was given, and
// has no other fields than it was given.
func FuzzFromGoMail(f *testing.F) {
	f.Add("X-Own", "value", "https://example.com/u", "Your order")
	f.Add("X-A: b\r\nBcc", "eve@example.com", "", "a\r\nBcc: eve@example.com")
	f.Add("X-A", "b", "https://a>\r\nFrom: ann@example.com\r\n\r\n<", "")
	f.Add("From: ann@example.com\r\n\r\nX", "", "", "=?utf-8?q?=0D=0ABcc:_eve?=")
	f.Fuzz(func(t *testing.T, name, value, uri, subject string) {
		msg := goMailMessage(func(m *mail.Msg) {
			m.SetGenHeader(mail.Header(name), value)
			m.SetListUnsubscribe(uri)
			m.Subject(subject)
		})
		m, err := smtp.FromGoMail(msg)
		if err != nil {
			return
		}
		if got := m.Recipients(); !slices.Equal(got, []string{"bob@example.net", "cid@example.net"}) {
			t.Errorf("goes to %q", got)
		}
		if m.From.Address != "ann@example.com" || m.ReturnPath != "" || len(m.ReplyTo) > 0 {
			t.Errorf("from %q, return path %q, answers to %q", m.From, m.ReturnPath, m.ReplyTo)
		}
		written := strings.TrimRight(name, " \t") // which may stand before the colon
		if i := slices.IndexFunc(m.Headers, func(h mailer.HeaderField) bool { return h.Name != written && h.Name != "List-Unsubscribe" }); i >= 0 {
			t.Errorf("has %q", m.Headers[i])
		}
	})
}
