package acs

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// A lateCredential gives its first token long after it was given up.
type lateCredential struct{ calls atomic.Int32 }

func (c *lateCredential) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	token := azcore.AccessToken{Token: "new", ExpiresOn: time.Now().Add(time.Hour)}
	if c.calls.Add(1) == 1 {
		time.Sleep(2 * fetchLimit)
		token.Token = "old"
	}
	return token, nil
}

// TestLateFetch: a token that comes when another was fetched in its place serves those who waited for it, and
// nobody else.
func TestLateFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tk := newTokens(t.Context(), &Config{Credential: new(lateCredential)})
		_, first := tk.current(time.Now())
		time.Sleep(fetchLimit + time.Second)
		_, second := tk.current(time.Now())
		<-second.done
		<-first.done
		held, f := tk.current(time.Now())
		if first == second || first.token.Token != "old" || f != nil || held.Token != "new" {
			t.Errorf("the first brought %q, and held is %q", first.token.Token, held.Token)
		}
	})
}
