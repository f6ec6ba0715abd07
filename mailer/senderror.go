package mailer

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Sentinels for [errors.Is]. On a [*SendError] they speak of its final verdict only,
// never of an attempt that came before it.
var (
	// ErrUnknownOutcome: the provider may or may not have the message.
	ErrUnknownOutcome = errors.New("outcome unknown")
	// ErrPartlyAccepted: some recipients were accepted, the others were not.
	ErrPartlyAccepted = errors.New("partly accepted")
	// ErrInvalidMessage: the message itself cannot be sent by anyone as it is.
	ErrInvalidMessage = errors.New("invalid message")
	// ErrUnsupported: the provider lacks something essential to this message.
	ErrUnsupported = errors.New("unsupported")
	// ErrRecipientRefused: the provider refused the recipients.
	ErrRecipientRefused = errors.New("recipient refused")
	// ErrSenderRefused: the provider does not let this account send as this sender.
	ErrSenderRefused = errors.New("sender refused")
	// ErrUnauthorized: the credentials were refused, are missing, or do not suffice.
	ErrUnauthorized = errors.New("unauthorized")
	// ErrRateLimited: a limit was reached that passes with time.
	ErrRateLimited = errors.New("rate limited")
	// ErrUnavailable: the provider, or the way to it, is in trouble.
	ErrUnavailable = errors.New("unavailable")
	// ErrTLSPolicy: the connection could not be protected as required, and nothing was sent over it.
	ErrTLSPolicy = errors.New("tls policy not met")
	// ErrClosed: the Sender has been closed.
	ErrClosed = errors.New("sender closed")
)

// A SendError is the only error type that a [Sender] returns for a failed send; find
// it with [errors.As]. It answers whose fault it was, what became of the message, and
// who may take it when.
type SendError struct {
	// Receipt is the account of the send. It is never nil, and when some recipients
	// were accepted it is the Receipt that Send returned.
	Receipt *Receipt
	// Outcome is the verdict about the whole message; see [RollUp].
	Outcome Outcome
	// Scope says whose fault it was.
	Scope Scope
	// Protocol says what Code is: "smtp" or "http"; empty when Code is zero.
	Protocol string
	// Code is the reply code of SMTP or the status of HTTP; zero when there was no reply.
	Code int
	// EnhancedCode is the status code of RFC 3463, such as "5.7.1"; empty when there was none.
	EnhancedCode string
	// Temporary means that the same provider may take the message later.
	Temporary bool
	// Elsewhere means that another provider may take the message.
	Elsewhere bool
	// RetryAfter is how long to wait, as the provider or a local limit says; zero when neither does.
	RetryAfter time.Duration
	// Err is the cause. It holds no secret, no content and no address.
	Err error
}

// Error returns one line: who, what, and the verdict where it is not a plain refusal.
func (e *SendError) Error() string {
	var b strings.Builder
	if e.Receipt != nil && e.Receipt.Provider != "" {
		b.WriteString(e.Receipt.Provider + ": ")
	}
	b.WriteString(e.reason())
	if e.Outcome == Unknown || e.Outcome == PartlyAccepted {
		b.WriteString(" (" + verdictText[e.Outcome] + ")")
	}
	if e.RetryAfter > 0 {
		wait := (e.RetryAfter + time.Second - 1).Truncate(time.Second)
		b.WriteString(" (retry in " + wait.String() + ")")
	}
	return lineEnds.Replace(b.String())
}

// lineEnds keeps the text on one line where a cause, such as one of errors.Join, does not.
var lineEnds = strings.NewReplacer("\r\n", "; ", "\n", "; ", "\r", "; ")

var verdictText = map[Outcome]string{
	Unknown:        "outcome unknown: the provider may have the message",
	PartlyAccepted: "partly accepted",
}

func (e *SendError) reason() string {
	code := ""
	if e.Code != 0 {
		code = strconv.Itoa(e.Code)
	}
	if e.EnhancedCode != "" {
		code = strings.TrimSpace(code + " " + e.EnhancedCode)
	}
	switch {
	case e.Err != nil && code != "":
		return code + " " + e.Err.Error()
	case e.Err != nil:
		return e.Err.Error()
	case code != "":
		return code
	}
	return fmt.Sprintf("%s, scope %s", e.Outcome, e.Scope)
}

// Unwrap returns the cause. Where that is the verdict of an attempt, it returns the
// cause of that instead, so that errors.Is never finds a verdict that was not the last.
func (e *SendError) Unwrap() error {
	if inner, ok := findSendError(e.Err); ok {
		return inner.Unwrap()
	}
	return e.Err
}

// Is reports whether target is the sentinel of this verdict. An [Unknown] one is
// [ErrUnknownOutcome] and no other, whatever its Scope. What Err wraps is
// matched as well, through Unwrap: [ErrInvalidMessage], [ErrUnsupported],
// [ErrTLSPolicy], [ErrClosed] and errors of package context.
func (e *SendError) Is(target error) bool {
	if e.Outcome == Unknown {
		return target == ErrUnknownOutcome
	}
	switch target {
	case ErrPartlyAccepted:
		return e.Outcome == PartlyAccepted
	case ErrRecipientRefused:
		return e.Scope == ScopeRecipient
	case ErrSenderRefused:
		return e.Scope == ScopeSender
	case ErrUnauthorized:
		return e.Scope == ScopeAccount && e.isAuth()
	case ErrRateLimited:
		return e.Scope == ScopeRate
	case ErrUnavailable:
		return e.Scope == ScopeProvider
	}
	return false
}

func (e *SendError) isAuth() bool {
	switch e.Protocol {
	case "http":
		return e.Code == 401 || e.Code == 403
	case "smtp":
		// RFC 4954 section 6; 5.7.57 is Microsoft 365's "not authenticated".
		switch e.EnhancedCode {
		case "5.7.8", "5.7.9", "5.7.57":
			return true
		}
		return e.Code == 530 || e.Code == 534 || e.Code == 535 || e.Code == 538
	}
	return false
}

// AsSendError returns the [*SendError] in err's tree. An err that holds none says
// nothing about the message and so is wrapped in one whose Outcome is [Unknown].
// A nil err gives nil. The result's Receipt is never nil, whatever the Sender forgot.
func AsSendError(err error) *SendError {
	if err == nil {
		return nil
	}
	e, found := findSendError(err)
	switch {
	case !found && isNilSendError(err):
		return &SendError{Receipt: &Receipt{}, Err: errors.New("error is a nil *SendError")}
	case !found:
		return &SendError{Receipt: &Receipt{}, Err: err}
	case e.Receipt == nil:
		c := *e
		c.Receipt = &Receipt{Outcome: e.Outcome}
		return &c
	}
	return e
}

// findSendError does not count a nil one, which says nothing and would be read as success.
func findSendError(err error) (*SendError, bool) {
	var e *SendError
	found := errors.As(err, &e) && e != nil
	return e, found
}

// isNilSendError reports a nil *SendError anywhere in err's tree, whose methods would panic.
func isNilSendError(err error) bool {
	var e *SendError
	return errors.As(err, &e) && e == nil
}
