package eml_test

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml"
)

// FuzzRender says that a message which Prepare accepts is rendered, that what comes out is strict, and
// that two readers, the strict one and the standard library's, read the same message from it.
func FuzzRender(f *testing.F) {
	f.Add("Hello", "Bob", "bob@example.com", "text\n", "<p>", "a.pdf", "v", []byte("data"), true)
	f.Add("Grüße", "Müller, Jörg", "jörg@bücher.example", "a\r\nb\rc\nd", "ü", "Ü \"x\".pdf", "<a@b> <c@d>", []byte{}, false)
	f.Add(" ", "\"", "a@b.c", strings.Repeat("x", 999), strings.Repeat("ü ", 3000), strings.Repeat("é", 200), strings.Repeat("a ", 400), bytes.Repeat([]byte{0}, 20000), false)
	f.Add("=?utf-8?q?a?=", "=?x?=", "a@b", ".\r.\n", "\t\n =\r\n", "..", "=?utf-8?b?YQ==?=", []byte("--=_m_"), true)
	f.Fuzz(func(t *testing.T, subject, name, address, text, html, fileName, value string, data []byte, eightBit bool) {
		m := message()
		m.Subject, m.Text, m.HTML = subject, text, html
		m.To = []mailer.Address{{Name: name, Address: address}, {Name: name, Address: "second@example.com"}}
		m.Headers.Add("X-Value", value)
		m.Attachments = []mailer.Attachment{
			{Name: fileName, Content: mailer.Bytes(data)},
			{Name: fileName, ContentID: "cid", ContentType: "text/plain", Content: mailer.Bytes(data)},
		}
		p, err := mailer.Prepare(m)
		if err != nil {
			t.Skip()
		}
		body, b := render(t, p, eml.Options{EightBit: eightBit})
		if _, again := render(t, p, eml.Options{EightBit: eightBit}); !bytes.Equal(b, again) {
			t.Fatal("rendered again, the message differs")
		}
		if body.EightBit() == allASCII(b) || body.EightBit() && !eightBit && !body.UTF8() {
			t.Errorf("EightBit = %v, UTF8 = %v", body.EightBit(), body.UTF8())
		}
		e := parseStrict(t, b)
		checkDecoded(t, "Subject", e.value("Subject"), subject)
		checkDecoded(t, "X-Value", e.value("X-Value"), value)
		checkBodies(t, e, p, data)
		checkStandardLibrary(t, b, p, data)
	})
}

func checkDecoded(t *testing.T, name, got, want string) {
	t.Helper()
	if decoded, err := new(mime.WordDecoder).DecodeHeader(got); err != nil || decoded != want {
		t.Errorf("%s reads as %q, want %q (%v)", name, decoded, want, err)
	}
}

func checkBodies(t *testing.T, e *entity, m *mailer.Message, data []byte) {
	t.Helper()
	var texts []string
	for _, leaf := range e.leaves() {
		if leaf.value("Content-Disposition") == "" {
			texts = append(texts, string(leaf.body))
			continue
		}
		if !bytes.Equal(leaf.body, data) {
			t.Errorf("an attachment came out as %q, want %q", leaf.body, data)
		}
		if got := leaf.fileName(t); got != m.Attachments[0].Name {
			t.Errorf("file name %q, want %q from %q", got, m.Attachments[0].Name, leaf.value("Content-Disposition"))
		}
	}
	var want []string
	if m.Text != "" || m.HTML == "" {
		want = append(want, crlf(m.Text))
	}
	if m.HTML != "" {
		want = append(want, crlf(m.HTML))
	}
	if got := strings.Join(texts, "|"); got != strings.Join(want, "|") {
		t.Errorf("texts\n%q, want\n%q", texts, want)
	}
}

// checkStandardLibrary reads b with net/mail and mime/multipart.
func checkStandardLibrary(t *testing.T, b []byte, m *mailer.Message, data []byte) {
	t.Helper()
	msg, err := mail.ReadMessage(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	to, err := msg.Header.AddressList("To")
	if err != nil {
		t.Fatalf("To: %v in %q", err, msg.Header.Get("To"))
	}
	if len(to) != len(m.To) || *to[0] != m.To[0] || *to[1] != m.To[1] {
		t.Errorf("To reads as %v %v, want %v", *to[0], *to[1], m.To)
	}
	attachments := 0
	var walk func(contentType string, r io.Reader)
	walk = func(contentType string, r io.Reader) {
		_, params, err := mime.ParseMediaType(contentType)
		if err != nil {
			t.Fatal(err)
		}
		for mr := multipart.NewReader(r, params["boundary"]); ; {
			part, err := mr.NextRawPart()
			if err == io.EOF {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if kind := part.Header.Get("Content-Type"); strings.HasPrefix(kind, "multipart/") {
				walk(kind, part)
				continue
			}
			got, err := io.ReadAll(decoder(part))
			if err != nil {
				t.Fatal(err)
			}
			if part.Header.Get("Content-Disposition") != "" {
				if attachments++; !bytes.Equal(got, data) {
					t.Errorf("an attachment came out as %q, want %q", got, data)
				}
			} else if s := string(got); s != crlf(m.Text) && s != crlf(m.HTML) {
				t.Errorf("a text came out as %q", s)
			}
		}
	}
	walk(msg.Header.Get("Content-Type"), msg.Body)
	if attachments != len(m.Attachments) {
		t.Errorf("%d attachments, want %d", attachments, len(m.Attachments))
	}
}

func decoder(part *multipart.Part) io.Reader {
	switch part.Header.Get("Content-Transfer-Encoding") {
	case "base64":
		return base64.NewDecoder(base64.StdEncoding, part)
	case "quoted-printable":
		return quotedprintable.NewReader(part)
	}
	return part
}

// FuzzRaw says that raw octets are refused, or come out strict and changed in nothing but line ends
// and Bcc.
func FuzzRaw(f *testing.F) {
	f.Add([]byte("From: a@example.com\r\nBcc: b\r\n c\r\n\r\nHello"), true)
	f.Add([]byte("A: b\n\nc\rd"), false)
	f.Add([]byte("A:\n\t\x00\n"), false)
	f.Add([]byte("Bcc: x\r\r\nA: ü\n\n"+strings.Repeat("x\n", 9000)), true)
	f.Fuzz(func(t *testing.T, raw []byte, eightBit bool) {
		m := envelope()
		m.Raw = mailer.Bytes(raw)
		p, err := mailer.Prepare(m)
		if err != nil {
			t.Skip()
		}
		if _, err := eml.Render(p, eml.Options{EightBit: eightBit}); err != nil {
			t.Skip()
		}
		body, b := render(t, p, eml.Options{EightBit: eightBit})
		if err := checkWire(b); err != nil {
			t.Fatalf("%v in %q", err, b)
		}
		if body.EightBit() == allASCII(b) || body.EightBit() && !eightBit {
			t.Errorf("EightBit = %v", body.EightBit())
		}
		if got, want := string(b), withoutBcc(crlf(string(raw))); got != want {
			t.Errorf("got\n%q, want\n%q", got, want)
		}
	})
}

// withoutBcc is the reference for the filter's own way.
func withoutBcc(s string) string {
	if !strings.HasSuffix(s, "\r\n") {
		s += "\r\n"
	}
	header, body, found := strings.Cut("\r\n"+s, "\r\n\r\n")
	if !found {
		header = strings.TrimSuffix(header, "\r\n")
	}
	var kept strings.Builder
	dropping := false
	for line := range strings.SplitSeq(header[2:], "\r\n") {
		if !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "\t") {
			name, _, _ := strings.Cut(line, ":")
			dropping = strings.EqualFold(strings.TrimRight(name, " \t"), "bcc")
		}
		if !dropping {
			kept.WriteString(line + "\r\n")
		}
	}
	if found {
		return kept.String() + "\r\n" + body
	}
	return kept.String()
}
