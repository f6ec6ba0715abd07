package acstest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// A Credential issues tokens that its [Server] takes until they expire or are revoked. Its
// methods may be called concurrently.
type Credential struct {
	now      func() time.Time
	lifetime time.Duration

	mu     sync.Mutex
	calls  int
	steps  []tokenStep
	issued map[string]time.Time // when they expire
}

var _ azcore.TokenCredential = (*Credential)(nil)

// A TokenFault is what one call of GetToken meets.
type TokenFault struct {
	// Hold makes the call wait until it is closed, or its context ends.
	Hold <-chan struct{}
	// Deaf makes it wait for Hold alone.
	Deaf bool
	// Err is what the call fails with, after Hold.
	Err error
	// Expired makes the token one that has expired a second ago, and says so.
	Expired bool
}

type tokenStep struct {
	TokenFault
	begun chan struct{}
}

func newCredential(now func() time.Time, lifetime time.Duration) *Credential {
	return &Credential{now: now, lifetime: lifetime, issued: make(map[string]time.Time)}
}

// Credential returns the credential of which the server takes tokens, the same each time.
func (s *Server) Credential() *Credential { return s.credential }

// Calls returns how often GetToken was called.
func (c *Credential) Calls() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls
}

// Next makes f what the next call of GetToken meets that has no fault yet. The channel is
// closed when that call has begun.
func (c *Credential) Next(f TokenFault) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	begun := make(chan struct{})
	c.steps = append(c.steps, tokenStep{f, begun})
	return begun
}

// Revoke makes the server refuse all tokens issued so far.
func (c *Credential) Revoke() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.issued)
}

// GetToken implements [azcore.TokenCredential]. The one scope must be that of the service, with one
// slash before .default or with two, as some of Microsoft's clients spell it.
func (c *Credential) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	fault := c.begin()
	if err := fault.wait(ctx); err != nil {
		return azcore.AccessToken{}, err
	}
	if fault.Err != nil {
		return azcore.AccessToken{}, fault.Err
	}
	if len(options.Scopes) != 1 || !slices.Contains(knownScopes(), options.Scopes[0]) {
		return azcore.AccessToken{}, fmt.Errorf("acstest: a token for %q is not to be had", options.Scopes)
	}
	return c.issue(fault.Expired), nil
}

func knownScopes() []string {
	return []string{"https://communication.azure.com/.default", "https://communication.azure.com//.default"}
}

func (c *Credential) begin() TokenFault {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	if len(c.steps) == 0 {
		return TokenFault{}
	}
	step := c.steps[0]
	c.steps = c.steps[1:]
	close(step.begun)
	return step.TokenFault
}

func (f TokenFault) wait(ctx context.Context) error {
	if f.Hold != nil && f.Deaf {
		<-f.Hold
		return nil
	}
	if f.Hold != nil {
		select {
		case <-f.Hold:
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

func (c *Credential) issue(expired bool) azcore.AccessToken {
	token := azcore.AccessToken{Token: rand.Text(), ExpiresOn: c.now().Add(c.lifetime)}
	if expired {
		token.ExpiresOn = c.now().Add(-time.Second)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.issued[token.Token] = token.ExpiresOn
	return token
}

// check returns why the server does not take a token.
func (c *Credential) check(token string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	expiry, issued := c.issued[token]
	switch {
	case !issued:
		return errors.New("the token was not issued here, or was revoked")
	case !c.now().Before(expiry):
		return errors.New("the token has expired")
	}
	return nil
}
