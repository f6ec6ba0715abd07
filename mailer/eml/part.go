package eml

import (
	"errors"
	"slices"

	"github.com/mailkeel/mailkeel/mailer"
)

// A part is what is encoded while it is read. It follows the literal octets up to headEnd.
type part struct {
	headEnd    int
	encoding   encoding
	text       string
	content    mailer.Content // when field is set
	sourceSize int64          // octets before the encoding
	field      string         // of the message, for errors
	index      int            // in field; negative when that is no list
}

func (w *writer) attachmentHeader(a *mailer.Attachment) error {
	t, err := parseMediaType(a.ContentType)
	if err != nil {
		return err
	}
	if err := w.contentType(t, false); err != nil {
		return err
	}
	if a.ContentID == "" {
		return w.disposition("attachment", a.Name)
	}
	if !isVisible(a.ContentID, `<>()[],;:\"`) || len(a.ContentID) > maxLine/2 {
		return errors.New("has a ContentID that is not of the form left@right, or a plain word")
	}
	w.literal("Content-ID: <")
	w.literal(a.ContentID)
	w.literal(">\r\n")
	return w.disposition("inline", a.Name)
}

func (w *writer) contentType(t mediaType, addCharset bool) error {
	const field = "Content-Type"
	start := w.open(field)
	w.literal(t.text)
	if addCharset {
		w.literal("; charset=utf-8")
	}
	if err := w.close(start, len(field)+2, ';'); err != nil {
		return fieldError("has a ContentType that", err)
	}
	return nil
}

// textPart writes the header of a text and then the text, or where it goes.
func (w *writer) textPart(subtype string, t *text) {
	w.literal("Content-Type: text/")
	w.literal(subtype)
	w.literal("; charset=utf-8\r\nContent-Transfer-Encoding: ")
	w.literal(encodingNames[t.encoding])
	w.literal("\r\n\r\n")
	w.midLine = !t.endsLine()
	if t.size > maxInline || t.encoding == base64Lines && t.size > 0 {
		w.stream(part{encoding: t.encoding, text: t.s, sourceSize: t.source}, t.size)
		return
	}
	start := len(w.b)
	w.b = slices.Grow(w.b, int(t.size)+quotedRoom)
	room := w.b[start : start+int(t.size)+quotedRoom]
	if t.encoding == quotedPrintable {
		q := quoter{s: t.s}
		q.read(room)
	} else {
		l := newLines(t.s, t.source)
		l.read(room)
	}
	w.b = w.b[:start+int(t.size)]
}

// contentPart writes the rest of a part's header and where its content goes, as base64 whatever the
// type: text too keeps its octets.
func (w *writer) contentPart(field string, i int, c mailer.Content) error {
	size, err := c.Size()
	if err == nil && size < 0 {
		err = errors.New("is of unknown size: the message has to be spooled")
	}
	if err != nil {
		return itemError(field, i, err)
	}
	w.literal("Content-Transfer-Encoding: base64\r\n\r\n")
	w.stream(part{encoding: base64Lines, content: c, sourceSize: size, field: field, index: i}, base64Size(size))
	w.midLine = size > 0
	return nil
}

func (w *writer) stream(p part, size int64) {
	p.headEnd = len(w.b)
	w.parts = append(w.parts, p)
	w.streamed += size
}
