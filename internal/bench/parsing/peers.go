package parsing

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"

	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset" // which its documentation asks programs to import
	"github.com/jhillyerd/enmime/v2"
)

// A leaf is a part without parts, as every peer has it.
type leaf struct {
	kind        string
	disposition string
	name        string
	body        []byte
}

// add counts l. A text is a body where nothing says that it is a file.
func (r *Reading) add(l leaf) {
	file := l.name != "" || strings.HasPrefix(l.disposition, "attachment")
	switch {
	case l.kind == "text/plain" && !file:
		r.Text += oneOctetEnds(l.body)
	case l.kind == "text/html" && !file:
		r.HTML += oneOctetEnds(l.body)
	default:
		r.Files++
		r.FileBytes += int64(len(l.body))
	}
}

func oneOctetEnds(b []byte) int { return len(b) - bytes.Count(b, []byte("\r\n")) }

// readStandard is what a program writes that has the standard library alone. It knows no charsets but
// UTF-8.
func readStandard(raw []byte) (Reading, error) {
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return Reading{}, err
	}
	var r Reading
	if r.Subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		return r, err
	}
	err = r.standardPart(m.Header.Get, m.Body)
	return r, err
}

func (r *Reading) standardPart(field func(string) string, body io.Reader) error {
	kind, params, err := mime.ParseMediaType(field("Content-Type"))
	if err != nil {
		return err
	}
	if strings.HasPrefix(kind, "multipart/") {
		return r.standardParts(multipart.NewReader(body, params["boundary"]))
	}
	switch strings.ToLower(field("Content-Transfer-Encoding")) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	l := leaf{kind: kind}
	if value := field("Content-Disposition"); value != "" {
		var params map[string]string
		if l.disposition, params, err = mime.ParseMediaType(value); err != nil {
			return err
		}
		l.name = params["filename"]
	}
	if l.body, err = io.ReadAll(body); err != nil {
		return err
	}
	r.add(l)
	return nil
}

func (r *Reading) standardParts(parts *multipart.Reader) error {
	for {
		p, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := r.standardPart(p.Header.Get, p); err != nil {
			return err
		}
	}
}

func readGoMessage(raw []byte) (Reading, error) {
	m, err := message.Read(bytes.NewReader(raw))
	if err != nil {
		return Reading{}, err
	}
	var r Reading
	if r.Subject, err = m.Header.Text("Subject"); err != nil {
		return r, err
	}
	return r, m.Walk(func(_ []int, e *message.Entity, err error) error {
		if err != nil {
			return err
		}
		l, err := goMessageLeaf(e)
		if err == nil && l.kind != "" {
			r.add(l)
		}
		return err
	})
}

// goMessageLeaf returns nothing of a multipart.
func goMessageLeaf(e *message.Entity) (l leaf, err error) {
	kind, _, err := e.Header.ContentType()
	if err != nil || strings.HasPrefix(kind, "multipart/") {
		return l, err
	}
	l.kind = kind
	if e.Header.Has("Content-Disposition") {
		var params map[string]string
		if l.disposition, params, err = e.Header.ContentDisposition(); err != nil {
			return l, err
		}
		l.name = params["filename"]
	}
	l.body, err = io.ReadAll(e.Body)
	return l, err
}

func readEnmime(raw []byte) (Reading, error) {
	e, err := enmime.ReadEnvelope(bytes.NewReader(raw))
	if err != nil {
		return Reading{}, err
	}
	r := Reading{Subject: e.GetHeader("Subject"), Text: oneOctetEnds([]byte(e.Text)), HTML: oneOctetEnds([]byte(e.HTML))}
	for _, list := range [][]*enmime.Part{e.Inlines, e.Attachments, e.OtherParts} {
		for _, p := range list {
			r.Files++
			r.FileBytes += int64(len(p.Content))
		}
	}
	return r, nil
}
