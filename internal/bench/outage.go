package main

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/mailkeel/mailkeel/internal/bench/outage"
)

// The quantities of G8: milliseconds, messages and copies.
const (
	p50        = "p50"
	p99        = "p99"
	longest    = "max"
	late       = "late"
	waited     = "waited"
	atPrimary  = "at primary"
	atBackup   = "at backup"
	duplicates = "duplicates"
	lost       = "lost"
	unknown    = "unknown"
	wrong      = "wrong"
	tried      = "tried"
	probes     = "probes"
)

// outages is G8: a primary that is out of order. All contenders run in all scenarios at the same time: at
// ten messages a second they are not in each other's way.
func (r *run) outages() error {
	byScenario, err := r.allOutages()
	if err != nil {
		return err
	}
	for _, s := range outage.Scenarios() {
		r.outageTable(s, byScenario[s]).print(r.out)
	}
	verdicts("G8: goals", outageGoals(byScenario)).print(r.out)
	return nil
}

func (r *run) outageTable(s outage.Scenario, res results) *table {
	t := &table{
		title: fmt.Sprintf("G8: %s, %d messages at %s/s", s, r.outage.Messages, number(1/r.outage.Every.Seconds())),
		heads: []string{
			"contender", "p50 ms", "p99 ms", "max ms", "over 1 s", "of them taken by the primary", "copies at primary", "at backup",
			"duplicates", "lost", "sender told: unknown", "the contrary", "tried at primary", "of them after one was not",
		},
	}
	for _, c := range outage.All() {
		row := []string{c.Name}
		for _, quantity := range []string{p50, p99, longest, late, waited, atPrimary, atBackup, duplicates, lost, unknown, wrong, tried, probes} {
			row = append(row, number(res.figure(c.Name, quantity).median))
		}
		t.row(row...)
	}
	return t
}

func outageGoals(by map[outage.Scenario]results) []verdict {
	of := func(s outage.Scenario, quantity string) figure { return by[s].figure(outage.Mailkeel, quantity) }
	refused := results{"refused": by[outage.Refused][outage.Mailkeel], "healthy": by[outage.Healthy][outage.Mailkeel]}
	list := []verdict{
		atMost("black hole, messages over 1 s", 0, of(outage.BlackHole, late)),
		atMost("black hole, p99 ms", 300, of(outage.BlackHole, p99)),
		atMost("slow primary, messages that wait", 30, of(outage.Slow, waited)),
		atMost("refused, p99 to healthy", 2, refused.ratio("refused", "healthy", p99)),
	}
	for _, s := range outage.Scenarios() {
		if s.Dead() {
			list = append(list, atMost(string(s)+", live messages used as probes", 0, of(s, probes)))
		}
		list = append(list, atMost(string(s)+", duplicates", 0, of(s, duplicates)), atMost(string(s)+", lost", 0, of(s, lost)),
			atMost(string(s)+", verdicts that the servers contradict", 0, of(s, wrong)))
	}
	return list
}

// A trial is one contender in one scenario.
type trial struct {
	scenario  outage.Scenario
	contender outage.Contender
}

// trials come in a random order, those that take long before the others. Where milliseconds tell the
// difference there is one for each repetition; otherwise one will do.
func (r *run) trials() []trial {
	var list []trial
	for _, s := range outage.Scenarios() {
		for _, c := range outage.All() {
			n := 1
			if s.Brief() {
				n = r.reps
			}
			list = append(list, slices.Repeat([]trial{{s, c}}, n)...)
		}
	}
	r.rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	slices.SortStableFunc(list, func(a, b trial) int { return waits(a.scenario) - waits(b.scenario) })
	return list
}

// waits orders scenarios.
func waits(s outage.Scenario) int {
	if s.Brief() {
		return 1
	}
	return 0
}

// allOutages runs all trials at once. Each begins after the first connections of the one before it
// were made, and a little shifted, so that their messages do not come at the same moments.
func (r *run) allOutages() (map[outage.Scenario]results, error) {
	by := make(map[outage.Scenario]results)
	for _, s := range outage.Scenarios() {
		by[s] = make(results)
	}
	var (
		mu   sync.Mutex
		errs []error
		wg   sync.WaitGroup
	)
	all := r.trials()
	shift := r.outage.Every + r.outage.Every/time.Duration(len(all))
	for i, t := range all {
		wg.Go(func() {
			a, err := outage.Run(t.scenario, t.contender, r.outage, time.Duration(i)*shift)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				errs = append(errs, fmt.Errorf("%s, %s: %w", t.scenario, t.contender.Name, err))
				return
			}
			by[t.scenario].add(t.contender.Name, quantities(a))
		})
	}
	wg.Wait()
	return by, errors.Join(errs...)
}

func quantities(a *outage.Account) sample {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	return sample{
		p50: ms(a.P50), p99: ms(a.P99), longest: ms(a.Max), late: float64(a.Late), waited: float64(a.Waited),
		atPrimary: float64(a.AtPrimary), atBackup: float64(a.AtBackup), duplicates: float64(a.Duplicates), lost: float64(a.Lost),
		unknown: float64(a.Unknown), wrong: float64(a.Wrong), tried: float64(a.Tried), probes: float64(a.Probes),
	}
}
