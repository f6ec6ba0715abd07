// Package field reads the values of header fields: text with encoded words, parameters, addresses and
// dates. What it is given is unfolded, without white space at its ends.
package field

import (
	"strings"
	"unicode/utf8"

	"github.com/mailkeel/mailkeel/mailer/eml/internal/refuse"
)

const wsp = " \t"

// hasWord reports whether a reader could take part of s for an encoded word.
func hasWord(s string) bool {
	_, rest, found := strings.Cut(s, "=?")
	return found && strings.Contains(rest, "?=")
}

// IsPlain reports whether s is ASCII without encoded words, so that its text is its value.
func IsPlain(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return !hasWord(s)
}

// checkUTF8 refuses octets that no charset is named for and that are no UTF-8 (RFC 6532) either.
func checkUTF8(s string) error {
	if !utf8.ValidString(s) {
		return refuse.Invalid("has octets outside ASCII that are not UTF-8")
	}
	return nil
}
