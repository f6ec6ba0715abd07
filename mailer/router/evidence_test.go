package router

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// A verdict is how an adapter reports a row of the failure taxonomy.
type verdict struct {
	because  string
	scope    mailer.Scope
	protocol string
	code     int
	enhanced string
	phase    mailer.Phase
	outcome  mailer.Outcome // zero: NotAccepted
	unknown  bool
	err      error
	wait     time.Duration
	want     evidence
}

func (v verdict) failed() *mailer.SendError {
	e := &mailer.SendError{
		Receipt: new(mailer.Receipt), Outcome: mailer.NotAccepted, Scope: v.scope, Protocol: v.protocol,
		Code: v.code, EnhancedCode: v.enhanced, RetryAfter: v.wait, Err: v.err,
	}
	if v.unknown || v.outcome != 0 {
		e.Outcome = v.outcome
	}
	return e
}

const (
	unsaid     = mailer.ScopeUnknown
	ofSender   = mailer.ScopeSender
	ofAccount  = mailer.ScopeAccount
	ofRate     = mailer.ScopeRate
	ofProvider = mailer.ScopeProvider
	ofMessage  = mailer.ScopeMessage
	ofAddress  = mailer.ScopeRecipient
	ofCaller   = mailer.ScopeCaller

	connecting = mailer.PhaseConnect
	protecting = mailer.PhaseTLS
	loggingIn  = mailer.PhaseAuth
	envelope   = mailer.PhaseEnvelope
	content    = mailer.PhaseContent
	committed  = mailer.PhaseCommitted
	answered   = mailer.PhaseDone
)

var verdicts = []verdict{
	{because: "SMTP row 1: no such host", scope: ofAccount, phase: connecting, want: misconfigured},
	{because: "SMTP row 1: no such host, though it worked", scope: ofProvider, phase: connecting, want: failed},
	{because: "SMTP rows 2 and 3, HTTP row 1: no connection", scope: ofProvider, phase: connecting, want: failed},
	{because: "SMTP row 4: port 25 is blocked", scope: ofAccount, phase: connecting, want: misconfigured},
	{because: "SMTP rows 5 and 6, HTTP row 1: no TLS", scope: ofProvider, phase: protecting, err: mailer.ErrTLSPolicy, want: failed},
	{because: "SMTP row 7: no service", scope: ofProvider, protocol: "smtp", code: 554, phase: connecting, want: failed},
	{because: "SMTP row 7: greeting 421 about a limit", scope: ofRate, protocol: "smtp", code: 421, enhanced: "4.7.0", phase: connecting, want: limited},
	{because: "SMTP row 8: no greeting", scope: ofProvider, phase: connecting, want: failed},
	{because: "SMTP row 9: EHLO 5xx", scope: ofProvider, protocol: "smtp", code: 502, phase: connecting, want: failed},
	{because: "SMTP row 9: the name we gave", scope: ofAccount, protocol: "smtp", code: 550, phase: protecting, want: misconfigured},
	{because: "SMTP rows 10 to 12: STARTTLS", scope: ofProvider, phase: protecting, err: mailer.ErrTLSPolicy, want: failed},
	{because: "SMTP row 13: no mechanism", scope: ofAccount, phase: loggingIn, want: misconfigured},
	{because: "SMTP row 14: 535", scope: ofAccount, protocol: "smtp", code: 535, enhanced: "5.7.8", phase: loggingIn, want: misconfigured},
	{because: "SMTP row 14: 535 from a sender that marks no phase", scope: ofAccount, protocol: "smtp", code: 535, phase: answered, want: misconfigured},
	{because: "SMTP row 14: 534", scope: ofAccount, protocol: "smtp", code: 534, phase: loggingIn, want: misconfigured},
	{because: "SMTP row 14: 538", scope: ofAccount, protocol: "smtp", code: 538, phase: loggingIn, want: misconfigured},
	{because: "SMTP row 15: 454", scope: ofProvider, protocol: "smtp", code: 454, phase: loggingIn, want: failed},
	{because: "SMTP row 16: the sender", scope: ofSender, protocol: "smtp", code: 550, enhanced: "5.7.60", phase: envelope, want: foreigner},
	{because: "SMTP row 16: the size", scope: ofMessage, protocol: "smtp", code: 552, phase: envelope, want: answer},
	{because: "SMTP row 16: log in first", scope: ofAccount, protocol: "smtp", code: 530, phase: envelope, want: misconfigured},
	{because: "SMTP row 16: not authenticated, at Microsoft 365", scope: ofAccount, protocol: "smtp", code: 550, enhanced: "5.7.57", phase: envelope, want: misconfigured},
	{because: "SMTP row 16: a parameter", scope: ofAccount, protocol: "smtp", code: 555, phase: envelope, want: answer},
	{because: "SMTP row 17: 421", scope: ofProvider, protocol: "smtp", code: 421, phase: envelope, want: failed},
	{because: "SMTP row 17: 452", scope: ofRate, protocol: "smtp", code: 452, phase: envelope, want: limited},
	{because: "SMTP row 18: no such mailbox", scope: ofAddress, protocol: "smtp", code: 550, enhanced: "5.1.1", phase: envelope, want: answer},
	{because: "SMTP row 18: some were accepted", scope: ofAddress, protocol: "smtp", code: 550, phase: answered, outcome: mailer.PartlyAccepted, want: success},
	{because: "SMTP row 19: relay denied", scope: ofAccount, protocol: "smtp", code: 554, enhanced: "5.7.1", phase: envelope, want: answer},
	{because: "SMTP row 20: grey-listed", scope: ofAddress, protocol: "smtp", code: 450, phase: envelope, want: answer},
	{because: "SMTP row 21: lost among the recipients", scope: ofProvider, phase: envelope, want: failed},
	{because: "SMTP row 22: DATA 451", scope: ofProvider, protocol: "smtp", code: 451, phase: envelope, want: failed},
	{because: "SMTP row 22: DATA 554", scope: ofMessage, protocol: "smtp", code: 554, phase: envelope, want: answer},
	{because: "SMTP row 24, HTTP row 3: the source fails", scope: ofCaller, phase: content, want: nothing},
	{because: "SMTP rows 25 and 27, HTTP row 4: reset in the content", scope: ofProvider, phase: content, want: failed},
	{because: "SMTP row 26, HTTP row 36: ctx ended before the boundary", scope: ofCaller, phase: content, err: context.Canceled, want: nothing},
	{because: "SMTP rows 28 to 30, HTTP rows 5 and 31: no reply", scope: ofProvider, phase: committed, unknown: true, want: failed},
	{because: "SMTP row 32: 451 to the content", scope: ofProvider, protocol: "smtp", code: 451, phase: answered, want: failed},
	{because: "SMTP row 32: 450 to the content", scope: ofRate, protocol: "smtp", code: 450, phase: answered, want: limited},
	{because: "SMTP row 32: 4xx about the message", scope: ofMessage, protocol: "smtp", code: 451, enhanced: "4.6.0", phase: answered, want: answer},
	{because: "SMTP row 33: spam", scope: ofMessage, protocol: "smtp", code: 550, enhanced: "5.7.1", phase: answered, want: answer},
	{because: "SMTP row 34, HTTP row 36: ctx ended after the boundary", scope: ofCaller, phase: committed, unknown: true, err: context.Canceled, want: nothing},

	{because: "HTTP row 2: no token", scope: ofAccount, phase: loggingIn, err: mailer.ErrUnauthorized, want: misconfigured},
	{because: "HTTP row 2: no token, from a sender that marks no phase", scope: ofAccount, phase: answered, err: mailer.ErrUnauthorized, want: misconfigured},
	{because: "HTTP row 7: too large, before the body", scope: ofMessage, protocol: "http", code: 413, phase: envelope, want: answer},
	{because: "HTTP row 10: 202 without an id", scope: ofProvider, protocol: "http", code: 202, phase: answered, unknown: true, want: failed},
	{because: "HTTP row 12: 301", scope: ofAccount, protocol: "http", code: 301, phase: answered, want: misconfigured},
	{because: "HTTP row 12: 308", scope: ofAccount, protocol: "http", code: 308, phase: answered, want: misconfigured},
	{because: "HTTP row 13: 400", scope: ofMessage, protocol: "http", code: 400, phase: answered, want: answer},
	{because: "HTTP row 13: 400 about a template of the account", scope: ofAccount, protocol: "http", code: 400, phase: answered, want: answer},
	{because: "HTTP row 14", scope: ofAccount, protocol: "http", code: 401, phase: answered, want: misconfigured},
	{because: "HTTP row 15", scope: ofAccount, protocol: "http", code: 403, phase: answered, want: misconfigured},
	{because: "HTTP row 15: the sender", scope: ofSender, protocol: "http", code: 403, phase: answered, want: foreigner},
	{because: "HTTP row 16: 404", scope: ofAccount, protocol: "http", code: 404, phase: answered, want: misconfigured},
	{because: "HTTP row 16: 405", scope: ofAccount, protocol: "http", code: 405, phase: answered, want: misconfigured},
	{because: "HTTP row 16: 410", scope: ofAccount, protocol: "http", code: 410, phase: answered, want: misconfigured},
	{because: "the proxy wants credentials", scope: ofAccount, protocol: "http", code: 407, phase: answered, want: misconfigured},
	{because: "HTTP row 17", scope: ofRate, protocol: "http", code: 402, phase: answered, want: limited},
	{because: "HTTP row 18: 408", scope: ofProvider, protocol: "http", code: 408, phase: answered, unknown: true, want: failed},
	{because: "HTTP row 19: 409", scope: ofMessage, protocol: "http", code: 409, phase: answered, want: answer},
	{because: "HTTP row 20: 412", scope: ofAccount, protocol: "http", code: 412, phase: answered, want: answer},
	{because: "HTTP row 21: 431", scope: ofMessage, protocol: "http", code: 431, phase: answered, want: answer},
	{because: "HTTP row 22: 415", scope: ofAccount, protocol: "http", code: 415, phase: answered, want: answer},
	{because: "HTTP row 24", scope: ofRate, protocol: "http", code: 429, phase: answered, want: limited},
	{because: "HTTP row 25: 451", scope: ofMessage, protocol: "http", code: 451, phase: answered, want: answer},
	{because: "HTTP rows 26, 28 and 30", scope: ofProvider, protocol: "http", code: 502, phase: answered, unknown: true, want: failed},
	{because: "HTTP row 27", scope: ofProvider, protocol: "http", code: 501, phase: answered, want: failed},
	{because: "HTTP row 29", scope: ofProvider, protocol: "http", code: 503, phase: answered, wait: time.Second, want: failed},

	{because: "our own places are taken", scope: ofRate, phase: connecting, want: nothing},
	{because: "our own limit, for a time that is known", scope: ofRate, phase: connecting, wait: time.Second, want: limited},
	{because: "the message asks for what it lacks", scope: ofMessage, err: mailer.ErrUnsupported, want: nothing},
	{because: "recipients that were not even tried", scope: ofAddress, want: nothing},
	{because: "an error that says nothing", scope: unsaid, unknown: true, want: failed},
}

func TestWeigh(t *testing.T) {
	for _, v := range verdicts {
		if got := weigh(v.failed(), v.phase); got != v.want {
			t.Errorf("%s: got %d, want %d", v.because, got, v.want)
		}
	}
}

// codes are all that a reply can have.
func codes(protocol string) []int {
	first, last := 200, 599
	if protocol == "http" {
		first = 100
	}
	if protocol == "" {
		return []int{0}
	}
	var all []int
	for code := first; code <= last; code++ {
		all = append(all, code)
	}
	return all
}

// TestWeighEverything: what never counts, and what always does, whatever the code and the phase.
func TestWeighEverything(t *testing.T) {
	for scope := mailer.ScopeUnknown; scope <= mailer.ScopeCaller; scope++ {
		for _, outcome := range []mailer.Outcome{mailer.NotAccepted, mailer.Unknown, mailer.PartlyAccepted} {
			for _, protocol := range []string{"", "smtp", "http"} {
				for _, code := range codes(protocol) {
					for phase := mailer.PhaseNone; phase <= mailer.PhaseDone; phase++ {
						v := verdict{scope: scope, protocol: protocol, code: code, phase: phase, outcome: outcome, unknown: true}
						if got := weigh(v.failed(), phase); !slices.Contains(possible(v), got) {
							t.Fatalf("%s %s %s %d in phase %s: %d", outcome, scope, protocol, code, phase, got)
						}
					}
				}
			}
		}
	}
}

// possible is the evidence of a verdict as the Health column sorts it: by whose fault it is.
func possible(v verdict) []evidence {
	if v.outcome == mailer.PartlyAccepted {
		return []evidence{success}
	}
	switch v.scope {
	case ofMessage, ofAddress:
		if v.code == 0 {
			return []evidence{nothing}
		}
		return []evidence{answer}
	case ofCaller:
		return []evidence{nothing}
	case ofSender:
		return []evidence{foreigner}
	case ofRate:
		if v.code == 0 {
			return []evidence{nothing}
		}
		return []evidence{limited}
	case ofAccount:
		return []evidence{ofSetup(v)}
	}
	return []evidence{failed}
}

// ofSetup says of a refusal of the account whether every message would meet it.
func ofSetup(v verdict) evidence {
	every := v.phase <= loggingIn
	login := []int{530, 534, 535, 538}
	if v.protocol == "http" {
		every, login = v.code >= 300 && v.code < 400 || slices.Contains([]int{404, 405, 407, 410}, v.code), []int{401, 403}
	}
	if v.outcome == mailer.NotAccepted && slices.Contains(login, v.code) && v.protocol != "" {
		every = true
	}
	if every {
		return misconfigured
	}
	return answer
}
