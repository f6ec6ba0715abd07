package sendertest

import (
	"errors"
	"slices"

	"github.com/mailkeel/mailkeel/mailer"
)

// verify compares what the results say with the provider's truth. No send is under way.
func (s *scene) verify(results ...*result) Truth {
	s.Helper()
	truth := s.truth()
	for _, r := range results {
		s.verifyOne(truth, r)
	}
	return truth
}

func (s *scene) verifyOne(truth Truth, r *result) {
	s.Helper()
	copies := copiesOf(truth, r.subject)
	s.verifyIdentity(r, copies)
	recipients := r.recipients()
	if r.outcome() == mailer.NotAccepted && len(recipients) == 0 && len(copies) > 0 && s.sends[r.subject] == 1 {
		s.broke(rule(4), "not accepted, and the provider has %d copies", len(copies))
	}
	for _, rcpt := range recipients {
		n := 0
		for _, c := range copies {
			n += count(c.Recipients, rcpt.Address)
		}
		switch sends := s.sends[r.subject]; {
		case n > sends:
			s.broke(rule(8), "the provider has %d copies for %s after %d sends", n, rcpt.Address, sends)
		case rcpt.Outcome == mailer.Accepted && n == 0:
			s.broke(rule(4), "%s is accepted, and the provider has no copy", rcpt.Address)
		case rcpt.Outcome == mailer.NotAccepted && n > 0 && sends == 1:
			s.broke(rule(4), "%s is not accepted, and the provider has a copy", rcpt.Address)
		}
	}
	for _, c := range copies {
		for _, address := range c.Recipients {
			if !slices.Contains(s.sentTo[r.subject], address) {
				s.broke(rule(8), "the provider has a copy for %s, whom it was not sent to", address)
			}
		}
	}
}

func (s *scene) verifyIdentity(r *result, copies []Copy) {
	s.Helper()
	account := r.account()
	if account == nil || s.sends[r.subject] != 1 && r.msg.MessageID == "" {
		return // several sends of a message that is not prepared have several identities
	}
	for _, c := range copies {
		if c.MessageID != "" && c.MessageID != account.MessageID {
			s.broke(quote(docMessageID), "the provider was given %s, the receipt says %s", c.MessageID, account.MessageID)
		}
	}
}

// want checks a result against a verdict.
func (s *scene) want(r *result, v Verdict) {
	s.Helper()
	if got := r.outcome(); got != v.Outcome {
		s.broke(rule(4), "the verdict is %s, want %s (error %v)", got, v.Outcome, r.err)
		return
	}
	if v.Outcome == mailer.Accepted {
		if r.err != nil {
			s.broke(rule(5), "accepted, and the error is %v", r.err)
		}
		return
	}
	e := r.sendError()
	if !slices.Contains(v.Scopes, e.Scope) {
		s.broke(quote(docScope), "scope %s, want one of %v (error %v)", e.Scope, v.Scopes, r.err)
	}
	if !v.Elsewhere.allows(e.Elsewhere) || !v.Temporary.allows(e.Temporary) {
		s.broke(quote(docScope), "Elsewhere %t, want %s; Temporary %t, want %s (error %v)",
			e.Elsewhere, v.Elsewhere, e.Temporary, v.Temporary, r.err)
	}
	if v.Is != nil && !errors.Is(r.err, v.Is) {
		s.broke(quote(docSentinels), "errors.Is(err, %q) is false (error %v)", v.Is, r.err)
	}
	if v.Replied && e.Code == 0 {
		s.broke(quote(docProtocol), "the provider replied, and Code is zero (error %v)", r.err)
	}
	if account := r.account(); v.Before && account != nil && len(account.Attempts) == 1 && account.Attempts[0].Phase >= mailer.PhaseCommitted {
		s.broke(quote(docPhase), "it ended before the boundary, and got as far as %s", account.Attempts[0].Phase)
	}
}

// wantNothing checks that nobody was told anything of a message.
func (s *scene) wantNothing(quoted string, before Truth) {
	s.Helper()
	now := s.truth()
	if now.Contacts != before.Contacts || now.Whole != before.Whole || len(now.Copies) != len(before.Copies) {
		s.broke(quoted, "the provider saw %d contacts, %d messages and %d copies, want none", now.Contacts-before.Contacts,
			now.Whole-before.Whole, len(now.Copies)-len(before.Copies))
	}
}

func copiesOf(truth Truth, subject string) []Copy {
	var copies []Copy
	for _, c := range truth.Copies {
		if c.Subject == subject {
			copies = append(copies, c)
		}
	}
	return copies
}

func count(list []string, want string) int {
	n := 0
	for _, s := range list {
		if s == want {
			n++
		}
	}
	return n
}
