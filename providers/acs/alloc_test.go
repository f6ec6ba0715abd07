//go:build !race

package acs

import (
	"io"
	"net/http"
	"testing"
	"time"
)

// TestAllocations holds the adapter to its budget. The race detector empties pools at random.
func TestAllocations(t *testing.T) {
	cfg, small := configured(t, nil), smallMessage(t)
	key, r := signing(t)
	block := make([]byte, 32<<10)
	for _, c := range []struct {
		name string
		most float64
		run  func()
	}{
		{"the request of a small message", 0, func() {
			b, err := encode(small, cfg)
			if err != nil {
				t.Fatal(err)
			}
			for err == nil {
				_, err = b.reader.Read(block)
			}
			if err != io.EOF {
				t.Fatal(err)
			}
			b.Release()
		}},
		{"the hash of its content: the text of it", 1, func() {
			b, err := encode(small, cfg)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := contentHash(t.Context(), b.reader, b.Size()); err != nil {
				t.Fatal(err)
			}
			b.Release()
		}},
		{"a signature: the date, the target and the field", 3, func() {
			_ = key.authorization(r, time.Now().UTC().Format(http.TimeFormat), emptyHash)
		}},
		{"the name of an operation: the hash and the text", 2, func() { _ = OperationID(small.IdempotencyKey) }},
	} {
		if got := testing.AllocsPerRun(200, c.run); got > c.most {
			t.Errorf("%s: %v allocations, at most %v are wanted", c.name, got, c.most)
		}
	}
}
