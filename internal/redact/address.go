package redact

import "strings"

// maskAddresses replaces every token with an @ in it, with the angle brackets around
// it. A percent-encoded @, as in the links that servers put into replies, counts.
func maskAddresses(s string) string {
	var out strings.Builder
	done := 0
	for {
		at, size := nextAt(s, done)
		if at < 0 {
			break
		}
		start, end := tokenStart(s, done, at), domainEnd(s, at+size)
		if start > done && s[start-1] == '<' && end < len(s) && s[end] == '>' {
			start, end = start-1, end+1
		}
		out.WriteString(s[done:start])
		out.WriteString(addressMask)
		done = end
	}
	if done == 0 {
		return s
	}
	return out.String() + s[done:]
}

// nextAt returns the place and length of the first @ from position from on, or -1.
func nextAt(s string, from int) (at, size int) {
	for i := from; i < len(s); i++ {
		switch {
		case s[i] == '@':
			return i, 1
		case s[i] == '%' && strings.HasPrefix(s[i:], "%40"):
			return i, len("%40")
		case s[i] == 0xef && strings.HasPrefix(s[i:], "＠"): // IDNA maps it to @
			return i, len("＠")
		}
	}
	return -1, 0
}

// tokenStart returns where the local part before at begins, not before from. A quoted
// one begins at its opening quote.
func tokenStart(s string, from, at int) int {
	if at > from && s[at-1] == '"' {
		if open := strings.LastIndexByte(s[from:at-1], '"'); open >= 0 {
			return from + open
		}
		return from
	}
	for at > from && !isDelimiter(s[at-1]) {
		at--
	}
	return at
}

// domainEnd returns where the domain that begins at i ends. A domain literal ends with its bracket.
func domainEnd(s string, i int) int {
	if i < len(s) && s[i] == '[' {
		if end := strings.IndexByte(s[i:], ']'); end >= 0 {
			return i + end + 1
		}
		return len(s)
	}
	for i < len(s) && !isDelimiter(s[i]) {
		i++
	}
	return i
}

func isDelimiter(c byte) bool { return strings.IndexByte(" <>()[],;:\"", c) >= 0 }
