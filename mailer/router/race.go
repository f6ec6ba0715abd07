package router

import (
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// race makes an attempt at rt, lets others start alongside while it does not get going, and
// returns when all have ended, also when the first one's Sender panics. At most one of them commits.
func (s *send) race(rt *route, c claim, now time.Time) {
	s.mu.Lock()
	s.round = s.one[:0]
	a := s.begin(rt, c, now)
	s.mu.Unlock()
	defer s.await()
	a.make()
}

// await waits for the end of the round.
func (s *send) await() {
	s.mu.Lock()
	for s.running > 0 {
		s.ended.Wait()
	}
	s.mu.Unlock()
}

// leave lets the round know that an attempt has ended and that its route knows what came of it.
func (s *send) leave(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running--; s.running == 0 {
		s.ended.Broadcast()
		return
	}
	s.extend(now)
}

// goesOn reports whether an attempt that has ended leaves the message to another route.
func (a *attempt) goesOn() bool { return !a.took() && (a.failed.Elsewhere || a.yielded) }

// yield ends all that still runs. The lock is held.
func (s *send) yield() {
	for _, b := range s.round {
		if !b.over && !b.gate.Committed() {
			b.give()
		}
	}
}

// give ends an attempt because another one went ahead. The lock is held.
func (a *attempt) give() {
	a.yielded = true
	a.gate.Cancel()
	a.leash.cancel()
}

// extend starts another route alongside when all that run are slow to start and nothing
// is decided. The lock is held.
func (s *send) extend(now time.Time) {
	if s.repeated != nil || s.attempts >= s.r.cfg.MaxAttempts || s.ctx.Err() != nil || s.r.life.cut() {
		return
	}
	for _, b := range s.round {
		if !b.over && !b.slow || b.over && !b.goesOn() || b.gate.Committed() {
			return
		}
	}
	rt, c, ok := s.choose(now, behind)
	if !ok {
		return
	}
	a := s.begin(rt, c, now)
	go a.make() // race waits for it
}

// decidedBesides reports whether the message went with an attempt other than a. The lock is held.
func (s *send) decidedBesides(a *attempt) bool {
	for _, b := range s.round {
		if b != a && (b.gate.Committed() || b.over && (b.failed == nil || b.failed.Outcome != mailer.NotAccepted)) {
			return true
		}
	}
	return false
}
