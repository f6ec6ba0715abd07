package simmail

import (
	"cmp"
	"slices"

	"github.com/mailkeel/mailkeel/mailer"
)

// checkReceipt holds what was returned to the rules of [mailer.Sender] 1 to 3.
func (r *report) checkReceipt(s *Sent) {
	account := s.Account()
	switch {
	case account == nil:
		r.say("receipt", s, "there is none")
		return
	case (s.Err == nil) != (account.Outcome == mailer.Accepted):
		r.say("receipt", s, "the outcome is %s, the error %v", account.Outcome, s.Err)
	case s.Err != nil && (s.Receipt != nil) != (account.Outcome == mailer.PartlyAccepted):
		r.say("receipt", s, "returned beside an error: %t, outcome %s", s.Receipt != nil, account.Outcome)
	case s.Outcome() != account.Outcome:
		r.say("receipt", s, "the error says %s, its receipt %s", s.Outcome(), account.Outcome)
	case mailer.RollUp(account.Recipients) != account.Outcome:
		r.say("receipt", s, "the recipients amount to %s, the outcome is %s", mailer.RollUp(account.Recipients), account.Outcome)
	}
	var addresses []string
	for _, x := range account.Recipients {
		addresses = append(addresses, x.Address)
	}
	if !slices.Equal(addresses, s.Msg.Recipients()) {
		r.say("receipt", s, "recipients are %v, want %v", addresses, s.Msg.Recipients())
	}
}

// checkTruth compares each recipient's verdict with the copies there are: none where it says
// not accepted, at least one where it says accepted (P4), and an attempt without an answer
// where it says unknown.
func (r *report) checkTruth(s *Sent, calls []*Call) {
	account := s.Account()
	if account == nil {
		return
	}
	honest, lied := copies(calls)
	lies := count(calls, func(c *Call) bool { return c.Mode == LiesAccepting && c.Outcome != mailer.NotAccepted }) > 0
	for _, x := range account.Recipients {
		n := honest[x.Address]
		switch {
		case x.Outcome == mailer.NotAccepted && n > 0:
			r.say("P4", s, "%s is not accepted, and has %d copies", x.Address, n)
		case x.Outcome == mailer.Accepted && n+lied[x.Address] == 0 && !lies:
			r.say("P4", s, "%s is accepted, and has no copy", x.Address)
		case x.Outcome == mailer.Unknown && !slices.ContainsFunc(calls, func(c *Call) bool { return leftOpen(c, x.Address) }):
			r.say("P2", s, "%s is unknown, and no attempt was", x.Address)
		case x.Outcome == mailer.PartlyAccepted:
			r.say("receipt", s, "%s is partly accepted", x.Address)
		}
	}
}

func leftOpen(c *Call, recipient string) bool {
	return isUnknown(c) && c.Committed > 0 && slices.Contains(c.Recipients, recipient)
}

// checkCopies: at most one under at-most-once (P3), one more for each unknown attempt
// otherwise (P5), and none for a recipient after it was accepted.
func (r *report) checkCopies(s *Sent, calls []*Call) {
	honest, lied := copies(calls)
	for recipient, n := range lied {
		lies := count(calls, func(c *Call) bool { return c.Mode.Lies() })
		if unknown := count(calls, isUnknown); honest[recipient]+n > 1+unknown+lies {
			r.say("lies", s, "%s has %d copies after %d lies", recipient, honest[recipient]+n, lies)
		}
	}
	for recipient, n := range honest {
		unknown := count(calls, func(c *Call) bool { return leftOpen(c, recipient) })
		if r.delivery(s) != mailer.AtLeastOnce && n > 1 {
			r.say("P3", s, "%s has %d copies", recipient, n)
		}
		if n > 1+unknown {
			r.say("P5", s, "%s has %d copies, after %d unknown attempts", recipient, n, unknown)
		}
	}
	for i, c := range calls {
		for _, later := range calls[i+1:] {
			for _, recipient := range c.Copies {
				if c.Outcome == mailer.Accepted && later.Committed > 0 && r.goesOnTo(later, c, recipient) {
					r.say("P3", s, "%s goes to %s after %s accepted it", recipient, later.Provider, c.Provider)
				}
			}
		}
	}
}

// delivery is what the message wants, or the router's default.
func (r *report) delivery(s *Sent) mailer.Delivery {
	return cmp.Or(s.Msg.Delivery, r.promises.Delivery)
}

// goesOnTo reports whether recipient is sent to in a call after that of c has ended. A replay is
// the same request once more, for which a provider with keys makes no second copy.
func (r *report) goesOnTo(later, c *Call, recipient string) bool {
	return later.Start > c.End && slices.Contains(later.Recipients, recipient) &&
		(later.Provider != c.Provider || !r.Keyed[c.Provider])
}
