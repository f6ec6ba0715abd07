package smtp

import (
	"io"
	"maps"
	"net/textproto"
	"strconv"
	"strings"

	"github.com/wneessen/go-mail"

	"github.com/mailkeel/mailkeel/mailer"
)

// A stowage keeps the contents of files while go-mail writes a message with placeholders for them.
type stowage struct {
	token string // that nobody can guess, in every placeholder
	files []*stowed
}

type stowed struct {
	placeholder string
	content     mailer.Content
	written     int // how often the placeholder was
	restored    int // in how many attachments it was found
}

// stow returns copies of files with placeholders as their contents.
func (s *stowage) stow(files []*mail.File) ([]*mail.File, error) {
	var copies []*mail.File
	for _, f := range files {
		if f == nil || f.Writer == nil {
			return nil, invalid("a file has no content")
		}
		if describesWithControl(f) {
			return nil, invalid("a file is described with control characters")
		}
		g := &stowed{placeholder: s.token + "." + strconv.Itoa(len(s.files)), content: contentOf(f)}
		s.files = append(s.files, g)
		c := *f
		c.Writer, c.Enc = g.write, mail.EncodingB64
		if c.Header = maps.Clone(f.Header); c.Header == nil {
			c.Header = make(textproto.MIMEHeader)
		}
		c.Header.Del(mail.HeaderContentTransferEnc.String()) // of an earlier writing
		copies = append(copies, &c)
	}
	return copies, nil
}

// describesWithControl reports what go-mail would write into a header as it is. Of the name and the
// description it takes care.
func describesWithControl(f *mail.File) bool {
	if hasControl(string(f.ContentType)) {
		return true
	}
	for name, values := range f.Header {
		if hasControl(name) || hasControl(strings.Join(values, "")) {
			return true
		}
	}
	return false
}

func (g *stowed) write(w io.Writer) (int64, error) {
	g.written++
	n, err := io.WriteString(w, g.placeholder)
	return int64(n), err
}

// restore gives the attachments of m the contents of which they hold placeholders. Each has to be there
// once, and read by nobody but go-mail's writer: what is made of a placeholder, such as a
// digest, would not be true of the file.
func (s *stowage) restore(m *mailer.Message) error {
	for i := range m.Attachments {
		g, err := s.find(m.Attachments[i].Content)
		if err != nil {
			return err
		}
		if g != nil {
			m.Attachments[i].Content = g.content
			g.restored++
		}
	}
	for _, g := range s.files {
		if g.written != 1 || g.restored != 1 {
			return unsupported("a middleware reads, changes or removes a file")
		}
	}
	return nil
}

// find returns the file of which c is the placeholder, nil when it is none.
func (s *stowage) find(c mailer.Content) (*stowed, error) {
	size, err := c.Size()
	if err != nil || size > int64(len(s.token)+len(".")+20) {
		return nil, err
	}
	r, err := c.Open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	for _, g := range s.files {
		if g.placeholder == string(b) {
			return g, nil
		}
	}
	return nil, nil
}
