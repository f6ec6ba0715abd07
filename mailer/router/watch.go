package router

import (
	"sync/atomic"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// A watch wakes up when an attempt takes long. It is used again for other attempts,
// because a timer for each would be a good part of what a send costs.
type watch struct {
	timer *time.Timer
	a     atomic.Pointer[attempt]
}

// watch returns one that looks after a, first when d has passed.
func (rt *route) watch(a *attempt, d time.Duration) *watch {
	w, _ := rt.watches.Get().(*watch)
	if w == nil {
		w = new(watch)
		w.a.Store(a)
		w.timer = time.AfterFunc(d, w.fire)
		return w
	}
	w.a.Store(a)
	w.timer.Reset(d)
	return w
}

// end stops the watch. A timer that is just firing finds no attempt, or one whose time has not come.
func (w *watch) end(rt *route) {
	if w == nil {
		return
	}
	w.timer.Stop()
	w.a.Store(nil)
	rt.watches.Put(w)
}

// firstLook is when an attempt is looked at first, and how often until it commits; zero
// means never.
func (s *send) firstLook(rt *route) time.Duration {
	first := sooner(rt.startLimit(), rt.replyLimit())
	if s.delivery == mailer.AtLeastOnce {
		first = sooner(first, s.r.cfg.DoubtLimit)
	}
	return first
}

// sooner of two times, of which zero is never.
func sooner(a, b time.Duration) time.Duration {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

func (w *watch) fire() {
	if a := w.a.Load(); a != nil {
		a.look(time.Now())
	}
}

// look is what happens when an attempt takes long.
func (a *attempt) look(now time.Time) {
	s := a.s
	s.mu.Lock()
	if a.over || now.Before(a.due) {
		s.mu.Unlock()
		return
	}
	wasLate := a.late
	if at := a.gate.CommittedAt(); at.IsZero() {
		a.lookAtStart(now)
	} else {
		a.lookAtReply(at, now)
	}
	if a.due.After(now) {
		a.watch.timer.Reset(a.due.Sub(now))
	}
	isLate := a.late && !wasLate
	s.mu.Unlock()
	if isLate {
		a.rt.noteLate(a, now)
	}
}

// lookAtStart: the attempt has not committed. Content on its way shows that the provider
// takes it, however long that lasts; a Sender that marks no phase, now or when it was called
// before, may not heed its gate, so that nothing may run beside it.
func (a *attempt) lookAtStart(now time.Time) {
	a.due = now.Add(a.s.firstLook(a.rt))
	if a.s.decidedBesides(a) {
		a.give()
		return
	}
	phase, limit := a.gate.Phase(), a.rt.startLimit()
	a.heeded(phase)
	a.large = phase >= mailer.PhaseContent
	if a.large || phase == mailer.PhaseNone && !a.rt.heeds.Load() || limit == 0 || now.Before(a.begun.Add(limit)) {
		return
	}
	a.slow = true
	if a.full = a.queued.Load(); !a.full {
		a.count()
	}
	a.s.extend(now)
}

// lookAtReply: everything is with the provider, which does not answer.
func (a *attempt) lookAtReply(at, now time.Time) {
	a.due = time.Time{}
	if a.gate.Phase() == mailer.PhaseDone && !a.rt.nested { // a router's may be that of another part
		return // it has answered; what takes time now is the Sender's, such as waiting for a terminal status
	}
	if limit := a.rt.replyLimit(); limit > 0 && now.Before(at.Add(limit)) && !a.late {
		a.due = at.Add(limit)
	} else if limit > 0 {
		a.late = true
		a.count()
	}
	if doubt := a.s.r.cfg.DoubtLimit; doubt > 0 && a.s.delivery == mailer.AtLeastOnce {
		a.lookAtDoubt(at.Add(doubt), now)
	}
}

// lookAtDoubt ends the wait for an answer where the message can be sent again in time.
func (a *attempt) lookAtDoubt(until, now time.Time) {
	s := a.s
	if !s.deadline.IsZero() {
		left := s.deadline.Sub(a.gate.CommittedAt())
		if latest := s.deadline.Add(-min(s.r.cfg.MinSlice, left/2)); latest.Before(until) {
			until = latest
		}
	}
	switch {
	case a.doubted:
	case now.Before(until):
		if a.due.IsZero() || until.Before(a.due) {
			a.due = until
		}
	case s.attempts < s.r.cfg.MaxAttempts && s.left(now) > 0:
		a.doubted = true
		a.leash.cancel()
	}
}

// count makes new messages prefer other routes, as long as the attempt lasts.
func (a *attempt) count() {
	if !a.counted {
		a.counted = true
		a.rt.overdue.Add(1)
	}
}

func (a *attempt) uncount() {
	if a.counted {
		a.counted = false
		a.rt.overdue.Add(-1)
	}
}

// noteLate counts an overdue reply as a failure, though a slow one.
func (rt *route) noteLate(a *attempt, now time.Time) {
	rt.mu.Lock()
	before := rt.circuit
	f := failure{key: a.s.msg.IdempotencyKey, slow: true, detail: "replies are overdue", goods: rt.counts.goods.Load()}
	rt.circuit.fail(a.claim, f, now, rt.rest())
	rt.setTroubled(now)
	ch := rt.changed(&before, now)
	rt.mu.Unlock()
	rt.r.tell(ch)
}
