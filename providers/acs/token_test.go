package acs_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/acs"
	"github.com/mailkeel/mailkeel/providers/acs/acstest"
)

// TestTokenFails: without a token nothing is sent, another provider may take the message, and
// the next message asks again.
func TestTokenFails(t *testing.T) {
	for name, fault := range map[string]acstest.TokenFault{
		"fails":   {Err: errors.New("AADSTS7000215: invalid client secret\r\nTrace ID: x")},
		"expired": {Expired: true},
	} {
		t.Run(name, func(t *testing.T) {
			server, client := startWithToken(t, acstest.Config{}, nil)
			server.Credential().Next(fault)
			_, err := client.Send(t.Context(), simple())
			if e := wantRefused(t, err, mailer.ScopeAccount, mailer.ErrUnauthorized); !e.Temporary || !e.Elsewhere || strings.ContainsAny(err.Error(), "\r\n") {
				t.Errorf("got %+v", e)
			}
			if n := server.Stats().Conns; n != 0 {
				t.Errorf("%d connections", n)
			}
			mustSend(t, client, simple())
			wantCopies(t, held(t, server), 1)
		})
	}
	for name, credential := range map[string]credentialFunc{
		"empty": func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
			return azcore.AccessToken{ExpiresOn: time.Now().Add(time.Hour)}, nil
		},
		"panics": func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) { panic("credential") },
	} {
		t.Run(name, func(t *testing.T) {
			server := serve(t, acstest.Config{})
			client := newClient(t, withToken(server), func(c *acs.Config) { c.Credential = credential })
			_, err := client.Send(t.Context(), simple())
			wantRefused(t, err, mailer.ScopeAccount, mailer.ErrUnauthorized)
			if n := server.Stats().Conns; n != 0 {
				t.Errorf("%d connections", n)
			}
		})
	}
}

// TestNewFetchesNoToken: not before there is a message.
func TestNewFetchesNoToken(t *testing.T) {
	server, client := startWithToken(t, acstest.Config{}, nil)
	if n := server.Credential().Calls(); n != 0 {
		t.Errorf("New has fetched %d tokens", n)
	}
	for range 3 {
		mustSend(t, client, simple())
	}
	if n := server.Credential().Calls(); n != 1 {
		t.Errorf("fetched %d tokens, want 1", n)
	}
}

// waiter is a send that has to end at some time, with or without a token.
type waiter struct {
	name  string
	ctx   context.Context //nolint:containedctx // of one row
	ends  time.Duration
	scope mailer.Scope
	is    error
}

func limitedBy(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// waiters have different limits.
func waiters(t *testing.T) []waiter {
	t.Helper()
	gate := &mailer.Gate{CommitBy: time.Now().Add(5 * time.Second)}
	return []waiter{
		{"Timeout", t.Context(), 15 * time.Second, mailer.ScopeProvider, nil},
		{"ctx", limitedBy(t, 2*time.Second), 2 * time.Second, mailer.ScopeCaller, context.DeadlineExceeded},
		{"gate", mailer.WithGate(t.Context(), gate), 5 * time.Second, mailer.ScopeProvider, nil},
	}
}

// wait runs the sends and compares when and how each of them ended.
func wait(t *testing.T, client *acs.Client, all []waiter) {
	t.Helper()
	var running sync.WaitGroup
	for _, w := range all {
		running.Go(func() {
			start := time.Now()
			_, err := client.Send(w.ctx, simple())
			if took := time.Since(start); took != w.ends {
				t.Errorf("%s: took %v, want %v", w.name, took, w.ends)
			}
			wantRefused(t, err, w.scope, w.is)
			if errors.Is(err, mailer.ErrUnauthorized) {
				t.Errorf("%s: nobody refused anything: %v", w.name, err)
			}
		})
	}
	running.Wait()
}

// TestTokenHangs: one fetch serves all, and each waits for it as long as it may itself, even where the
// credential listens to nobody. Once it is there, the next message has it.
func TestTokenHangs(t *testing.T) {
	for name, deaf := range map[string]bool{"obeys its context": false, "does not": true} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, acstest.Config{})
			l.run(func(t *testing.T) {
				hold := make(chan struct{})
				l.Credential().Next(acstest.TokenFault{Hold: hold, Deaf: deaf})
				client := l.clientWith(t, l.credential(), nil)
				wait(t, client, waiters(t))
				if n := l.Credential().Calls(); n != 1 {
					t.Errorf("asked for %d tokens, want 1", n)
				}
				close(hold)
				mustSend(t, client, simple())
			})
			wantCopies(t, l.held(), 1)
		})
	}
}

// TestTokenNeverComes: a credential that hangs for good is not waited for by all who come later.
func TestTokenNeverComes(t *testing.T) {
	l := newLab(t, acstest.Config{})
	l.run(func(t *testing.T) {
		hold := make(chan struct{})
		defer close(hold)
		l.Credential().Next(acstest.TokenFault{Hold: hold, Deaf: true})
		client := l.clientWith(t, l.credential(), nil)
		wait(t, client, waiters(t))
		time.Sleep(16 * time.Second)
		mustSend(t, client, simple())
	})
	wantCopies(t, l.held(), 1)
}

// TestTokenRevoked: a token that is refused is replaced once, and the message sent with the new one.
func TestTokenRevoked(t *testing.T) {
	server, client := startWithToken(t, acstest.Config{}, nil)
	mustSend(t, client, simple())
	server.Credential().Revoke()
	mustSend(t, client, simple())
	wantCopies(t, held(t, server), 2)
	if n, calls := server.Stats().Requests, server.Credential().Calls(); n != 3 || calls != 2 {
		t.Errorf("%d requests and %d tokens, want 3 and 2", n, calls)
	}
}

// TestTokenRevokedThenHangs: nobody waits past its end, whenever it was that the token was taken away. It is a
// matter of luck who is where then, so there are several rounds.
func TestTokenRevokedThenHangs(t *testing.T) {
	for range 20 {
		l := newLab(t, acstest.Config{})
		l.run(func(t *testing.T) {
			client := l.clientWith(t, l.credential(), nil)
			mustSend(t, client, simple())
			hold := make(chan struct{})
			begun := l.Credential().Next(acstest.TokenFault{Hold: hold, Deaf: true})
			var sends sync.WaitGroup
			for range 64 {
				sends.Go(func() { sendUntilHeldUp(t, client, 5*time.Second) })
			}
			l.Credential().Revoke()
			<-begun
			sends.Wait()
			close(hold)
		})
	}
}

// sendUntilHeldUp sends until a message has to wait, which it may for so long.
func sendUntilHeldUp(t *testing.T, client *acs.Client, most time.Duration) {
	t.Helper()
	for ctx, took := limitedBy(t, time.Minute), time.Duration(0); took == 0; {
		gate := &mailer.Gate{CommitBy: time.Now().Add(most)}
		took = lasts(func() { _, _ = client.Send(mailer.WithGate(ctx, gate), simple()) })
		if took > most {
			t.Errorf("took %v, and had %v", took, most)
		}
	}
}

// TestTokenStaysRevoked: a credential that has nothing but the token that was refused costs two requests.
func TestTokenStaysRevoked(t *testing.T) {
	server := serve(t, acstest.Config{})
	old := azcore.AccessToken{Token: "old-token-that-nobody-takes", ExpiresOn: time.Now().Add(time.Hour)}
	client := newClient(t, withToken(server), func(c *acs.Config) {
		c.Credential = credentialFunc(func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) { return old, nil })
	})
	_, err := client.Send(t.Context(), simple())
	e := wantRefused(t, err, mailer.ScopeAccount, mailer.ErrUnauthorized)
	if n := server.Stats().Requests; n != 2 || e.Code != http.StatusUnauthorized {
		t.Errorf("%d requests, %+v", n, e)
	}
	if strings.Contains(fmt.Sprintf("%v %+v", err, e.Receipt), old.Token) {
		t.Errorf("the token is shown: %v", err)
	}
}

// bearers are the tokens that requests came with, each turn once.
func bearers(requests []acstest.Request) []string {
	var all []string
	for _, r := range requests {
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if len(all) == 0 || all[len(all)-1] != token {
			all = append(all, token)
		}
	}
	return all
}

// TestTokenRenewed: five minutes before its end a token is replaced, while it still serves.
func TestTokenRenewed(t *testing.T) {
	l := newLab(t, acstest.Config{TokenLifetime: time.Hour})
	l.run(func(t *testing.T) {
		client := l.clientWith(t, l.credential(), nil)
		mustSend(t, client, simple())
		time.Sleep(54 * time.Minute)
		mustSend(t, client, simple())
		if n := l.Credential().Calls(); n != 1 {
			t.Errorf("after 54 minutes %d tokens, want 1", n)
		}
		hold := make(chan struct{})
		l.Credential().Next(acstest.TokenFault{Hold: hold})
		time.Sleep(2 * time.Minute)
		for range 3 {
			if took := lasts(func() { mustSend(t, client, simple()) }); took != 0 {
				t.Errorf("waited for %v", took)
			}
		}
		if n := l.Credential().Calls(); n != 2 {
			t.Errorf("after 56 minutes %d tokens were asked for, want 2", n)
		}
		close(hold)
		synctest.Wait()
		mustSend(t, client, simple())
		time.Sleep(10 * time.Minute)
		mustSend(t, client, simple())
	})
	if tokens := bearers(l.Requests()); len(tokens) != 2 {
		t.Errorf("used %d tokens in turn, want 2", len(tokens))
	}
	if n := l.Credential().Calls(); n != 2 || len(l.Denials()) > 0 {
		t.Errorf("%d tokens, denied %q", n, l.Denials())
	}
	wantCopies(t, l.held(), 7)
}

// TestTokenRenewalFails: the old one serves until its end, and no longer. Until then the credential is
// asked at most twice a minute.
func TestTokenRenewalFails(t *testing.T) {
	l := newLab(t, acstest.Config{TokenLifetime: time.Hour})
	l.run(func(t *testing.T) {
		broken := new(atomic.Bool)
		calls := 0
		client := l.clientWith(t, credentialFunc(func(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
			if calls++; broken.Load() {
				return azcore.AccessToken{}, errors.New("no identity")
			}
			return l.credential().GetToken(ctx, o)
		}), nil)
		mustSend(t, client, simple())
		broken.Store(true)
		time.Sleep(55 * time.Minute)
		for range 60 { // 5 minutes
			mustSend(t, client, simple())
			time.Sleep(5 * time.Second)
		}
		if calls < 2 || calls > 11 {
			t.Errorf("asked %d times, want once and then at most twice a minute", calls)
		}
		_, err := client.Send(t.Context(), simple())
		wantRefused(t, err, mailer.ScopeAccount, mailer.ErrUnauthorized)
		broken.Store(false)
		mustSend(t, client, simple())
	})
	if d := l.Denials(); len(d) > 0 {
		t.Errorf("sent what was refused: %q", d)
	}
	wantCopies(t, l.held(), 62)
}

// TestTokenUndated: one that does not say when it ends is used for a minute, and asked for again at
// most twice in that.
func TestTokenUndated(t *testing.T) {
	l := newLab(t, acstest.Config{})
	l.run(func(t *testing.T) {
		client := l.clientWith(t, credentialFunc(func(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
			token, err := l.credential().GetToken(ctx, o)
			token.ExpiresOn = time.Time{}
			return token, err
		}), nil)
		for range 20 {
			mustSend(t, client, simple())
		}
		synctest.Wait()
		if n := l.Credential().Calls(); n > 2 {
			t.Errorf("asked for %d tokens within no time, want at most 2", n)
		}
		time.Sleep(2 * time.Minute)
		mustSend(t, client, simple())
		synctest.Wait()
		if n := l.Credential().Calls(); n < 2 || n > 4 {
			t.Errorf("asked for %d tokens after 2 minutes, want 2 to 4", n)
		}
	})
	wantCopies(t, l.held(), 21)
}

// TestTokenShared: a thousand messages that come at once share one fetch.
func TestTokenShared(t *testing.T) {
	const n = 1000
	l := newLab(t, acstest.Config{})
	l.run(func(t *testing.T) {
		hold := make(chan struct{})
		l.Credential().Next(acstest.TokenFault{Hold: hold})
		client := l.clientWith(t, l.credential(), func(c *acs.Config) { c.MaxConns = n })
		var sends sync.WaitGroup
		for range n {
			sends.Go(func() {
				if _, err := client.Send(t.Context(), simple()); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait() // everybody waits for it
		if calls := l.Credential().Calls(); calls != 1 {
			t.Errorf("asked for %d tokens, want 1", calls)
		}
		close(hold)
		sends.Wait()
	})
	if calls := l.Credential().Calls(); calls != 1 {
		t.Errorf("asked for %d tokens in the end, want 1", calls)
	}
	wantCopies(t, l.held(), n)
}

// TestCloseEndsFetch: whoever waits for a token is told, and the credential's context ends.
func TestCloseEndsFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan struct{})
		client := newClient(t, acs.Config{
			Endpoint: "https://contoso.communication.azure.com",
			Credential: credentialFunc(func(ctx context.Context, _ policy.TokenRequestOptions) (azcore.AccessToken, error) {
				<-ctx.Done()
				close(ended)
				return azcore.AccessToken{}, ctx.Err()
			}),
		}, nil)
		sent := make(chan error, 1)
		go func() {
			_, err := client.Send(t.Context(), simple())
			sent <- err
		}()
		synctest.Wait()
		if err := client.Close(limitedBy(t, 2*time.Second)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close: %v", err)
		}
		wantRefused(t, <-sent, mailer.ScopeCaller, mailer.ErrClosed)
		if took := lasts(func() { <-ended }); took != 0 {
			t.Errorf("the fetch ended %v after Close", took)
		}
	})
}

// TestBearerTokenPolicyAlone is why the tokens of this package stand in front of azcore's policy: left
// alone, that one lets a request wait for another one's token past its own end, and sends a
// token that has expired.
func TestBearerTokenPolicyAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent atomic.Int32
		pipeline := func(c azcore.TokenCredential) func(context.Context) error {
			p := runtime.NewPipeline("test", "v1.0.0", runtime.PipelineOptions{
				PerRetry: []policy.Policy{runtime.NewBearerTokenPolicy(c, []string{"scope"}, nil)},
			}, &policy.ClientOptions{Retry: policy.RetryOptions{MaxRetries: -1}, Transport: transportFunc(func() { sent.Add(1) })})
			return func(ctx context.Context) error {
				req, err := runtime.NewRequest(ctx, http.MethodGet, "https://contoso.communication.azure.com")
				if err != nil {
					return err
				}
				res, err := p.Do(req)
				if err == nil {
					_ = res.Body.Close()
				}
				return err
			}
		}
		slow := pipeline(credentialFunc(func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
			time.Sleep(time.Minute)
			return azcore.AccessToken{Token: "old", ExpiresOn: time.Now().Add(-time.Hour)}, nil
		}))
		go func() { _ = slow(t.Context()) }()
		synctest.Wait()
		if took := lasts(func() { _ = slow(limitedBy(t, time.Second)) }); took < time.Minute {
			t.Errorf("a request that had a second ended after %v: azcore's policy has changed", took)
		}
		if sent.Load() == 0 {
			t.Error("a token that has expired was not sent: azcore's policy has changed")
		}
	})
}

type transportFunc func()

func (f transportFunc) Do(r *http.Request) (*http.Response, error) {
	f()
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Header: make(http.Header), Request: r}, nil
}
