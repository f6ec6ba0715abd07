package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/mailkeel/mailkeel/internal/connpool"
	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml"
)

// classifyFailure judges an exchange without a reply: by the stage it ended at, and above
// all by whether the last byte had been released (HTTP rows 1 to 8, 31 and 36).
func classifyFailure(e *Error, released bool) ledger.Verdict {
	ours := isCallers(e.Err)
	switch {
	case released && ours:
		return ledger.UnknownByCaller
	case released:
		return ledger.Unknown
	case ours, isOurs(e.Err):
		return ledger.CallerFault
	case e.isOutage():
		return ledger.ProviderDown // row 2: of whoever gives the credential out
	case e.Stage == StageCredential:
		return ledger.AccountForNow
	case errors.Is(e.Err, connpool.ErrSaturated):
		return ledger.RateLimited
	case errors.Is(e.Err, ErrNotLoopback), errors.Is(e.Err, ErrProxyAuth), errors.Is(e.Err, ErrProxyAddress):
		return ledger.AccountRefused
	case e.isTLSPolicy():
		return ledger.ProviderRefuses
	}
	return ledger.ProviderDown
}

// isCallers: the caller ended it, by ctx or by Close.
func isCallers(err error) bool { return isContextError(err) || errors.Is(err, connpool.ErrClosed) }

func isContextError(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// isOurs: the message or its gate ended it, not the server.
func isOurs(err error) bool {
	return errors.Is(err, ErrSource) || errors.Is(err, ErrCancelled) || errors.Is(err, ErrRequest) || errors.Is(err, eml.ErrSource)
}

// A Problem is what a provider says about a request that it did not accept.
type Problem struct {
	// Own means that the body is of the form that the provider documents for its errors, so
	// that the provider itself has spoken and no gateway in front of it.
	Own bool
	// Text is the provider's text; empty for the status's own.
	Text string
	// Verdict, when it is not nil, is sharper than what the status alone says. It counts
	// only where the status is a refusal.
	Verdict *ledger.Verdict
	// Wait is how long to wait, where Retry-After does not say it.
	Wait time.Duration
}

// classifyReply judges a reply that is no acceptance (HTTP rows 10 to 33). distrust makes
// every 500 and 503 Unknown.
func classifyReply(r *Reply, p Problem, distrust bool) ledger.Verdict {
	v := classifyStatus(r, p.Own && r.Whole, distrust)
	if p.Verdict != nil && v.Outcome == mailer.NotAccepted {
		return *p.Verdict
	}
	return v
}

func classifyStatus(r *Reply, own, distrust bool) ledger.Verdict {
	switch {
	case r.Status < 300:
		return ledger.Unknown // not as the contract says, or too early to be about the whole
	case r.Status < 400:
		return ledger.AccountRefused // row 12: never followed
	case r.Status < 500:
		return classifyRefusal(r)
	case r.Early:
		return ledger.ProviderDown // row 33: the body was not complete
	}
	switch r.Status {
	case http.StatusInternalServerError:
		if own && !distrust {
			return ledger.ProviderDown
		}
	case http.StatusServiceUnavailable:
		if (own || asksToWait(r)) && !distrust {
			return ledger.ProviderDown
		}
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return ledger.ProviderRefuses
	}
	return ledger.Unknown // rows 26, 28 and 30: something behind it may have acted
}

// asksToWait: a 503 with Retry-After (row 29), but without a body, or with a page, it comes from a gateway,
// behind which somebody may have acted.
func asksToWait(r *Reply) bool {
	return r.Header.Get("Retry-After") != "" && len(r.Body) > 0 && !strings.Contains(strings.ToLower(r.Header.Get("Content-Type")), "html")
}

// classifyRefusal judges 4xx.
func classifyRefusal(r *Reply) ledger.Verdict {
	switch r.Status {
	case http.StatusUnauthorized, http.StatusForbidden,
		http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone, // rows 14 to 16
		http.StatusNotAcceptable, http.StatusUnsupportedMediaType, http.StatusPreconditionFailed, // rows 20 and 22: how we ask
		http.StatusProxyAuthRequired:
		return ledger.AccountRefused
	case http.StatusPaymentRequired, http.StatusTooManyRequests: // rows 17 and 24
		return ledger.RateLimited
	case http.StatusRequestTimeout: // row 18
		if r.Early {
			return ledger.ProviderDown
		}
		return ledger.Unknown
	case http.StatusRequestEntityTooLarge, http.StatusRequestHeaderFieldsTooLarge: // row 21
		return ledger.MessageUnfit
	case http.StatusMisdirectedRequest, http.StatusTooEarly, http.StatusPreconditionRequired: // row 23
		return ledger.ProviderDown
	case http.StatusExpectationFailed: // row 7
		return ledger.ProviderRefuses
	}
	return ledger.MessageRefused // rows 13, 19 and 25
}

// cause adds the sentinels that errors.Is looks for.
func cause(e *Error) error {
	switch {
	case errors.Is(e.Err, connpool.ErrClosed):
		return mailer.ErrClosed
	case isOurs(e.Err):
		return e.Err // the stage says nothing about it
	case e.isTLSPolicy():
		return join(mailer.ErrTLSPolicy, e)
	case e.Stage == StageCredential && !e.isOutage() && !isContextError(e.Err):
		return join(mailer.ErrUnauthorized, e)
	}
	return e
}
