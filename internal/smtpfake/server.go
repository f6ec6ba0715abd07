package smtpfake

import (
	"errors"
	"net"
	"sync"
)

// A Server is a fake SMTP server. Its methods may be called concurrently. Close ends it.
type Server struct {
	cfg    Config
	record record

	mu        sync.Mutex
	idle      sync.Cond // signalled when running falls to zero
	running   int       // calls of Serve and ServeConn, and conversations
	talking   int       // conversations
	listeners map[net.Listener]struct{}
	sessions  map[*session]struct{}
	addr      string
	closed    bool
	done      chan struct{} // closed by Close
}

// TB is the part of testing.TB that [Start] needs.
type TB interface {
	Helper()
	Cleanup(f func())
	Fatalf(format string, args ...any)
}

// New returns a server that does nothing until Serve or ServeConn is called. Cfg and
// what it refers to must not be changed afterwards.
func New(cfg Config) *Server {
	s := &Server{
		cfg:       cfg,
		listeners: make(map[net.Listener]struct{}),
		sessions:  make(map[*session]struct{}),
		done:      make(chan struct{}),
	}
	s.idle.L = &s.mu
	s.record.quiet = cfg.Content == CountContent
	return s
}

// Start returns a server that listens on a free TCP port of 127.0.0.1 and is closed at the end of the test.
func Start(tb TB, cfg Config) *Server {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("smtpfake: %v", err)
		return nil
	}
	s := New(cfg)
	s.enter(l)
	go func() { _ = s.accept(l) }() // it ends when l is closed
	tb.Cleanup(s.Close)
	return s
}

// Addr returns host:port of the first listener; empty when there is none.
func (s *Server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addr
}

// Serve accepts connections from l and closes it in the end. It returns nil when l or
// the server was closed, or the error of a failed Accept.
func (s *Server) Serve(l net.Listener) error {
	if !s.enter(l) {
		return l.Close()
	}
	return s.accept(l)
}

// enter registers l; false means that the server is closed already.
func (s *Server) enter(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	if s.addr == "" {
		s.addr = l.Addr().String()
	}
	s.listeners[l] = struct{}{}
	s.running++
	return true
}

func (s *Server) accept(l net.Listener) error {
	defer s.leave(func() { delete(s.listeners, l) })
	defer func() { _ = l.Close() }()
	for {
		conn, err := l.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				err = nil
			}
			return err
		}
		if c := s.begin(conn); c != nil {
			go s.converse(c)
		}
	}
}

// ServeConn holds one conversation over conn, which it closes, and returns when it is over.
func (s *Server) ServeConn(conn net.Conn) {
	if c := s.begin(conn); c != nil {
		s.converse(c)
	}
}

// begin prepares a conversation over conn. After Close it closes conn and returns nil.
func (s *Server) begin(conn net.Conn) *session {
	number := int(s.record.conns.Add(1))
	if s.cfg.Wrap != nil {
		conn = s.cfg.Wrap(number, conn)
	}
	c := newSession(s, number, conn)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = conn.Close()
		return nil
	}
	s.running++
	s.talking++
	s.sessions[c] = struct{}{}
	return c
}

func (s *Server) converse(c *session) {
	defer s.leave(func() {
		delete(s.sessions, c)
		s.talking--
	})
	defer c.end()
	c.run()
}

func (s *Server) leave(unregister func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	unregister()
	s.running--
	s.idle.Broadcast()
}

// WaitIdle blocks until no conversation is going on, so that what the server has read
// is decided. A conversation ends when its connection does.
func (s *Server) WaitIdle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.talking > 0 {
		s.idle.Wait()
	}
}

// Close closes all listeners and connections and waits until everything has ended.
// What the server recorded can still be read. A second Close does nothing.
func (s *Server) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		close(s.done)
	}
	for l := range s.listeners {
		_ = l.Close()
	}
	for c := range s.sessions {
		_ = c.raw.Close()
	}
	for s.running > 0 {
		s.idle.Wait()
	}
}
