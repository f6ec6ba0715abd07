package main

import (
	"context"
	"errors"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers"
	"github.com/mailkeel/mailkeel/providers/acs/acstest"
	"github.com/mailkeel/mailkeel/providers/sendgrid/sendgridtest"
)

// An azureCase is something that the README says of Azure, with SendGrid behind it.
type azureCase struct {
	name   string
	params string // of the acs:// member
	happen func(*acstest.Server)
	sends  int // messages, one after the other

	outcome mailer.Outcome // of the last
	why     error
	azure   int // messages that each has then
	backup  int
	posts   int // requests to send that Azure has seen
}

// What the README says of Azure Communication Services.
func TestReadmeAzure(t *testing.T) {
	lost := acstest.Fault{Kind: acstest.Withhold, Accept: true}
	for _, c := range []azureCase{
		{
			name:   "a lost reply is settled by asking",
			happen: func(s *acstest.Server) { s.Next(lost) },
			sends:  1, outcome: mailer.Accepted, azure: 1, posts: 1,
		},
		{
			name:   "where the operation is not known, the message is sent again as the same",
			happen: func(s *acstest.Server) { s.Next(lost); s.NextLife(acstest.Life{Hidden: true}) },
			sends:  1, outcome: mailer.Accepted, azure: 1, posts: 2,
		},
		{
			name: "unless that is switched off", params: "&replay_window=off",
			happen: func(s *acstest.Server) { s.Next(lost); s.NextLife(acstest.Life{Hidden: true}) },
			sends:  1, outcome: mailer.Unknown, why: mailer.ErrUnknownOutcome, azure: 1, posts: 1,
		},
		{
			name: "the quota is kept without a call", params: "&quota=2/100",
			sends: 3, outcome: mailer.Accepted, azure: 2, backup: 1, posts: 2,
		},
		{
			name: "each instance has its share", params: "&quota=4/100&quota_share=1/4",
			sends: 3, outcome: mailer.Accepted, azure: 1, backup: 2, posts: 1,
		},
		{
			name: "without a quota of one's own the service says it", params: "&quota=none",
			happen: func(s *acstest.Server) { s.Next(acstest.Reply(acstest.RateLimited())) },
			sends:  1, outcome: mailer.Accepted, backup: 1, posts: 1,
		},
		{
			name:   "a 503 in the service's own form is settled",
			happen: func(s *acstest.Server) { s.Next(acstest.Reply(acstest.Unavailable())) },
			sends:  1, outcome: mailer.Accepted, backup: 1, posts: 1,
		},
		{
			name:   "and is an acceptance where the operation is there",
			happen: func(s *acstest.Server) { s.Next(acstest.AcceptBut(acstest.Unavailable())) },
			sends:  1, outcome: mailer.Accepted, azure: 1, posts: 1,
		},
		{
			name: "a 500 is unknown", params: "&replay_window=off",
			happen: func(s *acstest.Server) { s.Next(acstest.Reply(acstest.InternalError())) },
			sends:  1, outcome: mailer.Unknown, why: mailer.ErrUnknownOutcome, posts: 1,
		},
		{
			name:   "an unlinked domain is sent elsewhere",
			happen: func(s *acstest.Server) { s.Next(acstest.Reply(acstest.DomainNotLinked())) },
			sends:  1, outcome: mailer.Accepted, backup: 1, posts: 1,
		},
		{
			name: "with wait, suppressed recipients are refused", params: "&wait=10s",
			happen: func(s *acstest.Server) { s.NextLife(acstest.Life{End: acstest.AllSuppressed()}) },
			sends:  1, outcome: mailer.NotAccepted, why: mailer.ErrRecipientRefused, azure: 1, posts: 1,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // some wait for a second or two
			c.check(t)
		})
	}
}

func (c *azureCase) check(t *testing.T) {
	azure, backup := acstest.Start(t, acstest.Config{RetryAfter: -1}), sendgridtest.Start(t, sendgridtest.Config{})
	sender, err := providers.Open(t.Context(), "failover(acs://"+azure.Addr()+"?name=azure&insecure=true&key="+azure.Key()+c.params+
		" sendgrid://"+backup.Key()+"@"+backup.Addr()+"?insecure=true)?ask_limit=500ms&start_limit=10s&reply_limit=10s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeSender(context.Background(), sender) })
	if c.happen != nil {
		c.happen(azure)
	}
	for range c.sends {
		_, err = sender.Send(t.Context(), &mailer.Message{From: ann, To: []mailer.Address{bob}, Subject: "Your order", Text: "It is on its way.\n"})
	}
	outcome := mailer.Accepted
	if err != nil {
		outcome = mailer.AsSendError(err).Outcome
	}
	if outcome != c.outcome || c.why != nil && !errors.Is(err, c.why) {
		t.Errorf("got %s, %v", outcome, err)
	}
	if a, b, p := len(azure.Messages()), len(backup.Messages()), azure.SendUsage().Total; a != c.azure || b != c.backup || p != c.posts {
		t.Errorf("Azure has %d messages after %d requests, the backup has %d; want %d, %d, %d", a, p, b, c.azure, c.posts, c.backup)
	}
}
