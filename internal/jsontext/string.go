package jsontext

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"strings"
	"unicode/utf8"
)

// AppendString appends s as a JSON string (RFC 8259 section 7). An octet that is not UTF-8
// becomes U+FFFD.
func AppendString(to []byte, s string) []byte { return appendEscaped(to, s, false) }

// AppendText appends s likewise, with every line end as CRLF.
func AppendText(to []byte, s string) []byte { return appendEscaped(to, s, true) }

func appendEscaped(to []byte, s string, isText bool) []byte {
	if !utf8.ValidString(s) {
		s = string([]rune(s))
	}
	to = append(slices.Grow(to, len(s)+len(`""`)), '"')
	for s != "" {
		n := plain(s)
		to, s = append(to, s[:n]...), s[n:]
		for s != "" && isEscaped(s[0]) { // a line end has two of them
			if n := lineEnd(s); isText && n > 0 {
				to, s = append(to, `\r\n`...), s[n:]
				continue
			}
			to, s = appendEscape(to, s[0]), s[1:]
		}
	}
	return append(to, '"')
}

// lineEnd returns the length of the line end that s begins with: CRLF, LF or a lone CR; or zero.
func lineEnd(s string) int {
	switch {
	case strings.HasPrefix(s, "\r\n"):
		return 2
	case s[0] == '\r' || s[0] == '\n':
		return 1
	}
	return 0
}

func isEscaped(c byte) bool { return c < ' ' || c == '"' || c == '\\' }

func appendEscape(to []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(to, '\\', c)
	case '\n':
		return append(to, `\n`...)
	case '\r':
		return append(to, `\r`...)
	case '\t':
		return append(to, `\t`...)
	}
	const hex = "0123456789abcdef"
	return append(to, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xf])
}

// plain counts the octets that s begins with and that stand in a JSON string as they are.
func plain(s string) int {
	rest := []byte(s) // not copied, since nobody changes it
	for len(rest) >= 8 {
		if found := findEscaped(binary.LittleEndian.Uint64(rest)); found != 0 {
			return len(s) - len(rest) + bits.TrailingZeros64(found)/8
		}
		rest = rest[8:]
	}
	for len(rest) > 0 && !isEscaped(rest[0]) {
		rest = rest[1:]
	}
	return len(s) - len(rest)
}

// findEscaped looks for controls, quotes and backslashes among eight octets at once. The lowest bit of
// the result is the highest of the first that it finds; what is above may be wrong, for borrows.
func findEscaped(octets uint64) uint64 {
	const (
		each = 0x0101010101010101
		high = 0x80 * each
	)
	low := octets ^ each*('"'^' ') // controls stay below the space, and the quote becomes one
	slash := octets ^ each*'\\'
	return ((low - each*(' '+1)) | (slash - each)) &^ octets & high
}
