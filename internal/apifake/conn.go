package apifake

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"net"
)

const bufferBytes = 64 << 10

// errOver ends a conversation whose connection has been dealt with.
var errOver = errors.New("connection over")

// A conn is one connection.
type conn struct {
	srv    *Server
	number int
	state  state // guarded by srv.mu
	step   *step // met on accept; belongs to the first request too
	link   *link
	tls    *tls.Conn // nil without TLS
	stream net.Conn  // link, or TLS over it
	in     *bufio.Reader
}

func newConn(s *Server, number int, tcp *net.TCPConn) *conn {
	c := &conn{srv: s, number: number, step: s.faults.take(true)}
	if c.step.Kind != None {
		c.state = working
	}
	c.link = newLink(s.wrap(number, tcp), tcp, c.become)
	c.link.resting = c.state == idling
	c.stream = c.link
	if c.tls = s.tls(c.link); c.tls != nil {
		c.stream = c.tls
	}
	c.in = bufio.NewReaderSize(c.stream, bufferBytes)
	return c
}

// run holds the conversation.
func (c *conn) run() {
	defer c.srv.leave(c)
	defer func() { _ = c.link.Close() }()
	defer c.step.reach()
	if err := c.open(); err != nil {
		return
	}
	for {
		if err := c.next(); err != nil {
			return
		}
	}
}

// open does what comes before the first request: the fault of the connection, and TLS.
func (c *conn) open() error {
	switch c.step.Kind {
	case CloseOnAccept:
		return c.end(c.step)
	case SilentOnAccept:
		if !c.hold(c.step, c.step.Hold) || c.step.Hold == nil {
			return c.end(c.step)
		}
	}
	if c.tls == nil {
		return nil
	}
	c.link.awaiting = true
	return c.tls.HandshakeContext(context.Background()) // Close ends it
}

// next awaits one request and answers it.
func (c *conn) next() error {
	c.link.awaiting = true
	if _, err := c.in.Peek(1); err != nil {
		return err
	}
	c.become(working)
	c.link.awaiting = false
	return c.serve()
}

// hold begins a silence, and waits until it is ended or until is closed. It reports
// whether the client is still there, and the server.
func (c *conn) hold(s *step, until <-chan struct{}) bool {
	ended := c.srv.silenceEnds() // before anybody can know that there is a silence to end
	s.reach()
	gone, stop := c.link.watch()
	defer stop()
	select {
	case <-until:
	case <-ended:
	case <-gone:
		return false
	case <-c.srv.done:
		return false
	}
	return true
}

// end ends the connection in order, or with a reset. It returns errOver.
func (c *conn) end(s *step) error {
	if s.Reset {
		c.link.reset()
		s.reach()
		return errOver
	}
	c.hangUp()
	return c.park(s)
}

// park waits until the client has ended the connection too. What is unread stays so: no
// more is read than it takes to see that. It returns errOver.
func (c *conn) park(s *step) error {
	c.become(parked)
	c.hold(s, nil)
	return errOver
}

// hangUp says that no more will come. Closing would reset the connection where the
// client has sent what was not read.
func (c *conn) hangUp() {
	if c.tls != nil && c.tls.ConnectionState().HandshakeComplete {
		_ = c.tls.CloseWrite()
	}
	c.link.closeWrite()
}
