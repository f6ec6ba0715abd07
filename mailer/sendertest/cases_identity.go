package sendertest

import (
	"context"

	"github.com/mailkeel/mailkeel/mailer"
)

// identityCases are about what a message is known by, from one attempt to the next.
var identityCases = []testCase{
	{8, "identity_of_a_message_sent_again", identityTwice},
	{8, "identity_after_an_unknown_outcome", identityAfterUnknown},
	{8, "identity_given_by_the_caller", identityGiven},
	{8, "identities_of_two_messages", identityDiffers},
}

func (s *scene) prepared() *mailer.Message {
	s.Helper()
	m, err := mailer.Prepare(s.message())
	if err != nil {
		s.Fatalf("prepare the message of the suite: %v", err)
	}
	return m
}

func identityTwice(s *scene) {
	m := s.prepared()
	s.accept(context.Background(), m)
	s.accept(context.Background(), m)
	s.checkOneIdentity(m)
}

// identityAfterUnknown sends again what was lost, as a caller does who prefers a
// second copy to none.
func identityAfterUnknown(s *scene) {
	m := s.prepared()
	s.meet(Step{Fault: ReplyLost})
	s.send(context.Background(), m)
	s.accept(context.Background(), m)
	s.checkOneIdentity(m)
}

func identityGiven(s *scene) {
	m := s.message()
	m.MessageID, m.IdempotencyKey = "<4711.sendertest@example.com>", "order-4711"
	s.accept(context.Background(), m)
	s.checkOneIdentity(m)
}

// checkOneIdentity checks what the provider was given with the copies of m.
func (s *scene) checkOneIdentity(m *mailer.Message) {
	s.Helper()
	copies := copiesOf(s.truth(), m.Subject)
	if len(copies) == 0 {
		s.broke(rule(4), "the message was accepted, and the provider has no copy")
		return
	}
	for _, c := range copies {
		if c.MessageID == "" && c.IdempotencyKey == "" {
			s.broke(quote(docKey), "the provider was given neither a Message-ID nor a key")
		}
		if c.MessageID != "" && c.MessageID != m.MessageID {
			s.broke(quote(docMessageID), "the provider was given %s, want %s", c.MessageID, m.MessageID)
		}
		if c.IdempotencyKey != copies[0].IdempotencyKey {
			s.broke(quote(docKey), "the provider was given %q and %q", copies[0].IdempotencyKey, c.IdempotencyKey)
		}
	}
}

func identityDiffers(s *scene) {
	s.accept(context.Background(), s.message())
	s.accept(context.Background(), s.message())
	copies := s.truth().Copies
	if len(copies) != 2 {
		s.broke(rule(4), "two messages were accepted, and the provider has %d copies", len(copies))
		return
	}
	a, b := copies[0], copies[1]
	if a.MessageID != "" && a.MessageID == b.MessageID || a.IdempotencyKey != "" && a.IdempotencyKey == b.IdempotencyKey {
		s.broke(quote(docKey), "two messages went under %q, %q and %q, %q", a.MessageID, a.IdempotencyKey, b.MessageID, b.IdempotencyKey)
	}
}
