package router

import (
	"slices"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// entries are what a receipt says about the attempt: as the Sender accounts for it, under
// the route's name.
func (a *attempt) entries() []mailer.Attempt {
	r := a.receipt
	if a.failed != nil {
		r = a.failed.Receipt
	}
	if len(r.Attempts) == 0 {
		t := mailer.Attempt{Provider: a.rt.provider, Phase: a.gate.Phase(), Outcome: mailer.Accepted, Decision: done.String()}
		if e := a.failed; e != nil {
			t.Outcome, t.Scope, t.Code, t.EnhancedCode = e.Outcome, e.Scope, e.Code, e.EnhancedCode
			t.Detail, t.Decision = e.Error(), stop.String()
		}
		r.Attempts = []mailer.Attempt{t}
	}
	for i := range r.Attempts {
		t := &r.Attempts[i]
		t.Route = a.rt.nameOf(t.Route)
		if t.Start.IsZero() {
			t.Start, t.Duration = a.start, a.duration
		}
	}
	return r.Attempts
}

// nameOf is how receipts call what the Sender calls name.
func (rt *route) nameOf(name string) string {
	if rt.nested && name != "" {
		return rt.Name + "/" + name
	}
	return rt.Name
}

// entry is the attempt as observers hear of it.
func (a *attempt) entry() mailer.Attempt {
	i := lastMade(a.logged)
	t := a.logged[max(i, 0)]
	if i < 0 { // of all that are inside none was tried
		t.Route, t.Skipped, t.Detail = a.rt.Name, "", a.detail()
	}
	t.Start, t.Duration = a.start, a.duration
	return t
}

// lastMade is the place of the last of them that is no record of a route passed over; -1 without one.
func lastMade(entries []mailer.Attempt) int {
	for i := len(entries) - 1; i >= 0; i-- {
		if entries[i].Skipped == "" {
			return i
		}
	}
	return -1
}

// accepted completes the receipt of the only attempt there was.
func (s *send) accepted(a *attempt) *mailer.Receipt {
	r := a.receipt
	r.Outcome = mailer.Accepted
	r.Attempts = a.logged
	r.Attempts[len(r.Attempts)-1].Decision = done.String()
	if len(s.log) > 0 {
		r.Attempts = append(s.log, r.Attempts...)
	}
	if len(r.Recipients) == 0 {
		r.Recipients = blank(s.msg, mailer.RecipientResult{Outcome: mailer.Accepted, Provider: r.Provider, Route: r.Route})
	}
	r.Route = a.rt.nameOf(r.Route)
	for i := range r.Recipients {
		r.Recipients[i].Route = a.rt.nameOf(r.Recipients[i].Route)
	}
	r.MessageID, r.IdempotencyKey = s.msg.MessageID, s.msg.IdempotencyKey
	s.r.arrived(s, a.rt)
	return r
}

// blank returns a result like like for every recipient.
func blank(m *mailer.Message, like mailer.RecipientResult) []mailer.RecipientResult {
	all := make([]mailer.RecipientResult, len(m.Recipients()))
	for i, address := range m.Recipients() {
		all[i] = like
		all[i].Address = address
	}
	return all
}

// account takes what came of the round into the account of the send.
func (s *send) account() {
	if s.results == nil {
		// Who is in none of the portions so far waits for another.
		s.results = blank(s.msg, mailer.RecipientResult{
			Outcome: mailer.NotAccepted, Scope: mailer.ScopeRecipient, Temporary: true, Elsewhere: true, Detail: "not tried yet",
		})
	}
	if s.beyond == nil {
		s.beyond = make([]beyond, len(s.results))
	}
	before := s.pending()
	s.last = nil
	for _, a := range s.round {
		s.record(a)
		s.take(a)
		if a.yielded && !a.slow {
			s.tried &^= 1 << a.rt.index // it had no chance yet
		}
		if s.last == nil || !a.yielded && (s.last.yielded || s.last.goesOn()) {
			s.last = a
		}
	}
	s.skipShare()
	s.findDoubt()
	s.round = nil
	s.progress = s.pending() < before
}

// pending counts the recipients of which nothing final is known.
func (s *send) pending() int {
	n := 0
	for i := range s.results {
		if s.results[i].Outcome != mailer.Accepted && !s.beyond[i].final {
			n++
		}
	}
	return n
}

// skipShare: what was refused altogether in one portion would be refused in the next one too.
func (s *send) skipShare() {
	e := s.last.failed
	if s.last.to == nil || e == nil || e.Outcome != mailer.NotAccepted || e.Scope == mailer.ScopeRecipient {
		return
	}
	for i := range s.results {
		if r := &s.results[i]; r.Route == "" {
			s.takeResult(i, s.last.resultFor(nil, i, r.Address), s.last)
		}
	}
}

// record puts the attempt on record, with what follows from it where that is known already.
func (s *send) record(a *attempt) {
	a.at = len(s.log)
	decided := lastMade(a.logged)
	if decided < 0 { // the Sender passed the message over by itself, and that is what was decided upon
		decided = len(a.logged) - 1
	}
	for i, t := range a.logged {
		switch {
		case a.yielded:
			t.Decision = next.String()
		case i == decided:
			s.open = append(s.open, len(s.log))
		}
		s.log = append(s.log, t)
	}
}

// beyond is what is known of a recipient beyond the last result.
type beyond struct {
	unsure []*attempt // by which a provider may have the message for it
	final  bool       // it was refused for good: an Unknown of before is all that is left
}

// take takes over the results of one attempt.
func (s *send) take(a *attempt) {
	given := a.results()
	for i := range s.results {
		address := s.results[i].Address
		if a.to == nil || slices.Contains(a.to, address) {
			s.takeResult(i, a.resultFor(given, i, address), a)
		}
	}
	s.takeWhole(a)
}

// takeResult takes over the result of one recipient. What is known of it, or open, is not
// undone by another attempt that had no part in it.
func (s *send) takeResult(i int, r mailer.RecipientResult, a *attempt) {
	old, b := &s.results[i], &s.beyond[i]
	switch {
	case r.Outcome == mailer.Accepted:
	case r.Outcome == mailer.Unknown:
		b.unsure = append(b.unsure, a)
	case a.yielded && old.Route != "", b.final:
		return
	default:
		b.final = !r.Elsewhere && (!r.Temporary || r.Scope == mailer.ScopeRecipient || r.Scope == mailer.ScopeMessage)
	}
	if old.Outcome == mailer.Accepted || r.Outcome == mailer.NotAccepted && len(b.unsure) > 0 {
		return
	}
	*old = r
}

// takeWhole takes over what the attempt says about the message.
func (s *send) takeWhole(a *attempt) {
	e := a.failed
	r := a.receipt
	if e != nil {
		r = e.Receipt
	}
	for _, d := range r.Degraded {
		if (e == nil || e.Outcome == mailer.PartlyAccepted) && !slices.Contains(s.degraded, d) {
			s.degraded = append(s.degraded, d)
		}
	}
	if e == nil {
		return
	}
	if e.Temporary || e.Outcome == mailer.Unknown || s.anyTemporary(a) {
		s.later.add(a.rt)
	} else {
		s.later &^= 1 << a.rt.index
	}
}

// findDoubt finds the last attempt that leaves a recipient in doubt, and when the first at the
// same route did: what was sent in portions is asked about, and replayed, portion by portion.
func (s *send) findDoubt() {
	s.doubt = nil
	for i := range s.results {
		for _, a := range s.beyond[i].unsure {
			if s.results[i].Outcome == mailer.Unknown && (s.doubt == nil || a.at >= s.doubt.at) {
				s.doubt = a
			}
		}
	}
	if s.doubt == nil {
		return
	}
	s.doubted = s.doubt.start
	for _, b := range s.beyond {
		for _, a := range b.unsure {
			if a.rt == s.doubt.rt && a.start.Before(s.doubted) {
				s.doubted = a.start
			}
		}
	}
}

func (s *send) anyTemporary(a *attempt) bool {
	return slices.ContainsFunc(a.results(), func(r mailer.RecipientResult) bool { return r.Temporary })
}

// results are the Sender's, which may have left them out.
func (a *attempt) results() []mailer.RecipientResult {
	if a.failed != nil {
		return a.failed.Receipt.Recipients
	}
	return a.receipt.Recipients
}

// resultFor finds the result of one recipient, most likely in the place that it has itself.
func (a *attempt) resultFor(given []mailer.RecipientResult, at int, address string) mailer.RecipientResult {
	r := mailer.RecipientResult{Address: address, Provider: a.rt.provider}
	if at < len(given) && given[at].Address == address {
		r = given[at]
	} else if i := slices.IndexFunc(given, func(g mailer.RecipientResult) bool { return g.Address == address }); i >= 0 {
		r = given[i]
	} else if e := a.failed; e != nil {
		r.Outcome, r.Scope, r.Code, r.EnhancedCode = e.Outcome, e.Scope, e.Code, e.EnhancedCode
		r.Temporary, r.Elsewhere, r.RetryAfter, r.Detail = e.Temporary, e.Elsewhere, e.RetryAfter, a.detail()
		if r.Outcome == mailer.PartlyAccepted {
			r.Outcome = mailer.Unknown // nobody said for whom
		}
	} else {
		r.Outcome = mailer.Accepted
	}
	r.Address, r.Route = address, a.rt.nameOf(r.Route)
	return r
}

// recordDecision puts on record what followed from the attempts since the last time.
func (s *send) recordDecision(act action) {
	for _, i := range s.open {
		t := &s.log[i]
		if t.Decision = act.String(); act == stop && t.Outcome == mailer.Accepted {
			t.Decision = done.String()
		}
	}
	s.open = s.open[:0]
}

// conclude is the account of a send that goes no further.
func (s *send) conclude(now time.Time) (*mailer.Receipt, error) {
	if s.results == nil {
		return nil, s.untaken(now)
	}
	s.recordDecision(stop)
	r := &mailer.Receipt{
		Outcome: mailer.RollUp(s.results), Recipients: s.results, Attempts: s.log, Degraded: s.degraded,
		MessageID: s.msg.MessageID, IdempotencyKey: s.msg.IdempotencyKey,
	}
	r.Provider, r.Route, r.ProviderMessageID = s.decider(r.Outcome)
	if r.Outcome == mailer.Accepted {
		s.r.arrived(s, s.last.rt)
		return r, nil
	}
	for _, rt := range s.r.routes {
		if !s.tried.has(rt) && (s.elsewhere() || s.attempts == 0) {
			s.notePass(rt, now)
		}
	}
	r.Attempts = s.log
	e := s.failure(r, now)
	if r.Outcome == mailer.PartlyAccepted {
		return r, e
	}
	return nil, e
}

// decider names who decided: for the last recipient that has the outcome of the whole.
func (s *send) decider(outcome mailer.Outcome) (provider, route, id string) {
	want := outcome
	if outcome == mailer.PartlyAccepted {
		want = mailer.Accepted
	}
	for i := len(s.results) - 1; i >= 0; i-- {
		if r := &s.results[i]; r.Outcome == want {
			return r.Provider, r.Route, r.ProviderMessageID
		}
	}
	return "", "", ""
}

// elsewhere reports whether a route that was not tried might have taken it.
func (s *send) elsewhere() bool {
	return slices.ContainsFunc(s.results, func(r mailer.RecipientResult) bool {
		return r.Outcome == mailer.NotAccepted && r.Elsewhere
	})
}
