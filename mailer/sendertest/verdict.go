package sendertest

import "github.com/mailkeel/mailkeel/mailer"

// A Verdict is what a Send that met a fault must say, and the truth beside it.
type Verdict struct {
	Outcome mailer.Outcome
	// Copies is how many copies the provider then has.
	Copies int
	// Scopes are the scopes allowed; empty when the message was accepted.
	Scopes []mailer.Scope
	// Elsewhere and Temporary are the fields of the same names of [mailer.SendError].
	Elsewhere, Temporary Answer
	// Is is the sentinel that errors.Is finds; nil when there is none for it.
	Is error
	// Replied means that the provider gave a reason, so that SendError.Code is not zero.
	Replied bool
	// Before means that the attempt ended before the boundary, so that its gate was
	// not committed.
	Before bool
}

// An Answer is what is asked of a boolean.
type Answer int

// The zero Answer leaves the boolean to the adapter.
const (
	Either Answer = iota
	Yes
	No
)

func (a Answer) allows(b bool) bool { return a == Either || (a == Yes) == b }

func (a Answer) String() string { return [...]string{"either", "true", "false"}[a] }

// Verdict returns what a Send that met f must say. A silence is ended by
// the attempt's own limit before the boundary, and by ctx after it.
func (f Fault) Verdict() Verdict { return verdicts[f] }

var (
	provider = []mailer.Scope{mailer.ScopeProvider}

	// lost is the verdict when everything was out and nothing certain came back. Where
	// such a message may go is not the attempt's to say.
	lost = Verdict{Outcome: mailer.Unknown, Copies: 1, Scopes: provider, Is: mailer.ErrUnknownOutcome}

	// unreached is the verdict when the network gave way before the boundary.
	unreached = Verdict{
		Outcome: mailer.NotAccepted, Scopes: provider, Elsewhere: Yes, Temporary: Yes,
		Is: mailer.ErrUnavailable, Before: true,
	}
)

var verdicts = [faultCount]Verdict{
	NoFault:           {Outcome: mailer.Accepted, Copies: 1},
	NoiseAfter:        {Outcome: mailer.Accepted, Copies: 1},
	ConnectionRefused: unreached,
	LostInContent:     unreached,
	// Waiting for a free connection is a rate of our own making.
	SilentBefore: {
		Outcome: mailer.NotAccepted, Scopes: []mailer.Scope{mailer.ScopeProvider, mailer.ScopeRate},
		Elsewhere: Yes, Temporary: Yes, Before: true,
	},
	ReplyLost:        lost,
	ReplyCut:         lost,
	LostAfterContent: {Outcome: mailer.Unknown, Scopes: provider, Is: mailer.ErrUnknownOutcome},
	SilentAfter: {
		Outcome: mailer.Unknown, Copies: 1, Scopes: []mailer.Scope{mailer.ScopeCaller}, Is: mailer.ErrUnknownOutcome,
	},
	MessageRefused:     refusal(mailer.ScopeMessage, No, No, nil),
	RecipientsRefused:  refusal(mailer.ScopeRecipient, No, No, mailer.ErrRecipientRefused),
	SenderRefused:      refusal(mailer.ScopeSender, Yes, No, mailer.ErrSenderRefused),
	CredentialsRefused: refusal(mailer.ScopeAccount, Yes, No, mailer.ErrUnauthorized),
	RateLimited:        refusal(mailer.ScopeRate, Yes, Yes, mailer.ErrRateLimited),
	RateLimitedFor:     refusal(mailer.ScopeRate, Yes, Yes, mailer.ErrRateLimited),
	Unavailable:        refusal(mailer.ScopeProvider, Yes, Yes, mailer.ErrUnavailable),
	RecipientRefused: {
		Outcome: mailer.PartlyAccepted, Copies: 1, Scopes: []mailer.Scope{mailer.ScopeRecipient},
		Elsewhere: No, Temporary: No, Is: mailer.ErrPartlyAccepted, Replied: true,
	},
}

func refusal(scope mailer.Scope, elsewhere, temporary Answer, is error) Verdict {
	return Verdict{
		Outcome: mailer.NotAccepted, Scopes: []mailer.Scope{scope},
		Elsewhere: elsewhere, Temporary: temporary, Is: is, Replied: true,
	}
}
