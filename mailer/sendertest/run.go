package sendertest

import (
	"fmt"
	"slices"
	"testing"
)

// Run runs every case as a subtest of t, named "rule04/reply_lost" and the like. Each
// calls newHarness once, with the test that it is part of.
func Run(t *testing.T, newHarness func(t testing.TB) Harness) {
	t.Helper()
	for _, c := range cases() {
		t.Run(c.String(), func(t *testing.T) { c.run(newScene(t, newHarness(t))) })
	}
}

// A testCase checks one thing. Its rule is the one it is there for; a failure may
// quote another one, because everything that can be checked is checked after every send.
type testCase struct {
	rule int
	name string
	run  func(*scene)
}

func (c testCase) String() string { return fmt.Sprintf("rule%02d/%s", c.rule, c.name) }

func cases() []testCase {
	return slices.Concat(
		outcomeCases, boundaryCases(), afterwardsCases, messageCases, concurrencyCases,
		contextCases, gateCases, featureCases(), envelopeCases, invalidCases(), identityCases, secretCases,
		ownershipCases, closeCases,
	)
}
