package simmail

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/observe"
)

// A History is all that happened in a world, each list in the order of time.
type History struct {
	Seed      uint64
	Start     time.Time
	Providers []string // in the order in which they were added
	Laws      map[string]Law
	Sound     map[string]bool // to which nothing ever happens
	Keyed     map[string]bool // that know idempotency keys
	Closing   time.Duration   // when Close was called
	Closed    time.Duration   // when it returned
	Forgotten []string        // providers that were then not closed
	Calls     []*Call
	Questions []*Call // what was asked about messages, and the answers
	Probes    []Probe
	States    []observe.State
	Sent      []*Sent
}

// Hash is the same for two histories only if nothing in them differs.
func (h *History) Hash() uint64 {
	sum := fnv.New64a()
	for _, s := range h.Sent {
		_, _ = fmt.Fprintln(sum, h.sentLine(s))
		_, _ = fmt.Fprintln(sum, strings.Join(h.attemptLines(s), "\n"))
		_, _ = fmt.Fprintln(sum, recipientLine(s))
	}
	for _, c := range slices.Concat(h.Calls, h.Questions) {
		_, _ = fmt.Fprintln(sum, c.Msg.MessageID, callLine(c))
	}
	for _, p := range h.Probes {
		_, _ = fmt.Fprintln(sum, probeLine(p))
	}
	for _, s := range h.States {
		_, _ = fmt.Fprintln(sum, h.stateLine(s))
	}
	return sum.Sum64()
}

// Story tells what happened to one message, and to the routes about then.
func (h *History) Story(messageID string) string {
	var b strings.Builder
	for _, name := range h.Providers {
		fmt.Fprintf(&b, "%s: %s\n", name, h.Laws[name])
	}
	var from, until time.Duration
	for _, s := range h.Sent {
		if s.Msg.MessageID != messageID {
			continue
		}
		from, until = s.Start, s.End
		fmt.Fprintln(&b, h.sentLine(s))
		for _, line := range append(h.attemptLines(s), recipientLine(s)) {
			fmt.Fprintln(&b, "  router:", line)
		}
	}
	for _, c := range slices.Concat(h.Calls, h.Questions) {
		if c.Msg.MessageID == messageID {
			fmt.Fprintln(&b, "  provider:", callLine(c))
		}
	}
	h.tellStates(&b, from-30*time.Second, until+time.Second)
	return b.String()
}

func (h *History) tellStates(b *strings.Builder, from, until time.Duration) {
	const shown = 20
	var lines []string
	for _, s := range h.States {
		if at := s.Time.Sub(h.Start); at >= from && at <= until {
			lines = append(lines, "  state: "+h.stateLine(s))
		}
	}
	for _, p := range h.Probes {
		if p.End >= from && p.Start <= until {
			lines = append(lines, "  check: "+probeLine(p))
		}
	}
	for _, line := range lines[max(0, len(lines)-shown):] {
		fmt.Fprintln(b, line)
	}
}

func (h *History) sentLine(s *Sent) string {
	return fmt.Sprintf("%s (%s, %s, timeout %s, cancelled after %s) sent %s, ended %s: %s: %v",
		s.Msg.MessageID, s.Kind, s.Msg.Delivery, s.Timeout, s.CancelAfter, s.Start, s.End, s.Outcome(), s.Err)
}

func (h *History) attemptLines(s *Sent) []string {
	r := s.Account()
	if r == nil {
		return nil
	}
	var lines []string
	for _, a := range r.Attempts {
		lines = append(lines, fmt.Sprintf("%s %s +%s %s %s/%s %d %q %s %s",
			a.Route, a.Start.Sub(h.Start), a.Duration, a.Phase, a.Outcome, a.Scope, a.Code, a.Skipped, a.Decision, a.Detail))
	}
	return lines
}

func recipientLine(s *Sent) string {
	r := s.Account()
	if r == nil {
		return ""
	}
	var b strings.Builder
	for _, x := range r.Recipients {
		fmt.Fprintf(&b, "%s %s %s %d %s; ", x.Address, x.Outcome, x.Scope, x.Code, x.Route)
	}
	return b.String()
}

func callLine(c *Call) string {
	return fmt.Sprintf("%s #%d %s..%s commit %s of %s, %s, %s %s/%s %d, copies %v",
		c.Provider, c.Number, c.Start, c.End, c.Committed, c.CommitBy, c.Mode, c.Phase, c.Outcome, c.Scope, c.Code, c.Copies)
}

func probeLine(p Probe) string {
	return fmt.Sprintf("%s %s..%s passed %t", p.Provider, p.Start, p.End, p.Passed)
}

func (h *History) stateLine(s observe.State) string {
	until := time.Duration(0)
	if !s.Until.IsZero() {
		until = s.Until.Sub(h.Start)
	}
	return fmt.Sprintf("%s %s %s -> %s %s until %s %s", s.Time.Sub(h.Start), s.Route, s.From, s.To, s.Cause, until, s.Detail)
}

// byMessage sorts calls by Message-ID.
func byMessage(calls []*Call) map[string][]*Call {
	m := make(map[string][]*Call, len(calls))
	for _, c := range calls {
		m[c.Msg.MessageID] = append(m[c.Msg.MessageID], c)
	}
	return m
}

// copies counts for each recipient the copies that honest replies account for, and those of liars.
func copies(calls []*Call) (honest, lied map[string]int) {
	honest, lied = map[string]int{}, map[string]int{}
	for _, c := range calls {
		for _, r := range c.Copies {
			if c.Mode.Lies() {
				lied[r]++
			} else {
				honest[r]++
			}
		}
	}
	return honest, lied
}

func count(calls []*Call, is func(*Call) bool) int {
	n := 0
	for _, c := range calls {
		if is(c) {
			n++
		}
	}
	return n
}

func isUnknown(c *Call) bool { return c.Outcome == mailer.Unknown }
