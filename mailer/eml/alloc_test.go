//go:build !race

package eml_test

import (
	"io"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml"
)

// TestAllocations holds the writer to its budget. The race detector empties pools at random.
func TestAllocations(t *testing.T) {
	simple := message()
	simple.Text = lorem(1 << 10)
	for name, tt := range map[string]struct {
		m   *mailer.Message
		max float64
	}{"simple": {simple, 3}, "full": {fullMessage(t), 12}} {
		m := prepare(t, tt.m)
		got := testing.AllocsPerRun(100, func() {
			body, err := eml.Render(m, eml.Options{EightBit: true})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := body.WriteTo(io.Discard); err != nil {
				t.Fatal(err)
			}
		})
		if got > tt.max {
			t.Errorf("%s: %v allocations, at most %v are wanted", name, got, tt.max)
		}
	}
}
