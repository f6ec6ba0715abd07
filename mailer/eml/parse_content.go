package eml

import (
	"bytes"
	"io"
	"strings"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml/internal/charset"
	"github.com/mailkeel/mailkeel/mailer/eml/internal/entity"
	"github.com/mailkeel/mailkeel/mailer/eml/internal/refuse"
)

// An assembler puts the parts of a message into the places of a Message.
type assembler struct {
	src    mailer.Content
	m      *mailer.Message
	bodies *entity.Source
	size   int64 // of src
	left   int64 // room for bodies

	last      slot // of the forms of the body, the one filled last
	files     []file
	htmlTexts []string // in which attachments are referred to
}

// A slot is a place among the forms of a body, in the order in which Render writes them.
type slot int

const (
	plainSlot slot = iota
	ampSlot
	htmlSlot
	furtherSlot
)

// A file is a part that becomes an attachment. Whether it is inline is known when all of HTML is.
type file struct {
	part    *entity.Part
	content mailer.Content
	related bool // a member of multipart/related
}

// A body is what a reader shows at a time: the message has one, and so has each of its alternatives.
type body struct {
	begun bool // a part has been seen
	found bool // the one that is shown
	form  bool // one of multipart/alternative
}

func (a *assembler) content(root *entity.Part) error {
	if isSMIME(root) {
		return unsupported(root, "is S/MIME, which is void in another place")
	}
	return a.part(root, new(body))
}

func isSMIME(p *entity.Part) bool {
	return p.Type == "application/pkcs7-mime" || p.Type == "application/x-pkcs7-mime"
}

func unsupported(p *entity.Part, reason string) error {
	return refuse.Unsupported("%s: %s", p.Path, reason)
}

func (a *assembler) part(p *entity.Part, b *body) error {
	if p.IsMultipart() {
		return a.multipart(p, b)
	}
	first := !b.begun
	b.begun = true
	switch {
	case strings.HasPrefix(p.Type, "message/"): // RFC 2046 section 5.2.1: no attachment may be encoded so
		return unsupported(p, "is of type "+charset.Shown(p.Type)+", which a Message cannot carry")
	case !isForm(p, b, first):
		return a.file(p, false)
	}
	text, err := a.formText(p)
	if err != nil {
		return refuse.Of(p.Path+":", err)
	}
	if b.found {
		if strings.TrimSpace(text) == "" {
			return nil
		}
		return unsupported(p, "is a second text of the body, and a Message has one")
	}
	if text == "" && (p.Type == "text/plain" || p.Type == "text/html") {
		return nil // as Render has it: no form at all
	}
	b.found = true
	return a.form(p, text)
}

// isForm reports whether p is what is shown as the body: any form among alternatives, and elsewhere a text
// without a file name, or a first part of which nothing says that it is a file. Invitations often have a name. A
// text behind the body that is inline and has a Content-ID is what Render makes of a file without a name.
func isForm(p *entity.Part, b *body, first bool) bool {
	switch {
	case p.Disposition == "attachment":
		return false
	case b.form && !b.found:
		return true
	case p.FileName != "":
		return first && p.Disposition == "" && p.Type == "text/calendar"
	case p.Type == "text/plain", p.Type == "text/html":
		return !b.found || p.Disposition != "inline" || p.ContentID == ""
	}
	return !b.found && (p.IsText() || first && p.Disposition == "")
}

func (a *assembler) multipart(p *entity.Part, b *body) error {
	if len(p.Parts) == 0 {
		return refuse.Invalid("%s: has no parts", p.Path)
	}
	switch p.Type {
	case "multipart/mixed":
		b.form = false // of its parts one is the form, and the others are files
		for _, q := range p.Parts {
			if err := a.part(q, b); err != nil {
				return err
			}
		}
		return nil
	case "multipart/alternative":
		return a.alternative(p, b)
	case "multipart/related":
		return a.related(p, b)
	}
	return unsupported(p, "is of type "+charset.Shown(p.Type)+", which a Message cannot carry")
}

func (a *assembler) alternative(p *entity.Part, b *body) error {
	if b.found {
		return unsupported(p, "is a second text of the body, and a Message has one")
	}
	b.found = true
	for _, q := range p.Parts {
		if err := a.part(q, &body{form: true}); err != nil {
			return err
		}
	}
	return nil
}

// related reads multipart/related (RFC 2387): one part is the body, the others are what it refers to.
func (a *assembler) related(p *entity.Part, b *body) error {
	root := relatedRoot(p)
	for i, q := range p.Parts { // in the order of the message, which is so read once
		var err error
		if i == root {
			err = a.part(q, b)
		} else {
			err = a.member(q)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// member reads a part of multipart/related that is not its root.
func (a *assembler) member(p *entity.Part) error {
	if _, located := p.Value("Content-Location"); located && p.ContentID == "" {
		return unsupported(p, "is referred to by Content-Location, which a Message cannot say")
	}
	other := &body{begun: true, found: true}
	isText := p.ContentID == "" && isForm(p, other, false)
	if isText || p.IsMultipart() || strings.HasPrefix(p.Type, "message/") {
		return a.part(p, other) // which refuses most of these
	}
	return a.file(p, true)
}

func relatedRoot(p *entity.Part) int {
	if start := strings.Trim(p.Params.Get("start"), "<>"); start != "" {
		for i, q := range p.Parts {
			if q.ContentID == start {
				return i
			}
		}
	}
	return 0
}

// formText returns the text of p in UTF-8, or "" when it is not of type text.
func (a *assembler) formText(p *entity.Part) (string, error) {
	if !p.IsText() {
		return "", nil
	}
	label, err := p.Charset()
	if err != nil {
		return "", err
	}
	r, err := a.bodies.Body(p)
	if err != nil {
		return "", err
	}
	var octets bytes.Buffer
	octets.Grow(int(min(p.EncodedSize(), a.left)) + bytes.MinRead)
	n, err := octets.ReadFrom(io.LimitReader(r, a.left+1))
	if err != nil {
		return "", err
	}
	if a.left -= n; a.left < 0 {
		return "", refuse.Unsupported("with it the bodies are longer than %d bytes", maxBodyBytes)
	}
	return charset.Decode(label, octets.Bytes())
}

// form puts p into the place from which Render writes it in the same order.
func (a *assembler) form(p *entity.Part, text string) error {
	at := furtherSlot
	switch {
	case p.Type == "text/plain" && a.m.Text == "" && a.last == plainSlot:
		a.m.Text = toLF(text)
		return nil
	case p.Type == "text/html" && a.m.HTML == "" && a.last <= htmlSlot:
		a.m.HTML, a.last = toLF(text), htmlSlot
		a.htmlTexts = append(a.htmlTexts, text)
		return nil
	case p.Type == "text/x-amp-html":
		at = ampSlot
	}
	if at < a.last {
		return unsupported(p, "stands after another form of the body, where Render would not write it")
	}
	a.last = at
	if p.Type == "text/html" {
		a.htmlTexts = append(a.htmlTexts, text)
	}
	return a.furtherForm(p, text)
}

// toLF makes CRLF the line end of Go programs; Render makes it CRLF again.
func toLF(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }

func (a *assembler) furtherForm(p *entity.Part, text string) error {
	if p.IsText() {
		a.m.Alternatives = append(a.m.Alternatives, mailer.Alternative{
			ContentType: p.FormContentType(), Content: mailer.Bytes([]byte(text)),
		})
		return nil
	}
	c, err := a.lazy(p)
	a.m.Alternatives = append(a.m.Alternatives, mailer.Alternative{ContentType: p.FormContentType(), Content: c})
	return err
}
