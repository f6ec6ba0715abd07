package router

import "time"

// commitBy divides the time that is left among the routes that are: each has a slice, of
// which MinSlice is sure, and the last has all that is left. Where that is too short for
// all of them, those that come last go without. Zero means that nothing limits it but ctx, whose
// end then is seen to be the caller's.
func (s *send) commitBy(now time.Time) time.Time {
	if by := s.slice(now); !s.callers || by.Before(s.deadline) {
		return by
	}
	return time.Time{}
}

func (s *send) slice(now time.Time) time.Time {
	least := s.r.cfg.MinSlice
	if s.deadline.IsZero() || least <= 0 {
		return s.deadline
	}
	left := s.deadline.Sub(now)
	k := 1 + min(s.left(now), s.r.cfg.MaxAttempts-s.attempts-1)
	k = min(k, int(left/least))
	if k <= 1 {
		return s.deadline
	}
	reserve := least * time.Duration(k-1)
	return now.Add(max(least, (left-reserve)/time.Duration(k)))
}

// fits reports whether an attempt that begins after wait has its time: MinSlice, or half of
// what is left where that is shorter.
func (s *send) fits(now time.Time, wait time.Duration) bool {
	if s.deadline.IsZero() {
		return true
	}
	left := s.deadline.Sub(now)
	return wait < left-min(s.r.cfg.MinSlice, left/2)
}

// over reports whether there is no time for another attempt.
func (s *send) over(now time.Time) bool {
	return s.ctx.Err() != nil || s.r.life.cut() || !s.deadline.IsZero() && !now.Before(s.deadline)
}
