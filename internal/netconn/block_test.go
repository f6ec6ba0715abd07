package netconn

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net"
	"testing"
	"time"
)

// recorder is a transport that keeps each write apart, and fails once it has taken max bytes.
type recorder struct {
	net.Conn
	writes [][]byte
	taken  int
	max    int
}

var errFull = errors.New("full")

func (r *recorder) Write(p []byte) (int, error) {
	n := min(len(p), r.max-r.taken)
	r.taken += n
	r.writes = append(r.writes, bytes.Clone(p[:n]))
	if n < len(p) {
		return n, errFull
	}
	return n, nil
}

func (r *recorder) SetDeadline(time.Time) error      { return nil }
func (r *recorder) SetReadDeadline(time.Time) error  { return nil }
func (r *recorder) SetWriteDeadline(time.Time) error { return nil }

// newBlock returns a Block over a transport that takes limit bytes.
func newBlock(t *testing.T, limit int) (*Block, *recorder) {
	t.Helper()
	transport, c, b := &recorder{max: limit}, new(Conn), new(Block)
	c.Init(transport, 16)
	b.Begin(c, time.Minute, time.Time{})
	t.Cleanup(b.Free)
	return b, transport
}

// TestBlock: whatever the pieces, all of it arrives in order, the end of it with Release
// and not before.
func TestBlock(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{1, 2, heldBack, heldBack + 1, blockBytes - 1, blockBytes, blockBytes + 1, 2*stepBytes + 1} {
		content := make([]byte, size)
		for i := range content {
			content[i] = byte(rng.Uint32())
		}
		for range 20 {
			b, transport := newBlock(t, size)
			rest := content
			for cut := rng.IntN(size); len(rest) > cut && cut > 0; cut = 1 + rng.IntN(2*blockBytes) {
				b.Write(rest[:cut])
				rest = rest[cut:]
			}
			b.Last(rest)
			if b.Err() != nil || transport.taken >= size {
				t.Fatalf("size %d: %v, %d bytes went before Release", size, b.Err(), transport.taken)
			}
			if released, err := b.Release(); !released || err != nil {
				t.Fatalf("size %d: released %v, %v", size, released, err)
			}
			if got := bytes.Join(transport.writes, nil); !bytes.Equal(got, content) {
				t.Fatalf("size %d: %d bytes arrived, and not those that were written", size, len(got))
			}
		}
	}
}

// TestBlockGathers: small pieces leave together, and a large one by itself, uncopied.
func TestBlockGathers(t *testing.T) {
	b, transport := newBlock(t, 1<<20)
	for range 3 * blockBytes / 10 {
		b.Write([]byte("0123456789"))
	}
	if n := len(transport.writes); n > 3 {
		t.Errorf("%d writes for three blocks", n)
	}
	before := len(transport.writes)
	b.Write(make([]byte, 4*blockBytes))
	if n := len(transport.writes) - before; n != 1+2 || len(transport.writes[before+1]) != stepBytes {
		t.Errorf("%d writes for what was gathered and a large piece, want one and two", n)
	}
}

// TestBlockAppend: what is appended by hand stands where it belongs.
func TestBlockAppend(t *testing.T) {
	b, transport := newBlock(t, 100)
	b.Set(append(b.Append(), "head "...))
	b.Write([]byte("body"))
	b.Set(append(b.Append(), " tail"...))
	if _, err := b.Release(); err != nil || string(bytes.Join(transport.writes, nil)) != "head body tail" {
		t.Errorf("%v, %q", err, transport.writes)
	}
}

// TestBlockFails: after an error nothing is written any more.
func TestBlockFails(t *testing.T) {
	b, transport := newBlock(t, blockBytes+10)
	b.Write(make([]byte, 2*blockBytes))
	if !errors.Is(b.Err(), errFull) {
		t.Fatalf("got %v, want the transport's error", b.Err())
	}
	writes := len(transport.writes)
	b.Write(make([]byte, 2*blockBytes))
	b.Last(make([]byte, 2*blockBytes))
	if len(transport.writes) != writes {
		t.Error("it went on writing")
	}
}

// TestBlockReleaseShort: Release says whether the last byte went.
func TestBlockReleaseShort(t *testing.T) {
	for missing := range 3 {
		b, _ := newBlock(t, 5-missing)
		b.Last([]byte("hello"))
		if released, err := b.Release(); released != (missing == 0) || (err == nil) != (missing == 0) {
			t.Errorf("%d bytes missing: released %v, %v", missing, released, err)
		}
	}
}
