package router

import "github.com/mailkeel/mailkeel/mailer"

// An action is what follows from the verdict about a recipient.
type action int

const (
	done   action = iota // a provider has the message
	stop                 // the verdict stands
	next                 // another route
	retry                // the same route, after a while
	again                // the same route at once, in a transaction of its own
	replay               // the same route at once, which knows the message by its key
	ask                  // the provider what became of it
)

// String returns what a receipt says, [mailer.Attempt.Decision].
func (a action) String() string {
	return [...]string{"done", "stop", "next route", "retry", "retry", "replay", "ask"}[a]
}

// A situation is all that the decision depends on.
type situation struct {
	// The verdict.
	outcome   mailer.Outcome
	scope     mailer.Scope
	elsewhere bool
	temporary bool

	delivery   mailer.Delivery // AtMostOnce or AtLeastOnce
	attempts   bool            // a further attempt is allowed, and there is time for it
	same       bool            // the route that gave the verdict takes messages now
	routes     bool            // another route can take the message now
	retries    bool            // a route that was tried can be tried again in time, within its budget
	askable    bool            // the provider can be asked, and was not
	replayable bool            // the provider still knows the message's key
}

// decide is the whole of it: what follows from a verdict, whatever led to it.
func decide(s situation) action {
	switch s.outcome {
	case mailer.Accepted:
		return done
	case mailer.NotAccepted:
		return s.refused()
	}
	return s.unknown()
}

// refused: nobody has it, so that sending it again cannot double it.
func (s situation) refused() action {
	switch {
	case !s.attempts:
		return stop
	case s.scope == mailer.ScopeCaller:
		return stop // ctx has ended, or the message is invalid
	case s.scope == mailer.ScopeRecipient && !s.elsewhere:
		return stop // SMTP row 18: the address would be refused elsewhere too
	case s.scope == mailer.ScopeRecipient && s.same:
		return again // SMTP row 20: too many for one transaction
	case s.elsewhere && s.routes:
		return next
	case s.temporary && s.scope != mailer.ScopeMessage && s.retries:
		return retry
	}
	return stop
}

// unknown: the provider may have it, so that sending it again may double it.
func (s situation) unknown() action {
	switch {
	case s.scope == mailer.ScopeCaller:
		return stop // nobody waits any more
	case s.askable:
		return ask
	case !s.attempts:
		return stop
	case s.replayable:
		return replay
	case s.delivery != mailer.AtLeastOnce:
		return stop
	case s.routes:
		return next
	case s.retries:
		return retry
	}
	return stop
}
