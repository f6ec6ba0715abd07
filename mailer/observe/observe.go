// Package observe is what a program sees of a router at work, besides the receipts:
// attempts, changes of a route's state, and that mail goes over the backup.
//
//	router.Config{Observer: observe.NewSlog(slog.Default()), ...}
//
// An observer of one's own has the one method of [Observer], and those of
// [StateObserver] and [DetourObserver] where it wants to hear of these as well.
package observe

import (
	"context"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// An Observer hears of every attempt when it has ended. Its methods, and those of
// [StateObserver] and [DetourObserver], are called from several goroutines, outside of any
// lock, by whoever sends: they return soon. They must not send through, nor close, the
// router they observe.
type Observer interface {
	ObserveAttempt(ctx context.Context, a Attempt)
}

// A StateObserver also hears when a route's state changes. Changes that follow close upon
// each other may be heard in another order; Time tells.
type StateObserver interface{ ObserveState(s State) }

// A DetourObserver also hears when mail begins to go over a backup because a route
// that comes before it rests, and when that ends.
type DetourObserver interface{ ObserveDetour(d Detour) }

// An Attempt is one attempt of a router. Its Decision is empty: what follows from an attempt is decided after
// the observer has heard of it, and is in the receipt.
type Attempt struct {
	mailer.Attempt
	// Router is the router's name.
	Router string
	// MessageID is the Message-ID of the message, angle brackets included.
	MessageID string
	// RetryAfter is how long the provider asks to wait; zero when it does not.
	RetryAfter time.Duration
}

// State is a change of a route's state.
type State struct {
	Router, Route string
	Time          time.Time
	// From and To are states of the route as its health reports them, such as "closed",
	// "open" and "half-open".
	From, To string
	// Cause says why it rests: "provider", "slow", "config" or "rate"; empty when it does not.
	// "config" needs somebody to look at it: the credentials, or how the route is set up.
	Cause string
	// Until is when the route is looked at again; zero when it does not rest.
	Until time.Time
	// Detail is what went wrong, for display.
	Detail string
}

// A Detour is the beginning or the end of mail going over a backup.
type Detour struct {
	Router string
	Time   time.Time
	// On is true when it begins.
	On bool
	// Route is the route that took the message.
	Route string
}
