package mailer_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/mailkeel/mailkeel/mailer"
)

func attachment(name, contentType string) *mailer.Message {
	m := simple()
	m.Attachments = []mailer.Attachment{{Name: name, ContentType: contentType, Content: mailer.Bytes(nil)}}
	return m
}

func TestFileName(t *testing.T) {
	long := strings.Repeat("x", 300)
	for in, want := range map[string]string{
		"":                       "",
		"report.pdf":             "report.pdf",
		"/etc/passwd":            "passwd",
		`C:\Windows\win.ini`:     "win.ini",
		`..\..\x.txt`:            "x.txt",
		"../../x.txt":            "x.txt",
		`a/b\c`:                  "c",
		"folder/":                "",
		"..":                     "",
		".":                      "",
		"a/..":                   "",
		".profile":               ".profile",
		"a\tb":                   "ab",
		"invoice\u202efdp.exe":   "invoicefdp.exe",
		"\u2066a\u2069.txt":      "a.txt",
		".\u202e.":               "",
		"Übersicht 2026.pdf":     "Übersicht 2026.pdf",
		`say "hi"; x=y.txt`:      `say "hi"; x=y.txt`,
		long + ".pdf":            strings.Repeat("x", 251) + ".pdf",
		long:                     strings.Repeat("x", 255),
		strings.Repeat("x", 255): strings.Repeat("x", 255),
		"a." + long:              "a." + strings.Repeat("x", 253),
		strings.Repeat("ü", 200): strings.Repeat("ü", 127),
		"x" + strings.Repeat("ü", 127) + "y.pdf": "x" + strings.Repeat("ü", 125) + ".pdf",
	} {
		m := mustPrepare(t, attachment(in, ""))
		got := m.Attachments[0].Name
		if got != want || len(got) > 255 || !utf8.ValidString(got) {
			t.Errorf("%.40q: got %q, want %q", in, got, want)
		}
		if again := mustPrepare(t, attachment(got, "")).Attachments[0].Name; again != got {
			t.Errorf("%.40q: not idempotent: %q", got, again)
		}
	}
}

// Reject, never strip: a control character in a name is an attack or a mistake.
func TestFileNameRefused(t *testing.T) {
	for _, name := range []string{"a\r\nb", "a\nb", "a\x00b", "a\x7fb", "a\u0085b", "a\xffb", "/dir\x00/name"} {
		if e := refused(t, attachment(name, "")); !strings.Contains(e.Error(), "Attachments[0] has a Name") {
			t.Errorf("%q: %v does not name the field", name, e)
		}
	}
}

func TestContentTypeOfName(t *testing.T) {
	for name, want := range map[string]string{
		"a.pdf": "application/pdf", "A.PDF": "application/pdf", "a.tar.gz": "application/gzip", "a.csv": "text/csv",
		"a": "application/octet-stream", "": "application/octet-stream", "a.unheard": "application/octet-stream",
		"a.eml": "application/octet-stream", ".png": "image/png", "dir.pdf/a": "application/octet-stream",
	} {
		if got := mustPrepare(t, attachment(name, "")).Attachments[0].ContentType; got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
	if got := mustPrepare(t, attachment("a.pdf", "text/x-mine")).Attachments[0].ContentType; got != "text/x-mine" {
		t.Errorf("the given type became %q", got)
	}
}

func TestContentType(t *testing.T) {
	for _, s := range []string{
		"text/plain", "TEXT/Plain", "application/vnd.ms-excel", `text/plain; charset="utf-8"; name="a b"`, "text/calendar;method=REQUEST",
		"image/svg+xml", "application/x-custom_type",
	} {
		mustPrepare(t, attachment("a", s))
	}
	for _, s := range []string{
		"text", "text/", "/plain", "/", "text/plain/x", "text plain", "text/plain; charset", "text/plain; =x", "text/plain; a=b; a=c",
		"multipart/mixed", "Multipart/alternative; boundary=x", "text/plain; boundary=x", "text/plain; BOUNDARY=x", "text/plän",
		"text/plain\r\nX: y", "text/plain; name=\"a\r\nb\"", "text/plain; name=\"a\nb\"", "text/plain\x00", ";", "; charset=utf-8",
		"text/plain; boundary*=utf-8''x", "text/plain; boundary*0=x", "message/rfc822", "Message/Partial; id=x",
	} {
		if e := refused(t, attachment("a", s)); !strings.Contains(e.Error(), "Attachments[0] has a ContentType") {
			t.Errorf("%q: %v does not name the field", s, e)
		}
	}
	msg := simple()
	msg.Alternatives = []mailer.Alternative{{Content: mailer.Bytes(nil)}}
	refused(t, msg)
}

func TestContentID(t *testing.T) {
	for in, want := range map[string]string{"logo": "logo", "<logo@x>": "logo@x", "logo@example.com": "logo@example.com"} {
		m := attachment("a.png", "")
		m.Attachments[0].ContentID = in
		if got := mustPrepare(t, m).Attachments[0].ContentID; got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
	for _, in := range []string{
		"<>", "<", ">", "a b", "a>b", `a"b`, "a\r\nb", "a\tb", "ü", "<<a>>", "a,b", "a;b", `a\b`, "(a)", "[a]", "a:b", "<a", "a>", "@", "a@", "@a", "a@@b",
	} {
		m := attachment("a.png", "")
		m.Attachments[0].ContentID = in
		if e := refused(t, m); !strings.Contains(e.Error(), "Attachments[0] has a ContentID") {
			t.Errorf("%q: %v does not name the field", in, e)
		}
	}
}

func TestMessageID(t *testing.T) {
	for in, want := range map[string]string{
		"<a@b>": "<a@b>", "a@b": "<a@b>", "<a.b+c=d/e@mail.example.com>": "<a.b+c=d/e@mail.example.com>", "<a@[192.0.2.1]>": "<a@[192.0.2.1]>",
		"<a@[IPv6:::1]>": "<a@[IPv6:::1]>",
	} {
		m := simple()
		m.MessageID = in
		if got := mustPrepare(t, m).MessageID; got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
	for _, in := range []string{
		"a", "@", "<>", "<@>", "a@", "@b", "<a@b", "a@b>", "<<a@b>>", "<a@b><c@d>", "<a@b> <c@d>", "a b@c", "a@b c", "<a@b>\r\nX: y",
		"a\x00@b", "ü@b", "a@ü", `"a"@b`, "a@b@c", "a@b,c@d", "(a)@b", "a@[b", "a@b]", "a@[[b]]", "a:b@c", "a@b:c",
	} {
		m := simple()
		m.MessageID = in
		if e := refused(t, m); !strings.Contains(e.Error(), "MessageID ") {
			t.Errorf("%q: %v does not name the field", in, e)
		}
	}
}

func TestHeader(t *testing.T) {
	var h mailer.Header
	h.Add("X-Tag", "one")
	h.Add("Other", "x")
	h.Add("x-TAG", "two")
	if got := h.Values("X-TAG"); len(got) != 2 || got[0] != "one" || got[1] != "two" {
		t.Errorf("got %q, want both in order", got)
	}
	if got := h.Values("X"); got != nil {
		t.Errorf("got %q of a name that is not there", got)
	}
	if got := h.Values("X-Ta\u0261"); got != nil {
		t.Errorf("got %q of a name that only looks the same", got)
	}
}

func TestHeaderNames(t *testing.T) {
	for _, name := range []string{"X", "X-Custom", "In-Reply-To", "!#$%&'*+-.^_`|~09Az"} {
		m := simple()
		m.Headers.Add(name, "v")
		mustPrepare(t, m)
	}
	for _, name := range []string{"", " ", "X ", " X", "X:", "X: y\r\nBcc", "X\r\n", "X\tY", "Ü", "X\x7f", "X\x00"} {
		m := simple()
		m.Headers.Add(name, "v")
		refused(t, m)
	}
}
