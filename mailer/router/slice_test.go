package router

import (
	"context"
	"testing"
	"time"
)

// timed returns a send with that time left, to the routes of r.
func timed(r *Router, left time.Duration) *send {
	s := &send{r: r, ctx: context.Background()}
	if left != 0 {
		s.deadline = at(left)
	}
	return s
}

// TestCommitBy: max(MinSlice, (left - reserve)/k), for as many routes as have room.
func TestCommitBy(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		name     string
		left     time.Duration
		minSlice time.Duration
		routes   int // in all
		tried    int // before this attempt, which is tried too
		max      int // attempts
		want     time.Duration
	}{
		{"three routes share", 30 * s, 3 * s, 3, 0, 3, 8 * s},
		{"two are left", 22 * s, 3 * s, 3, 1, 3, 9500 * time.Millisecond},
		{"the last has all", 12 * s, 3 * s, 3, 2, 3, 12 * s},
		{"one route alone", 30 * s, 3 * s, 1, 0, 3, 30 * s},
		{"two routes", 30 * s, 3 * s, 2, 0, 3, 13500 * time.Millisecond},
		{"more routes than attempts", 30 * s, 3 * s, 10, 0, 3, 8 * s},
		{"more attempts than routes", 30 * s, 3 * s, 2, 0, 10, 13500 * time.Millisecond},
		{"the last attempt", 30 * s, 3 * s, 10, 2, 3, 30 * s},
		{"one attempt", 30 * s, 3 * s, 3, 0, 1, 30 * s},
		{"a larger share than the least", 15 * s, 3 * s, 3, 0, 3, 3 * s},
		{"just enough for all", 9 * s, 3 * s, 3, 0, 3, 3 * s},
		{"not enough for the third", 9*s - 1, 3 * s, 3, 0, 3, 3 * s},
		{"a larger share when the third goes without", 8900 * time.Millisecond, 3 * s, 3, 0, 3, 3 * s},
		{"enough for two", 6 * s, 3 * s, 3, 0, 3, 3 * s},
		{"not enough for two", 6*s - 1, 3 * s, 3, 0, 3, 6*s - 1},
		{"not enough for one", s, 3 * s, 3, 0, 3, s},
		{"no time", -s, 3 * s, 3, 0, 3, -s},
		{"nothing kept back", 30 * s, 0, 3, 0, 3, 30 * s},
		{"small slices", 30 * s, time.Millisecond, 3, 0, 3, 9999333333},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newTestRouter(t, Config{MaxAttempts: c.max}, c.routes)
			r.cfg.MinSlice = c.minSlice
			send := timed(r, c.left)
			send.attempts = c.tried
			for _, rt := range r.routes[:c.tried+1] {
				send.tried.add(rt)
			}
			if got := send.commitBy(epoch).Sub(epoch); got != c.want {
				t.Errorf("commits within %v, want %v", got, c.want)
			}
		})
	}
	if got := timed(newTestRouter(t, Config{}, 3), 0).commitBy(epoch); !got.IsZero() {
		t.Errorf("without a deadline it commits by %v", got)
	}
}

// TestCommitByCallersDeadline: that ctx ended is for ctx to say, and not for the gate.
func TestCommitByCallersDeadline(t *testing.T) {
	for n, want := range map[int]time.Duration{1: 0, 2: 13500 * time.Millisecond, 3: 8 * time.Second} {
		s := timed(newTestRouter(t, Config{}, n), 30*time.Second)
		s.callers = true
		s.tried.add(s.r.routes[0])
		got := s.commitBy(epoch)
		if want == 0 && !got.IsZero() || want > 0 && !got.Equal(at(want)) {
			t.Errorf("%d routes: commits by %v, want %v", n, got, want)
		}
	}
}

// TestEveryRouteGetsItsSlice uses up every slice: whoever has a place has at least MinSlice (P13).
func TestEveryRouteGetsItsSlice(t *testing.T) {
	for left := time.Second; left <= 40*time.Second; left += 250 * time.Millisecond {
		r := newTestRouter(t, Config{MaxAttempts: 5}, 5)
		s, now := timed(r, left), epoch
		fit := min(5, int(left/r.cfg.MinSlice))
		for i, rt := range r.routes {
			s.tried.add(rt)
			by := s.commitBy(now)
			if s.attempts++; i < fit && by.Sub(now) < r.cfg.MinSlice {
				t.Fatalf("%v for five routes: number %d has %v", left, i+1, by.Sub(now))
			}
			if by.After(s.deadline) || i == 4 && !by.Equal(s.deadline) {
				t.Fatalf("%v for five routes: number %d may commit until %v", left, i+1, by.Sub(epoch))
			}
			now = by
		}
	}
}

func TestFits(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		left, wait time.Duration
		want       bool
	}{
		{30 * s, 27*s - 1, true}, {30 * s, 27 * s, false},
		{6 * s, 3*s - 1, true}, {6 * s, 3 * s, false},
		{4 * s, 2*s - 1, true}, {4 * s, 2 * s, false},
		{s, 0, true}, {0, time.Hour, true}, {-s, 0, false},
	} {
		send := timed(newTestRouter(t, Config{}, 1), c.left)
		if got := send.fits(epoch, c.wait); got != c.want {
			t.Errorf("%v left, to wait %v: fits %t", c.left, c.wait, got)
		}
	}
}

func TestOver(t *testing.T) {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for _, c := range []struct {
		name string
		left time.Duration
		ctx  context.Context
		cut  bool
		want bool
	}{
		{"time left", 1, context.Background(), false, false},
		{"none", 0, context.Background(), false, false}, // no deadline
		{"past", -1, context.Background(), false, true},
		{"ctx ended", 0, ended, false, true},
		{"closed", 0, context.Background(), true, true},
	} {
		send := timed(newTestRouter(t, Config{}, 1), c.left)
		send.ctx = c.ctx
		if c.cut {
			send.r.life.cutAll()
		}
		if got := send.over(epoch); got != c.want {
			t.Errorf("%s: over %t", c.name, got)
		}
	}
	if send := timed(newTestRouter(t, Config{}, 1), time.Second); !send.over(at(time.Second)) {
		t.Error("the deadline itself is not past it")
	}
}
