package apifake

import (
	"context"
	"net"
)

// A state is what a connection is doing, for WaitIdle.
type state int

const (
	// idling: everything that was read is answered; the next request is awaited.
	idling state = iota
	// working: a request is read or answered, or a silence is kept.
	working
	// parked: nothing more will be read for a purpose; the client is to end the connection.
	parked
)

func (c *conn) become(next state) {
	c.srv.mu.Lock()
	defer c.srv.mu.Unlock()
	if c.state != next {
		c.state = next
		c.srv.notify()
	}
}

// WaitIdle waits until nothing that was sent to the server is on its way or worked on,
// and returns nil, or the error of ctx. Connections that lie idle are not waited for,
// silences are.
func (s *Server) WaitIdle(ctx context.Context) error {
	if err := s.passBarrier(ctx); err != nil {
		return err
	}
	for {
		idle, changed := s.look()
		if idle {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// look reports whether all is idle now, and returns what is closed by the next change.
func (s *Server) look() (idle bool, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if c.state == working || c.state == idling && c.link.pending() {
			return false, s.changed
		}
	}
	return true, s.changed
}

// passBarrier waits until every connection that the network has made by now is
// registered: it makes one of its own, and those before it are accepted before it.
func (s *Server) passBarrier(ctx context.Context) error {
	conn, passed, err := s.dialBarrier(ctx)
	if err != nil {
		select {
		case <-s.done:
			return nil // whoever closed the server has waited for the connections
		default:
			return err
		}
	}
	defer func() {
		_ = conn.Close()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.barriers, conn.LocalAddr().String())
	}()
	select {
	case <-passed:
	case <-s.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// dialBarrier holds the lock so that the acceptor cannot see the connection before it
// is known; the network completes it without the acceptor.
func (s *Server) dialBarrier(ctx context.Context) (net.Conn, <-chan struct{}, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.Addr())
	if err != nil {
		return nil, nil, err
	}
	passed := make(chan struct{})
	s.barriers[conn.LocalAddr().String()] = passed
	return conn, passed, nil
}
