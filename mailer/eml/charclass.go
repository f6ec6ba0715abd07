package eml

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// The sets of ASCII characters that the grammars name.
const (
	atext     = 1 << iota // RFC 5322 section 3.2.3
	ftext                 // a field name: RFC 5322 section 3.6.8
	token                 // RFC 2045 section 5.1
	attrChar              // stands for itself in an extended parameter: RFC 2231 section 7
	qText                 // stands for itself in a Q word of an unstructured field: RFC 2047 section 4.2
	qPhrase               // and in one of a phrase: RFC 2047 section 5 (3)
	qpLiteral             // stands for itself in quoted-printable, space and TAB but within a line: RFC 2045 section 6.7
	domain                // letters, digits, hyphen and dot
)

var classes = classify()

func classify() (t [256]uint8) {
	for c := byte('!'); c <= '~'; c++ {
		set := func(within bool, class uint8) {
			if within {
				t[c] |= class
			}
		}
		alnum := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		set(alnum || strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0, atext)
		set(c != ':', ftext)
		set(strings.IndexByte(`()<>@,;:\"/[]?=`, c) < 0, token)
		set(strings.IndexByte(`()<>@,;:\"/[]?=*'%`, c) < 0, attrChar)
		set(strings.IndexByte("=?_", c) < 0, qText)
		set(alnum || strings.IndexByte("!*+-/", c) >= 0, qPhrase)
		set(c != '=', qpLiteral)
		set(alnum || c == '-' || c == '.', domain)
	}
	t[' '], t['\t'] = qpLiteral, qpLiteral
	return t
}

// only reports whether every octet of s is in class.
func only(s string, class uint8) bool {
	for i := range len(s) {
		if classes[s[i]]&class == 0 {
			return false
		}
	}
	return true
}

func isWSP(c byte) bool { return c == ' ' || c == '\t' }

// isASCII looks at 32 octets at a time.
func isASCII(s string) bool {
	for ; len(s) >= 32; s = s[32:] {
		if (word(s)|word(s[8:])|word(s[16:])|word(s[24:]))&0x8080808080808080 != 0 {
			return false
		}
	}
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// word is one load where the compiler sees it.
func word(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// isVisible reports whether s is not empty and has only ASCII characters from '!' to '~', none of
// which is in except.
func isVisible(s, except string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return s != "" && !strings.ContainsAny(s, except)
}

var (
	errControl = errors.New("has a control character")
	errUTF8    = errors.New("is not valid UTF-8")
)

// checkLine refuses what must not stand in a header field: control characters other than TAB, CR and
// LF among them, and what is not UTF-8.
func checkLine(s string) error {
	high := false
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return errControl
		}
		high = high || s[i] >= utf8.RuneSelf
	}
	if !high {
		return nil
	}
	if !utf8.ValidString(s) {
		return errUTF8
	}
	for _, r := range s {
		if 0x80 <= r && r <= 0x9f {
			return errControl
		}
	}
	return nil
}
