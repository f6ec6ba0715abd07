package acstest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/mailkeel/mailkeel/internal/apifake"
)

// Reply returns the fault that a request is answered with a, and not accepted.
func Reply(a Answer) Fault { return Fault{Kind: Replace, Answer: a} }

// AcceptBut returns the fault that a request is accepted, and answered with a all the same.
func AcceptBut(a Answer) Fault { return Fault{Kind: Replace, Answer: a, Accept: true} }

// An Error is what a reply, or an operation that failed, says of the failure (ErrorDetail
// in the API description).
type Error struct {
	Code           string           `json:"code"`
	Message        string           `json:"message"`
	Target         string           `json:"target,omitempty"`
	Details        []Error          `json:"details,omitempty"`
	AdditionalInfo []AdditionalInfo `json:"additionalInfo,omitempty"`
}

// AdditionalInfo is more about an [Error].
type AdditionalInfo struct {
	Type string         `json:"type"`
	Info map[string]any `json:"info"`
}

// Codes that are known from the service.
const (
	codeBadRequest   = "BadRequest"
	codeInvalidEmail = "InvalidEmailAddress"
)

// Refusal returns a reply with an error and its code in x-ms-error-code.
func Refusal(status int, e Error) Answer {
	a := encode(status, map[string]Error{"error": e})
	a.Header.Set("X-Ms-Error-Code", e.Code)
	return a
}

// encode returns a reply in JSON without the escapes that are for HTML.
func encode(status int, v any) Answer {
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // only for values that JSON has not; the server answers 500
	}
	return apifake.JSON(status, body.String())
}

// result is EmailSendResult in the API description.
type result struct {
	ID     string `json:"id,omitempty"`
	Status Status `json:"status"`
	Error  *Error `json:"error,omitempty"`
}

// AcceptedWithoutLocation returns 202 with the id of an operation, and no Operation-Location.
func AcceptedWithoutLocation(id string) Answer {
	return retryAfter(encode(http.StatusAccepted, result{ID: id, Status: StatusRunning}), 20*time.Second)
}

// Accepted returns 202 with the id of an operation, and its location below the endpoint.
func Accepted(endpoint, id string) Answer {
	a := AcceptedWithoutLocation(id)
	a.Header.Set("Operation-Location", location(endpoint, id, version2025))
	return a
}

// location has two slashes where the path begins, as in the API description's example.
func location(endpoint, id string, v apiVersion) string {
	return endpoint + "/" + operationsPath + id + "?api-version=" + string(v)
}

// AcceptedWithoutID returns 202 with neither an id nor Operation-Location.
func AcceptedWithoutID() Answer { return AcceptedWithoutLocation("") }

// HTMLSuccess returns 200 with a page, as a captive portal says it.
func HTMLSuccess() Answer { return apifake.HTMLPage(http.StatusOK) }

// OperationIs returns 200 for a request for a status. The error is left out where it has no code.
func OperationIs(id string, status Status, e Error) Answer {
	r := result{ID: id, Status: status}
	if e.Code != "" {
		r.Error = &e
	}
	return encode(http.StatusOK, r)
}

// BadRequest returns 400 with an error about each of the members or headers, at least one.
func BadRequest(targets ...string) Answer {
	list := make([]Error, 0, len(targets))
	for _, t := range targets {
		list = append(list, Error{Code: codeBadRequest, Message: t + " is not valid.", Target: t})
	}
	return refuse(list)
}

// InvalidEmail returns 400 for an address, such as the member recipients.to[0].address.
func InvalidEmail(target string) Answer {
	return refuse([]Error{{Code: codeInvalidEmail, Message: "Invalid format for email address", Target: target}})
}

// refuse returns 400. What is wrong is the error itself, or its details when it is more than one thing.
func refuse(list []Error) Answer {
	e := list[0]
	if len(list) > 1 {
		e.Target, e.Details = "", list
	}
	return Refusal(http.StatusBadRequest, e)
}

// DuplicateMessageID returns 400 for a Message-ID that was seen before, where the check of it was
// asked for. Its code is UNVERIFIED.
func DuplicateMessageID() Answer { return BadRequest("headers.Message-ID") }

// InvalidSenderUserName returns 400 for a local part of the sender that the domain has not.
func InvalidSenderUserName() Answer {
	return Refusal(http.StatusBadRequest, Error{
		Code: "InvalidSenderUserName", Message: "Invalid or unknown sender user name.", Target: "senderAddress",
	})
}

// Denied returns 401 for a signature, key or token that is wrong, old or revoked.
func Denied() Answer {
	return Refusal(http.StatusUnauthorized, Error{Code: "Denied", Message: "Denied by the resource provider."})
}

// SpuriousUnauthorized returns 401 as the service has been seen to say it to clients whose
// clocks are right.
func SpuriousUnauthorized() Answer {
	return Refusal(http.StatusUnauthorized, Error{
		Code: "Denied", Message: "Denied by the resource provider: the time of the request drifts too far from that of the server.",
	})
}

// Forbidden returns 403 for a role that is missing, or a network that is not let in.
func Forbidden() Answer {
	return Refusal(http.StatusForbidden, Error{Code: "Forbidden", Message: "The identity is not allowed to do this."})
}

// DomainNotLinked returns 404 for a sender whose domain is not linked to the resource.
func DomainNotLinked() Answer {
	return Refusal(http.StatusNotFound, Error{
		Code: "DomainNotLinked", Message: "The specified sender domain has not been linked.",
	})
}

// NotFound returns 404 for an operation or a path that is unknown. Its code is UNVERIFIED.
func NotFound() Answer {
	return Refusal(http.StatusNotFound, Error{Code: "NotFound", Message: "The resource was not found."})
}

// MethodNotAllowed returns 405. Its code is UNVERIFIED.
func MethodNotAllowed() Answer {
	return Refusal(http.StatusMethodNotAllowed, Error{Code: "MethodNotAllowed", Message: "The method is not allowed."})
}

// Conflict returns 409 for an Operation-Id that is known.
func Conflict() Answer {
	return Refusal(http.StatusConflict, Error{Code: "Conflict", Message: "An operation with this id exists.", Target: "Operation-Id"})
}

// TooLarge returns 413. Its code is UNVERIFIED.
func TooLarge() Answer {
	return Refusal(http.StatusRequestEntityTooLarge, Error{Code: "RequestEntityTooLarge", Message: "The request is too large."})
}

// RateLimited returns 429 that does not say for how long.
func RateLimited() Answer {
	return Refusal(http.StatusTooManyRequests, Error{Code: "TooManyRequests", Message: "The quota is used up."})
}

// RateLimitedFor returns 429 with Retry-After in seconds, rounded up.
func RateLimitedFor(wait time.Duration) Answer { return retryAfter(RateLimited(), wait) }

// RateLimitedUntilDate returns 429 with Retry-After as a date.
func RateLimitedUntilDate(date time.Time) Answer {
	a := RateLimited()
	a.Header.Set("Retry-After", date.UTC().Format(http.TimeFormat))
	return a
}

func retryAfter(a Answer, wait time.Duration) Answer {
	a.Header.Set("Retry-After", strconv.FormatInt(int64((wait+time.Second-1)/time.Second), 10))
	return a
}

// InternalError returns 500 with the error of the service itself.
func InternalError() Answer {
	return Refusal(http.StatusInternalServerError, Error{Code: "InternalServerError", Message: "An internal error occurred."})
}

// Unavailable returns 503 likewise.
func Unavailable() Answer {
	return Refusal(http.StatusServiceUnavailable, Error{Code: "ServiceUnavailable", Message: "The service is unavailable."})
}

// HTMLPage returns a page as web servers make it where no application speaks.
func HTMLPage(status int) Answer { return apifake.HTMLPage(status) }

// Gateway returns what a proxy says of the server behind it: a page, and the connection ends.
func Gateway(status int) Answer { return apifake.Gateway(status) }

// Redirect returns an answer that sends the client elsewhere.
func Redirect(status int, location string) Answer { return apifake.Redirect(status, location) }
