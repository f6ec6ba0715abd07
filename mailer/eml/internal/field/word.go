package field

import (
	"encoding/base64"
	"strings"

	"github.com/mailkeel/mailkeel/mailer/eml/internal/charset"
)

// maxWord is how long an encoded word may be. RFC 2047 section 2 says 75; programs that encode a whole
// subject as one word go to the end of the line.
const maxWord = 998

// Text returns s with its encoded words (RFC 2047) decoded. Words that stand side by side are decoded
// together when they are of one charset, because programs exist that cut characters in two. What looks like a
// word and is none stays as it is. The error is about a charset, or about octets without one.
func Text(s string) (string, error) {
	if IsPlain(s) {
		return s, nil
	}
	if err := checkUTF8(s); err != nil {
		return "", err
	}
	var t wordText
	for {
		i := strings.Index(s, "=?")
		if i < 0 {
			break
		}
		w, rest, ok := cutWord(s[i:])
		if !ok {
			if err := t.literal(s[:i+2]); err != nil {
				return "", err
			}
			s = s[i+2:]
			continue
		}
		if err := t.word(s[:i], w); err != nil {
			return "", err
		}
		s = rest
	}
	if err := t.literal(s); err != nil {
		return "", err
	}
	err := t.flush()
	return t.out.String(), err
}

// wordText collects what has been decoded, and the octets of words of one charset that follow each other.
type wordText struct {
	out     strings.Builder
	pending bool
	charset string
	octets  []byte
}

type word struct {
	charset string
	octets  []byte
}

func (t *wordText) literal(s string) error {
	if s == "" {
		return nil
	}
	err := t.flush()
	t.out.WriteString(s)
	return err
}

// word takes a word and what stood before it, which is not shown when it is white space between two words.
func (t *wordText) word(before string, w word) error {
	if !t.pending || strings.Trim(before, wsp) != "" {
		if err := t.literal(before); err != nil {
			return err
		}
	}
	if t.pending && !strings.EqualFold(t.charset, w.charset) {
		if err := t.flush(); err != nil {
			return err
		}
	}
	t.pending, t.charset, t.octets = true, w.charset, append(t.octets, w.octets...)
	return nil
}

func (t *wordText) flush() error {
	if !t.pending {
		return nil
	}
	s, err := charset.Decode(t.charset, t.octets)
	t.out.WriteString(s)
	t.pending, t.octets = false, t.octets[:0]
	return err
}

// cutWord cuts =?charset?encoding?text?= from the beginning of s. Spaces within the text and a missing
// padding are common and forgiven.
func cutWord(s string) (w word, rest string, ok bool) {
	window := s[:min(len(s), maxWord)]
	name, more, found := strings.Cut(window[len("=?"):], "?")
	if !found || len(more) < len("q??=") || more[1] != '?' || strings.ContainsAny(name, " \t\"") || name == "" {
		return w, s, false
	}
	// A Q word may end in "=?=", where the first sign is not the beginning of the end.
	text, _, found := strings.Cut(more[2:], "?=")
	if !found {
		return w, s, false
	}
	w.charset, _, _ = strings.Cut(name, "*") // a language may follow: RFC 2231 section 5
	if w.octets, ok = wordOctets(more[0], text); !ok {
		return w, s, false
	}
	return w, s[len("=?")+len(name)+len("?q?")+len(text)+len("?="):], true
}

func wordOctets(encoding byte, text string) ([]byte, bool) {
	switch encoding {
	case 'b', 'B':
		octets, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
		return octets, err == nil
	case 'q', 'Q':
		return quotedOctets(text)
	}
	return nil, false
}

func quotedOctets(text string) ([]byte, bool) {
	octets := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '_':
			octets = append(octets, ' ')
		case '=':
			if i+2 >= len(text) {
				return nil, false
			}
			high, low := unhex(text[i+1]), unhex(text[i+2])
			if high < 0 || low < 0 {
				return nil, false
			}
			octets = append(octets, byte(high<<4|low))
			i += 2
		default:
			octets = append(octets, c)
		}
	}
	return octets, true
}

// unhex is the value of a hexadecimal digit, or negative.
func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
