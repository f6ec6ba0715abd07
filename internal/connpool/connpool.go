// Package connpool keeps a client's idle connections and bounds how many are open. One
// message at a time goes over a connection.
package connpool

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// A Conn is what a [Pool] keeps. Spent and Abort are called while the pool is locked: they
// must not call it.
type Conn interface {
	comparable
	// Alive reports whether an idle connection still looks usable, without waiting.
	Alive(now time.Time) bool
	// Spent reports whether the connection has served as often as it may.
	Spent() bool
	// Bye ends a connection that is in order; it must not wait for an answer.
	Bye()
	// Abort ends a connection as it is. It may be called from other goroutines.
	Abort()
}

// A Pool keeps idle connections and bounds how many are open.
type Pool[C Conn] struct {
	slots   chan struct{}   // one for each connection in use
	closing chan struct{}   // closed when no new messages are taken
	cut     context.Context //nolint:containedctx // ended when those under way are cut off
	cutOff  context.CancelFunc

	idleTimeout time.Duration

	mu     sync.Mutex
	idle   []idle[C] // the last used one at the end
	inUse  map[C]struct{}
	closed bool
	reaper *time.Timer // nil when nothing is idle
}

type idle[C Conn] struct {
	conn C
	from time.Time
}

var (
	// ErrSaturated means that no connection became free in time.
	ErrSaturated = errors.New("all connections are in use")
	// ErrClosed means that Close was called.
	ErrClosed = errors.New("closed")
)

// New returns a Pool of at most size connections, kept idle for idleTimeout; zero or less keeps none.
func New[C Conn](size int, idleTimeout time.Duration) *Pool[C] {
	cut, cutOff := context.WithCancel(context.Background()) //nolint:gosec // Close calls it
	return &Pool[C]{
		slots: make(chan struct{}, size), closing: make(chan struct{}), cut: cut, cutOff: cutOff,
		idleTimeout: idleTimeout, inUse: make(map[C]struct{}, size),
	}
}

// Cut ends when Close cuts off what is under way.
func (p *Pool[C]) Cut() context.Context { return p.cut }

// Acquire waits for the right to use one connection, until limit (zero: none), ctx's
// end, or Close. It is given back by Release.
func (p *Pool[C]) Acquire(ctx context.Context, limit time.Time) error {
	select {
	case <-p.closing:
		return ErrClosed
	default:
	}
	if err := ctx.Err(); err != nil {
		return err // a transaction begun in vain would cost the connection
	}
	select {
	case p.slots <- struct{}{}:
		return nil
	default:
		return p.wait(ctx, limit)
	}
}

func (p *Pool[C]) wait(ctx context.Context, limit time.Time) error {
	var expired <-chan time.Time
	if !limit.IsZero() {
		timer := time.NewTimer(time.Until(limit))
		defer timer.Stop()
		expired = timer.C
	}
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-expired:
		return ErrSaturated
	case <-ctx.Done():
		return fmt.Errorf("%w while all %d connections were in use", ctx.Err(), cap(p.slots))
	case <-p.closing:
		return ErrClosed
	}
}

// Release gives back what Acquire took.
func (p *Pool[C]) Release() { <-p.slots }

// Take returns an idle connection that still looks alive; the zero C when there is none.
func (p *Pool[C]) Take(now time.Time) (conn C) {
	for {
		p.mu.Lock()
		n := len(p.idle)
		if n == 0 {
			p.mu.Unlock()
			return *new(C)
		}
		last := p.idle[n-1]
		p.idle[n-1], p.idle = idle[C]{}, p.idle[:n-1]
		p.inUse[last.conn] = struct{}{}
		p.mu.Unlock()
		if now.Sub(last.from) < p.idleTimeout && last.conn.Alive(now) {
			return last.conn
		}
		p.Drop(last.conn)
	}
}

// MakeRoom ends an idle connection where the one that is about to be opened would be one too many.
func (p *Pool[C]) MakeRoom() {
	p.mu.Lock()
	var old []idle[C]
	if len(p.idle) > 0 && len(p.idle)+len(p.slots) > cap(p.slots) {
		old = append(old, p.idle[0])
		p.idle = p.idle[1:]
	}
	p.mu.Unlock()
	bye(old)
}

// Track counts conn as in use, so that Close can cut it off. It reports whether that has not happened
// yet: what is under way when Close begins may still connect.
func (p *Pool[C]) Track(conn C) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inUse[conn] = struct{}{}
	return p.cut.Err() == nil
}

// Put takes conn back after a message. It is kept if it is reusable and not spent.
func (p *Pool[C]) Put(conn C, reusable bool) {
	p.mu.Lock()
	delete(p.inUse, conn)
	keep := reusable && !p.closed && p.idleTimeout > 0 && len(p.idle) < cap(p.slots) && !conn.Spent()
	if keep {
		p.idle = append(p.idle, idle[C]{conn, time.Now()})
		if p.reaper == nil {
			p.reaper = time.AfterFunc(p.idleTimeout, p.reap)
		}
	}
	p.mu.Unlock()
	switch {
	case keep:
	case reusable:
		conn.Bye()
	default:
		conn.Abort()
	}
}

// Drop closes conn, which is of no further use.
func (p *Pool[C]) Drop(conn C) {
	p.mu.Lock()
	delete(p.inUse, conn)
	p.mu.Unlock()
	conn.Abort()
}

// reap ends what has been idle for too long, and runs again when the next will have been.
func (p *Pool[C]) reap() {
	p.mu.Lock()
	n := 0
	for n < len(p.idle) && time.Since(p.idle[n].from) >= p.idleTimeout {
		n++
	}
	old := append([]idle[C](nil), p.idle[:n]...)
	p.idle = p.idle[n:]
	p.reaper = nil
	if len(p.idle) > 0 && !p.closed {
		p.reaper = time.AfterFunc(p.idleTimeout-time.Since(p.idle[0].from), p.reap)
	}
	p.mu.Unlock()
	bye(old)
}

func bye[C Conn](old []idle[C]) {
	for i := range old {
		old[i].conn.Bye()
	}
}

// Close refuses new messages, waits for those under way until ctx ends, and then
// cuts them off; their verdicts follow from how far they got.
func (p *Pool[C]) Close(ctx context.Context) error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	close(p.closing)
	old := p.idle
	p.idle = nil
	if p.reaper != nil {
		p.reaper.Stop()
	}
	p.mu.Unlock()
	bye(old)
	err := p.drain(ctx)
	p.cutOff()
	if err != nil {
		p.abortAll()
		grace, cancel := context.WithTimeout(context.Background(), cutGrace)
		defer cancel()
		_ = p.drain(grace)
	}
	return err
}

// cutGrace is how long Close waits for what it has cut off, which returns at once unless it
// is inside the caller's code: a source of content or of a credential, or a dialer.
const cutGrace = 100 * time.Millisecond

// drain waits until nothing is in use, by taking every slot.
func (p *Pool[C]) drain(ctx context.Context) error {
	taken := 0
	defer func() {
		for range taken {
			<-p.slots
		}
	}()
	for range cap(p.slots) {
		select {
		case p.slots <- struct{}{}:
			taken++
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// InUse returns how many connections are tracked or taken, and not given back yet.
func (p *Pool[C]) InUse() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.inUse)
}

func (p *Pool[C]) abortAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.inUse {
		conn.Abort()
	}
}

// Untrack forgets conn, which somebody else looks after from now on.
func (p *Pool[C]) Untrack(conn C) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.inUse, conn)
}
