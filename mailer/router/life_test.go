package router

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func newLife() *life {
	l := new(life)
	l.begin(func() bool { return false })
	return l
}

func closed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestLife(t *testing.T) {
	l := newLife()
	if !l.enter() || !l.enter() || l.closing() || l.cut() || closed(l.ending) || closed(l.idle) {
		t.Fatal("a new life does not begin open")
	}
	l.leave()
	if closed(l.idle) {
		t.Fatal("idle while it is open")
	}
	if !l.finish() || !l.closing() || !closed(l.ending) || l.base.Err() == nil {
		t.Fatal("not finished")
	}
	if closed(l.idle) {
		t.Fatal("idle while a send is under way")
	}
	if l.enter() || closed(l.idle) {
		t.Fatal("a send begins after the end, or makes it idle")
	}
	if l.leave(); !closed(l.idle) {
		t.Fatal("not idle when the last has left")
	}
	if l.finish() {
		t.Error("a second end is taken for the first")
	}
	if l.enter() || l.enter() {
		t.Error("a send begins when all is over")
	}
}

// TestLifeWithoutSends: there is nobody to wait for.
func TestLifeWithoutSends(t *testing.T) {
	l := newLife()
	if l.finish(); !closed(l.idle) {
		t.Error("not idle")
	}
}

// TestLifeOfMany: no number of sends is taken for the end.
func TestLifeOfMany(t *testing.T) {
	l := newLife()
	for i := range 100_000 {
		if !l.enter() {
			t.Fatalf("number %d is not let in", i+1)
		}
	}
}

// TestLifeRaces: whoever was let in is waited for, and nobody is let in afterwards.
func TestLifeRaces(t *testing.T) {
	for range 50 {
		l := newLife()
		var inside, entered atomic.Int64
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() {
				for l.enter() {
					inside.Add(1)
					entered.Add(1)
					inside.Add(-1)
					l.leave()
				}
			})
		}
		firsts := atomic.Int64{}
		for range 3 {
			wait.Go(func() {
				if l.finish() {
					firsts.Add(1)
				}
				<-l.idle
				if n := inside.Load(); n != 0 {
					t.Errorf("idle with %d inside", n)
				}
			})
		}
		wait.Wait()
		if firsts.Load() != 1 {
			t.Errorf("%d were the first to end it", firsts.Load())
		}
	}
}

// TestSpawn: what runs in the background is waited for, and nothing new begins.
func TestSpawn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLife()
		ended := false
		if !l.spawn(func() { <-l.base.Done(); time.Sleep(time.Second); ended = true }) {
			t.Fatal("nothing begins while it is open")
		}
		synctest.Wait()
		l.finish()
		if l.waits.Wait(); !ended {
			t.Error("it was not waited for")
		}
		if l.spawn(func() { t.Error("it begins after the end") }) {
			t.Error("it claims to have begun after the end")
		}
		synctest.Wait()
	})
}

// TestSpawnRaces: Add and Wait of one WaitGroup must not meet.
func TestSpawnRaces(t *testing.T) {
	for range 200 {
		l := newLife()
		var running, began atomic.Int64
		var wait sync.WaitGroup
		for range 4 {
			wait.Go(func() {
				for l.spawn(func() { running.Add(1); defer running.Add(-1); <-l.base.Done() }) {
					began.Add(1)
					if began.Load() > 50 {
						return
					}
				}
			})
		}
		l.finish()
		l.waits.Wait()
		if n := running.Load(); n != 0 {
			t.Fatalf("%d run when all was waited for", n)
		}
		wait.Wait()
	}
}
