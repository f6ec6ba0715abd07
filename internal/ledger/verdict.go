package ledger

import "github.com/mailkeel/mailkeel/mailer"

// A Verdict is what a failure means for the message, or for one recipient.
type Verdict struct {
	Outcome mailer.Outcome
	Scope   mailer.Scope
	// Temporary and Elsewhere are the fields of the same names of [mailer.SendError].
	Temporary bool
	Elsewhere bool
}

// The verdicts that occur. What is not listed as elsewhere stays with this provider.
var (
	Accepted = Verdict{Outcome: mailer.Accepted}
	Unknown  = Verdict{Outcome: mailer.Unknown, Scope: mailer.ScopeProvider}
	// UnknownByCaller: ctx ended while the reply was awaited.
	UnknownByCaller = Verdict{Outcome: mailer.Unknown, Scope: mailer.ScopeCaller}

	CallerFault = Verdict{Outcome: mailer.NotAccepted, Scope: mailer.ScopeCaller}

	ProviderDown    = refused(mailer.ScopeProvider, temporary, elsewhere)
	ProviderRefuses = refused(mailer.ScopeProvider, elsewhere)
	RateLimited     = refused(mailer.ScopeRate, temporary, elsewhere)
	AccountRefused  = refused(mailer.ScopeAccount, elsewhere)
	AccountForNow   = refused(mailer.ScopeAccount, temporary, elsewhere)
	SenderRefused   = refused(mailer.ScopeSender, elsewhere)

	MessageRefused = refused(mailer.ScopeMessage)
	// MessageUnfit: for this provider.
	MessageUnfit  = refused(mailer.ScopeMessage, elsewhere)
	MessageForNow = refused(mailer.ScopeMessage, temporary)

	RecipientRefused = refused(mailer.ScopeRecipient)
	RecipientForNow  = refused(mailer.ScopeRecipient, temporary)
	RecipientTooMany = refused(mailer.ScopeRecipient, temporary, elsewhere)
)

type flag int

const (
	temporary flag = iota
	elsewhere
)

func refused(scope mailer.Scope, flags ...flag) Verdict {
	v := Verdict{Outcome: mailer.NotAccepted, Scope: scope}
	for _, f := range flags {
		v.Temporary = v.Temporary || f == temporary
		v.Elsewhere = v.Elsewhere || f == elsewhere
	}
	return v
}
