package acs_test

import (
	"context"
	"encoding/base64"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/acs"
	"github.com/mailkeel/mailkeel/providers/acs/acstest"
)

const claims = `{"access_token":{"nbf":{"essential":true,"value":"1700000000"}}}`

// challenge is a refusal for lack of claims (continuous access evaluation).
func challenge() acstest.Fault {
	a := acstest.Denied()
	a.Header.Set("WWW-Authenticate", `Bearer realm="", error="insufficient_claims", claims="`+base64.StdEncoding.EncodeToString([]byte(claims))+`"`)
	return acstest.Reply(a)
}

// claimed is the server's credential. It keeps the claims that were asked for.
type claimed struct {
	azcore.TokenCredential
	mu  sync.Mutex
	all []string
}

func (c *claimed) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	c.mu.Lock()
	c.all = append(c.all, o.Claims)
	c.mu.Unlock()
	return c.TokenCredential.GetToken(ctx, o)
}

// TestClaimsChallenge: it is answered once, by a token that has the claims, which serves from then on.
func TestClaimsChallenge(t *testing.T) {
	for _, c := range []struct {
		name       string
		challenges int
		ok         bool
		want       []string
	}{
		{"once", 1, true, []string{"", claims}},
		{"twice", 2, false, []string{"", claims}},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := serve(t, acstest.Config{})
			credential := &claimed{TokenCredential: server.Credential()}
			client := newClient(t, withToken(server), func(cfg *acs.Config) { cfg.Credential = credential })
			for range c.challenges {
				server.Next(challenge())
			}
			_, err := client.Send(t.Context(), simple())
			if c.ok && err != nil {
				t.Errorf("got %v", err)
			} else if !c.ok {
				wantRefused(t, err, mailer.ScopeAccount, mailer.ErrUnauthorized)
			}
			if n := server.Stats().Requests; n != 2 || !slices.Equal(credential.all, c.want) {
				t.Errorf("%d requests, asked for the claims %q; want 2, %q", n, credential.all, c.want)
			}
			copies := map[bool]int{true: 1}[c.ok]
			wantCopies(t, held(t, server), copies)
			mustSend(t, client, simple())
			wantCopies(t, held(t, server), copies+1)
			if all := bearers(server.Requests()); len(all) != 2 || server.Stats().Requests != 3 {
				t.Errorf("%d requests after another message, with %d tokens in turn; want 3 and 2", server.Stats().Requests, len(all))
			}
		})
	}
}

// TestClaimsChallengeUnreadable: a challenge that makes no sense is a refusal like any other.
func TestClaimsChallengeUnreadable(t *testing.T) {
	server, client := startWithToken(t, acstest.Config{}, nil)
	a := acstest.Denied()
	a.Header.Set("WWW-Authenticate", `Bearer error="insufficient_claims", claims="%%%"`)
	for range 2 {
		server.Next(acstest.Reply(a))
	}
	_, err := client.Send(t.Context(), simple())
	wantRefused(t, err, mailer.ScopeAccount, mailer.ErrUnauthorized)
	wantCopies(t, held(t, server), 0)
	if n := server.Stats().Requests; n > 2 {
		t.Errorf("%d requests", n)
	}
}

// TestClaimsHang: while a token with claims is on its way for one message, another one waits no
// longer than it may itself; nor does the first, where the credential listens to nobody.
func TestClaimsHang(t *testing.T) {
	for name, deaf := range map[string]bool{"obeys its context": false, "does not": true} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, acstest.Config{})
			l.Next(challenge())
			l.run(func(t *testing.T) {
				hold := make(chan struct{})
				l.Credential().Next(acstest.TokenFault{})
				begun := l.Credential().Next(acstest.TokenFault{Hold: hold, Deaf: deaf})
				client := l.clientWith(t, l.credential(), nil)
				first, second := make(chan time.Duration, 1), make(chan time.Duration, 1)
				send := func(took chan<- time.Duration, limit time.Duration) {
					took <- lasts(func() { _, _ = client.Send(limitedBy(t, limit), simple()) })
				}
				go send(first, 10*time.Second)
				<-begun
				go send(second, 2*time.Second)
				time.Sleep(20 * time.Second)
				close(hold)
				if took := <-first; took > 10*time.Second {
					t.Errorf("the first one took %v, and had 10s", took)
				}
				if took := <-second; took > 2*time.Second {
					t.Errorf("the second one took %v, and had 2s", took)
				}
			})
		})
	}
}
