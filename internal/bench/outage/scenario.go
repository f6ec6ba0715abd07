package outage

import (
	"time"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
)

// A Scenario is what is the matter with the primary. The backup is always well.
type Scenario string

const (
	// Healthy: nothing is.
	Healthy Scenario = "healthy"
	// BlackHole: it accepts connections and never answers the TLS handshake.
	BlackHole Scenario = "black hole"
	// Refused: it refuses connections.
	Refused Scenario = "refused"
	// Slow: it takes a message and acknowledges it late. All else it answers at once.
	Slow Scenario = "slow primary"
)

// Scenarios returns all of them.
func Scenarios() []Scenario { return []Scenario{Healthy, BlackHole, Refused, Slow} }

// Dead reports whether no message can be sent through the primary.
func (s Scenario) Dead() bool { return s == BlackHole || s == Refused }

// Brief reports whether no message is expected to wait for anything.
func (s Scenario) Brief() bool { return s == Healthy || s == Refused }

// primary starts it.
func (s Scenario) primary(p Plan, e *estate) (*provider, error) {
	switch s {
	case BlackHole:
		return e.blackHole()
	case Refused:
		return &provider{port: refusingPort}, nil
	case Slow:
		return e.provider(lateReply(p.SlowReply))
	}
	return e.provider(nil)
}

// lateReply accepts a message as soon as it is complete and says so after the delay.
func lateReply(delay time.Duration) smtpfake.Hook {
	return func(e *smtpfake.Event) smtpfake.Action {
		if e.Point != smtpfake.Content {
			return smtpfake.Action{}
		}
		over := make(chan struct{})
		time.AfterFunc(delay, func() { close(over) })
		return smtpfake.Action{Decision: smtpfake.Accept, Wait: over}
	}
}
