package mailguntest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/providers/mailgun/mailguntest"
)

// TestReplies: each is what its function says, as a client sees it.
func TestReplies(t *testing.T) {
	const d = "mg.example.com"
	when := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	limited := mailguntest.RateLimited(d, "request")
	for name, c := range map[string]struct {
		answer mailguntest.Answer
		status int
		kind   string // of content
		body   string
	}{
		"accepted":            {mailguntest.Accepted("<a@b>"), 200, "application/json", `{"id":"<a@b>","message":"Queued. Thank you."}` + "\n"},
		"magnificent":         {mailguntest.MagnificentAPI(), 200, "text/plain", "Mailgun Magnificent API"},
		"without id":          {mailguntest.AcceptedWithoutID(), 200, "application/json", `{"message":"Queued. Thank you."}` + "\n"},
		"empty id":            {mailguntest.AcceptedWithEmptyID(), 200, "application/json", `{"id":"","message":"Queued. Thank you."}` + "\n"},
		"truncated":           {mailguntest.AcceptedTruncated(), 200, "application/json", `{"id":"<20111114174239.25659`},
		"portal":              {mailguntest.HTMLSuccess(), 200, "text/html", ""},
		"invalid":             {mailguntest.Invalid("x"), 400, "application/json", `{"message":"x"}` + "\n"},
		"missing":             {mailguntest.ParameterMissing("to"), 400, "application/json", `{"message":"to parameter is missing"}` + "\n"},
		"address":             {mailguntest.AddressRefused("to"), 400, "application/json", `{"message":"to parameter is not a valid address. please check documentation"}` + "\n"},
		"too many recipients": {mailguntest.TooManyRecipients(), 400, "application/json", `{"message":"Too many recipients, max is 1000"}` + "\n"},
		"inactive account":    {mailguntest.NotAllowedToSend(d, mailguntest.ReasonInactive), 400, "application/json", `{"message":"Domain mg.example.com is not allowed to send: Please activate your Mailgun account."}` + "\n"},
		"forbidden":           {mailguntest.Unauthorized(), 401, "text/plain", "Forbidden"},
		"invalid key":         {mailguntest.InvalidKey(), 401, "application/json", `{"message":"Invalid private key"}` + "\n"},
		"payment":             {mailguntest.PaymentRequired(), 402, "application/json", ""},
		"large batch":         {mailguntest.LargeBatchRefused(d), 403, "application/json", `{"message":"Domain mg.example.com is not allowed to send large batches yet"}` + "\n"},
		"IP":                  {mailguntest.IPRefused("192.0.2.1"), 403, "application/json", `{"message":"IP 192.0.2.1 can't be used"}` + "\n"},
		"not found":           {mailguntest.DomainNotFound(d), 404, "application/json", `{"message":"Domain not found: mg.example.com"}` + "\n"},
		"too large":           {mailguntest.TooLarge(), 413, "application/json", ""},
		"limited":             {limited, 429, "application/json", `{"message":"Domain mg.example.com is not allowed to send: request limit exceeded"}` + "\n"},
		"limited for":         {mailguntest.RateLimitedFor(d, "bytes", 119_500*time.Millisecond), 429, "application/json", `{"message":"Domain mg.example.com is not allowed to send: bytes limit exceeded, try again after 120 seconds"}` + "\n"},
		"limited until":       {mailguntest.RateLimitedUntil(d, "recipient", when), 429, "application/json", `{"message":"Domain mg.example.com is not allowed to send: recipient limit exceeded, try again after Fri, 02 Jan 2026 15:04:05 UTC"}` + "\n"},
		"unavailable":         {mailguntest.Unavailable(), 503, "application/json", `{"message":"Service Unavailable"}` + "\n"},
		"internal error":      {mailguntest.InternalError(), 500, "application/json", `{"message":"Internal Server Error"}` + "\n"},
		"gateway":             {mailguntest.Gateway(502), 502, "text/html", ""},
		"redirect":            {mailguntest.Redirect(307, "https://example.com/"), 307, "text/html", ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := c.answer
			if kind := a.Header.Get("Content-Type"); a.Status != c.status || !strings.HasPrefix(kind, c.kind) {
				t.Errorf("got %d with %s, want %d with %s", a.Status, kind, c.status, c.kind)
			}
			if string(a.Body) != c.body && c.body != "" || len(a.Body) == 0 {
				t.Errorf("got %q, want %q", a.Body, c.body)
			}
		})
	}
	for want, a := range map[string]mailguntest.Answer{
		"90": mailguntest.WithRetryAfter(limited, 90*time.Second), "Fri, 02 Jan 2026 15:04:05 GMT": mailguntest.WithRetryAfterDate(limited, when),
		"1": mailguntest.WithRetryAfter(mailguntest.Answer{Status: 503}, time.Millisecond), "": limited,
	} {
		if got := a.Header.Get("Retry-After"); got != want {
			t.Errorf("got Retry-After %q, want %q", got, want)
		}
	}
	if got := mailguntest.Redirect(307, "https://example.com/").Header.Get("Location"); got != "https://example.com/" {
		t.Errorf("got Location %q", got)
	}
}
