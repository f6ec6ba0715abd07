package acstest

import (
	"net/http"
	"strings"
)

// status is GET /emails/operations/{id}. That an id which is no UUID is refused with 400 is
// UNVERIFIED.
func (s *Server) status(_ *Request, id string) Answer {
	if refusal, ok := s.throttle(&s.reads); !ok {
		return refusal
	}
	if !isUUID(id) {
		return BadRequest("operationId")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o, known := s.operations[strings.ToLower(id)]
	switch {
	case !known:
		return NotFound()
	case !o.visible(s.cfg.Now()):
		return s.counting(NotFound(), &o.misses)
	}
	return s.counting(s.found(o), &o.reads)
}

// counting returns a with a commit that counts it.
func (s *Server) counting(a Answer, counter *int) Answer {
	a.Commit = func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		*counter++
	}
	return a
}

// found says to come again only while there is something to wait for. The caller holds mu.
func (s *Server) found(o *operation) Answer {
	r := o.result(s.cfg.Now())
	a := encode(http.StatusOK, r)
	if r.Status == StatusRunning && s.cfg.RetryAfter > 0 {
		a = retryAfter(a, s.cfg.RetryAfter)
	}
	return a
}
