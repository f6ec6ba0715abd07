package router_test

import (
	"hash/fnv"
	"math/rand/v2"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/router"
)

// seeded returns a source that depends on the key alone.
func seeded(key string) rand.Source {
	h := fnv.New64a()
	_, _ = h.Write([]byte(key))
	return rand.NewPCG(1, h.Sum64())
}

// Every message begins with the next route, and goes on in their order.
func TestRoundRobin(t *testing.T) {
	virtual(t, func(t *testing.T) {
		m := start(t, router.Config{Policy: router.RoundRobin}, healthy("a"), always("b", refused(mailer.ScopeProvider, elsewhere, 0)), healthy("c"))
		for i, want := range []string{"a done", "b next route, c done", "c done", "a done", "b next route, c done", "c done"} {
			expect(t, "trace", trace(m.must(t.Context(), letter(i))), want)
		}
	})
}

// The share of a route is that of its weight.
func TestWeighted(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a, b, spare := healthy("a"), healthy("b"), healthy("c")
		m := start(t, router.Config{Policy: router.Weighted, Rand: seeded, Routes: []router.Route{
			{Name: "a", Sender: a, Weight: 3}, through(b), {Name: "c", Sender: spare, Weight: -1},
		}})
		m.loose = true
		for i := range 2000 {
			if _, err := m.Send(t.Context(), letter(i)); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(a.Kept()); n < 1420 || n > 1580 {
			t.Errorf("a has %d of 2000, want about 1500", n)
		}
		expect(t, "messages of a and b", len(a.Kept())+len(b.Kept()), 2000)
		expect(t, "messages of the spare", len(spare.Kept()), 0)
	})
}

// When the route that was drawn fails, the others are drawn too, those without a weight last.
func TestWeightedFailover(t *testing.T) {
	virtual(t, func(t *testing.T) {
		no := refused(mailer.ScopeProvider, elsewhere, 0)
		m := start(t, router.Config{Policy: router.Weighted, Rand: seeded, MaxAttempts: 4, Routes: []router.Route{
			{Name: "spare", Sender: healthy("spare"), Weight: -1}, {Name: "a", Sender: always("a", no), Weight: 5}, through(always("b", no)),
		}})
		seen := map[string]int{}
		for i := range 4 {
			seen[trace(m.must(t.Context(), letter(i)))]++
		}
		for got := range seen {
			if got != "a next route, b next route, spare done" && got != "b next route, a next route, spare done" {
				t.Errorf("trace %q", got)
			}
		}
	})
}

// The same message is drawn the same route, so that a run can be repeated.
func TestWeightedByKey(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var runs [2]string
		for i := range runs {
			m := start(t, router.Config{Policy: router.Weighted, Rand: seeded}, healthy("a"), healthy("b"), healthy("c"))
			for n := range 50 {
				runs[i] += m.must(t.Context(), letter(n)).Route
			}
		}
		expect(t, "routes", runs[0], runs[1])
	})
}
