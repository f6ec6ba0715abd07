package mailer_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// addresses returns n different ones.
func addresses(n int) []mailer.Address {
	all := make([]mailer.Address, n)
	for i := range all {
		all[i].Address = fmt.Sprintf("r%d@example.org", i)
	}
	return all
}

// domain returns a valid one of n bytes, 3 at least.
func domain(n int) string {
	var b strings.Builder
	for n > 63 {
		k := min(61, n-2)
		b.WriteString(strings.Repeat("d", k) + ".")
		n -= k + 1
	}
	return b.String() + strings.Repeat("e", n)
}

func spec(local, total int) string {
	return strings.Repeat("l", local) + "@" + domain(total-local-1)
}

// At every limit a message is taken, and just over it refused.
func TestLimits(t *testing.T) {
	x := func(n int) string { return strings.Repeat("x", n) }
	tests := []struct {
		name string
		max  int
		set  func(m *mailer.Message, n int)
	}{
		{"recipients", 1000, func(m *mailer.Message, n int) {
			all := addresses(n)
			m.To, m.Cc, m.Bcc = all[:10], all[10:500], all[500:]
		}},
		{"recipients, repeated ones counted", 1000, func(m *mailer.Message, n int) {
			m.To, m.Cc = addresses(n-1), addresses(1)
		}},
		{"reply-to", 1000, func(m *mailer.Message, n int) { m.ReplyTo = addresses(n) }},
		{"display name", 320, func(m *mailer.Message, n int) { m.To[0].Name = x(n) }},
		{"From's display name", 320, func(m *mailer.Message, n int) { m.From.Name = x(n) }},
		{"local part", 64, func(m *mailer.Message, n int) { m.To[0].Address = x(n) + "@example.org" }},
		{"address", 254, func(m *mailer.Message, n int) { m.To[0].Address = spec(20, n) }},
		{"From", 254, func(m *mailer.Message, n int) { m.From.Address = spec(60, n) }},
		{"return path", 254, func(m *mailer.Message, n int) { m.ReturnPath = spec(64, n) }},
		{"domain label", 63, func(m *mailer.Message, n int) { m.To[0].Address = "b@" + x(n) + ".org" }},
		{"header fields", 100, func(m *mailer.Message, n int) {
			for range n {
				m.Headers.Add("X", "v")
			}
		}},
		{"header field name", 76, func(m *mailer.Message, n int) { m.Headers.Add(x(n), "v") }},
		{"header bytes", 64 << 10, func(m *mailer.Message, n int) {
			m.Subject = x(100)
			m.Headers.Add("X-Y", strings.Repeat("word ", n)[:n-len(m.Subject)-len("X-Y")])
		}},
		{"word of a header", 998, func(m *mailer.Message, n int) { m.Headers.Add("X", x(n-len("X: "))) }},
		{"parts", 1000, func(m *mailer.Message, n int) {
			m.Attachments = make([]mailer.Attachment, n-1)
			for i := range m.Attachments {
				m.Attachments[i].Content = mailer.Bytes(nil)
			}
			m.Alternatives = []mailer.Alternative{{ContentType: "text/calendar", Content: mailer.Bytes(nil)}}
		}},
		{"media type", 255, func(m *mailer.Message, n int) {
			m.Attachments = []mailer.Attachment{{ContentType: "text/" + x(n-5), Content: mailer.Bytes(nil)}}
		}},
		{"ContentID", 250, func(m *mailer.Message, n int) {
			m.Attachments = []mailer.Attachment{{ContentID: x(n), Content: mailer.Bytes(nil)}}
		}},
		{"Message-ID", 250, func(m *mailer.Message, n int) { m.MessageID = "<" + x(n-4) + "@x>" }},
		{"Message-ID without brackets", 248, func(m *mailer.Message, n int) { m.MessageID = x(n-2) + "@x" }},
		{"key", 255, func(m *mailer.Message, n int) { m.IdempotencyKey = x(n) }},
		{"tags", 100, func(m *mailer.Message, n int) { m.Tags = strings.Split(strings.Repeat("t ", n)[:2*n-1], " ") }},
		{"tag", 255, func(m *mailer.Message, n int) { m.Tags = []string{x(n)} }},
		{"metadata", 100, func(m *mailer.Message, n int) {
			m.Metadata = make(map[string]string)
			for i := range n {
				m.Metadata[fmt.Sprint(i)] = "v"
			}
		}},
		{"metadata key", 255, func(m *mailer.Message, n int) { m.Metadata = map[string]string{x(n): "v"} }},
		{"metadata value", 4096, func(m *mailer.Message, n int) { m.Metadata = map[string]string{"k": x(n)} }},
		{"template", 255, func(m *mailer.Message, n int) { m.Template = &mailer.Template{ID: x(n - 5), Version: "12345"} }},
		{"envelope ID", 100, func(m *mailer.Message, n int) { m.DSN.EnvelopeID = x(n) }},
		{"unsubscribe URL", 900, func(m *mailer.Message, n int) {
			m.Unsubscribe.URL = "https://example.com/" + x(n-len("https://example.com/"))
		}},
		{"year", 9999, func(m *mailer.Message, n int) { m.Date = time.Date(n, 6, 1, 0, 0, 0, 0, time.UTC) }},
		{"year, from below", -1900, func(m *mailer.Message, n int) { m.Date = time.Date(-n, 6, 1, 0, 0, 0, 0, time.UTC) }},
		{"scheduled year", 9999, func(m *mailer.Message, n int) { m.SendAt = time.Date(n, 6, 1, 0, 0, 0, 0, time.UTC) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			at, over := simple(), simple()
			tt.set(at, tt.max)
			mustPrepare(t, at)
			tt.set(over, tt.max+1)
			refused(t, over)
		})
	}
}

// A name that grows past the limit only in its ASCII form is refused as well.
func TestLimitOfInternationalDomain(t *testing.T) {
	msg := simple()
	msg.To[0].Address = "b@" + strings.Repeat("ü.", 30) + strings.Repeat("example.", 16) + "org"
	if n := len(msg.To[0].Address); n > 254 {
		t.Fatalf("%d bytes already in UTF-8", n)
	}
	refused(t, msg)
}

func TestAddressesLimit(t *testing.T) {
	list := "bob@example.org" + strings.Repeat(" ", 8<<10-len("bob@example.org"))
	if got, err := mailer.Addresses(list); err != nil || len(got) != 1 {
		t.Errorf("at the limit: %v, %v", got, err)
	}
	if _, err := mailer.Addresses(list + " "); err == nil {
		t.Error("over the limit: no error")
	}
}
