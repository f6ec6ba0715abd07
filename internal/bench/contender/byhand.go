package contender

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/segmentio/asm/base64"
)

const (
	lineOctets = 57 // 76 characters of base64
	lineChars  = 76
	blockLines = 512
)

// A block is what is encoded at once.
type block struct {
	in, chars, out []byte
}

var blocks = sync.Pool{New: func() any {
	return &block{
		make([]byte, blockLines*lineOctets), make([]byte, blockLines*lineChars), make([]byte, 0, blockLines*(lineChars+2)),
	}
}}

// writeMIME writes m with nothing in the way: what is fixed stands in the source, text is not encoded,
// files are read in blocks. It is a bound, not a writer that could be trusted with other content.
func writeMIME(m *Mail, w io.Writer) error {
	b := blocks.Get().(*block)
	defer blocks.Put(b)
	b.out = append(b.out[:0], "From: <sender@example.com>\r\nTo: <"...)
	b.out = append(append(b.out, m.To...), ">\r\nSubject: "...)
	b.out = append(append(b.out, m.Subject...), "\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\n"...)
	b.out = append(b.out, "Message-ID: <0123456789abcdef.0123456789@example.com>\r\nMIME-Version: 1.0\r\n"...)
	switch {
	case m.AttachmentPath == "":
		b.text("plain", m.Text)
	case m.HTML == "":
		b.open("mixed", "mixed")
		b.text("plain", m.Text)
	default:
		b.open("mixed", "mixed")
		b.open("related", "related")
		b.open("alternative", "alternative")
		b.text("plain", m.Text)
		b.next("alternative")
		b.text("html", m.HTML)
		b.end("alternative")
		b.next("related")
		if err := b.file(w, m.InlinePath, "inline", "Content-ID: <"+contentID+">\r\n"); err != nil {
			return err
		}
		b.end("related")
	}
	if m.AttachmentPath != "" {
		b.next("mixed")
		if err := b.file(w, m.AttachmentPath, "attachment", ""); err != nil {
			return err
		}
		b.end("mixed")
	}
	_, err := w.Write(b.out)
	return err
}

func (b *block) open(subtype, boundary string) {
	b.out = append(append(b.out, "Content-Type: multipart/"...), subtype...)
	b.out = append(append(b.out, "; boundary=\""...), boundary...)
	b.out = append(b.out, "\"\r\n\r\n"...)
	b.next(boundary)
}

func (b *block) next(boundary string) {
	b.out = append(append(append(b.out, "\r\n--"...), boundary...), "\r\n"...)
}

func (b *block) end(boundary string) {
	b.out = append(append(append(b.out, "\r\n--"...), boundary...), "--\r\n"...)
}

func (b *block) text(subtype, text string) {
	b.out = append(append(b.out, "Content-Type: text/"...), subtype...)
	b.out = append(b.out, "; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"...)
	for line := range strings.Lines(text) {
		b.out = append(append(b.out, strings.TrimSuffix(line, "\n")...), "\r\n"...)
	}
}

// file writes what was gathered, then the file in blocks.
func (b *block) file(w io.Writer, path, disposition, header string) error {
	b.out = fmt.Appendf(b.out, "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n"+
		"Content-Disposition: %s; filename=%q\r\n%s\r\n", disposition, filepath.Base(path), header)
	if _, err := w.Write(b.out); err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	for {
		n, err := io.ReadFull(f, b.in)
		b.out = b.out[:0]
		if n > 0 {
			b.encode(b.in[:n])
			if _, err := w.Write(b.out); err != nil {
				return err
			}
		}
		b.out = b.out[:0]
		switch err {
		case nil:
		case io.EOF, io.ErrUnexpectedEOF:
			return nil
		default:
			return err
		}
	}
}

func (b *block) encode(in []byte) {
	chars := b.chars[:base64.StdEncoding.EncodedLen(len(in))]
	base64.StdEncoding.Encode(chars, in)
	for len(chars) > 0 {
		n := min(lineChars, len(chars))
		b.out = append(append(b.out, chars[:n]...), "\r\n"...)
		chars = chars[n:]
	}
}
