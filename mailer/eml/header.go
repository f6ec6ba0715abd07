package eml

import (
	"errors"
	"strings"

	"github.com/mailkeel/mailkeel/mailer"
)

// header writes the fields of the message itself. Bcc is never among them, and where there are only
// blind recipients there is no To either: RFC 5322 section 3.6 asks for none.
func (w *writer) header(m *mailer.Message) error {
	if err := w.originator(m); err != nil {
		return err
	}
	if err := w.addresses("To", m.To); err != nil {
		return err
	}
	if err := w.addresses("Cc", m.Cc); err != nil {
		return err
	}
	if err := w.identity(m); err != nil {
		return err
	}
	for i := range m.Headers {
		if err := w.custom(&m.Headers[i]); err != nil {
			return itemError("Headers", i, err)
		}
	}
	w.priority(m.Priority)
	return w.unsubscribe(&m.Unsubscribe)
}

// originator writes the fields of RFC 5322 sections 3.6.1 and 3.6.2.
func (w *writer) originator(m *mailer.Message) error {
	if year := m.Date.Year(); year < 1900 || year > 9999 { // RFC 5322 section 3.3
		return errors.New("Date is not within the years 1900 to 9999")
	}
	w.literal("Date: ")
	w.b = appendDate(w.b, m.Date)
	w.literal("\r\n")
	if err := w.mailbox("From", &m.From); err != nil {
		return err
	}
	if m.Sender != (mailer.Address{}) && m.Sender != m.From { // RFC 5322 section 3.6.2: not twice the same
		if err := w.mailbox("Sender", &m.Sender); err != nil {
			return err
		}
	}
	return w.addresses("Reply-To", m.ReplyTo)
}

func (w *writer) identity(m *mailer.Message) error {
	id := m.MessageID
	if len(id) < 3 || len(id) > maxLine/2 || id[0] != '<' || id[len(id)-1] != '>' || !isVisible(id[1:len(id)-1], "<>") {
		return errors.New("MessageID is not of the form <left@right>")
	}
	// Not folded: readers that look for the identity in the first line exist.
	w.literal("Message-ID: ")
	w.literal(id)
	w.literal("\r\n")
	if m.Subject == "" {
		return nil
	}
	if err := w.unstructured("Subject", m.Subject); err != nil {
		return fieldError("Subject", err)
	}
	return nil
}

func (w *writer) custom(f *mailer.HeaderField) error {
	if len(f.Name) == 0 || len(f.Name) > 76 || !only(f.Name, ftext) {
		return errors.New("has a name that is not a header field name of RFC 5322")
	}
	if isReserved(f.Name) {
		return errors.New("is a field that only the writer sets")
	}
	return w.unstructured(f.Name, f.Value)
}

// isReserved reports the fields that would undo what is written here: show the blind recipients, or
// let the parts be read in another way.
func isReserved(name string) bool {
	switch len(name) {
	case len("Bcc"):
		return strings.EqualFold(name, "Bcc")
	case len("Content-Type"), len("Content-Transfer-Encoding"): // MIME-Version is as long as the first
		return strings.EqualFold(name, "Content-Type") || strings.EqualFold(name, "MIME-Version") ||
			strings.EqualFold(name, "Content-Transfer-Encoding")
	}
	return false
}

// unstructured writes a field whose value is text. ASCII stands as it is, folded only where it has
// white space, so that unfolding gives the same value and fields with a grammar of their own, such
// as References, stay intact. All else becomes encoded words.
func (w *writer) unstructured(name, value string) error {
	if err := checkLine(value); err != nil {
		return err
	}
	start := w.open(name)
	if isASCII(value) && !looksEncoded(value) {
		w.literal(value)
		if w.close(start, len(name)+2, 0) == nil {
			return nil
		}
		w.b = w.b[:start] // a word or a run of spaces too long for a line
		w.open(name)
	}
	w.encodedWords(value, len(name)+2, qText)
	// The first word may not fit beside a long name.
	return w.close(start, len(name)+1, 0)
}

// looksEncoded reports whether a reader could take part of s, which is text, for an encoded word.
func looksEncoded(s string) bool {
	_, rest, found := strings.Cut(s, "=?")
	return found && strings.Contains(rest, "?=")
}

// priority writes what mail programs look at: X-Priority, by custom, and Importance and Priority of RFC 2156.
func (w *writer) priority(p mailer.Priority) {
	switch p {
	case mailer.PriorityHigh:
		w.literal("X-Priority: 1\r\nImportance: high\r\nPriority: urgent\r\n")
	case mailer.PriorityNormal:
		w.literal("X-Priority: 3\r\nImportance: normal\r\nPriority: normal\r\n")
	case mailer.PriorityLow:
		w.literal("X-Priority: 5\r\nImportance: low\r\nPriority: non-urgent\r\n")
	}
}

// unsubscribe writes the fields of RFC 2369 section 3.2 and RFC 8058 section 3.1.
func (w *writer) unsubscribe(u *mailer.Unsubscribe) error {
	if u.URL == "" && u.Mailto == "" {
		return nil
	}
	const name = "List-Unsubscribe"
	start := w.open(name)
	if u.URL != "" {
		if !isVisible(u.URL, `<>",`) {
			return errors.New("Unsubscribe.URL has a character that is not allowed there")
		}
		w.literal("<")
		w.literal(u.URL)
		w.literal(">")
	}
	if u.Mailto != "" {
		if ascii, ok := isAddrSpec(u.Mailto); !ascii || !ok || !isVisible(u.Mailto, "&?#/%") {
			return errors.New("Unsubscribe.Mailto is not an address that a mailto URL can hold")
		}
		if u.URL != "" {
			w.literal(", ")
		}
		w.literal("<mailto:")
		w.literal(u.Mailto)
		w.literal(">")
	}
	if err := w.close(start, len(name)+2, ','); err != nil {
		return fieldError("Unsubscribe", err)
	}
	if u.OneClick && u.URL != "" {
		w.literal("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n")
	}
	return nil
}
