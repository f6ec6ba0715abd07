package main

import (
	"bytes"
	"net/mail"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseFields(t *testing.T) {
	for _, c := range []struct {
		msg  string
		want []field
	}{
		{"", nil}, {"\n", nil}, {"text\n", nil}, {"A: b\n\nC: d\n", []field{{"A", " b", 0, 5}}}, {" A: b\n", nil},
		{"A: b\n c\r\n\td\nE :f", []field{{"A", " b c\td", 0, 12}, {"E", "f", 12, 16}}},
		{"A: b\nno field\n c\nB: d\n", []field{{"A", " b", 0, 5}, {"B", " d", 17, 22}}},
		{"A:\n\nB: c", []field{{"A", "", 0, 3}}},
	} {
		if got := parseFields([]byte(c.msg)); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q: got %q, want %q", c.msg, got, c.want)
		}
	}
}

func TestParseList(t *testing.T) {
	for value, want := range map[string][]string{
		"a@b": {"a@b"}, "A <a@b>, c@d (C)": {"a@b", "c@d"}, "\"A, B\" <a@b>": {"a@b"}, "g: a@b, c@d;": {"a@b", "c@d"}, "g:;": nil,
		"root": {"root"}, "root, a@b": {"root", "a@b"}, "root (Cron Daemon)": {"root"}, "\"(Cron Daemon)\" <root>": {"root"},
		"root, \"Doe, J\" <a@b>": {"root", "a@b"}, "root (a, b (c, d)), a@b": {"root", "a@b"}, `"a\",b" <root>, a@b`: {"root", "a@b"},
		"=?gb2312?B?xOO6ww==?= <a@b>, c@d": {"a@b", "c@d"}, "Ren\xe9 <a@b>, c@d (Ren\xe9)": {"a@b", "c@d"},
		"Acme [Support] <a@b>": {"a@b"}, "x@y <a@b>, c@d": {"a@b", "c@d"}, "=?koi8-r?q?x?= <\"a,b\"@c>": {"\"a,b\"@c"},
	} {
		if got, err := parseList(value); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: got %q, %v", value, got, err)
		}
	}
	for _, value := range []string{"", "a b", "a@", "a@b c@d", "<a", "a>", "(root", "\"root\"", "ro\\ot",
		"x <y> <a@b>", "[x] <a@b>, c d", "g: [x] <a@b>;", "[x] <a@b", "[x] <a@b, c@d>", "\"x <a@b>, c@d", "a@b <c@d> e",
		`15" dept, a@b, C <c@d>`, "C (D, a@b, E <e@f>", `\"a@b, C\" <c@d>`, "a@b (Ren\xe9) c@d (C)", "a@b (Ren\xe9) root (C)",
	} {
		if got, err := parseList(value); err == nil {
			t.Errorf("%q: got %q", value, got)
		}
	}
}

// checkOutward: what is written in the place of a header with these recipients has the same ones, of
// whom those without a domain are MAILER_TO.
func checkOutward(t *testing.T, msg []byte, recipients []string) {
	t.Helper()
	o := &options{localTo: "ops@example.net", sendmail: sendmail{on: true}}
	var out bytes.Buffer
	fields := parseFields(msg)
	o.writeOutward(&out, fields, msg)
	want := make([]string, len(recipients))
	for i, r := range recipients {
		want[i] = o.withDomain(r)
	}
	if got, err := addressesIn(parseFields(out.Bytes()), "To"); err != nil || !slices.Equal(got, want) {
		t.Errorf("%q became %q: got %q, %v, want %q", msg, out.Bytes(), got, err, want)
	}
	o.localTo = ""
	if out.Reset(); !has(fields, "X-Cron-Env") {
		if o.writeOutward(&out, fields, msg); !bytes.Equal(out.Bytes(), msg) {
			t.Errorf("%q became %q", msg, out.Bytes())
		}
	}
}

// FuzzHeader: whatever a message begins with, it is read in linear time, and where net/mail reads it
// too, both find the same recipients. They are the same in what is written in its place.
func FuzzHeader(f *testing.F) {
	for _, s := range []string{letter, "To: root\n\n", "To: root, b@c,\n d (E)\nX: y\nno field\n\nTo: f", "To: \"a\\\"b\" <root>\r\n\r\n", "To: a@b\n c@d\n", "To: g:;\n\n", "\n", "To : a@b\r\n\r\n", strings.Repeat("To: a@b,\n", 100), "To: a@b" + strings.Repeat("\n ", 50_000) + "\n\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		start := time.Now()
		fields := parseFields(msg)
		got, err := addressesIn(fields, "To")
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%d bytes took %v", len(msg), took)
		}
		if err == nil && len(got) > 0 {
			checkOutward(t, msg, got)
		}
		m, mailErr := mail.ReadMessage(bytes.NewReader(msg))
		to := slices.DeleteFunc(fields, func(f field) bool { return !strings.EqualFold(f.name, "To") })
		if mailErr != nil || len(to) != 1 || len(m.Header["To"]) != 1 { // net/mail has another idea of what is a field
			return
		}
		want, mailErr := m.Header.AddressList("To")
		if mailErr != nil {
			return
		}
		same := slices.EqualFunc(got, want, func(written string, a *mail.Address) bool {
			b, err := mail.ParseAddress("<" + written + ">")
			return err == nil && b.Address == a.Address
		})
		if err != nil || !same {
			t.Errorf("%q: got %q, %v, want %q", msg, got, err, want)
		}
	})
}
