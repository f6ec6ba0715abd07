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

// ExtraFields returns the header fields that m's Priority and Unsubscribe ask for, as Render writes
// them, for providers that take fields one by one. m has been prepared.
func ExtraFields(m *mailer.Message) []mailer.HeaderField {
	fields := append([]mailer.HeaderField(nil), urgencies[m.Priority]...)
	if u := &m.Unsubscribe; u.URL != "" || u.Mailto != "" {
		fields = append(fields, mailer.HeaderField{Name: listUnsubscribe, Value: string(appendUnsubscribe(nil, u))})
		if u.OneClick && u.URL != "" {
			fields = append(fields, mailer.HeaderField{Name: listUnsubscribePost, Value: oneClick})
		}
	}
	return fields
}

// urgencies are what mail programs look at: X-Priority, by custom, and Importance and Priority of RFC 2156.
var urgencies = map[mailer.Priority][]mailer.HeaderField{
	mailer.PriorityHigh:   {{Name: "X-Priority", Value: "1"}, {Name: "Importance", Value: "high"}, {Name: "Priority", Value: "urgent"}},
	mailer.PriorityNormal: {{Name: "X-Priority", Value: "3"}, {Name: "Importance", Value: "normal"}, {Name: "Priority", Value: "normal"}},
	mailer.PriorityLow:    {{Name: "X-Priority", Value: "5"}, {Name: "Importance", Value: "low"}, {Name: "Priority", Value: "non-urgent"}},
}

func (w *writer) priority(p mailer.Priority) {
	for _, f := range urgencies[p] {
		w.literal(f.Name)
		w.literal(": ")
		w.literal(f.Value)
		w.literal("\r\n")
	}
}

// The fields of RFC 2369 section 3.2 and RFC 8058 section 3.1.
const (
	listUnsubscribe     = "List-Unsubscribe"
	listUnsubscribePost = "List-Unsubscribe-Post"
	oneClick            = "List-Unsubscribe=One-Click"
)

func (w *writer) unsubscribe(u *mailer.Unsubscribe) error {
	if u.URL == "" && u.Mailto == "" {
		return nil
	}
	if err := checkUnsubscribe(u); err != nil {
		return err
	}
	start := w.open(listUnsubscribe)
	w.b = appendUnsubscribe(w.b, u)
	if err := w.close(start, len(listUnsubscribe)+2, ','); err != nil {
		return fieldError("Unsubscribe", err)
	}
	if u.OneClick && u.URL != "" {
		w.literal(listUnsubscribePost + ": " + oneClick + "\r\n")
	}
	return nil
}

func checkUnsubscribe(u *mailer.Unsubscribe) error {
	if u.URL != "" && !isVisible(u.URL, `<>",`) {
		return errors.New("Unsubscribe.URL has a character that is not allowed there")
	}
	if ascii, ok := isAddrSpec(u.Mailto); u.Mailto != "" && (!ascii || !ok || !isVisible(u.Mailto, "&?#/%")) {
		return errors.New("Unsubscribe.Mailto is not an address that a mailto URL can hold")
	}
	return nil
}

// appendUnsubscribe appends the value of List-Unsubscribe, on one line.
func appendUnsubscribe(b []byte, u *mailer.Unsubscribe) []byte {
	if u.URL != "" {
		b = append(append(append(b, '<'), u.URL...), '>')
	}
	if u.URL != "" && u.Mailto != "" {
		b = append(b, ", "...)
	}
	if u.Mailto != "" {
		b = append(append(append(b, "<mailto:"...), u.Mailto...), '>')
	}
	return b
}
