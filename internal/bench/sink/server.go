package sink

import (
	"crypto/tls"
	"net"
	"sync"
)

// A Listener accepts connections until it is closed and then waits for them to end.
type Listener struct {
	l      net.Listener
	mu     sync.Mutex
	conns  map[net.Conn]struct{}
	closed bool
	wg     sync.WaitGroup
}

// Listen opens a port of 127.0.0.1 with an SMTP server behind it. A config means TLS from the first
// byte on. The server offers PIPELINING, CHUNKING, 8BITMIME, SIZE and AUTH PLAIN.
func Listen(config *tls.Config) (*Listener, error) {
	return listen(func(nc net.Conn) {
		if config != nil {
			nc = tls.Server(nc, config)
		}
		newSession(nc).run()
	})
}

func listen(serve func(net.Conn)) (*Listener, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Listener{l: l, conns: make(map[net.Conn]struct{})}
	s.wg.Go(func() { s.accept(serve) })
	return s, nil
}

// Port returns the port.
func (s *Listener) Port() int { return s.l.Addr().(*net.TCPAddr).Port }

// Close closes the port and all connections.
func (s *Listener) Close() {
	s.mu.Lock()
	s.closed = true
	for nc := range s.conns {
		_ = nc.Close()
	}
	s.mu.Unlock()
	_ = s.l.Close()
	s.wg.Wait()
}

func (s *Listener) accept(serve func(net.Conn)) {
	for {
		nc, err := s.l.Accept()
		if err != nil {
			return
		}
		if !s.enter(nc) {
			return
		}
		s.wg.Go(func() {
			defer s.leave(nc)
			serve(nc)
		})
	}
}

func (s *Listener) enter(nc net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = nc.Close()
		return false
	}
	s.conns[nc] = struct{}{}
	return true
}

func (s *Listener) leave(nc net.Conn) {
	_ = nc.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, nc)
}
