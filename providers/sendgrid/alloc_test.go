//go:build !race

package sendgrid

import (
	"io"
	"strings"
	"testing"
)

// TestAllocations holds the adapter to its budget. The race detector empties pools at random.
func TestAllocations(t *testing.T) {
	m, cfg := smallMessage(t), &Config{}
	got := testing.AllocsPerRun(100, func() {
		b, err := encode(m, cfg)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.WriteTo(io.Discard); err != nil {
			t.Fatal(err)
		}
		b.Release()
	})
	const most = 0
	if got > most {
		t.Errorf("%v allocations, at most %v are wanted", got, most)
	}
}

// TestStringAllocations: a text that is long is not copied but into the buffer.
func TestStringAllocations(t *testing.T) {
	text := strings.Repeat("Thanks.\r\n", 10_000)
	to := make([]byte, 0, 2*len(text))
	if got := testing.AllocsPerRun(10, func() { to = appendString(to[:0], text) }); got != 0 {
		t.Errorf("%v allocations, want none", got)
	}
}
