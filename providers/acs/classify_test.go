package acs

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/mailer"
)

// answer makes a reply of header fields in pairs, and a body.
func answer(status int, body string, fields ...string) *httpapi.Reply {
	r := &httpapi.Reply{Status: status, Header: http.Header{}, Body: []byte(body), Whole: true}
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	return r
}

// inJSON makes a reply as the service does.
func inJSON(status int, body string, fields ...string) *httpapi.Reply {
	return answer(status, body, append(fields, "Content-Type", "application/json; charset=utf-8")...)
}

func TestAccepted(t *testing.T) {
	const id = "8540c0de-899f-5cce-acb5-3ec493af3800"
	const running = `{"id":"` + id + `","status":"Running"}`
	cut := inJSON(202, running)
	cut.Whole = false
	for _, c := range []struct {
		name  string
		reply *httpapi.Reply
		ok    bool
		after time.Duration
	}{
		{"as documented", inJSON(202, running, "Retry-After", "20"), true, 20 * time.Second},
		{"without Retry-After", inJSON(202, running), true, 0},
		{"with a location elsewhere", inJSON(202, running, "Operation-Location", "https://evil.example/"), true, 0},
		{"a status that is new", inJSON(202, `{"id":"`+id+`","status":"Pondering"}`), true, 0},
		{"without a status", inJSON(202, `{"id":"`+id+`"}`), true, 0},
		{"with more in it", inJSON(202, `{"id":"`+id+`","status":"Running","error":null,"new":[1]}`), true, 0},
		{"without an id", inJSON(202, `{"status":"Running"}`), false, 0},
		{"an empty id", inJSON(202, `{"id":"","status":"Running"}`), false, 0},
		{"an id that is none", inJSON(202, `{"id":"a b","status":"Running"}`), false, 0},
		{"an id that is no text", inJSON(202, `{"id":1,"status":"Running"}`), false, 0},
		{"an id that cannot be asked for", inJSON(202, `{"id":"../send"}`), false, 0},
		{"a long id", inJSON(202, `{"id":"`+strings.Repeat("x", 129)+`"}`), false, 0},
		{"no body", inJSON(202, ""), false, 0},
		{"not JSON", inJSON(202, "oops"), false, 0},
		{"a list", inJSON(202, "["+running+"]"), false, 0},
		{"two", inJSON(202, running+running), false, 0},
		{"a page", answer(202, running, "Content-Type", "text/html"), false, 0},
		{"no type", answer(202, running), false, 0},
		{"200", inJSON(200, running), false, 0},
		{"201", inJSON(201, running), false, 0},
		{"204", inJSON(204, ""), false, 0},
		{"cut", cut, false, 0},
	} {
		seen := &replies{}
		if got, ok := seen.Accepted(c.reply); ok != c.ok || ok && got != id || seen.operation.RetryAfter != c.after {
			t.Errorf("%s: got %q, %t, after %v; want %t, after %v", c.name, got, ok, seen.operation.RetryAfter, c.ok, c.after)
		}
	}
}

// failed is the documented body of an error.
func failed(code, message string) string {
	return fmt.Sprintf(`{"error":{"code":%q,"message":%q}}`, code, message)
}

func TestProblem(t *testing.T) {
	const linked = "The specified sender domain has not been linked."
	cut := inJSON(400, failed("BadRequest", "x"))
	cut.Whole = false
	for _, c := range []struct {
		name    string
		reply   *httpapi.Reply
		own     bool
		text    string
		verdict *ledger.Verdict
	}{
		{"as documented", inJSON(400, failed("BadRequest", "no subject"), "X-Ms-Error-Code", "BadRequest"), true, "BadRequest: no subject", nil},
		{"with details", inJSON(400, `{"error":{"code":"BadRequest","message":"two things","target":"x","details":[{"code":"a","message":"b"}],"additionalInfo":[{"type":"t","info":{}}]}}`), true, "BadRequest: two things", nil},
		{"without a message", inJSON(400, `{"error":{"code":"BadRequest"}}`), true, "BadRequest", nil},
		{"the body before the field", inJSON(400, failed("BadRequest", ""), "X-Ms-Error-Code", "Other"), true, "BadRequest", nil},
		{"the field alone", answer(400, "", "X-Ms-Error-Code", "BadRequest"), false, "BadRequest", nil},
		{"a page with the field", answer(503, "<html>", "X-Ms-Error-Code", "ServiceUnavailable", "Content-Type", "text/html"), false, "ServiceUnavailable", nil},
		{"without a code", inJSON(400, failed("", "x")), false, "", nil},
		{"an empty error", inJSON(503, `{"error":{}}`), false, "", nil},
		{"no error", inJSON(503, `{"error":null}`), false, "", nil},
		{"an error in words", inJSON(503, `{"error":"busy"}`), false, "", nil},
		{"another form", inJSON(503, `{"code":"ServiceUnavailable","message":"x"}`), false, "", nil},
		{"not JSON", inJSON(503, "busy"), false, "", nil},
		{"JSON by another name", answer(503, failed("ServiceUnavailable", "x"), "Content-Type", "text/html"), false, "", nil},
		{"no type", answer(503, failed("ServiceUnavailable", "x")), false, "", nil},
		{"cut", cut, false, "", nil},
		{"500", inJSON(500, failed("InternalServerError", "x")), false, "InternalServerError: x", nil},
		{"503", inJSON(503, failed("ServiceUnavailable", "x")), true, "ServiceUnavailable: x", nil},
		{"domain", inJSON(404, failed("DomainNotLinked", linked)), true, "DomainNotLinked: " + linked, &ledger.SenderRefused},
		{"domain, in other letters", inJSON(404, failed("domainnotlinked", "")), true, "domainnotlinked", &ledger.SenderRefused},
		{"domain, in the field", answer(404, "", "X-Ms-Error-Code", "DomainNotLinked"), false, "DomainNotLinked", &ledger.SenderRefused},
		{"domain in a 400", inJSON(400, failed("DomainNotLinked", "")), true, "DomainNotLinked", nil},
		{"domain in the message", inJSON(404, failed("NotFound", "DomainNotLinked")), true, "NotFound: DomainNotLinked", nil},
		{"user name", inJSON(400, failed("InvalidSenderUserName", "")), true, "InvalidSenderUserName", &ledger.SenderRefused},
		{"user name in a 404", inJSON(404, failed("InvalidSenderUserName", "")), true, "InvalidSenderUserName", nil},
		{"409", inJSON(409, failed("Conflict", "")), true, "Conflict", &ledger.Unknown},
		{"409 as a page", answer(409, "<html>", "Content-Type", "text/html"), false, "", &ledger.Unknown},
		{"429", inJSON(429, failed("TooManyRequests", "")), true, "TooManyRequests", nil},
		{"404", inJSON(404, failed("NotFound", "")), true, "NotFound", nil},
	} {
		got := (&replies{}).Problem(c.reply)
		if got.Own != c.own || got.Text != c.text || got.Verdict != c.verdict || got.Wait != 0 {
			t.Errorf("%s: got %+v, want own %t, text %q, verdict %v", c.name, got, c.own, c.text, c.verdict)
		}
	}
}

// TestExplain: errors.As finds azcore's error with the service's code, and the sentinels are
// found as before.
func TestExplain(t *testing.T) {
	cause := fmt.Errorf("%w: no", mailer.ErrUnauthorized)
	for _, c := range []struct {
		name  string
		reply *httpapi.Reply
		code  string // "" where there is nothing to find
	}{
		{"body", inJSON(403, failed("Forbidden", "x")), "Forbidden"},
		{"field", answer(403, "", "X-Ms-Error-Code", "Forbidden"), "Forbidden"},
		{"nothing", answer(403, "<html>", "Content-Type", "text/html"), ""},
	} {
		seen := &replies{}
		_ = seen.Problem(c.reply)
		err := seen.explain(&mailer.SendError{Code: 403, Err: cause})
		var found *azcore.ResponseError
		if errors.As(err, &found) != (c.code != "") || found != nil && (found.StatusCode != c.reply.Status || found.ErrorCode != c.code) {
			t.Errorf("%s: got %+v, want %q", c.name, found, c.code)
		}
		if !errors.Is(err, mailer.ErrUnauthorized) || err.Error() != cause.Error() {
			t.Errorf("%s: got %v, want %v", c.name, err, cause)
		}
	}
	if err := (&replies{problem: problem{code: "Denied"}}).explain(&mailer.SendError{Err: cause}); err != cause {
		t.Errorf("what no reply says: got %#v", err)
	}
}

// TestExplainIsSilent: whatever stands in the place of a code, printing azcore's error shows no
// address and no key, and no more than its own lines.
func TestExplainIsSilent(t *testing.T) {
	key := strings.Repeat("MDEyMzQ1Njc4", 7)
	for _, code := range []string{"ann@example.org", "Bad\nRequest", key, "Denied " + key, strings.Repeat("x", 100_000), "\xff\x00"} {
		for _, r := range []*httpapi.Reply{inJSON(400, failed(code, "x")), answer(400, "", "X-Ms-Error-Code", code)} {
			seen := &replies{}
			p := seen.Problem(r)
			err := seen.explain(&mailer.SendError{Code: 400, Err: errors.New("no")})
			var found *azcore.ResponseError
			if !errors.As(err, &found) {
				continue
			}
			text, plain := found.Error(), (&azcore.ResponseError{StatusCode: 400, ErrorCode: "x"}).Error()
			if strings.Contains(text, "ann@") || strings.Contains(text, key) || len(text) > 1000 || strings.Count(text, "\n") != strings.Count(plain, "\n") {
				t.Errorf("%.60q shows %.300q", p.Text, text)
			}
		}
	}
}

// TestJudged: only an operation that failed, or was canceled, was not accepted.
func TestJudged(t *testing.T) {
	for _, c := range []struct {
		status, code string
		outcome      mailer.Outcome
		scope        mailer.Scope
		elsewhere    bool
		done         bool
	}{
		{"NotStarted", "", mailer.Accepted, mailer.ScopeUnknown, false, false},
		{"Running", "", mailer.Accepted, mailer.ScopeUnknown, false, false},
		{"Succeeded", "", mailer.Accepted, mailer.ScopeUnknown, false, true},
		{"succeeded", "", mailer.Accepted, mailer.ScopeUnknown, false, true},
		{"Pondering", "", mailer.Accepted, mailer.ScopeUnknown, false, false},
		{"Running", "EmailDropped", mailer.Accepted, mailer.ScopeUnknown, false, false},
		{"Failed", "EmailDropped", mailer.NotAccepted, mailer.ScopeMessage, true, true},
		{"Failed", "", mailer.NotAccepted, mailer.ScopeMessage, true, true},
		{"FAILED", "EmailDroppedAllRecipientsSuppressed", mailer.NotAccepted, mailer.ScopeRecipient, false, true},
		{"Failed", "emaildroppedallrecipientssuppressed", mailer.NotAccepted, mailer.ScopeRecipient, false, true},
		{"Canceled", "OperationCanceled", mailer.NotAccepted, mailer.ScopeMessage, true, true},
	} {
		r := operation{ID: "x", Status: c.status}
		r.Error.Code = c.code
		o := r.judged(time.Second)
		if o.Outcome != c.outcome || o.Scope != c.scope || o.Elsewhere != c.elsewhere || o.Done() != c.done || o.RetryAfter != time.Second {
			t.Errorf("%s %s: got %+v, done %t", c.status, c.code, o, o.Done())
		}
	}
}

// FuzzProblem: no reply makes the reader of errors fail, and none that is a page is the
// service's own.
func FuzzProblem(f *testing.F) {
	for _, seed := range []string{failed("a", "b"), `{"error":{"code":1}}`, `{"error":[]}`, "[", "\xff", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		for _, status := range []int{202, 400, 404, 409, 500, 503} {
			p := (&replies{}).Problem(inJSON(status, body))
			if p.Own && (p.Text == "" || status == 500) || !p.Own && p.Verdict != nil && status != 409 && p.Text == "" {
				t.Errorf("%q: %+v", body, p)
			}
			if p := (&replies{}).Problem(answer(status, body, "Content-Type", "text/html")); p.Own {
				t.Errorf("%q is a page", body)
			}
			if id, ok := (&replies{}).Accepted(inJSON(status, body)); ok && (status != 202 || !isOperationID(id)) {
				t.Errorf("%q: accepted as %q", body, id)
			}
		}
	})
}

// The service's own words for a wrong key, "Denied by the resource provider", do not say where to look.
func TestDeniedSaysWhereToLook(t *testing.T) {
	for _, status := range []int{http.StatusUnauthorized, http.StatusForbidden} {
		for _, r := range []*httpapi.Reply{inJSON(status, `{"error":{"code":"Denied","message":"No."}}`), answer(status, "")} {
			if text := new(replies).Problem(r).Text; !strings.HasSuffix(text, hintAccess) || strings.HasPrefix(text, ";") {
				t.Errorf("%d %s: %s", status, r.Body, text)
			}
		}
	}
}
