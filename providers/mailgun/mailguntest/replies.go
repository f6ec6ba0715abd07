package mailguntest

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/mailkeel/mailkeel/internal/apifake"
)

// Reply returns the fault that a request is answered with a, and not accepted.
func Reply(a Answer) Fault { return Fault{Kind: Replace, Answer: a} }

// AcceptBut returns the fault that a request is accepted, and answered with a all the same.
func AcceptBut(a Answer) Fault { return Fault{Kind: Replace, Answer: a, Accept: true} }

// Accepted returns the reply to a message that was taken. id has its angle brackets.
func Accepted(id string) Answer {
	return jsonAnswer(http.StatusOK, map[string]string{"id": id, "message": "Queued. Thank you."})
}

// MagnificentAPI returns what Mailgun says at every path that it does not know: a 200 that
// accepts nothing.
func MagnificentAPI() Answer { return text(http.StatusOK, "Mailgun Magnificent API") }

// AcceptedWithoutID returns a 200 whose JSON has no id.
func AcceptedWithoutID() Answer { return message(http.StatusOK, "Queued. Thank you.") }

// AcceptedWithEmptyID returns a 200 whose JSON has an empty id.
func AcceptedWithEmptyID() Answer { return Accepted("") }

// AcceptedTruncated returns a 200 whose JSON ends in the middle, although its length is right.
func AcceptedTruncated() Answer {
	return apifake.JSON(http.StatusOK, `{"id":"<20111114174239.25659`)
}

// HTMLSuccess returns a 200 with a page, as a captive portal says it.
func HTMLSuccess() Answer { return HTMLPage(http.StatusOK) }

// Invalid returns a 400 about the message, with that text.
func Invalid(text string) Answer { return message(http.StatusBadRequest, text) }

// ParameterMissing returns the 400 for a parameter such as "from" that is missing.
func ParameterMissing(name string) Answer { return Invalid(name + " parameter is missing") }

// AddressRefused returns the 400 for an address in that parameter which is not valid.
func AddressRefused(name string) Answer { return Invalid(notAnAddress(name).Error()) }

// TooManyRecipients returns the 400 for more than a thousand recipients.
func TooManyRecipients() Answer {
	return Invalid(fmt.Sprintf("Too many recipients, max is %d", maxRecipients))
}

// A Reason is why a domain is not allowed to send.
type Reason string

// The reasons. Not all have a text that is documented: that of a disabled domain is a guess.
const (
	ReasonSandbox    Reason = "Sandbox subdomains are for test purposes only. Please add your own domain or add the address to authorized recipients in Account Settings."
	ReasonFree       Reason = "Free accounts are for test purposes only. Please upgrade or add the address to authorized recipients in Account Settings."
	ReasonUnverified Reason = "The domain is unverified and requires DNS configuration."
	ReasonDisabled   Reason = "The domain is disabled."
	ReasonInactive   Reason = "Please activate your Mailgun account."
)

// NotAllowedToSend returns the 400 for a domain that may not send: the status of a bad message,
// and nothing wrong with the message.
func NotAllowedToSend(domain string, why Reason) Answer {
	return Invalid("Domain " + domain + " is not allowed to send: " + string(why))
}

// Unauthorized returns the 401 of the endpoints that send, which is the plain text "Forbidden".
func Unauthorized() Answer { return text(http.StatusUnauthorized, "Forbidden") }

// InvalidKey returns the 401 of the endpoints about domains, in JSON.
func InvalidKey() Answer { return message(http.StatusUnauthorized, "Invalid private key") }

// PaymentRequired returns the 402: nothing is wrong with the request, and it failed.
func PaymentRequired() Answer { return message(http.StatusPaymentRequired, "Request failed") }

// LargeBatchRefused returns the 403 for an account that may not send large batches yet.
func LargeBatchRefused(domain string) Answer {
	return message(http.StatusForbidden, "Domain "+domain+" is not allowed to send large batches yet")
}

// IPRefused returns the 403 for an o:sending-ip that the account may not use.
func IPRefused(ip string) Answer {
	return message(http.StatusForbidden, "IP "+ip+" can't be used")
}

// DomainNotFound returns the 404 for a domain that is not in the account, or in another region.
func DomainNotFound(domain string) Answer {
	return message(http.StatusNotFound, "Domain not found: "+domain)
}

// TooLarge returns the 413.
func TooLarge() Answer {
	return message(http.StatusRequestEntityTooLarge, "Request entity too large")
}

// RateLimited returns a 429 that does not say for how long. what is what there was too much
// of, such as "request", "recipient", "bytes" or "account-requests-per-sec".
func RateLimited(domain, what string) Answer {
	return message(http.StatusTooManyRequests, limitText(domain, what))
}

// RateLimitedFor returns a 429 whose text says for how many seconds, rounded up.
func RateLimitedFor(domain, what string, wait time.Duration) Answer {
	return message(http.StatusTooManyRequests, limitText(domain, what)+", try again after "+seconds(wait)+" seconds")
}

// RateLimitedUntil returns a 429 whose text says until when.
func RateLimitedUntil(domain, what string, when time.Time) Answer {
	return message(http.StatusTooManyRequests, limitText(domain, what)+", try again after "+when.UTC().Format(time.RFC1123))
}

func limitText(domain, what string) string {
	return "Domain " + domain + " is not allowed to send: " + what + " limit exceeded"
}

// WithRetryAfter returns a with Retry-After in seconds, rounded up. Mailgun does not
// document the header.
func WithRetryAfter(a Answer, wait time.Duration) Answer {
	return withHeader(a, "Retry-After", seconds(wait))
}

// WithRetryAfterDate returns a with Retry-After as a date.
func WithRetryAfterDate(a Answer, when time.Time) Answer {
	return withHeader(a, "Retry-After", when.UTC().Format(http.TimeFormat))
}

func withHeader(a Answer, name, value string) Answer {
	a.Header = a.Header.Clone()
	if a.Header == nil {
		a.Header = http.Header{}
	}
	a.Header.Set(name, value)
	return a
}

func seconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}

// InternalError returns the 500 of Mailgun's own, in JSON.
func InternalError() Answer {
	return message(http.StatusInternalServerError, "Internal Server Error")
}

// Unavailable returns a 503 in the same form, which is not in the description of the API.
func Unavailable() Answer {
	return message(http.StatusServiceUnavailable, "Service Unavailable")
}

// HTMLPage returns a page as web servers make it where no application speaks.
func HTMLPage(status int) Answer { return apifake.HTMLPage(status) }

// Gateway returns what a proxy says of the server behind it: a page, and the connection ends.
func Gateway(status int) Answer { return apifake.Gateway(status) }

// Redirect returns an answer that sends the client elsewhere.
func Redirect(status int, location string) Answer { return apifake.Redirect(status, location) }
