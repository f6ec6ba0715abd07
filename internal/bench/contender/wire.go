package contender

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
)

// A wire is a service's request for sending, written by hand. It is a bound, not an encoder that could
// be trusted with other content.
type wire struct {
	path, contentType string
	// authorization is the same for every request; where that cannot be, there is newSigner.
	authorization string
	newSigner     func() (signer, error)
	// status is what the service answers.
	status   int
	encoding encoding
	// head and tail append what comes before the attachment and after it.
	head, tail func(b []byte, m *Mail) []byte
}

// A signer adds the authorization of a request with that body to its header.
type signer func(h http.Header, u *url.URL, body io.Reader) error

// An encoding is how the attachment stands in the body.
type encoding int

const (
	asItIs encoding = iota
	inBase64
	inBase64Lines
)

var sendGridWire = wire{
	path: "/v3/mail/send", authorization: "Bearer " + apiKey, contentType: "application/json",
	status: 202, encoding: inBase64, head: sendGridHead, tail: sendGridTail,
}

var mailgunWire = wire{
	path: "/v3/" + apiDomain + "/messages", contentType: "multipart/form-data; boundary=" + formBoundary,
	authorization: "Basic " + base64.StdEncoding.EncodeToString([]byte("api:"+apiKey)),
	status:        200, head: mailgunHead, tail: mailgunTail,
}

// mailgunMIMEWire is a whole message, as one sends it whose own MIME is to arrive.
var mailgunMIMEWire = wire{
	path: mailgunWire.path + ".mime", contentType: mailgunWire.contentType, authorization: mailgunWire.authorization,
	status: 200, encoding: inBase64Lines, head: mailgunMIMEHead, tail: mailgunMIMETail,
}

func sendGridHead(b []byte, m *Mail) []byte {
	b = appendJSON(append(b, `{"from":{"email":`...), m.From)
	b = appendJSON(append(b, `},"personalizations":[{"to":[{"email":`...), m.To)
	b = appendJSON(append(b, `}]}],"subject":`...), m.Subject)
	b = appendJSON(append(b, `,"content":[{"type":"text/plain","value":`...), m.Text)
	b = append(b, `}]`...)
	if m.Attachment == nil {
		return b
	}
	b = appendJSON(append(b, `,"attachments":[{"type":"application/zip","filename":`...), filepath.Base(m.AttachmentPath))
	return append(b, `,"content":"`...)
}

func sendGridTail(b []byte, m *Mail) []byte {
	if m.Attachment != nil {
		b = append(b, `"}]`...)
	}
	return append(b, '}')
}

// appendJSON appends s as a JSON string.
func appendJSON(b []byte, s string) []byte {
	b = append(b, '"')
	from := 0
	for i := range len(s) {
		if c := s[i]; c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[from:i]...)
		from = i + 1
		switch c := s[i]; c {
		case '\n':
			b = append(b, `\n`...)
		case '"', '\\':
			b = append(b, '\\', c)
		default:
			b = append(b, `\u00`...)
			b = append(b, "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
		}
	}
	return append(append(b, s[from:]...), '"')
}

const formBoundary = "5f2b1c8e94d7a3600b6e"

func mailgunHead(b []byte, m *Mail) []byte {
	b = appendField(b, "from", m.From)
	b = appendField(b, "to", m.To)
	b = appendField(b, "subject", m.Subject)
	b = appendField(b, "text", m.Text)
	if m.Attachment == nil {
		return b
	}
	b = append(b, "--"+formBoundary+"\r\nContent-Disposition: form-data; name=\"attachment\"; filename="...)
	b = strconv.AppendQuote(b, filepath.Base(m.AttachmentPath))
	return append(b, "\r\nContent-Type: application/octet-stream\r\n\r\n"...)
}

func mailgunTail(b []byte, m *Mail) []byte {
	if m.Attachment != nil {
		b = append(b, "\r\n"...)
	}
	return append(b, "--"+formBoundary+"--\r\n"...)
}

const mimeBoundary = "a1f05e7b29c6d48830"

func mailgunMIMEHead(b []byte, m *Mail) []byte {
	b = appendField(b, "to", m.To)
	b = append(b, "--"+formBoundary+"\r\nContent-Disposition: form-data; name=\"message\"; filename=\"message.eml\"\r\n"...)
	b = append(append(b, "Content-Type: message/rfc822\r\n\r\nFrom: <"...), m.From...)
	b = append(append(b, ">\r\nTo: <"...), m.To...)
	b = append(append(b, ">\r\nSubject: "...), m.Subject...)
	b = append(b, "\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\nMessage-ID: <0123456789abcdef.0123456789@example.com>\r\nMIME-Version: 1.0\r\n"...)
	if m.Attachment != nil {
		b = append(b, "Content-Type: multipart/mixed; boundary="+mimeBoundary+"\r\n\r\n--"+mimeBoundary+"\r\n"...)
	}
	b = append(b, "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"...)
	for line := range strings.Lines(m.Text) {
		b = append(append(b, strings.TrimSuffix(line, "\n")...), "\r\n"...)
	}
	if m.Attachment == nil {
		return b
	}
	b = append(b, "\r\n--"+mimeBoundary+"\r\nContent-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n"...)
	b = strconv.AppendQuote(append(b, "Content-Disposition: attachment; filename="...), filepath.Base(m.AttachmentPath))
	return append(b, "\r\n\r\n"...)
}

func mailgunMIMETail(b []byte, m *Mail) []byte {
	if m.Attachment != nil {
		b = append(b, "--"+mimeBoundary+"--\r\n"...)
	}
	return append(b, "\r\n--"+formBoundary+"--\r\n"...)
}

func appendField(b []byte, name, value string) []byte {
	b = append(b, "--"+formBoundary+"\r\nContent-Disposition: form-data; name=\""...)
	b = append(append(b, name...), "\"\r\n\r\n"...)
	return append(append(b, value...), "\r\n"...)
}
