package field

import (
	"mime"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzText says that decoded text is UTF-8, that plain text is its own value, and that what package mime
// encodes is decoded.
func FuzzText(f *testing.F) {
	for _, s := range []string{"a", "=?utf-8?q?a?=", "=?utf-8?q?=C3?= =?utf-8?q?=BC?=", "=?iso-2022-jp?b?GyRCJCIbKEI=?=", "ü =?", "=?=?=?"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := Text(s)
		if err == nil && !utf8.ValidString(got) {
			t.Errorf("%q: %q", s, got)
		}
		if IsPlain(s) && (err != nil || got != s) {
			t.Errorf("%q: %q, %v", s, got, err)
		}
		if !utf8.ValidString(s) || strings.ContainsRune(s, utf8.RuneError) {
			return
		}
		for _, e := range []mime.WordEncoder{mime.QEncoding, mime.BEncoding} {
			encoded := e.Encode("utf-8", "ü"+s)
			if got, err := Text(encoded); err != nil || got != "ü"+s {
				t.Errorf("%q: %q, %v; want %q", encoded, got, err, "ü"+s)
			}
		}
	})
}

// FuzzParseValue says that what package mime reads without a doubt is read in the same way, and that what is
// read can be written.
func FuzzParseValue(f *testing.F) {
	for _, s := range []string{
		"text/plain; charset=utf-8", `a/b; c="d\"e"; f=g`, "a/b; c*0=d; c*1*=%41", "a/b; c*=utf-8''%C3%BC", "a/b;;c=d (e)", "a (b) / c",
	} {
		f.Add(s)
	}
	isControl := func(r rune) bool { return r < ' ' && r != '\t' } // package mime takes some for white space
	f.Fuzz(func(t *testing.T, s string) {
		value, params, err := ParseValue(s)
		if err != nil || strings.ContainsFunc(s, isControl) || !IsPlain(s) || strings.ContainsAny(s, "(*\\") {
			return
		}
		std, stdParams, err := mime.ParseMediaType(s)
		if err != nil {
			return
		}
		if std != strings.ToLower(value) || len(params) != len(stdParams) {
			t.Fatalf("%q: %q %v, package mime: %q %v", s, value, params, std, stdParams)
		}
		written := []byte(value)
		for _, p := range params {
			if stdParams[p.Name] != p.Value {
				t.Errorf("%q: %v, package mime: %v", s, params, stdParams)
			}
			written = AppendParameter(written, p)
		}
		if _, again, err := mime.ParseMediaType(string(written)); err != nil || len(again) != len(stdParams) {
			t.Errorf("%q is written as %q: %v, %v", s, written, again, err)
		}
	})
}
