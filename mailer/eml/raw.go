package eml

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/mailkeel/mailkeel/internal/exact"
	"github.com/mailkeel/mailkeel/mailer"
)

// rawBlock is how much of a raw message is read at once: every octet of it may be an LF that becomes
// two.
const rawBlock = blockOut/2 - 1

var (
	errRawControl  = errors.New("has a NUL, or a CR that no LF follows")
	errRawLine     = errors.New("has a line longer than 998 octets")
	errRawHeader   = errors.New("does not begin with header fields")
	errRawEightBit = errors.New("has octets that need 8BITMIME")
)

// unknownSize is the size of a Body whose raw message is being read for the first time.
const unknownSize = -1

// renderRaw reads raw through once, for its size and for what would be refused.
func renderRaw(raw mailer.Content, o Options) (*Body, error) {
	size, err := raw.Size()
	if err == nil && size < 0 {
		err = errors.New("is of unknown size: the message has to be spooled")
	}
	if err != nil {
		return nil, fmt.Errorf("eml: %w: Raw %w", mailer.ErrInvalidMessage, err)
	}
	parts := []part{{encoding: rawMessage, content: raw, sourceSize: size, field: "Raw", index: -1}}
	c := newCursor(&Body{parts: parts, size: unknownSize, eightBit: o.EightBit, utf8: true})
	defer c.release()
	for {
		lines, err := c.next()
		if err != nil {
			return nil, err
		}
		if len(lines) == 0 {
			return &Body{parts: parts, size: c.raw.size, eightBit: c.raw.eightBit, utf8: c.raw.utf8}, nil
		}
	}
}

// rawLines returns the next lines of a raw message.
func (c *cursor) rawLines() ([]byte, error) {
	f := &c.raw
	n, err := c.fill(c.in[f.carry:rawBlock])
	if err != nil {
		return nil, err
	}
	out, rest, err := f.block(c.out[:0], c.in[:f.carry+n], c.done)
	f.carry = copy(c.in[:], rest)
	f.size += int64(len(out))
	first := c.body.size == unknownSize
	switch {
	case err != nil && first:
		return nil, refusedRaw(err)
	case err != nil, !first && f.size > c.body.size, !first && c.done && f.size < c.body.size:
		return nil, c.current.failed(exact.ErrOther)
	}
	return out, nil
}

func refusedRaw(err error) error {
	kind := mailer.ErrInvalidMessage
	if errors.Is(err, errRawEightBit) || errors.Is(err, errRawLine) { // what takes its parts can write them anew
		kind = mailer.ErrUnsupported
	}
	return fmt.Errorf("eml: %w: Raw %w", kind, err)
}

// A rawFilter passes a raw message on line by line, every line end made CRLF, without the Bcc field of
// its own header. It refuses what would have to be changed any further.
type rawFilter struct {
	allowEightBit, allowUTF8 bool
	eightBit, utf8           bool // seen

	body     bool  // the header has ended
	dropping bool  // within a Bcc field
	fields   int   // kept
	carry    int   // octets of a line that waits for its end
	size     int64 // octets passed on
}

// block appends the whole lines of src to dst and returns what is left. The last block leaves nothing.
func (f *rawFilter) block(dst, src []byte, last bool) (out, rest []byte, err error) {
	for {
		i := bytes.IndexByte(src, '\n')
		if i < 0 {
			break
		}
		if dst, err = f.line(dst, bytes.TrimSuffix(src[:i], []byte("\r"))); err != nil {
			return nil, nil, err
		}
		src = src[i+1:]
	}
	switch {
	case !last && len(src) > maxLine+1: // a CR may be the last of them
		return nil, nil, errRawLine
	case !last:
		return dst, src, nil
	case len(src) > 0:
		if dst, err = f.line(dst, src); err != nil {
			return nil, nil, err
		}
	}
	if f.fields == 0 {
		return nil, nil, errRawHeader
	}
	return dst, nil, nil
}

func (f *rawFilter) line(dst, line []byte) ([]byte, error) {
	switch {
	case len(line) > maxLine:
		return nil, errRawLine
	case bytes.IndexByte(line, '\r') >= 0, bytes.IndexByte(line, 0) >= 0:
		return nil, errRawControl
	}
	inHeader := !f.body
	if inHeader {
		if err := f.headerLine(line); err != nil {
			return nil, err
		}
		if f.dropping {
			return dst, nil
		}
	}
	if !isASCIIBytes(line) {
		if !f.allowEightBit || inHeader && !f.allowUTF8 {
			return nil, errRawEightBit
		}
		f.eightBit, f.utf8 = true, f.utf8 || inHeader
	}
	return append(append(dst, line...), '\r', '\n'), nil
}

// headerLine notes what line is: the end of the header, a field, or the continuation of one.
func (f *rawFilter) headerLine(line []byte) error {
	switch {
	case len(line) == 0:
		f.body, f.dropping = true, false
		if f.fields == 0 {
			return errRawHeader
		}
	case isWSP(line[0]):
		if f.fields == 0 && !f.dropping {
			return errRawHeader
		}
	default:
		name, _, found := strings.Cut(string(line), ":")
		// White space before the colon is obsolete (RFC 5322 section 4.5) but read by many.
		name = strings.TrimRight(name, " \t")
		if !found || name == "" || !only(name, ftext) {
			return errRawHeader
		}
		if f.dropping = strings.EqualFold(name, "Bcc"); !f.dropping {
			f.fields++
		}
	}
	return nil
}

func isASCIIBytes(b []byte) bool {
	for ; len(b) >= 8; b = b[8:] {
		if binary.LittleEndian.Uint64(b)&0x8080808080808080 != 0 {
			return false
		}
	}
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
