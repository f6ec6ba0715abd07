package eml_test

import (
	"bytes"
	"mime"
	"net/mail"
	"net/textproto"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml"
)

// wireHeader returns the header octets of m.
func wireHeader(t *testing.T, m *mailer.Message) (*entity, string) {
	t.Helper()
	_, b := render(t, prepare(t, m), eml.Options{})
	header, _, _ := bytes.Cut(b, []byte("\r\n\r\n"))
	return parseStrict(t, b), string(header)
}

// checkFolded asks for lines of at most 78 octets, but for those with nothing to fold at.
func checkFolded(t *testing.T, header string) {
	t.Helper()
	for line := range strings.SplitSeq(header, "\r\n") {
		_, value, found := strings.Cut(line, ": ")
		if !found {
			value = strings.TrimLeft(line, " \t")
		}
		limit := 78
		if strings.Contains(line, "=?") {
			limit = 76
		}
		if len(line) > limit && strings.ContainsAny(strings.TrimRight(value, " \t"), " \t") {
			t.Errorf("a line of %d octets could be folded: %q", len(line), line)
		}
	}
}

func TestCustomHeader(t *testing.T) {
	id := "<0123456789.abcdef@mail.example.com>"
	tests := []struct {
		name, field, value string
		want               string // on the wire, unfolded; "" means value itself
	}{
		{"short", "X-A", "b", ""},
		{"empty", "X-A", "", ""},
		{"colon and quotes", "X-A", `a: "b" <c@d>; e="f"`, ""},
		{"references", "References", strings.Repeat(id+" ", 9) + id, ""},
		{"references by TAB", "References", strings.Repeat(id+"\t", 9) + id, ""},
		{"references by two spaces", "References", strings.Repeat(id+"  ", 9) + id, ""},
		{"one long word", "X-A", strings.Repeat("a", 900), ""},
		{"long words", "X-A", strings.Repeat("a", 900) + " " + strings.Repeat("b", 900), ""},
		{"word that fits on a line of its own", "X-Name-Of-Some-Length", strings.Repeat("a", 70), ""},
		{"trailing space", "X-A", strings.Repeat("abc ", 30), ""},
		{"many trailing spaces", "X-A", "a" + strings.Repeat(" ", 200), ""},
		{"prose", "X-A", strings.Repeat("Lorem ipsum dolor. ", 30), ""},
		{"looks like an encoded word", "X-A", "=?utf-8?q?a?=", "=?utf-8?b?PT91dGYtOD9xP2E/PQ==?="},
		{"half an encoded word", "X-A", "a=?b c", ""},
		{"not ascii", "X-A", "Greetings from Köln, you", "=?utf-8?q?Greetings_from_K=C3=B6ln,_you?="},
		{"mostly not ascii", "X-A", "Grüße", "=?utf-8?b?R3LDvMOfZQ==?="},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := message()
			m.Headers.Add(tt.field, tt.value)
			e, header := wireHeader(t, m)
			checkFolded(t, header)
			want := tt.want
			if want == "" {
				want = tt.value
			}
			if got := e.value(tt.field); got != want {
				t.Errorf("unfolds to\n%.90q, want\n%.90q", got, want)
			}
		})
	}
}

func TestEncodedWords(t *testing.T) {
	for _, text := range []string{
		"Grüße", "ü", strings.Repeat("ü", 200), strings.Repeat("日本語", 100), strings.Repeat("📦", 50),
		strings.Repeat("a", 500) + "ü", "ü" + strings.Repeat(" ", 100) + "ü", strings.Repeat("ascii words ", 20) + "é",
		"=?utf-8?q?x?= é", "_?= ü", strings.Repeat("x", 1200), " =?a?b?c?= ", "a" + strings.Repeat(" ", 1200) + "b",
	} {
		m := message()
		m.Subject = text
		m.From.Name = text[:min(len(text), 240)]
		m.Headers.Add("X-"+strings.Repeat("Long-Name-", 7), text+"é")
		e, header := wireHeader(t, m)
		checkFolded(t, header)
		for name, want := range map[string]string{"Subject": text, m.Headers[0].Name: text + "é"} {
			got, err := new(mime.WordDecoder).DecodeHeader(e.value(name))
			if err != nil || got != want {
				t.Errorf("%s decodes to\n%.90q, want\n%.90q (%v)", name, got, want, err)
			}
		}
		for word := range strings.FieldsSeq(header) {
			if strings.HasPrefix(word, "=?") && len(strings.TrimSuffix(word, ",")) > 75 {
				t.Errorf("an encoded word has %d characters: %s", len(word), word)
			}
			if strings.HasPrefix(word, "=?") { // whole characters, each word by itself
				if got, err := new(mime.WordDecoder).Decode(word); err != nil || strings.ToValidUTF8(got, "?") != got {
					t.Errorf("%s holds %q, %v", word, got, err)
				}
			}
		}
	}
}

func TestAddresses(t *testing.T) {
	tests := []struct{ name, wire string }{
		{"", "bob@example.net"},
		{"Bob", "Bob <bob@example.net>"},
		{"Bob B Builder", "Bob B Builder <bob@example.net>"},
		{"J. Doe", `"J. Doe" <bob@example.net>`},
		{"Doe, John", `"Doe, John" <bob@example.net>`},
		{`a"b\c`, `"a\"b\\c" <bob@example.net>`},
		{"x <evil@example.com>", `"x <evil@example.com>" <bob@example.net>`},
		{" edge ", `" edge " <bob@example.net>`},
		{"a  b", "=?utf-8?q?a__b?= <bob@example.net>"},
		{"=?utf-8?q?a?=", "=?utf-8?b?PT91dGYtOD9xP2E/PQ==?= <bob@example.net>"},
		{"Zoë Builder and Sons, Ltd", "=?utf-8?q?Zo=C3=AB_Builder_and_Sons=2C_Ltd?= <bob@example.net>"},
		{"李", "=?utf-8?b?5p2O?= <bob@example.net>"},
	}
	for _, tt := range tests {
		m := message()
		m.To[0].Name = tt.name
		e, header := wireHeader(t, m)
		checkFolded(t, header)
		if got := e.value("To"); got != tt.wire {
			t.Errorf("%q is written %s, want %s", tt.name, got, tt.wire)
		}
		parsed, err := mail.ParseAddress(e.value("To"))
		if err != nil || *parsed != m.To[0] {
			t.Errorf("%s reads as %v, %v", e.value("To"), parsed, err)
		}
	}
}

func TestManyAddresses(t *testing.T) {
	m := message()
	m.To = nil
	for i := range 300 {
		m.To = append(m.To, mailer.Address{
			Name:    strings.Repeat([]string{"Name ", "Näme, ", "N. ", ""}[i%4], i%7),
			Address: "local" + strings.Repeat("x", i%50) + "@example.com",
		})
	}
	e, header := wireHeader(t, m)
	checkFolded(t, header)
	parsed, err := mail.ParseAddressList(e.value("To"))
	if err != nil || len(parsed) != len(m.To) {
		t.Fatalf("%d addresses, %v", len(parsed), err)
	}
	for i, a := range parsed {
		if *a != m.To[i] {
			t.Errorf("address %d is %v, want %v", i, *a, m.To[i])
		}
	}
}

func TestUTF8Address(t *testing.T) {
	tests := []struct {
		name   string
		change func(*mailer.Message)
		want   bool
	}{
		{"ascii", func(*mailer.Message) {}, false},
		{"international domain", func(m *mailer.Message) { m.To[0].Address = "bob@bücher.example" }, false},
		{"display name", func(m *mailer.Message) { m.To[0].Name = "Bücher" }, false},
		{"to", func(m *mailer.Message) { m.To[0].Address = "jörg@bücher.example" }, true},
		{"from", func(m *mailer.Message) { m.From.Address = "jörg@example.com" }, true},
		{"reply-to", func(m *mailer.Message) { m.ReplyTo = []mailer.Address{{Address: "jörg@example.com"}} }, true},
		{"bcc is not in the header", func(m *mailer.Message) { m.Bcc = []mailer.Address{{Address: "jörg@example.com"}} }, false},
	}
	for _, tt := range tests {
		m := message()
		tt.change(m)
		body, b := render(t, prepare(t, m), eml.Options{})
		parseStrict(t, b)
		if body.UTF8() != tt.want || body.EightBit() != tt.want {
			t.Errorf("%s: UTF8 = %v, EightBit = %v, want %v", tt.name, body.UTF8(), body.EightBit(), tt.want)
		}
	}
}

func TestBccIsNeverWritten(t *testing.T) {
	m := message()
	m.Bcc = []mailer.Address{{Name: "Hidden", Address: "hidden@example.org"}}
	_, b := render(t, prepare(t, m), eml.Options{})
	if bytes.Contains(bytes.ToLower(b), []byte("hidden")) || bytes.Contains(bytes.ToLower(b), []byte("bcc")) {
		t.Errorf("blind recipient in\n%s", b)
	}
}

func TestPriority(t *testing.T) {
	for p, want := range map[mailer.Priority]string{
		mailer.PriorityDefault: "  ", mailer.PriorityHigh: "1 high urgent", mailer.PriorityNormal: "3 normal normal", mailer.PriorityLow: "5 low non-urgent",
	} {
		m := message()
		m.Priority = p
		e, _ := wireHeader(t, m)
		if got := e.value("X-Priority") + " " + e.value("Importance") + " " + e.value("Priority"); got != want {
			t.Errorf("%v: %q, want %q", p, got, want)
		}
	}
}

func TestUnsubscribe(t *testing.T) {
	tests := []struct {
		u          mailer.Unsubscribe
		list, post string
	}{
		{mailer.Unsubscribe{Mailto: "u@example.com"}, "<mailto:u@example.com>", ""},
		{mailer.Unsubscribe{URL: "https://example.com/u"}, "<https://example.com/u>", ""},
		{mailer.Unsubscribe{URL: "https://example.com/u", OneClick: true}, "<https://example.com/u>", "List-Unsubscribe=One-Click"},
		{mailer.Unsubscribe{URL: "https://example.com/" + strings.Repeat("u", 800), Mailto: "u@example.com"},
			"<https://example.com/" + strings.Repeat("u", 800) + ">, <mailto:u@example.com>", ""},
	}
	for _, tt := range tests {
		m := message()
		m.Unsubscribe = tt.u
		e, header := wireHeader(t, m)
		checkFolded(t, header)
		if e.value("List-Unsubscribe") != tt.list || e.value("List-Unsubscribe-Post") != tt.post {
			t.Errorf("%+v: %q, %q", tt.u, e.value("List-Unsubscribe"), e.value("List-Unsubscribe-Post"))
		}
	}
}

func TestFileNames(t *testing.T) {
	for _, name := range []string{
		"a.pdf", "two words.pdf", "two  spaces.pdf", `quote".pdf`, "semi;colon=.pdf", "per%20cent.pdf", "é.pdf", "=?utf-8?q?a?=.pdf", "a'b'c.pdf",
		strings.Repeat("a", 251) + ".pdf", strings.Repeat("é", 120) + ".pdf", strings.Repeat("long words ", 20) + ".pdf", strings.Repeat("📦 ", 40) + ".pdf", "%.pdf", "*é'.pdf",
	} {
		m := message()
		m.Attachments = []mailer.Attachment{{Name: name, Content: mailer.Bytes([]byte("x"))}}
		_, b := render(t, prepare(t, m), eml.Options{})
		leaf := parseStrict(t, b).leaves()[1]
		if got := leaf.fileName(t); got != name {
			t.Errorf("file name\n%q came out as\n%q from %s", name, got, leaf.value("Content-Disposition"))
		}
		if !strings.Contains(leaf.value("Content-Disposition"), "; filename=\"") {
			t.Errorf("no plain file name: %s", leaf.value("Content-Disposition"))
		}
	}
}

// TestExtraFields: what is given field by field is what is written.
func TestExtraFields(t *testing.T) {
	for _, p := range []mailer.Priority{mailer.PriorityDefault, mailer.PriorityHigh, mailer.PriorityNormal, mailer.PriorityLow} {
		for _, u := range []mailer.Unsubscribe{
			{}, {URL: "https://example.com/u"}, {Mailto: "u@example.com"},
			{URL: "https://example.com/" + strings.Repeat("u", 60), Mailto: "u@example.com", OneClick: true},
		} {
			m := prepare(t, &mailer.Message{
				From: mailer.Address{Address: "a@example.com"}, To: []mailer.Address{{Address: "b@example.com"}}, Text: "t", Priority: p, Unsubscribe: u,
			})
			_, rendered := render(t, m, eml.Options{})
			parsed, err := mail.ReadMessage(bytes.NewReader(rendered))
			if err != nil {
				t.Fatal(err)
			}
			fields := eml.ExtraFields(m)
			for _, f := range fields {
				if got := parsed.Header.Get(f.Name); got != f.Value {
					t.Errorf("%s\ngot  %q\nwant %q", f.Name, got, f.Value)
				}
				delete(parsed.Header, textproto.CanonicalMIMEHeaderKey(f.Name))
			}
			for name := range parsed.Header {
				if strings.Contains(name, "Priority") || name == "Importance" || strings.HasPrefix(name, "List-") {
					t.Errorf("%s is written and not among %v", name, fields)
				}
			}
		}
	}
}
