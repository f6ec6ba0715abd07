package entity

import (
	"strings"

	"github.com/mailkeel/mailkeel/mailer/eml/internal/charset"
	"github.com/mailkeel/mailkeel/mailer/eml/internal/field"
	"github.com/mailkeel/mailkeel/mailer/eml/internal/refuse"
)

// describe reads the fields of p by which its body is read.
func (p *Part) describe() error {
	p.Type, p.Encoding = "text/plain", "7bit" // RFC 2045 sections 5.2 and 6.1
	for _, f := range [...]struct {
		name string
		read func(*Part, string) error
	}{
		{"Content-Type", (*Part).readType}, {"Content-Transfer-Encoding", (*Part).readEncoding},
		{"Content-Disposition", (*Part).readDisposition}, {"Content-ID", (*Part).readID},
	} {
		value, found, err := p.only(f.name)
		if err == nil && found {
			err = f.read(p, value)
		}
		if err != nil {
			return p.refused(f.name, err)
		}
	}
	return nil
}

func (p *Part) refused(name string, err error) error {
	return refuse.Of(p.Path+": "+name, err)
}

// only returns the value of a field that decides how the body is read: of two different ones, programs on
// the way would each take another.
func (p *Part) only(name string) (value string, found bool, err error) {
	for i := range p.Fields {
		switch f := &p.Fields[i]; {
		case !strings.EqualFold(f.Name, name):
		case found && f.Value != value:
			return "", false, refuse.Invalid("stands there twice, with different values")
		default:
			value, found = f.Value, true
		}
	}
	return value, found && value != "", nil
}

func (p *Part) readType(value string) error {
	kind, params, err := field.ParseValue(value)
	if err != nil {
		return err
	}
	main, sub, found := strings.Cut(kind, "/")
	if !found || !isTokenText(main) || !isTokenText(sub) {
		return refuse.Invalid("is not of the form type/subtype")
	}
	p.Type, p.Params = strings.ToLower(kind), params
	if p.IsMultipart() {
		return p.readBoundary()
	}
	return p.readTypeName()
}

// readTypeName reads the file name that stands in the type.
//
// Quirk: Ruby's mail library, which Rails sends through, calls it filename
// (https://github.com/mikel/mail/blob/master/lib/mail/attachments_list.rb).
func (p *Part) readTypeName() (err error) {
	for _, name := range [...]string{"filename", "name"} {
		text, found, err := p.Params.Decoded(name)
		if err != nil {
			return err
		}
		if found {
			p.FileName = text
		}
	}
	return nil
}

func isTokenText(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`()<>@,;:\"/[]?=`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

func (p *Part) readBoundary() error {
	boundary := p.Params.Get("boundary")
	if boundary == "" { // else as it stands: what looks like an encoded word is none here
		var err error
		if boundary, _, err = p.Params.Decoded("boundary"); err != nil {
			return err
		}
	}
	switch p.boundary = strings.TrimRight(boundary, " \t"); {
	case p.boundary == "":
		return refuse.Invalid("has no boundary")
	case len(p.boundary) > maxBoundary:
		return refuse.Invalid("has a boundary longer than %d bytes", maxBoundary)
	}
	return nil
}

func (p *Part) readEncoding(value string) error {
	name, _, err := field.ParseValue(value)
	if err != nil {
		return err
	}
	switch p.Encoding = strings.ToLower(name); p.Encoding {
	case "7bit", "8bit", "binary":
	case "base64", "quoted-printable":
		if p.IsMultipart() { // RFC 2045 section 6.4
			return refuse.Invalid("is %s, which a multipart cannot be", p.Encoding)
		}
	default:
		return refuse.Unsupported("is %s, which is not known", charset.Shown(p.Encoding))
	}
	return nil
}

func (p *Part) readDisposition(value string) error {
	kind, params, err := field.ParseValue(value)
	if err != nil {
		return err
	}
	p.Disposition = strings.ToLower(kind)
	name, found, err := params.Decoded("filename")
	if err != nil {
		return err
	}
	if found && name != "" {
		p.FileName = name
	}
	return nil
}

func (p *Part) readID(value string) error {
	value = strings.TrimPrefix(value, "<")
	p.ContentID = strings.TrimSuffix(value, ">")
	return nil
}

// FileContentType is the media type of a file, without the name, which an attachment has apart, and without
// what is not of the type: how the file is kept on the disk of its sender, in Apple's parameters.
func (p *Part) FileContentType() string {
	return p.contentType(func(q field.Parameter) (field.Parameter, bool) {
		for _, name := range [...]string{"name", "filename", "x-unix-mode", "x-mac-type", "x-mac-creator", "x-mac-hide-extension", "x-apple-part-url"} {
			if q.IsOf(name) {
				return q, false
			}
		}
		return q, true
	})
}

// FormContentType is that of a form of the body; the charset of a text, which has been made UTF-8, is that.
func (p *Part) FormContentType() string {
	written := false
	return p.contentType(func(q field.Parameter) (field.Parameter, bool) {
		if !p.IsText() || !q.IsOf("charset") {
			return q, true
		}
		first := !written
		written = true
		return field.Parameter{Name: "charset", Value: "utf-8"}, first
	})
}

func (p *Part) contentType(keep func(field.Parameter) (field.Parameter, bool)) string {
	b := append(make([]byte, 0, 64), p.Type...)
	for _, q := range p.Params {
		if q, kept := keep(q); kept {
			b = field.AppendParameter(b, q)
		}
	}
	return string(b)
}
