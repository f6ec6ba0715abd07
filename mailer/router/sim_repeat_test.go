package router_test

import (
	"testing"
	"testing/synctest"

	"github.com/mailkeel/mailkeel/internal/simmail"
)

// TestSimulationRepeats: a history follows from its seed, so that a failure can be looked at again.
func TestSimulationRepeats(t *testing.T) {
	times := 20
	if raceEnabled || testing.Short() {
		times = 4
	}
	for _, s := range simmail.Scenarios() {
		if s.Heavy {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			hashes := map[uint64]int{}
			for range times {
				synctest.Test(t, func(t *testing.T) { hashes[newSimulation(s, 7).run(t).Hash()]++ })
			}
			if len(hashes) != 1 {
				t.Errorf("the same seed gave %d histories in %d runs", len(hashes), times)
			}
		})
	}
}
