//go:build !race

package mailgun

import (
	"io"
	"testing"
	"time"
)

// TestAllocations holds the adapter to its budget. The race detector empties pools at random.
func TestAllocations(t *testing.T) {
	m, cfg, now := small(t), testConfig(t), time.Now()
	got := testing.AllocsPerRun(100, func() {
		f, err := encode(m, cfg, now)
		if err != nil {
			t.Fatal(err)
		}
		_ = f.fields()
		if _, err := f.WriteTo(io.Discard); err != nil {
			t.Fatal(err)
		}
		f.Release()
	})
	const most = 10 // one of them is the name of the envelope
	if got > most {
		t.Errorf("%v allocations, at most %v are wanted", got, most)
	}
}
