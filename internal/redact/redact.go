// Package redact makes text that came from elsewhere, such as a server's reply, safe to
// show in an error, a log line or a receipt.
package redact

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxBytes is the length of the longest text that [Text] returns.
const MaxBytes = 256

const (
	// addressMask stands for an address. It has no @, so that it is not masked again.
	addressMask = "<address>"
	// secretMask is shorter than the shortest secret that is looked for, so that it never contains one.
	secretMask = "***"
	ellipsis   = "…"
	// minTokenBytes is the length from which a run of base64 or hex may be a credential,
	// and shownTokenBytes what is left of it to tell one from another.
	minTokenBytes   = 40
	shownTokenBytes = 4
)

// Text returns s fit to be shown: one line of valid UTF-8, at most [MaxBytes] bytes,
// in which
//
//   - white space of any kind is a space, and what does not print (controls, bidirectional
//     and zero-width formatting, bytes that are not UTF-8) is U+FFFD;
//   - every secret is masked, in plain and inside base64 of any alignment, such as the
//     initial response of AUTH PLAIN. Secrets under 4 bytes are not looked for, because
//     they would be found in any text;
//   - what surrounds an @ or a %40 is masked as an address;
//   - runs of 40 and more characters of base64 or hex are shortened to 4.
//
// Text of its own result is that result. Clean text without secrets in it comes back
// without an allocation.
func Text(s string, secrets ...string) string {
	s = strings.TrimSpace(s)
	masked := maskSecrets(s, secrets)
	if masked == s && isClean(s) {
		return s
	}
	safe := truncate(shortenTokens(maskAddresses(printable(masked))))
	if maskSecrets(safe, secrets) != safe {
		// The masks and replacements themselves have completed a secret.
		return secretMask
	}
	return safe
}

// Secrets returns s with every secret masked, as [Text] does it, and otherwise unchanged.
func Secrets(s string, secrets ...string) string { return maskSecrets(s, secrets) }

// isClean reports whether none of the steps of Text would change s. It looks at bytes
// alone, so text outside ASCII takes the long way.
func isClean(s string) bool {
	if len(s) > MaxBytes {
		return false
	}
	run := 0
	for i := range len(s) {
		c := s[i]
		if c < ' ' || c > '~' || c == '@' || c == '%' {
			return false
		}
		if !isTokenByte(c) {
			run = 0
		} else if run++; run == minTokenBytes {
			return false
		}
	}
	return true
}

// printable replaces what does not print.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsPrint(r):
			return r
		}
		return utf8.RuneError
	}, s)
}

// shortenTokens cuts long runs of base64 and hex, URL-safe alphabet included.
func shortenTokens(s string) string {
	var out strings.Builder
	done := 0
	for i := 0; i < len(s); {
		end := tokenEnd(s, i)
		if end-i >= minTokenBytes {
			out.WriteString(s[done : i+shownTokenBytes])
			out.WriteString(ellipsis)
			done = end
		}
		i = end + 1
	}
	if done == 0 {
		return s
	}
	return out.String() + s[done:]
}

// tokenEnd returns where the run of token bytes that begins at i ends; i itself when none does.
func tokenEnd(s string, i int) int {
	for i < len(s) && isTokenByte(s[i]) {
		i++
	}
	return i
}

func isTokenByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return c == '+' || c == '/' || c == '-' || c == '_' || c == '='
}

// truncate cuts s between two runes.
func truncate(s string) string {
	if len(s) <= MaxBytes {
		return s
	}
	cut := MaxBytes - len(ellipsis)
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + ellipsis
}
