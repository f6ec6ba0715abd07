package simmail

import "time"

// permit is how long the message that goes first may take before another is let go.
const permit = time.Minute

// checkHalfOpen: while a route is half-open, one message at a time goes there.
func (r *report) checkHalfOpen() {
	since := map[string]time.Duration{} // the half-open routes
	first := map[string]*Call{}         // the last message that went first there
	states := r.States
	for _, c := range r.Calls {
		for len(states) > 0 && states[0].Time.Sub(r.Start) < c.Start {
			s := states[0]
			states = states[1:]
			delete(since, s.Route)
			if s.To == "half-open" {
				since[s.Route] = s.Time.Sub(r.Start)
				delete(first, s.Route)
			}
		}
		if _, halfOpen := since[c.Provider]; !halfOpen || c.Number > 1 {
			continue
		}
		if f := first[c.Provider]; f != nil && c.Start < f.End && c.Start < f.Start+permit {
			r.add("P10", c.Msg, "goes to %s, half-open since %s, while %s is under way there", c.Provider, since[c.Provider], f.Msg.MessageID)
			return
		}
		first[c.Provider] = c
	}
}
