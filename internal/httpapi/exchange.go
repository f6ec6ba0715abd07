package httpapi

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/mailkeel/mailkeel/internal/netconn"
	"github.com/mailkeel/mailkeel/mailer"
)

// An exchange is one request on its way over a connection, and the reply to it.
type exchange struct {
	*conn
	req    *Request
	limits Limits
	mark   func(mailer.Phase)
	block  netconn.Block
	left   int64 // bytes of the body that are to come
	res    Result

	// turn is settled once: by the release of the last byte, or by a reply before it.
	turn   atomic.Uint32
	heard  chan struct{} // closed when the listener has ended; nil where there is none
	silent bool          // the connection ended without a byte of a reply
	head   *http.Response
	err    error // why there is no head
}

// The states of turn.
const (
	undecided uint32 = iota
	releasing
	repliedEarly
)

// listenBytes is the size of a body from which a reply is listened for while it is being
// sent. A smaller one leaves in one write.
const listenBytes = 32 << 10

// lastWords is how long a server that broke off is listened to for the reason.
const lastWords = 250 * time.Millisecond

// exchange sends req and reads the reply. ctx must have been bound. Unless the result is
// reusable, the connection is of no further use.
func (c *conn) exchange(req *Request, limits Limits, mark func(mailer.Phase)) Result {
	x := &c.x
	*x = exchange{conn: c, req: req, limits: limits, mark: mark, left: req.size()}
	x.block.Begin(&c.Conn, limits.Stall, limits.Commit)
	defer x.letGo()
	x.send()
	c.used = true
	return x.res
}

// letGo lets go of everything, the request among it.
func (x *exchange) letGo() {
	x.stopListening()
	x.block.Free()
	*x = exchange{}
}

// send is the whole exchange. Each step reports whether the next one follows.
func (x *exchange) send() {
	if x.sendHead() && x.sendBody() && x.release() {
		x.awaitReply()
	}
}

// end accounts for an exchange that ends here.
func (x *exchange) end(stage Stage, err error) (goOn bool) {
	x.res.Err = &Error{stage, err}
	return false
}

func (x *exchange) sendHead() (goOn bool) {
	x.mark(mailer.PhaseEnvelope)
	head, err := x.req.appendHead(x.block.Append(), x.host)
	x.block.Set(head)
	if err != nil {
		return x.end(StageBody, err)
	}
	if x.left > listenBytes {
		x.listen()
	}
	return true
}

// sendBody sends the body up to its end, which is held back.
func (x *exchange) sendBody() (goOn bool) {
	if x.req.Body == nil {
		return true
	}
	x.mark(mailer.PhaseContent)
	_, err := x.req.Body.WriteTo(x)
	switch {
	case x.block.Err() != nil:
		return x.lost(x.block.Err())
	case err != nil:
		return x.source(err)
	case x.left != 0:
		return x.source(fmt.Errorf("%d bytes are missing", x.left))
	}
	return true
}

var errTooMuch = errors.New("more bytes than it said")

// Write takes the next part of the body.
func (x *exchange) Write(p []byte) (int, error) {
	if int64(len(p)) > x.left {
		return 0, errTooMuch
	}
	if x.left -= int64(len(p)); x.left > 0 {
		x.block.Write(p)
	} else {
		x.block.Last(p)
	}
	return len(p), x.block.Err()
}

// source is a body that could not be had. The connection is cut in the middle of it.
func (x *exchange) source(err error) (goOn bool) {
	x.Abort()
	return x.end(StageBody, sourceFailed(err))
}

// release lets the last byte go, if nobody has replied before it and the gate agrees.
func (x *exchange) release() (goOn bool) {
	if !x.turn.CompareAndSwap(undecided, releasing) {
		return x.lost(net.ErrClosed)
	}
	if err := x.mayRelease(); err != nil {
		x.Abort()
		return x.end(StageBody, err)
	}
	released, err := x.block.Release()
	if x.res.Released = released; !released {
		return x.lost(err)
	}
	x.mark(mailer.PhaseCommitted)
	if err != nil {
		return x.end(StageReply, x.Cause(err))
	}
	return true
}

func (x *exchange) mayRelease() error {
	if err := x.Context().Err(); err != nil {
		return err
	}
	if c := x.limits.Commit; !c.IsZero() && !time.Now().Before(c) {
		return netconn.ErrTimeout
	}
	if !x.req.commit() {
		return ErrCancelled
	}
	return nil
}

// awaitReply reads the reply to a request that was released.
func (x *exchange) awaitReply() {
	limit := time.Time{}
	if _, ok := x.Context().Deadline(); !ok {
		limit = time.Now().Add(x.limits.Patience)
	}
	x.SetLimit(limit)
	if x.hear(); x.err != nil {
		x.end(StageReply, x.Cause(x.err))
		return
	}
	x.mark(mailer.PhaseDone)
	x.finish(x.head)
}

// lost is a request that broke off before its last byte left. The server may have said why:
// a reply that came before is what counts then (HTTP rows 7 and 33).
func (x *exchange) lost(cause error) (goOn bool) {
	cause = x.Cause(cause)
	early := x.turn.Load() == repliedEarly
	if !early && (x.Context().Err() != nil || errors.Is(cause, netconn.ErrTimeout)) {
		x.Abort()
		return x.end(StageBody, cause)
	}
	x.SetLimit(time.Now().Add(lastWords))
	if x.hear(); x.err != nil {
		if early {
			cause = x.Cause(x.err)
		}
		x.res.stale = x.used && x.silent && x.Context().Err() == nil
		x.Abort()
		return x.end(StageBody, cause)
	}
	x.mark(mailer.PhaseDone)
	x.finish(x.head)
	x.res.Reply.Early, x.res.reusable = true, false
	return false
}

// listen reads what the server says while the body is being sent.
func (x *exchange) listen() {
	x.SetLimit(time.Time{})
	x.heard = make(chan struct{})
	go func() {
		defer close(x.heard)
		x.readHead()
		if x.turn.CompareAndSwap(undecided, repliedEarly) {
			x.StopWriting()
		}
	}()
}

// hear waits for the head of the reply.
func (x *exchange) hear() {
	if x.heard == nil {
		x.readHead()
		return
	}
	<-x.heard
}

// stopListening makes sure that nobody reads from the connection any more.
func (x *exchange) stopListening() {
	if x.heard == nil {
		return
	}
	select {
	case <-x.heard:
	default:
		x.Abort()
		<-x.heard
	}
}

// isEnd: the connection ended, on either side.
func isEnd(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe) || errors.Is(err, net.ErrClosed)
}
