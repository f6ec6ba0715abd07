package router

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

func newBudgetRoute() *route { return &route{r: &Router{}} }

// TestBudget offers messages, lets time pass, and asks for retries.
func TestBudget(t *testing.T) {
	type step struct {
		wait   time.Duration
		firsts uint64
		price  float64
		want   bool
	}
	ok, no := true, false
	for _, c := range []struct {
		name  string
		steps []step
	}{
		{"three at once and no more", []step{{0, 1, 1, ok}, {0, 0, 1, ok}, {0, 0, 1, ok}, {0, 0, 1, no}}},
		{"three in ten seconds", []step{
			{0, 1, 1, ok}, {0, 0, 1, ok}, {0, 0, 1, ok},
			{3300 * time.Millisecond, 0, 1, no}, {100 * time.Millisecond, 0, 1, ok}, {0, 0, 1, no}, {3400 * time.Millisecond, 0, 1, ok}, {0, 0, 1, no},
		}},
		{"a retry after no answer costs two", []step{{0, 1, 2, ok}, {0, 0, 2, no}, {0, 0, 1, ok}, {0, 0, 1, no}, {6 * time.Second, 0, 2, no}, {700 * time.Millisecond, 0, 2, ok}}},
		{"a tenth of the messages", []step{
			{0, 0, 1, ok}, {0, 0, 1, ok}, {0, 0, 1, ok},
			{0, 9, 1, no}, {0, 2, 1, ok}, {0, 8, 1, no}, {0, 21, 2, ok}, {0, 0, 1, no},
		}},
		{"whichever is more, not both", []step{
			{0, 0, 1, ok}, {0, 0, 1, ok}, {0, 0, 1, ok}, {2 * time.Second, 6, 1, no}, {2 * time.Second, 6, 1, ok}, {0, 0, 1, no},
		}},
		{"what is not used is not saved", []step{{0, 1, 1, ok}, {time.Hour, 1_000_000, 1, ok}, {0, 0, 1, ok}, {0, 0, 1, ok}, {0, 0, 1, no}}},
		{"what is refused costs nothing", []step{{0, 1, 2, ok}, {0, 0, 2, no}, {0, 0, 2, no}, {0, 0, 1, ok}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			rt, now := newBudgetRoute(), epoch
			for i, s := range c.steps {
				now = now.Add(s.wait)
				rt.counts.begun.Add(s.firsts)
				if got := rt.affords(s.price, now); got != s.want {
					t.Fatalf("step %d: affords %v: %t", i, s.price, got)
				}
				if got := rt.pay(s.price, now); got != s.want {
					t.Fatalf("step %d: pays %v: %t", i, s.price, got)
				}
			}
		})
	}
}

// A history is what happened at one route: messages offered, and what was paid for retries.
type history struct {
	at     []time.Duration
	firsts []float64
	paid   []float64
}

// check looks at every window of ten seconds: whatever happens, the retries in it are a tenth of
// the messages offered, three for the time and three that were saved at most.
func (h *history) check(t *testing.T, seed uint64) {
	t.Helper()
	for i, end := range h.at {
		firsts, paid := 0.0, 0.0
		for j := i; j >= 0 && end-h.at[j] <= 10*time.Second; j-- {
			firsts += h.firsts[j]
			paid += h.paid[j]
		}
		if limit := retryBurst + 3 + 0.1*firsts; paid > limit+1e-9 {
			t.Fatalf("seed %d: %v paid in the ten seconds before %v, with %v messages; at most %v", seed, paid, end, firsts, limit)
		}
	}
}

// TestBudgetHolds is a property of random histories: of bursts, of steady load and of nearly none.
func TestBudgetHolds(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		gap, burst := time.Duration(1+random.IntN(2000))*time.Millisecond, 1+random.IntN(40)
		rt := newBudgetRoute()
		var h history
		now := time.Duration(0)
		for range 300 {
			now += time.Duration(random.Float64() * float64(gap))
			firsts := max(0, random.IntN(2*burst)-burst)
			rt.counts.begun.Add(uint64(firsts))
			paid := 0.0
			for range random.IntN(5) {
				if price := float64(1 + random.IntN(2)); rt.pay(price, at(now)) {
					paid += price
				}
			}
			if rt.budget.spent < 0 || rt.budget.spent > retryBurst {
				t.Fatalf("seed %d: %v of %d is spent", seed, rt.budget.spent, retryBurst)
			}
			h.at, h.firsts, h.paid = append(h.at, now), append(h.firsts, float64(firsts)), append(h.paid, paid)
		}
		h.check(t, seed)
	}
}

// TestBudgetOfSteadyLoad: a provider that refuses everything is not sent more than a tenth on top.
func TestBudgetOfSteadyLoad(t *testing.T) {
	for _, c := range []struct {
		perSecond int
		min, max  int // retries in a hundred seconds
	}{{0, 30, 33}, {1, 30, 43}, {10, 100, 133}, {1000, 9_990, 10_033}} {
		rt, retries := newBudgetRoute(), 0
		for i := range 100 * 1000 {
			if c.perSecond > 0 && i%(1000/c.perSecond) == 0 {
				rt.counts.begun.Add(1)
			}
			if rt.pay(1, at(time.Duration(i)*time.Millisecond)) {
				retries++
			}
		}
		if retries < c.min || retries > c.max {
			t.Errorf("%d messages a second: %d retries in 100 s, want %d to %d", c.perSecond, retries, c.min, c.max)
		}
	}
}

// TestPrice: a time-out has already cost the provider more than a refusal.
func TestPrice(t *testing.T) {
	here, other := &route{}, &route{}
	for _, c := range []struct {
		name  string
		last  *attempt
		price float64
	}{
		{"no answer", &attempt{rt: here, failed: &mailer.SendError{Scope: mailer.ScopeProvider}}, 2},
		{"no answer elsewhere", &attempt{rt: other, failed: &mailer.SendError{Scope: mailer.ScopeProvider}}, 1},
		{"a refusal", &attempt{rt: here, failed: &mailer.SendError{Scope: mailer.ScopeProvider, Code: 451}}, 1},
		{"our own limit", &attempt{rt: here, failed: &mailer.SendError{Scope: mailer.ScopeRate}}, 1},
		{"accepted for some", &attempt{rt: here}, 1},
	} {
		s := &send{last: c.last}
		if got := s.price(here); got != c.price {
			t.Errorf("%s: %v, want %v", c.name, got, c.price)
		}
	}
}
