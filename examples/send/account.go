package main

import (
	"slices"
	"strings"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// An account is what -json prints: a documented form of its own, which does not change
// when mailer.Receipt grows.
type account struct {
	Outcome           mailer.Outcome     `json:"outcome"`
	Provider          string             `json:"provider"`
	Route             string             `json:"route"`
	ProviderMessageID string             `json:"provider_message_id"`
	MessageID         string             `json:"message_id"`
	Recipients        []recipientAccount `json:"recipients"`
	Attempts          []attemptAccount   `json:"attempts"`
	Degraded          []string           `json:"degraded"`
	Error             string             `json:"error"`

	receipt   *mailer.Receipt
	temporary bool // the same may be accepted later
}

type recipientAccount struct {
	Address string         `json:"address"`
	Outcome mailer.Outcome `json:"outcome"`
	Scope   mailer.Scope   `json:"scope"`
	Code    int            `json:"code"`
	// Route and ProviderMessageID may be others for each: what one provider takes for some goes
	// on to the next for the rest.
	Route             string `json:"route,omitempty"`
	ProviderMessageID string `json:"provider_message_id,omitempty"`
}

type attemptAccount struct {
	Route      string         `json:"route"`
	Provider   string         `json:"provider"`
	Outcome    mailer.Outcome `json:"outcome"`
	Scope      mailer.Scope   `json:"scope"`
	Code       int            `json:"code"`
	Decision   string         `json:"decision"`
	DurationMS int64          `json:"duration_ms"`
	// StartMS is how long after the first attempt this one began: two may run alongside.
	StartMS int64        `json:"start_ms"`
	Phase   mailer.Phase `json:"phase"`
	Detail  string       `json:"detail,omitempty"`
	Skipped string       `json:"skipped,omitempty"`
}

// newAccount takes what Send returned. An error that is no *SendError counts as unknown.
func newAccount(r *mailer.Receipt, err error) *account {
	a := &account{Outcome: mailer.Accepted}
	if err != nil {
		failure := mailer.AsSendError(err)
		r, a.Outcome, a.Error = failure.Receipt, failure.Outcome, err.Error()
		a.temporary = failure.Temporary
	}
	a.receipt = r
	a.Provider, a.Route = r.Provider, r.Route
	a.ProviderMessageID, a.MessageID = r.ProviderMessageID, r.MessageID
	a.Recipients = make([]recipientAccount, len(r.Recipients))
	for i, result := range r.Recipients {
		a.Recipients[i] = recipientAccount{result.Address, result.Outcome, result.Scope, result.Code, result.Route, result.ProviderMessageID}
	}
	a.Attempts = attemptsOf(r)
	a.Degraded = append([]string{}, r.Degraded...)
	return a
}

func attemptsOf(r *mailer.Receipt) []attemptAccount {
	list := make([]attemptAccount, len(r.Attempts))
	var first time.Time
	for i, t := range r.Attempts {
		list[i] = attemptAccount{
			Route: t.Route, Provider: t.Provider, Outcome: t.Outcome, Scope: t.Scope, Code: t.Code,
			Decision: t.Decision, DurationMS: t.Duration.Milliseconds(), Phase: t.Phase, Detail: t.Detail, Skipped: t.Skipped,
		}
		switch {
		case t.Skipped != "":
		case first.IsZero():
			first = t.Start
		default:
			list[i].StartMS = t.Start.Sub(first).Milliseconds()
		}
	}
	return list
}

// nothingSent accounts for a failure before Send was called.
func nothingSent(err error) *account {
	return newAccount(nil, &mailer.SendError{
		Receipt: new(mailer.Receipt), Outcome: mailer.NotAccepted, Scope: mailer.ScopeCaller, Err: err,
	})
}

func (a *account) exitCode() int {
	switch a.Outcome {
	case mailer.Accepted:
		return exitAccepted
	case mailer.PartlyAccepted:
		return exitPartly
	case mailer.NotAccepted:
		return exitNotAccepted
	}
	return exitUnknown
}

// undecided names the routes that may have the message without having said so.
func (a *account) undecided() string {
	var names []string
	for i := range a.Attempts {
		t := &a.Attempts[i]
		if t.Outcome == mailer.Unknown && t.Skipped == "" && !slices.Contains(names, routeName(t.Route, t.Provider)) {
			names = append(names, routeName(t.Route, t.Provider))
		}
	}
	if len(a.Attempts) == 1 || len(names) == 0 {
		return "the provider"
	}
	return strings.Join(names, " and ")
}

// doubled reports whether the message was sent again, elsewhere or at the same route, although
// it was unknown whether a route had taken it.
func (a *account) doubled() bool {
	return slices.ContainsFunc(a.Attempts, func(t attemptAccount) bool {
		return t.Outcome == mailer.Unknown && (t.Decision == "next route" || t.Decision == "retry")
	})
}

// isShared reports whether several routes decided about the recipients.
func (a *account) isShared() bool {
	return slices.ContainsFunc(a.Recipients, func(r recipientAccount) bool { return r.Route != a.Recipients[0].Route })
}

func routeName(route, provider string) string { return route + " (" + provider + ")" }

// sysexit is the exit status that sendmail has for it.
func (a *account) sysexit() int {
	switch {
	case a.Outcome == mailer.Accepted:
		return 0
	case a.Outcome != mailer.NotAccepted:
		return sysexitUndecided
	case a.temporary:
		return sysexitTemporary
	}
	return sysexitUnavailable
}
