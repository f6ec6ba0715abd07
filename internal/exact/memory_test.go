package exact_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/mailkeel/mailkeel/internal/exact"
)

// TestMemory: what lies in memory is given out from there, to the byte, and buf stays as it was.
func TestMemory(t *testing.T) {
	all := []byte("0123456789")
	for size := range len(all) + 3 {
		for length := 1; length <= len(all)+1; length++ {
			var r exact.Reader
			r.Reset(exact.NewMemory(all))
			buf, got := make([]byte, length), []byte(nil)
			err := exact.Blocks(&r, int64(size), buf, func(block []byte) error {
				if len(block) > 0 && &block[0] != &all[len(got)] {
					t.Errorf("%d in blocks of %d: a copy", size, length)
				}
				got = append(got, block...)
				return nil
			})
			var want error
			switch {
			case size > len(all):
				want = exact.ErrShort
			case size < len(all):
				want = exact.ErrLong
			}
			if !errors.Is(err, want) || want == nil && !bytes.Equal(got, all) || want != nil && len(got) >= size && size > 0 {
				t.Errorf("%d in blocks of %d: got %q, %v, want %v", size, length, got, err, want)
			}
			if !bytes.Equal(buf, make([]byte, length)) {
				t.Errorf("%d in blocks of %d: buf has %q", size, length, buf)
			}
		}
	}
}

// TestMemoryReads: to everybody else it is a reader like others.
func TestMemoryReads(t *testing.T) {
	m := exact.NewMemory([]byte("0123456789"))
	got, err := io.ReadAll(m)
	if string(got) != "0123456789" || err != nil || m.Close() != nil {
		t.Errorf("got %q, %v", got, err)
	}
	var r exact.Reader
	if r.Reset(m); !r.InMemory() {
		t.Error("it does not lie in memory")
	}
	if r.Reset(io.NopCloser(bytes.NewReader(nil))); r.InMemory() {
		t.Error("another source lies in memory")
	}
}
