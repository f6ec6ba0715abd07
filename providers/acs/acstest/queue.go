package acstest

import (
	"fmt"
	"strings"
)

// queue answers for a message that may be sent. An operation that is known is answered
// before the Message-ID is looked at, unless the server was told otherwise.
func (s *Server) queue(m Message, digest [32]byte, v apiVersion) Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.operations[strings.ToLower(m.OperationID)]
	duplicate := m.enabled(validateMessageID) && s.messageIDs[m.Header("Message-ID")]
	switch {
	case duplicate && (known == nil || s.cfg.GuardRepeats):
		return DuplicateMessageID()
	case known != nil && (s.cfg.RepeatConflicts || known.digest != digest):
		return s.counting(Conflict(), &s.repeats)
	case known != nil:
		return s.counting(s.accepted(known.id, v), &s.repeats)
	}
	if m.OperationID == "" {
		m.OperationID = newUUID()
	}
	a := s.accepted(m.OperationID, v)
	a.Commit = func() { s.hold(m, digest) }
	return a
}

// accepted returns the answer for an operation.
func (s *Server) accepted(id string, v apiVersion) Answer {
	a := AcceptedWithoutLocation(id)
	a.Header.Del("Retry-After")
	if s.cfg.RetryAfter > 0 {
		a = retryAfter(a, s.cfg.RetryAfter)
	}
	if !s.cfg.OmitLocation {
		a.Header.Set("Operation-Location", location(s.Endpoint(), id, v))
	}
	return a
}

// hold makes the message accepted, unless another request with its ids was quicker: between
// the answer and this there is no lock.
func (s *Server) hold(m Message, digest [32]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, given := strings.ToLower(m.OperationID), m.Header("Message-ID")
	if known := s.operations[id]; known != nil {
		s.repeats++
		if known.digest != digest {
			s.violate("request %d: its Operation-Id came at the same time with another body", m.Request)
		}
		return
	}
	if m.enabled(validateMessageID) && s.messageIDs[given] {
		s.violate("request %d: its Message-ID came at the same time with another Operation-Id", m.Request)
		return
	}
	m.MessageID = s.messageID(given)
	m.Suppressed = s.suppressed(&m)
	s.messageIDs[m.MessageID] = true
	s.held = append(s.held, m)
	s.operations[id] = &operation{
		id: m.OperationID, digest: digest, began: m.Time, life: s.takeLife(),
		suppressed: len(m.Suppressed) == len(m.Recipients()),
	}
}

// messageID returns the Message-ID of a message that has given. The caller holds mu.
func (s *Server) messageID(given string) string {
	if !isMessageID(given) || s.messageIDs[given] {
		return newMessageID()
	}
	return given
}

// suppressed returns the recipients to whom nothing is sent.
func (s *Server) suppressed(m *Message) []string {
	var all []string
	for _, recipient := range m.Recipients() {
		if contains(s.cfg.Suppressed, recipient) {
			all = append(all, recipient)
		}
	}
	return all
}

// violate keeps what a client did that the server could not answer truly. The caller holds mu.
func (s *Server) violate(format string, args ...any) {
	s.violations = append(s.violations, fmt.Sprintf(format, args...))
}
