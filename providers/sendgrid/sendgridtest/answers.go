package sendgridtest

import (
	"bytes"
	"crypto/rand"
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

// An Error is an entry of the list of errors in a reply.
type Error struct {
	// Message is for people.
	Message string `json:"message"`
	// Field is the path of a field, nil for null. The service is known to say "null" too.
	Field any `json:"field"`
	// Help is nil, a text or an object.
	Help any `json:"help"`
}

// Errors returns a reply with a list of errors.
func Errors(status int, list ...Error) Answer {
	return encode(status, map[string][]Error{"errors": list})
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

// Accepted returns 202 with an X-Message-Id and an empty body.
func Accepted() Answer { return accepted(newMessageID()) }

func accepted(id string) Answer {
	a := AcceptedWithoutID()
	a.Header.Set("X-Message-Id", id)
	return a
}

// AcceptedWithoutID returns 202 without X-Message-Id.
func AcceptedWithoutID() Answer { return Answer{Status: http.StatusAccepted, Header: http.Header{}} }

// newMessageID returns an id in the form of the service.
func newMessageID() string { return rand.Text()[:22] }

// HTMLSuccess returns 200 with a page, as a captive portal says it.
func HTMLSuccess() Answer { return apifake.HTMLPage(http.StatusOK) }

// BadRequest returns 400 with an error about each of the fields, at least one; "" stands for null.
func BadRequest(fields ...string) Answer {
	list := make([]Error, 0, len(fields))
	for _, field := range fields {
		entry := Error{Message: "Bad Request"}
		if field != "" {
			entry = Error{Message: field + " is not valid", Field: field}
		}
		list = append(list, entry)
	}
	return Errors(http.StatusBadRequest, list...)
}

// Unauthorized returns 401 for a key that is wrong or revoked.
func Unauthorized() Answer {
	return Errors(http.StatusUnauthorized, Error{Message: "The provided authorization grant is invalid, expired, or revoked"})
}

// CreditsExceeded returns 401 for an account that has used up what its plan allows.
func CreditsExceeded() Answer {
	return Errors(http.StatusUnauthorized, Error{Message: "Maximum credits exceeded"})
}

// SenderNotVerified returns 403 for a From that the account does not own. Help is a link.
func SenderNotVerified() Answer {
	return Errors(http.StatusForbidden, Error{
		Message: "The from address does not match a verified Sender Identity.",
		Field:   "from", Help: "https://sendgrid.com/docs/for-developers/sending-email/sender-identity/",
	})
}

// Forbidden returns 403 for a scope that is missing, or an address that is not allowed in.
func Forbidden() Answer { return Errors(http.StatusForbidden, Error{Message: "access forbidden"}) }

// NotFound returns 404.
func NotFound() Answer { return Errors(http.StatusNotFound, Error{Message: "not found"}) }

// MethodNotAllowed returns 405. Its field is the text "null".
func MethodNotAllowed() Answer {
	return Errors(http.StatusMethodNotAllowed, Error{Message: "method not allowed", Field: "null"})
}

// NotAcceptable returns 406 with an empty body.
func NotAcceptable() Answer { return Answer{Status: http.StatusNotAcceptable} }

// TooLarge returns 413 as the web server in front of the service says it: a page.
func TooLarge() Answer { return apifake.HTMLPage(http.StatusRequestEntityTooLarge) }

// RateLimited returns 429 that does not say for how long.
func RateLimited() Answer {
	return Errors(http.StatusTooManyRequests, Error{Message: "too many requests"})
}

// RateLimitedUntil returns 429 with X-RateLimit-Limit, -Remaining and -Reset, the last in
// seconds since 1970. Reset may lie in the past.
func RateLimitedUntil(reset time.Time) Answer {
	a := RateLimited()
	a.Header["X-RateLimit-Limit"] = []string{"500"}
	a.Header["X-RateLimit-Remaining"] = []string{"0"}
	a.Header["X-RateLimit-Reset"] = []string{strconv.FormatInt(reset.Unix(), 10)}
	return a
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

// InternalError returns 500 with the list of errors of the application itself.
func InternalError() Answer {
	return apifake.JSON(http.StatusInternalServerError, `{"errors":[{"message":"internal server error"}]}`)
}

// Unavailable returns 503 likewise.
func Unavailable() Answer {
	return Errors(http.StatusServiceUnavailable, Error{Message: "service unavailable"})
}

// HTMLPage returns a page as web servers make it where no application speaks.
func HTMLPage(status int) Answer { return apifake.HTMLPage(status) }

// Gateway returns what a proxy says of the server behind it: a page, and the connection ends.
func Gateway(status int) Answer { return apifake.Gateway(status) }

// Redirect returns an answer that sends the client elsewhere.
func Redirect(status int, location string) Answer { return apifake.Redirect(status, location) }
