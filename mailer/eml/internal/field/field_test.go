package field

import (
	"errors"
	"net/mail"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

func TestText(t *testing.T) {
	for _, c := range []struct {
		value, want string
		err         error
	}{
		{"plain", "plain", nil},
		{"=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Grüße", nil},
		{"=?UTF-8?B?R3LDvMOfZQ==?= and =?utf-8?q?more?=", "Grüße and more", nil},
		{"=?utf-8?q?a?= =?utf-8?q?b?=", "ab", nil},
		{"=?utf-8?q?a?==?utf-8?q?b?=", "ab", nil},
		{"=?utf-8?q?a?= \t =?iso-8859-1?q?=FC?= c", "aü c", nil},
		{"=?utf-8?q?=C3?= =?UTF-8?q?=BC?=", "ü", nil}, // a character in two words
		{"=?utf-8?q?=C3?= x", "", mailer.ErrInvalidMessage},
		{"=?utf-8*en?q?a?=", "a", nil}, // RFC 2231 section 5
		{"=?utf-8?q?a b?=", "a b", nil},
		{"=?utf-8?b?R3LDvA?=", "Grü", nil},
		{"=?utf-8?q?a=?=", "=?utf-8?q?a=?=", nil},
		{"=?utf-8?q?a=3D?=", "a=", nil},
		{"=?utf-8?x?a?=", "=?utf-8?x?a?=", nil},
		{"=?utf-8?b?***?= =?utf-8?q?a?=", "=?utf-8?b?***?= a", nil},
		{"=??q?a?=", "=??q?a?=", nil},
		{"=?=?utf-8?q?a?=", "=?a", nil},
		{"2 =? 3 ?= 4", "2 =? 3 ?= 4", nil},
		{"=?utf-7?q?a?=", "", mailer.ErrUnsupported},
		{"raw ü", "raw ü", nil},
		{"raw \xfc", "", mailer.ErrInvalidMessage},
		{"=?us-ascii?q?a=0D=0AX:b?=", "a\r\nX:b", nil}, // for Prepare to refuse
	} {
		if got, err := Text(c.value); got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%q: %q, %v; want %q, %v", c.value, got, err, c.want, c.err)
		}
	}
}

func TestAddresses(t *testing.T) {
	for _, c := range []struct {
		value, want string
		err         error
	}{
		{"", "", nil},
		{" , ", "", nil},
		{"a@example.com", "|a@example.com", nil},
		{"Ann <a@example.com>, b@example.com,", "Ann|a@example.com |b@example.com", nil},
		{`"Example, Ann" <a@example.com>`, "Example, Ann|a@example.com", nil},
		{"=?utf-8?q?M=C3=BCller=2C_J=C3=B6rg?= <j@example.com>", "Müller, Jörg|j@example.com", nil},
		{`"=?utf-8?q?J=C3=B6rg?=" <j@example.com>`, "Jörg|j@example.com", nil},
		{"=?utf-8?q?J=C3?= =?utf-8?q?=B6rg?=<j@example.com>", "Jörg|j@example.com", nil},
		{"=?utf-8?q?J=C3?= =?utf-8?q?=B6?=<j@example.com>", "Jö|j@example.com", nil},
		{"Dr. =?utf-8?q?J=C3=B6rg?= Example <j@example.com>", "Dr. Jörg Example|j@example.com", nil},
		{`=?utf-8?q?=22=3Cx=40example.org=3E?= <j@example.com>`, `"<x@example.org>|j@example.com`, nil},
		{"j@example.com (=?utf-8?q?J=C3=B6rg?=)", "Jörg|j@example.com", nil},
		{"=?utf-8?q?x=40evil.example?=", "", mailer.ErrInvalidMessage},
		{"=?utf-8?q?x?=@example.com", "|=?utf-8?q?x?=@example.com", nil}, // for Prepare to refuse
		{"a@example.com <a@example.com>, Acme [Support]  <b@example.com>", "a@example.com|a@example.com Acme [Support]|b@example.com", nil},
		{"c@example.com, a@example.com<b@example.com>", "|c@example.com a@example.com|b@example.com", nil},
		{"a@example.com <b@example.com> <c@example.com>", "", mailer.ErrInvalidMessage},
		{"Team: a@example.com <a@example.com>;", "", mailer.ErrUnsupported},
		{"undisclosed-recipients:;", "", nil},
		{"Undisclosed recipients: ;", "", nil},
		{"Team: a@example.com;", "", mailer.ErrUnsupported},
		{"a@example.com, Team:;", "", mailer.ErrUnsupported}, // not nobody
		{"Ann <a@example.com>, undisclosed-recipients:;", "", mailer.ErrUnsupported},
		{"Team:;, a@example.com", "", mailer.ErrUnsupported},
		{"=?utf-7?q?a?= <a@example.com>", "", mailer.ErrUnsupported},
		{"a@example.com b@example.com", "", mailer.ErrInvalidMessage},
		{"(never ends <a@example.com>", "", mailer.ErrInvalidMessage},
		{`"never ends <a@example.com>`, "", mailer.ErrInvalidMessage},
		{"J\xf6rg <a@example.com>", "", mailer.ErrInvalidMessage},
	} {
		list, err := Addresses(c.value)
		var got []string
		for _, a := range list {
			got = append(got, a.Name+"|"+a.Address)
		}
		if s := strings.Join(got, " "); s != c.want || !errors.Is(err, c.err) {
			t.Errorf("%q: %q, %v; want %q, %v", c.value, s, err, c.want, c.err)
		}
	}
}

func TestParseValue(t *testing.T) {
	for _, c := range []struct {
		value, want string
		err         error
	}{
		{"text/plain", "text/plain", nil},
		{"text/plain; charset=utf-8", "text/plain charset=utf-8", nil},
		{`text/plain;charset="utf-8";`, "text/plain charset=utf-8", nil},
		{"text/plain (a type) ; ; Charset = us-ascii (Plain text)", "text/plain charset=us-ascii", nil},
		{`attachment; filename=my file (1).pdf`, "attachment filename=my file (1).pdf", nil},
		{`attachment; filename="C:\dir\a \"b\".pdf"`, `attachment filename=C:\dir\a "b".pdf`, nil},
		{"multipart/mixed; boundary=a=b?c", "multipart/mixed boundary=a=b?c", nil},
		{"text/plain; charset=", "text/plain charset=", nil},
		{"text/plain; charset=a; charset=a", "text/plain charset=a", nil},
		{"text/plain; charset=a; charset=b", "", mailer.ErrInvalidMessage},
		{`text/plain; charset="a`, "", mailer.ErrInvalidMessage},
		{`text/plain; charset="a"b`, "", mailer.ErrInvalidMessage},
		{"text/plain; charset", "", mailer.ErrInvalidMessage},
		{"text/plain charset=utf-8", "", mailer.ErrInvalidMessage},
	} {
		value, params, err := ParseValue(c.value)
		for _, p := range params {
			value += " " + p.Name + "=" + p.Value
		}
		if value != c.want || !errors.Is(err, c.err) {
			t.Errorf("%q: %q, %v; want %q, %v", c.value, value, err, c.want, c.err)
		}
	}
}

// TestParseValueBounds: for a comment without an end each parameter costs as much as all that follows it, so that
// those that stand twice count too.
func TestParseValueBounds(t *testing.T) {
	for _, repeated := range []string{"a=(;", "a=b;", ";"} {
		if _, _, err := ParseValue("text/plain;" + strings.Repeat(repeated, maxParameters+1)); !errors.Is(err, mailer.ErrInvalidMessage) {
			t.Errorf("%q over and over: error %v", repeated, err)
		}
	}
}

func TestDecoded(t *testing.T) {
	for _, c := range []struct {
		params, want string
		err          error
	}{
		{`filename="a.pdf"`, "a.pdf", nil},
		{`filename=a; filename*=utf-8'en'%C3%BC`, "ü", nil},
		{`filename*=iso-8859-1''%FC`, "ü", nil},
		{`filename*=''plain`, "plain", nil},
		{`filename*=plain`, "plain", nil},
		{`filename*=x-none''a`, "", mailer.ErrUnsupported},
		{`filename*=utf-8''%FC`, "", mailer.ErrInvalidMessage},
		{`filename*=utf-8''%F`, "", mailer.ErrInvalidMessage},
		{`filename*0=a; filename*1=b`, "ab", nil},
		{`filename*1*=%BC; filename*0*=utf-8''%C3; filename*2=".%41"`, "ü.%41", nil},
		{`filename*0=a; filename*2=b`, "", mailer.ErrInvalidMessage},
		{`filename*0=a; filename*0*=b`, "", mailer.ErrInvalidMessage},
		{`filename*x=a`, "", mailer.ErrInvalidMessage},
		{`filename="=?utf-8?q?=C3=BC?="`, "ü", nil},
		{`filename*0="=?utf-8?q?=C3"; filename*1="=BC?="`, "ü", nil},
		{`filename=ü`, "ü", nil},
		{"filename=\xfc", "", mailer.ErrInvalidMessage},
		{`other=a`, "", nil},
	} {
		_, params, err := ParseValue("attachment; " + c.params)
		if err != nil {
			t.Fatal(err)
		}
		got, found, err := params.Decoded("filename")
		if got != c.want || !errors.Is(err, c.err) || err == nil && found != strings.Contains(c.params, "filename") {
			t.Errorf("%q: %q, %v, %v; want %q, %v", c.params, got, found, err, c.want, c.err)
		}
	}
}

func TestDate(t *testing.T) {
	for _, c := range []struct{ value, want string }{
		{"Wed, 4 Mar 2026 05:06:07 +0100", "2026-03-04T05:06:07+01:00"},
		{"4 Mar 2026 05:06 +0000 (UTC)", "2026-03-04T05:06:00Z"},
		{"Wed, 4 Mar 2026 05:06:07 GMT", "2026-03-04T05:06:07Z"},
		{"Wed, 4 Mar 2026 05:06:07 EST", "2026-03-04T05:06:07-05:00"},
		{"Wed, 4 Mar 26 05:06:07 pdt (summer)", "2026-03-04T05:06:07-07:00"},
		{"Wed, 04 Mar 2026 05:06:07 +0200 CEST", "2026-03-04T05:06:07+02:00"},
		{"Wed Mar  4 05:06:07 UTC 2026", "2026-03-04T05:06:07Z"},
		{"Wed Mar 14 05:06:07 EST 2026 (a comment)", "2026-03-14T05:06:07-05:00"},
		{"Wed, 4 Mar 2026 05:06:07 GMT GMT", ""},
		{"Wed, 4 Mar 2026 05:06:07 +01x0 CET", ""},
		{"Wed Mar  4 05:06:07 CEST 2026", ""},
		{"Wed Mar  4 05:06:07 2026", ""},
		{"Wed, 4 Mar 2026 05:06:07 CEST", ""},
		{"Wed, 4 Mar 2026", ""},
		{"2026-03-04T05:06:07Z", ""},
		{"", ""},
	} {
		got, err := Date(c.value)
		if (err == nil) != (c.want != "") || err == nil && got.Format(time.RFC3339) != c.want || err != nil && !errors.Is(err, mailer.ErrInvalidMessage) {
			t.Errorf("%q: %v, %v; want %q", c.value, got, err, c.want)
		}
	}
}

// FuzzAddresses says that where there are no encoded words, what is read is what net/mail reads, if it reads it.
func FuzzAddresses(f *testing.F) {
	for _, s := range []string{
		"Ann <a@example.com>, b@example.com", `"a\"b" <a@example.com> (comment (nested))`, "Team: a@example.com;", "=?utf-8?q?a?= <a@example.com>",
		`"=?utf-8?q?=22?=" <a@example.com>`, "a:;", "(:) a@example.com", `":" <a@[::1]>`, "a@b [c] <a@example.com>", "<a@example.com>, , b@example.com",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		list, err := Addresses(s)
		if err != nil || strings.Contains(s, "=?") || len(list) == 0 {
			return
		}
		want, err := mail.ParseAddressList(s)
		if err == nil && !slices.EqualFunc(want, list, func(a *mail.Address, b mail.Address) bool { return *a == b }) {
			t.Errorf("%q: %v, net/mail: %v", s, list, want)
		}
	})
}
