package eml_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml"
)

// injections end a line, or could be taken for the end of one, in some reader.
var injections = map[string]string{
	"CRLF":    "a\r\nBcc: evil@example.com",
	"LF":      "a\nBcc: evil@example.com",
	"CR":      "a\rBcc: evil@example.com",
	"NUL":     "a\x00b",
	"body":    "a\r\n\r\nhello",
	"dot":     "a\r\n.\r\nMAIL FROM:<evil@example.com>",
	"fold":    "a\r\n b",
	"VT":      "a\vb",
	"FF":      "a\fb",
	"escape":  "a\x1b[2Jb",
	"DEL":     "a\x7fb",
	"C1":      "a\u0085b",
	"not UTF": "a\xffb",
	"at end":  "a\r\n",
	"LF only": "\n",
}

// places are the fields that end up in a header.
var places = []struct {
	name string
	put  func(m *mailer.Message, s string)
}{
	{"Subject", func(m *mailer.Message, s string) { m.Subject = s }},
	{"From.Name", func(m *mailer.Message, s string) { m.From.Name = s }},
	{"From.Address", func(m *mailer.Message, s string) { m.From.Address = s + "@example.com" }},
	{"From.Address domain", func(m *mailer.Message, s string) { m.From.Address = "a@" + s }},
	{"Sender.Name", func(m *mailer.Message, s string) { m.Sender = mailer.Address{Name: s, Address: "a@example.com"} }},
	{"Sender.Address", func(m *mailer.Message, s string) { m.Sender.Address = s }},
	{"To.Name", func(m *mailer.Message, s string) { m.To[0].Name = s }},
	{"To.Address", func(m *mailer.Message, s string) { m.To[0].Address = s + "@example.com" }},
	{"Cc.Address", func(m *mailer.Message, s string) { m.Cc = []mailer.Address{{Address: "a@" + s}} }},
	{"ReplyTo.Name", func(m *mailer.Message, s string) {
		m.ReplyTo = []mailer.Address{{Name: s, Address: "a@example.com"}}
	}},
	{"MessageID", func(m *mailer.Message, s string) { m.MessageID = "<" + s + "@example.com>" }},
	{"header name", func(m *mailer.Message, s string) { m.Headers = mailer.Header{{Name: "X-" + s, Value: "v"}} }},
	{"header value", func(m *mailer.Message, s string) { m.Headers = mailer.Header{{Name: "X-A", Value: s}} }},
	{"References", func(m *mailer.Message, s string) {
		m.Headers = mailer.Header{{Name: "References", Value: "<a@b> " + s}}
	}},
	{"Unsubscribe.URL", func(m *mailer.Message, s string) { m.Unsubscribe.URL = "https://example.com/" + s }},
	{"Unsubscribe.Mailto", func(m *mailer.Message, s string) { m.Unsubscribe.Mailto = s + "@example.com" }},
	{"attachment Name", func(m *mailer.Message, s string) { m.Attachments[0].Name = s }},
	{"attachment ContentType", func(m *mailer.Message, s string) { m.Attachments[0].ContentType = "text/" + s }},
	{"attachment ContentType parameter", func(m *mailer.Message, s string) { m.Attachments[0].ContentType = "text/plain; a=\"" + s + "\"" }},
	{"attachment ContentID", func(m *mailer.Message, s string) { m.Attachments[0].ContentID = s }},
	{"alternative ContentType", func(m *mailer.Message, s string) { m.Alternatives[0].ContentType = "text/x; charset=" + s }},
}

func victim() *mailer.Message {
	m := message()
	m.HTML = "<p>"
	m.Attachments = []mailer.Attachment{{Name: "a", Content: mailer.Bytes([]byte("x"))}}
	m.Alternatives = []mailer.Alternative{{ContentType: "text/x", Content: mailer.Bytes([]byte("x"))}}
	return m
}

// TestInjection puts every injection in every place, before Prepare and after it, where only the
// writer stands between them and the wire.
func TestInjection(t *testing.T) {
	for _, place := range places {
		t.Run(place.name, func(t *testing.T) {
			for name, s := range injections {
				m := victim()
				place.put(m, s)
				if body, err := eml.Render(m, eml.Options{EightBit: true}); err == nil {
					checkHarmless(t, name, body, s) // IDNA makes an ASCII domain of almost anything
				} else if !errors.Is(err, mailer.ErrInvalidMessage) {
					t.Errorf("%s: %v", name, err)
				}
				m = prepare(t, victim())
				place.put(m, s)
				_, err := eml.Render(m, eml.Options{EightBit: true})
				if !errors.Is(err, mailer.ErrInvalidMessage) {
					t.Errorf("%s after Prepare: %v", name, err)
				} else if strings.Contains(err.Error(), "evil") || strings.ContainsAny(err.Error(), "\r\n") {
					t.Errorf("%s: the error repeats the content: %v", name, err)
				}
			}
		})
	}
}

func checkHarmless(t *testing.T, name string, body *eml.Body, injection string) {
	t.Helper()
	var buf bytes.Buffer
	if _, err := body.WriteTo(&buf); err != nil {
		t.Fatal(err)
	}
	parseStrict(t, buf.Bytes())
	if bytes.Contains(buf.Bytes(), []byte(injection)) || bytes.Contains(buf.Bytes(), []byte("evil")) {
		t.Errorf("%s: is on the wire", name)
	}
}

// TestChangedAfterPrepare holds further things that only the writer can still refuse.
func TestChangedAfterPrepare(t *testing.T) {
	changes := map[string]func(*mailer.Message){
		"address ends early":       func(m *mailer.Message) { m.To[0].Address = "a@b.example> NOTIFY=NEVER" },
		"two addresses":            func(m *mailer.Message) { m.To[0].Address = "a@example.com,b@example.com" },
		"quoted local part":        func(m *mailer.Message) { m.To[0].Address = `"a> b"@example.com` },
		"two at signs":             func(m *mailer.Message) { m.To[0].Address = "a@b@example.com" },
		"domain outside ascii":     func(m *mailer.Message) { m.To[0].Address = "a@bücher.example" },
		"no address":               func(m *mailer.Message) { m.To[0].Address = "" },
		"only a domain":            func(m *mailer.Message) { m.From.Address = "@example.com" },
		"only a local part":        func(m *mailer.Message) { m.From.Address = "a@" },
		"name without end":         func(m *mailer.Message) { m.To[0].Name = strings.Repeat(`"`, 1000) },
		"header name with colon":   func(m *mailer.Message) { m.Headers = mailer.Header{{Name: "A: b", Value: ""}} },
		"header name with space":   func(m *mailer.Message) { m.Headers = mailer.Header{{Name: "A b", Value: ""}} },
		"no header name":           func(m *mailer.Message) { m.Headers = mailer.Header{{Name: "", Value: "x"}} },
		"Bcc":                      func(m *mailer.Message) { m.Headers = mailer.Header{{Name: "bcc", Value: "a@example.com"}} },
		"Content-Type":             func(m *mailer.Message) { m.Headers = mailer.Header{{Name: "content-type", Value: "text/html"}} },
		"second MIME-Version":      func(m *mailer.Message) { m.Headers = mailer.Header{{Name: "Mime-Version", Value: "1.0"}} },
		"transfer encoding":        func(m *mailer.Message) { m.Headers = mailer.Header{{Name: "Content-transfer-encoding", Value: "7bit"}} },
		"multipart attachment":     func(m *mailer.Message) { m.Attachments[0].ContentType = "Multipart/mixed" },
		"boundary parameter":       func(m *mailer.Message) { m.Attachments[0].ContentType = "text/plain; Boundary=x" },
		"open quotation":           func(m *mailer.Message) { m.Attachments[0].ContentType = `text/plain; a="b` },
		"open quotation, escaped":  func(m *mailer.Message) { m.Attachments[0].ContentType = `text/plain; a="b\"` },
		"no subtype":               func(m *mailer.Message) { m.Attachments[0].ContentType = "text/" },
		"no slash":                 func(m *mailer.Message) { m.Attachments[0].ContentType = "text" },
		"comment":                  func(m *mailer.Message) { m.Attachments[0].ContentType = "text/plain (x)" },
		"parameter without value":  func(m *mailer.Message) { m.Attachments[0].ContentType = "text/plain; a=; b=c" },
		"endless media type":       func(m *mailer.Message) { m.Attachments[0].ContentType = "text/" + strings.Repeat("a", 2000) },
		"endless file name":        func(m *mailer.Message) { m.Attachments[0].Name = strings.Repeat("a", 2000) },
		"Content-ID in brackets":   func(m *mailer.Message) { m.Attachments[0].ContentID = "a><b" },
		"endless Content-ID":       func(m *mailer.Message) { m.Attachments[0].ContentID = strings.Repeat("a", 2000) },
		"Message-ID without end":   func(m *mailer.Message) { m.MessageID = "<a@example.com" },
		"two Message-IDs":          func(m *mailer.Message) { m.MessageID = "<a@b><c@d>" },
		"empty Message-ID":         func(m *mailer.Message) { m.MessageID = "" },
		"year 10000":               func(m *mailer.Message) { m.Date = m.Date.AddDate(8000, 0, 0) },
		"content gone":             func(m *mailer.Message) { m.Attachments[0].Content = mailer.Content{} },
		"content of unknown size":  func(m *mailer.Message) { m.Attachments[0].Content = mailer.Reader(strings.NewReader("x")) },
		"unsubscribe mailto":       func(m *mailer.Message) { m.Unsubscribe.Mailto = "ü@example.com" },
		"unsubscribe URL too long": func(m *mailer.Message) { m.Unsubscribe.URL = "https://example.com/" + strings.Repeat("a", 2000) },
	}
	for name, change := range changes {
		m := prepare(t, victim())
		change(m)
		if _, err := eml.Render(m, eml.Options{EightBit: true}); !errors.Is(err, mailer.ErrInvalidMessage) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNilMessage(t *testing.T) {
	if _, err := eml.Render(nil, eml.Options{}); !errors.Is(err, mailer.ErrInvalidMessage) {
		t.Error(err)
	}
}
