package httpapi

import (
	"fmt"
	"io"
	"strconv"

	"github.com/mailkeel/mailkeel/mailer"
)

// A Body is the content of a request: Size bytes, the same at every call. WriteTo keeps
// nothing of the writer.
type Body interface {
	Size() int64
	io.WriterTo
}

// A Field is a header field of a request.
type Field struct{ Name, Value string }

// A Request is what an exchange sends. It is used for one message or question, which may take
// several exchanges.
type Request struct {
	Method string
	// Path is the escaped path, with a query where there is one.
	Path string
	// Fields are added to Host, User-Agent, Accept, Accept-Encoding and Content-Length.
	Fields []Field
	// Body is nil where there is none.
	Body Body
	// Gate is asked before the last byte; nil lets it go.
	Gate *mailer.Gate

	authorization string // the field of that name; empty means none
	committed     bool   // the gate has agreed
}

// commit asks the gate, once: its answer holds for another exchange too, which follows only where
// the first was definitely refused or did not leave.
func (r *Request) commit() bool {
	r.committed = r.committed || r.Gate.Commit()
	return r.committed
}

func (r *Request) size() int64 {
	if r.Body == nil {
		return 0
	}
	return r.Body.Size()
}

// appendHead writes the request line and the header (RFC 9112 sections 3 and 5).
func (r *Request) appendHead(b []byte, host string) ([]byte, error) {
	if !isTarget(r.Path) || !isToken(r.Method) {
		return b, fmt.Errorf("%w: its target or method has a character that cannot be there", ErrRequest)
	}
	b = append(append(append(append(b, r.Method...), ' '), r.Path...), " HTTP/1.1\r\nHost: "...)
	b = append(append(append(b, host...), "\r\nUser-Agent: "...), UserAgent()...)
	b = append(b, "\r\nAccept: application/json\r\nAccept-Encoding: identity\r\n"...)
	if r.authorization != "" {
		if !isFieldValue(r.authorization) {
			return b, fmt.Errorf("%w: the credential has a character that cannot be there", ErrRequest)
		}
		b = append(append(append(b, "Authorization: "...), r.authorization...), "\r\n"...)
	}
	for i := range r.Fields {
		f := &r.Fields[i]
		if !isToken(f.Name) || !isFieldValue(f.Value) {
			return b, fmt.Errorf("%w: header field %q has a character that cannot be there", ErrRequest, f.Name)
		}
		b = append(append(append(append(b, f.Name...), ": "...), f.Value...), "\r\n"...)
	}
	if r.Body != nil {
		b = strconv.AppendInt(append(b, "Content-Length: "...), r.size(), 10)
		b = append(b, "\r\n"...)
	}
	return append(b, "\r\n"...), nil
}

// isTarget: origin form (RFC 9112 section 3.2.1), of visible ASCII.
func isTarget(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return s != "" && s[0] == '/'
}

// isToken: RFC 9110 section 5.6.2, as far as anybody here has use for.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return s != ""
}

// isFieldValue: RFC 9110 section 5.5, within ASCII.
func isFieldValue(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}
