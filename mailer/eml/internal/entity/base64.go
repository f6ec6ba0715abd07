package entity

import (
	"bytes"
	"errors"
	"io"

	"github.com/segmentio/asm/base64"

	"github.com/mailkeel/mailkeel/mailer/eml/internal/refuse"
)

var errBase64 = refuse.Invalid("has base64 that is not whole groups of its alphabet, padded at the end and nowhere else")

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
	for i := 0; i < len(b); {
		j := bytes.IndexByte(b[i:], '\n')
		if j < 0 {
			j = len(b) - i
		}
		run := b[i : i+j]
		i += j + 1
		if len(run) > 0 && run[len(run)-1] == '\r' {
			run = run[:len(run)-1]
		}
		if bytes.IndexByte(run, ' ') < 0 && bytes.IndexByte(run, '\t') < 0 && bytes.IndexByte(run, '\r') < 0 {
			n += copy(b[n:], run)
			continue
		}
		for _, c := range run {
			if c != ' ' && c != '\t' && c != '\r' {
				b[n] = c
				n++
			}
		}
	}
	return n
}
