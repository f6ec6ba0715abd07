package router

import (
	"context"
	"sync"
	"sync/atomic"
)

// life counts what is under way, and ends it.
type life struct {
	sends  atomic.Int64 // those that count themselves, and endBit once the router closes
	busy   func() bool  // whether others are under way
	ending chan struct{}
	idle   chan struct{} // closed when the router closes and no send is under way
	once   sync.Once     // of idle
	end    sync.Once
	cutOff context.Context //nolint:containedctx // ends when sends under way are cut off
	cutAll context.CancelFunc

	mu      sync.Mutex // of waits.Add against waits.Wait
	waits   sync.WaitGroup
	base    context.Context //nolint:containedctx // of the checks, which belong to the router
	stop    context.CancelFunc
	stopped bool
}

const endBit = 1 << 62

func (l *life) begin(busy func() bool) {
	l.busy = busy
	l.ending, l.idle = make(chan struct{}), make(chan struct{})
	l.base, l.stop = context.WithCancel(context.Background())
	l.cutOff, l.cutAll = context.WithCancel(context.Background())
}

// enter counts a send. It reports whether the router is open.
func (l *life) enter() bool {
	if l.add() {
		return true
	}
	l.leave()
	return false
}

// add counts a send, also one that had begun before the router closed. It reports whether
// the router is open.
func (l *life) add() bool { return l.sends.Add(1)&endBit == 0 }

func (l *life) leave() {
	l.sends.Add(-1)
	l.settle()
}

// settle notices that nothing is under way any more once the router closes.
func (l *life) settle() {
	if l.sends.Load() == endBit && !l.busy() {
		l.once.Do(func() { close(l.idle) })
	}
}

func (l *life) closing() bool { return l.sends.Load()&endBit != 0 }

// cut reports whether sends under way are being cut off.
func (l *life) cut() bool { return l.cutOff.Err() != nil }

// finish lets no send begin any more, and reports whether this is the first call.
func (l *life) finish() (first bool) {
	l.end.Do(func() {
		first = true
		l.sends.Add(endBit)
		l.settle()
		close(l.ending)
		l.mu.Lock()
		l.stopped = true
		l.mu.Unlock()
		l.stop()
	})
	return first
}

// spawn runs f until the router closes, which waits for it; false when it has closed.
func (l *life) spawn(f func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.stopped {
		l.waits.Go(f)
	}
	return !l.stopped
}
