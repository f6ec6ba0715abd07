package httpapi_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/mailer"
)

// asking is a vendor's library that makes one request and is content with 200. What it says
// otherwise is not for showing.
func asking(ctx context.Context, method, url string) func(*http.Client, string) error {
	return func(client *http.Client, key string) error {
		r, err := http.NewRequestWithContext(ctx, method, url, http.NoBody)
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", "Key "+key)
		r.Header.Set("Accept", "text/plain")
		r.Header["X-Two"] = []string{"a", "b"}
		res, err := client.Do(r)
		if err != nil {
			return fmt.Errorf("library: %s %s: %w", url, key, err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK || string(b) == "confusing" {
			return fmt.Errorf("library: %s %s: %d", url, key, res.StatusCode)
		}
		return nil
	}
}

// TestThrough: a library's requests go to the provider, with the provider's truth as the verdict.
func TestThrough(t *testing.T) {
	const here = "http://127.0.0.1:8025/v3/domains?limit=1"
	for _, c := range []struct {
		name   string
		method string
		url    string
		reply  string
		want   ledger.Verdict
		code   int
		heads  int
	}{
		{"200", "GET", here, replyOf(200, "{}"), ledger.Accepted, 0, 1},
		{"401", "GET", here, replyOf(401, ""), ledger.AccountRefused, 401, 1},
		{"404", "GET", here, replyOf(404, ""), ledger.AccountRefused, 404, 1},
		{"500", "GET", here, replyOf(500, ""), ledger.ProviderDown, 500, 1},
		{"a redirect", "GET", here, replyOf(302, "", "Location: /other"), ledger.AccountRefused, 302, 1},
		{"a redirect elsewhere", "GET", here, replyOf(307, "", "Location: https://evil.example.com/"), ledger.AccountRefused, 307, 1},
		{"lost", "GET", here, "", ledger.ProviderDown, 0, 1},
		{"cut", "GET", here, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", ledger.ProviderDown, 200, 1},
		{"not understood by the library", "GET", here, replyOf(200, "confusing"), ledger.ProviderDown, 200, 1},
		{"POST", "POST", here, replyOf(200, "{}"), ledger.CallerFault, 0, 0},
		{"another host", "GET", "http://evil.example.com/", replyOf(200, "{}"), ledger.CallerFault, 0, 0},
		{"another port", "GET", "http://127.0.0.1:8026/", replyOf(200, "{}"), ledger.CallerFault, 0, 0},
		{"another scheme", "GET", "https://127.0.0.1:8025/", replyOf(200, "{}"), ledger.CallerFault, 0, 0},
		{"no request at all", "BAD METHOD", here, replyOf(200, "{}"), ledger.CallerFault, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, answering(c.reply, hangUp))
				err := r.api.Through(t.Context(), &ledger.Attempt{Provider: "fake"}, asking(t.Context(), c.method, c.url))
				if c.want == ledger.Accepted {
					if err != nil {
						t.Errorf("got %v", err)
					}
				} else {
					v := verdictOf(nil, err)
					v.is(t, c.want, c.code)
					if s := err.Error(); strings.Contains(s, secret) || strings.Contains(s, "library") || strings.Contains(s, "limit=1") {
						t.Errorf("shown: %s", s)
					}
				}
				r.close()
				whole, heads, _ := r.sink.truth()
				if heads != c.heads || r.wires.open() != 0 {
					t.Fatalf("%d requests, %d connections left", heads, r.wires.open())
				}
				if heads > 0 && (whole[0].line != "GET /v3/domains?limit=1 HTTP/1.1" || whole[0].header.Get("Authorization") != "Key "+secret ||
					len(whole[0].header["Accept"]) != 1 || whole[0].header.Get("X-Two") != "a, b" || whole[0].header.Get("User-Agent") != httpapi.UserAgent()) {
					t.Errorf("%s %v", whole[0].line, whole[0].header)
				}
			})
		})
	}
}

// A library that swallows an error has what it asked for; one that fails of itself is asked no more.
func TestThroughLibraryFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, &sink{})
		asked := 0
		err := r.api.Through(t.Context(), &ledger.Attempt{Provider: "fake"}, func(*http.Client, string) error {
			asked++
			return errors.New("library: " + secret)
		})
		v := verdictOf(nil, err)
		v.is(t, ledger.CallerFault, 0)
		if asked != 1 || strings.Contains(err.Error(), secret) || !errors.Is(err, httpapi.ErrRequest) {
			t.Errorf("asked %d times: %v", asked, err)
		}
		r.close()
	})
}

// TestThroughRefreshes is HTTP row 14 for libraries.
func TestThroughRefreshes(t *testing.T) {
	for _, c := range []struct {
		name   string
		source *refreshing
		status int
		want   ledger.Verdict
		asked  string
	}{
		{"a new one", &refreshing{values: []string{"old", "new"}}, 401, ledger.Accepted, "old new"},
		{"unchanged", &refreshing{values: []string{"old", "old"}}, 401, ledger.AccountRefused, "old"},
		{"403", &refreshing{values: []string{"old", "new"}}, 403, ledger.AccountRefused, "old"},
		{"no secret", &refreshing{err: errors.New("gone")}, 401, ledger.AccountForNow, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, &sink{})
				r.sink.script = func(v *visit) {
					for v.take() {
						whole, _, _ := r.sink.truth()
						if whole[len(whole)-1].header.Get("Authorization") == "Key new" {
							_ = v.say(replyOf(200, "{}"))
						} else {
							_ = v.say(replyOf(c.status, ""))
						}
					}
				}
				r.api.Credential = c.source
				var asked []string
				ask := asking(t.Context(), "GET", "http://127.0.0.1:8025/")
				err := r.api.Through(t.Context(), &ledger.Attempt{}, func(client *http.Client, key string) error {
					asked = append(asked, key)
					return ask(client, key)
				})
				if c.want == ledger.Accepted {
					if err != nil {
						t.Errorf("got %v", err)
					}
				} else if v := verdictOf(nil, err); v.Verdict != c.want {
					t.Errorf("got %+v", v)
				}
				if got := strings.Join(asked, " "); got != c.asked {
					t.Errorf("asked with %q, want %q", got, c.asked)
				}
				r.close()
			})
		})
	}
}

// HTTP row 36, for libraries.
func TestThroughObeysContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		server := silence(func(v *visit) { v.take(); cancel() })
		r := newRig(t, server)
		err := r.api.Through(ctx, &ledger.Attempt{}, asking(ctx, "GET", "http://127.0.0.1:8025/"))
		if v := verdictOf(nil, err); v.Scope != mailer.ScopeCaller || !errors.Is(err, context.Canceled) {
			t.Errorf("got %+v", v)
		}
		close(server.gone)
		r.close()
	})
}
