package mailgun

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/internal/ledger"
)

func reply(status int, body string) *httpapi.Reply {
	h := http.Header{}
	if strings.HasPrefix(body, "{") {
		h.Set("Content-Type", "application/json; charset=utf-8")
	}
	return &httpapi.Reply{Status: status, Header: h, Body: []byte(body), Whole: true}
}

func TestAccepted(t *testing.T) {
	for _, tt := range []struct {
		status int
		body   string
		id     string
	}{
		{200, `{"id":"<1@example.com>","message":"Queued. Thank you."}`, "<1@example.com>"},
		{200, ` {"message":"Queued. Thank you.","id":"without-brackets@example.com"} `, "without-brackets@example.com"},
		{202, `{"id":"<1@example.com>"}`, "<1@example.com>"},
		{201, `{"id":"<1@example.com>"}`, ""},
		{204, ``, ""},
		{400, `{"id":"<1@example.com>"}`, ""},
		{200, `Mailgun Magnificent API`, ""},
		{200, `<html></html>`, ""},
		{200, ``, ""},
		{200, `null`, ""},
		{200, `"<1@example.com>"`, ""},
		{200, `[{"id":"<1@example.com>"}]`, ""},
		{200, `{"id":""}`, ""},
		{200, `{"id":null}`, ""},
		{200, `{"id":17}`, ""},
		{200, `{"id":" "}`, ""},
		{200, `{"id":"a b"}`, ""},
		{200, `{"id":"` + strings.Repeat("x", 600) + `"}`, ""},
		{200, `{"message":"Queued. Thank you."}`, ""},
		{200, `{"id":"<1@example.com>"`, ""},
		{200, `{"id":"<1@example.com>"}{}`, ""},
	} {
		if id, ok := (replies{}).Accepted(reply(tt.status, tt.body)); id != tt.id || ok != (tt.id != "") {
			t.Errorf("%d %.60s: got %q, %t; want %q", tt.status, tt.body, id, ok, tt.id)
		}
	}
}

func TestProblem(t *testing.T) {
	for _, tt := range []struct {
		status  int
		body    string
		own     bool
		text    string
		account bool
	}{
		{400, `{"message":"from parameter is missing"}`, true, "from parameter is missing", false},
		{400, `{"message":"Domain x is not allowed to send: The domain is unverified"}`, true, "Domain x is not allowed to send: The domain is unverified", true},
		{400, `{"message":""}`, false, "", false},
		{400, `{"message":17}`, false, "", false},
		{400, `{"error":"oops"}`, false, "", false},
		{400, `Domain x is not allowed to send: y`, false, "", false},
		{400, `<html>bad</html>`, false, "", false},
		{401, `Forbidden`, true, "Forbidden; " + hintRegion, false},
		{401, "Forbidden\n", true, "Forbidden; " + hintRegion, false},
		{401, `"Forbidden"`, true, "Forbidden; " + hintRegion, false},
		{401, `{"message":"Invalid private key"}`, true, "Invalid private key; " + hintRegion, false},
		{401, `<html>Forbidden</html>`, false, "", false},
		{404, `{"message":"Domain not found: x.example.com"}`, true, "Domain not found: x.example.com; " + hintRegion, false},
		{404, `<html>`, false, hintRegion, false},
		{200, `Mailgun Magnificent API`, false, hintPath, false},
		{500, `{"message":"Internal Server Error"}`, true, "Internal Server Error", false},
		{500, `Internal Server Error`, false, "", false},
		{500, ``, false, "", false},
		{500, `null`, false, "", false},
	} {
		p := replies{}.Problem(reply(tt.status, tt.body))
		if p.Own != tt.own || p.Text != tt.text || (p.Verdict != nil) != tt.account || p.Verdict != nil && *p.Verdict != ledger.AccountRefused {
			t.Errorf("%d %s: got %+v, want %+v", tt.status, tt.body, p, tt)
		}
	}
}

// TestOwnIsWholeJSON: what is cut, or does not say that it is JSON, may be a gateway's.
func TestOwnIsWholeJSON(t *testing.T) {
	cut := reply(500, `{"message":"Internal Server Error"}`)
	cut.Whole = false
	page := reply(500, `{"message":"Internal Server Error"}`)
	page.Header.Set("Content-Type", "text/html")
	for name, r := range map[string]*httpapi.Reply{"cut": cut, "page": page} {
		if p := (replies{}).Problem(r); p.Own || p.Text != "" {
			t.Errorf("%s: got %+v, want nothing of Mailgun's own", name, p)
		}
	}
}

// TestIsAboutAccount holds the one place where text decides to what is known.
func TestIsAboutAccount(t *testing.T) {
	for text, want := range map[string]bool{
		"Domain sandbox1.mailgun.org is not allowed to send: Sandbox subdomains are for test purposes only.": true,
		"Domain mg.example.com is not allowed to send: Free accounts are for test purposes only.":            true,
		"Domain mg.example.com is not allowed to send: Please activate your Mailgun account.":                true,
		"Sandbox subdomains are for test purposes only. Please add your own domain.":                         true,
		"Domain mg.example.com is not allowed to send: You are sending too fast.":                            true,
		"Please activate your Mailgun account. Check your inbox or log in.":                                  true,
		"'x' is not a valid secondary dkim domain name":                                                      true,
		"'from' parameter is not a valid address. please check documentation":                                false,
		"to parameter is not a valid address":                                                                false,
		"Header Domain x is not allowed to send: y":                                                          false,
		"Send options (parameters starting with o:, h:, v:, or t:) are limited to 16KB total":                false,
		"Too many recipients, max is 1000":                                                                   false,
		"":                                                                                                   false,
	} {
		if got := isAboutAccount(text); got != want {
			t.Errorf("%q: got %t", text, got)
		}
	}
}

func TestWait(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	const limit = "Domain x is not allowed to send: request limit exceeded"
	for text, want := range map[string]time.Duration{
		limit:                                                       0,
		limit + ", try again after 120 seconds":                     120 * time.Second,
		limit + ", try again after 0.5 seconds":                     500 * time.Millisecond,
		limit + ", try again after 120 seconds.":                    120 * time.Second,
		limit + ", try again after -5 seconds":                      0,
		limit + ", try again after NaN seconds":                     0,
		limit + ", try again after 1e300 seconds":                   time.Hour,
		limit + ", try again after Wed, 04 Mar 2026 05:07:07 GMT":   time.Minute,
		limit + ", try again after Wed, 4 Mar 2026 05:07:07 UTC":    time.Minute,
		limit + ", try again after Wed, 04 Mar 2026 06:07:07 +0100": time.Minute,
		limit + ", try again after Wed, 04 Mar 2026 04:07:07 GMT":   0,
		limit + ", try again after Wed, 04 Mar 2027 04:07:07 GMT":   time.Hour,
		limit + ", try again after a while":                         0,
	} {
		if got := wait(text, http.Header{}, now); got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}
