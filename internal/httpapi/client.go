package httpapi

import (
	"context"
	"net/url"
	"time"

	"github.com/mailkeel/mailkeel/internal/connpool"
	"github.com/mailkeel/mailkeel/internal/netconn"
	"github.com/mailkeel/mailkeel/mailer"
)

// A Client makes exchanges with one server over a pool of connections. It is safe for
// concurrent use.
type Client struct {
	cfg   Config
	base  *url.URL
	pool  *connpool.Pool[*conn]
	http2 *multiplexer // nil without Config.HTTP2
}

// New returns a Client. It opens no connection. The error names the field of cfg that is wrong.
func New(cfg Config) (*Client, error) {
	cfg, base, err := cfg.withDefaults()
	if err != nil {
		return nil, configError(err)
	}
	c := &Client{cfg: cfg, base: base, pool: connpool.New[*conn](cfg.MaxConns, cfg.IdleTimeout)}
	if cfg.HTTP2 {
		c.http2 = newMultiplexer(&cfg)
	}
	return c, nil
}

// Host returns the server's name.
func (c *Client) Host() string { return c.base.Hostname() }

// Base returns the scheme and the host, with the port where it is not the usual one.
func (c *Client) Base() url.URL { return url.URL{Scheme: c.base.Scheme, Host: c.base.Host} }

// Close ends the Client; see [mailer.Closer].
func (c *Client) Close(ctx context.Context) error {
	err := c.pool.Close(ctx)
	if c.http2 != nil && c.pool.Cut().Err() != nil { // else the first of two is still waiting
		c.http2.close()
	}
	return err
}

// Limits are the limits in time of an exchange. ctx comes first in each.
type Limits struct {
	// Connect is until when a connection must be there.
	Connect time.Time
	// Commit is until when the last byte must be released; zero means no limit.
	Commit time.Time
	// Stall is how long the body may make no progress.
	Stall time.Duration
	// Patience is how long the reply is waited for where ctx has no deadline.
	Patience time.Duration
}

// limits divides the time there is. A gate's CommitBy, or 30 s where ctx sets no limit,
// ends everything that comes before the boundary.
func (c *Client) limits(ctx context.Context, gate *mailer.Gate) Limits {
	l := Limits{Stall: c.cfg.StallTimeout, Patience: c.cfg.ReplyTimeout}
	if gate != nil {
		l.Commit = gate.CommitBy
	}
	now := time.Now()
	if _, ok := ctx.Deadline(); !ok && l.Commit.IsZero() {
		l.Commit = now.Add(defaultCommit)
	}
	l.Connect = now.Add(c.cfg.Timeout)
	if !l.Commit.IsZero() && l.Commit.Before(l.Connect) {
		l.Connect = l.Commit
	}
	return l
}

// A Result is what became of an exchange.
type Result struct {
	// Reply is nil where none came.
	Reply *Reply
	// Released means that the last byte of the request has left us.
	Released bool
	// Err is why there is no reply, or not the whole of it.
	Err *Error

	// stale means that a connection that had been idle turned out dead: nothing was
	// answered and nothing released. The request may be sent on another.
	stale    bool
	reusable bool
}

// Do makes one exchange. mark is told how far it gets. A pooled connection that turns
// out dead before anything was answered or released is replaced in silence (HTTP row 6).
func (c *Client) Do(ctx context.Context, req *Request, mark func(mailer.Phase)) Result {
	if err := c.acquire(ctx, req.Gate, mark); err != nil {
		return c.failed(err)
	}
	defer c.pool.Release()
	return c.do(ctx, req, mark)
}

// acquire waits for the right to use a connection.
func (c *Client) acquire(ctx context.Context, gate *mailer.Gate, mark func(mailer.Phase)) *Error {
	mark(mailer.PhaseConnect)
	if err := c.pool.Acquire(ctx, c.limits(ctx, gate).Commit); err != nil {
		return &Error{StageConnect, err}
	}
	return nil
}

// do is Do with that right.
func (c *Client) do(ctx context.Context, req *Request, mark func(mailer.Phase)) Result {
	limits := c.limits(ctx, req.Gate) // the wait for a connection is not the server's
	if c.hasHTTP2() {
		return c.doHTTP2(ctx, req, limits, mark)
	}
	return c.overHTTP1(ctx, req, nil, limits, mark)
}

// overHTTP1 makes an exchange over conn or, where that is nil, a connection that is idle or new.
func (c *Client) overHTTP1(ctx context.Context, req *Request, conn *conn, limits Limits, mark func(mailer.Phase)) Result {
	if conn == nil {
		conn = c.pool.Take(time.Now())
	}
	res := c.exchange(ctx, req, conn, limits, mark)
	if res.stale {
		res = c.exchange(ctx, req, nil, limits, mark)
	}
	return res
}

// exchange sends req over conn, or over a new connection when that is nil.
func (c *Client) exchange(ctx context.Context, req *Request, conn *conn, limits Limits, mark func(mailer.Phase)) Result {
	if conn == nil {
		var err *Error
		if conn, err = c.connect(ctx, limits, mark); err != nil {
			return c.failed(err)
		}
	}
	conn.Bind(ctx)
	done := false
	defer func() {
		if !done { // a source of content has panicked
			conn.Unbind()
			c.pool.Drop(conn)
		}
	}()
	res := conn.exchange(req, limits, mark)
	done = true
	if !conn.Unbind() {
		res.reusable = false
	}
	if res.Err != nil {
		res.Err = c.wasCut(res.Err)
	}
	c.pool.Put(conn, res.reusable)
	return res
}

func (c *Client) failed(err *Error) Result { return Result{Err: c.wasCut(err)} }

// wasCut makes what Close did to a connection the caller's doing.
func (c *Client) wasCut(e *Error) *Error {
	if c.pool.Cut().Err() != nil && isEnd(e.Err) {
		e.Err = connpool.ErrClosed
	}
	return e
}

// conn is one HTTP/1.1 connection.
type conn struct {
	netconn.Conn
	host string   // of the Host field
	used bool     // a request was sent over it
	x    exchange // the one under way, kept here to be used again
}

// Spent is never: a server that has had enough says so.
func (*conn) Spent() bool { return false }

// Bye closes: HTTP/1.1 has no goodbye.
func (c *conn) Bye() { c.Abort() }
