package contender

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Mail is a message as an application has it.
type Mail struct {
	From, To, Subject string
	Text, HTML        string
	// InlinePath is an image that HTML shows as cid:logo@example.com, AttachmentPath a file; empty means none.
	InlinePath, AttachmentPath string
	// Attachment is what AttachmentPath holds, where Load has read it: the APIs are given it in memory.
	Attachment []byte `json:"-"`
	// Ready is the whole message as bytes, for contenders that send nothing else; empty
	// means that they write it themselves.
	Ready []byte
}

const contentID = "logo@example.com"

func newMail() *Mail {
	return &Mail{From: "sender@example.com", To: "recipient@example.net", Subject: "Your invoice for November"}
}

// Small is a text of 1 KB.
func Small() *Mail {
	m := newMail()
	m.Text = lines(1 << 10)
	m.Ready = ready(m)
	return m
}

// Full is a text of 1 KB, 8 KB of HTML, an inline image of 20 KB and an attachment of 100 KB. The files
// are written into dir.
func Full(dir string) (*Mail, error) {
	m := newMail()
	m.Text = lines(1 << 10)
	m.HTML = strings.Repeat("<p class=\"line\">Grüße aus Köln, wie geht es dort?</p>\n", 8<<10/54)
	var err error
	if m.InlinePath, err = writeFile(dir, "logo.png", 20<<10); err != nil {
		return nil, err
	}
	m.AttachmentPath, err = writeFile(dir, "invoice.pdf", 100<<10)
	return m, err
}

// Large is a short text with an attachment of size bytes, written into dir.
func Large(dir string, size int) (*Mail, error) {
	m := newMail()
	m.Text = "See the attachment.\n"
	var err error
	m.AttachmentPath, err = writeFile(dir, "archive-"+strconv.Itoa(size)+".zip", size)
	return m, err
}

// Load reads the attachment into memory.
func (m *Mail) Load() error {
	var err error
	m.Attachment, err = os.ReadFile(m.AttachmentPath)
	return err
}

func lines(size int) string {
	const line = "The quick brown fox jumps over the lazy dog and is back before noon.\n"
	return strings.Repeat(line, size/len(line)+1)[:size-1] + "\n"
}

// writeFile writes bytes of every value.
func writeFile(dir, name string, size int) (string, error) {
	b := make([]byte, size)
	state := uint32(1)
	for i := range b {
		state = state*1664525 + 1013904223
		b[i] = byte(state >> 24)
	}
	path := filepath.Join(dir, name)
	return path, os.WriteFile(path, b, 0o600)
}

func ready(m *Mail) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "From: <%s>\r\nTo: <%s>\r\nSubject: %s\r\n", m.From, m.To, m.Subject)
	b.WriteString("Date: Sat, 21 Nov 2026 10:00:00 +0000\r\nMessage-ID: <0123456789abcdef.0123456789@example.com>\r\n")
	b.WriteString("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n")
	b.WriteString(strings.ReplaceAll(m.Text, "\n", "\r\n"))
	return b.Bytes()
}
