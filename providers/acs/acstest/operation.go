package acstest

import (
	"strings"
	"time"
)

// A Status is that of an operation.
type Status string

// The statuses of the API description.
const (
	StatusNotStarted Status = "NotStarted" // documented as not in use
	StatusRunning    Status = "Running"
	StatusSucceeded  Status = "Succeeded" // handed to delivery
	StatusFailed     Status = "Failed"
	StatusCanceled   Status = "Canceled"
)

// A Life is what becomes of an operation. With the zero Life it succeeds, and the first request
// for its status says so.
type Life struct {
	// VisibleAfter is how long after acceptance requests for its status begin to find it.
	VisibleAfter time.Duration
	// HiddenReads is how many such requests do not find it in any case.
	HiddenReads int
	// Hidden means that none ever does.
	Hidden bool
	// RunningFor is how long after acceptance it has not ended yet.
	RunningFor time.Duration
	// RunningReads is how many requests for its status see it running in any case.
	RunningReads int
	// End is how it ends.
	End End
}

// An End is the terminal status of an operation. The zero End is success, or AllSuppressed
// where that is so.
type End struct {
	Status        Status
	Code, Message string
}

// Dropped is the failure to deliver, as in the API description's example.
func Dropped() End {
	return End{StatusFailed, "EmailDropped", "Email was dropped after several attempts to deliver."}
}

// AllSuppressed is the failure of a message all of whose recipients are suppressed. Microsoft has
// not published its code, which clients report.
func AllSuppressed() End {
	return End{StatusFailed, "EmailDroppedAllRecipientsSuppressed", "Message dropped because all recipients were suppressed."}
}

// Canceled is the end of an operation that was given up. Its code is UNVERIFIED.
func Canceled() End { return End{StatusCanceled, "OperationCanceled", "The operation was canceled."} }

// An operation is what was made of a request to send.
type operation struct {
	id         string
	digest     [32]byte // of the body
	began      time.Time
	life       Life
	suppressed bool // all recipients are
	misses     int  // requests for its status that did not find it
	reads      int  // and that did
	end        *End // by Server.End
}

// NextLife makes l the life of the next message to be accepted that has none yet.
func (s *Server) NextLife(l Life) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lives = append(s.lives, l)
}

// End ends an operation now, whatever its life says, and shows it. It reports whether the id is known.
func (s *Server) End(id string, end End) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, known := s.operations[strings.ToLower(id)]
	if known {
		o.end = &end
	}
	return known
}

// takeLife returns the life of a message. The caller holds mu.
func (s *Server) takeLife() Life {
	if len(s.lives) == 0 {
		return s.cfg.Life
	}
	l := s.lives[0]
	s.lives = s.lives[1:]
	return l
}

func (o *operation) visible(now time.Time) bool {
	hidden := o.life.Hidden || o.misses < o.life.HiddenReads || now.Sub(o.began) < o.life.VisibleAfter
	return o.end != nil || !hidden
}

// result is what a request for the status finds.
func (o *operation) result(now time.Time) result {
	end := o.life.End
	switch {
	case o.end != nil:
		end = *o.end
	case o.reads < o.life.RunningReads || now.Sub(o.began) < o.life.RunningFor:
		return result{ID: o.id, Status: StatusRunning}
	}
	switch {
	case end == End{} && o.suppressed:
		end = AllSuppressed()
	case end == End{}:
		end.Status = StatusSucceeded
	}
	r := result{ID: o.id, Status: end.Status}
	if end.Code != "" {
		r.Error = &Error{Code: end.Code, Message: end.Message}
	}
	return r
}
