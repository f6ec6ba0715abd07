package simmail

import (
	"cmp"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

const (
	grace       = 100 * time.Millisecond
	commitLimit = 30 * time.Second // the router's, where there is no deadline
)

// checkDeadline: Send returns by then, and without one after all waits that it may have come to (P13).
func (r *report) checkDeadline(s *Sent, calls []*Call) {
	if deadline, ok := s.deadline(); ok {
		if s.End > deadline+grace {
			r.say("P13", s, "returned %s after its deadline", s.End-deadline)
		}
		return
	}
	attempts := cmp.Or(r.promises.MaxAttempts, 3)
	if r.promises.Nested {
		attempts *= attempts
	}
	if limit := commitLimit + time.Duration(attempts)*(replyWait+5*time.Second); s.End-s.Start > limit {
		r.say("P13", s, "took %s without a deadline", s.End-s.Start)
	}
	for _, c := range calls {
		if c.Number == 1 && !committedBefore(calls, c) && c.Committed > s.Start+commitLimit+grace {
			r.say("P13", s, "%s committed %s after it was sent", c.Provider, c.Committed-s.Start)
		}
	}
}

func committedBefore(calls []*Call, c *Call) bool {
	return count(calls, func(x *Call) bool { return x != c && x.Committed > 0 && x.Committed < c.Start }) > 0
}

// checkSlices: where the time suffices for a slice for each route, the first attempt at
// each gets one (P13).
func (r *report) checkSlices(s *Sent, calls []*Call) {
	slice, routes := r.promises.MinSlice, min(len(r.Providers), cmp.Or(r.promises.MaxAttempts, 3))
	deadline, ok := s.deadline()
	if slice == 0 || !ok || s.CancelAfter > 0 || deadline-s.Start < time.Duration(routes)*slice {
		return
	}
	for _, c := range calls {
		if c.Number > 1 || committedBefore(calls, c) {
			continue
		}
		until := deadline
		if c.CommitBy > 0 {
			until = min(until, c.CommitBy)
		}
		if until-c.Start < slice {
			r.say("P13", s, "%s got %s of %s", c.Provider, until-c.Start, deadline-s.Start)
		}
	}
}

// checkArrival: when all faults are over and dealt with, good mail arrives through the
// primary, at the first attempt.
func (r *report) checkArrival(s *Sent, calls []*Call) {
	if r.promises.GoodFrom == 0 || s.Start < r.promises.GoodFrom || s.Kind != Good {
		return
	}
	switch {
	case s.Outcome() != mailer.Accepted:
		r.say("P11", s, "sent when all was well again, and %s", s.Outcome())
	case r.promises.Primary != "" && (len(calls) != 1 || calls[0].Provider != r.promises.Primary):
		r.say("P11", s, "sent when all was well again: %d attempts, the first at %s", len(calls), calls[0].Provider)
	}
}

// checkClosed: when Close returns, nothing is under way and every provider is closed.
func (r *report) checkClosed() {
	if len(r.Forgotten) > 0 {
		r.add("close", nil, "%q are not closed", r.Forgotten)
	}
	for _, s := range r.Sent {
		if s.End > r.Closed && s.Start < r.Closed {
			r.say("close", s, "ended at %s, after Close had returned at %s", s.End, r.Closed)
		}
	}
}
