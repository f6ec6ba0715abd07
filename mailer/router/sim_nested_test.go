package router_test

import (
	"testing"
	"testing/synctest"

	"github.com/mailkeel/mailkeel/internal/simmail"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/router"
)

// nested puts the providers into two routers, and those into one.
func (s *simulation) nested(t *testing.T) *simmail.History {
	t.Helper()
	s.plan.Promises.Nested = true
	s.plan.Promises.Retries = -1
	return s.plan.Play(s.seed, func(w *simmail.World, senders []mailer.Sender) simmail.Subject {
		outer, inner := s.cfg, s.cfg
		outer.Observer, inner.Observer = w.Observer(), w.Observer()
		inner.Policy = router.Priority
		half := (len(senders) + 1) / 2
		for i, group := range [][]mailer.Sender{senders[:half], senders[half:]} {
			cfg := inner
			cfg.Name = []string{"first", "second"}[i]
			for _, sender := range group {
				cfg.Routes = append(cfg.Routes, router.Route{Sender: sender})
			}
			outer.Routes = append(outer.Routes, router.Route{Name: cfg.Name, Sender: mustNew(t, cfg)})
		}
		return &subject{mustNew(t, outer), s}
	})
}

// TestSimulationNested: what holds for verdicts, copies and deadlines holds for routers of routers.
func TestSimulationNested(t *testing.T) {
	for _, s := range simmail.Scenarios() {
		if s.Ordered || s.Heavy {
			continue // its promises are about a router's own routes
		}
		t.Run(s.Name, func(t *testing.T) {
			for _, seed := range seeds(s, 100) {
				synctest.Test(t, func(t *testing.T) {
					sim := newSimulation(s, seed)
					h := sim.nested(t)
					sim.report(t, h, h.Check(sim.plan.Promises))
				})
				if t.Failed() {
					return
				}
			}
		})
	}
}
