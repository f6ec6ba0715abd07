package apifake

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
)

// A Server is a provider's API on loopback. Its methods may be called concurrently. Close ends it.
type Server struct {
	cfg      Config
	listener *net.TCPListener
	record   record
	faults   faultQueue

	mu       sync.Mutex
	changed  chan struct{} // closed and renewed whenever a connection changes its state
	conns    map[*conn]struct{}
	barriers map[string]chan struct{} // connections of WaitIdle, by their address
	silence  chan struct{}            // closed and renewed by EndSilences
	accepted int
	closed   bool
	done     chan struct{} // closed by Close

	running sync.WaitGroup // the acceptor and the connections
}

// TB is the part of testing.TB that [Start] needs.
type TB interface {
	Helper()
	Cleanup(f func())
	Fatalf(format string, args ...any)
}

// Start returns a server that is closed at the end of the test.
func Start(tb TB, cfg Config) *Server {
	tb.Helper()
	s, err := New(cfg)
	if err != nil {
		tb.Fatalf("%v", err)
		return nil
	}
	tb.Cleanup(s.Close)
	return s
}

// New returns a server that listens on a free TCP port of 127.0.0.1. Cfg and what it
// refers to must not be changed afterwards.
func New(cfg Config) (*Server, error) {
	if cfg.Handler == nil {
		return nil, errors.New("apifake: Config.Handler is nil")
	}
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, fmt.Errorf("apifake: %w", err)
	}
	s := &Server{
		cfg: cfg.withDefaults(), listener: l,
		changed: make(chan struct{}), conns: make(map[*conn]struct{}), barriers: make(map[string]chan struct{}),
		silence: make(chan struct{}), done: make(chan struct{}),
	}
	s.running.Add(1)
	go s.accept()
	return s, nil
}

func (c Config) withDefaults() Config {
	if c.MaxBodyBytes == 0 {
		c.MaxBodyBytes = 64 << 20
	}
	if c.TooLarge.Status == 0 {
		c.TooLarge = HTMLPage(413)
	}
	if c.TLS != nil {
		c.TLS = c.TLS.Clone()
		c.TLS.NextProtos = []string{"http/1.1"} // there is no HTTP/2 here
	}
	return c
}

// Addr returns host:port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// URL returns the address as a base URL without a path, such as https://127.0.0.1:1234.
func (s *Server) URL() string {
	if s.cfg.TLS != nil {
		return "https://" + s.Addr()
	}
	return "http://" + s.Addr()
}

func (s *Server) accept() {
	defer s.running.Done()
	for {
		tcp, err := s.listener.AcceptTCP()
		if err != nil {
			return // closed: nothing else ends a listener on loopback
		}
		if c := s.begin(tcp); c != nil {
			go c.run()
		}
	}
}

// begin registers a connection and gives it its fault. It returns nil for a connection of
// WaitIdle, and after Close.
func (s *Server) begin(tcp *net.TCPConn) *conn {
	number, ok := s.admit(tcp)
	if !ok {
		_ = tcp.Close()
		return nil
	}
	c := newConn(s, number, tcp) // without the lock: Wrap may take its time
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = c.link.Close()
		return nil
	}
	s.conns[c] = struct{}{}
	s.running.Add(1)
	return c
}

// admit numbers a connection that is a client's.
func (s *Server) admit(tcp *net.TCPConn) (number int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if barrier, ok := s.barriers[tcp.RemoteAddr().String()]; ok {
		close(barrier)
		return 0, false
	}
	s.accepted++
	return s.accepted - 1, !s.closed
}

// wrap returns the server's end of a connection, without TLS.
func (s *Server) wrap(number int, tcp *net.TCPConn) net.Conn {
	if s.cfg.Wrap == nil {
		return tcp
	}
	return s.cfg.Wrap(number, tcp)
}

func (s *Server) tls(l *link) *tls.Conn {
	if s.cfg.TLS == nil {
		return nil
	}
	return tls.Server(l, s.cfg.TLS)
}

// leave forgets a connection that is over.
func (s *Server) leave(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	s.notify()
	s.running.Done()
}

// notify wakes those who wait for a change. The caller holds mu.
func (s *Server) notify() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// EndSilences ends every silence and every Hold that has begun, and the connections
// that only wait for the client to end them.
func (s *Server) EndSilences() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.silence)
	s.silence = make(chan struct{})
}

func (s *Server) silenceEnds() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.silence
}

// CloseIdle ends the connections that lie idle between requests.
func (s *Server) CloseIdle() {
	s.mu.Lock()
	var idle []*conn
	for c := range s.conns {
		if c.state == idling && !c.link.pending() {
			idle = append(idle, c)
		}
	}
	s.mu.Unlock()
	for _, c := range idle {
		_ = c.link.Close()
	}
}

// Close closes all connections and waits until everything has ended. What the server
// recorded can still be read. A second Close does nothing.
func (s *Server) Close() {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.done)
	}
	_ = s.listener.Close()
	for c := range s.conns {
		_ = c.link.Close()
	}
	s.mu.Unlock()
	s.running.Wait()
}
