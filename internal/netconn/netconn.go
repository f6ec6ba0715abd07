// Package netconn is one connection of a client, every wait on which obeys a context and
// a limit in time, and which can be looked at before it is used again.
package netconn

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math"
	"net"
	"os"
	"sync"
	"time"
)

// ErrTimeout means that a limit of our own ran out, not one of ctx.
var ErrTimeout error = timeout{}

// timeout is a net.Error, and no error of a context: nobody cancelled anything.
type timeout struct{}

func (timeout) Error() string   { return "timed out" }
func (timeout) Timeout() bool   { return true }
func (timeout) Temporary() bool { return true }

// A Conn is one connection. It is used by one goroutine at a time, but that another one
// may read while the first writes. Abort, StopWriting and the end of the bound ctx may
// come from any.
type Conn struct {
	// R reads what the other side says.
	R *bufio.Reader

	raw    net.Conn // the transport itself, which deadlines and closing go to
	nc     net.Conn // raw, or TLS over it
	in     budget   // between nc and R
	isTLS  bool
	limit  time.Time // what SetLimit set last
	peeker peeker

	ctx      context.Context //nolint:containedctx // of the operation under way; see Bind
	unbind   func() bool
	cancelFn func()

	mu       sync.Mutex
	aborted  bool
	readOnly bool // see StopWriting
}

// Init makes c a connection over nc, and its owner, with a buffer for what is read.
func (c *Conn) Init(nc net.Conn, bufferBytes int) {
	c.raw, c.nc, c.ctx = nc, transport{nc}, context.Background()
	c.in = budget{r: nc, left: math.MaxInt64}
	c.R = bufio.NewReaderSize(&c.in, bufferBytes)
	c.cancelFn = c.expire
	c.peeker.init(nc)
}

// A transport's writes are whole or fail. [io.Writer] says that they are, but with one that does
// not keep to it TLS would take a record for sent that was not, or the other way round.
type transport struct{ net.Conn }

// Write writes p.
func (t transport) Write(p []byte) (int, error) {
	n, err := t.Conn.Write(p)
	switch {
	case n == len(p):
		return n, nil // what else there is to say the next operation will
	case err == nil:
		err = io.ErrShortWrite
	}
	return n, err
}

// Bind makes the connection obey ctx until [Conn.Unbind]: when ctx ends, whatever
// is being waited for fails at once.
func (c *Conn) Bind(ctx context.Context) {
	c.ctx = ctx
	if ctx.Done() != nil {
		c.unbind = context.AfterFunc(ctx, c.cancelFn)
	}
}

// Unbind ends what Bind began and reports whether the connection can be used
// further: whether ctx had not ended.
func (c *Conn) Unbind() bool {
	usable := true
	if c.unbind != nil {
		usable = c.unbind()
	}
	c.ctx, c.unbind = context.Background(), nil
	return usable
}

// Context returns what the connection is bound to; [context.Background] when it is not.
func (c *Conn) Context() context.Context { return c.ctx }

var longAgo = time.Unix(1, 0)

// expire makes all waits fail, and keeps SetLimit from undoing that.
func (c *Conn) expire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.aborted = true
	_ = c.raw.SetDeadline(longAgo)
}

// Abort closes the transport, as it is. A server in the middle of a message sees it cut off.
func (c *Conn) Abort() {
	c.mu.Lock()
	c.aborted = true
	c.mu.Unlock()
	_ = c.raw.Close()
}

// Aborted reports whether the connection was aborted, or ctx ended.
func (c *Conn) Aborted() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.aborted
}

// isWritable: neither aborted nor stopped.
func (c *Conn) isWritable() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.aborted && !c.readOnly
}

// StopWriting makes writes fail from now on, one that is waiting included. Reads go on.
func (c *Conn) StopWriting() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.readOnly = true
	_ = c.raw.SetWriteDeadline(longAgo)
}

// SetWriteLimit lets writes wait until t, and leaves reads alone. The end of ctx comes first.
func (c *Conn) SetWriteLimit(t time.Time) {
	if d, ok := c.ctx.Deadline(); ok && d.Before(t) {
		t = d
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.aborted && !c.readOnly {
		_ = c.raw.SetWriteDeadline(t)
	}
}

// SetLimit lets reads and writes wait until t; zero means without end. The end of ctx comes first.
func (c *Conn) SetLimit(t time.Time) {
	if d, ok := c.ctx.Deadline(); ok && (t.IsZero() || d.Before(t)) {
		t = d
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.aborted:
	case c.readOnly:
		_ = c.raw.SetReadDeadline(t)
	default:
		c.limit = t
		_ = c.raw.SetDeadline(t)
	}
}

// Cause says why an operation on the connection failed: an end of ctx is ctx's
// error, and a limit that ran out is ErrTimeout.
func (c *Conn) Cause(err error) error {
	if ctxErr := c.ctx.Err(); ctxErr != nil {
		return ctxErr
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if d, ok := c.ctx.Deadline(); ok && !time.Now().Before(d) {
		return context.DeadlineExceeded // the socket's clock was a moment ahead of ctx's
	}
	return ErrTimeout
}

// Write writes p. The number of bytes is what the transport took.
func (c *Conn) Write(p []byte) (int, error) { return c.nc.Write(p) }

// stepBytes is how much Put writes at once under one stall limit: as little as costs no speed, for under
// TLS it does not show whether a part of it has left.
const stepBytes = 64 << 10

// Put writes p, with a limit on each step of it: stall from its beginning, or commit
// where that comes first and is not zero.
func (c *Conn) Put(p []byte, stall time.Duration, commit time.Time) error {
	for len(p) > 0 {
		limit := time.Now().Add(stall)
		if !commit.IsZero() && commit.Before(limit) {
			limit = commit
		}
		c.SetWriteLimit(limit)
		n, err := c.nc.Write(p[:min(len(p), stepBytes)])
		if err != nil && (n == 0 || c.isTLS || !c.mayGoOn(err, commit)) {
			return err
		}
		p = p[n:]
	}
	return nil
}

// mayGoOn: a write that was stopped by the stall limit alone, with a part of it gone, has not stalled.
func (c *Conn) mayGoOn(err error, commit time.Time) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) && c.Cause(err) == ErrTimeout && //nolint:errorlint // Cause returns it as it is
		(commit.IsZero() || time.Now().Before(commit)) && c.canWrite()
}

func (c *Conn) canWrite() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.aborted && !c.readOnly
}

// Release writes p, the last bytes of a message, and reports whether the transport took
// all of them. A transport that did has let the last byte go, whatever else it says.
func (c *Conn) Release(p []byte) (released bool, err error) {
	n, err := c.nc.Write(p)
	return n == len(p) || !countsAreExact && isCutShort(err), err
}

// isCutShort: the write was under way when it was stopped.
func isCutShort(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, net.ErrClosed)
}

// Handshake makes the connection a TLS one.
func (c *Conn) Handshake(config *tls.Config, limit time.Time) error {
	c.SetLimit(limit)
	t := tls.Client(c.nc, config)
	if err := t.HandshakeContext(c.ctx); err != nil {
		return err
	}
	c.nc, c.isTLS, c.in.r = t, true, t
	c.R.Reset(&c.in)
	return nil
}

// TLS returns the state of the TLS connection; ok is false where there is none.
func (c *Conn) TLS() (state tls.ConnectionState, ok bool) {
	if t, isTLS := c.nc.(*tls.Conn); isTLS {
		return t.ConnectionState(), true
	}
	return tls.ConnectionState{}, false
}

// Transport hands the connection over to who speaks another protocol on it, with TLS and
// without limits. c is of no use after it but for Abort.
func (c *Conn) Transport() net.Conn {
	_ = c.raw.SetDeadline(time.Time{})
	return c.nc
}
