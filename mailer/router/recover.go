package router

import (
	"context"
	"errors"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// checkLimit is how long a check may take.
const checkLimit = 15 * time.Second

// lookAgain is how soon whoever brings a route back notices that there is no need any more.
const lookAgain = 10 * time.Second

// recover brings an open route back: when it has rested, its check must pass, and then one
// message goes first. It ends when the circuit has turned otherwise.
func (rt *route) recover(generation uint64) {
	for rt.rests(generation) {
		err := rt.check()
		if rt.r.life.closing() {
			return
		}
		rt.r.tell(rt.checked(generation, err, time.Now()))
	}
}

// rests waits until the check is due; false when there is no need of it any more.
func (rt *route) rests(generation uint64) bool {
	for {
		rt.mu.Lock()
		c := &rt.circuit
		open, wait := c.generation == generation && c.state == Open, time.Until(c.until)
		rt.mu.Unlock()
		if !open {
			return false
		}
		if wait <= 0 {
			return true
		}
		if !rt.r.sleep(min(wait, lookAgain)) {
			return false
		}
	}
}

// sleep waits for d; false when the router closes before.
func (r *Router) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.life.base.Done():
		return false
	}
}

// check asks the provider whether it would take a message. A route that cannot be checked passes.
func (rt *route) check() error {
	if rt.checker == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(rt.r.life.base, checkLimit)
	defer cancel()
	return rt.checker.Check(ctx)
}

// checked draws the conclusion from the check of an open route.
func (rt *route) checked(generation uint64, err error, now time.Time) change {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	c := &rt.circuit
	if c.generation != generation {
		return nil
	}
	defer rt.setTroubled(now)
	before := *c
	switch ev, e := weighCheck(err); ev {
	case success:
		c.halfOpen(now)
	case limited, nothing: // it cannot be said, so once more after as long a rest
		c.until = now.Add(max(rt.rest().spread(c.span(max(c.level-1, 0), rt.rest())), min(e.RetryAfter, maxThrottle)))
	case misconfigured:
		if c.cause != config {
			c.cause, c.level = config, 0
		}
		c.detail = detailOf(e)
		c.extend(now, rt.rest())
	default:
		if c.cause == slow {
			c.cause = provider
		}
		c.detail = detailOf(e)
		c.extend(now, rt.rest())
	}
	return rt.changed(&before, now)
}

// weighCheck is weigh for the error of a check.
func weighCheck(err error) (evidence, *mailer.SendError) {
	if err == nil {
		return success, nil
	}
	e := mailer.AsSendError(err)
	if errors.Is(err, context.DeadlineExceeded) {
		return failed, e // the limit is ours, the silence the provider's
	}
	switch ev := weigh(e, checkPhase(e)); ev {
	case misconfigured, limited, nothing:
		return ev, e
	}
	if e.Scope == mailer.ScopeAccount {
		return misconfigured, e // a check is about no message
	}
	return failed, e
}

func checkPhase(e *mailer.SendError) mailer.Phase {
	if n := len(e.Receipt.Attempts); n > 0 {
		return e.Receipt.Attempts[n-1].Phase
	}
	return mailer.PhaseNone
}

// suspectSlow checks a route at once at which a message was slow to start. Until that is
// known, new messages prefer others.
func (rt *route) suspectSlow() {
	if rt.checker == nil || !rt.suspect.CompareAndSwap(false, true) {
		return
	}
	rt.overdue.Add(1)
	spawned := rt.r.background(func() {
		start := time.Now()
		err := rt.check()
		if !rt.r.life.closing() {
			rt.r.tell(rt.examined(err, time.Now(), time.Since(start)))
		}
		rt.suspect.Store(false)
		rt.overdue.Add(-1)
	})
	if !spawned {
		rt.overdue.Add(-1)
	}
}

// examined draws the conclusion from the check of a route that is not open. One that took
// its time shows that the route is far away, not that it is ill. took is zero where nothing
// was suspected.
func (rt *route) examined(err error, now time.Time, took time.Duration) change {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	defer rt.setTroubled(now)
	c := &rt.circuit
	before := *c
	switch ev, e := weighCheck(err); {
	case ev == success && took == 0:
	case ev == success:
		if unusual*took > rt.startLimit() {
			c.failures.run = 0
		}
		rt.usual.started(took)
	case c.state == Open:
	case ev == misconfigured:
		c.open(config, detailOf(e), now, rt.rest())
	case ev == failed:
		c.open(provider, detailOf(e), now, rt.rest())
	}
	return rt.changed(&before, now)
}

// patrol checks a route from time to time while it is closed.
func (rt *route) patrol() {
	for rt.r.sleep(rt.r.cfg.CheckInterval) {
		rt.mu.Lock()
		closed := rt.circuit.state == Closed && !time.Now().Before(rt.throttle.until)
		rt.mu.Unlock()
		if !closed {
			continue
		}
		if err := rt.check(); !rt.r.life.closing() {
			rt.r.tell(rt.examined(err, time.Now(), 0))
		}
	}
}
