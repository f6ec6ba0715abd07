package simmail

import (
	"cmp"
	"slices"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// checkFinal: who was refused for good is not sent to again, unless by whoever left that open before.
// Routers that run alongside each other do not hear of it in time.
func (r *report) checkFinal(s *Sent, calls []*Call) {
	if r.promises.Nested {
		return
	}
	for i, c := range calls {
		for _, later := range calls[i+1:] {
			open := slices.ContainsFunc(calls[:i], func(c *Call) bool { return c.Provider == later.Provider && isUnknown(c) })
			for _, recipient := range c.Final {
				if !open && r.goesOnTo(later, c, recipient) {
					r.say("final", s, "%s goes to %s after %s refused it for good", recipient, later.Provider, c.Provider)
				}
			}
		}
	}
}

// checkChance: good mail that had the time does not fail, nor stay unknown where that is no reason to
// stop (P4), while a route to which nothing ever happened was not tried.
func (r *report) checkChance(s *Sent, calls []*Call) {
	deadline, ok := s.deadline()
	if s.Kind != Good || !r.isOpen(s) || ok && deadline-s.Start < 10*time.Second || r.promises.Nested {
		return
	}
	if len(calls) >= cmp.Or(r.promises.MaxAttempts, 3) || s.End >= r.Closing || len(s.Msg.Recipients()) > 1 {
		return
	}
	for _, name := range r.Providers {
		tried := count(calls, func(c *Call) bool { return c.Provider == name }) > 0
		if r.Sound[name] && !tried {
			r.say("chance", s, "failed, and %s, which is always up, was not tried", name)
		}
	}
}

// isOpen reports whether another attempt would have been right when Send returned.
func (r *report) isOpen(s *Sent) bool {
	until, ok := s.deadline()
	if !ok {
		until = s.Start + commitLimit
	}
	return s.Outcome() == mailer.NotAccepted || s.Outcome() == mailer.Unknown && r.delivery(s) == mailer.AtLeastOnce && s.End < until
}

// checkGates: nothing is sent to a provider before the time that it asked for, nor while it
// refuses the credentials, but what was on its way.
func (r *report) checkGates() {
	shut := map[string]time.Duration{} // until when, by provider
	for _, c := range r.edges() {
		if c.starts {
			if until := shut[c.Provider]; c.Start < until {
				r.add("P10", c.Msg, "%s is called at %s, and had asked to wait until %s", c.Provider, c.Start, until)
				return
			}
			continue
		}
		switch c.Scope {
		case mailer.ScopeRate:
			shut[c.Provider] = max(shut[c.Provider], c.End+c.RetryAfter)
		case mailer.ScopeAccount:
			shut[c.Provider] = max(shut[c.Provider], r.Laws[c.Provider].until(c.End))
		}
	}
}

// An edge is the start or the end of a call.
type edge struct {
	*Call
	starts bool
}

func (e edge) at() time.Duration {
	if e.starts {
		return e.Start
	}
	return e.End
}

// edges returns all edges in the order of time.
func (r *report) edges() []edge {
	edges := make([]edge, 0, 2*len(r.Calls))
	for _, c := range r.Calls {
		edges = append(edges, edge{c, true}, edge{c, false})
	}
	slices.SortStableFunc(edges, func(a, b edge) int { return cmp.Compare(a.at(), b.at()) })
	return edges
}
