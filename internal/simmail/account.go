package simmail

import (
	"errors"
	"slices"

	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/mailer"
)

// fail accounts for a fault that concerns everybody, but those who were refused before it.
func (t *talk) fail(f *fault) (*mailer.Receipt, error) {
	e := t.Refuse(f.Verdict, f.Reason, f.err)
	t.setRefused(e.Receipt)
	e.Outcome = mailer.RollUp(e.Receipt.Recipients)
	e.Receipt.Outcome, e.Receipt.Attempts[0].Outcome = e.Outcome, e.Outcome
	return nil, e
}

func (t *talk) setRefused(r *mailer.Receipt) {
	for _, refused := range t.rcpts {
		i := slices.IndexFunc(r.Recipients, func(x mailer.RecipientResult) bool { return x.Address == refused.Address })
		r.Recipients[i] = refused
	}
}

// none is when nobody is left to send to. The verdict of the first refused is that of the
// whole, and of those who would have been accepted.
func (t *talk) none() *fault {
	worst := t.worst()
	return &fault{
		Verdict: ledger.Verdict{Outcome: mailer.NotAccepted, Scope: worst.Scope, Temporary: worst.Temporary, Elsewhere: worst.Elsewhere},
		Reason:  ledger.Reason{Protocol: "smtp", Code: worst.Code, EnhancedCode: worst.EnhancedCode, Text: "simulated"},
		err:     errors.New("no recipient was accepted"),
	}
}

// worst is the refused recipient that another attempt would help, if there is one; where all
// are to be accepted or none, one that nothing helps.
func (t *talk) worst() mailer.RecipientResult {
	i := slices.IndexFunc(t.rcpts, func(r mailer.RecipientResult) bool { return r.Elsewhere != t.Msg.AllOrNone })
	return t.rcpts[max(i, 0)]
}

func (t *talk) partly() (*mailer.Receipt, error) {
	worst := t.worst()
	r := t.Accept(250, t.p.Name+"-1")
	t.setRefused(r)
	r.Outcome = mailer.RollUp(r.Recipients)
	attempt := &r.Attempts[0]
	attempt.Outcome, attempt.Scope, attempt.Code, attempt.EnhancedCode = r.Outcome, worst.Scope, worst.Code, worst.EnhancedCode
	return r, &mailer.SendError{
		Receipt: r, Outcome: r.Outcome, Scope: worst.Scope, Temporary: worst.Temporary, Elsewhere: worst.Elsewhere,
		Protocol: "smtp", Code: worst.Code, EnhancedCode: worst.EnhancedCode, Err: errors.New("some recipients were refused"),
	}
}
