package eml

import (
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/mailkeel/mailkeel/mailer"
)

var errAddress = errors.New("is not an address of the form local@domain")

func (w *writer) mailbox(name string, a *mailer.Address) error {
	start := w.open(name)
	err := w.address(a, len(name)+2)
	if err == nil {
		err = w.close(start, len(name)+2, 0)
	}
	if err != nil {
		return fieldError(name, err)
	}
	return nil
}

func (w *writer) addresses(name string, list []mailer.Address) error {
	if len(list) == 0 {
		return nil
	}
	start, col := w.open(name), len(name)+2
	for i := range list {
		if i > 0 {
			w.literal(", ")
			col = 1 // at worst: a line can begin here
		}
		if err := w.address(&list[i], col); err != nil {
			return itemError(name, i, err)
		}
	}
	if err := w.close(start, len(name)+2, ','); err != nil {
		return fieldError(name, err)
	}
	return nil
}

// address writes a mailbox of RFC 5322 section 3.4 at column col of a line.
func (w *writer) address(a *mailer.Address, col int) error {
	ascii, ok := isAddrSpec(a.Address)
	if !ok {
		return errAddress
	}
	if !ascii {
		w.utf8, w.eightBit = true, true
	}
	if a.Name == "" {
		w.literal(a.Address)
		return nil
	}
	if err := checkLine(a.Name); err != nil {
		return fieldError("has a display name that", err)
	}
	w.phrase(a.Name, col)
	w.literal(" <")
	w.literal(a.Address)
	w.literal(">")
	return nil
}

// phrase writes a display name as atoms, as a quoted string or as encoded words, whichever is the
// first that can hold it.
func (w *writer) phrase(name string, col int) {
	atoms, words := true, false
	last := byte(' ')
	for i := range len(name) {
		switch c := name[i]; {
		case classes[c]&atext != 0:
			words = words || c == '?' && last == '=' // must not be read as an encoded word
		case c >= utf8.RuneSelf, c == '\t', c == ' ' && last == ' ' && i > 0:
			words = true // not every reader keeps white space within quotes as it is
		default:
			atoms = atoms && c == ' ' && i > 0
		}
		last = name[i]
	}
	switch {
	case words:
		w.encodedWords(name, col, qPhrase)
	case atoms && last != ' ':
		w.literal(name)
	default:
		w.quotedString(name)
	}
}

// quotedString writes s, which has no control characters, as RFC 5322 section 3.2.4 asks.
func (w *writer) quotedString(s string) {
	w.b = append(w.b, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			w.b = append(w.b, '\\')
		}
		w.b = append(w.b, s[i])
	}
	w.b = append(w.b, '"')
}

// isAddrSpec reports whether s is a dot-atom, widened to UTF-8 by RFC 6531, and a domain in ASCII:
// what Prepare leaves. Nothing in it can end an address or begin a parameter.
func isAddrSpec(s string) (ascii, ok bool) {
	at := strings.LastIndexByte(s, '@')
	if at <= 0 || at == len(s)-1 || !only(s[at+1:], domain) || s[0] == '.' || s[at-1] == '.' {
		return false, false
	}
	ascii = true
	for i := range at {
		if c := s[i]; c >= utf8.RuneSelf {
			ascii = false
		} else if classes[c]&atext == 0 && c != '.' {
			return false, false
		}
	}
	return ascii, ascii || checkLine(s) == nil
}
