package sendgrid_test

import (
	"testing"

	"github.com/mailkeel/mailkeel/internal/apifake/conduct"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/sendertest"
	"github.com/mailkeel/mailkeel/providers/sendgrid"
	"github.com/mailkeel/mailkeel/providers/sendgrid/sendgridtest"
)

func TestConformance(t *testing.T) { sendertest.Run(t, newHarness) }

func newHarness(t testing.TB) sendertest.Harness {
	t.Helper()
	p := &conduct.Provider{Answer: answer}
	server, client := start(t, sendgridtest.Config{}, func(cfg *sendgrid.Config) {
		cfg.Dial = p.Dial
		cfg.IdleTimeout = -1 // a connection for each exchange
	})
	p.Server = server
	p.Copies = func() (all []sendertest.Copy) {
		for _, m := range server.Messages() {
			all = append(all, sendertest.Copy{
				Subject: m.Subject, Recipients: m.Recipients(),
				MessageID: m.Headers["Message-ID"], IdempotencyKey: m.CustomArgs["mailkeel_key"],
			})
		}
		return all
	}
	return sendertest.Harness{
		Sender: client, Provider: p, Secrets: []string{secret},
		// The suite's alternative is an invitation with a method, which no type without
		// parameters can say.
		Lacks: mailer.FeatureAlternatives,
		NotApplicable: map[sendertest.Fault]string{
			sendertest.RecipientRefused:  "one bad address refuses the request, and the account of it is about the message",
			sendertest.RecipientsRefused: "likewise",
		},
	}
}

func answer(s sendertest.Step) (sendgridtest.Answer, bool) {
	a, ok := map[sendertest.Fault]sendgridtest.Answer{
		sendertest.MessageRefused:     sendgridtest.BadRequest("content.0.value"),
		sendertest.SenderRefused:      sendgridtest.SenderNotVerified(),
		sendertest.CredentialsRefused: sendgridtest.Unauthorized(),
		sendertest.RateLimited:        sendgridtest.RateLimited(),
		sendertest.RateLimitedFor:     sendgridtest.RateLimitedFor(s.RetryAfter),
		sendertest.Unavailable:        sendgridtest.Unavailable(),
	}[s.Fault]
	return a, ok
}
