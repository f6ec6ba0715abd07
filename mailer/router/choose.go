package router

import (
	"errors"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// choose takes the best of the routes that were not tried and can carry the message, if
// there is one of rank worst or better. Of equals the policy's first is the best.
func (s *send) choose(now time.Time, worst rank) (*route, claim, bool) {
	var lost set // others took the permit in the meantime
	for {
		best := s.best(now, worst, lost)
		if best == nil {
			return nil, claim{}, false
		}
		c, ok := best.claim(now)
		if !ok {
			lost.add(best)
			continue
		}
		s.tried.add(best)
		s.notePassed(best, now)
		return best, c, true
	}
}

func (s *send) best(now time.Time, worst rank, except set) *route {
	var best *route
	rank := worst + 1
	for i := range s.r.routes {
		rt := s.at(i)
		if s.tried.has(rt) || except.has(rt) {
			continue
		}
		if rt.calm() && !rt.picky {
			return rt
		}
		if st := rt.standing(now, s); st.rank < rank && rt.admits(s) == nil {
			if best, rank = rt, st.rank; rank == ready {
				break
			}
		}
	}
	return best
}

// at returns the route that comes i-th for this message.
func (s *send) at(i int) *route { return s.r.routes[s.order.at(i, len(s.r.routes))] }

// notePassed puts on record which routes come before rt and why they were passed over.
func (s *send) notePassed(rt *route, now time.Time) {
	for i := range s.r.routes {
		other := s.at(i)
		if other == rt {
			return
		}
		s.notePass(other, now)
	}
}

// notePass puts on record why rt is not tried, once.
func (s *send) notePass(rt *route, now time.Time) {
	if s.tried.has(rt) || s.noted.has(rt) {
		return
	}
	var why string
	var scope mailer.Scope
	if err := rt.admits(s); err != nil {
		why, scope = err.Error(), unfitScope(err)
	} else if st := rt.standing(now, s); st.rank > ready {
		why, scope = st.why, st.rest
		s.passed = s.passed || st.rest != mailer.ScopeUnknown
	} else {
		return
	}
	s.noted.add(rt)
	s.log = append(s.log, mailer.Attempt{
		Route: rt.Name, Provider: rt.provider, Start: now, Outcome: mailer.NotAccepted, Scope: scope,
		Decision: next.String(), Skipped: why,
	})
}

// left counts the routes that were not tried and can take the message now.
func (s *send) left(now time.Time) int {
	n := 0
	for _, rt := range s.r.routes {
		if !s.tried.has(rt) && (rt.calm() || rt.standing(now, s).rank <= resting) && rt.admits(s) == nil {
			n++
		}
	}
	return n
}

var (
	errForeign = errors.New("foreign sender")
	errOther   = errors.New("other messages")
)

// unfitScope is the scope of what admits says.
func unfitScope(err error) mailer.Scope {
	if errors.Is(err, errForeign) {
		return mailer.ScopeSender
	}
	return mailer.ScopeMessage
}
