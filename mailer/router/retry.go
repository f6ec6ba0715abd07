package router

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/mailkeel/mailkeel/mailer"
)

const maxRetryDelay = 20 * time.Second

// retryable finds the route at which the message can be tried again soonest.
func (s *send) retryable(now time.Time) (best *route, wait time.Duration, ok bool) {
	if s.r.cfg.RetryDelay <= 0 {
		return nil, 0, false
	}
	for i := range s.r.routes {
		rt := s.at(i)
		if !s.later.has(rt) || rt.admits(s) != nil {
			continue
		}
		st := rt.standing(now, s)
		if st.rank == unavailable && st.wait == 0 || !rt.affords(s.price(rt), now) {
			continue
		}
		if w := max(st.wait, s.floor(rt, now)); s.fits(now, w) && (best == nil || w < wait) {
			best, wait = rt, w
		}
	}
	return best, wait, best != nil
}

// floor is what the provider asked to wait, counted from its answer, and a little more, so
// that not everybody comes back at once.
func (s *send) floor(rt *route, now time.Time) time.Duration {
	if s.last.rt != rt || s.last.failed == nil || s.last.failed.RetryAfter <= 0 {
		return 0
	}
	asked := s.last.failed.RetryAfter
	asked += time.Duration(float(s.random) * 0.1 * float64(asked))
	return max(0, s.last.start.Add(s.last.duration+asked).Sub(now))
}

// jitter draws the next wait: evenly from zero up to a bound that doubles.
func (s *send) jitter() time.Duration {
	if s.waits == nil {
		s.waits = backoff.NewExponentialBackOff(
			backoff.WithInitialInterval(s.r.cfg.RetryDelay), backoff.WithMultiplier(2),
			backoff.WithMaxInterval(maxRetryDelay), backoff.WithRandomizationFactor(0), backoff.WithMaxElapsedTime(0),
		)
	}
	return time.Duration(float(s.random) * float64(s.waits.NextBackOff()))
}

// price is what a retry costs of the budget: double where the last attempt got no answer.
func (s *send) price(rt *route) float64 {
	if s.last.rt == rt && s.last.failed != nil && s.last.failed.Code == 0 && s.last.failed.Scope == mailer.ScopeProvider {
		return 2
	}
	return 1
}

// pause pays for the retry and waits; false when it may not be, or nobody waits any more.
func (s *send) pause(p plan) bool {
	if !p.route.pay(s.price(p.route), time.Now()) {
		return false
	}
	ctx, cancel := context.WithTimeout(s.ctx, p.wait)
	defer cancel()
	select {
	case <-ctx.Done():
	case <-s.r.life.ending:
	}
	return s.ctx.Err() == nil && !s.r.life.closing()
}
