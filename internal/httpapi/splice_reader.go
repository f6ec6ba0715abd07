package httpapi

import (
	"errors"
	"hash/maphash"
	"io"
	"io/fs"
	"sync"

	"github.com/segmentio/asm/base64"

	"github.com/mailkeel/mailkeel/internal/exact"
)

// A SplicedReader reads a [Spliced] again and again, as those do who sign a body before they send
// it. Contents that are not the same at each reading fail with [ErrSource] before their last
// octets are given out. It is for one goroutine at a time.
type SplicedReader struct {
	of    *Spliced
	piece int // the one that comes next, or is being read

	text    []byte // what is left of the text that comes next
	encoded []byte // what is left of a block that did not fit
	left    int64  // octets of the content that are to come
	open    bool   // within a content
	block   *encoder
	err     error // why there is nothing more, until it is rewound

	seed maphash.Seed
	sum  maphash.Hash // of the content, as far as it was read
	sums []uint64     // of whole contents, as they were read first
}

var _ io.ReadSeekCloser = (*SplicedReader)(nil)

var readers = sync.Pool{New: func() any { return &SplicedReader{seed: maphash.MakeSeed()} }}

// Reader returns a reader of s, which must not be released before it.
func (s *Spliced) Reader() *SplicedReader {
	r, _ := readers.Get().(*SplicedReader)
	r.of, r.sums = s, r.sums[:0]
	r.rewind()
	return r
}

// Close ends the reading, and lets go of a content that was not read to its end. The reader can
// still be rewound: a pipeline closes bodies as often as it likes.
func (r *SplicedReader) Close() error {
	r.letGo()
	r.err = fs.ErrClosed
	return nil
}

// Release lets a later Reader use r's memory again. Nobody may use r from then on.
func (r *SplicedReader) Release() {
	r.letGo()
	*r = SplicedReader{seed: r.seed, sums: r.sums}
	readers.Put(r)
}

func (r *SplicedReader) letGo() {
	if r.block != nil {
		r.block.src.Close()
		encoders.Put(r.block)
	}
	r.block, r.encoded, r.open, r.err = nil, nil, false, nil
}

func (r *SplicedReader) rewind() {
	r.letGo()
	r.piece = 0
	r.textFrom(0)
}

// textFrom goes on with the text from there to the next content.
func (r *SplicedReader) textFrom(start int) {
	end := len(r.of.text)
	if r.piece < len(r.of.pieces) {
		end = r.of.pieces[r.piece].textEnd
	}
	r.text = r.of.text[start:end]
}

var errSeek = errors.New("only the beginning and the end can be sought")

// Seek goes to the beginning, or to the end, which tells the size.
func (r *SplicedReader) Seek(offset int64, whence int) (int64, error) {
	switch {
	case offset == 0 && whence == io.SeekStart:
		r.rewind()
		return 0, nil
	case offset == 0 && whence == io.SeekEnd:
		r.letGo()
		r.piece, r.text = len(r.of.pieces), nil
		return r.of.size, nil
	}
	return 0, errSeek
}

// Read reads on. Room for 32 KB saves copying blocks. After an error nothing comes any more, so that
// nobody goes on behind a gap.
func (r *SplicedReader) Read(p []byte) (n int, err error) {
	for n == 0 && len(p) > 0 && r.err == nil {
		switch {
		case len(r.encoded) > 0: // before the text behind it
			n = copy(p, r.encoded)
			r.encoded = r.encoded[n:]
		case len(r.text) > 0:
			n = copy(p, r.text)
			r.text = r.text[n:]
		case r.open:
			n, r.err = r.readBlock(p)
		case r.piece < len(r.of.pieces):
			r.err = r.openPiece()
		default:
			r.err = io.EOF
		}
	}
	return n, r.err
}

func (r *SplicedReader) openPiece() error {
	p := &r.of.pieces[r.piece]
	src, err := p.content.Open()
	if err != nil {
		return sourceError(p.label, err)
	}
	if r.block == nil {
		r.block, _ = encoders.Get().(*encoder)
	}
	r.block.src.Reset(src)
	r.open, r.left = true, p.size
	r.sum.SetSeed(r.seed)
	return nil
}

// readBlock encodes the next block of the content, into p where there is room.
func (r *SplicedReader) readBlock(p []byte) (int, error) {
	label := r.of.pieces[r.piece].label
	block, err := r.block.src.Next(r.left, r.block.in[:])
	if err != nil {
		return 0, sourceError(label, err)
	}
	if !r.block.src.InMemory() {
		_, _ = r.sum.Write(block)
	}
	if r.left -= int64(len(block)); r.left == 0 {
		if err := r.endPiece(); err != nil {
			return 0, sourceError(label, err)
		}
	}
	out := r.block.out[:base64.StdEncoding.EncodedLen(len(block))]
	if len(out) <= len(p) {
		base64.StdEncoding.Encode(p[:len(out)], block)
		return len(out), nil
	}
	base64.StdEncoding.Encode(out, block)
	n := copy(p, out)
	r.encoded = out[n:]
	return n, nil
}

// endPiece compares the content with what it was before, and goes on behind it.
func (r *SplicedReader) endPiece() error {
	switch sum := r.sum.Sum64(); {
	case r.piece == len(r.sums):
		r.sums = append(r.sums, sum)
	case r.sums[r.piece] != sum:
		return exact.ErrOther
	}
	behind := r.of.pieces[r.piece].next
	r.open = false
	r.piece++
	r.textFrom(behind)
	return nil
}
