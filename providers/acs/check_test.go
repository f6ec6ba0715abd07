package acs_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/acs"
	"github.com/mailkeel/mailkeel/providers/acs/acstest"
)

// wantProof looks at what a probe has shown, and at its error, where scope is not zero.
func wantProof(t *testing.T, client *acs.Client, want acs.Proof, scope mailer.Scope, is error) *mailer.SendError {
	t.Helper()
	got, err := client.Probe(t.Context())
	if got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if scope == 0 {
		if err != nil {
			t.Errorf("got %v", err)
		}
		return nil
	}
	e := wantRefused(t, err, scope, is)
	if len(e.Receipt.Recipients) != 0 {
		t.Errorf("there are recipients: %v", e.Receipt.Recipients)
	}
	return e
}

var (
	nothing = acs.Proof{}
	reached = acs.Proof{Reached: true}
	taken   = acs.Proof{Reached: true, Credential: true}
)

// TestCheck: every answer to the question for an operation that nobody has.
func TestCheck(t *testing.T) {
	noCode := acstest.NotFound()
	noCode.Body = []byte("{}")
	noCode.Header.Del("X-Ms-Error-Code")
	for _, c := range []struct {
		name   string
		answer acstest.Answer // zero: the service's own, 404
		want   acs.Proof
		scope  mailer.Scope
		is     error
		code   string
	}{
		{"404", acstest.Answer{}, taken, 0, nil, ""},
		{"400", acstest.BadRequest("operationId"), taken, 0, nil, ""},
		{"200", acstest.OperationIs("x", acstest.StatusSucceeded, acstest.Error{}), taken, 0, nil, ""},
		{"404 of somebody else", acstest.HTMLPage(http.StatusNotFound), reached, mailer.ScopeAccount, nil, ""},
		{"404 without a code", noCode, reached, mailer.ScopeAccount, nil, ""},
		{"200 of somebody else", acstest.HTMLSuccess(), reached, mailer.ScopeProvider, nil, ""},
		{"400 of somebody else", acstest.HTMLPage(http.StatusBadRequest), reached, mailer.ScopeMessage, nil, ""},
		{"401", acstest.Denied(), reached, mailer.ScopeAccount, mailer.ErrUnauthorized, "Denied"},
		{"403", acstest.Forbidden(), reached, mailer.ScopeAccount, mailer.ErrUnauthorized, "Forbidden"},
		{"302", acstest.Redirect(http.StatusFound, "https://example.com/"), reached, mailer.ScopeAccount, nil, ""},
		{"500", acstest.InternalError(), reached, mailer.ScopeProvider, mailer.ErrUnavailable, "InternalServerError"},
		{"502", acstest.Gateway(http.StatusBadGateway), reached, mailer.ScopeProvider, mailer.ErrUnavailable, ""},
		{"503", acstest.Unavailable(), reached, mailer.ScopeProvider, mailer.ErrUnavailable, "ServiceUnavailable"},
	} {
		t.Run(c.name, func(t *testing.T) {
			server, client := start(t, acstest.Config{}, nil)
			for range 2 { // a 401 is answered once
				if c.answer.Status != 0 {
					server.Next(acstest.Reply(c.answer))
				}
			}
			e := wantProof(t, client, c.want, c.scope, c.is)
			var own *azcore.ResponseError
			if e != nil && c.code != "" && (!errors.As(e, &own) || own.ErrorCode != c.code) {
				t.Errorf("got %v, want the code %s", e, c.code)
			}
			wantCopies(t, held(t, server), 0)
			wantRequests(t, server.Requests(), 0, server.Stats().Requests)
		})
	}
}

// TestCheckToken: a token is proven likewise, and what is wrong with it is told.
func TestCheckToken(t *testing.T) {
	server, client := startWithToken(t, acstest.Config{}, nil)
	wantProof(t, client, taken, 0, nil)
	server.Forbid(true)
	wantProof(t, client, reached, mailer.ScopeAccount, mailer.ErrUnauthorized)
	server.Forbid(false)
	server.Credential().Revoke()
	server.Credential().Next(acstest.TokenFault{Err: errors.New("no identity")})
	// The first token was refused, and there is no other.
	wantProof(t, client, reached, mailer.ScopeAccount, mailer.ErrUnauthorized)
	wantProof(t, client, taken, 0, nil)
}

// TestCheckWithoutToken: nothing is asked where there is no token to ask with.
func TestCheckWithoutToken(t *testing.T) {
	server, client := startWithToken(t, acstest.Config{}, nil)
	server.Credential().Next(acstest.TokenFault{Err: errors.New("no identity")})
	wantProof(t, client, nothing, mailer.ScopeAccount, mailer.ErrUnauthorized)
	if n := server.Stats().Conns; n != 0 {
		t.Errorf("%d connections", n)
	}
}

// TestCheckUnreachable: it is not there, or not the one that it should be.
func TestCheckUnreachable(t *testing.T) {
	refuse := func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	}
	_, client := start(t, acstest.Config{}, func(c *acs.Config) { c.Dial = refuse })
	wantProof(t, client, nothing, mailer.ScopeProvider, mailer.ErrUnavailable)
	_, client = start(t, acstest.Config{}, func(c *acs.Config) { c.TLSConfig = nil })
	wantProof(t, client, nothing, mailer.ScopeProvider, mailer.ErrTLSPolicy)
	server, client := start(t, acstest.Config{}, nil)
	server.Next(acstest.Fault{Kind: acstest.Withhold})
	wantProof(t, client, nothing, mailer.ScopeProvider, mailer.ErrUnavailable)
	if err := client.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantProof(t, client, nothing, mailer.ScopeCaller, mailer.ErrClosed)
}

// TestCheckEnds: ctx ends it.
func TestCheckEnds(t *testing.T) {
	server, client := start(t, acstest.Config{}, nil)
	err := client.Check(cutAfter(t, server.Next(acstest.Fault{Kind: acstest.Silence})))
	wantRefused(t, err, mailer.ScopeCaller, context.Canceled)
}

// TestCheckSparesQuota: half of the status reads are left to others. After that, and always once there
// was a message from a managed domain, a check knocks, which counts against nothing and shows no credential.
func TestCheckSparesQuota(t *testing.T) {
	for name, c := range map[string]struct {
		from string
		asks int
	}{
		"custom":  {"shop@example.com", 30},
		"managed": {"shop@x.azurecomm.net", 0},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, acstest.Config{})
			l.run(func(t *testing.T) {
				client := l.client(t, limited)
				mustSend(t, client, from(c.from))
				for range c.asks {
					wantProof(t, client, taken, 0, nil)
				}
				for range 3 {
					wantProof(t, client, reached, 0, nil)
				}
				if u := l.StatusUsage(); u.Total != c.asks {
					t.Errorf("asked %d times, want %d", u.Total, c.asks)
				}
			})
			for _, r := range l.Requests()[1+c.asks:] {
				if r.Method != http.MethodGet || r.Path != "/" || r.Header.Get("Authorization") != "" || r.Header.Get("X-Ms-Date") != "" {
					t.Errorf("knocked by %s %s %v", r.Method, r.Path, r.Header)
				}
			}
		})
	}
}

// TestKnock: any answer is good for it.
func TestKnock(t *testing.T) {
	for name, fault := range map[string]acstest.Fault{
		"401": acstest.Reply(acstest.Denied()), "500": acstest.Reply(acstest.InternalError()), "page": acstest.Reply(acstest.HTMLSuccess()),
		"429": acstest.Reply(acstest.RateLimited()), "302": acstest.Reply(acstest.Redirect(http.StatusFound, "/")),
	} {
		t.Run(name, func(t *testing.T) {
			server, client := start(t, acstest.Config{}, nil)
			mustSend(t, client, from("shop@x.azurecomm.net"))
			server.Next(fault)
			wantProof(t, client, reached, 0, nil)
			if n := server.Stats().Requests; n != 2 {
				t.Errorf("%d requests, want one after that of the message", n)
			}
			server.Next(acstest.Fault{Kind: acstest.Withhold})
			wantProof(t, client, nothing, mailer.ScopeProvider, mailer.ErrUnavailable)
		})
	}
}

// TestCheckThrottled: a service that says so is there.
func TestCheckThrottled(t *testing.T) {
	server, client := start(t, acstest.Config{}, limited)
	server.Next(acstest.Reply(acstest.RateLimitedFor(time.Hour)))
	wantProof(t, client, reached, 0, nil)
	wantProof(t, client, reached, 0, nil)
	wantCopies(t, held(t, server), 0)
	if u := server.StatusUsage(); u.Total != 1 {
		t.Errorf("asked again: %+v", u)
	}
}

// TestKnockWithToken: a token is fetched all the same, for an identity that is gone is told by that.
func TestKnockWithToken(t *testing.T) {
	l := newLab(t, acstest.Config{TokenLifetime: time.Hour})
	l.run(func(t *testing.T) {
		client := l.clientWith(t, l.credential(), nil)
		mustSend(t, client, from("shop@x.azurecomm.net"))
		wantProof(t, client, reached, 0, nil)
		time.Sleep(2 * time.Hour)
		l.Credential().Next(acstest.TokenFault{Err: errors.New("no identity")})
		wantProof(t, client, nothing, mailer.ScopeAccount, mailer.ErrUnauthorized)
		wantProof(t, client, reached, 0, nil)
	})
	if n, calls := l.Stats().Requests, l.Credential().Calls(); n != 3 || calls != 3 {
		t.Errorf("%d requests and %d tokens, want 3 and 3", n, calls)
	}
}

// TestProof: it says what was proven, and what never is.
func TestProof(t *testing.T) {
	for proof, want := range map[acs.Proof]string{
		nothing: "not reached; credential not proven", reached: "reached; credential not proven", taken: "reached; credential valid",
	} {
		got := proof.String()
		if !strings.HasPrefix(got, want+"; ") {
			t.Errorf("got %q, want %q", got, want)
		}
		for _, word := range []string{"domain link", "role", "quota", "cannot be proven"} {
			if !strings.Contains(got, word) {
				t.Errorf("%q says nothing of %s", got, word)
			}
		}
	}
}
