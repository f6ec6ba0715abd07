package acstest

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"
)

const vectorKey = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

// vectors are requests with signatures that were computed by other means.
var vectors = map[string]struct {
	method, target, body, hash, signature string
	status                                int // once the signature is found right
}{
	"send": {
		http.MethodPost, "/emails:send?api-version=2023-03-31", `{"senderAddress":"a@example.com"}`,
		"uUmz12CzJx6dziw6FsQG23ovEHS2hdaCJ9TitqE6GlI=", "dL3xlNpi78/NJDZwRUbYV3uQ0WSSPEh6LorSTLJDlAw=", http.StatusBadRequest,
	},
	"status": {
		http.MethodGet, "/emails/operations/8540c0de-899f-5cce-acb5-3ec493af3800?api-version=2023-03-31", "",
		"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "oxy7jhEJgFp/b0i/pu6YWslHbiOkJvo5U3K7BaPX4Ew=", http.StatusNotFound,
	},
}

func TestSignatureVectors(t *testing.T) {
	at := time.Date(2006, 1, 2, 15, 4, 5, 0, time.UTC)
	s := Start(t, Config{
		Host: "contoso.communication.azure.com", Keys: [2]string{vectorKey}, Now: func() time.Time { return at },
	})
	for name, v := range vectors {
		t.Run(name, func(t *testing.T) {
			for _, signature := range []string{v.signature, strings.ToLower(v.signature)} {
				req := request(t, s, v.method, v.target, v.body)
				req.Header.Set("X-Ms-Date", "Mon, 02 Jan 2006 15:04:05 GMT")
				req.Header.Set("X-Ms-Content-Sha256", v.hash)
				req.Header.Set("Authorization", "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature="+signature)
				want := v.status
				if signature != v.signature {
					want = http.StatusUnauthorized
				}
				if g := do(t, req); g.status != want {
					t.Errorf("%d %s, want %d; %q", g.status, g.body, want, s.Denials())
				}
			}
		})
	}
}

func TestDenied(t *testing.T) {
	c := newClock()
	s := Start(t, Config{Now: c.now})
	other := base64.StdEncoding.EncodeToString([]byte("other"))
	for name, tt := range map[string]struct {
		change func(*http.Request)
		reason string
	}{
		"no Authorization":    {func(r *http.Request) { r.Header.Del("Authorization") }, "0 times Authorization"},
		"two Authorizations":  {func(r *http.Request) { r.Header.Add("Authorization", "Bearer x") }, "2 times Authorization"},
		"another scheme":      {func(r *http.Request) { r.Header.Set("Authorization", "Basic x") }, "neither HMAC-SHA256 nor Bearer"},
		"another key":         {func(r *http.Request) { signWith(t, r, plain, other, c.now()) }, "of neither key"},
		"another body":        {func(r *http.Request) { signWith(t, r, plain+" ", s.Key(), c.now()) }, "not that of the body"},
		"another path":        {func(r *http.Request) { r.URL.RawQuery = "api-version=2023-03-31" }, "of neither key"},
		"another method":      {func(r *http.Request) { r.Method = "PUT"; signWith(t, r, plain, s.Key(), c.now()); r.Method = "POST" }, "of neither key"},
		"another host":        {func(r *http.Request) { r.Host = "localhost" }, `the Host is "localhost"`},
		"a port too many":     {func(r *http.Request) { r.Host += ":443"; signWith(t, r, plain, s.Key(), c.now()) }, "the Host is"},
		"no date":             {func(r *http.Request) { r.Header.Del("X-Ms-Date") }, "0 times X-Ms-Date"},
		"date of another day": {func(r *http.Request) { r.Header.Set("X-Ms-Date", "Sun, 01 Mar 2026 11:59:59 GMT") }, "of neither key"},
		"date not in GMT":     {func(r *http.Request) { r.Header.Set("X-Ms-Date", "Sun, 01 Mar 2026 12:00:00 +0000") }, "x-ms-date"},
		"date on another day": {func(r *http.Request) { r.Header.Set("X-Ms-Date", "Mon, 01 Mar 2026 12:00:00 GMT") }, "x-ms-date"},
		"late":                {func(r *http.Request) { signWith(t, r, plain, s.Key(), c.now().Add(-5*time.Minute-time.Second)) }, "off"},
		"early":               {func(r *http.Request) { signWith(t, r, plain, s.Key(), c.now().Add(5*time.Minute+time.Second)) }, "off"},
		"no hash":             {func(r *http.Request) { r.Header.Del("X-Ms-Content-Sha256") }, "0 times X-Ms-Content-Sha256"},
		"another order": {func(r *http.Request) {
			given := r.Header.Get("Authorization")
			r.Header.Set("Authorization", strings.Replace(given, "x-ms-date;host;", "host;x-ms-date;", 1))
		}, "does not begin with"},
		"another token": {func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }, "not issued here"},
	} {
		t.Run(name, func(t *testing.T) {
			req := request(t, s, http.MethodPost, sendTarget, plain)
			signWith(t, req, plain, s.Key(), c.now())
			tt.change(req)
			before := len(s.Denials())
			g := do(t, req)
			if e := g.failure(t); g.status != http.StatusUnauthorized || e.Code != "Denied" {
				t.Errorf("%d %s", g.status, g.body)
			}
			if reasons := s.Denials()[before:]; len(reasons) != 1 || !strings.Contains(reasons[0], tt.reason) {
				t.Errorf("reasons %q, want %q", reasons, tt.reason)
			}
		})
	}
	if len(s.Messages()) != 0 {
		t.Error("a message is held")
	}
}

// TestSkew: the bound itself is within.
func TestSkew(t *testing.T) {
	c := newClock()
	s := Start(t, Config{Now: c.now})
	for _, skew := range []time.Duration{-5 * time.Minute, 5 * time.Minute} {
		req := request(t, s, http.MethodPost, sendTarget, plain)
		signWith(t, req, plain, s.Key(), c.now().Add(skew))
		if g := do(t, req); g.status != http.StatusAccepted {
			t.Errorf("%v: %d, %q", skew, g.status, s.Denials())
		}
	}
}

func TestKeys(t *testing.T) {
	s := Start(t, Config{})
	statusWith := func(key string) int {
		req := request(t, s, http.MethodPost, sendTarget, plain)
		signWith(t, req, plain, key, s.cfg.Now())
		return do(t, req).status
	}
	old := [2]string{s.Key(), s.SecondaryKey()}
	if old[0] == old[1] {
		t.Error("the keys are the same")
	}
	for i, key := range old {
		if got := statusWith(key); got != http.StatusAccepted {
			t.Errorf("key %d: %d", i, got)
		}
		fresh := s.RegenerateKey(i)
		if fresh == key || fresh != [2]string{s.Key(), s.SecondaryKey()}[i] {
			t.Errorf("key %d was not replaced", i)
		}
		if was, is := statusWith(key), statusWith(fresh); was != http.StatusUnauthorized || is != http.StatusAccepted {
			t.Errorf("key %d: the old one %d, the new one %d", i, was, is)
		}
	}
	for _, bad := range []string{"not base64", "eA", "\n"} {
		if _, err := New(Config{Keys: [2]string{"", bad}}); err == nil || !strings.Contains(err.Error(), "Config.Keys[1]") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestForbid(t *testing.T) {
	s := Start(t, Config{})
	for _, forbidden := range []bool{true, false} {
		s.Forbid(forbidden)
		want := http.StatusAccepted
		if forbidden {
			want = http.StatusForbidden
		}
		if g := send(t, s, plain); g.status != want {
			t.Errorf("%t: %d", forbidden, g.status)
		}
	}
	s.Forbid(true)
	if g := call(t, s, http.MethodPost, sendTarget, plain, map[string]string{"Authorization": ""}); g.status != http.StatusUnauthorized {
		t.Errorf("without a key %d", g.status)
	}
}

func TestConnectionString(t *testing.T) {
	s := Start(t, Config{Host: "contoso.communication.azure.com", Keys: [2]string{vectorKey}})
	if got, want := s.ConnectionString(), "endpoint=http://contoso.communication.azure.com/;accesskey="+vectorKey; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if s := Start(t, Config{}); s.Endpoint() != s.URL() {
		t.Errorf("endpoint %s, URL %s", s.Endpoint(), s.URL())
	}
}
