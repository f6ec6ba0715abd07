package acs_test

import (
	"context"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/mailkeel/mailkeel/internal/apifake/conduct"
	"github.com/mailkeel/mailkeel/mailer/sendertest"
	"github.com/mailkeel/mailkeel/providers/acs"
	"github.com/mailkeel/mailkeel/providers/acs/acstest"
)

func TestConformanceWithKey(t *testing.T) {
	sendertest.Run(t, func(t testing.TB) sendertest.Harness {
		p := newProvider()
		server, client := start(t, acstest.Config{}, p.watch)
		return p.harness(server, client, server.Key())
	})
}

func TestConformanceWithToken(t *testing.T) {
	sendertest.Run(t, func(t testing.TB) sendertest.Harness {
		p, token := newProvider(), azcore.AccessToken{}
		server, client := startWithToken(t, acstest.Config{}, func(cfg *acs.Config) {
			p.watch(cfg)
			token = must(cfg.Credential.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{scope}}))
			cfg.Credential = sameToken(token)
		})
		return p.harness(server, client, token.Token)
	})
}

const scope = "https://communication.azure.com/.default"

// sameToken is a credential whose token never changes, so that the suite can look for it.
type sameToken azcore.AccessToken

func (s sameToken) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken(s), nil
}

// commanded is the service as sendertest commands it.
type commanded struct{ conduct.Provider }

func newProvider() *commanded { return &commanded{conduct.Provider{Answer: answer, Second: second}} }

// watch gives each exchange a connection of its own.
func (p *commanded) watch(cfg *acs.Config) { cfg.Dial, cfg.IdleTimeout = p.Dial, -1 }

func (p *commanded) harness(server *acstest.Server, client *acs.Client, secret string) sendertest.Harness {
	const whole = "the service takes or refuses a message as a whole, and drops suppressed recipients later"
	p.Server = server
	p.Copies = func() (all []sendertest.Copy) {
		for _, m := range server.Messages() {
			all = append(all, sendertest.Copy{
				Subject: m.Subject, Recipients: m.Recipients(),
				MessageID: m.Header("Message-ID"), IdempotencyKey: m.OperationID,
			})
		}
		return all
	}
	return sendertest.Harness{
		Sender: client, Provider: p, Secrets: []string{secret},
		NotApplicable: map[sendertest.Fault]string{sendertest.RecipientRefused: whole, sendertest.RecipientsRefused: whole},
	}
}

// second: after a 401 the same again, and after a 503 the client asks for the operation.
func second(s sendertest.Step) (sendertest.Step, bool) {
	switch s.Fault {
	case sendertest.CredentialsRefused:
		return s, true
	case sendertest.Unavailable:
		return sendertest.Step{}, true
	}
	return sendertest.Step{}, false
}

func answer(s sendertest.Step) (acstest.Answer, bool) {
	a, ok := map[sendertest.Fault]acstest.Answer{
		sendertest.MessageRefused:     acstest.BadRequest("content.plainText"),
		sendertest.SenderRefused:      acstest.DomainNotLinked(),
		sendertest.CredentialsRefused: acstest.Denied(),
		sendertest.RateLimited:        acstest.RateLimited(),
		sendertest.RateLimitedFor:     acstest.RateLimitedFor(max(s.RetryAfter, time.Second)),
		sendertest.Unavailable:        acstest.Unavailable(),
	}[s.Fault]
	return a, ok
}
