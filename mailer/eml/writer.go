package eml

import (
	"errors"
	"sync"

	"github.com/mailkeel/mailkeel/mailer"
)

const (
	maxLine = 998 // RFC 5322 section 2.1.1, without CRLF

	// foldAt is the length at which header fields are folded: 78 is recommended, and 76 the limit for
	// lines with encoded words (RFC 2047 section 2).
	foldAt = 76

	// maxInline is the size up to which a text is copied beside the header. Longer ones are encoded
	// while they are read.
	maxInline = 4 << 10

	// What is larger is left to the garbage collector.
	maxPooled      = 64 << 10 // bytes
	maxPooledParts = 256
)

var errLineTooLong = errors.New("does not fit on lines of 998 octets")

// writer collects the literal bytes of one message and the parts that are read between them.
type writer struct {
	b        []byte
	parts    []part
	streamed int64 // octets of parts
	token    string
	scratch  []byte // the field being folded
	midLine  bool   // the last octet, literal or not, is not LF

	allowEightBit  bool
	eightBit, utf8 bool
}

var writers = sync.Pool{New: func() any { return new(writer) }}

func newWriter(o Options) *writer {
	w, _ := writers.Get().(*writer)
	*w = writer{b: w.b[:0], parts: w.parts[:0], scratch: w.scratch[:0], allowEightBit: o.EightBit}
	return w
}

func (w *writer) release() {
	clear(w.parts) // lets go of texts and contents
	if cap(w.b) <= maxPooled && cap(w.scratch) <= maxPooled && cap(w.parts) <= maxPooledParts {
		writers.Put(w)
	}
}

func (w *writer) message(m *mailer.Message) error {
	if err := w.header(m); err != nil {
		return err
	}
	w.literal("MIME-Version: 1.0\r\n")
	if err := w.content(m); err != nil {
		return err
	}
	if w.midLine {
		w.literal("\r\n")
	}
	return nil
}

// body returns what was written, in the buffers of a body that was released, if there is one.
func (w *writer) body() *Body {
	b, _ := bodies.Get().(*Body)
	*b = Body{
		head:     append(b.head[:0], w.b...),
		parts:    append(b.parts[:0], w.parts...),
		size:     int64(len(w.b)) + w.streamed,
		eightBit: w.eightBit,
		utf8:     w.utf8,
	}
	return b
}

func (w *writer) literal(s string) { w.b = append(w.b, s...) }
