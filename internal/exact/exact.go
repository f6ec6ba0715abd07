// Package exact reads sources that have said how many bytes they have, and notices when they
// do not keep to it.
package exact

import (
	"errors"
	"io"
)

// What a source may have done since it said its size.
var (
	ErrShort = errors.New("the source has fewer bytes than before")
	ErrLong  = errors.New("the source has more bytes than before")
	ErrOther = errors.New("the source has other bytes than before")
)

var errCount = errors.New("the source's Read returned an impossible count")

// maxEmptyReads is how often a source may return nothing, without an error, before it is given up.
const maxEmptyReads = 100

// A Reader reads one source at a time, which Reset gives it; without one it can only be
// closed. It is not safe for concurrent use. Kept in something that is used again, it
// costs no allocation.
type Reader struct {
	src  io.ReadCloser // nil when closed
	more [1]byte       // room for what should not come
}

// Reset makes r read src. It does not close what r read before.
func (r *Reader) Reset(src io.ReadCloser) { r.src = src }

// ReadFull fills p. The error is [ErrShort] when the source ends before, [io.ErrNoProgress]
// when it keeps giving nothing, or its own one, even beside the last bytes of p.
func (r *Reader) ReadFull(p []byte) error {
	missing, err := r.fill(p)
	if err == nil && missing > 0 {
		return ErrShort
	}
	return err
}

// ExpectEnd looks one byte further, and returns [ErrLong] when there is one. At its end
// the source is closed, and its complaint upon that counts too.
func (r *Reader) ExpectEnd() error {
	missing, err := r.fill(r.more[:])
	switch {
	case err != nil:
		return err
	case missing == 0:
		return ErrLong
	}
	src := r.src
	r.src = nil
	return src.Close()
}

// Close closes a source that was not read to its end; nothing that it could say matters any
// more. Otherwise it does nothing.
func (r *Reader) Close() {
	if r.src != nil {
		_ = r.src.Close()
		r.src = nil
	}
}

// fill reads up to the end of p or of the source. That end is not an error here: an error of
// the source could be mistaken for it.
func (r *Reader) fill(p []byte) (missing int, err error) {
	for empty := 0; len(p) > 0; {
		n, err := r.src.Read(p)
		if n < 0 || n > len(p) {
			return 0, errCount
		}
		p = p[n:]
		switch {
		case err == io.EOF:
			return len(p), nil
		case err != nil:
			return 0, err
		case n > 0:
			empty = 0
		default:
			if empty++; empty == maxEmptyReads {
				return 0, io.ErrNoProgress
			}
		}
	}
	return 0, nil
}

// Next reads the next block of a source of which left bytes are to come: as many of them as buf,
// which is not empty, has room for. The block lies in buf, or where a [Memory] has it, and must not be
// changed. By the last one the source has been seen to end where it should, so that what is given
// out of a source that changed lacks its end.
func (r *Reader) Next(left int64, buf []byte) (block []byte, err error) {
	if block, err = r.read(buf[:min(left, int64(len(buf)))]); err != nil {
		return nil, err
	}
	if int64(len(block)) == left {
		err = r.ExpectEnd()
	}
	return block, err
}

// read returns as many bytes as p has room for, in p unless they lie in memory already.
func (r *Reader) read(p []byte) ([]byte, error) {
	if m, ok := r.src.(*Memory); ok {
		return m.next(len(p))
	}
	return p, r.ReadFull(p)
}

// InMemory reports whether the source is a [Memory], which does not change.
func (r *Reader) InMemory() bool {
	_, ok := r.src.(*Memory)
	return ok
}

// Blocks reads the sizeBytes bytes of r, which are not negative, and closes it. It gives them
// to emit in blocks as long as buf, which is not empty, and a rest; see Next. An error of
// emit ends it and is returned as it is.
func Blocks(r *Reader, sizeBytes int64, buf []byte, emit func(block []byte) error) error {
	defer r.Close()
	for left := sizeBytes; ; {
		block, err := r.Next(left, buf)
		left -= int64(len(block))
		if err == nil && len(block) > 0 {
			err = emit(block)
		}
		if err != nil || left == 0 {
			return err
		}
	}
}
