package mailgun

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/internal/ledger"
)

// replies is what Mailgun's replies mean. The statuses and their bodies are those of its OpenAPI
// description (read 2026-07-09): POST /v3/{domain_name}/messages and messages.mime answer
// 400, 429 and 500 with {"message": "..."} and 401 with Forbidden.
type replies struct{}

var _ httpapi.Replies = replies{}

// Accepted implements [httpapi.Replies]: 200 and a JSON object with the Message-ID under which
// Mailgun holds the message. A 200 alone is none, for paths that Mailgun does not know have it too.
func (replies) Accepted(r *httpapi.Reply) (string, bool) {
	if r.Status != http.StatusOK && r.Status != http.StatusAccepted {
		return "", false
	}
	var body struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(r.Body, &body) != nil || !httpapi.IsID(body.ID) {
		return "", false
	}
	return body.ID, true
}

// What we add where Mailgun's own words lead nowhere.
const (
	hintPath   = "the path is not one of Mailgun's API: look at Domain (domain) and BaseURL"
	hintRegion = "the domain may live in the other region (region=eu or region=us)"
)

// Problem implements [httpapi.Replies].
func (replies) Problem(r *httpapi.Reply) httpapi.Problem {
	var p httpapi.Problem
	p.Text = text(r)
	p.Own = p.Text != ""
	switch r.Status {
	case http.StatusOK:
		if strings.TrimSpace(string(r.Body)) == "Mailgun Magnificent API" {
			p.Text = hintPath
		}
	case http.StatusBadRequest:
		if p.Own && isAboutAccount(p.Text) {
			p.Verdict = &ledger.AccountRefused
		}
	case http.StatusUnauthorized:
		if isForbidden(r.Body) {
			p.Own, p.Text = true, "Forbidden"
		}
		if p.Own {
			p.Text += "; " + hintRegion // where the key is not known either
		}
	case http.StatusNotFound:
		p.Text = strings.TrimPrefix(p.Text+"; "+hintRegion, "; ")
	case http.StatusTooManyRequests:
		p.Wait = wait(p.Text, r.Header, time.Now())
	}
	return p
}

// text returns the message of an error in Mailgun's form, or "".
func text(r *httpapi.Reply) string {
	var problem struct {
		Message string `json:"message"`
	}
	if !r.JSON(&problem) {
		return ""
	}
	return strings.TrimSpace(problem.Message)
}

// isForbidden: the description calls it a JSON string, and the service says it in plain text.
func isForbidden(body []byte) bool {
	s := strings.TrimSpace(string(body))
	return s == "Forbidden" || s == `"Forbidden"`
}

// isAboutAccount reports whether a refusal with 400 is about the account and not the message.
//
// Quirk: Mailgun answers 400 also where the account or the domain may not send, and where a key for
// signing is not set up, and only the text tells that from a bad message. It makes no refusal
// anything but a refusal. The texts are those seen in public trackers of projects that use
// Mailgun (read 2026-11), some of them with 403 as well; that there are no others is UNVERIFIED.
func isAboutAccount(text string) bool {
	return strings.HasPrefix(text, "Domain ") && strings.Contains(text, " is not allowed to send: ") ||
		strings.HasPrefix(text, "Sandbox subdomains are for test purposes only") ||
		strings.HasPrefix(text, "Please activate your Mailgun account") ||
		strings.HasSuffix(strings.TrimSuffix(text, "."), "is not a valid secondary dkim domain name")
}

// wait returns how long a 429 asks to wait in its text: "try again after" and either a date or
// a number of seconds. Zero means that it does not say.
func wait(text string, h http.Header, now time.Time) time.Duration {
	_, when, found := strings.Cut(text, "try again after ")
	if !found {
		return 0
	}
	when = strings.TrimSuffix(strings.TrimSpace(when), ".")
	if count, ok := strings.CutSuffix(when, " seconds"); ok {
		seconds, err := strconv.ParseFloat(count, 64)
		if err != nil || !(seconds > 0) {
			return 0
		}
		return time.Duration(min(seconds, httpapi.MaxRetryAfter.Seconds()) * float64(time.Second))
	}
	for _, layout := range [...]string{"Mon, 2 Jan 2006 15:04:05 MST", "Mon, 2 Jan 2006 15:04:05 -0700"} {
		if at, err := time.Parse(layout, when); err == nil {
			return httpapi.Until(at, h, now)
		}
	}
	return 0
}
