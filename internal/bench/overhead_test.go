package main

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/mailkeel/mailkeel/internal/bench/outage"
)

func TestLessIsPaired(t *testing.T) {
	r := results{"a": {sendTime: {300, 500}}, "direct": {sendTime: {100, 200}}}
	r.less("direct", sendTime, ownTime)
	if got := r["a"][ownTime]; !slices.Equal(got, []float64{200, 300}) {
		t.Errorf("a: %v above direct, want 200 and 300", got)
	}
	if got := r["direct"][ownTime]; !slices.Equal(got, []float64{0, 0}) {
		t.Errorf("direct above itself: %v", got)
	}
}

func TestLeastOfEach(t *testing.T) {
	r := results{"a": {sendTime: {5, 3, 4, 7, 8, 6}}}
	r.least(3)
	if got := r["a"][sendTime]; !slices.Equal(got, []float64{3, 6}) {
		t.Errorf("got %v, want 3 and 6", got)
	}
}

// TestOutagesRunEach: every contender has its figures in every scenario.
func TestOutagesRunEach(t *testing.T) {
	r := &run{rng: rand.New(rand.NewPCG(1, 0)), plan: miniature()}
	r.reps = 2
	by, err := r.allOutages()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range outage.Scenarios() {
		want := 1
		if s.Brief() {
			want = 2
		}
		for _, c := range outage.All() {
			if n := len(by[s][c.Name][p99]); n != want {
				t.Errorf("%s, %s: %d figures, want %d", s, c.Name, n, want)
			}
		}
	}
}
