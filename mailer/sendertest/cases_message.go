package sendertest

import (
	"bytes"
	"context"
	"sync"

	"github.com/mailkeel/mailkeel/mailer"
)

// messageCases are about the message that the caller passed in.
var messageCases = []testCase{
	{6, "unchanged_after_acceptance", func(s *scene) { s.accept(context.Background(), s.full()) }},
	{6, "unchanged_after_refusal", unchangedAfterRefusal},
	{6, "unchanged_attachment", unchangedAttachment},
}

// concurrencyCases mean most under the race detector.
var concurrencyCases = []testCase{
	{7, "fifty_at_once", fiftyAtOnce},
	{7, "one_message_at_once", oneMessageAtOnce},
}

func unchangedAfterRefusal(s *scene) {
	s.meet(Step{Fault: MessageRefused})
	s.want(s.send(context.Background(), s.full()), MessageRefused.Verdict())
}

func unchangedAttachment(s *scene) {
	if !s.carries(mailer.FeatureAttachments) {
		s.Skip("the Sender carries no attachments")
	}
	content := bytes.Repeat([]byte("line\n.\n\r\n"), 1000)
	kept := bytes.Clone(content)
	m := s.message()
	m.Attachments = []mailer.Attachment{{Name: "lines.txt", Content: mailer.Bytes(content)}}
	s.accept(context.Background(), m)
	if !bytes.Equal(content, kept) {
		s.broke(rule(6), "it changed the bytes of an attachment")
	}
}

// fiftyAtOnce compares what was sent with what arrived.
func fiftyAtOnce(s *scene) {
	const n = 50
	messages := make([]*mailer.Message, n)
	for i := range messages {
		messages[i] = s.crowd()
	}
	results := s.sendAll(messages)
	truth := s.verify(results...)
	for _, r := range results {
		if r.err != nil {
			s.broke(rule(7), "%s: %v", r.subject, r.err)
		}
		if got := len(copiesOf(truth, r.subject)); got != 1 {
			s.broke(rule(7), "the provider has %d copies of %q, want 1", got, r.subject)
		}
	}
	if len(truth.Copies) != n {
		s.broke(rule(7), "the provider has %d copies of %d messages", len(truth.Copies), n)
	}
}

// oneMessageAtOnce sends a message that is not prepared from several goroutines: each
// send mints what is missing for itself.
func oneMessageAtOnce(s *scene) {
	const n = 8
	m := s.full()
	messages := make([]*mailer.Message, n)
	for i := range messages {
		messages[i] = m
	}
	ids := make(map[string]bool)
	results := s.sendAll(messages)
	for _, r := range results {
		if account := r.account(); account != nil {
			ids[account.MessageID] = true
		}
	}
	truth := s.verify(results...)
	if len(ids) != n || len(truth.Copies) != n {
		s.broke(rule(7), "%d sends had %d identities, and the provider has %d copies", n, len(ids), len(truth.Copies))
	}
}

// sendAll sends all messages at once and returns the results when all are there.
func (s *scene) sendAll(messages []*mailer.Message) []*result {
	s.Helper()
	under := make([]*sending, len(messages))
	var ready sync.WaitGroup
	ready.Add(1)
	ctx := context.Background()
	for i, m := range messages {
		under[i] = s.startAfter(ctx, m, &ready)
	}
	ready.Done()
	results := make([]*result, len(under))
	for i, x := range under {
		results[i] = x.wait(patience)
	}
	return results
}
