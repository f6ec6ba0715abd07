package sendertest

import (
	"context"

	"github.com/mailkeel/mailkeel/mailer"
)

// outcomeCases are about who gets a receipt and who an error.
var outcomeCases = []testCase{
	{1, "accepted", func(s *scene) { s.accept(context.Background(), s.message()) }},
	{1, "accepted_for_all", func(s *scene) { s.accept(context.Background(), s.crowd()) }},
	{1, "accepted_once_for_a_repeated_address", repeatedAddress},
	{1, "accepted_with_an_international_domain", internationalDomain},
	{2, "partly_accepted", partlyAccepted},
	{2, "all_or_none", allOrNone},
	{3, "refused_for_all", refusedForAll},
}

func repeatedAddress(s *scene) {
	m := s.message()
	m.Cc = []mailer.Address{{Name: "Ann", Address: "ann@EXAMPLE.com"}}
	m.Bcc = []mailer.Address{{Address: "ann@example.com"}, {Address: "bob@example.com"}}
	s.accept(context.Background(), m)
}

func internationalDomain(s *scene) {
	m := s.message()
	m.To = []mailer.Address{{Address: "ann@bücher.example"}}
	s.accept(context.Background(), m)
}

func partlyAccepted(s *scene) {
	s.meet(Step{Fault: RecipientRefused, Recipient: middle})
	r := s.send(context.Background(), s.crowd())
	s.want(r, RecipientRefused.Verdict())
	for _, rcpt := range r.recipients() {
		switch refused := rcpt.Address == middle; {
		case refused != (rcpt.Outcome == mailer.NotAccepted):
			s.broke(quote(docRecipients), "%s was refused: %t, and its outcome is %s", rcpt.Address, refused, rcpt.Outcome)
		case refused:
			s.checkRefused(rcpt)
		}
	}
}

// checkRefused checks what is said about a recipient that does not exist.
func (s *scene) checkRefused(rcpt mailer.RecipientResult) {
	s.Helper()
	if rcpt.Scope != mailer.ScopeRecipient || rcpt.Code == 0 || rcpt.Elsewhere || rcpt.Temporary {
		s.broke(quote(docScope), "%s does not exist, and its result is %+v", rcpt.Address, rcpt)
	}
}

func allOrNone(s *scene) {
	s.meet(Step{Fault: RecipientRefused, Recipient: middle})
	m := s.crowd()
	m.AllOrNone = true
	r := s.start(context.Background(), m).wait(patience)
	if truth := s.verify(r); len(truth.Copies) > 0 {
		s.broke(quote(docAllOrNone), "the provider accepted it for %q", truth.Copies[0].Recipients)
	}
	if r.outcome() != mailer.NotAccepted {
		s.broke(quote(docAllOrNone), "the verdict is %s (error %v)", r.outcome(), r.err)
	}
	for _, rcpt := range r.recipients() {
		if rcpt.Address == middle {
			s.checkRefused(rcpt)
		}
	}
}

func refusedForAll(s *scene) {
	s.meet(Step{Fault: RecipientsRefused})
	r := s.send(context.Background(), s.crowd())
	s.want(r, RecipientsRefused.Verdict())
	for _, rcpt := range r.recipients() {
		s.checkRefused(rcpt)
	}
}
