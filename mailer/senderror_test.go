package mailer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

func TestSendErrorText(t *testing.T) {
	sendgrid := &mailer.Receipt{Provider: "sendgrid"}
	smtp := &mailer.Receipt{Provider: "smtp"}
	tests := []struct {
		name string
		err  mailer.SendError
		want string
	}{
		{"zero", mailer.SendError{}, "unknown, scope unknown (outcome unknown: the provider may have the message)"},
		{
			"http status alone",
			mailer.SendError{Receipt: sendgrid, Outcome: mailer.NotAccepted, Protocol: "http", Code: 429, RetryAfter: 30 * time.Second},
			"sendgrid: 429 (retry in 30s)",
		},
		{
			"http status nobody named",
			mailer.SendError{Receipt: sendgrid, Outcome: mailer.NotAccepted, Protocol: "http", Code: 599},
			"sendgrid: 599",
		},
		{
			"smtp code is not an http status",
			mailer.SendError{Receipt: smtp, Outcome: mailer.NotAccepted, Protocol: "smtp", Code: 421},
			"smtp: 421",
		},
		{
			"code, enhanced code and cause",
			mailer.SendError{
				Receipt: smtp, Outcome: mailer.NotAccepted, Protocol: "smtp", Code: 550, EnhancedCode: "5.1.1",
				Err: errors.New("no such user"),
			},
			"smtp: 550 5.1.1 no such user",
		},
		{
			"code and enhanced code",
			mailer.SendError{Receipt: smtp, Outcome: mailer.NotAccepted, Protocol: "smtp", Code: 550, EnhancedCode: "5.1.1"},
			"smtp: 550 5.1.1",
		},
		{
			"enhanced code and cause",
			mailer.SendError{Receipt: smtp, Outcome: mailer.NotAccepted, EnhancedCode: "5.7.1", Err: errors.New("relaying denied")},
			"smtp: 5.7.1 relaying denied",
		},
		{
			"cause alone",
			mailer.SendError{Outcome: mailer.NotAccepted, Err: errors.New("connection refused")},
			"connection refused",
		},
		{
			"no cause, no code",
			mailer.SendError{Receipt: smtp, Outcome: mailer.NotAccepted, Scope: mailer.ScopeProvider},
			"smtp: not_accepted, scope provider",
		},
		{
			"unknown",
			mailer.SendError{Receipt: smtp, Outcome: mailer.Unknown, Err: io.ErrUnexpectedEOF},
			"smtp: unexpected EOF (outcome unknown: the provider may have the message)",
		},
		{
			"partly accepted, retry",
			mailer.SendError{Receipt: smtp, Outcome: mailer.PartlyAccepted, Err: errors.New("1 of 2 refused"), RetryAfter: time.Minute},
			"smtp: 1 of 2 refused (partly accepted) (retry in 1m0s)",
		},
		{
			"a retry within the second is not now",
			mailer.SendError{Receipt: smtp, Outcome: mailer.NotAccepted, Code: 421, RetryAfter: 300 * time.Millisecond},
			"smtp: 421 (retry in 1s)",
		},
		{
			"provider without a name",
			mailer.SendError{Receipt: &mailer.Receipt{}, Outcome: mailer.NotAccepted, Code: 421},
			"421",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.err.Error(); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestSendErrorTextIsOneLine(t *testing.T) {
	err := &mailer.SendError{Outcome: mailer.NotAccepted, Err: errors.Join(io.EOF, io.ErrClosedPipe)}
	if got := err.Error(); strings.ContainsAny(got, "\r\n") {
		t.Errorf("got %q, want one line", got)
	}
}

var sentinels = []error{
	mailer.ErrUnknownOutcome, mailer.ErrPartlyAccepted, mailer.ErrInvalidMessage, mailer.ErrUnsupported,
	mailer.ErrRecipientRefused, mailer.ErrSenderRefused, mailer.ErrUnauthorized, mailer.ErrRateLimited,
	mailer.ErrUnavailable, mailer.ErrTLSPolicy, mailer.ErrClosed,
}

// Each row lists every sentinel that matches; all others must not.
func TestSendErrorIs(t *testing.T) {
	const no = mailer.NotAccepted
	tests := []struct {
		name string
		err  mailer.SendError
		want []error
	}{
		{"zero", mailer.SendError{}, []error{mailer.ErrUnknownOutcome}},
		{"not accepted, nobody's fault", mailer.SendError{Outcome: no}, nil},
		{"partly accepted", mailer.SendError{Outcome: mailer.PartlyAccepted}, []error{mailer.ErrPartlyAccepted}},
		{
			"partly accepted, recipients refused",
			mailer.SendError{Outcome: mailer.PartlyAccepted, Scope: mailer.ScopeRecipient},
			[]error{mailer.ErrPartlyAccepted, mailer.ErrRecipientRefused},
		},
		{"message", mailer.SendError{Outcome: no, Scope: mailer.ScopeMessage}, nil},
		{"caller", mailer.SendError{Outcome: no, Scope: mailer.ScopeCaller}, nil},
		{"recipient", mailer.SendError{Outcome: no, Scope: mailer.ScopeRecipient}, []error{mailer.ErrRecipientRefused}},
		{"sender", mailer.SendError{Outcome: no, Scope: mailer.ScopeSender}, []error{mailer.ErrSenderRefused}},
		{"rate", mailer.SendError{Outcome: no, Scope: mailer.ScopeRate}, []error{mailer.ErrRateLimited}},
		{"provider", mailer.SendError{Outcome: no, Scope: mailer.ScopeProvider}, []error{mailer.ErrUnavailable}},

		{"account", mailer.SendError{Outcome: no, Scope: mailer.ScopeAccount}, nil},
		{"account, 5.7.57", account("smtp", 550, "5.7.57"), []error{mailer.ErrUnauthorized}},
		{"account, 401", account("http", 401, ""), []error{mailer.ErrUnauthorized}},
		{"account, 403", account("http", 403, ""), []error{mailer.ErrUnauthorized}},
		{"account, 402", account("http", 402, ""), nil},
		{"account, http 535", account("http", 535, ""), nil},
		{"account, 530", account("smtp", 530, ""), []error{mailer.ErrUnauthorized}},
		{"account, 534", account("smtp", 534, ""), []error{mailer.ErrUnauthorized}},
		{"account, 535", account("smtp", 535, ""), []error{mailer.ErrUnauthorized}},
		{"account, 538", account("smtp", 538, ""), []error{mailer.ErrUnauthorized}},
		{"account, 5.7.8", account("smtp", 550, "5.7.8"), []error{mailer.ErrUnauthorized}},
		{"account, 550", account("smtp", 550, "5.7.1"), nil},
		{"account, smtp 401", account("smtp", 401, ""), nil},
		{"535 that is no account's", mailer.SendError{Outcome: no, Scope: mailer.ScopeProvider, Protocol: "smtp", Code: 535}, []error{mailer.ErrUnavailable}},

		{"invalid", caused(mailer.ErrInvalidMessage), []error{mailer.ErrInvalidMessage}},
		{"unsupported", caused(mailer.ErrUnsupported), []error{mailer.ErrUnsupported}},
		{"tls policy", caused(mailer.ErrTLSPolicy), []error{mailer.ErrTLSPolicy}},
		{"closed", caused(mailer.ErrClosed), []error{mailer.ErrClosed}},

		// What is unknown is not known to be refused: a caller that sends again on any of
		// the other sentinels would double the message.
		{"unknown, recipient", mailer.SendError{Scope: mailer.ScopeRecipient}, []error{mailer.ErrUnknownOutcome}},
		{"unknown, sender", mailer.SendError{Scope: mailer.ScopeSender}, []error{mailer.ErrUnknownOutcome}},
		{"unknown, rate", mailer.SendError{Scope: mailer.ScopeRate}, []error{mailer.ErrUnknownOutcome}},
		{"unknown, provider", mailer.SendError{Scope: mailer.ScopeProvider}, []error{mailer.ErrUnknownOutcome}},
		{
			"unknown, account",
			mailer.SendError{Scope: mailer.ScopeAccount, Protocol: "http", Code: 401},
			[]error{mailer.ErrUnknownOutcome},
		},

		// The verdict of an attempt before the last is in Receipt.Attempts, not in errors.Is.
		{
			"an unknown attempt within",
			mailer.SendError{Outcome: no, Scope: mailer.ScopeProvider, Err: &mailer.SendError{}},
			[]error{mailer.ErrUnavailable},
		},
		{
			"a refused attempt within",
			mailer.SendError{Err: fmt.Errorf("last: %w", &mailer.SendError{Outcome: no, Scope: mailer.ScopeRate})},
			[]error{mailer.ErrUnknownOutcome},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := fmt.Errorf("wrapped: %w", &tt.err)
			for _, s := range sentinels {
				want := false
				for _, w := range tt.want {
					want = want || w == s
				}
				if got := errors.Is(err, s); got != want {
					t.Errorf("errors.Is(err, %q) = %v, want %v", s, got, want)
				}
			}
		})
	}
}

func account(protocol string, code int, enhanced string) mailer.SendError {
	return mailer.SendError{
		Outcome: mailer.NotAccepted, Scope: mailer.ScopeAccount, Protocol: protocol, Code: code, EnhancedCode: enhanced,
	}
}

func caused(err error) mailer.SendError {
	return mailer.SendError{Outcome: mailer.NotAccepted, Scope: mailer.ScopeCaller, Err: fmt.Errorf("%w: why", err)}
}

func TestSendErrorCause(t *testing.T) {
	cause := fmt.Errorf("dial: %w", context.DeadlineExceeded)
	e := &mailer.SendError{Outcome: mailer.NotAccepted, Scope: mailer.ScopeCaller, Err: cause}
	if got := errors.Unwrap(e); got != cause {
		t.Errorf("Unwrap gives %v, want the cause", got)
	}
	if !errors.Is(e, context.DeadlineExceeded) || errors.Is(e, context.Canceled) {
		t.Errorf("errors.Is does not see the context's error, or sees another: %v", e)
	}
	var found *mailer.SendError
	if err := fmt.Errorf("job 7: %w", e); !errors.As(err, &found) || found != e {
		t.Errorf("errors.As found %v, want the very error", found)
	}
	if got := errors.Unwrap(&mailer.SendError{}); got != nil {
		t.Errorf("Unwrap without a cause gives %v, want nil", got)
	}
}

func TestAsSendError(t *testing.T) {
	e := &mailer.SendError{Receipt: &mailer.Receipt{}, Outcome: mailer.NotAccepted}
	for name, err := range map[string]error{
		"itself":  e,
		"wrapped": fmt.Errorf("job: %w", e),
		"joined":  errors.Join(io.EOF, e),
	} {
		if got := mailer.AsSendError(err); got != e {
			t.Errorf("%s: got %v, want the error itself", name, got)
		}
	}
	if got := mailer.AsSendError(nil); got != nil {
		t.Errorf("of nil: got %v, want nil", got)
	}
}

// An error that says nothing about the message must never be read as a success or a refusal.
func TestAsSendErrorOfForeignErrors(t *testing.T) {
	var typedNil *mailer.SendError
	for name, err := range map[string]error{
		"plain":           io.ErrUnexpectedEOF,
		"typed nil":       typedNil,
		"typed nil, deep": fmt.Errorf("%w", errors.Join(typedNilOf(typedNil))),
	} {
		t.Run(name, func(t *testing.T) {
			got := mailer.AsSendError(err)
			if got == nil || got.Outcome != mailer.Unknown || got.Receipt == nil {
				t.Fatalf("got %#v, want an unknown outcome with a receipt", got)
			}
			if !errors.Is(got, mailer.ErrUnknownOutcome) || got.Error() == "" {
				t.Errorf("got %v, want one that is ErrUnknownOutcome", got)
			}
		})
	}
	if got := mailer.AsSendError(io.ErrUnexpectedEOF); !errors.Is(got, io.ErrUnexpectedEOF) {
		t.Errorf("%v lost its cause", got)
	}
}

// typedNilOf gives a wrapper whose text does not ask the nil error for its own.
func typedNilOf(e *mailer.SendError) error { return silent{e} }

type silent struct{ err error }

func (silent) Error() string   { return "silent" }
func (s silent) Unwrap() error { return s.err }

// A Sender of a third party may forget the Receipt; callers rely on there being one.
func TestAsSendErrorGivesAReceipt(t *testing.T) {
	forgot := &mailer.SendError{Outcome: mailer.NotAccepted, Scope: mailer.ScopeRate}
	got := mailer.AsSendError(forgot)
	if got.Receipt == nil || got.Receipt.Outcome != mailer.NotAccepted || got.Scope != mailer.ScopeRate {
		t.Errorf("got %+v, want a receipt of the same outcome", got)
	}
	if forgot.Receipt != nil {
		t.Error("the error, which others may hold, was changed")
	}
}
