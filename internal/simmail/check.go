package simmail

import (
	"fmt"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// Promises say what a history is held to, besides what holds always: that the verdicts
// are true (P3, P4), copies are bounded (P5), receipts are complete, and deadlines are kept (P13).
type Promises struct {
	// Delivery is the router's default.
	Delivery mailer.Delivery
	// Nested: receipts tell of routes that are routers themselves, not of the providers.
	Nested bool
	// MaxAttempts is the router's; zero means 3.
	MaxAttempts int
	// MinSlice is what a first attempt at a route gets at least, where it fits (P13); zero: not looked at.
	MinSlice time.Duration
	// Retries bounds attempts at routes that the message had been to, at all of them together, to a
	// tenth of the sends of any 10 s and this many more (P9); negative: not looked at.
	Retries int
	// Outage, if not nil, is that of one provider (P10, P11).
	Outage *Outage
	// Poisoned: every provider is up, so that only what is not Good may fail (P12).
	Poisoned bool
	// GoodFrom is when the faults are over and dealt with: what is sent later arrives,
	// at the first attempt, through Primary. Zero: never.
	GoodFrom time.Duration
	Primary  string
}

// An Outage is when a provider was dead, or slow.
type Outage struct {
	Provider    string
	From, Until time.Duration
	// LastResort: others are out at the same time, so that one message a second may go there.
	LastResort bool
	// Back is by when it must be in use again; zero: not looked at.
	Back time.Duration
	// Late is how long a message may take meanwhile, but for MayBeLate of them; zero: not
	// looked at.
	Late      time.Duration
	MayBeLate int
}

// A Problem is a promise that was not kept.
type Problem struct {
	// Promise is its name, such as "P3", or "receipt".
	Promise string
	// MessageID is that of the message; empty when it is about a route.
	MessageID string
	Text      string
}

// String tells it in one line.
func (p Problem) String() string { return p.Promise + ": " + p.MessageID + " " + p.Text }

// A report gathers problems.
type report struct {
	*History
	promises Promises
	calls    map[string][]*Call
	asked    map[string][]*Call
	sent     map[string]*Sent
	problems []Problem
}

func (r *report) say(promise string, s *Sent, format string, args ...any) {
	r.add(promise, s.Msg, format, args...)
}

// add is say for what is not found in looking at one message; msg may be nil.
func (r *report) add(promise string, msg *mailer.Message, format string, args ...any) {
	p := Problem{Promise: promise, Text: fmt.Sprintf(format, args...)}
	if msg != nil {
		p.MessageID = msg.MessageID
	}
	r.problems = append(r.problems, p)
}

// Check compares what senders were told with what the providers did.
func (h *History) Check(p Promises) []Problem {
	r := &report{History: h, promises: p, calls: byMessage(h.Calls), asked: byMessage(h.Questions), sent: map[string]*Sent{}}
	for _, s := range h.Sent {
		r.sent[s.Msg.MessageID] = s
	}
	for _, s := range h.Sent {
		calls := r.calls[s.Msg.MessageID]
		r.checkReceipt(s)
		r.checkTruth(s, calls)
		r.checkCopies(s, calls)
		r.checkAttempts(s, calls)
		r.checkDeadline(s, calls)
		r.checkSlices(s, calls)
		r.checkFinal(s, calls)
		r.checkChance(s, calls)
		r.checkArrival(s, calls)
	}
	r.checkRetries()
	r.checkGates()
	r.checkOutage()
	r.checkHalfOpen()
	r.checkPoison()
	r.checkClosed()
	return r.problems
}
