package entity

import (
	"bufio"
	"errors"
	"io"
	"mime/quotedprintable"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml/internal/refuse"
)

// qpBuffer is the longest line of quoted-printable that can be read: the standard library's decoder
// holds one line. RFC 2045 allows 76 octets.
const qpBuffer = 32 << 10

// A Source reads the bodies of a message one after another. It opens the message once, as long as it is
// asked for them in their order or the message can seek.
type Source struct {
	content mailer.Content
	r       io.ReadCloser
	pos     int64
}

// NewSource returns a Source of the message that Scan has read. It is to be closed.
func NewSource(c mailer.Content) *Source { return &Source{content: c} }

// Close closes the message.
func (s *Source) Close() error {
	if s.r == nil {
		return nil
	}
	r := s.r
	s.r = nil
	return r.Close()
}

// Body returns the decoded body of p. It is valid until the next call.
func (s *Source) Body(p *Part) (io.Reader, error) {
	if s.r == nil || s.pos > p.start {
		_ = s.Close()
		r, err := s.content.Open()
		if err != nil {
			return nil, err
		}
		s.r, s.pos = r, 0
	}
	if err := s.skipTo(p.start); err != nil {
		return nil, err
	}
	return p.decoder(&section{s: s, end: p.end}), nil
}

func (s *Source) skipTo(pos int64) error {
	n := pos - s.pos
	if n == 0 {
		return nil
	}
	s.pos = pos
	if seeker, ok := s.r.(io.Seeker); ok {
		_, err := seeker.Seek(n, io.SeekCurrent)
		return err
	}
	_, err := io.CopyN(io.Discard, s.r, n)
	return cut(err)
}

// cut is err where the message should have gone on.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// A section is the encoded body of a part.
type section struct {
	s   *Source
	end int64
	err error // of the message
}

func (r *section) Read(p []byte) (int, error) {
	left := r.end - r.s.pos
	if left <= 0 {
		return 0, io.EOF
	}
	if int64(len(p)) > left {
		p = p[:left]
	}
	n, err := r.s.r.Read(p)
	r.s.pos += int64(n)
	if errors.Is(err, io.EOF) && int64(n) == left {
		err = nil
	}
	r.err = cut(err)
	return n, r.err
}

// decoder undoes the encoding of p's body. Where lines end in LF alone, they end in CRLF in what it
// gives, as they would on the wire.
func (p *Part) decoder(encoded *section) io.Reader {
	if p.Encoding == "base64" {
		return &base64Reader{r: encoded}
	}
	var r io.Reader = encoded
	if p.bareLF {
		r = &crlfReader{r: r}
	}
	if p.Encoding == "quoted-printable" {
		return &quotedReader{quotedprintable.NewReader(bufio.NewReaderSize(r, qpBuffer)), encoded}
	}
	return r
}

// quotedReader makes the decoder's complaints refusals, and leaves those of the message as they are.
type quotedReader struct {
	r       io.Reader
	encoded *section
}

func (q *quotedReader) Read(p []byte) (int, error) {
	n, err := q.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) && q.encoded.err == nil {
		err = refuse.Invalid("has quoted-printable that cannot be decoded")
	}
	return n, err
}

// Size returns how many octets the decoded body of p has, having read it through if need be.
func (s *Source) Size(p *Part) (int64, error) {
	if p.isPlain() {
		return p.end - p.start, nil
	}
	r, err := s.Body(p)
	if err != nil {
		return 0, err
	}
	return io.Copy(io.Discard, r)
}

// isPlain reports whether the body of p is its own decoded form.
func (p *Part) isPlain() bool {
	return !p.bareLF && p.Encoding != "base64" && p.Encoding != "quoted-printable"
}

// Open returns the decoded body of p for reading apart from all others.
func Open(c mailer.Content, p *Part) (io.ReadCloser, error) {
	s := NewSource(c)
	r, err := s.Body(p)
	if err != nil {
		_ = s.Close()
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{r, s}, nil
}
