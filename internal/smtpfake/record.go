package smtpfake

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// maxViolations bounds what a client gone wild can make the server keep.
const maxViolations = 1000

// A record is what the server remembers.
type record struct {
	quiet bool // keep counters and violations only

	mu         sync.Mutex
	messages   []Message
	lines      []line
	violations []Violation
	seen       [numPoints]int

	conns, handshakes, auths, commands, accepted, contentBytes, flights atomic.Int64
}

// A line of the transcript.
type line struct {
	Command
	kind byte // 'C' command, 'S' reply, 'D' a note about content
}

func (r *record) violation(v Violation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.violations) < maxViolations {
		r.violations = append(r.violations, v)
	}
}

func (r *record) line(kind byte, c Command) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, line{c, kind})
}

// accept makes m part of the truth.
func (r *record) accept(m *Message) {
	r.contentBytes.Add(m.SizeBytes)
	r.accepted.Add(1)
	if r.quiet {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.messages = append(r.messages, *m)
}

// Messages returns the accepted messages in the order of acceptance, except in mode CountContent.
func (s *Server) Messages() []Message {
	s.record.mu.Lock()
	defer s.record.mu.Unlock()
	return slices.Clone(s.record.messages)
}

// Violations returns what clients did wrong, up to a thousand times.
func (s *Server) Violations() []Violation {
	s.record.mu.Lock()
	defer s.record.mu.Unlock()
	return slices.Clone(s.record.violations)
}

// Commands returns the lines that clients sent, in the order of arrival, AUTH
// responses with their secrets included, content not.
func (s *Server) Commands() []Command {
	s.record.mu.Lock()
	defer s.record.mu.Unlock()
	var commands []Command
	for _, l := range s.record.lines {
		if l.kind == 'C' {
			commands = append(commands, l.Command)
		}
	}
	return commands
}

// Transcript returns the conversation on one connection, counted from 1. Lines begin
// with "C: " or "S: ", and with "C* " or "S* " under TLS; content and TLS
// handshakes show in brackets, replies that a hook changed as what was written.
func (s *Server) Transcript(conn int) string {
	s.record.mu.Lock()
	defer s.record.mu.Unlock()
	var b strings.Builder
	for _, l := range s.record.lines {
		if l.Conn != conn {
			continue
		}
		side, mark := "C", ": "
		if l.kind == 'S' {
			side = "S"
		}
		if l.TLS {
			mark = "* "
		}
		b.WriteString(side + mark + l.Line + "\n")
	}
	return b.String()
}

// Stats returns the counters.
func (s *Server) Stats() Stats {
	r := &s.record
	return Stats{
		Conns: r.conns.Load(), Handshakes: r.handshakes.Load(), Auths: r.auths.Load(),
		Commands: r.commands.Load(), Messages: r.accepted.Load(), ContentBytes: r.contentBytes.Load(),
		Flights: r.flights.Load(),
	}
}

// seen counts one more arrival at p.
func (s *Server) seen(p Point) int {
	s.record.mu.Lock()
	defer s.record.mu.Unlock()
	s.record.seen[p]++
	return s.record.seen[p]
}
