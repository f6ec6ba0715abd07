package contender

import (
	"bytes"
	"io"

	"github.com/segmentio/asm/base64"
)

// reader returns b as it stands in the body, and the size of that.
func (e encoding) reader(b []byte) (io.Reader, int64) {
	chars := int64(base64.StdEncoding.EncodedLen(len(b)))
	switch e {
	case inBase64:
		return &base64Reader{src: b, in: 3, out: 4, encode: base64.StdEncoding.Encode}, chars
	case inBase64Lines:
		lines := (chars + lineChars - 1) / lineChars
		return &base64Reader{src: b, in: lineOctets, out: lineChars + len("\r\n"), encode: encodeLines()}, chars + 2*lines
	default:
		return bytes.NewReader(b), int64(len(b))
	}
}

// A base64Reader encodes src in whole units, straight into the reader's buffer where that has room for one.
type base64Reader struct {
	src     []byte
	in, out int // what a unit's size is before and after
	encode  func(dst, src []byte)
	unit    []byte
	rest    []byte // of unit
}

func (r *base64Reader) Read(p []byte) (int, error) {
	switch {
	case len(r.rest) > 0:
	case len(r.src) == 0:
		return 0, io.EOF
	case len(p) >= r.out:
		return r.next(p), nil
	default:
		if r.unit == nil {
			r.unit = make([]byte, r.out)
		}
		r.rest = r.unit[:r.next(r.unit)]
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// next encodes as many units into p as it has room for, and returns the size of them.
func (r *base64Reader) next(p []byte) int {
	n := min(len(r.src), len(p)/r.out*r.in)
	r.encode(p, r.src[:n])
	size := n / r.in * r.out
	if left := n % r.in; left > 0 {
		size += base64.StdEncoding.EncodedLen(left) + r.out - base64.StdEncoding.EncodedLen(r.in)
	}
	r.src = r.src[n:]
	return size
}

// encodeLines returns an encoder of lines that end with CRLF, the last one too.
func encodeLines() func(dst, src []byte) {
	var scratch []byte
	return func(dst, src []byte) {
		size := base64.StdEncoding.EncodedLen(len(src))
		if cap(scratch) < size {
			scratch = make([]byte, size)
		}
		chars := scratch[:size]
		base64.StdEncoding.Encode(chars, src)
		for len(chars) > 0 {
			n := min(lineChars, len(chars))
			copy(dst, chars[:n])
			copy(dst[n:], "\r\n")
			dst, chars = dst[n+len("\r\n"):], chars[n:]
		}
	}
}
