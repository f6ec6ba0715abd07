package acstest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const sendTarget = "/emails:send?api-version=2025-09-01"

// got is a reply.
type got struct {
	status int
	header http.Header
	body   string
}

// failure is the error in a reply, of which the code is that of the header.
func (g got) failure(t *testing.T) Error {
	t.Helper()
	var body struct{ Error Error }
	must(t, json.Unmarshal([]byte(g.body), &body))
	if code := g.header.Get("X-Ms-Error-Code"); code == "" || code != body.Error.Code {
		t.Errorf("x-ms-error-code %q, code %q", code, body.Error.Code)
	}
	return body.Error
}

// targets are those of all errors in a reply.
func (g got) targets(t *testing.T) []string {
	t.Helper()
	e := g.failure(t)
	list := e.Details
	if len(list) == 0 {
		list = []Error{e}
	}
	var targets []string
	for _, e := range list {
		targets = append(targets, e.Target)
	}
	slices.Sort(targets)
	return slices.Compact(targets)
}

func (g got) result(t *testing.T) result {
	t.Helper()
	var r result
	must(t, json.Unmarshal([]byte(g.body), &r))
	return r
}

// request makes a request that is not authorized yet.
func request(t *testing.T, s *Server, method, target, body string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL()+target, strings.NewReader(body))
	must(t, err)
	req.Host = s.host()
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	return req
}

// signWith adds the headers of a signature as Microsoft's tutorial makes it.
func signWith(t *testing.T, req *http.Request, body, key string, now time.Time) {
	t.Helper()
	secret, err := base64.StdEncoding.DecodeString(key)
	must(t, err)
	sum := sha256.Sum256([]byte(body))
	hash := base64.StdEncoding.EncodeToString(sum[:])
	date := now.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")
	mac := hmac.New(sha256.New, secret)
	_, _ = io.WriteString(mac, strings.Join([]string{req.Method, req.URL.RequestURI(), date + ";" + req.Host + ";" + hash}, "\n"))
	req.Header.Set("X-Ms-Date", date)
	req.Header.Set("X-Ms-Content-Sha256", hash)
	req.Header.Set("Authorization", "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature="+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

func do(t *testing.T, req *http.Request) got {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(req)
	must(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	must(t, err)
	return got{resp.StatusCode, resp.Header, string(b)}
}

// call makes a signed request. Headers replace those that a good client sends, "" removes one.
func call(t *testing.T, s *Server, method, target, body string, headers map[string]string) got {
	t.Helper()
	req := request(t, s, method, target, body)
	signWith(t, req, body, s.Key(), s.cfg.Now())
	for name, value := range headers {
		if req.Header.Set(name, value); value == "" {
			req.Header.Del(name)
		}
	}
	return do(t, req)
}

func send(t *testing.T, s *Server, body string) got {
	t.Helper()
	return call(t, s, http.MethodPost, sendTarget, body, nil)
}

// sendAs sends with an Operation-Id.
func sendAs(t *testing.T, s *Server, id, body string) got {
	t.Helper()
	return call(t, s, http.MethodPost, sendTarget, body, map[string]string{"Operation-Id": id})
}

func status(t *testing.T, s *Server, id string) got {
	t.Helper()
	return call(t, s, http.MethodGet, "/emails/operations/"+id+"?api-version=2025-09-01", "", nil)
}

const (
	id1 = "8540c0de-899f-5cce-acb5-3ec493af3801"
	id2 = "8540c0de-899f-5cce-acb5-3ec493af3802"
)

const plain = `{
	"senderAddress": "ann@example.com",
	"content": {"subject": "hello", "plainText": "hi"},
	"recipients": {"to": [{"address": "bob@example.org"}]}
}`

// with returns plain with other members; null removes one.
func with(t *testing.T, members string) string {
	t.Helper()
	var root, others map[string]json.RawMessage
	must(t, json.Unmarshal([]byte(plain), &root))
	must(t, json.Unmarshal([]byte("{"+members+"}"), &others))
	maps.Copy(root, others)
	maps.DeleteFunc(root, func(_ string, v json.RawMessage) bool { return string(v) == "null" })
	b, err := json.Marshal(root)
	must(t, err)
	return string(b)
}

// clock is a time that tests move.
type clock struct{ unix atomic.Int64 }

func (c *clock) now() time.Time { return time.Unix(c.unix.Load(), 0).UTC() }

func (c *clock) pass(d time.Duration) { c.unix.Add(int64(d / time.Second)) }

func newClock() *clock {
	c := &clock{}
	c.unix.Store(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).Unix())
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
