package router

import (
	"fmt"
	"testing"
	"time"
)

// add counts n failures of different messages and returns what the last one said.
func (f *failures) addMany(n int, prefix string, goods uint64, now time.Time) (open bool) {
	for i := range n {
		open = f.add(failure{key: fmt.Sprintf("%s%d", prefix, i), goods: goods}, now)
	}
	return open
}

// TestFailureRun: the fifth in a row is too much, whenever they come.
func TestFailureRun(t *testing.T) {
	for _, every := range []time.Duration{0, time.Second, time.Hour} {
		var f failures
		for i := range failureRun {
			open := f.add(failure{key: fmt.Sprint(i), goods: 1000}, at(time.Duration(i)*every))
			if want := i == failureRun-1; open != want || f.run != i+1 {
				t.Errorf("one in %v: failure %d opens: %t, run %d", every, i+1, open, f.run)
			}
		}
	}
}

// TestMessageCountsOnce: one message that fails again and again may be what is wrong.
func TestMessageCountsOnce(t *testing.T) {
	var f failures
	for range 100 {
		if f.add(bad("poison"), epoch) {
			t.Fatal("one message opens the circuit")
		}
	}
	if f.run != 1 || f.window.bads != 1 {
		t.Errorf("one message counts %d times in a row, %d in the window", f.run, f.window.bads)
	}
	f.run = 0 // a success
	if f.add(bad("poison"), at(time.Second)); f.run != 0 {
		t.Error("it counts once more after a success")
	}
	if !f.addMany(failureRun, "other", 0, epoch) {
		t.Error("five other messages are not too much")
	}
}

// TestKeysAreForgotten: as many keys are kept as decide anything, and no more.
func TestKeysAreForgotten(t *testing.T) {
	for others, counts := range map[int]bool{1: false, 15: false, 16: true} {
		var f failures
		f.add(bad("x"), epoch)
		f.addMany(others, "o", 0, epoch)
		if before := f.run; (f.add(bad("x"), epoch) || f.run > before) != counts {
			t.Errorf("after %d others the message counts again: %t", others, !counts)
		}
	}
}

// TestHalfOfTheAttempts: the share counts where there are enough of them.
func TestHalfOfTheAttempts(t *testing.T) {
	for _, c := range []struct {
		goods uint64
		bads  int
		want  bool
	}{
		{6, 4, false}, // ten, less than half
		{5, 5, true},  // ten, half
		{5, 4, false}, // nine: too few
		{4, 5, false}, // nine, though more than half
		{4, 6, true},
		{0, 9, false},
		{0, 10, true},
		{16, 15, false},
		{15, 15, true},
	} {
		var f failures
		open := false
		for i := range c.bads {
			f.run = 0 // so that the run is never what opens it
			goods := uint64(100)
			if i > 0 {
				goods += c.goods
			}
			open = f.add(failure{key: fmt.Sprint(i), goods: goods}, at(time.Duration(i)*time.Second))
		}
		if open != c.want {
			t.Errorf("%d good and %d bad: opens %t", c.goods, c.bads, open)
		}
	}
}

// TestWindowBeginsAnew: what lies more than half a minute back counts no more.
func TestWindowBeginsAnew(t *testing.T) {
	for _, c := range []struct {
		last time.Duration
		want bool
	}{{30 * time.Second, true}, {30*time.Second + 1, false}} {
		var f failures
		for i := range windowTotal - 1 {
			f.run = 0
			if f.add(failure{key: fmt.Sprint(i)}, epoch) {
				t.Fatal("too few open it")
			}
		}
		f.run = 0
		if got := f.add(failure{key: "last", goods: 7}, at(c.last)); got != c.want {
			t.Errorf("the tenth %v after the first opens: %t", c.last, got)
		}
		if w := f.window; !c.want && (w.bads != 1 || w.goods != 7 || !w.start.Equal(at(c.last))) {
			t.Errorf("the new window is %+v", w)
		}
	}
}

func TestAllSlow(t *testing.T) {
	for _, c := range []struct {
		run  string // s: slow, f: failed, g: a success
		want bool
	}{
		{"", false}, {"s", true}, {"f", false}, {"sss", true}, {"ssf", false}, {"fss", false},
		{"fgs", true}, {"sgf", false}, {"ssgss", true}, {"sg", false},
	} {
		var f failures
		for i, r := range c.run {
			if r == 'g' {
				f.run = 0
				continue
			}
			f.add(failure{key: fmt.Sprint(i), slow: r == 's'}, epoch)
		}
		if got := f.allSlow(); got != c.want {
			t.Errorf("%q: %t", c.run, got)
		}
	}
}
