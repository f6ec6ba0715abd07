package eml

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

var errMediaType = errors.New("has a ContentType that is not of the form type/subtype; name=value")

// mediaType is a Content-Type that has passed the gate.
type mediaType struct {
	text       string // as given, without a semicolon at the end
	base       string // type/subtype
	hasCharset bool
}

func (t mediaType) isText() bool { return hasPrefixFold(t.base, "text/") }

// parseMediaType walks through s by the grammar of RFC 2045 section 5.1, so that what is written
// after it cannot end up within an open quotation.
func parseMediaType(s string) (t mediaType, err error) {
	t.text = strings.TrimRight(strings.TrimLeft(s, " \t"), "; \t") // Prepare passes over both
	kind, rest, found := strings.Cut(t.text, "/")
	sub, rest := cutToken(rest)
	if !found || kind == "" || sub == "" || !only(kind, token) || hasPrefixFold(kind+"/", "multipart/") {
		return t, errMediaType
	}
	t.base = t.text[:len(kind)+1+len(sub)]
	for rest = strings.TrimLeft(rest, " \t"); rest != ""; rest = strings.TrimLeft(rest, " \t") {
		var name string
		if name, rest, err = cutParameter(rest); err != nil {
			return t, err
		}
		if strings.EqualFold(name, "boundary") {
			return t, errMediaType
		}
		t.hasCharset = t.hasCharset || strings.EqualFold(name, "charset")
	}
	return t, nil
}

// cutParameter cuts "; name=value" from the beginning of s.
func cutParameter(s string) (name, rest string, err error) {
	if s[0] != ';' {
		return "", "", errMediaType
	}
	name, rest = cutToken(strings.TrimLeft(s[1:], " \t"))
	rest, found := strings.CutPrefix(strings.TrimLeft(rest, " \t"), "=")
	rest = strings.TrimLeft(rest, " \t")
	if !found || name == "" || rest == "" {
		return "", "", errMediaType
	}
	if rest[0] == '"' {
		rest, err = skipQuotedString(rest)
		return name, rest, err
	}
	value, rest := cutToken(rest)
	if value == "" {
		return "", "", errMediaType
	}
	return name, rest, nil
}

func cutToken(s string) (tok, rest string) {
	i := 0
	for i < len(s) && classes[s[i]]&token != 0 {
		i++
	}
	return s[:i], s[i:]
}

func skipQuotedString(s string) (rest string, err error) {
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c < ' ' && c != '\t', c >= 0x7f:
			return "", errMediaType
		case c == '\\':
			i++
			if i == len(s) || s[i] < ' ' || s[i] >= 0x7f {
				return "", errMediaType
			}
		case c == '"':
			return s[i+1:], nil
		}
	}
	return "", errMediaType
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// disposition writes Content-Disposition (RFC 2183). A name that a quoted string cannot hold for
// every reader is given twice: exactly, in the form of RFC 2231, and in ASCII.
func (w *writer) disposition(kind, fileName string) error {
	if err := checkLine(fileName); err != nil {
		return fieldError("has a Name that", err)
	}
	const field = "Content-Disposition"
	start := w.open(field)
	w.literal(kind)
	if fileName != "" {
		plain := fileName
		if !isASCII(fileName) || strings.ContainsAny(fileName, "\"\\\t") || looksEncoded(fileName) {
			// First, because some readers take the first of the two.
			w.extendedFileName(fileName)
			plain = plainName(fileName)
		}
		w.literal("; filename=")
		w.quotedString(plain)
	}
	if err := w.close(start, len(field)+2, ';'); err != nil {
		return fieldError("has a Name that", err)
	}
	return nil
}

// plainName replaces every character of name that is not plain ASCII.
func plainName(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= utf8.RuneSelf || strings.ContainsRune("\"\\\t=?", r) {
			return '_'
		}
		return r
	}, name)
}

// extendedFileName writes filename* (RFC 2231 section 4), cut into filename*0*, filename*1*, ...
// (section 3) where it does not fit on a line.
func (w *writer) extendedFileName(name string) {
	const room = foldAt - len(" ;")
	start := len(w.b)
	w.literal("; filename*=utf-8''")
	w.percentEncode(name)
	if len(w.b)-start <= room {
		return
	}
	w.b = w.b[:start]
	for i := 0; name != ""; i++ {
		start = len(w.b)
		w.literal("; filename*")
		w.b = strconv.AppendInt(w.b, int64(i), 10)
		w.literal("*=")
		if i == 0 {
			w.literal("utf-8''")
		}
		for name != "" {
			_, size := utf8.DecodeRuneInString(name)
			mark := len(w.b)
			if w.percentEncode(name[:size]); len(w.b)-start > room {
				w.b = w.b[:mark]
				break
			}
			name = name[size:]
		}
	}
}

func (w *writer) percentEncode(s string) {
	for i := range len(s) {
		if c := s[i]; classes[c]&attrChar != 0 {
			w.b = append(w.b, c)
		} else {
			w.b = append(w.b, '%', hexDigits[c>>4], hexDigits[c&15])
		}
	}
}
