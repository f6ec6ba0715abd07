package httpapi

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"

	"github.com/mailkeel/mailkeel/internal/connpool"
	"github.com/mailkeel/mailkeel/internal/netconn"
	"github.com/mailkeel/mailkeel/mailer"
)

// multiplexer keeps the HTTP/2 connections of a Client, over which its exchanges go at the
// same time. The framing is golang.org/x/net/http2's, driven one connection at a time, so
// that nothing is sent again behind our back.
type multiplexer struct {
	framing *http2.Transport
	dialing chan struct{} // held by whoever opens a connection
	absent  atomic.Bool   // the server has chosen HTTP/1.1

	mu     sync.Mutex
	links  []*link
	closed bool
}

// What a server may send before we have read it.
const (
	streamWindow = 64 << 10
	connWindow   = 1 << 20
	maxFrame     = 16 << 10 // the least that RFC 9113 section 4.2 allows
)

// newMultiplexer configures the framing. A connection on which nothing moves for the stall
// limit is asked whether it is still there: nobody would notice, who waits for his own stream.
func newMultiplexer(cfg *Config) *multiplexer {
	base := &http.Transport{
		DisableKeepAlives: cfg.IdleTimeout < 0,
		HTTP2:             &http.HTTP2Config{MaxReceiveBufferPerStream: streamWindow, MaxReceiveBufferPerConnection: connWindow},
	}
	framing, err := http2.ConfigureTransports(base)
	if err != nil { // only of a transport that was configured before
		framing = new(http2.Transport)
	}
	framing.DisableCompression = true
	framing.MaxHeaderListSize, framing.MaxReadFrameSize = maxHead, maxFrame
	framing.IdleConnTimeout = max(cfg.IdleTimeout, 0)
	framing.WriteByteTimeout, framing.ReadIdleTimeout, framing.PingTimeout = cfg.StallTimeout, cfg.StallTimeout, cfg.Timeout
	return &multiplexer{framing: framing, dialing: make(chan struct{}, 1)}
}

// A link is one HTTP/2 connection, and the transport that the framing has. So the end of it
// is known without asking the framing, whose answer waits for writes that are under way.
type link struct {
	net.Conn
	*http2.ClientConn
	conn *conn
	mux  *multiplexer
	used atomic.Bool  // a request was sent over it
	busy atomic.Int32 // how many are under way
	gone bool         // guarded by mux.mu
}

// Close is the framing's. A goodbye of TLS could wait for a server that does not read.
func (l *link) Close() error {
	l.mux.forget(l)
	l.conn.Abort()
	return nil
}

// take reserves a place on a connection that has one; nil when none has.
func (m *multiplexer) take() *link {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range m.links {
		if l.ReserveNewRequest() {
			return l
		}
	}
	return nil
}

// add keeps l for others. It reports whether the Client is still open.
func (m *multiplexer) add(l *link) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.closed && !l.gone {
		m.links = append(m.links, l)
	}
	return !m.closed
}

func (m *multiplexer) forget(l *link) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l.gone = true
	for i := range m.links {
		if m.links[i] == l {
			last := len(m.links) - 1
			copy(m.links[i:], m.links[i+1:])
			m.links[last], m.links = nil, m.links[:last]
			return
		}
	}
}

func (m *multiplexer) close() {
	m.mu.Lock()
	m.closed = true
	links := append([]*link(nil), m.links...)
	m.mu.Unlock()
	for _, l := range links {
		_ = l.ClientConn.Close() // which comes back to forget
	}
}

// hasHTTP2 reports whether exchanges go over HTTP/2, as far as is known.
func (c *Client) hasHTTP2() bool { return c.http2 != nil && !c.http2.absent.Load() }

// http2Conn returns a connection with a place reserved on it. Where the server has chosen
// HTTP/1.1 there is none, but perhaps a connection of that kind, which showed it.
func (c *Client) http2Conn(ctx context.Context, limits Limits, mark func(mailer.Phase)) (*link, *conn, *Error) {
	if l := c.http2.take(); l != nil {
		return l, nil, nil
	}
	if err := c.awaitDialing(ctx, limits.Connect); err != nil {
		return nil, nil, &Error{StageConnect, err}
	}
	defer func() { <-c.http2.dialing }()
	if !c.hasHTTP2() {
		return nil, nil, nil
	}
	if l := c.http2.take(); l != nil {
		return l, nil, nil // somebody else has opened it in the meantime
	}
	opened, failed := c.connect(ctx, limits, mark)
	if failed != nil {
		return nil, nil, failed
	}
	if state, ok := opened.TLS(); !ok || state.NegotiatedProtocol != http2.NextProtoTLS {
		c.http2.absent.Store(true)
		return nil, opened, nil
	}
	l, err := c.multiplex(ctx, opened, limits.Connect)
	if err != nil {
		c.pool.Drop(opened)
		return nil, nil, &Error{StageConnect, err}
	}
	c.pool.Untrack(opened)
	return l, nil, nil
}

// awaitDialing waits until nobody else opens a connection, which would serve us as well.
func (c *Client) awaitDialing(ctx context.Context, limit time.Time) error {
	timer := time.NewTimer(time.Until(limit))
	defer timer.Stop()
	select {
	case c.http2.dialing <- struct{}{}:
		return nil
	case <-timer.C:
		return netconn.ErrTimeout
	case <-c.pool.Cut().Done():
		return connpool.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

var errNoStreams = errors.New("the server takes no requests over HTTP/2")

// multiplex hands opened over to the framing, and returns when the server has answered: how
// many requests it takes is known then. Until then opened is the pool's to cut off.
func (c *Client) multiplex(ctx context.Context, opened *conn, limit time.Time) (*link, error) {
	limited, cancel := context.WithDeadline(ctx, limit)
	defer cancel()
	defer context.AfterFunc(limited, opened.Abort)()
	l := &link{Conn: opened.Transport(), conn: opened, mux: c.http2}
	var err error
	if l.ClientConn, err = c.http2.framing.NewClientConn(l); err == nil {
		err = l.Ping(limited)
	}
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
	case limited.Err() != nil:
		err = netconn.ErrTimeout
	case c.pool.Cut().Err() != nil:
		err = connpool.ErrClosed
	case err == nil && !l.ReserveNewRequest():
		err = errNoStreams
	case err == nil && !c.http2.add(l):
		err = connpool.ErrClosed
	}
	if err != nil && l.ClientConn != nil {
		_ = l.ClientConn.Close()
	}
	return l, told(err)
}

// doHTTP2 makes an exchange as one stream of an HTTP/2 connection. A stream that the server
// did not look at is sent once more, in silence (HTTP rows 6 and 34; RFC 9113 section 8.7).
func (c *Client) doHTTP2(ctx context.Context, req *Request, limits Limits, mark func(mailer.Phase)) Result {
	head, failed := req.http2Head(c.base)
	if failed != nil {
		return c.failed(failed)
	}
	for first := true; ; first = false {
		l, plain, err := c.http2Conn(ctx, limits, mark)
		switch {
		case err != nil:
			return c.failed(err)
		case l == nil:
			return c.overHTTP1(ctx, req, plain, limits, mark)
		}
		res := c.stream(ctx, req, head, l, limits, mark)
		if !first || !res.stale {
			return res
		}
		limits.Connect = c.again(limits)
	}
}

// again is until when another connection must be there.
func (c *Client) again(limits Limits) time.Time {
	connect := time.Now().Add(c.cfg.Timeout)
	if !limits.Commit.IsZero() && limits.Commit.Before(connect) {
		return limits.Commit
	}
	return connect
}

// stream makes the exchange over l.
func (c *Client) stream(ctx context.Context, req *Request, head *http.Request, l *link, limits Limits, mark func(mailer.Phase)) Result {
	s := &stream{caller: ctx, req: req, limits: limits, mark: mark, unread: req.size(), reused: l.used.Swap(true)}
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	defer context.AfterFunc(c.pool.Cut(), func() { s.cancel(connpool.ErrClosed) })()
	s.timer = time.AfterFunc(limits.Stall, s.expire)
	defer s.end()
	l.busy.Add(1)
	s.res.Err = s.send(l.ClientConn, head)
	last := l.busy.Add(-1) == 0
	if e := s.res.Err; e != nil && (errors.Is(e.Err, netconn.ErrTimeout) || errors.Is(e.Err, context.DeadlineExceeded)) {
		l.retire(last)
	}
	return s.res
}

// retire takes a connection that may be dead out of use. Where nothing is under way over it,
// nothing else would end it.
func (l *link) retire(idle bool) {
	l.SetDoNotReuse()
	if idle {
		_ = l.Close()
	}
}
