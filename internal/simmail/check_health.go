package simmail

import (
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// threshold is how many messages a provider may fail before it is out of rotation.
const threshold = 5

// checkOutage: after five messages have failed, none is sent there but such as were on
// their way (P10, P11), until it is back; then it is in use again soon.
func (r *report) checkOutage() {
	o := r.promises.Outage
	if o == nil {
		return
	}
	out := r.outAt(o)
	last := out - time.Second
	for _, c := range r.Calls {
		if c.Provider != o.Provider || c.Start <= out || c.Start >= o.Until {
			continue
		}
		if !o.LastResort || c.Start < last+time.Second && r.cause(o.Provider, c.Start) != "slow" {
			r.add("P10", c.Msg, "%s is called at %s; it was dead since %s, and five messages had failed by %s",
				o.Provider, c.Start, o.From, out)
			break
		}
		last = c.Start
	}
	r.checkBack(o)
	r.checkLate(o)
}

// cause returns why a route rests at a moment. One that is only slow takes all there is when no
// other is left.
func (r *report) cause(route string, at time.Duration) string {
	cause := ""
	for _, s := range r.States {
		if s.Route == route && s.Time.Sub(r.Start) < at {
			cause = s.Cause
		}
	}
	return cause
}

// outAt returns when the fifth message failed that was sent there after it died, and nothing
// was accepted since the first of them.
func (r *report) outAt(o *Outage) time.Duration {
	failed := map[string]bool{}
	for _, e := range r.edges() {
		switch {
		case e.starts || e.Provider != o.Provider || e.End <= o.From:
		case e.Outcome == mailer.Accepted:
			clear(failed)
		case e.Outcome == mailer.NotAccepted && !r.callerEnded(e.Call):
			failed[e.Msg.MessageID] = true
			if len(failed) == threshold {
				return e.End
			}
		}
	}
	return o.Until
}

// callerEnded reports whether the attempt ended because its caller's time was up, which is not
// the provider's failure.
func (r *report) callerEnded(c *Call) bool {
	deadline, ok := r.sent[c.Msg.MessageID].deadline()
	return ok && c.Scope == mailer.ScopeCaller && c.End >= deadline
}

// checkBack: a message that is sent after Back goes there again.
func (r *report) checkBack(o *Outage) {
	if o.Back == 0 {
		return
	}
	for _, c := range r.Calls {
		if c.Provider == o.Provider && c.Start >= o.Until && c.Start <= o.Back && c.Outcome == mailer.Accepted {
			return
		}
	}
	r.add("P11", nil, "%s is up since %s, and nothing was accepted there by %s", o.Provider, o.Until, o.Back)
}

// checkLate: all good mail arrives meanwhile, and no more than MayBeLate of it is late (G8).
func (r *report) checkLate(o *Outage) {
	late := 0
	for _, s := range r.Sent {
		if s.Kind != Good || o.Late == 0 || s.Start < o.From || s.Start >= o.Until {
			continue
		}
		if s.End-s.Start > o.Late {
			late++
		}
		if s.Outcome() != mailer.Accepted || late > o.MayBeLate {
			r.say("G8", s, "%s after %s while %s was out, the %d. that was late", s.Outcome(), s.End-s.Start, o.Provider, late)
			return
		}
	}
}

// checkPoison: no good message fails, takes a second attempt or waits, and no route opens (P12).
func (r *report) checkPoison() {
	if !r.promises.Poisoned {
		return
	}
	for _, s := range r.States {
		if s.To != "closed" {
			r.add("P12", nil, "%s", r.stateLine(s))
		}
	}
	for _, s := range r.Sent {
		if s.Kind != Good {
			continue
		}
		calls := r.calls[s.Msg.MessageID]
		if len(calls) != 1 || s.Outcome() != mailer.Accepted {
			r.say("P12", s, "good, and %s after %d attempts", s.Outcome(), len(calls))
		} else if took := calls[0].End - calls[0].Start; s.End-s.Start > took+time.Millisecond {
			r.say("P12", s, "waited %s", s.End-s.Start-took)
		}
	}
}
