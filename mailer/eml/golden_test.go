package eml_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml"
)

var update = flag.Bool("update", false, "write the golden files anew")

var shapes = []struct {
	name     string
	eightBit bool
	shape    string
	change   func(*mailer.Message)
}{
	{"text", true, "text/plain", func(m *mailer.Message) { m.Text = "Hello Bob,\nhere it is.\n" }},
	{"text_8bit", true, "text/plain", func(m *mailer.Message) { m.Text = "Grüße\r\naus Köln" }},
	{"text_quoted", false, "text/plain", func(m *mailer.Message) {
		m.Text = "Grüße \naus Köln = Cologne, where the train arrives at a quarter past nine in the evening, if it does.\n\t\n"
	}},
	{"text_base64", false, "text/plain", func(m *mailer.Message) {
		m.Text = "こんにちは、世界。ご注文ありがとうございます。"
	}},
	{"empty", false, "text/plain", func(m *mailer.Message) { m.Subject = "" }},
	{"template", false, "text/plain", func(m *mailer.Message) { m.Template = &mailer.Template{ID: "welcome"} }},
	{"html", false, "text/html", func(m *mailer.Message) { m.HTML = "<p>Hello</p>" }},
	{"alternative", true, "alternative(text/plain text/x-amp-html text/html text/calendar)", func(m *mailer.Message) {
		m.Text, m.HTML = "Hello", "<p>Hellö</p>"
		m.Alternatives = []mailer.Alternative{
			{ContentType: "text/calendar; method=REQUEST", Content: mailer.Bytes([]byte("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"))},
			{ContentType: "text/x-amp-html; charset=us-ascii", Content: mailer.Bytes([]byte("<!doctype html><html amp4email>"))},
		}
	}},
	{"only_calendar", true, "text/calendar", func(m *mailer.Message) {
		m.Alternatives = []mailer.Alternative{{ContentType: "text/calendar;", Content: mailer.Bytes([]byte("BEGIN:VCALENDAR\r\n"))}}
	}},
	{"related_calendar", false, "related(text/calendar image/png)", func(m *mailer.Message) {
		m.Alternatives = []mailer.Alternative{{ContentType: "text/calendar; method=REQUEST", Content: mailer.Bytes([]byte("BEGIN:VCALENDAR\r\n"))}}
		m.Attachments = []mailer.Attachment{{Name: "logo.png", ContentID: "logo", Content: mailer.Bytes([]byte("\x89PNG"))}}
	}},
	{"attachment", false, "mixed(text/plain application/pdf)", func(m *mailer.Message) {
		m.Attachments = []mailer.Attachment{{Name: "a.pdf", Content: mailer.Bytes([]byte("%PDF-1.7"))}}
	}},
	{"inline", false, "related(text/html image/png)", func(m *mailer.Message) {
		m.HTML = `<img src="cid:logo">`
		m.Attachments = []mailer.Attachment{{Name: "logo.png", ContentID: "logo", Content: mailer.Bytes([]byte("\x89PNG"))}}
	}},
	{"inline_without_html", false, "mixed(text/plain image/png)", func(m *mailer.Message) {
		m.Text = "see below\n"
		m.Attachments = []mailer.Attachment{{Name: "logo.png", ContentID: "logo", Content: mailer.Bytes([]byte("\x89PNG"))}}
	}},
	{"full", true, "mixed(related(alternative(text/plain text/html) image/png) application/octet-stream text/csv)", func(m *mailer.Message) {
		m.Text, m.HTML = "Grüße\n", "<p>Grüße</p>\n"
		m.Attachments = []mailer.Attachment{
			{Name: "blob", Content: mailer.Bytes(bytes.Repeat([]byte{0, 1, 2, 0xff}, 40))},
			{Name: "logo.png", ContentID: "logo@x", Content: mailer.Bytes([]byte("\x89PNG"))},
			{Name: "empty.csv", Content: mailer.Bytes(nil)},
		}
	}},
	{"header", false, "text/plain", func(m *mailer.Message) {
		m.From.Name = "Ann O. Example"
		m.Sender = mailer.Address{Name: "Müller, Jörg", Address: "jm@example.com"}
		m.ReplyTo = []mailer.Address{{Address: "help@example.com"}}
		m.To = []mailer.Address{
			{Name: "Bob", Address: "bob@example.net"}, {Name: `Carol "C" \`, Address: "carol@example.net"},
			{Name: "Zoë Ångström", Address: "zoe@bücher.example"}, {Address: "plain@example.org"},
		}
		m.Cc = []mailer.Address{{Name: "Dan", Address: "dan@example.net"}}
		m.Bcc = []mailer.Address{{Name: "Secret", Address: "secret@example.net"}}
		m.Subject = "Ihre Bestellung 4711 über 3 Bücher ist unterwegs – sie kommt am Dienstag an 📦"
		m.Headers.Add("In-Reply-To", "<0@example.com>")
		m.Headers.Add("References", strings.TrimSpace(strings.Repeat("<reference.number@mail.example.com> ", 5)))
		m.Headers.Add("X-Note", "one")
		m.Headers.Add("X-Note", "zwölf")
		m.Priority = mailer.PriorityHigh
		m.Unsubscribe = mailer.Unsubscribe{URL: "https://example.com/u?id=1&list=news", Mailto: "u@example.com", OneClick: true}
	}},
	{"blind", false, "text/plain", func(m *mailer.Message) { m.Bcc, m.To = m.To, nil }},
	{"file_names", false, "mixed(text/plain application/pdf application/pdf application/pdf)", func(m *mailer.Message) {
		m.Attachments = []mailer.Attachment{
			{Name: "Rechnung für Müller.pdf", Content: mailer.Bytes([]byte("1"))},
			{Name: strings.Repeat("とても長い名前", 6) + ".pdf", Content: mailer.Bytes([]byte("2"))},
			{Name: `say "x".pdf`, Content: mailer.Bytes([]byte("3"))},
		}
	}},
}

func TestGolden(t *testing.T) {
	for _, tt := range shapes {
		t.Run(tt.name, func(t *testing.T) {
			m := message()
			tt.change(m)
			m = prepare(t, m)
			_, got := render(t, m, eml.Options{EightBit: tt.eightBit})
			if shape := parseStrict(t, got).shape(); shape != tt.shape {
				t.Errorf("shape is %s, want %s", shape, tt.shape)
			}
			got = bytes.ReplaceAll(got, []byte(m.Boundary()), []byte("00112233445566778899"))
			path := filepath.Join("testdata", tt.name+".eml")
			if *update {
				if err := os.WriteFile(path, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("differs from %s; got\n%s", path, got)
			}
		})
	}
}
