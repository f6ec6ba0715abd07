package entity

import (
	"bytes"
	"errors"
	"io"

	"github.com/segmentio/asm/base64"

	"github.com/mailkeel/mailkeel/mailer/eml/internal/refuse"
)

var errBase64 = refuse.Invalid("has base64 that is damaged, cut, or followed by something else")

// base64Block is how much is decoded at once: whole groups.
const base64Block = 8 << 10

// base64Reader decodes lines of base64 (RFC 2045 section 6.8). White space may stand anywhere. Other
// characters, which the standard has readers skip, are refused, and so is a missing padding: each is what a
// body that was damaged or cut looks like.
type base64Reader struct {
	r      io.Reader
	in     [base64Block]byte
	carry  int // octets of in that wait for the rest of their group
	padded bool
	out    [base64Block / 4 * 3]byte
	ready  []byte // of out, not read yet
	err    error
}

func (b *base64Reader) Read(p []byte) (int, error) {
	for len(b.ready) == 0 {
		if b.err != nil {
			return 0, b.err
		}
		b.fill()
	}
	n := copy(p, b.ready)
	b.ready = b.ready[n:]
	return n, nil
}

func (b *base64Reader) fill() {
	n, err := b.r.Read(b.in[b.carry:])
	n = b.carry + compact(b.in[b.carry:b.carry+n])
	whole := n &^ 3
	switch {
	case err == nil:
	case !errors.Is(err, io.EOF):
		b.err = err
		return
	case n != whole:
		b.err = errBase64
		return
	default:
		b.err = io.EOF
	}
	group := b.in[:whole]
	if len(group) > 0 {
		if b.padded {
			b.err = errBase64
			return
		}
		b.padded = group[whole-1] == '='
		decoded, err := base64.StdEncoding.Decode(b.out[:], group)
		if err != nil {
			b.err = errBase64
			return
		}
		b.ready = b.out[:decoded]
	}
	b.carry = copy(b.in[:], b.in[whole:n])
}

// compact moves what is no white space to the front of b and returns its length.
func compact(b []byte) int {
	n := 0
	for rest := b; len(rest) > 0; {
		run := rest
		if i := bytes.IndexByte(rest, '\n'); i >= 0 {
			run, rest = rest[:i], rest[i+1:]
		} else {
			rest = nil
		}
		if k := len(run); k > 0 && run[k-1] == '\r' {
			run = run[:k-1]
		}
		n += copy(b[n:], run)
	}
	if bytes.IndexByte(b[:n], ' ') >= 0 || bytes.IndexByte(b[:n], '\t') >= 0 || bytes.IndexByte(b[:n], '\r') >= 0 {
		return squeeze(b[:n])
	}
	return n
}

// squeeze is compact for what has white space within lines.
func squeeze(b []byte) int {
	n := 0
	for _, c := range b {
		if c != ' ' && c != '\t' && c != '\r' {
			b[n] = c
			n++
		}
	}
	return n
}
