package sendgrid

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/internal/ledger"
)

// answer makes a reply of header fields in pairs, and a body.
func answer(status int, body string, fields ...string) *httpapi.Reply {
	r := &httpapi.Reply{Status: status, Header: http.Header{}, Body: []byte(body), Whole: true}
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	return r
}

func problem(status int, body string) *httpapi.Reply {
	return answer(status, body, "Content-Type", "application/json; charset=utf-8")
}

func TestAccepted(t *testing.T) {
	sandbox, withoutID := replies{sandbox: true}, replies{withoutID: true}
	for _, c := range []struct {
		name    string
		replies replies
		reply   *httpapi.Reply
		id      string
		ok      bool
	}{
		{"as documented", replies{}, answer(202, "", "X-Message-Id", "abc"), "abc", true},
		{"without an id", replies{}, answer(202, ""), "", false},
		{"without an id, allowed", withoutID, answer(202, ""), "", true},
		{"an id that is none", replies{}, answer(202, "", "X-Message-Id", "a b"), "", false},
		{"an id that is none, allowed", withoutID, answer(202, "", "X-Message-Id", "a\tb"), "", false},
		{"a long id", replies{}, answer(202, "", "X-Message-Id", strings.Repeat("x", 513)), "", false},
		{"200", replies{}, answer(200, "", "X-Message-Id", "abc"), "abc", false},
		{"201", withoutID, answer(201, ""), "", false},
		{"204", withoutID, answer(204, ""), "", false},
		{"a page", withoutID, answer(202, "<html>", "Content-Type", "text/html"), "", false},
		{"a page with an id", replies{}, answer(202, "<html>", "Content-Type", "text/html; charset=utf-8", "X-Message-Id", "abc"), "", false},
		{"sandbox", sandbox, answer(200, ""), "", true},
		{"sandbox with a body", sandbox, answer(200, "{}", "Content-Type", "application/json"), "", true},
		{"sandbox, a page", sandbox, answer(200, "<html>", "Content-Type", "text/html"), "", false},
		{"sandbox that sent", sandbox, answer(202, "", "X-Message-Id", "abc"), "abc", true},
	} {
		if id, ok := c.replies.Accepted(c.reply); ok != c.ok || ok && id != c.id {
			t.Errorf("%s: got %q, %t; want %q, %t", c.name, id, ok, c.id, c.ok)
		}
	}
}

func TestProblem(t *testing.T) {
	truncated := problem(400, `{"errors":[{"message":"a"}]}`)
	truncated.Whole = false
	for _, c := range []struct {
		name    string
		reply   *httpapi.Reply
		own     bool
		text    string
		verdict *ledger.Verdict
	}{
		{"one", problem(400, `{"errors":[{"message":"too long","field":"subject","help":null}],"id":"x"}`), true, "subject: too long", nil},
		{"field null", problem(400, `{"errors":[{"message":"Bad Request","field":null,"help":null}]}`), true, "Bad Request", nil},
		{"field of text null", problem(405, `{"errors":[{"message":"method not allowed","field":"null"}]}`), true, "method not allowed", nil},
		{"no field", problem(500, `{"errors":[{"message":"internal server error"}]}`), true, "internal server error", nil},
		{"help is an object", problem(400, `{"errors":[{"message":"a","help":{"x":1}}]}`), true, "a", nil},
		{"help is a text", problem(400, `{"errors":[{"message":"a","help":"https://x"}]}`), true, "a", nil},
		{"two", problem(400, `{"errors":[{"message":"a","field":"f"},{"message":"b"}]}`), true, "f: a; b", nil},
		{"many", problem(400, `{"errors":[{"message":"a"},{"message":"b"},{"message":"c"},{"message":"d"},{"message":"e"}]}`), true, "a; b; c; d", nil},
		{"none", problem(400, `{"errors":[]}`), false, "", nil},
		{"an empty entry", problem(500, `{"errors":[{}]}`), false, "", nil},
		{"an entry of null", problem(500, `{"errors":[null]}`), false, "", nil},
		{"no message", problem(500, `{"errors":[{"message":"","field":"from"}]}`), false, "", nil},
		{"one without a message", problem(503, `{"errors":[{"message":"a"},{"errorCode":"UPSTREAM"}]}`), false, "", nil},
		{"another form", problem(500, `{"error":"x"}`), false, "", nil},
		{"errors of another form", problem(500, `{"errors":["x"]}`), false, "", nil},
		{"not JSON", problem(500, `oops`), false, "", nil},
		{"JSON by another name", answer(500, `{"errors":[{"message":"a"}]}`, "Content-Type", "text/html"), false, "", nil},
		{"no type", answer(500, `{"errors":[{"message":"a"}]}`), false, "", nil},
		{"cut", truncated, false, "", nil},
		{"sender", problem(403, `{"errors":[{"message":"not verified","field":"from"}]}`), true, "from: not verified", &ledger.SenderRefused},
		{"sender's address", problem(403, `{"errors":[{"message":"m","field":"from.email"}]}`), true, "from.email: m", &ledger.SenderRefused},
		{"forbidden", problem(403, `{"errors":[{"message":"access forbidden","field":"null"}]}`), true, "access forbidden", nil},
		{"from in a 400", problem(400, `{"errors":[{"message":"m","field":"from"}]}`), true, "from: m", nil},
		{"fromage", problem(403, `{"errors":[{"message":"m","field":"fromage"}]}`), true, "fromage: m", nil},
		{"template", problem(400, `{"errors":[{"message":"m","field":"template_id"}]}`), true, "template_id: m", &ledger.AccountRefused},
		{"group", problem(400, `{"errors":[{"message":"m","field":"asm.group_id"}]}`), true, "asm.group_id: m", &ledger.AccountRefused},
		{"pool and batch", problem(400, `{"errors":[{"message":"m","field":"ip_pool_name"},{"message":"n","field":"batch_id"}]}`), true, "ip_pool_name: m; batch_id: n", &ledger.AccountRefused},
		{"template and content", problem(400, `{"errors":[{"message":"m","field":"template_id"},{"message":"n","field":"content"}]}`), true, "template_id: m; content: n", nil},
		{"template in a 404", problem(404, `{"errors":[{"message":"m","field":"template_id"}]}`), true, "template_id: m", nil},
	} {
		got := replies{}.Problem(c.reply)
		if got.Own != c.own || got.Text != c.text || got.Verdict != c.verdict {
			t.Errorf("%s: got %+v, want own %t, text %q, verdict %v", c.name, got, c.own, c.text, c.verdict)
		}
	}
}

// TestReset: X-RateLimit-Reset counts against the server's clock, and is bounded.
func TestReset(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for reset, want := range map[string]time.Duration{
		"1795262405": 5 * time.Second, "1795262399": 0, "1795269600": time.Hour, "": 0, "soon": 0, "-1": 0,
		"9223372036854775807": 0, "99999999999999999999": 0, "253402300799": time.Hour, "1795262405000": 0, " 1795262405 ": 5 * time.Second,
	} {
		h := http.Header{"X-Ratelimit-Reset": {reset}, "Date": {now.Format(http.TimeFormat)}}
		if got := untilReset(h, now.Add(-24*time.Hour)); got != want {
			t.Errorf("%q: got %v, want %v", reset, got, want)
		}
	}
	limited := answer(429, "", "X-RateLimit-Reset", "1795262405", "Date", now.Format(http.TimeFormat))
	if got := (replies{}).Problem(limited).Wait; got != 5*time.Second {
		t.Errorf("429: got %v, want 5s", got)
	}
	limited.Status = 503
	if got := (replies{}).Problem(limited).Wait; got != 0 {
		t.Errorf("503: got %v, want nothing", got)
	}
}

// FuzzProblem: no reply makes the reader of errors fail, and none that is a page is the
// provider's own.
func FuzzProblem(f *testing.F) {
	for _, seed := range []string{`{"errors":[{"message":"a","field":"b.0.c","help":{}}]}`, `{"errors":[null]}`, `[`, `{"errors":{}}`, "\xff", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		for _, status := range []int{400, 403, 429, 500} {
			p := replies{}.Problem(problem(status, body))
			if !p.Own && (p.Text != "" || p.Verdict != nil) {
				t.Errorf("%q: %+v", body, p)
			}
			if p := (replies{}).Problem(answer(status, body, "Content-Type", "text/html")); p.Own {
				t.Errorf("%q is a page", body)
			}
		}
	})
}
