package httpapi_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/internal/netconn"
	"github.com/mailkeel/mailkeel/mailer"
)

// refreshing is a source whose next value comes with Refresh.
type refreshing struct {
	values    []string
	err       error // of what comes after the values
	onRefresh func()

	mu        sync.Mutex
	refreshed int
	asked     int
}

func (s *refreshing) Refresh() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refreshed++
	if s.onRefresh != nil {
		s.onRefresh()
	}
}

func (s *refreshing) Secret(context.Context) (mailer.Secret, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if s.refreshed < len(s.values) {
		return mailer.NewSecret(s.values[s.refreshed]), nil
	}
	return mailer.Secret{}, s.err
}

// TestCredentialIsMissing is HTTP row 2: no request is made, and another account may do better; or
// whoever gives the credential out is in trouble.
func TestCredentialIsMissing(t *testing.T) {
	errVault := errors.New("vault sealed")
	for _, c := range []struct {
		name   string
		source mailer.SecretSource
		is     error
		takes  time.Duration
		want   ledger.Verdict
	}{
		{"fails", mailer.SecretFunc(func(context.Context) (mailer.Secret, error) { return mailer.Secret{}, errVault }), errVault, 0, ledger.AccountForNow},
		{"is down", mailer.SecretFunc(func(context.Context) (mailer.Secret, error) { return mailer.Secret{}, mailer.ErrUnavailable }), mailer.ErrUnavailable, 0, ledger.ProviderDown},
		{"empty", mailer.Secret{}, mailer.ErrUnauthorized, 0, ledger.AccountForNow},
		{"a line end", mailer.NewSecret(secret + "\r\nX-Evil: 1"), mailer.ErrUnauthorized, 0, ledger.AccountForNow},
		{"NUL", mailer.NewSecret(secret + "\x00"), mailer.ErrUnauthorized, 0, ledger.AccountForNow},
		{"not ASCII", mailer.NewSecret("schlüssel"), mailer.ErrUnauthorized, 0, ledger.AccountForNow},
		{"too slow", mailer.SecretFunc(func(ctx context.Context) (mailer.Secret, error) {
			<-ctx.Done()
			return mailer.Secret{}, ctx.Err()
		}), netconn.ErrTimeout, 15 * time.Second, ledger.ProviderDown},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, &sink{})
				r.api.Credential = c.source
				start := time.Now()
				v := r.send(t.Context(), 1000)
				v.is(t, c.want, 0)
				account := c.want == ledger.AccountForNow
				if took := time.Since(start); took != c.takes || !errors.Is(v.err, c.is) || errors.Is(v.err, mailer.ErrUnauthorized) != account ||
					errors.Is(v.err, context.DeadlineExceeded) || strings.Contains(v.err.Error(), secret) {
					t.Errorf("after %v: %v", took, v.err)
				}
				r.close()
				if n := r.wires.dialled.Load(); n != 0 {
					t.Errorf("%d connections", n)
				}
			})
		})
	}
}

// HTTP row 36: the caller's own end, while the source is asked.
func TestContextEndsAtCredential(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, &sink{})
		r.api.Credential = mailer.SecretFunc(func(ctx context.Context) (mailer.Secret, error) {
			<-ctx.Done()
			return mailer.Secret{}, ctx.Err()
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		r.send(ctx, 1000).is(t, ledger.CallerFault, 0)
		r.close()
	})
}

// TestRefresh is HTTP row 14: once, with what is really another value, and the second answer stands.
func TestRefresh(t *testing.T) {
	unauthorized := replyOf(401, "")
	for _, c := range []struct {
		name      string
		source    mailer.SecretSource
		replies   []string
		want      ledger.Verdict
		code      int
		refreshed int
		requests  []string // the credentials that came
	}{
		{"a new one", &refreshing{values: []string{"old", "new"}}, []string{unauthorized, accepted}, ledger.Accepted, 202, 1, []string{"old", "new"}},
		{"refused again", &refreshing{values: []string{"old", "new", "newer"}}, []string{unauthorized, unauthorized}, ledger.AccountRefused, 401, 1, []string{"old", "new"}},
		{"the second answer stands", &refreshing{values: []string{"old", "new"}}, []string{unauthorized, replyOf(400, "")}, ledger.MessageRefused, 400, 1, []string{"old", "new"}},
		{"no second answer", &refreshing{values: []string{"old", "new"}}, []string{unauthorized, ""}, ledger.Unknown, 0, 1, []string{"old", "new"}},
		{"unchanged", &refreshing{values: []string{"old", "old"}}, []string{unauthorized}, ledger.AccountRefused, 401, 1, []string{"old"}},
		{"no other", &refreshing{values: []string{"old"}, err: errors.New("gone")}, []string{unauthorized}, ledger.AccountRefused, 401, 1, []string{"old"}},
		{"empty", &refreshing{values: []string{"old"}}, []string{unauthorized}, ledger.AccountRefused, 401, 1, []string{"old"}},
		{"403", &refreshing{values: []string{"old", "new"}}, []string{replyOf(403, "")}, ledger.AccountRefused, 403, 0, []string{"old"}},
		{"500", &refreshing{values: []string{"old", "new"}}, []string{replyOf(500, "")}, ledger.Unknown, 500, 0, []string{"old"}},
		{"lost", &refreshing{values: []string{"old", "new"}}, []string{""}, ledger.Unknown, 0, 0, []string{"old"}},
		{"fixed", mailer.NewSecret("old"), []string{unauthorized}, ledger.AccountRefused, 401, 0, []string{"old"}},
		{"401 cut", &refreshing{values: []string{"old", "new"}}, []string{"HTTP/1.1 401 No\r\nContent-Length: 9\r\nConnection: close\r\n\r\nabc", accepted}, ledger.Accepted, 202, 1, []string{"old", "new"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, &sink{})
				r.sink.script = func(v *visit) {
					for v.take() {
						whole, _, _ := r.sink.truth()
						reply := c.replies[len(whole)-1]
						if v.say(reply); strings.Contains(reply, "close") || reply == "" {
							return
						}
					}
				}
				r.api.Credential = c.source
				r.send(t.Context(), 1000).is(t, c.want, c.code)
				r.close()
				var came []string
				whole, _, _ := r.sink.truth()
				for _, request := range whole {
					came = append(came, strings.TrimPrefix(request.header.Get("Authorization"), "Bearer "))
				}
				if got, want := strings.Join(came, " "), strings.Join(c.requests, " "); got != want {
					t.Errorf("requests with %q, want %q", got, want)
				}
				if s, ok := c.source.(*refreshing); ok && s.refreshed != c.refreshed {
					t.Errorf("refreshed %d times", s.refreshed)
				}
			})
		})
	}
}

// TestGet: the same without a message, and only what came whole is given.
func TestGet(t *testing.T) {
	for reply, want := range map[string]ledger.Verdict{
		replyOf(200, `{"a":1}`): ledger.Accepted,
		replyOf(204, ""):        ledger.Accepted,
		replyOf(404, ""):        ledger.AccountRefused,
		replyOf(302, ""):        ledger.AccountRefused,
		"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\nabc": ledger.ProviderDown,
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, answering(reply, hangUp))
			got, err := r.api.Get(t.Context(), &ledger.Attempt{Provider: "fake"}, get("/v3/scopes?a=b"))
			if want == ledger.Accepted {
				if err != nil || !got.Whole {
					t.Errorf("%q: %v", reply, err)
				}
			} else if v := verdictOf(nil, err); v.Verdict != want || got != nil {
				t.Errorf("%q: %+v", reply, v)
			}
			r.close()
			whole, _, _ := r.sink.truth()
			if whole[0].line != "GET /v3/scopes?a=b HTTP/1.1" || whole[0].header.Get("Content-Length") != "" {
				t.Errorf("%s %v", whole[0].line, whole[0].header)
			}
		})
	}
}

// waiting is a source that answers when ctx ends.
func waiting(ctx context.Context) (mailer.Secret, error) {
	<-ctx.Done()
	return mailer.Secret{}, ctx.Err()
}

// TestCredentialObeysGate: a source has until the gate's CommitBy, as connecting has.
func TestCredentialObeysGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, &sink{})
		r.api.Credential = mailer.SecretFunc(waiting)
		start := time.Now()
		r.post(t.Context(), &ledger.Attempt{Gate: &mailer.Gate{CommitBy: start.Add(time.Second)}}, text(10)).is(t, ledger.ProviderDown, 0)
		if took := time.Since(start); took != time.Second {
			t.Errorf("took %v", took)
		}
		r.close()
	})
}

// TestCredentialObeysClose: Close waits for a send that is asking for its credential, and then cuts it off.
func TestCredentialObeysClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, &sink{})
		r.api.Credential = mailer.SecretFunc(waiting)
		got := make(chan verdict, 1)
		go func() { got <- r.send(context.Background(), 10) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		start := time.Now()
		if err := r.client.Close(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("Close: %v after %v", err, time.Since(start))
		}
		v := <-got
		if v.is(t, ledger.CallerFault, 0); !errors.Is(v.err, mailer.ErrClosed) {
			t.Errorf("%v, want ErrClosed", v.err)
		}
		r.close()
	})
}
