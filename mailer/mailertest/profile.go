package mailertest

import (
	"cmp"
	"context"

	"github.com/mailkeel/mailkeel/mailer"
)

// A Profile is what a double pretends to be. It is not changed after the first Send.
type Profile struct {
	// Provider is the kind of provider in receipts; empty means "mailertest".
	Provider string
	// Name is the name of the route in receipts; empty means Provider.
	Name string
	// Lacks are the features that it does not carry; zero means that it carries all.
	Lacks mailer.Feature
	// MaxRecipients is the limit for one message; zero means none.
	MaxRecipients int
	// Checks is asked by Check and may be called from several goroutines; nil means that all
	// is well. It returns soon after ctx ends, so that a [Wait] can stand here. A
	// [*mailer.SendError] is returned with a Receipt made for it and a Scope of zero standing for
	// [mailer.ScopeProvider]; every other error means that the provider cannot be reached.
	Checks func(ctx context.Context) error
}

// Capabilities implements [mailer.Capable].
func (p Profile) Capabilities() mailer.Capabilities {
	all := mailer.Essential | mailer.Advisory
	return mailer.Capabilities{Features: all &^ p.Lacks, MaxRecipients: p.MaxRecipients}
}

// Names implements [mailer.Named].
func (p Profile) Names() (provider, route string) {
	provider = cmp.Or(p.Provider, "mailertest")
	return provider, cmp.Or(p.Name, provider)
}
