package acs_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/acs"
)

// A readError reads a reply when it is printed, as azidentity's AuthenticationFailedError does. It is for one
// goroutine at a time.
type readError struct{ times int }

func (e *readError) Error() string {
	e.times++
	return "the platform refused"
}

// TestTokenErrorShared: those who waited for one token share its error, whose text is made once.
func TestTokenErrorShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold, failure := make(chan struct{}), new(readError)
		client := newClient(t, acs.Config{
			Endpoint: "https://contoso.communication.azure.com",
			Credential: credentialFunc(func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
				<-hold
				return azcore.AccessToken{}, failure
			}),
		}, nil)
		var sends sync.WaitGroup
		for range 8 {
			sends.Go(func() {
				_, err := client.Send(t.Context(), simple())
				wantRefused(t, err, mailer.ScopeAccount, failure)
				_ = err.Error()
			})
		}
		synctest.Wait()
		close(hold)
		sends.Wait()
		if failure.times != 1 {
			t.Errorf("the text was made %d times", failure.times)
		}
	})
}
