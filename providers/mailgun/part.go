package mailgun

import (
	"fmt"
	"io"
	"sync"

	"github.com/mailkeel/mailkeel/internal/exact"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml"
)

// A part is what stands at a place of the buffer without being copied there.
type part struct {
	at      int
	text    string
	body    *eml.Body
	content mailer.Content
	bytes   int64 // of content
	label   string
	lines   bool  // every line end of content is made CRLF
	size    int64 // of content when that is done
}

func (p *part) writeTo(w io.Writer) (written int64, err error) {
	switch {
	case p.body != nil:
		return p.body.WriteTo(w)
	case p.content.IsZero():
		n, err := io.WriteString(w, p.text)
		return int64(n), err
	case p.lines:
		written, err = p.copyLines(w)
	default:
		written, err = p.copyContent(w)
	}
	if err != nil {
		err = p.failed(err)
	}
	return written, err
}

// failed says whose error it is, and not where the content lies.
func (p *part) failed(err error) error {
	return fmt.Errorf("%w: %s: %w", eml.ErrSource, p.label, exact.Pathless(err))
}

// A copier copies one content after the other.
type copier struct {
	src   exact.Reader
	block [32 << 10]byte
}

var copiers = sync.Pool{New: func() any { return new(copier) }}

// blocks gives the content to emit, in blocks that take one of so many shares of a copier's, beside the room of
// the others. They are exactly as many bytes as there were when the form was made; of a
// content that has others now, the last block is not given.
func (p *part) blocks(shares int, emit func(block, room []byte) error) error {
	r, err := p.content.Open()
	if err != nil {
		return err
	}
	c, _ := copiers.Get().(*copier)
	defer copiers.Put(c)
	c.src.Reset(r)
	length := len(c.block) / shares
	return exact.Blocks(&c.src, p.bytes, c.block[:length], func(block []byte) error { return emit(block, c.block[length:length]) })
}

// copyContent copies the content as it is.
func (p *part) copyContent(w io.Writer) (written int64, err error) {
	err = p.blocks(1, func(block, _ []byte) error { return write(w, block, &written) })
	return written, err
}

func write(w io.Writer, block []byte, written *int64) error {
	n, err := w.Write(block)
	*written += int64(n)
	if n < len(block) && err == nil {
		err = io.ErrShortWrite
	}
	return err
}
