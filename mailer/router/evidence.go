package router

import (
	"errors"
	"net/http"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/observe"
)

// Evidence is what the end of an attempt says about the health of its route.
type evidence int

const (
	nothing       evidence = iota // it says something about the caller, the message or ourselves
	success                       // the provider took a message
	answer                        // it spoke, and refused the message or a recipient
	failed                        // it is in trouble, or the way to it
	misconfigured                 // credentials or set-up
	limited                       // a rate limit
	foreigner                     // it does not send for this sender
)

// weigh returns what a failed attempt says. phase is how far it got.
func weigh(e *mailer.SendError, phase mailer.Phase) evidence {
	if e.Outcome == mailer.PartlyAccepted {
		return success
	}
	switch e.Scope {
	case mailer.ScopeProvider, mailer.ScopeUnknown:
		return failed
	case mailer.ScopeMessage, mailer.ScopeRecipient:
		if e.Code != 0 {
			return answer
		}
	case mailer.ScopeSender:
		return foreigner
	case mailer.ScopeAccount:
		if isConfig(e, phase) {
			return misconfigured
		}
		return answer
	case mailer.ScopeRate:
		if e.Code != 0 || e.RetryAfter > 0 { // otherwise it is our own, such as a full pool
			return limited
		}
	}
	return nothing
}

// isConfig tells what concerns every message from what may be one message's, such as
// relaying refused to its recipients (SMTP rows 13, 14 and 19; HTTP rows 12 and 14 to 16).
func isConfig(e *mailer.SendError, phase mailer.Phase) bool {
	if errors.Is(e, mailer.ErrUnauthorized) {
		return true
	}
	if e.Protocol == "http" {
		switch e.Code {
		case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone, http.StatusProxyAuthRequired:
			return true
		}
		return e.Code/100 == 3
	}
	return phase <= mailer.PhaseAuth
}

// note keeps the evidence of one attempt, and returns what has changed by it.
func (rt *route) note(ev evidence, a *attempt, now time.Time) change {
	if ev == nothing && a.claim.permit == 0 || ev == success && !rt.troubled.Load() {
		return nil
	}
	rt.mu.Lock()
	defer rt.mu.Unlock()
	defer rt.setTroubled(now)
	before := rt.circuit
	switch ev {
	case success:
		rt.throttle.lift(now)
		rt.circuit.succeed(a.claim, now)
	case answer:
		rt.circuit.answer(a.claim, now)
	case foreigner:
		rt.circuit.answer(a.claim, now)
		rt.foreign.add(a.domain(), now)
		rt.foreignUntil = now.Add(foreignFor)
	case failed:
		rt.circuit.fail(a.claim, a.failure(), now, rt.rest())
	case misconfigured:
		rt.misconfigure(a.claim, a.detail(), now)
	case limited:
		rt.circuit.release(a.claim)
		return rt.limit(a, now)
	case nothing:
		rt.circuit.release(a.claim)
	}
	return rt.changed(&before, now)
}

// misconfigure opens the circuit at once: the next message would fare no better.
func (rt *route) misconfigure(cl claim, detail string, now time.Time) {
	if c := &rt.circuit; cl.generation == c.generation {
		c.open(config, detail, now, rt.rest())
	}
}

// limit says when a limit begins, not each time that it is run into by messages under way.
func (rt *route) limit(a *attempt, now time.Time) change {
	was := now.Before(rt.throttle.until)
	rt.throttle.limit(a.failed, a.s.msg.IdempotencyKey, now)
	if was || !now.Before(rt.throttle.until) {
		return nil
	}
	s := rt.circuit.state.String()
	return &observe.State{
		Router: rt.r.cfg.Name, Route: rt.Name, Time: now,
		From: s, To: s, Cause: "rate", Until: rt.throttle.until, Detail: a.detail(),
	}
}

// changed compares the circuit with what it was, and looks after what has opened.
func (rt *route) changed(before *circuit, now time.Time) change {
	c := &rt.circuit
	if before.generation == c.generation && before.cause == c.cause {
		return nil
	}
	s := &observe.State{Router: rt.r.cfg.Name, Route: rt.Name, Time: now, From: before.state.String(), To: c.state.String(), Detail: c.detail}
	if c.state != Closed {
		s.Cause = c.cause.String()
	}
	if c.state == Open {
		s.Until = c.until
	}
	if generation := c.generation; c.state == Open && generation != before.generation {
		rt.r.background(func() { rt.recover(generation) })
	}
	return s
}

// setTroubled keeps the flag by which a healthy route is known without the lock.
func (rt *route) setTroubled(now time.Time) {
	rt.troubled.Store(rt.circuit.state != Closed || rt.circuit.failures.run > 0 || now.Before(rt.throttle.until) ||
		rt.throttle.level > 0 || rt.throttle.first != "" || now.Before(rt.foreignUntil))
	rt.generation.Store(rt.circuit.generation)
}

func (rt *route) rest() rest { return rest{rt.r.cfg.Rest, rt.random} }
