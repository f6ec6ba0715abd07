package mailertest

import "github.com/mailkeel/mailkeel/mailer"

// play makes the attempt end as step says.
func (a *attempt) play(step Step, l *ledger) *mailer.SendError {
	a.mark(mailer.PhaseConnect)
	if e := a.wait(step.Before); e != nil {
		return e
	}
	verdicts, first := step.verdicts(a.msg)
	kept := step.kept(a.msg.Recipients(), verdicts)
	if step.After == nil && first != nil && allRefused(verdicts) {
		if first.Code != 0 {
			a.mark(mailer.PhaseEnvelope)
		}
		return a.settle(verdicts, first)
	}
	m, e := a.commit()
	if e != nil {
		return e
	}
	if len(kept) > 0 {
		l.add(Copy{m, kept})
	}
	if e := a.wait(step.After); e != nil {
		return e
	}
	e = a.settle(verdicts, first)
	if mailer.RollUp(a.receipt.Recipients) != mailer.Unknown {
		a.mark(mailer.PhaseDone)
	}
	return e
}

// verdicts returns one verdict for each recipient, nil for acceptance, and the one that
// speaks for the whole: an unknown one if there is any, else the first.
func (s *Step) verdicts(msg *mailer.Message) (all []*mailer.SendError, whole *mailer.SendError) {
	for _, address := range msg.Recipients() {
		v, named := s.Recipients[address]
		if !named {
			v = s.Verdict
		}
		v = normal(v)
		if v != nil && (whole == nil || v.Outcome == mailer.Unknown && whole.Outcome != mailer.Unknown) {
			whole = v
		}
		all = append(all, v)
	}
	if refusal := firstRefusal(all); msg.AllOrNone && refusal != nil {
		for i, v := range all {
			if v == nil || v.Outcome != mailer.NotAccepted {
				all[i] = refusal
			}
		}
		whole = refusal
	}
	return all, whole
}

// normal returns v as a verdict about one recipient: nil when it accepts, and with a
// scope when it does not.
func normal(v *mailer.SendError) *mailer.SendError {
	if v == nil || v.Outcome == mailer.Accepted {
		return nil
	}
	c := *v
	if c.Outcome != mailer.NotAccepted {
		c.Outcome = mailer.Unknown
	}
	if c.Scope == mailer.ScopeUnknown {
		c.Scope = mailer.ScopeProvider
	}
	return &c
}

func firstRefusal(verdicts []*mailer.SendError) *mailer.SendError {
	for _, v := range verdicts {
		if v != nil && v.Outcome == mailer.NotAccepted {
			return v
		}
	}
	return nil
}

func allRefused(verdicts []*mailer.SendError) bool {
	for _, v := range verdicts {
		if v == nil || v.Outcome != mailer.NotAccepted {
			return false
		}
	}
	return true
}

// kept returns the recipients for whom the provider has the message.
func (s *Step) kept(recipients []string, verdicts []*mailer.SendError) []string {
	var kept []string
	for i, v := range verdicts {
		if v == nil || s.Kept && v.Outcome == mailer.Unknown {
			kept = append(kept, recipients[i])
		}
	}
	return kept
}

// settle gives each recipient its verdict and returns that of the whole.
func (a *attempt) settle(verdicts []*mailer.SendError, whole *mailer.SendError) *mailer.SendError {
	for i := range a.receipt.Recipients {
		setResult(&a.receipt.Recipients[i], verdicts[i])
	}
	if whole == nil {
		return nil
	}
	e := *whole
	return &e
}
