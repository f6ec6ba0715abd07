package eml

import (
	"strings"

	"github.com/mailkeel/mailkeel/mailer"
)

// A layout says which levels of
//
//	mixed{ related{ alternative{ text, AMP, HTML, others }, inline... }, attachments... }
//
// a message needs, which are those with more than one part. Inline parts are related to HTML or to a
// further alternative; beside plain text alone they are shown as attachments of kind inline.
type layout struct {
	m           *mailer.Message
	plain, html text
	hasPlain    bool
	bodies      int // parts of alternative
	inline      int // parts of related beside the first
	attached    int // parts of mixed beside the first
}

func newLayout(m *mailer.Message, allowEightBit bool) layout {
	l := layout{m: m, bodies: len(m.Alternatives)}
	rich := m.HTML != "" || l.bodies > 0
	if l.hasPlain = m.Text != "" || !rich; l.hasPlain {
		l.plain = newText(m.Text, allowEightBit)
		l.bodies++
	}
	if m.HTML != "" {
		l.html = newText(m.HTML, allowEightBit)
		l.bodies++
	}
	for i := range m.Attachments {
		if rich && m.Attachments[i].ContentID != "" {
			l.inline++
		} else {
			l.attached++
		}
	}
	return l
}

// isRelated reports whether a is a part of related.
func (l *layout) isRelated(a *mailer.Attachment) bool { return l.inline > 0 && a.ContentID != "" }

func (w *writer) content(m *mailer.Message) error {
	l := newLayout(m, w.allowEightBit)
	if err := w.setToken(m.Boundary(), &l); err != nil {
		return err
	}
	w.eightBit = w.eightBit || l.hasEightBit()
	return w.mixed(&l)
}

func (l *layout) hasEightBit() bool {
	return l.plain.encoding == eightBit || l.html.encoding == eightBit
}

func (w *writer) mixed(l *layout) error {
	if l.attached == 0 {
		return w.related(l)
	}
	w.multipart("mixed", "", l)
	w.delimiter("mixed")
	if err := w.related(l); err != nil {
		return err
	}
	if err := w.attachments("mixed", l, false); err != nil {
		return err
	}
	w.closeMultipart("mixed")
	return nil
}

func (w *writer) related(l *layout) error {
	if l.inline == 0 {
		return w.alternative(l)
	}
	w.multipart("related", l.rootType(), l)
	w.delimiter("related")
	if err := w.alternative(l); err != nil {
		return err
	}
	if err := w.attachments("related", l, true); err != nil {
		return err
	}
	w.closeMultipart("related")
	return nil
}

// rootType is the type parameter of related (RFC 2387 section 3.1).
func (l *layout) rootType() string {
	switch {
	case l.bodies > 1:
		return "multipart/alternative"
	case l.m.HTML != "":
		return "text/html"
	}
	t, _ := parseMediaType(l.m.Alternatives[0].ContentType)
	return t.base
}

func (w *writer) alternative(l *layout) error {
	each := func() {}
	if l.bodies > 1 {
		w.multipart("alternative", "", l)
		each = func() { w.delimiter("alternative") }
	}
	if l.hasPlain {
		each()
		w.textPart("plain", &l.plain)
	}
	if err := w.alternatives(l.m, true, each); err != nil {
		return err
	}
	if l.m.HTML != "" {
		each()
		w.textPart("html", &l.html)
	}
	if err := w.alternatives(l.m, false, each); err != nil {
		return err
	}
	if l.bodies > 1 {
		w.closeMultipart("alternative")
	}
	return nil
}

// alternatives writes the forms that stand before the HTML, which is AMP as its specification asks,
// or those after it: readers show the last one that they can.
func (w *writer) alternatives(m *mailer.Message, beforeHTML bool, each func()) error {
	for i := range m.Alternatives {
		a := &m.Alternatives[i]
		t, err := parseMediaType(a.ContentType)
		if err != nil {
			return itemError("Alternatives", i, err)
		}
		if strings.EqualFold(t.base, "text/x-amp-html") != beforeHTML {
			continue
		}
		each()
		if err := w.contentType(t, t.isText() && !t.hasCharset); err != nil {
			return itemError("Alternatives", i, err)
		}
		if err := w.contentPart("Alternatives", i, a.Content); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) attachments(level string, l *layout, related bool) error {
	for i := range l.m.Attachments {
		a := &l.m.Attachments[i]
		if l.isRelated(a) != related {
			continue
		}
		w.delimiter(level)
		if err := w.attachmentHeader(a); err != nil {
			return itemError("Attachments", i, err)
		}
		if err := w.contentPart("Attachments", i, a.Content); err != nil {
			return err
		}
	}
	return nil
}
