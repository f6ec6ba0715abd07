//go:build !race

package jsontext

import (
	"strings"
	"testing"
)

// TestStringAllocations: a text that is long is not copied but into the buffer.
func TestStringAllocations(t *testing.T) {
	for _, end := range []string{"\r\n", "\n"} {
		text := strings.Repeat("Thanks."+end, 10_000)
		to := make([]byte, 0, 2*len(text))
		if got := testing.AllocsPerRun(10, func() { to = AppendText(to[:0], text) }); got != 0 {
			t.Errorf("%q: %v allocations, want none", end, got)
		}
	}
}
