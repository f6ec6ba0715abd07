//go:build !race

package sendgrid

import (
	"io"
	"testing"

	"github.com/mailkeel/mailkeel/internal/httpapi"
)

// TestAllocations holds the adapter to its budget. The race detector empties pools at random.
func TestAllocations(t *testing.T) {
	m, cfg := smallMessage(t), &Config{}
	got := testing.AllocsPerRun(100, func() {
		b, err := encode(m, m, cfg)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.WriteTo(io.Discard); err != nil {
			t.Fatal(err)
		}
		b.Release()
	})
	most := testing.AllocsPerRun(100, func() { httpapi.EnvelopeID(m.Recipients()) })
	if got > most {
		t.Errorf("%v allocations, at most %v are wanted: those of the envelope's name", got, most)
	}
}
