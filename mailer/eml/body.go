package eml

import (
	"io"
	"sync"
)

// A Body is a message laid out: its bytes, and what a transport has to know before the first of them.
// It does not change, and its methods may be called concurrently. It holds nothing that would have to
// be closed; [Body.Release] only spares memory.
type Body struct {
	head           []byte // the literal octets
	parts          []part // what stands between them
	size           int64
	eightBit, utf8 bool
}

// Size returns the exact number of bytes.
func (b *Body) Size() int64 { return b.size }

// EightBit reports whether some byte is not ASCII, so that SMTP needs 8BITMIME.
func (b *Body) EightBit() bool { return b.eightBit }

// UTF8 reports whether the header has octets outside ASCII, which an address with such a local part
// brings along, so that SMTP needs SMTPUTF8 (RFC 6531). It does not speak of blind recipients, which
// stand in the envelope only.
func (b *Body) UTF8() bool { return b.utf8 }

// WriteTo writes all bytes to w, those of a part in pieces of some thirty kilobytes. When a source
// fails, the error wraps [ErrSource]; what was written is then less than Size and must not be ended as
// a message. An error of w comes back as it is.
func (b *Body) WriteTo(w io.Writer) (int64, error) {
	if len(b.parts) == 0 {
		return writeAll(w, b.head)
	}
	c := newCursor(b)
	defer c.release()
	written := int64(0)
	for {
		chunk, err := c.next()
		if err != nil || len(chunk) == 0 {
			return written, err
		}
		n, err := writeAll(w, chunk)
		written += n
		if err != nil {
			return written, err
		}
	}
}

func writeAll(w io.Writer, p []byte) (int64, error) {
	n, err := w.Write(p)
	if n < len(p) && err == nil {
		err = io.ErrShortWrite
	}
	return int64(n), err
}

var bodies = sync.Pool{New: func() any { return new(Body) }}

// Release lets a later Render use b's buffers again. Nobody may use b, or a Reader of it, from then
// on. It need not be called: a body that is not released is left to the garbage collector.
func (b *Body) Release() {
	clear(b.parts) // lets go of texts and contents
	if cap(b.head) <= maxPooled && cap(b.parts) <= maxPooledParts {
		bodies.Put(b)
	}
}
