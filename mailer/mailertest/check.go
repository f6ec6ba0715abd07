package mailertest

import (
	"context"
	"errors"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// check is what Check does: it asks Profile.Checks, until ctx or the double ends.
func check(ctx context.Context, p Profile, l *life) error {
	a := &attempt{ctx: ctx, receipt: newReceipt(nil, p), start: time.Now()}
	cut, err := l.enter()
	if err != nil {
		return a.unchecked(&mailer.SendError{Scope: mailer.ScopeCaller, Err: err})
	}
	defer l.leave()
	a.cut = cut
	a.mark(mailer.PhaseConnect)
	e := a.wait(p.Checks)
	var said *mailer.SendError
	switch {
	case ctx.Err() != nil:
		e = a.interrupted(ctx.Err())
	case e == nil:
		return nil
	case errors.As(e.Err, &said) && normal(said) != nil:
		e = normal(said)
	}
	return a.unchecked(e)
}

// unchecked makes the account of a check that failed with e, which has no recipients.
func (a *attempt) unchecked(e *mailer.SendError) error {
	e.Outcome, e.Receipt = mailer.NotAccepted, a.receipt
	a.receipt.Outcome = mailer.NotAccepted
	if a.phase != mailer.PhaseNone {
		a.receipt.Attempts = []mailer.Attempt{a.account(e)}
	}
	return e
}

// Check implements [mailer.Checker] by what Profile.Checks says.
func (r *Recorder) Check(ctx context.Context) error { return check(ctx, r.Profile, &r.life) }

// Check implements [mailer.Checker] by what Profile.Checks says. It uses no step up.
func (s *Script) Check(ctx context.Context) error { return check(ctx, s.Profile, &s.life) }

// Check implements [mailer.Checker] by what Profile.Checks says, and not by chance.
func (f *Flaky) Check(ctx context.Context) error { return check(ctx, f.Profile, &f.life) }
