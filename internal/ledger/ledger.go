// Package ledger keeps the account of one attempt, whatever the protocol: the receipt
// with its results and the error, as [mailer.Sender] asks for them.
package ledger

import (
	"time"

	"github.com/mailkeel/mailkeel/internal/redact"
	"github.com/mailkeel/mailkeel/mailer"
)

// An Attempt is one Send under way.
type Attempt struct {
	// Provider is the kind of provider, Route the configured name.
	Provider, Route string
	Gate            *mailer.Gate
	Start           time.Time
	// Msg is the prepared message; nil while there is none.
	Msg *mailer.Message
	// Degraded names the advisory features that are left out.
	Degraded []string
	// Phase is how far it got.
	Phase mailer.Phase
}

// Mark records how far the attempt got.
func (a *Attempt) Mark(p mailer.Phase) {
	a.Phase = p
	a.Gate.Mark(p)
}

// book is a receipt with room for the usual single attempt and recipient.
type book struct {
	mailer.Receipt
	attempts   [1]mailer.Attempt
	recipients [1]mailer.RecipientResult
}

// Receipt returns a receipt of the attempt, with an empty result for each recipient.
func (a *Attempt) Receipt() *mailer.Receipt {
	b := &book{}
	r := &b.Receipt
	r.Provider, r.Route = a.Provider, a.Route
	b.attempts[0] = mailer.Attempt{
		Route: a.Route, Provider: a.Provider, Start: a.Start, Duration: time.Since(a.Start), Phase: a.Phase,
	}
	r.Attempts = b.attempts[:]
	if a.Msg == nil {
		return r
	}
	r.MessageID, r.IdempotencyKey, r.Degraded = a.Msg.MessageID, a.Msg.IdempotencyKey, a.Degraded
	addresses := a.Msg.Recipients()
	r.Recipients = b.recipients[:]
	if len(addresses) != 1 {
		r.Recipients = make([]mailer.RecipientResult, len(addresses))
	}
	for i, address := range addresses {
		r.Recipients[i] = mailer.RecipientResult{Address: address, Provider: a.Provider, Route: a.Route}
	}
	return r
}

// A Reason is what a provider said.
type Reason struct {
	// Protocol says what Code is; both are zero where nothing was said.
	Protocol     string
	Code         int
	EnhancedCode string
	// Text is the provider's text; it is made fit to be shown.
	Text       string
	RetryAfter time.Duration
}

// Fill gives one recipient its result.
func Fill(result *mailer.RecipientResult, v Verdict, why Reason) {
	result.Outcome, result.Scope = v.Outcome, v.Scope
	result.Temporary, result.Elsewhere = v.Temporary, v.Elsewhere
	result.Code, result.EnhancedCode, result.RetryAfter = why.Code, why.EnhancedCode, why.RetryAfter
	if v.Outcome != mailer.Accepted {
		result.Detail = redact.Text(why.Text)
	}
}

// Accept accounts for a message that was accepted for everybody, under the provider's name id for it.
func (a *Attempt) Accept(code int, id string) *mailer.Receipt {
	r := a.Receipt()
	r.Outcome, r.ProviderMessageID = mailer.Accepted, id
	for i := range r.Recipients {
		Fill(&r.Recipients[i], Accepted, Reason{Code: code})
		r.Recipients[i].ProviderMessageID = id
	}
	attempt := &r.Attempts[0]
	attempt.Outcome, attempt.Code, attempt.Decision = mailer.Accepted, code, "done"
	return r
}

// Refuse is an error that says v of everybody. It wraps err.
func (a *Attempt) Refuse(v Verdict, why Reason, err error) *mailer.SendError {
	r := a.Receipt()
	r.Outcome = v.Outcome
	for i := range r.Recipients {
		Fill(&r.Recipients[i], v, why)
	}
	attempt := &r.Attempts[0]
	attempt.Outcome, attempt.Scope, attempt.Decision = v.Outcome, v.Scope, "stop"
	attempt.Code, attempt.EnhancedCode = why.Code, why.EnhancedCode
	attempt.Detail = redact.Text(err.Error())
	return &mailer.SendError{
		Receipt: r, Outcome: v.Outcome, Scope: v.Scope, Temporary: v.Temporary, Elsewhere: v.Elsewhere,
		Protocol: why.Protocol, Code: why.Code, EnhancedCode: why.EnhancedCode, RetryAfter: why.RetryAfter, Err: err,
	}
}

// Skip refuses what was not tried at all.
func (a *Attempt) Skip(v Verdict, err error) error {
	e := a.Refuse(v, Reason{}, err)
	attempt := &e.Receipt.Attempts[0]
	attempt.Skipped, attempt.Detail = attempt.Detail, ""
	return e
}

// Invalid refuses a message that [mailer.Spool] refused.
func (a *Attempt) Invalid(err error) error {
	e := mailer.AsSendError(err)
	return a.Skip(Verdict{Outcome: e.Outcome, Scope: e.Scope, Temporary: e.Temporary}, e.Err)
}
