package mailgun

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/mailkeel/mailkeel/internal/exact"
	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml"
)

// A form is the body of a request: multipart/form-data of RFC 7578. Its fields stand in a
// buffer, with all that surrounds the parts; a message laid out and contents are read from
// where they are while they are sent. What it refuses in a name, whoever gave it, would
// make another part of it.
type form struct {
	endpoint string
	degraded []string // advisory features that were left out, in whole or in part

	boundary string
	buf      []byte
	parts    []part
	size     int64
	counted  int // octets of o:, h:, v: and t: parameters, their names included
	err      error
	message  *eml.Body // released with the form
}

var forms = sync.Pool{New: func() any { return new(form) }}

// newForm returns an empty form. Its boundary is made anew for each, so that nobody who wrote a
// part of the message can know it.
func newForm(endpoint string) *form {
	f, _ := forms.Get().(*form)
	f.endpoint, f.boundary = endpoint, "mailkeel-"+rand.Text()
	return f
}

// The buffers that are kept for the next form.
const (
	maxPooled      = 64 << 10
	maxPooledParts = 64
)

// Release lets a later form use f's buffers. Nobody may use f from then on.
func (f *form) Release() {
	if f.message != nil {
		f.message.Release()
	}
	clear(f.parts) // lets go of texts and contents
	*f = form{buf: f.buf[:0], parts: f.parts[:0]}
	if cap(f.buf) <= maxPooled && cap(f.parts) <= maxPooledParts {
		forms.Put(f)
	}
}

func (f *form) fields() []httpapi.Field {
	return []httpapi.Field{{Name: "Content-Type", Value: "multipart/form-data; boundary=" + f.boundary}}
}

var (
	errName  = errors.New("has a name that a form cannot hold")
	errValue = errors.New("has a control character")
	errUTF8  = errors.New("is not valid UTF-8")
)

// field adds a field whose value is one line.
func (f *form) field(name, value string) {
	f.check(name, value)
	f.lines(name, value)
}

// check refuses what no value of one line may hold.
func (f *form) check(name, value string) {
	switch {
	case !isLine(value):
		f.fail(name, errValue)
	case !utf8.ValidString(value):
		f.fail(name, errUTF8)
	}
}

// list adds n values of one line, with commas between those that share a field.
func (f *form) list(name string, n, perField int, value func(int) string) {
	for i := range n {
		if i%perField == 0 {
			f.open(name)
			f.close()
		}
		v := value(i)
		f.check(name, v)
		f.buf = append(f.buf, v...)
		end := ", "
		if (i+1)%perField == 0 || i+1 == n {
			end = "\r\n"
		}
		f.buf = append(f.buf, end...)
	}
}

// lines adds a field whose value may have any number of lines. Parameters are counted.
func (f *form) lines(name, value string) {
	f.open(name)
	f.close()
	f.buf = append(append(f.buf, value...), "\r\n"...)
	if len(name) > 1 && name[1] == ':' {
		f.counted += len(name) + len(value)
	}
}

// text adds a field whose value is not copied. Its line ends become CRLF.
func (f *form) text(name, value string) {
	f.open(name)
	f.close()
	missing, _ := missingInLines(value, false)
	if missing == 0 {
		f.put(part{text: value}, int64(len(value)))
		return
	}
	c := mailer.Opener(int64(len(value)), func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(value)), nil })
	f.putLines(part{content: c, bytes: int64(len(value)), label: name}, missing)
}

// amp adds the AMP of a message. It is read here for the first time, to know
// what its size is when its line ends are CRLF.
func (f *form) amp(label string, c mailer.Content) {
	f.open("amp-html")
	f.close()
	p := part{content: c, bytes: f.sizeOf(label, c), label: label}
	if f.err != nil {
		return
	}
	missing, err := p.missingInLines()
	if err != nil {
		f.err = p.failed(err)
	}
	f.putLines(p, missing)
}

// mime adds a message laid out.
func (f *form) mime(name, fileName string, body *eml.Body) {
	f.openFile(name, fileName, "application/octet-stream") // as Mailgun's own client: not to be parsed as a part
	f.put(part{body: body}, body.Size())
	f.message = body
}

// file adds a file.
func (f *form) file(name, fileName, contentType, label string, c mailer.Content) {
	f.openFile(name, fileName, contentType)
	f.putContent(label, c)
}

func (f *form) open(name string) {
	if !isPartName(name) {
		f.fail(name, errName)
	}
	f.buf = append(append(append(f.buf, "--"...), f.boundary...), "\r\nContent-Disposition: form-data; name=\""...)
	f.buf = append(append(f.buf, name...), '"')
}

func (f *form) close() { f.buf = append(f.buf, "\r\n\r\n"...) }

// openFile begins a part with a file name, without which Mailgun drops it. The name is
// quoted as mailgun-go does it, which Mailgun must know how to read: UTF-8 with a backslash
// before a quote or backslash.
func (f *form) openFile(name, fileName, contentType string) {
	f.open(name)
	if fileName == "" || !isLine(fileName) || !isLine(contentType) {
		f.fail(name, errName)
	}
	f.buf = append(f.buf, "; filename=\""...)
	f.buf = appendEscaped(f.buf, fileName)
	f.buf = append(append(f.buf, "\"\r\nContent-Type: "...), contentType...)
	f.close()
}

func (f *form) put(p part, bytes int64) {
	p.at = len(f.buf)
	f.parts = append(f.parts, p)
	f.size += bytes
	f.buf = append(f.buf, "\r\n"...)
}

func (f *form) putContent(label string, c mailer.Content) {
	bytes := f.sizeOf(label, c)
	f.put(part{content: c, bytes: bytes, label: label}, bytes)
}

// putLines puts a content that lacks so many octets to have every line end as CRLF.
func (f *form) putLines(p part, missing int64) {
	p.lines, p.size = missing > 0, p.bytes+missing
	f.put(p, p.size)
}

func (f *form) sizeOf(label string, c mailer.Content) int64 {
	bytes, err := c.Size()
	if err == nil && bytes < 0 {
		err = errors.New("is of unknown size: the message has to be spooled")
	}
	if err != nil {
		f.fail(label, exact.Pathless(err))
	}
	return bytes
}

// fail keeps the first error.
func (f *form) fail(name string, err error) {
	if f.err == nil {
		f.err = fmt.Errorf("%w: %q %w", mailer.ErrInvalidMessage, name, err)
	}
}

// finish ends the form.
func (f *form) finish() {
	f.buf = append(append(append(f.buf, "--"...), f.boundary...), "--\r\n"...)
	f.size += int64(len(f.buf))
}

// Size implements [httpapi.Body].
func (f *form) Size() int64 { return f.size }

// WriteTo implements [httpapi.Body].
func (f *form) WriteTo(w io.Writer) (int64, error) {
	written, done := int64(0), 0
	for i := range f.parts {
		p := &f.parts[i]
		n, err := w.Write(f.buf[done:p.at])
		if written += int64(n); err != nil {
			return written, err
		}
		done = p.at
		sent, err := p.writeTo(w)
		if written += sent; err != nil {
			return written, err
		}
	}
	n, err := w.Write(f.buf[done:])
	return written + int64(n), err
}

// isPartName leaves out what senders and readers of forms escape in different ways.
func isPartName(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '%' {
			return false
		}
	}
	return s != ""
}

// isLine reports whether s has no control character of C0 or C1 but TAB.
func isLine(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c < ' ' && c != '\t' || c == 0x7f || c == 0xc2 && i+1 < len(s) && s[i+1] < 0xa0 {
			return false
		}
	}
	return true
}

// appendEscaped escapes s for a quoted string.
func appendEscaped(b []byte, s string) []byte {
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return b
}
