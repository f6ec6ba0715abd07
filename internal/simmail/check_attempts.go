package simmail

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// checkAttempts holds the receipt's attempts against the calls that the providers saw: the
// same routes in the same order, with the same verdicts.
func (r *report) checkAttempts(s *Sent, calls []*Call) {
	account := s.Account()
	if account == nil {
		return
	}
	if n := count(calls, func(c *Call) bool { return !r.isRest(c) }); n > cmp.Or(r.promises.MaxAttempts, 3) && !r.promises.Nested {
		r.say("attempts", s, "there were %d", n)
	}
	for _, c := range calls {
		if c.Start > s.End {
			r.say("attempts", s, "%s was called at %s, after Send had returned", c.Provider, c.Start)
		}
	}
	if r.promises.Nested {
		return
	}
	if told, seen := r.told(account), r.seen(s); !slices.Equal(told, seen) {
		r.say("attempts", s, "the receipt tells %q, the providers saw %q", told, seen)
	}
}

func (r *report) told(account *mailer.Receipt) []string {
	var told []string
	for _, a := range account.Attempts {
		if a.Skipped == "" {
			told = append(told, attemptLine(a.Start.Sub(r.Start), a.Route, a.Phase, a.Outcome, a.Scope, a.Code))
		}
	}
	return told
}

func (r *report) seen(s *Sent) []string {
	calls := slices.Concat(r.calls[s.Msg.MessageID], r.asked[s.Msg.MessageID])
	slices.SortStableFunc(calls, func(a, b *Call) int { return cmp.Compare(a.Start, b.Start) })
	var seen []string
	for _, c := range calls {
		seen = append(seen, attemptLine(c.Start, c.Provider, c.Phase, c.Outcome, c.Scope, c.Code))
	}
	return seen
}

// attemptLine leaves out whose doing it was that an attempt was cut off: the provider cannot tell
// the caller from a router that lost its patience with it.
func attemptLine(start time.Duration, route string, phase mailer.Phase, o mailer.Outcome, scope mailer.Scope, code int) string {
	if o == mailer.Accepted || scope == mailer.ScopeCaller && code == 0 {
		scope = mailer.ScopeProvider
	}
	return fmt.Sprintf("%s %s %s %s/%s %d", start, route, phase, o, scope, code)
}

// checkRetries bounds the attempts at a route that the message had already been to (P9).
func (r *report) checkRetries() {
	const window = 10 * time.Second
	if r.promises.Retries < 0 {
		return
	}
	var retries []time.Duration
	for _, c := range r.Calls {
		if c.Number > 1 && !r.isRest(c) {
			retries = append(retries, c.Start)
		}
	}
	first := 0
	for i, at := range retries {
		for retries[first] <= at-window {
			first++
		}
		n, sends := i-first+1, r.sends(at-window, at)
		if n > r.promises.Retries+sends/10 {
			r.add("P9", nil, "%d retries and %d sends in the 10 s until %s", n, sends, at)
			return
		}
	}
}

// isRest reports whether c is the next transaction for those whom an earlier one had no room for.
func (r *report) isRest(c *Call) bool {
	return slices.ContainsFunc(r.calls[c.Msg.MessageID], func(earlier *Call) bool {
		return earlier.Start < c.Start && len(earlier.Recipients) > len(c.Recipients)
	})
}

// sends counts those that began within (from, until].
func (r *report) sends(from, until time.Duration) int {
	after := func(t time.Duration) int {
		i, _ := slices.BinarySearchFunc(r.Sent, t, func(s *Sent, t time.Duration) int {
			if s.Start <= t {
				return -1
			}
			return 1
		})
		return i
	}
	return after(until) - after(from)
}
