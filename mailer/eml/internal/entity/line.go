package entity

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"sync"

	"github.com/mailkeel/mailkeel/mailer/eml/internal/refuse"
)

// lineBuffer is how much of a message is held at once.
const lineBuffer = 32 << 10

var lineBuffers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, lineBuffer) }}

// A line is one of the message, as it was read.
type line struct {
	text  []byte // without the line end; nothing when the line is longer than the buffer
	start int64  // its place in the message
	end   int64  // of what follows it
	eol   int    // octets of the line end: 2, 1, or 0 at the end of the message
	whole bool   // text is all of it
}

// A lineReader reads a message line by line. It refuses, as sending it would: a NUL and a CR that no LF
// follows (RFC 5322 section 2.2), and lines beyond MaxLineBytes.
type lineReader struct {
	r     *bufio.Reader
	from  io.Reader
	pos   int64
	crs   int // CRs read
	crlfs int // lines that end in CRLF
}

func (l *lineReader) reset(r io.Reader) {
	l.from = r
	l.r, _ = lineBuffers.Get().(*bufio.Reader)
	l.r.Reset(readerFunc(l.block))
}

func (l *lineReader) release() {
	l.r.Reset(nil)
	lineBuffers.Put(l.r)
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// block looks at many lines at a time: it counts the CRs, of which each must turn out to end a line.
func (l *lineReader) block(p []byte) (int, error) {
	n, err := l.from.Read(p)
	l.crs += bytes.Count(p[:n], []byte{'\r'})
	if bytes.IndexByte(p[:n], 0) >= 0 {
		return 0, errNUL
	}
	return n, err
}

var (
	errLoneCR = refuse.Invalid("there is a CR that no LF follows")
	errNUL    = refuse.Invalid("there is a NUL")
	errLine   = refuse.Invalid("a line is longer than %d bytes", MaxLineBytes)
)

// next returns io.EOF after the last line. text is valid until the next call.
func (l *lineReader) next() (line, error) {
	n := line{start: l.pos, whole: true}
	piece, err := l.r.ReadSlice('\n')
	l.pos += int64(len(piece))
	wasCR := false
	for errors.Is(err, bufio.ErrBufferFull) {
		if n.whole = false; l.pos-n.start > MaxLineBytes {
			return n, errLine
		}
		wasCR = piece[len(piece)-1] == '\r'
		piece, err = l.r.ReadSlice('\n')
		l.pos += int64(len(piece))
	}
	n.end = l.pos
	switch {
	case err == nil:
		l.cutEnd(&n, piece, wasCR)
		return n, nil
	case !errors.Is(err, io.EOF) || n.end > n.start:
		return n.last(piece, err)
	case l.crs != l.crlfs:
		return n, errLoneCR
	}
	return n, io.EOF
}

// last is a line without an end: the last one, unless err says otherwise.
func (n line) last(piece []byte, err error) (line, error) {
	if !errors.Is(err, io.EOF) {
		return n, err
	}
	if n.whole {
		n.text = piece
	}
	return n, nil
}

func (l *lineReader) cutEnd(n *line, piece []byte, wasCR bool) {
	n.eol = 1
	piece = piece[:len(piece)-1]
	if k := len(piece); k > 0 {
		if wasCR = piece[k-1] == '\r'; wasCR {
			piece = piece[:k-1]
		}
	}
	if wasCR {
		n.eol = 2
		l.crlfs++
	}
	if n.whole {
		n.text = piece
	}
}
