package router

import (
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// A plan is the next action and the recipients that it is for.
type plan struct {
	action action
	route  *route        // again, replay and retry: where
	wait   time.Duration // retry: before it
	to     []int         // by their place in send.results
}

// urgency is the order in which actions are taken where recipients need several.
var urgency = [...]action{ask, again, replay, next, retry}

// plan decides about every recipient, and takes up what is most urgent.
func (s *send) plan(now time.Time) plan {
	sit := s.situation(now)
	retryAt, wait := s.prospects(&sit, now)
	byAction := map[action][]int{}
	for i := range s.results {
		act := decide(s.about(i, sit, now))
		byAction[act] = append(byAction[act], i)
	}
	if s.msg.AllOrNone && len(byAction[done])+len(byAction[stop]) > 0 {
		return plan{action: stop}
	}
	for _, act := range urgency {
		to := byAction[act]
		switch {
		case len(to) == 0:
			continue
		case act == retry:
			return s.planRetry(retryAt, wait, to, now)
		case act == again:
			return plan{act, s.last.rt, 0, to}
		case act == replay:
			return plan{act, s.doubt.rt, 0, to}
		}
		return plan{action: act, to: to}
	}
	return plan{action: stop}
}

// situation is what is the same for all recipients.
func (s *send) situation(now time.Time) situation {
	sit := situation{
		delivery: s.delivery,
		attempts: s.attempts < s.r.cfg.MaxAttempts && !s.over(now),
	}
	sit.same = s.last.rt.standing(now, s).rank < unavailable
	if d := s.doubt; d != nil {
		window := d.rt.caps.ReplayWindow - replaySkew
		sit.askable = d.rt.resolver != nil && !d.asked && s.r.cfg.AskLimit > 0 && s.ctx.Err() == nil && !s.r.life.cut()
		sit.replayable = d.rt.caps.ReplayWindow > 0 && now.Before(s.doubted.Add(window)) &&
			d.rt.standing(now, s).rank < unavailable && d.rt.affords(1, now)
	}
	return sit
}

// replaySkew keeps a replay from coming just after the provider has forgotten the key, which
// would be a second message.
const replaySkew = 30 * time.Second

// prospects says where the recipients that may go on could go: which routes are left
// depends on how many they are.
func (s *send) prospects(sit *situation, now time.Time) (retryAt *route, wait time.Duration) {
	s.target(plan{to: s.movable()})
	if !sit.attempts || s.targets != nil && len(s.targets) == 0 {
		return nil, 0
	}
	sit.routes = s.left(now) > 0
	retryAt, wait, sit.retries = s.retryable(now)
	return retryAt, wait
}

// planRetry draws how long to wait. Where that takes too long, the verdict stands.
func (s *send) planRetry(rt *route, wait time.Duration, to []int, now time.Time) plan {
	if wait = max(wait, s.jitter()); !s.fits(now, wait) {
		return plan{action: stop}
	}
	return plan{retry, rt, wait, to}
}

// movable returns the recipients that another attempt could be for.
func (s *send) movable() []int {
	to := make([]int, 0, len(s.results))
	for i := range s.results {
		switch r := &s.results[i]; r.Outcome {
		case mailer.NotAccepted:
			if r.Elsewhere || r.Temporary {
				to = append(to, i)
			}
		case mailer.Unknown:
			if s.eager() {
				to = append(to, i)
			}
		}
	}
	return to
}

// about is the situation of one recipient. Of a message that is all-or-none it is that of the whole.
func (s *send) about(i int, sit situation, now time.Time) situation {
	r := &s.results[i]
	sit.outcome, sit.scope, sit.elsewhere, sit.temporary = r.Outcome, r.Scope, r.Elsewhere, r.Temporary
	if e := s.last.failed; s.msg.AllOrNone && e != nil && r.Outcome == mailer.NotAccepted {
		sit.scope, sit.elsewhere, sit.temporary = e.Scope, e.Elsewhere, e.Temporary
	}
	sit.attempts = sit.attempts && !s.beyond[i].final
	sit.temporary = sit.temporary || s.later != 0 // at a route that was tried before this one
	if s.progress && !s.over(now) && r.Scope == mailer.ScopeRecipient {
		sit.attempts = true // another portion of a message that is going through is no repetition
	}
	sit.same = sit.same && (s.progress || r.Route == "") // all of it once more would fare no better
	return sit
}

// target makes the recipients of p those of the next attempt.
func (s *send) target(p plan) {
	if len(p.to) == len(s.results) {
		s.targets = nil
		return
	}
	s.targets = make([]string, len(p.to))
	for i, at := range p.to {
		s.targets[i] = s.results[at].Address
	}
}
