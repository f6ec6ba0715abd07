package exact_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/mailkeel/mailkeel/internal/exact"
)

var (
	errDisk  = errors.New("disk on fire")
	errClose = errors.New("not closed")
	errFull  = errors.New("full")
)

// A source counts how often it is closed, and returns err upon it.
type source struct {
	io.Reader
	err    error
	closed int
}

func (s *source) Close() error { s.closed++; return s.err }

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

func empty([]byte) (int, error) { return 0, nil }

// after is a reader of s and then of r.
func after(s string, r io.Reader) io.Reader { return io.MultiReader(strings.NewReader(s), r) }

// sluggish returns nothing ninety-nine times before each byte, and before its end.
func sluggish(s string) io.Reader {
	r, idle := iotest.OneByteReader(strings.NewReader(s)), 0
	return readFunc(func(p []byte) (int, error) {
		if idle++; idle%100 != 0 {
			return 0, nil
		}
		return r.Read(p)
	})
}

const said = "0123456789"

// TestBlocks reads ten bytes, as the source has said, in blocks of four. Whatever the
// source does, it is closed once, and one that changed never gives its last block.
func TestBlocks(t *testing.T) {
	for name, c := range map[string]struct {
		reader  io.Reader
		closing error
		emitted string
		text    string // of the error
		is      error
	}{
		"as it said":          {reader: strings.NewReader(said), emitted: "0123 4567 89"},
		"byte by byte":        {reader: iotest.OneByteReader(strings.NewReader(said)), emitted: "0123 4567 89"},
		"EOF beside the last": {reader: iotest.DataErrReader(strings.NewReader(said)), emitted: "0123 4567 89"},
		"sluggish":            {reader: sluggish(said), emitted: "0123 4567 89"},

		"short":                    {reader: strings.NewReader(said[:9]), emitted: "0123 4567", text: "the source has fewer bytes than before", is: exact.ErrShort},
		"short by a block":         {reader: strings.NewReader(said[:4]), emitted: "0123", is: exact.ErrShort},
		"nothing":                  {reader: strings.NewReader(""), is: exact.ErrShort},
		"long":                     {reader: strings.NewReader(said + "a"), emitted: "0123 4567", text: "the source has more bytes than before", is: exact.ErrLong},
		"long, EOF beside it":      {reader: iotest.DataErrReader(strings.NewReader(said + "a")), emitted: "0123 4567", is: exact.ErrLong},
		"fails":                    {reader: after(said[:6], iotest.ErrReader(errDisk)), emitted: "0123", is: errDisk},
		"fails at its end":         {reader: after(said, iotest.ErrReader(errDisk)), emitted: "0123 4567", is: errDisk},
		"fails beside the last":    {reader: iotest.DataErrReader(after(said, iotest.ErrReader(errDisk))), emitted: "0123 4567", is: errDisk},
		"fails as if short":        {reader: after(said, iotest.ErrReader(exact.ErrShort)), emitted: "0123 4567", is: exact.ErrShort},
		"fails with a wrapped EOF": {reader: after(said, iotest.ErrReader(fmt.Errorf("page: %w", io.EOF))), emitted: "0123 4567", text: "page: EOF", is: io.EOF},
		"closes with an error":     {reader: strings.NewReader(said), closing: errClose, emitted: "0123 4567", is: errClose},
		"fails twice":              {reader: iotest.ErrReader(errDisk), closing: errClose, is: errDisk},

		"stalls":            {reader: after(said[:5], readFunc(empty)), emitted: "0123", is: io.ErrNoProgress},
		"stalls at its end": {reader: after(said, readFunc(empty)), emitted: "0123 4567", is: io.ErrNoProgress},
		"count too large": {
			reader: after(said[:8], readFunc(func(p []byte) (int, error) { return len(p) + 1, nil })), emitted: "0123 4567",
			text: "the source's Read returned an impossible count",
		},
		"count too large at its end": {
			reader: after(said, readFunc(func(p []byte) (int, error) { return len(p) + 1, io.EOF })), emitted: "0123 4567",
			text: "the source's Read returned an impossible count",
		},
		"negative count": {
			reader: readFunc(func([]byte) (int, error) { return -1, io.EOF }), text: "the source's Read returned an impossible count",
		},
	} {
		t.Run(name, func(t *testing.T) {
			src := &source{Reader: c.reader, err: c.closing}
			emitted, err := blocks(src, len(said), 4)
			if emitted != c.emitted {
				t.Errorf("emitted %q, want %q", emitted, c.emitted)
			}
			wantsError := c.is != nil || c.text != ""
			if (err != nil) != wantsError || c.is != nil && !errors.Is(err, c.is) || c.text != "" && err.Error() != c.text {
				t.Errorf("got error %v, want %v %s", err, c.is, c.text)
			}
			if src.closed != 1 {
				t.Errorf("closed %d times", src.closed)
			}
		})
	}
}

// blocks returns what Blocks emits with a buffer of n bytes, with spaces in between.
func blocks(src io.ReadCloser, size, n int) (string, error) {
	var r exact.Reader
	r.Reset(src)
	var all []string
	err := exact.Blocks(&r, int64(size), make([]byte, n), func(block []byte) error {
		all = append(all, string(block))
		return nil
	})
	return strings.Join(all, " "), err
}

func TestBlocksSizes(t *testing.T) {
	for _, c := range []struct {
		size, buf int
		want      string
	}{
		{0, 4, ""}, {1, 4, "0"}, {4, 4, "0123"}, {5, 4, "0123 4"}, {8, 4, "0123 4567"}, {3, 1, "0 1 2"}, {10, 100, said},
	} {
		src := &source{Reader: strings.NewReader(said[:c.size])}
		if got, err := blocks(src, c.size, c.buf); got != c.want || err != nil || src.closed != 1 {
			t.Errorf("%d bytes in blocks of %d: got %q, %v, closed %d times; want %q", c.size, c.buf, got, err, src.closed, c.want)
		}
	}
	src := &source{Reader: strings.NewReader("a")}
	if got, err := blocks(src, 0, 4); got != "" || !errors.Is(err, exact.ErrLong) || src.closed != 1 {
		t.Errorf("a byte in place of none: got %q, %v, closed %d times; want %v", got, err, src.closed, exact.ErrLong)
	}
}

// TestBlocksEmit: an error of emit ends the reading, whichever block it is about.
func TestBlocksEmit(t *testing.T) {
	for failing := range 3 {
		src := &source{Reader: strings.NewReader(said)}
		var r exact.Reader
		r.Reset(src)
		calls := 0
		err := exact.Blocks(&r, int64(len(said)), make([]byte, 4), func([]byte) error {
			if calls++; calls > failing {
				return errFull
			}
			return nil
		})
		if err != errFull || calls != failing+1 || src.closed != 1 {
			t.Errorf("block %d: got %v after %d calls, closed %d times", failing, err, calls, src.closed)
		}
	}
}

// TestReader reads in portions, as one does who is asked for them.
func TestReader(t *testing.T) {
	src := &source{Reader: strings.NewReader(said)}
	var r exact.Reader
	r.Close()
	r.Reset(src)
	p := make([]byte, 5)
	for _, want := range []string{said[:5], said[5:]} {
		if err := r.ReadFull(p); err != nil || string(p) != want {
			t.Errorf("ReadFull = %q, %v; want %q", p, err, want)
		}
	}
	if err := r.ReadFull(nil); err != nil {
		t.Errorf("ReadFull of nothing: %v", err)
	}
	if err := r.ExpectEnd(); err != nil || src.closed != 1 {
		t.Errorf("ExpectEnd = %v, closed %d times", err, src.closed)
	}
	r.Close()
	if src.closed != 1 {
		t.Errorf("closed %d times", src.closed)
	}
}

// TestNext reads ten bytes block by block, as one does who is asked for them. A source that changed
// fails before its last block is given out, and one that kept to it is closed by then.
func TestNext(t *testing.T) {
	for name, c := range map[string]struct {
		reader  io.Reader
		closing error
		size    int
		blocks  string
		is      error
	}{
		"as it said":           {reader: strings.NewReader(said), size: 10, blocks: "0123 4567 89"},
		"whole blocks":         {reader: strings.NewReader(said[:8]), size: 8, blocks: "0123 4567"},
		"one block":            {reader: strings.NewReader(said[:4]), size: 4, blocks: "0123"},
		"less than a block":    {reader: strings.NewReader("0"), size: 1, blocks: "0"},
		"nothing":              {reader: strings.NewReader(""), size: 0, blocks: ""},
		"short":                {reader: strings.NewReader(said[:9]), size: 10, blocks: "0123 4567", is: exact.ErrShort},
		"short by a block":     {reader: strings.NewReader(said[:4]), size: 8, blocks: "0123", is: exact.ErrShort},
		"long":                 {reader: strings.NewReader(said), size: 9, blocks: "0123 4567", is: exact.ErrLong},
		"long by a block":      {reader: strings.NewReader(said[:8]), size: 4, blocks: "", is: exact.ErrLong},
		"not nothing":          {reader: strings.NewReader("0"), size: 0, blocks: "", is: exact.ErrLong},
		"fails":                {reader: after(said[:5], iotest.ErrReader(errDisk)), size: 10, blocks: "0123", is: errDisk},
		"fails at its end":     {reader: after(said, iotest.ErrReader(errDisk)), size: 10, blocks: "0123 4567", is: errDisk},
		"closes with an error": {reader: strings.NewReader(said), closing: errClose, size: 10, blocks: "0123 4567", is: errClose},
	} {
		t.Run(name, func(t *testing.T) {
			src := &source{Reader: c.reader, err: c.closing}
			got, err := nextBlocks(t, src, c.size)
			if got != c.blocks || !errors.Is(err, c.is) {
				t.Errorf("got %q, %v; want %q, %v", got, err, c.blocks, c.is)
			}
			if src.closed != 1 {
				t.Errorf("closed %d times", src.closed)
			}
		})
	}
}

// nextBlocks returns the blocks that Next gives with a buffer of four bytes, with spaces in between.
func nextBlocks(t *testing.T, src *source, size int) (string, error) {
	t.Helper()
	var r exact.Reader
	defer r.Close()
	r.Reset(src)
	buf := make([]byte, 4)
	var all []string
	for left := int64(size); ; {
		block, err := r.Next(left, buf)
		if err != nil {
			return strings.Join(all, " "), err
		}
		if left -= int64(len(block)); left > 0 && len(block) != len(buf) {
			t.Errorf("a block of %d bytes, though there is more", len(block))
		}
		if len(block) > 0 {
			all = append(all, string(block))
		}
		if left == 0 {
			if src.closed != 1 {
				t.Errorf("closed %d times by the last block", src.closed)
			}
			return strings.Join(all, " "), nil
		}
		if src.closed != 0 {
			t.Error("closed before the last block")
		}
	}
}

// TestReaderClose: what a source says that was given up is not heard, and it is closed once.
func TestReaderClose(t *testing.T) {
	src := &source{Reader: strings.NewReader(said + "a"), err: errClose}
	var r exact.Reader
	r.Reset(src)
	if err := r.ReadFull(make([]byte, len(said))); err != nil {
		t.Error(err)
	}
	if err := r.ExpectEnd(); !errors.Is(err, exact.ErrLong) || src.closed != 0 {
		t.Errorf("ExpectEnd = %v, closed %d times", err, src.closed)
	}
	for range 2 {
		if r.Close(); src.closed != 1 {
			t.Errorf("closed %d times", src.closed)
		}
	}
}

// TestAllocations: a Reader that is used again costs nothing, nor does what emits.
func TestAllocations(t *testing.T) {
	data, buf, r := strings.NewReader(said), make([]byte, 4), new(exact.Reader)
	src := &source{Reader: data}
	got := testing.AllocsPerRun(100, func() {
		data.Reset(said)
		r.Reset(src)
		sum := 0
		err := exact.Blocks(r, int64(len(said)), buf, func(block []byte) error {
			sum += len(block)
			return nil
		})
		if err != nil || sum != len(said) {
			t.Fatalf("%d bytes, %v", sum, err)
		}
	})
	if got != 0 {
		t.Errorf("%v allocations", got)
	}
}

func TestPathless(t *testing.T) {
	file := &fs.PathError{Op: "open", Path: "/home/ann/secret", Err: fs.ErrNotExist}
	for name, c := range map[string]struct{ err, want error }{
		"none":         {nil, nil},
		"another":      {errDisk, errDisk},
		"file":         {file, fs.ErrNotExist},
		"wrapped file": {fmt.Errorf("/home/ann: %w", file), fs.ErrNotExist},
	} {
		if got := exact.Pathless(c.err); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}
