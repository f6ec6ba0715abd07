package simmail_test

import (
	"slices"
	"testing"
	"testing/synctest"

	"github.com/mailkeel/mailkeel/internal/simmail"
	"github.com/mailkeel/mailkeel/mailer"
)

// play runs one seed of a scenario over a mini with a bug.
func play(t *testing.T, s simmail.Scenario, seed uint64, bug string) (h *simmail.History, problems []simmail.Problem) {
	t.Helper()
	synctest.Test(t, func(*testing.T) {
		plan := s.Plan(simmail.Rand(seed, s.Name))
		if o := plan.Promises.Outage; o != nil {
			o.Late = 0 // to be fast takes more than a mini
		}
		h = plan.Play(seed, func(_ *simmail.World, routes []mailer.Sender) simmail.Subject { return newMini(bug, routes) })
		problems = h.Check(plan.Promises)
	})
	return h, problems
}

// TestSound: a router that keeps the promises passes. It is the other half of TestPlanted.
func TestSound(t *testing.T) {
	for _, s := range simmail.Scenarios() {
		t.Run(s.Name, func(t *testing.T) {
			for seed := range uint64(8) {
				if s.Heavy && seed > 0 {
					return
				}
				h, problems := play(t, s, seed, "")
				for _, p := range problems[:min(len(problems), 3)] {
					t.Errorf("seed %d: %s\n%s", seed, p, h.Story(p.MessageID))
				}
			}
		})
	}
}

// TestPlanted: every planted bug is caught, by the promises that it breaks.
func TestPlanted(t *testing.T) {
	for bug, promises := range planted {
		t.Run(bug, func(t *testing.T) {
			if missed := notCaught(t, bug, promises); len(missed) > 0 {
				t.Errorf("not caught by %q", missed)
			}
		})
	}
}

// notCaught returns which of the promises a mini with the bug does not break.
func notCaught(t *testing.T, bug string, promises []string) []string {
	t.Helper()
	missed := slices.Clone(promises)
	for _, s := range simmail.Scenarios() {
		for seed := uint64(0); seed < 3 && !s.Heavy && len(missed) > 0; seed++ {
			_, problems := play(t, s, seed, bug)
			for _, p := range problems {
				missed = slices.DeleteFunc(missed, func(promise string) bool { return promise == p.Promise })
			}
		}
	}
	return missed
}

var planted = map[string][]string{
	"fails over on unknown":              {"P3"},
	"sends to all again":                 {"P3"},
	"sends twice":                        {"P3", "P5", "lies", "attempts"},
	"tries alongside without a gate":     {"P3", "attempts"},
	"takes refused messages elsewhere":   {"final"},
	"forgets a route":                    {"chance"},
	"gives up on unknown":                {"chance"},
	"reports accepted for refused":       {"P4"},
	"reports refused for unknown":        {"P4"},
	"reads a lost reply as a refusal":    {"P4"},
	"reads 451 as accepted":              {"P4"},
	"reads a refusal as unknown":         {"P2"},
	"forgets failed attempts":            {"attempts"},
	"forgets a recipient":                {"receipt"},
	"returns no receipt beside an error": {"receipt"},
	"goes on after it has returned":      {"attempts"},
	"tries too often":                    {"attempts"},
	"retries without end":                {"P9"},
	"ignores Retry-After":                {"P10"},
	"ignores revoked keys":               {"P10"},
	"never rests a route":                {"P10"},
	"never looks again":                  {"P11"},
	"opens at the first":                 {"P12"},
	"blames the provider for mail":       {"P12"},
	"waits for its turn":                 {"P12"},
	"forgets the deadline":               {"P13"},
	"forgets to close a route":           {"close"},
	"divides no time":                    {"P13"},
}

// TestSameSeed: a history follows from its seed.
func TestSameSeed(t *testing.T) {
	for _, s := range simmail.Scenarios() {
		if s.Heavy {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			first, _ := play(t, s, 1, "")
			for range 3 {
				if again, _ := play(t, s, 1, ""); again.Hash() != first.Hash() {
					t.Fatal("another history from the same seed")
				}
			}
			if other, _ := play(t, s, 2, ""); other.Hash() == first.Hash() {
				t.Error("the same history from another seed")
			}
		})
	}
}
