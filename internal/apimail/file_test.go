package apimail_test

import (
	"errors"
	"mime"
	"strings"
	"testing"
	"unicode"

	"github.com/mailkeel/mailkeel/internal/apimail"
	"github.com/mailkeel/mailkeel/mailer"
)

func TestBareType(t *testing.T) {
	for _, c := range []struct{ in, kind, name string }{
		{"", "", ""},
		{"text/plain", "text/plain", ""},
		{" Application/PDF ", "application/pdf", ""},
		{"application/pdf;", "application/pdf", ""},
		{`APPLICATION/PDF; NAME="Invoice.pdf"`, "application/pdf", "Invoice.pdf"},
		{"text/plain; charset=utf-8", "text/plain", ""},
		{"text/plain; charset=UTF-8; name=a.txt", "text/plain", "a.txt"},
		{"text/plain; Charset=US-ASCII", "text/plain", ""},
		{`text/plain; name*=utf-8''%C3%A9.txt`, "text/plain", "é.txt"},
		{`text/plain; name*0="long "; name*1=name.txt`, "text/plain", "long name.txt"},
		{`text/plain; name=""`, "text/plain", ""},
	} {
		if kind, name, err := apimail.BareType(c.in); kind != c.kind || name != c.name || err != nil {
			t.Errorf("%q: got %q, %q, %v; want %q, %q", c.in, kind, name, err, c.kind, c.name)
		}
	}
	for _, in := range []string{
		"text/plain; charset=iso-8859-1", "text/plain; charset=utf-16", "text/plain; charset=utf8", "text/calendar; method=REQUEST", "text/plain; format=flowed",
		"application/pdf; filename=a.pdf", "text/plain; name", "text/plain; charset=utf-8; charset=utf-16", "; name=a", "text/; name=a", "text/plain; name=a b",
		"application/pdf; name=a; x=\"secret\"",
	} {
		kind, name, err := apimail.BareType(in)
		if !errors.Is(err, mailer.ErrUnsupported) || kind != "" || name != "" || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: got %q, %q, %v", in, kind, name, err)
		}
	}
}

func TestFileOf(t *testing.T) {
	for _, c := range []struct{ kind, name, wantKind, wantName string }{
		{"application/pdf", "a.pdf", "application/pdf", "a.pdf"},
		{"application/pdf", "", "application/pdf", ""},
		{"application/pdf; name=a.pdf", "", "application/pdf", "a.pdf"},
		{"application/pdf; name=a.pdf", "a.pdf", "application/pdf", "a.pdf"},
		{"text/plain; charset=utf-8", "a.txt", "text/plain", "a.txt"},
		{"Text/Plain", "a.txt", "text/plain", "a.txt"},
		{"application/pdf; name*=utf-8''%C3%A9%20%F0%9F%98%80.pdf", "", "application/pdf", "é 😀.pdf"},
		{"", "a", "", "a"},
	} {
		kind, name, err := apimail.FileOf(&mailer.Attachment{ContentType: c.kind, Name: c.name})
		if kind != c.wantKind || name != c.wantName || err != nil {
			t.Errorf("%q, %q: got %q, %q, %v", c.kind, c.name, kind, name, err)
		}
	}
	for _, c := range []struct{ kind, name string }{
		{"application/pdf; name=a.pdf", "b.pdf"}, {"application/pdf; name=a.pdf", "A.pdf"}, {"application/pdf; method=x", "a.pdf"},
		{"application/pdf; name=../a.pdf", ""}, {`application/pdf; name="..\\a.pdf"`, ""}, {"application/pdf; name*=utf-8''a%0D%0Ab", ""},
		{"application/pdf; name*=utf-8''a%00b", ""}, {"application/pdf; name*=utf-8''a%E2%80%AEfdp.exe", ""}, {"application/pdf; name*=utf-8''a%E2%80%8Bb", ""},
		{"application/pdf; name*=utf-8''a%FFb", ""}, {"application/pdf; name*=utf-8''a%7Fb", ""}, {"application/pdf; name*=utf-8''a%C2%85b", ""},
	} {
		kind, name, err := apimail.FileOf(&mailer.Attachment{ContentType: c.kind, Name: c.name})
		if !errors.Is(err, mailer.ErrUnsupported) || kind != "" || name != "" {
			t.Errorf("%q, %q: got %q, %q, %v", c.kind, c.name, kind, name, err)
		}
	}
}

// FuzzFileOf: what comes out is a type without parameters, and a name that is the attachment's own, or
// without anything that is not for names.
func FuzzFileOf(f *testing.F) {
	for _, kind := range []string{"text/plain", "text/plain; name=a", "a/b; name*=utf-8''%2F", "; name=a", "a/b;name=\"\\\"\""} {
		f.Add(kind, "")
		f.Add(kind, "a")
	}
	f.Fuzz(func(t *testing.T, contentType, own string) {
		kind, name, err := apimail.FileOf(&mailer.Attachment{ContentType: contentType, Name: own})
		switch {
		case err != nil && !errors.Is(err, mailer.ErrUnsupported):
			t.Errorf("%q: %v", contentType, err)
		case err != nil:
		case strings.Contains(kind, ";") || kind != strings.ToLower(strings.TrimSpace(kind)):
			t.Errorf("%q: the type is %q", contentType, kind)
		case own != "" && name != own:
			t.Errorf("%q, %q: the name is %q", contentType, own, name)
		case own == "" && strings.ContainsFunc(name, func(r rune) bool { return r == '/' || r == '\\' || unicode.IsControl(r) || r == '\u202e' }):
			t.Errorf("%q: the name is %q", contentType, name)
		}
		if _, params, wrong := mime.ParseMediaType(contentType); err == nil && wrong == nil && own == "" && params["name"] != name {
			t.Errorf("%q: the name is %q, not %q", contentType, name, params["name"])
		}
	})
}
