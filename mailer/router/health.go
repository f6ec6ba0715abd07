package router

import (
	"fmt"
	"slices"
	"time"

	"github.com/mailkeel/mailkeel/mailer/observe"
)

// A State is what becomes of a message that would take a route. The names are those of
// an electric circuit.
type State int

const (
	// Closed: messages take it.
	Closed State = iota
	// Open: it rests. No message takes it, apart from one at a time when all routes rest; where
	// it is only slow, messages that find no other do.
	Open
	// HalfOpen: it has passed its check, and one message goes first.
	HalfOpen
)

var stateNames = [...]string{"closed", "open", "half-open"}

// String returns "closed", "open" or "half-open".
func (s State) String() string { return stateNames[s] }

// MarshalText implements [encoding.TextMarshaler].
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *State) UnmarshalText(text []byte) error {
	i := slices.Index(stateNames[:], string(text))
	if i < 0 {
		return fmt.Errorf("router: %q is no state", text)
	}
	*s = State(i)
	return nil
}

// RouteHealth is the state of a route at one moment.
type RouteHealth struct {
	// Name and Provider are those of the route.
	Name     string `json:"name"`
	Provider string `json:"provider,omitempty"`
	State    State  `json:"state"`
	// Cause says why it is not closed: "provider" (it failed), "slow", or "config"
	// (credentials or set-up: somebody has to look at it).
	Cause string `json:"cause,omitempty"`
	// Detail is what went wrong last, for display.
	Detail string `json:"detail,omitempty"`
	// Since is when the state began, Until when an open route is looked at again.
	Since time.Time `json:"since,omitzero"`
	Until time.Time `json:"until,omitzero"`
	// GatedUntil is until when a rate limit keeps messages from it; zero when none does.
	GatedUntil time.Time `json:"gated_until,omitzero"`
	// InFlight are the messages under way, Overdue those of them, or of checks, that take
	// longer than usual.
	InFlight int `json:"in_flight"`
	Overdue  int `json:"overdue"`
	// UsualStart and UsualReply, in JSON nanoseconds, are what it usually takes to get past the boundary, and to
	// answer after that; zero when that is not known.
	UsualStart time.Duration `json:"usual_start"`
	UsualReply time.Duration `json:"usual_reply"`
}

// Health returns the state of every route, in the order of Config.Routes.
func (r *Router) Health() []RouteHealth {
	now := time.Now()
	all := make([]RouteHealth, len(r.routes))
	for i, rt := range r.routes {
		all[i] = rt.snapshot(now)
	}
	return all
}

func (rt *route) snapshot(now time.Time) RouteHealth {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	c := &rt.circuit
	h := RouteHealth{
		Name: rt.Name, Provider: rt.provider,
		State: c.state, Detail: c.detail, Since: c.since,
		InFlight: rt.counts.inFlight(), Overdue: int(rt.overdue.Load()),
		UsualStart: rt.usual.startTime(), UsualReply: rt.usual.replyTime(),
	}
	if c.state != Closed {
		h.Cause = c.cause.String()
	}
	if c.state == Open {
		h.Until = c.until
	}
	if now.Before(rt.throttle.until) {
		h.GatedUntil = rt.throttle.until
	}
	return h
}

// A change is what observers hear of when no lock is held any more; nil when nothing changed.
type change = *observe.State
