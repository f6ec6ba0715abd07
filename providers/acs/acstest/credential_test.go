package acstest

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

func token(t *testing.T, c *Credential) azcore.AccessToken {
	t.Helper()
	token, err := c.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"https://communication.azure.com/.default"}})
	must(t, err)
	return token
}

// statusOf sends with a token.
func statusOf(t *testing.T, s *Server, token azcore.AccessToken) int {
	t.Helper()
	req := request(t, s, http.MethodPost, sendTarget, plain)
	req.Header.Set("Authorization", "Bearer "+token.Token)
	return do(t, req).status
}

func TestToken(t *testing.T) {
	c := newClock()
	s := Start(t, Config{Now: c.now, TokenLifetime: 10 * time.Minute})
	first, second := token(t, s.Credential()), token(t, s.Credential())
	if !first.ExpiresOn.Equal(c.now().Add(10*time.Minute)) || first.Token == second.Token {
		t.Errorf("%+v, %+v", first, second)
	}
	if a, b := statusOf(t, s, first), statusOf(t, s, second); a != http.StatusAccepted || b != http.StatusAccepted {
		t.Errorf("%d, %d, %q", a, b, s.Denials())
	}
	c.pass(10*time.Minute - time.Second)
	if got := statusOf(t, s, first); got != http.StatusAccepted {
		t.Errorf("before its end %d", got)
	}
	c.pass(time.Second)
	if got := statusOf(t, s, first); got != http.StatusUnauthorized {
		t.Errorf("at its end %d", got)
	}
	third := token(t, s.Credential())
	s.Credential().Revoke()
	if got := statusOf(t, s, third); got != http.StatusUnauthorized {
		t.Errorf("revoked %d", got)
	}
	if got := s.Credential().Calls(); got != 3 {
		t.Errorf("%d calls", got)
	}
}

func TestScope(t *testing.T) {
	c := Start(t, Config{}).Credential()
	for _, tt := range []struct {
		scopes []string
		ok     bool
	}{
		{[]string{"https://communication.azure.com/.default"}, true},
		{[]string{"https://communication.azure.com//.default"}, true},
		{[]string{"https://communication.azure.us/.default"}, false},
		{[]string{"https://communication.azure.com"}, false},
		{[]string{"https://communication.azure.com/.default", "https://communication.azure.com//.default"}, false},
		{nil, false},
	} {
		if _, err := c.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: tt.scopes}); (err == nil) != tt.ok {
			t.Errorf("%q: %v", tt.scopes, err)
		}
	}
}

func TestTokenFaults(t *testing.T) {
	s := Start(t, Config{})
	c := s.Credential()
	broken := errors.New("no identity here")
	options := policy.TokenRequestOptions{Scopes: []string{"https://communication.azure.com/.default"}}

	begun := c.Next(TokenFault{Err: broken})
	if _, err := c.GetToken(t.Context(), options); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	<-begun
	c.Next(TokenFault{Expired: true})
	old := token(t, c)
	if until := time.Until(old.ExpiresOn); until > 0 || statusOf(t, s, old) != http.StatusUnauthorized {
		t.Errorf("%v left", until)
	}

	ctx, cancel := context.WithCancel(t.Context())
	begun = c.Next(TokenFault{Hold: make(chan struct{})})
	go func() { <-begun; cancel() }()
	if _, err := c.GetToken(ctx, options); !errors.Is(err, context.Canceled) {
		t.Errorf("while it hangs: %v", err)
	}

	hold := make(chan struct{})
	begun = c.Next(TokenFault{Hold: hold, Deaf: true})
	go func() { <-begun; close(hold) }()
	if _, err := c.GetToken(ctx, options); err != nil {
		t.Errorf("deaf: %v", err)
	}
	if statusOf(t, s, token(t, c)) != http.StatusAccepted {
		t.Error("no token after all faults")
	}
	if got := c.Calls(); got != 5 {
		t.Errorf("%d calls", got)
	}
}
