package eml

import (
	"encoding/base64"
	"unicode/utf8"
)

const (
	maxWord      = 75 // RFC 2047 section 2
	wordOverhead = len("=?utf-8?q?") + len("?=")
	minWord      = 16 // octets of encoded text that are worth a word in the rest of a line
	hexDigits    = "0123456789ABCDEF"
)

// encodedWords writes s, at column col of a line, as words of RFC 2047 with spaces between, where
// they can be folded and which readers leave out. Each holds whole characters. Q or B is used,
// whichever is shorter; literal is the class of characters that Q leaves alone.
func (w *writer) encodedWords(s string, col int, literal uint8) {
	q := quotedLen(s, literal) <= base64.StdEncoding.EncodedLen(len(s))
	for {
		room := min(maxWord, foldAt-col) - wordOverhead
		if room < minWord {
			room = maxWord - wordOverhead
		}
		n := wordPrefix(s, room, q, literal)
		if q {
			w.quotedWord(s[:n], literal)
		} else {
			w.base64Word(s[:n])
		}
		if s = s[n:]; s == "" {
			return
		}
		w.literal(" ")
		col = 1
	}
}

// wordPrefix returns how many octets of s, ending between characters, fit in room octets.
func wordPrefix(s string, room int, q bool, literal uint8) int {
	n, used := 0, 0
	for n < len(s) {
		_, size := utf8.DecodeRuneInString(s[n:])
		if q {
			used += quotedLen(s[n:n+size], literal)
		} else {
			used = base64.StdEncoding.EncodedLen(n + size)
		}
		if used > room {
			break
		}
		n += size
	}
	return n
}

func quotedLen(s string, literal uint8) int {
	n := len(s)
	for i := range len(s) {
		if s[i] != ' ' && classes[s[i]]&literal == 0 {
			n += 2
		}
	}
	return n
}

func (w *writer) quotedWord(s string, literal uint8) {
	w.literal("=?utf-8?q?")
	for i := range len(s) {
		switch c := s[i]; {
		case c == ' ':
			w.b = append(w.b, '_')
		case classes[c]&literal != 0:
			w.b = append(w.b, c)
		default:
			w.b = append(w.b, '=', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	w.literal("?=")
}

func (w *writer) base64Word(s string) {
	w.literal("=?utf-8?b?")
	w.b = base64.StdEncoding.AppendEncode(w.b, []byte(s))
	w.literal("?=")
}
