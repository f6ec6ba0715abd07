package sendertest

import (
	"errors"
	"slices"

	"github.com/mailkeel/mailkeel/mailer"
)

// checkShape checks rules 1 to 3: what is nil, and what points where.
func (s *scene) checkShape(r *result) {
	s.Helper()
	if r.err == nil {
		if r.receipt == nil || r.receipt.Outcome != mailer.Accepted {
			s.broke(rule(1), "the error is nil and the receipt %+v", r.receipt)
		}
		return
	}
	var e *mailer.SendError
	if !errors.As(r.err, &e) || e == nil {
		s.broke(rule(3), "the error is %v (%T)", r.err, r.err)
		return
	}
	switch {
	case e.Receipt == nil:
		s.broke(rule(3), "SendError.Receipt is nil")
	case e.Outcome == mailer.Accepted:
		s.broke(rule(1), "accepted, and the error is %v", r.err)
	case e.Outcome == mailer.PartlyAccepted && r.receipt != e.Receipt:
		s.broke(rule(2), "the returned receipt %p is not SendError.Receipt %p", r.receipt, e.Receipt)
	case e.Outcome != mailer.PartlyAccepted && r.receipt != nil:
		s.broke(rule(3), "%s, and the receipt is not nil", e.Outcome)
	case e.Outcome != e.Receipt.Outcome:
		s.broke(rule(3), "SendError.Outcome is %s, SendError.Receipt.Outcome %s", e.Outcome, e.Receipt.Outcome)
	}
	s.checkError(r.err, e)
}

// checkError checks what an error says about itself.
func (s *scene) checkError(err error, e *mailer.SendError) {
	s.Helper()
	if e.Scope == mailer.ScopeUnknown {
		s.broke(quote(docScope), "SendError.Scope is unknown in %v", err)
	}
	if (e.Code == 0) != (e.Protocol == "") {
		s.broke(quote(docProtocol), "Protocol is %q and Code %d", e.Protocol, e.Code)
	}
	for sentinel, outcome := range map[error]mailer.Outcome{
		mailer.ErrUnknownOutcome: mailer.Unknown, mailer.ErrPartlyAccepted: mailer.PartlyAccepted,
	} {
		if got, want := errors.Is(err, sentinel), e.Outcome == outcome; got != want {
			s.broke(quote(docSentinels), "errors.Is(err, %q) is %t for a verdict of %s", sentinel, got, e.Outcome)
		}
	}
}

// checkAccount checks the receipt, wherever it was returned.
func (s *scene) checkAccount(r *result) {
	s.Helper()
	account := r.account()
	prepared, err := mailer.Prepare(r.msg)
	if err != nil {
		return // an invalid message has no account
	}
	s.sentTo[r.subject] = append(s.sentTo[r.subject], prepared.Recipients()...)
	if account == nil {
		return // reported by checkShape
	}
	s.checkRecipients(account, prepared.Recipients())
	s.checkIdentity(r, identity{account.MessageID, account.IdempotencyKey}, identity{prepared.MessageID, prepared.IdempotencyKey})
	s.checkAttempts(r, account)
	for _, name := range account.Degraded {
		if !slices.Contains(mailer.Needs(r.msg).Names(), name) {
			s.broke(rule(11), "Degraded names %q, which the message does not ask for", name)
		}
	}
}

func (s *scene) checkRecipients(account *mailer.Receipt, want []string) {
	s.Helper()
	got := make([]string, len(account.Recipients))
	for i, rcpt := range account.Recipients {
		got[i] = rcpt.Address
		switch {
		case rcpt.Outcome == mailer.PartlyAccepted:
			s.broke(quote(docOneResult), "recipient %d is %s", i, rcpt.Outcome)
		case (rcpt.Outcome == mailer.Accepted) != (rcpt.Scope == mailer.ScopeUnknown):
			s.broke(quote(docScope), "recipient %d is %s with scope %s", i, rcpt.Outcome, rcpt.Scope)
		}
	}
	if !slices.Equal(got, want) {
		s.broke(quote(docRecipients), "got %q, want %q", got, want)
	}
	if rolled := mailer.RollUp(account.Recipients); rolled != account.Outcome {
		s.broke(quote(docRollUp), "the recipients amount to %s, the whole is %s", rolled, account.Outcome)
	}
}

// checkIdentity compares with prepared, in which only what msg left empty was minted anew.
func (s *scene) checkIdentity(r *result, account, prepared identity) {
	s.Helper()
	if account.messageID == "" || r.msg.MessageID != "" && account.messageID != prepared.messageID {
		s.broke(quote(docMessageID), "Receipt.MessageID is %q, the message's %q", account.messageID, r.msg.MessageID)
	}
	if account.key == "" || r.msg.IdempotencyKey != "" && account.key != prepared.key {
		s.broke(quote(docKey), "Receipt.IdempotencyKey is %q, the message's %q", account.key, r.msg.IdempotencyKey)
	}
}

// identity is what a message is known by.
type identity struct{ messageID, key string }

// checkAttempts checks that one Send is one attempt, and what is said about it.
func (s *scene) checkAttempts(r *result, account *mailer.Receipt) {
	s.Helper()
	if account.Provider == "" {
		s.broke(quote(docAttempts), "Receipt.Provider is empty")
	}
	s.checkNames(account)
	n := len(account.Attempts)
	if r.refusedAtOnce() && n == 0 {
		return
	}
	if n != 1 {
		s.broke(rule(8), "%d attempts are reported, want 1", n)
		return
	}
	a := account.Attempts[0]
	if a.Outcome != account.Outcome || a.Provider != account.Provider {
		s.broke(quote(docAttempts), "the one attempt is %s by %q, the whole %s by %q", a.Outcome, a.Provider, account.Outcome, account.Provider)
	}
	// Of a partial acceptance the error tells the refusal, the attempt may tell the last reply.
	if e := r.sendError(); a.Outcome != mailer.PartlyAccepted && r.err != nil && (a.Scope != e.Scope || a.Code != e.Code) {
		s.broke(quote(docAttempts), "the one attempt has scope %s and code %d, the error %s and %d", a.Scope, a.Code, e.Scope, e.Code)
	}
	if a.Start.Before(r.began.Add(-soon)) || a.Start.After(r.ended) || a.Duration < 0 || a.Duration > r.ended.Sub(r.began)+soon {
		s.broke(quote(docAttempts), "it started %v and took %v, within a Send from %v to %v", a.Start, a.Duration, r.began, r.ended)
	}
	s.checkPhase(a)
}

func (s *scene) checkNames(account *mailer.Receipt) {
	s.Helper()
	if s.named == nil {
		return
	}
	provider, route := s.named.Names()
	wrong := account.Provider != provider || account.Route != route
	for _, rcpt := range account.Recipients {
		wrong = wrong || rcpt.Provider != provider || rcpt.Route != route
	}
	for _, a := range account.Attempts {
		wrong = wrong || a.Provider != provider || a.Route != route
	}
	if wrong {
		s.broke(quote(docNamed), "it is %q, %q, and the receipt says %+v", provider, route, account)
	}
}

func (s *scene) checkPhase(a mailer.Attempt) {
	s.Helper()
	switch a.Outcome {
	case mailer.Unknown:
		if a.Phase < mailer.PhaseCommitted {
			s.broke(quote(docPhase), "unknown, and got as far as %s only; before %s it is not accepted", a.Phase, mailer.PhaseCommitted)
		}
	case mailer.NotAccepted:
		if a.Phase == mailer.PhaseCommitted {
			s.broke(quote(docPhase), "not accepted, and got as far as %s, after which it can only be unknown", a.Phase)
		}
	default:
		if a.Phase != mailer.PhaseDone {
			s.broke(quote(docPhase), "%s, and got as far as %s; want %s", a.Outcome, a.Phase, mailer.PhaseDone)
		}
	}
}
