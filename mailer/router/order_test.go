package router

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// weighing returns routes of those weights, as they are kept: zero is "only when no other is left".
func weighing(weights ...int) []*route {
	routes := make([]*route, len(weights))
	for i, w := range weights {
		routes[i] = &route{Route: Route{Weight: w}, index: i}
	}
	return routes
}

func TestWeightDefaults(t *testing.T) {
	for given, want := range map[int]int{0: 1, -1: 0, -100: 0, 1: 1, 7: 7} {
		if got := weight(given); got != want {
			t.Errorf("Weight %d is kept as %d, want %d", given, got, want)
		}
	}
}

// TestDraw walks through the ranges of the draw: each route has as many numbers as its weight.
func TestDraw(t *testing.T) {
	for _, c := range []struct {
		name    string
		weights []int
		draw    float64
		want    []int8
	}{
		{"the beginning", []int{1, 2, 1}, 0, []int8{0, 1, 2}},
		{"the end of the first", []int{1, 2, 1}, 0.2499, []int8{0, 1, 2}},
		{"the beginning of the second", []int{1, 2, 1}, 0.25, []int8{1, 0, 2}},
		{"the end of the second", []int{1, 2, 1}, 0.7499, []int8{1, 2, 0}},
		{"the third", []int{1, 2, 1}, 0.75, []int8{2, 1, 0}},
		{"one without a weight comes last", []int{0, 1, 1}, 0, []int8{1, 2, 0}},
		{"in the middle", []int{1, 0, 1}, 0, []int8{0, 2, 1}},
		{"at the end", []int{1, 1, 0}, 0.9999, []int8{1, 0, 2}},
		{"one alone", []int{0}, 0.5, []int8{0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := draw(weighing(c.weights...), drawing(c.draw)); !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

// TestDrawShares: over many draws each route begins, and follows each other, by its share.
func TestDrawShares(t *testing.T) {
	const draws = 100_000
	for _, weights := range [][]int{{1, 1}, {3, 1}, {1, 2, 3, 4}, {5, 0, 5}, {90, 10, 0, 0}} {
		routes, random := weighing(weights...), rand.New(rand.NewPCG(7, 7))
		total := 0
		for _, w := range weights {
			total += w
		}
		firsts := make([]int, len(weights))
		seconds := make(map[[2]int8]int)
		for range draws {
			order := draw(routes, random)
			if sorted := slices.Sorted(slices.Values(order)); !slices.Equal(sorted, indexes(len(weights))) {
				t.Fatalf("%v: %v is no permutation", weights, order)
			}
			firstless := slices.IndexFunc(order, func(i int8) bool { return weights[i] == 0 })
			if firstless >= 0 && slices.ContainsFunc(order[firstless:], func(i int8) bool { return weights[i] > 0 }) {
				t.Fatalf("%v: %v has one without a weight before one with it", weights, order)
			}
			firsts[order[0]]++
			seconds[[2]int8{order[0], order[1]}]++
		}
		for i, n := range firsts {
			near(t, weights, "first", float64(n)/draws, float64(weights[i])/float64(total))
		}
		for pair, n := range seconds {
			a, b := weights[pair[0]], weights[pair[1]]
			if b > 0 {
				near(t, weights, "second", float64(n)/draws, float64(a)/float64(total)*float64(b)/float64(total-a))
			}
		}
	}
}

func near(t *testing.T, weights []int, place string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 0.01 {
		t.Errorf("%v: a share of %v comes %s, want %v", weights, got, place, want)
	}
}

func indexes(n int) []int8 {
	all := make([]int8, n)
	for i := range all {
		all[i] = int8(i)
	}
	return all
}

// TestRoundRobin: every route begins as often as every other, and the others follow in turn.
func TestRoundRobin(t *testing.T) {
	r := newTestRouter(t, Config{Policy: RoundRobin}, 3)
	for turn := range 3 * 4 {
		o := r.newOrder(nil)
		for i := range 3 {
			if got := o.at(i, 3); got != (turn+i)%3 {
				t.Errorf("turn %d: route %d comes at place %d", turn, got, i)
			}
		}
	}
}

func TestPolicies(t *testing.T) {
	r := newTestRouter(t, Config{}, 3)
	for range 3 {
		if o := r.newOrder(nil); o.at(0, 3) != 0 || o.at(1, 3) != 1 || o.at(2, 3) != 2 {
			t.Errorf("Priority begins with route %d", o.at(0, 3))
		}
	}
	w := newTestRouter(t, Config{Policy: Weighted}, 3)
	o := w.newOrder(&send{random: drawing(0.7)})
	if got := []int{o.at(0, 3), o.at(1, 3), o.at(2, 3)}; !slices.Equal(got, []int{2, 1, 0}) {
		t.Errorf("Weighted gives %v", got)
	}
}

func TestSet(t *testing.T) {
	routes := weighing(make([]int, maxRoutes)...)
	var s set
	for i, rt := range routes {
		if s.has(rt) {
			t.Fatalf("route %d is in the set before it was added", i)
		}
		s.add(rt)
		s.add(rt)
		for j, other := range routes {
			if s.has(other) != (j <= i) {
				t.Fatalf("after %d routes the set says %t of route %d", i+1, s.has(other), j)
			}
		}
	}
}

// TestRoundRobinGoesRound: also where an int has 32 bits (GOARCH=386).
func TestRoundRobinGoesRound(t *testing.T) {
	r := newTestRouter(t, Config{Policy: RoundRobin}, 3)
	r.turn.Store(math.MaxInt32)
	for range 4 {
		if o := r.newOrder(nil); o.first < 0 || o.first > 2 {
			t.Fatalf("begins with route %d", o.first)
		}
	}
}
