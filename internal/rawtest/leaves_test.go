package rawtest

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// checkAgainstRaw compares what arrived with what the standard library, which shares nothing with Parse, reads in
// the raw message: files octet by octet, and texts by their ASCII, since it knows no charsets. Nothing of the
// message is missing.
func checkAgainstRaw(t *testing.T, raw []byte, got *delivered) {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Logf("net/mail cannot read it: %v", err)
		return
	}
	leaves, err := leavesOf(m.Header.Get, m.Body)
	if err != nil {
		t.Logf("mime cannot read it: %v", err)
		return
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err == nil && isWhole(subject) && strings.Join(strings.Fields(subject), " ") != strings.Join(strings.Fields(got.subject), " ") {
		t.Errorf("Subject %q, package mime reads %q", got.subject, subject)
	}
	for _, f := range got.files {
		i := slices.IndexFunc(leaves, func(l leaf) bool { return withLF(string(f.octets)) == l.text })
		if i < 0 {
			t.Errorf("the octets of %q are those of no part", f.name)
			continue
		}
		leaves = slices.Delete(leaves, i, i+1)
	}
	for _, l := range leaves {
		same := func(f form) bool { return onlyASCII(f.text) == onlyASCII(l.text) }
		if strings.TrimSpace(l.text) != "" && l.isReadable() && !slices.ContainsFunc(got.forms, same) {
			t.Errorf("%q did not arrive", l.text)
		}
	}
}

// isWhole reports whether package mime could decode a field: it takes words one by one.
func isWhole(s string) bool { return !strings.Contains(s, "\ufffd") && !strings.Contains(s, "=?") }

// A leaf is a part, decoded, with LF at the ends of lines.
type leaf struct{ charset, text string }

// isReadable reports whether an ASCII octet is that character in the charset, whatever stands before.
func (l leaf) isReadable() bool {
	c := strings.ToLower(l.charset)
	return slices.Contains([]string{"", "utf-8", "us-ascii", "koi8-r"}, c) || strings.HasPrefix(c, "iso-8859") || strings.HasPrefix(c, "windows-125")
}

func leavesOf(header func(string) string, body io.Reader) ([]leaf, error) {
	kind, params := "text/plain", map[string]string{}
	if value := header("Content-Type"); value != "" {
		var err error
		if kind, params, err = mime.ParseMediaType(value); err != nil {
			return nil, err
		}
	}
	if strings.HasPrefix(kind, "multipart/") {
		return leavesWithin(multipart.NewReader(body, params["boundary"]))
	}
	switch strings.ToLower(strings.TrimSpace(header("Content-Transfer-Encoding"))) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	octets, err := io.ReadAll(body)
	return []leaf{{params["charset"], withLF(string(octets))}}, err
}

func leavesWithin(r *multipart.Reader) (all []leaf, err error) {
	for {
		p, err := r.NextRawPart()
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		leaves, err := leavesOf(p.Header.Get, p)
		if err != nil {
			return nil, err
		}
		all = append(all, leaves...)
	}
}

func onlyASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= utf8.RuneSelf {
			return -1
		}
		return r
	}, s)
}
