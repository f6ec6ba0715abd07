package mailer

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

var (
	errControl = errors.New("has a control character")
	errUTF8    = errors.New("is not valid UTF-8")
)

// checkText refuses what must not stand in one line of text: control characters
// other than TAB, CR and LF among them, and what is not UTF-8.
func checkText(s string) error {
	ascii := true
	for i := range len(s) {
		c := s[i]
		if c < ' ' && c != '\t' || c == 0x7f {
			return errControl
		}
		ascii = ascii && c < utf8.RuneSelf
	}
	if ascii {
		return nil
	}
	for i, r := range s {
		if r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD") {
			return errUTF8
		}
		if isControl(r) {
			return errControl
		}
	}
	return nil
}

// checkBody refuses what no text body can hold. Line ends of any kind are fine: the
// writer makes each of them CRLF.
func checkBody(s string) error {
	if strings.IndexByte(s, 0) >= 0 {
		return errors.New("has a NUL")
	}
	if !utf8.ValidString(s) {
		return errUTF8
	}
	return nil
}

// isControl reports C0, DEL and C1.
func isControl(r rune) bool { return r < ' ' || 0x7f <= r && r <= 0x9f }

// isBidi reports the characters that reorder the text around them, by which a file
// name can show another ending than it has.
func isBidi(r rune) bool {
	switch {
	case r == 0x061c, r == 0x200e, r == 0x200f, 0x202a <= r && r <= 0x202e, 0x2066 <= r && r <= 0x2069:
		return true
	}
	return false
}

// isSpaceOrFormat reports characters outside ASCII that show as nothing or as space.
func isSpaceOrFormat(r rune) bool {
	return r >= utf8.RuneSelf && (unicode.In(r, unicode.Z, unicode.Cf) || isInvisibleLetter(r))
}

// isInvisibleLetter reports the Hangul fillers, letters that show as nothing.
func isInvisibleLetter(r rune) bool {
	return r == 0x115f || r == 0x1160 || r == 0x3164 || r == 0xffa0
}

// isFieldName reports whether s is a field name of RFC 5322 section 2.2, at most 76 characters long.
func isFieldName(s string) bool {
	if s == "" || len(s) > 76 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == ':' {
			return false
		}
	}
	return true
}

// isPrintableASCII reports whether s has only visible ASCII characters.
func isPrintableASCII(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}
