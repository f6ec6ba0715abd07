package smtpwire

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"strings"
	"sync"
	"time"
)

// A Conn is one SMTP connection. It is used by one goroutine at a time; Abort and
// the end of the bound ctx may come from others.
type Conn struct {
	raw net.Conn // the transport itself, which deadlines and closing go to
	nc  net.Conn // raw, or TLS over it
	r   *bufio.Reader
	out []byte // the flight being put together

	ext     Extensions
	hasTLS  bool
	used    bool // a transaction was begun on it
	unclean bool // the next transaction begins with RSET
	replies []Reply
	scrub   func(text string) string
	limit   time.Time   // what setLimit set last
	tx      transaction // the one under way, kept here to be used again
	peeker  peeker

	ctx      context.Context //nolint:containedctx // of the operation under way; see bind
	unbind   func() bool
	cancelFn func()

	mu      sync.Mutex
	aborted bool
}

// NewConn returns a Conn that speaks over nc, and owns it.
func NewConn(nc net.Conn) *Conn {
	c := &Conn{raw: nc, nc: nc, r: bufio.NewReaderSize(nc, maxReplyLine), ctx: context.Background()}
	c.cancelFn = c.expire
	c.peeker.init(nc)
	return c
}

// Scrub lets f change the text of every reply from now on, before anybody sees it: a
// server may repeat what it was sent.
func (c *Conn) Scrub(f func(text string) string) { c.scrub = f }

// readReply reads the next reply, scrubbed.
func (c *Conn) readReply(keepText bool) (Reply, error) {
	reply, err := readReply(c.r, keepText)
	if c.scrub != nil && reply.Text != "" {
		reply.Text = c.scrub(reply.Text)
	}
	if !keepText && len(reply.Text) > maxReason { // scrubbed before it is cut
		reply.Text = strings.Clone(reply.Text[:maxReason])
	}
	return reply, err
}

// maxReason is how much of a refusal's text is kept: there may be one for each of a
// thousand recipients.
const maxReason = 512

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

var longAgo = time.Unix(1, 0)

// expire makes all waits fail, and keeps setLimit from undoing that.
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

// setLimit lets reads and writes wait until t; zero means without end. The end of ctx comes first.
func (c *Conn) setLimit(t time.Time) {
	if d, ok := c.ctx.Deadline(); ok && (t.IsZero() || d.Before(t)) {
		t = d
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.aborted {
		c.limit = t
		_ = c.raw.SetDeadline(t)
	}
}

// cause says why an operation on the connection failed: an end of ctx is ctx's
// error, and a limit that ran out is ErrTimeout.
func (c *Conn) cause(err error) error {
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

func (c *Conn) fail(stage Stage, err error) *Error { return &Error{Stage: stage, Err: c.cause(err)} }

// flush writes the flight. The number of bytes written is what the transport took.
func (c *Conn) flush() error {
	_, err := c.nc.Write(c.out)
	c.out = c.out[:0]
	return err
}

// roundTrip sends one command line and reads its reply.
func (c *Conn) roundTrip(stage Stage, keepText bool) (Reply, *Error) {
	if err := c.flush(); err != nil {
		return Reply{}, c.fail(stage, err)
	}
	reply, err := c.readReply(keepText)
	if err != nil {
		return Reply{}, c.fail(stage, err)
	}
	return reply, nil
}

// Noop asks for a sign of life, within limit.
func (c *Conn) Noop(limit time.Time) *Error {
	c.setLimit(limit)
	c.out = append(c.out, "NOOP\r\n"...)
	reply, err := c.roundTrip(StageHello, false)
	if err == nil && !reply.OK() {
		err = &Error{Stage: StageHello, Reply: reply}
	}
	return err
}

// Quit ends the conversation politely within limit and closes. Nothing depends on
// how that goes. It must not be called when a message may be half sent.
func (c *Conn) Quit(limit time.Time) {
	c.setLimit(limit)
	c.out = append(c.out[:0], "QUIT\r\n"...)
	if c.flush() == nil {
		_, _ = readReply(c.r, false)
	}
	c.Abort()
}

// TLS returns the state of the TLS connection; ok is false where there is none.
func (c *Conn) TLS() (state tls.ConnectionState, ok bool) {
	if t, isTLS := c.nc.(*tls.Conn); isTLS {
		return t.ConnectionState(), true
	}
	return tls.ConnectionState{}, false
}

// Bye says QUIT without waiting for the answer, and closes.
func (c *Conn) Bye() {
	c.setLimit(time.Now().Add(byeLimit))
	c.out = append(c.out[:0], "QUIT\r\n"...)
	_ = c.flush()
	c.Abort()
}

// byeLimit is how long a QUIT may take to leave; there is room for it in any socket's buffer.
const byeLimit = 100 * time.Millisecond
