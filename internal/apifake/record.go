package apifake

import (
	"fmt"
	"slices"
	"sync"
)

// maxViolations bounds what a client gone wild can make the server keep.
const maxViolations = 1000

// Stats are counters since the start.
type Stats struct {
	// Conns is the number of connections, Requests that of requests whose head was
	// read, Whole that of requests whose last byte was read.
	Conns, Requests, Whole int
}

// A record is what the server remembers.
type record struct {
	mu         sync.Mutex
	heads      int
	whole      int
	requests   []Request
	violations []string
}

// head counts a request whose head was read, and returns its number.
func (r *record) head() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heads++
	return r.heads - 1
}

func (r *record) arrived(req *Request, keep bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.whole++
	if keep {
		r.requests = append(r.requests, *req)
	}
}

func (c *conn) violate(format string, args ...any) {
	r := &c.srv.record
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.violations) < maxViolations {
		r.violations = append(r.violations, fmt.Sprintf("connection %d: ", c.number)+fmt.Sprintf(format, args...))
	}
}

// Requests returns the requests that arrived whole, in the order of their arrival. What
// they refer to must not be changed.
func (s *Server) Requests() []Request {
	s.record.mu.Lock()
	defer s.record.mu.Unlock()
	return slices.Clone(s.record.requests)
}

// Violations returns what clients did against HTTP, and what a handler did that it must
// not, up to a thousand times. A test of a client ends by asserting that there are none.
func (s *Server) Violations() []string {
	s.record.mu.Lock()
	defer s.record.mu.Unlock()
	return slices.Clone(s.record.violations)
}

// Stats returns the counters.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	conns := s.accepted
	s.mu.Unlock()
	s.record.mu.Lock()
	defer s.record.mu.Unlock()
	return Stats{Conns: conns, Requests: s.record.heads, Whole: s.record.whole}
}
