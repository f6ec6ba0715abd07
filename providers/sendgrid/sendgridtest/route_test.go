package sendgridtest

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestAuthorization(t *testing.T) {
	s := Start(t, Config{Key: "SG.right", Scopes: []string{"mail.batch.read"}})
	const badGrant = "authorization grant"
	for _, tt := range []struct {
		name, method, path, authorization string
		status                            int
		message                           string
	}{
		{"none", "POST", "/v3/mail/send", "", 401, "authorization required"},
		{"wrong key", "POST", "/v3/mail/send", "Bearer SG.wrong", 401, badGrant},
		{"wrong scheme", "POST", "/v3/mail/send", "Basic SG.right", 401, badGrant},
		{"key alone", "POST", "/v3/mail/send", "SG.right", 401, badGrant},
		{"no scope to send", "POST", "/v3/mail/send", "Bearer SG.right", 403, "access forbidden"},
		{"no scope to create", "POST", "/v3/mail/batch", "Bearer SG.right", 403, "access forbidden"},
		{"no scope for logs", "POST", "/v3/logs", "Bearer SG.right", 403, "access forbidden"},
		{"scope to read", "GET", "/v3/mail/batch/x", "Bearer SG.right", 400, "invalid batch id"},
		{"scopes without a key", "GET", "/v3/scopes", "", 401, "authorization required"},
		{"scopes with a wrong key", "GET", "/v3/scopes", "Bearer SG.wrong", 401, badGrant},
		{"scopes need none", "GET", "/v3/scopes", "bearer SG.right", 200, `{"scopes":["mail.batch.read"]}`},
		{"unknown path", "GET", "/v3/templates", "Bearer SG.right", 404, "not found"},
		{"path with more", "POST", "/v3/mail/send/", "Bearer SG.right", 404, "not found"},
		{"id with more", "GET", "/v3/mail/batch/a/b", "Bearer SG.right", 404, "not found"},
		{"no id", "GET", "/v3/mail/batch/", "Bearer SG.right", 404, "not found"},
		{"method", "PUT", "/v3/mail/send", "Bearer SG.right", 405, "method not allowed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body := ""
			if tt.method != http.MethodGet {
				body = "not JSON: nobody looks at it before the key"
			}
			g := call(t, s, tt.method, tt.path, body, map[string]string{"Authorization": tt.authorization})
			if g.status != tt.status || !strings.Contains(g.body, tt.message) {
				t.Errorf("%d %s, want %d %s", g.status, g.body, tt.status, tt.message)
			}
		})
	}
}

func TestDefaultKey(t *testing.T) {
	s := Start(t, Config{})
	if len(s.Key()) != 69 || !strings.HasPrefix(s.Key(), "SG.") {
		t.Errorf("key %q", s.Key())
	}
	if g := call(t, s, http.MethodGet, "/v3/scopes", "", nil); !strings.Contains(g.body, "mail.send") {
		t.Errorf("scopes %s", g.body)
	}
}

func TestNegotiation(t *testing.T) {
	s := Start(t, Config{})
	for _, tt := range []struct {
		header, value string
		want          int
	}{
		{"Accept", "", 406},
		{"Accept", "text/html", 406},
		{"Accept", "text/html, */*;q=0.1", 202},
		{"Content-Type", "", 415},
		{"Content-Type", "text/plain", 415},
		{"Content-Type", "application/json; charset=latin1", 415},
		{"Content-Type", "application/json; charset=UTF-8", 202},
		{"Content-Encoding", "gzip", 415},
	} {
		g := call(t, s, http.MethodPost, "/v3/mail/send", plain, map[string]string{tt.header: tt.value})
		if g.status != tt.want {
			t.Errorf("%s %q: %d, want %d", tt.header, tt.value, g.status, tt.want)
		}
	}
}

func TestLogs(t *testing.T) {
	s := Start(t, Config{})
	for _, subject := range []string{"one", "it's two"} {
		body := with(t, `"subject":"`+subject+`","custom_args":{"attempt":"`+subject+`"},"categories":["c-`+subject+`"]`, `"bcc":[{"email":"c@example.org"}]`)
		if g := send(t, s, body); g.status != http.StatusAccepted {
			t.Fatalf("%d %s", g.status, g.body)
		}
	}
	first := s.Messages()[0].ID + ".recvd-fake-0.0"
	for _, tt := range []struct {
		query string
		want  int // entries; -1: refused
	}{
		{``, 4},
		{`subject = 'one'`, 2},
		{`subject="it's two"`, 2},
		{`to_email = 'c@example.org' AND subject = 'one'`, 1},
		{`to_email = 'C@example.org'`, 0},
		{`sg_message_id = '` + first + `'`, 1},
		{`status IN ('processed', 'delivered')`, 4},
		{`status IN ('bounced')`, 0},
		{`categories IN ('c-one')`, 2},
		{`reason = 'x'`, 0},
		{`sg_message_id_created_at >= TIMESTAMP "2020-01-01T00:00:00Z"`, 4},
		{`sg_message_id_created_at > TIMESTAMP "2020-01-01T00:00:00Z" AND sg_message_id_created_at < TIMESTAMP '2020-01-02T00:00:00Z'`, 0},
		{`sg_message_id_created_at <= TIMESTAMP "2020-01-01T00:00:00Z"`, 0},
		{`custom_args = 'x'`, -1},
		{`subject`, -1},
		{`subject = one`, -1},
		{`subject = 'one`, -1},
		{`subject IN ('one')`, -1},
		{`status = 'processed'`, -1},
		{`status IN ('processed'`, -1},
		{`status IN 'processed'`, -1},
		{`subject = 'one' OR subject = 'two'`, -1},
		{`subject = 'one' AND`, -1},
		{`(subject = 'one')`, -1},
		{`sg_message_id_created_at = TIMESTAMP "2020-01-01T00:00:00Z"`, -1},
		{`sg_message_id_created_at > "2020-01-01T00:00:00Z"`, -1},
		{`sg_message_id_created_at > TIMESTAMP "yesterday"`, -1},
		{`subject = 'one' ;`, -1},
	} {
		g := call(t, s, http.MethodPost, "/v3/logs", string(marshal(t, map[string]any{"query": tt.query, "limit": 1000})), nil)
		if tt.want < 0 {
			if g.status != http.StatusBadRequest || !slices.Equal(g.fields(t), []string{"query"}) {
				t.Errorf("%s: %d %s, want a refusal", tt.query, g.status, g.body)
			}
			continue
		}
		if n := strings.Count(g.body, `"sg_message_id":`); g.status != http.StatusOK || n != tt.want {
			t.Errorf("%s: %d, %d entries, want %d", tt.query, g.status, n, tt.want)
		}
	}
	for body, want := range map[string]int{`{"limit":1}`: 1, `{}`: 4, `{"query":"subject = 'none'"}`: 0} {
		if g := call(t, s, http.MethodPost, "/v3/logs", body, nil); strings.Count(g.body, `"sg_message_id":`) != want || !strings.Contains(g.body, `"messages":[`) {
			t.Errorf("%s: %s", body, g.body)
		}
	}
	for _, body := range []string{`{"limit":0}`, `{"limit":1001}`, `{"limit":"1"}`, `{"where":"x"}`} {
		if g := call(t, s, http.MethodPost, "/v3/logs", body, nil); g.status != http.StatusBadRequest {
			t.Errorf("%s: %d", body, g.status)
		}
	}
	if g := call(t, s, http.MethodGet, "/v3/logs/"+first, "", nil); g.status != http.StatusOK || !strings.Contains(g.body, `"custom_args":{"attempt":"one"}`) {
		t.Errorf("%d %s", g.status, g.body)
	}
	if g := call(t, s, http.MethodGet, "/v3/logs/x", "", nil); g.status != http.StatusNotFound {
		t.Errorf("%d %s", g.status, g.body)
	}
}

func TestLogsAfter(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var passed atomic.Int64
	s := Start(t, Config{LogsAfter: time.Minute, Now: func() time.Time { return now.Add(time.Duration(passed.Load())) }})
	send(t, s, plain)
	for _, tt := range []struct {
		after time.Duration
		want  int
	}{{59 * time.Second, 0}, {time.Minute, 1}} {
		passed.Store(int64(tt.after))
		if g := call(t, s, http.MethodPost, "/v3/logs", `{}`, nil); strings.Count(g.body, `"sg_message_id":`) != tt.want {
			t.Errorf("after %v: %s", tt.after, g.body)
		}
	}
}
