// Package entity finds the parts of a message in MIME, without keeping their bodies: it knows where each
// lies, and reads and decodes it from there when asked.
package entity

import (
	"strings"

	"github.com/mailkeel/mailkeel/mailer/eml/internal/field"
)

// What a message may have, so that a hostile one costs no more than its size.
const (
	MaxDepth       = 16        // multiparts within each other
	MaxParts       = 1000      // parts of all multiparts
	MaxHeaderBytes = 256 << 10 // of one header
	MaxHeaders     = 1 << 20   // of all headers together, in bytes
	MaxLineBytes   = 1 << 20   // of one line of a body
	maxBoundary    = 200       // RFC 2046 section 5.1.1 allows 70
)

// A Field is a header field, unfolded: Value has neither line breaks nor white space at its ends.
type Field struct{ Name, Value string }

// A Part is a message or a part of one.
type Part struct {
	// Path says where it stands, such as "part 2.1"; the message itself is "message".
	Path   string
	Fields []Field

	// Type is the media type in lower case, such as "text/plain", and Params are its parameters.
	Type   string
	Params field.Parameters
	// Encoding is the Content-Transfer-Encoding in lower case.
	Encoding string
	// Disposition is that of RFC 2183 in lower case, or empty; FileName is the name it or, without one,
	// the type gives.
	Disposition string
	FileName    string
	// ContentID is without angle brackets.
	ContentID string

	// Parts are those of a multipart.
	Parts []*Part

	start, end int64 // of the body
	bareLF     bool  // some line of the body ends in LF alone
	boundary   string
}

// IsMultipart reports whether p has parts instead of a body.
func (p *Part) IsMultipart() bool { return strings.HasPrefix(p.Type, "multipart/") }

// IsText reports whether p is of a type text/...
func (p *Part) IsText() bool { return strings.HasPrefix(p.Type, "text/") }

// EncodedSize is the number of octets of p's body as it stands in the message.
func (p *Part) EncodedSize() int64 { return p.end - p.start }

// Charset is the parameter of that name, in any of its forms.
func (p *Part) Charset() (string, error) {
	name, _, err := p.Params.Decoded("charset")
	return name, err
}

// Value returns the value of the field called name, and whether there is one.
func (p *Part) Value(name string) (string, bool) {
	for i := range p.Fields {
		if strings.EqualFold(p.Fields[i].Name, name) {
			return p.Fields[i].Value, true
		}
	}
	return "", false
}
