//go:build !race

package mailer_test

import "testing"

// Prepare runs for every message: what it allocates is part of the contract.
func TestPrepareAllocations(t *testing.T) {
	msg := simple()
	if n := testing.AllocsPerRun(200, func() { mustPrepare(t, msg) }); n > 5 {
		t.Errorf("%v allocations for a simple message, want at most 5", n)
	}
	m := mustPrepare(t, full())
	if n := testing.AllocsPerRun(200, func() { mustPrepare(t, m) }); n != 0 {
		t.Errorf("%v allocations for a prepared message, want 0", n)
	}
}
