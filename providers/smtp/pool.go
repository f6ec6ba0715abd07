package smtp

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/mailkeel/mailkeel/internal/smtpwire"
)

// A pool keeps idle connections and bounds how many are open. One message at a time
// goes over a connection.
type pool struct {
	slots   chan struct{}   // one for each connection in use
	closing chan struct{}   // closed when no new messages are taken
	cut     context.Context // ended when those under way are cut off
	cutOff  context.CancelFunc

	idleTimeout time.Duration
	maxMessages int

	mu     sync.Mutex
	idle   []*pooled // the last used one at the end
	inUse  map[*pooled]struct{}
	closed bool
	reaper *time.Timer // nil when nothing is idle
}

// pooled is a connection with what the pool knows of it.
type pooled struct {
	*smtpwire.Conn
	messages int
	idleFrom time.Time
}

func newPool(size int, idleTimeout time.Duration, maxMessages int) *pool {
	cut, cutOff := context.WithCancel(context.Background())
	return &pool{
		cut:         cut,
		cutOff:      cutOff,
		slots:       make(chan struct{}, size),
		closing:     make(chan struct{}),
		idleTimeout: idleTimeout,
		maxMessages: maxMessages,
		inUse:       make(map[*pooled]struct{}, size),
	}
}

var (
	errSaturated = errors.New("all connections are in use")
	errClosed    = errors.New("closed")
)

// acquire waits for the right to use one connection, until limit (zero: none), ctx's
// end, or Close. It is given back by release.
func (p *pool) acquire(ctx context.Context, limit time.Time) error {
	select {
	case <-p.closing:
		return errClosed
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

func (p *pool) wait(ctx context.Context, limit time.Time) error {
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
		return errSaturated
	case <-ctx.Done():
		return fmt.Errorf("%w while all %d connections were in use", ctx.Err(), cap(p.slots))
	case <-p.closing:
		return errClosed
	}
}

func (p *pool) release() { <-p.slots }

// take returns an idle connection that still looks alive, or nil.
func (p *pool) take(now time.Time) *pooled {
	for {
		p.mu.Lock()
		n := len(p.idle)
		if n == 0 {
			p.mu.Unlock()
			return nil
		}
		conn := p.idle[n-1]
		p.idle[n-1], p.idle = nil, p.idle[:n-1]
		p.inUse[conn] = struct{}{}
		p.mu.Unlock()
		if now.Sub(conn.idleFrom) < p.idleTimeout && conn.Alive(now) {
			return conn
		}
		p.drop(conn)
	}
}

// makeRoom ends an idle connection where the one that is about to be opened would be one too many.
func (p *pool) makeRoom() {
	p.mu.Lock()
	var old *pooled
	if len(p.idle) > 0 && len(p.idle)+len(p.slots) > cap(p.slots) {
		old = p.idle[0]
		p.idle = p.idle[1:]
	}
	p.mu.Unlock()
	if old != nil {
		old.Bye()
	}
}

// track counts conn as in use, so that Close can cut it off. It reports whether the
// pool is still open.
func (p *pool) track(conn *pooled) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inUse[conn] = struct{}{}
	return !p.closed
}

// put takes conn back after a message. It is kept if it can be used again.
func (p *pool) put(conn *pooled, reusable bool) {
	conn.messages++
	p.mu.Lock()
	delete(p.inUse, conn)
	keep := reusable && !p.closed && p.idleTimeout > 0 && len(p.idle) < cap(p.slots) && !p.isWornOut(conn)
	if keep {
		conn.idleFrom = time.Now()
		p.idle = append(p.idle, conn)
		if p.reaper == nil {
			p.reaper = time.AfterFunc(p.idleTimeout, p.reap)
		}
	}
	p.mu.Unlock()
	if !keep {
		p.end(conn, reusable)
	}
}

func (p *pool) isWornOut(conn *pooled) bool {
	if limit := conn.Extensions().MaxMessages; limit > 0 && conn.messages >= limit {
		return true
	}
	return p.maxMessages > 0 && conn.messages >= p.maxMessages
}

// drop closes conn, which is of no further use.
func (p *pool) drop(conn *pooled) {
	p.mu.Lock()
	delete(p.inUse, conn)
	p.mu.Unlock()
	conn.Abort()
}

// end closes conn, with a QUIT where the conversation is in order.
func (p *pool) end(conn *pooled, inOrder bool) {
	if inOrder {
		conn.Bye()
		return
	}
	conn.Abort()
}

// reap ends what has been idle for too long, and runs again when the next will have been.
func (p *pool) reap() {
	p.mu.Lock()
	var old []*pooled
	for len(p.idle) > 0 && time.Since(p.idle[0].idleFrom) >= p.idleTimeout {
		old = append(old, p.idle[0])
		p.idle = p.idle[1:]
	}
	p.reaper = nil
	if len(p.idle) > 0 && !p.closed {
		p.reaper = time.AfterFunc(p.idleTimeout-time.Since(p.idle[0].idleFrom), p.reap)
	}
	p.mu.Unlock()
	for _, conn := range old {
		conn.Bye()
	}
}

// close refuses new messages, waits for those under way until ctx ends, and then
// cuts them off; their verdicts follow from how far they got.
func (p *pool) close(ctx context.Context) error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	close(p.closing)
	idle := p.idle
	p.idle = nil
	if p.reaper != nil {
		p.reaper.Stop()
	}
	p.mu.Unlock()
	for _, conn := range idle {
		conn.Bye()
	}
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

// cutGrace is how long close waits for what it has cut off, which returns at once unless it
// is inside the caller's code: a source of content, of the password, or Config.Dial.
const cutGrace = 100 * time.Millisecond

// drain waits until nothing is in use, by taking every slot.
func (p *pool) drain(ctx context.Context) error {
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

func (p *pool) abortAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.inUse {
		conn.Abort()
	}
}
