package router_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/mailkeel/mailkeel/internal/simmail"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/router"
)

var (
	simSeed  = flag.Uint64("sim.seed", 0, "the one seed to simulate; 0: from 1 on")
	simSeeds = flag.Int("sim.seeds", 0, "how many seeds to simulate of each scenario; 0: what a test run has time for")
)

// A simulation is one seed of a scenario, through routers.
type simulation struct {
	seed   uint64
	plan   *simmail.Plan
	cfg    router.Config
	health []router.RouteHealth // before it was closed
}

func newSimulation(s simmail.Scenario, seed uint64) *simulation {
	r := simmail.Rand(seed, s.Name)
	sim := &simulation{seed: seed, plan: s.Plan(r)}
	sim.cfg.Delivery = []mailer.Delivery{mailer.DeliveryDefault, mailer.AtMostOnce, mailer.AtLeastOnce}[r.IntN(3)]
	sim.cfg.SplitRecipients = r.IntN(2) == 0
	if !s.Ordered {
		sim.cfg.Policy = router.Policy(r.IntN(3))
	}
	if sim.cfg.Policy != router.Priority {
		sim.plan.Promises.Primary = ""
	}
	sim.plan.Promises.Delivery = sim.cfg.Delivery
	sim.cfg.Rand = func(key string) rand.Source { return simmail.Source(seed, "router", key) }
	return sim
}

// run must be called in a bubble.
func (s *simulation) run(t *testing.T) *simmail.History {
	t.Helper()
	return s.plan.Play(s.seed, func(w *simmail.World, senders []mailer.Sender) simmail.Subject {
		cfg := s.cfg
		cfg.Observer = w.Observer()
		for i, sender := range senders {
			cfg.Routes = append(cfg.Routes, router.Route{Name: s.plan.Providers[i].Name, Sender: sender, Weight: i + 1})
		}
		return &subject{mustNew(t, cfg), s}
	})
}

func mustNew(t *testing.T, cfg router.Config) *router.Router {
	t.Helper()
	r, err := router.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A subject keeps how the routes were when it was closed.
type subject struct {
	*router.Router
	sim *simulation
}

func (s *subject) Close(ctx context.Context) error {
	s.sim.health = s.Health()
	return s.Router.Close(ctx)
}

// check returns what is wrong with the history.
func (s *simulation) check(h *simmail.History) []simmail.Problem {
	problems := h.Check(s.plan.Promises)
	for _, route := range s.health {
		if s.plan.CloseAt == 0 && route.InFlight != 0 {
			problems = append(problems, simmail.Problem{Promise: "health", Text: fmt.Sprintf("%d in flight at %s when all had ended", route.InFlight, route.Name)})
		}
		if s.plan.Promises.GoodFrom > 0 && s.isStuck(route) {
			problems = append(problems, simmail.Problem{Promise: "P11", Text: fmt.Sprintf("%s is stuck: %+v", route.Name, route)})
		}
	}
	return problems
}

// isStuck: long after the last fault no route may rest. A backup that has passed its check and
// waits for a message that needs it, half-open, does not.
func (s *simulation) isStuck(route router.RouteHealth) bool {
	if route.State == router.HalfOpen && s.cfg.Policy == router.Priority && route.Name != s.plan.Providers[0].Name {
		return false
	}
	return route.State != router.Closed
}

// failedOnce are seeds that found something wrong, by scenario: they run always.
var failedOnce = map[string][]uint64{
	"closing":         {1, 10, 19, 21, 105, 109, 133, 141, 195, 769},
	"doubt":           {1, 9, 14, 37, 74, 87},
	"everything down": {1, 2, 20},
	"mixture":         {2, 13, 20, 24, 29, 38, 40, 43, 44, 49, 51, 90, 133, 222, 314, 357},
	"recipients":      {10, 97},
}

// seeds returns those to simulate of a scenario, of which there are many in a usual run.
func seeds(s simmail.Scenario, many int) []uint64 {
	switch {
	case *simSeed != 0:
		return []uint64{*simSeed}
	case *simSeeds > 0:
		many = *simSeeds
	case testing.Short() || raceEnabled:
		many = (many + 19) / 20
	}
	all := slices.Clone(failedOnce[s.Name])
	for seed := range uint64(many) {
		all = append(all, seed+1)
	}
	return all
}

// TestSimulation holds the router to its promises, seed by seed.
func TestSimulation(t *testing.T) {
	for _, s := range simmail.Scenarios() {
		t.Run(s.Name, func(t *testing.T) {
			many := 150
			if s.Heavy {
				many = 2
			}
			for _, seed := range seeds(s, many) {
				simulate(t, s, seed)
				if t.Failed() {
					return
				}
			}
		})
	}
}

func simulate(t *testing.T, s simmail.Scenario, seed uint64) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		sim := newSimulation(s, seed)
		h := sim.run(t)
		sim.report(t, h, sim.check(h))
	})
}

// report fails t with the first problems, and what it takes to see them again.
func (s *simulation) report(t *testing.T, h *simmail.History, problems []simmail.Problem) {
	t.Helper()
	for _, p := range problems[:min(len(problems), 3)] {
		t.Errorf("go test ./mailer/router -run '%s' -sim.seed=%d\npolicy %d, delivery %s, split %t; %d problems: %s\n%s",
			t.Name(), s.seed, s.cfg.Policy, s.cfg.Delivery, s.cfg.SplitRecipients, len(problems), p, h.Story(p.MessageID))
	}
}
