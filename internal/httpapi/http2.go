package httpapi

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/net/http2"

	"github.com/mailkeel/mailkeel/internal/connpool"
	"github.com/mailkeel/mailkeel/mailer"
)

// multiplexer keeps the HTTP/2 connections of a Client, over which its exchanges go at the
// same time. The framing is golang.org/x/net/http2's, driven one connection at a time, so
// that nothing is sent again behind our back.
type multiplexer struct {
	transport *http2.Transport
	dialing   chan struct{} // held by whoever opens a connection
	// absent: the server has chosen HTTP/1.1.
	absent atomic.Bool

	mu     sync.Mutex
	conns  []*http2.ClientConn
	closed bool
}

func newMultiplexer(cfg *Config) *multiplexer {
	return &multiplexer{
		transport: &http2.Transport{
			DisableCompression: true, MaxHeaderListSize: maxHead, IdleConnTimeout: max(cfg.IdleTimeout, 0),
		},
		dialing: make(chan struct{}, 1),
	}
}

// take reserves a place on a connection that has one; nil when none has.
func (m *multiplexer) take() *http2.ClientConn {
	m.mu.Lock()
	defer m.mu.Unlock()
	usable := m.conns[:0]
	var found *http2.ClientConn
	for _, cc := range m.conns {
		if found == nil && cc.ReserveNewRequest() {
			found = cc
		}
		if s := cc.State(); !s.Closed && !s.Closing {
			usable = append(usable, cc)
		}
	}
	clear(m.conns[len(usable):])
	m.conns = usable
	return found
}

// add keeps cc for others. It reports whether the Client is still open.
func (m *multiplexer) add(cc *http2.ClientConn) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.conns = append(m.conns, cc)
	return !m.closed
}

func (m *multiplexer) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	for _, cc := range m.conns {
		_ = cc.Close()
	}
}

// http2Conn returns a connection with a place reserved on it. Where the server has chosen
// HTTP/1.1, it returns that connection in its stead.
func (c *Client) http2Conn(ctx context.Context, limits Limits, mark func(mailer.Phase)) (*http2.ClientConn, *conn, *Error) {
	if cc := c.http2.take(); cc != nil {
		return cc, nil, nil
	}
	select {
	case c.http2.dialing <- struct{}{}:
		defer func() { <-c.http2.dialing }()
	case <-ctx.Done():
		return nil, nil, &Error{StageConnect, ctx.Err()}
	}
	if cc := c.http2.take(); cc != nil {
		return cc, nil, nil // somebody else has opened it in the meantime
	}
	opened, failed := c.connect(ctx, limits, mark)
	if failed != nil {
		return nil, nil, failed
	}
	if state, ok := opened.TLS(); !ok || state.NegotiatedProtocol != "h2" {
		c.http2.absent.Store(true)
		return nil, opened, nil
	}
	c.pool.Untrack(opened)
	cc, err := c.http2.transport.NewClientConn(opened.Transport())
	if err != nil {
		opened.Abort()
		return nil, nil, &Error{StageConnect, err}
	}
	cc.ReserveNewRequest()
	if !c.http2.add(cc) {
		_ = cc.Close()
		return nil, nil, &Error{StageConnect, connpool.ErrClosed}
	}
	return cc, nil, nil
}

// doHTTP2 makes an exchange as one stream of an HTTP/2 connection. A stream that the server
// says it has not looked at is sent once more, in silence (HTTP row 34; RFC 9113 section 8.7).
func (c *Client) doHTTP2(ctx context.Context, req *Request, limits Limits, mark func(mailer.Phase)) Result {
	again := *req
	for first := true; ; first = false {
		cc, plain, err := c.http2Conn(ctx, limits, mark)
		switch {
		case err != nil:
			return c.failed(err)
		case plain != nil:
			return c.exchange(ctx, &again, plain, limits, mark)
		}
		res := c.stream(ctx, &again, cc, limits, mark)
		if !first || res.Err == nil || !isUnprocessed(res.Err.Err) || ctx.Err() != nil {
			return res
		}
		again.Committed = again.Committed || res.Committed
	}
}

// isUnprocessed reports whether the server has said that it did not look at the stream, or
// the connection was closing before the stream was opened. GOAWAY shows only as text.
func isUnprocessed(err error) bool {
	var refused http2.StreamError
	if errors.As(err, &refused) {
		return refused.Code == http2.ErrCodeRefusedStream
	}
	text := err.Error()
	return strings.Contains(text, "http2: Transport received Server's graceful shutdown GOAWAY") ||
		strings.Contains(text, "http2: client conn not usable")
}

// stream makes the exchange.
func (c *Client) stream(ctx context.Context, req *Request, cc *http2.ClientConn, limits Limits, mark func(mailer.Phase)) Result {
	cut, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(c.pool.Cut(), func() { cancel(connpool.ErrClosed) })()
	s := &stream{ctx: cut, cancel: cancel, req: req, limits: limits, mark: mark, left: req.size()}
	defer s.end()
	head, failed := s.request(c.base)
	if failed == nil {
		failed = s.send(cc, head)
	}
	s.res.Err = failed
	return s.res
}

// hasHTTP2 reports whether exchanges go over HTTP/2, as far as is known.
func (c *Client) hasHTTP2() bool { return c.http2 != nil && !c.http2.absent.Load() }
