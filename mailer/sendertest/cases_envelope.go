package sendertest

import (
	"context"
	"slices"

	"github.com/mailkeel/mailkeel/mailer"
)

// envelopeCases are about messages that go to fewer than their header shows.
var envelopeCases = []testCase{
	{11, "feature_envelope", func(s *scene) { s.checkNarrow(s.crowd(), "ann@example.com", "cid@example.com") }},
	{11, "feature_envelope_without_the_first", func(s *scene) { s.checkNarrow(s.crowd(), middle) }},
	{11, "feature_envelope_of_a_copy", narrowCopy},
	{11, "feature_envelope_of_what_was_left", narrowRest},
}

func (s *scene) narrow(m *mailer.Message, to ...string) *mailer.Message {
	s.Helper()
	narrow, err := mailer.Narrow(m, to)
	if err != nil {
		s.Fatalf("narrow the message of the suite to %q: %v", to, err)
	}
	return narrow
}

// checkNarrow sends m to those recipients alone.
func (s *scene) checkNarrow(m *mailer.Message, to ...string) {
	s.Helper()
	s.sendNarrow(s.narrow(m, to...), to)
}

// narrowCopy sends what wrappers make of such a message, which is not prepared.
func narrowCopy(s *scene) {
	from := s.From
	from.Name = "Sendertest"
	m := *s.narrow(s.crowd(), middle)
	m.From.Name = ""
	s.sendNarrow(mailer.SendAs(&m, from), []string{middle})
}

// narrowRest sends a message to some and then to the others: they are one message, and
// everybody gets it once.
func narrowRest(s *scene) {
	if s.capabilities.ReplayWindow > 0 {
		s.Skip("the provider knows messages by their key, and takes a second part of one for a repetition")
	}
	m, err := mailer.Prepare(s.crowd())
	if err != nil {
		s.Fatalf("prepare the message of the suite: %v", err)
	}
	s.checkNarrow(m, "ann@example.com")
	s.checkNarrow(m, middle, "cid@example.com")
	if s.carries(mailer.FeatureEnvelope) {
		s.checkOneIdentity(m)
	}
}

// sendNarrow sends a narrow message, which is delivered to exactly those, or refused.
func (s *scene) sendNarrow(m *mailer.Message, to []string) {
	s.Helper()
	if !s.carries(mailer.FeatureEnvelope) {
		s.checkUnsupported(m)
		return
	}
	before := len(copiesOf(s.truth(), m.Subject))
	r := s.accept(context.Background(), m)
	var got, said []string
	for _, c := range copiesOf(s.truth(), m.Subject)[before:] {
		got = append(got, c.Recipients...)
	}
	for _, rcpt := range r.recipients() {
		said = append(said, rcpt.Address)
	}
	slices.Sort(got)
	if want := slices.Sorted(slices.Values(to)); !slices.Equal(got, want) {
		s.broke(quote(docEnvelope), "the provider has it for %q, want %q", got, want)
	}
	if !slices.Equal(said, to) {
		s.broke(quote(docEnvelope), "the receipt has %q, want %q", said, to)
	}
}
