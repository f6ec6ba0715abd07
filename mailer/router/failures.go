package router

import (
	"slices"
	"time"
)

// When failures open a circuit.
const (
	failureRun    = 5 // in a row
	failureWindow = 30 * time.Second
	windowTotal   = 10 // or half of at least so many within the window
)

// A failure is one attempt that is put down to the provider.
type failure struct {
	key    string // of the message: each counts once
	slow   bool   // nothing failed, it took too long
	detail string
	goods  uint64 // the route's successes so far
}

// failures counts them, of one route.
type failures struct {
	keys   [16]string // of the messages that failed last
	at     int
	run    int // since the last success
	slow   int // of run
	window struct {
		start time.Time
		goods uint64 // the route's successes at its start
		bads  uint64
	}
}

// add reports whether that is too much. One message counts once: it may be the
// message that makes the provider fail.
func (f *failures) add(x failure, now time.Time) bool {
	if slices.Contains(f.keys[:], x.key) {
		return false
	}
	f.keys[f.at%len(f.keys)] = x.key
	f.at++
	if f.run == 0 {
		f.slow = 0
	}
	f.run++
	if x.slow {
		f.slow++
	}
	return f.often(x.goods, now) || f.run >= failureRun
}

// often reports whether half of the attempts fail.
func (f *failures) often(goods uint64, now time.Time) bool {
	w := &f.window
	if now.Sub(w.start) > failureWindow {
		w.start, w.goods, w.bads = now, goods, 0
	}
	w.bads++
	good := goods - w.goods
	return w.bads+good >= windowTotal && w.bads >= good
}

// allSlow reports whether none of the run really failed.
func (f *failures) allSlow() bool { return f.run > 0 && f.slow == f.run }

func (f *failures) reset() { *f = failures{} }
