package mailertest

import "github.com/mailkeel/mailkeel/mailer"

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
}

// Capabilities implements [mailer.Capable].
func (p Profile) Capabilities() mailer.Capabilities {
	all := mailer.Essential | mailer.Advisory
	return mailer.Capabilities{Features: all &^ p.Lacks, MaxRecipients: p.MaxRecipients}
}

func (p Profile) provider() string {
	if p.Provider == "" {
		return "mailertest"
	}
	return p.Provider
}

func (p Profile) route() string {
	if p.Name == "" {
		return p.provider()
	}
	return p.Name
}
