package faultconn

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// pipeBytes is how much a direction of a [Pipe] holds before writes block.
const pipeBytes = 64 << 10

// Pipe returns the two ends of an in-memory connection that behaves as TCP does where
// net.Pipe does not: it buffers, so that two ends that write at once (as TLS does when a
// handshake fails) do not wait for each other; it can be half closed; and [Reset] shows
// as ECONNRESET at the other end. It works under testing/synctest.
//
// What a writer has written is not yet read: where a test must know what the other end
// has read when a write returns, net.Pipe is the better choice.
func Pipe() (a, b net.Conn) {
	p := &pipe{changed: make(chan struct{})}
	ab, ba := new(stream), new(stream)
	return &pipeEnd{p: p, in: ba, out: ab}, &pipeEnd{p: p, in: ab, out: ba}
}

// pipe is what both ends share.
type pipe struct {
	mu      sync.Mutex
	changed chan struct{} // closed and replaced with every change
	reset   bool
}

// stream is one direction, guarded by pipe.mu.
type stream struct {
	data    []byte
	ended   bool // the writer is done
	dropped bool // the reader is gone
}

// pipeEnd is one end, guarded by pipe.mu.
type pipeEnd struct {
	p       *pipe
	in, out *stream
	abrupt  bool // Close resets, as with SetLinger(0)
	closed  bool
	readBy  time.Time // deadlines; zero is none
	writeBy time.Time
}

// announce wakes every waiter. The lock is held.
func (p *pipe) announce() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// await calls attempt under the lock until it is done, the end is closed or the
// deadline, which may change meanwhile, passes.
func (e *pipeEnd) await(deadline *time.Time, attempt func() (done bool, err error)) error {
	for {
		e.p.mu.Lock()
		changed, by := e.p.changed, *deadline
		done, err := false, error(nil)
		switch {
		case e.closed:
			err = net.ErrClosed
		case e.p.reset:
			err = syscall.ECONNRESET
		case !by.IsZero() && !time.Now().Before(by):
			err = os.ErrDeadlineExceeded
		default:
			done, err = attempt()
		}
		e.p.mu.Unlock()
		if done || err != nil {
			return err
		}
		waitUntil(by, changed)
	}
}

// waitUntil returns when changed is closed or, unless by is zero, at by.
func waitUntil(by time.Time, changed <-chan struct{}) {
	if by.IsZero() {
		<-changed
		return
	}
	timer := time.NewTimer(time.Until(by))
	defer timer.Stop()
	select {
	case <-changed:
	case <-timer.C:
	}
}

// Read returns what is buffered, or waits for more.
func (e *pipeEnd) Read(b []byte) (n int, err error) {
	err = e.await(&e.readBy, func() (bool, error) {
		if n = copy(b, e.in.data); n > 0 || len(b) == 0 {
			e.in.data = e.in.data[n:]
			e.p.announce()
			return true, nil
		}
		if e.in.ended {
			return true, io.EOF
		}
		return false, nil
	})
	return n, err
}

// Write buffers b, waiting for room.
func (e *pipeEnd) Write(b []byte) (n int, err error) {
	err = e.await(&e.writeBy, func() (bool, error) {
		if e.out.ended || e.out.dropped {
			return true, syscall.EPIPE
		}
		if take := min(len(b)-n, pipeBytes-len(e.out.data)); take > 0 {
			e.out.data = append(e.out.data, b[n:n+take]...)
			n += take
			e.p.announce()
		}
		return n == len(b), nil
	})
	return n, err
}

func (e *pipeEnd) change(f func()) error {
	e.p.mu.Lock()
	defer e.p.mu.Unlock()
	f()
	e.p.announce()
	return nil
}

// Close ends both directions. What was written before can still be read.
func (e *pipeEnd) Close() error {
	return e.change(func() {
		e.p.reset = e.p.reset || e.abrupt && !e.closed
		e.closed, e.out.ended, e.in.dropped = true, true, true
	})
}

// CloseWrite ends the direction to the other end.
func (e *pipeEnd) CloseWrite() error { return e.change(func() { e.out.ended = true }) }

// SetLinger with zero makes Close a reset, as on a TCP connection.
func (e *pipeEnd) SetLinger(sec int) error { return e.change(func() { e.abrupt = sec == 0 }) }

func (e *pipeEnd) LocalAddr() net.Addr  { return pipeAddr{} }
func (e *pipeEnd) RemoteAddr() net.Addr { return pipeAddr{} }

func (e *pipeEnd) SetDeadline(t time.Time) error {
	return e.change(func() { e.readBy, e.writeBy = t, t })
}

func (e *pipeEnd) SetReadDeadline(t time.Time) error {
	return e.change(func() { e.readBy = t })
}

func (e *pipeEnd) SetWriteDeadline(t time.Time) error {
	return e.change(func() { e.writeBy = t })
}

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }
