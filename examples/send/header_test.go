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
		{"", nil}, {"\n", nil}, {"text\n", nil}, {"A: b\n\nC: d\n", []field{{"A", " b"}}}, {" A: b\n", nil},
		{"A: b\n c\r\n\td\nE :f", []field{{"A", " b c\td"}, {"E", "f"}}},
		{"A: b\nno field\n c\nB: d\n", []field{{"A", " b"}, {"B", " d"}}},
		{"A:\n\nB: c", []field{{"A", ""}}},
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
	} {
		if got, err := parseList(value); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: got %q, %v", value, got, err)
		}
	}
	for _, value := range []string{"", "a b", "a@", "a@b c@d", "<a", "a>", "(root", "\"root\"", "ro\\ot"} {
		if got, err := parseList(value); err == nil {
			t.Errorf("%q: got %q", value, got)
		}
	}
}

// FuzzHeader: whatever a message begins with, it is read in linear time, and where net/mail reads it
// too, both find the same recipients.
func FuzzHeader(f *testing.F) {
	for _, s := range []string{letter, "To: root\n\n", "To: a@b\n c@d\n", "To: g:;\n\n", "\n", "To : a@b\r\n\r\n", strings.Repeat("To: a@b,\n", 100), "To: a@b" + strings.Repeat("\n ", 50_000) + "\n\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		start := time.Now()
		got, err := addressesIn(parseFields(msg), "To")
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%d bytes took %v", len(msg), took)
		}
		m, mailErr := mail.ReadMessage(bytes.NewReader(msg))
		if mailErr != nil || len(m.Header["To"]) != 1 {
			return
		}
		want, mailErr := m.Header.AddressList("To")
		if mailErr != nil {
			return
		}
		var list []string
		for _, a := range want {
			list = append(list, a.Address)
		}
		if err != nil || !slices.Equal(got, list) {
			t.Errorf("%q: got %q, %v, want %q", msg, got, err, list)
		}
	})
}
