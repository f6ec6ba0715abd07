package acs

import (
	"net/http"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/internal/redact"
	"github.com/mailkeel/mailkeel/mailer"
)

var _ httpapi.Replies = (*replies)(nil)

// replies is what the replies to one request mean, and what of them is wanted later.
type replies struct {
	problem   problem
	operation Operation // as the acceptance tells of it
}

// Accepted implements [httpapi.Replies]: 202 with the name of an operation (HTTP row 9) that can be asked for.
func (s *replies) Accepted(r *httpapi.Reply) (id string, ok bool) {
	var result operation
	if r.Status != http.StatusAccepted || !r.JSON(&result) || !isOperationID(result.ID) {
		return "", false
	}
	s.operation = result.judged(httpapi.RetryAfter(r.Header, time.Now()))
	return result.ID, true
}

// Problem implements [httpapi.Replies].
//
// The API's description (Azure/azure-rest-api-specs, Email 2025-09-01) has the same body for every
// error, so that it says who speaks, but of no status whether the message was queued all the
// same. A 500 comes from the application in the middle of its work, and is Unknown; 503 is
// a refusal to begin (HTTP rows 26 and 29).
func (s *replies) Problem(r *httpapi.Reply) httpapi.Problem {
	s.problem = problemOf(r)
	text := s.problem.text()
	if r.Status == http.StatusUnauthorized || r.Status == http.StatusForbidden {
		text = strings.TrimPrefix(text+"; "+hintAccess, "; ")
	}
	return httpapi.Problem{
		Own: s.problem.own && r.Status != http.StatusInternalServerError, Text: text, Verdict: s.problem.verdict(r.Status),
	}
}

// hintAccess is what the service's own words, "Denied by the resource provider", do not say.
const hintAccess = "look at the key, or the identity's role, on this very resource, and at this machine's clock"

// A problem is what the service says about a request (ErrorResponse).
type problem struct {
	own     bool   // the body is of the documented form
	code    string // fit to be shown
	message string
}

func problemOf(r *httpapi.Reply) problem {
	var reply struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	if r.JSON(&reply) && reply.Error.Code != "" {
		return problem{true, redact.Text(reply.Error.Code), reply.Error.Message}
	}
	return problem{code: redact.Text(r.Header.Get("X-Ms-Error-Code"))}
}

func (p problem) text() string {
	if p.code == "" || p.message == "" {
		return p.code + p.message
	}
	return p.code + ": " + p.message
}

func (p problem) is(code string) bool { return strings.EqualFold(p.code, code) }

// verdict is sharper than what the status says, or nil. The codes are those of Microsoft's
// troubleshooting pages; that there are no others about the sender is UNVERIFIED.
func (p problem) verdict(status int) *ledger.Verdict {
	switch {
	case status == http.StatusConflict: // HTTP row 19: somebody has that Operation-Id
		return &ledger.Unknown
	case status == http.StatusBadRequest && p.is("InvalidSenderUserName"),
		status == http.StatusNotFound && p.is("DomainNotLinked"):
		return &ledger.SenderRefused
	}
	return nil
}

// explain adds the service's code to the cause of e, for programs that look for azcore's own type.
func (s *replies) explain(e *mailer.SendError) error {
	if e.Code == 0 || s.problem.code == "" {
		return e.Err
	}
	return &responseError{err: e.Err, status: e.Code, code: s.problem.code}
}

// A responseError is what the service said, as far as it can be shown.
type responseError struct {
	err    error
	status int
	code   string
}

func (e *responseError) Error() string { return e.err.Error() }

func (e *responseError) Unwrap() error { return e.err }

// As makes an [azcore.ResponseError] of e, without the response: that would be printed whole, with
// the addresses in it.
func (e *responseError) As(target any) bool {
	to, ok := target.(**azcore.ResponseError)
	if ok {
		*to = &azcore.ResponseError{StatusCode: e.status, ErrorCode: e.code}
	}
	return ok
}
