package eml_test

import (
	"bytes"
	"errors"
	"io"
	"net/mail"
	"os"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml"
)

// counted is a source that cannot seek and counts what is asked of it.
type counted struct {
	data        []byte
	opens, read int
}

func (c *counted) content() mailer.Content {
	return mailer.Opener(int64(len(c.data)), func() (io.ReadCloser, error) {
		c.opens++
		r := bytes.NewReader(c.data)
		return io.NopCloser(readFunc(func(p []byte) (int, error) {
			n, err := r.Read(p)
			c.read += n
			return n, err
		})), nil
	})
}

// FuzzParse says of any octets that they are refused for one of the two reasons, or read: with two
// readings of the source at most, in agreement with net/mail, and so that what Render makes of it is read
// as the same message.
func FuzzParse(f *testing.F) {
	for _, file := range corpus(f) {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		src := &counted{data: raw}
		m, err := eml.Parse(src.content())
		if src.opens > 2 || src.read > 2*len(raw) {
			t.Errorf("%d openings and %d octets read of %d", src.opens, src.read, len(raw))
		}
		if err != nil {
			if !errors.Is(err, mailer.ErrInvalidMessage) && !errors.Is(err, mailer.ErrUnsupported) {
				t.Errorf("error %v", err)
			}
			return
		}
		if std, err := mail.ReadMessage(bytes.NewReader(raw)); err == nil {
			checkHeaders(t, m, std)
		}
		checkRenderedAgain(t, m)
	})
}

// checkRenderedAgain renders m, if it is what Prepare accepts, and reads it again.
func checkRenderedAgain(t *testing.T, m *mailer.Message) {
	t.Helper()
	if m.From.Address == "" {
		m.From.Address = "envelope@example.com"
	}
	if len(m.To)+len(m.Cc)+len(m.Bcc) == 0 {
		m.Bcc = []mailer.Address{{Address: "envelope@example.net"}}
	}
	p, err := mailer.Prepare(m)
	if err != nil {
		return
	}
	_, b := render(t, p, eml.Options{EightBit: true})
	again, err := eml.Parse(mailer.Bytes(b))
	if err != nil {
		t.Fatalf("what was rendered is refused: %v\n%s", err, b)
	}
	again.Bcc = p.Bcc
	if p.Sender == p.From { // is not written
		again.Sender = p.Sender
	}
	if got, want := alike(t, again), alike(t, p); got != want {
		t.Errorf("rendered and read again:\n%s\nwas\n%s\nfrom\n%s", got, want, b)
	}
}

// FuzzParseRendered says that Parse reads what Render wrote as the message that it was, whatever Prepare
// accepts.
func FuzzParseRendered(f *testing.F) {
	f.Add("Hello", "Bob", "bob@example.com", "text\n", "<p>", "a.pdf", "v", "text/calendar; method=REQUEST", []byte("data"), true)
	f.Add("Grüße", "Müller, Jörg", "jörg@bücher.example", "a\r\nb\rc\nd", "ü", "Ü \"x\".pdf", "<a@b> <c@d>", "text/plain; format=flowed", []byte{}, false)
	f.Add(" ", "\"", "a@b.c", strings.Repeat("x", 999), strings.Repeat("ü ", 3000), strings.Repeat("é", 200), strings.Repeat("a ", 400), "application/ics", bytes.Repeat([]byte{0}, 20000), false)
	f.Add("=?utf-8?q?a?=", "=?x?=", "a@b", ".\r.\n", "cid:cid", "..", "=?utf-8?b?YQ==?=", "text/x-amp-html", []byte("--=_m_"), true)
	f.Fuzz(func(t *testing.T, subject, name, address, text, html, fileName, value, kind string, data []byte, eightBit bool) {
		m := message()
		m.Subject, m.Text, m.HTML = subject, text, html
		m.To = []mailer.Address{{Name: name, Address: address}, {Name: name, Address: "second@example.com"}}
		m.Cc, m.ReplyTo = m.To[:1], m.To
		m.Sender = mailer.Address{Name: name, Address: "sender@example.com"}
		m.Priority, m.Unsubscribe.URL = mailer.PriorityHigh, "https://example.com/u"
		m.Headers = mailer.Header{{Name: "X-Value", Value: value}, {Name: "X-Other", Value: "1"}, {Name: "x-value", Value: value}}
		m.Alternatives = []mailer.Alternative{{ContentType: kind, Content: mailer.Bytes([]byte("BEGIN:VCALENDAR\r\n"))}}
		m.Attachments = []mailer.Attachment{
			{Name: fileName, Content: mailer.Bytes(data)},
			{Name: fileName, ContentID: "cid", ContentType: "text/plain", Content: mailer.Bytes(data)},
		}
		p, err := mailer.Prepare(m)
		if err != nil {
			t.Skip()
		}
		_, b := render(t, p, eml.Options{EightBit: eightBit})
		got, err := eml.Parse(mailer.Bytes(b))
		if err != nil {
			t.Fatalf("%v\n%s", err, b)
		}
		if got, want := alike(t, got), alike(t, p); got != want {
			t.Errorf("got\n%s\nwant\n%s\nfrom\n%s", got, want, b)
		}
	})
}
