package entity

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/mailkeel/mailkeel/mailer/eml/internal/refuse"
)

// lineBuffer is how much of a message is held at once.
const lineBuffer = 32 << 10

// A line is one of the message, as it was read.
type line struct {
	text  []byte // without the line end; the beginning alone when the line is longer than the buffer
	start int64  // its place in the message
	end   int64  // of what follows it
	eol   int    // octets of the line end: 2, 1, or 0 at the end of the message
	whole bool   // text is all of it
}

// A lineReader reads a message line by line. It refuses, as sending it would: a NUL and a CR that no LF
// follows (RFC 5322 section 2.2), and lines beyond MaxLineBytes.
type lineReader struct {
	r   *bufio.Reader
	pos int64
}

// next returns io.EOF after the last line. text is valid until the next call.
func (l *lineReader) next() (line, error) {
	n := line{start: l.pos, whole: true}
	piece, err := l.r.ReadSlice('\n')
	l.pos += int64(len(piece))
	for errors.Is(err, bufio.ErrBufferFull) {
		n.whole = false
		if l.pos-n.start > MaxLineBytes {
			return n, refuse.Invalid("a line is longer than %d bytes", MaxLineBytes)
		}
		lastCR := piece[len(piece)-1] == '\r'
		if lastCR {
			piece = piece[:len(piece)-1]
		}
		if err := checkOctets(piece); err != nil {
			return n, err
		}
		piece, err = l.r.ReadSlice('\n')
		l.pos += int64(len(piece))
		if lastCR && (len(piece) == 0 || piece[0] != '\n') {
			return n, errLoneCR
		}
		if lastCR {
			n.eol = 1 // the CR, which went with the piece before
		}
	}
	if err != nil && (!errors.Is(err, io.EOF) || l.pos == n.start) {
		return n, err
	}
	n.end = l.pos
	piece = n.cutEnd(piece)
	if n.whole {
		n.text = piece
	}
	return n, checkOctets(piece)
}

func (n *line) cutEnd(piece []byte) []byte {
	if len(piece) == 0 || piece[len(piece)-1] != '\n' {
		return piece
	}
	n.eol++
	piece = piece[:len(piece)-1]
	if len(piece) > 0 && piece[len(piece)-1] == '\r' {
		n.eol++
		piece = piece[:len(piece)-1]
	}
	return piece
}

var (
	errLoneCR = refuse.Invalid("there is a CR that no LF follows")
	errNUL    = refuse.Invalid("there is a NUL")
)

func checkOctets(b []byte) error {
	switch {
	case bytes.IndexByte(b, '\r') >= 0:
		return errLoneCR
	case bytes.IndexByte(b, 0) >= 0:
		return errNUL
	}
	return nil
}
