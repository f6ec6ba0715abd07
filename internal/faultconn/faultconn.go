// Package faultconn breaks connections at an exact byte, for tests.
//
// A [Conn] wraps one end of a connection and counts what passes through it. At the
// offsets that its faults name it ends, stalls or spoils the stream. Nothing is
// guessed: a reader behind a fault at offset n has read exactly n bytes when it meets
// the fault, and a writer has passed on exactly n.
package faultconn

import (
	"cmp"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A Direction is seen from the end that is wrapped: around a server's end, Inbound is
// what the client sends.
type Direction int

// The two directions: what is read from the wrapped end, and what is written to it.
const (
	Inbound Direction = iota
	Outbound
)

// A Kind is what happens at the offset of a [Fault].
type Kind int

const (
	// FIN ends the connection in order, both ways: the peer reads EOF, and what it still
	// sends is read and dropped until it closes too or Close is called. The call that
	// meets the fault returns only then. The wrapped end reads EOF.
	FIN Kind = iota + 1
	// RST ends the connection at once with a TCP reset, or what a [Pipe] has for it. Elsewhere
	// the peer sees a plain close; the wrapped end sees ECONNRESET in any case.
	RST
	// Hang stops the stream in this direction until an end closes. Inbound, reads block until
	// a read deadline or Close; outbound, what is written is dropped, without an error.
	Hang
	// HalfClose ends this direction only. Inbound, reads give EOF. Outbound, the peer reads
	// EOF and further writes fail; a connection without CloseWrite is closed altogether.
	HalfClose
	// Drip lets one byte at a time through from here on: a read returns one byte, each
	// byte written is a write of its own.
	Drip
	// Insert puts [Fault.Byte] into the stream here, once, and goes on.
	Insert
)

// A Fault is one Kind at one place. After is the number of bytes that pass in the
// direction before it; inserted bytes are not counted. An inbound fault is met by the
// read that follows the last byte let through; an outbound one by the write of that byte,
// or by the first write when After is zero.
type Fault struct {
	Dir   Direction
	After int64
	Kind  Kind
	Byte  byte
}

// A Conn is a wrapped end of a connection. Its methods may be called concurrently.
type Conn struct {
	net.Conn
	in, out lane
	gone    atomic.Pointer[ending]
	stall   net.Conn // never readable: a read of it blocks as a hanging one should
	unstall net.Conn
}

// ending is what the wrapped end sees after FIN or RST.
type ending struct{ read, write error }

var (
	afterFIN = &ending{io.EOF, syscall.EPIPE}
	afterRST = &ending{syscall.ECONNRESET, syscall.ECONNRESET}
)

// lane is one direction. pos is atomic because Counts reads it while a read blocks.
type lane struct {
	mu     sync.Mutex
	pos    atomic.Int64
	faults []Fault
	drip   bool
	hung   bool
	ended  bool
}

// Wrap returns conn with the faults. Without faults it only counts.
func Wrap(conn net.Conn, faults ...Fault) *Conn {
	c := &Conn{Conn: conn}
	c.stall, c.unstall = net.Pipe()
	for _, f := range faults {
		l := &c.in
		if f.Dir == Outbound {
			l = &c.out
		}
		l.faults = append(l.faults, f)
	}
	for _, l := range []*lane{&c.in, &c.out} {
		slices.SortStableFunc(l.faults, func(a, b Fault) int { return cmp.Compare(a.After, b.After) })
	}
	return c
}

// Counts returns the number of bytes that passed in each direction so far, without inserted ones.
func (c *Conn) Counts() (in, out int64) { return c.in.pos.Load(), c.out.pos.Load() }

// Read reads up to the next inbound fault.
func (c *Conn) Read(p []byte) (int, error) {
	l := &c.in
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(p) == 0 {
		return 0, nil
	}
	if f, ok := l.due(); ok {
		if f.Kind == Insert {
			p[0] = f.Byte
			return 1, nil
		}
		c.strike(l, f)
	}
	switch gone := c.gone.Load(); {
	case gone != nil:
		return 0, gone.read
	case l.hung:
		return c.stall.Read(p)
	case l.ended:
		return 0, io.EOF
	}
	n, err := c.Conn.Read(p[:l.allow(len(p))])
	l.pos.Add(int64(n))
	if gone := c.gone.Load(); err != nil && gone != nil {
		err = gone.read
	}
	return n, err
}

// Write writes up to the next outbound fault, and past it where the fault lets it.
func (c *Conn) Write(p []byte) (int, error) {
	l := &c.out
	l.mu.Lock()
	defer l.mu.Unlock()
	done := 0
	for {
		if err := c.strikeOutbound(l); err != nil {
			return done, err
		}
		if l.hung {
			return len(p), nil
		}
		if done == len(p) {
			return done, nil
		}
		if gone := c.gone.Load(); gone != nil {
			return done, gone.write
		}
		if l.ended {
			return done, syscall.EPIPE
		}
		n, err := c.Conn.Write(p[done : done+l.allow(len(p)-done)])
		l.pos.Add(int64(n))
		done += n
		if err != nil {
			return done, err
		}
	}
}

// strikeOutbound lets every fault that is due at this offset happen.
func (c *Conn) strikeOutbound(l *lane) error {
	for {
		f, ok := l.due()
		if !ok {
			return nil
		}
		if f.Kind == Insert {
			if _, err := c.Conn.Write([]byte{f.Byte}); err != nil {
				return err
			}
			continue
		}
		c.strike(l, f)
	}
}

func (c *Conn) strike(l *lane, f Fault) {
	switch f.Kind {
	case FIN:
		c.gone.Store(afterFIN)
		Finish(c.Conn)
	case RST:
		c.gone.Store(afterRST)
		Reset(c.Conn)
	case Hang:
		l.hung = true
	case HalfClose:
		l.ended = true
		if l == &c.out {
			closeWrite(c.Conn)
		}
	case Drip:
		l.drip = true
	}
}

// due takes the first fault off the list if its offset is reached.
func (l *lane) due() (Fault, bool) {
	if len(l.faults) == 0 || l.faults[0].After > l.pos.Load() {
		return Fault{}, false
	}
	f := l.faults[0]
	l.faults = l.faults[1:]
	return f, true
}

// allow returns how many of n bytes may pass in one call.
func (l *lane) allow(n int) int {
	if l.drip {
		n = min(n, 1)
	}
	if len(l.faults) > 0 {
		n = int(min(int64(n), l.faults[0].After-l.pos.Load()))
	}
	return n
}

// Close closes the connection and ends a hanging read.
func (c *Conn) Close() error {
	_ = c.unstall.Close()
	_ = c.stall.Close()
	return c.Conn.Close()
}

// SetDeadline sets both deadlines.
func (c *Conn) SetDeadline(t time.Time) error {
	_ = c.stall.SetReadDeadline(t)
	return c.Conn.SetDeadline(t)
}

// SetReadDeadline sets the deadline of reads, hanging ones included.
func (c *Conn) SetReadDeadline(t time.Time) error {
	_ = c.stall.SetReadDeadline(t)
	return c.Conn.SetReadDeadline(t)
}

// NetConn returns the connection underneath.
func (c *Conn) NetConn() net.Conn { return c.Conn }
