package mailertest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

var (
	errLate = errors.New("not committed in time")
	errGate = errors.New("the attempt was cancelled")
)

// An attempt is one Send at work.
type attempt struct {
	ctx     context.Context
	cut     context.Context // ends when Close has no more patience
	gate    *mailer.Gate
	msg     *mailer.Message
	receipt *mailer.Receipt
	start   time.Time
	phase   mailer.Phase
}

// send prepares msg, lets act decide what becomes of it, and makes the account. act
// is not called when nothing is to be tried. It returns what went wrong, or nil.
func send(ctx context.Context, msg *mailer.Message, p Profile, l *life, act func(*attempt) *mailer.SendError) (*mailer.Receipt, error) {
	m, err := mailer.Prepare(msg)
	if err != nil {
		return nil, err
	}
	a := &attempt{ctx: ctx, gate: mailer.GateFrom(ctx), msg: m, receipt: newReceipt(m, p), start: time.Now()}
	degraded, err := p.Capabilities().Fit(m, false)
	if err != nil {
		return a.end(&mailer.SendError{Outcome: mailer.NotAccepted, Scope: mailer.ScopeMessage, Elsewhere: true, Err: err})
	}
	a.receipt.Degraded = degraded
	if a.cut, err = l.enter(); err != nil {
		return a.end(&mailer.SendError{Outcome: mailer.NotAccepted, Scope: mailer.ScopeCaller, Err: err})
	}
	defer l.leave()
	if ctx.Err() != nil {
		return a.end(a.interrupted(ctx.Err()))
	}
	return a.end(act(a))
}

// newReceipt returns a receipt without results; m is nil where there is no message.
func newReceipt(m *mailer.Message, p Profile) *mailer.Receipt {
	r := new(mailer.Receipt)
	r.Provider, r.Route = p.Names()
	if m == nil {
		return r
	}
	r.MessageID, r.IdempotencyKey = m.MessageID, m.IdempotencyKey
	for _, address := range m.Recipients() {
		r.Recipients = append(r.Recipients, mailer.RecipientResult{Address: address, Provider: r.Provider, Route: r.Route})
	}
	return r
}

func (a *attempt) mark(p mailer.Phase) {
	a.phase = p
	a.gate.Mark(p)
}

// wait waits as w says, until the attempt must end. CommitBy counts before the commit only.
func (a *attempt) wait(w Wait) *mailer.SendError {
	if w == nil {
		return nil
	}
	ctx, cancel := context.WithCancel(a.ctx)
	defer cancel()
	defer context.AfterFunc(a.cut, cancel)()
	if a.gate != nil && !a.gate.CommitBy.IsZero() && a.phase < mailer.PhaseCommitted {
		var stop context.CancelFunc
		ctx, stop = context.WithDeadlineCause(ctx, a.gate.CommitBy, errLate)
		defer stop()
	}
	err := w(ctx)
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return a.interrupted(err)
}

// commit passes the boundary, with the content read before, and returns the message
// as the provider has it.
func (a *attempt) commit() (*mailer.Message, *mailer.SendError) {
	a.mark(mailer.PhaseContent)
	m, err := inMemory(a.msg)
	if err != nil {
		return nil, &mailer.SendError{Outcome: mailer.NotAccepted, Scope: mailer.ScopeCaller, Err: err}
	}
	switch {
	case a.ctx.Err() != nil || a.cut.Err() != nil:
		return nil, a.interrupted(a.ctx.Err())
	case a.gate != nil && !a.gate.CommitBy.IsZero() && !time.Now().Before(a.gate.CommitBy):
		return nil, a.interrupted(errLate)
	case !a.gate.Commit():
		return nil, &mailer.SendError{Outcome: mailer.NotAccepted, Scope: mailer.ScopeCaller, Err: errGate}
	}
	a.mark(mailer.PhaseCommitted)
	return m, nil
}

// interrupted is the verdict when there is no reply: what is known follows from the
// boundary, and whose fault it is from what ended.
func (a *attempt) interrupted(err error) *mailer.SendError {
	e := &mailer.SendError{Outcome: mailer.Unknown}
	if a.phase < mailer.PhaseCommitted {
		e.Outcome = mailer.NotAccepted
	}
	switch {
	case a.ctx.Err() != nil:
		e.Scope, e.Err = mailer.ScopeCaller, a.ctx.Err()
	case a.cut.Err() != nil:
		e.Scope, e.Err = mailer.ScopeCaller, mailer.ErrClosed
	default:
		e.Scope, e.Err = mailer.ScopeProvider, fmt.Errorf("connection lost: %w", err)
		e.Temporary, e.Elsewhere = e.Outcome == mailer.NotAccepted, e.Outcome == mailer.NotAccepted
	}
	return e
}

// end makes the account. Recipients that have no result yet share e, or are accepted.
func (a *attempt) end(e *mailer.SendError) (*mailer.Receipt, error) {
	r := a.receipt
	for i := range r.Recipients {
		if rcpt := &r.Recipients[i]; rcpt.Outcome == mailer.Unknown && rcpt.Scope == mailer.ScopeUnknown {
			setResult(rcpt, e)
		}
	}
	r.Outcome = mailer.RollUp(r.Recipients)
	if a.phase != mailer.PhaseNone {
		r.Attempts = []mailer.Attempt{a.account(e)}
	}
	if e == nil {
		return r, nil
	}
	e.Receipt, e.Outcome = r, r.Outcome
	if e.Outcome == mailer.PartlyAccepted {
		return r, e
	}
	return nil, e
}

func (a *attempt) account(e *mailer.SendError) mailer.Attempt {
	r := a.receipt
	t := mailer.Attempt{
		Route: r.Route, Provider: r.Provider, Start: a.start, Duration: time.Since(a.start),
		Phase: a.phase, Outcome: r.Outcome, Decision: "done",
	}
	if e != nil {
		t.Scope, t.Code, t.EnhancedCode, t.Decision = e.Scope, e.Code, e.EnhancedCode, "stop"
	}
	return t
}

// setResult gives a recipient the verdict e; nil accepts.
func setResult(rcpt *mailer.RecipientResult, e *mailer.SendError) {
	if e == nil {
		rcpt.Outcome = mailer.Accepted
		return
	}
	rcpt.Outcome, rcpt.Scope, rcpt.Code, rcpt.EnhancedCode = e.Outcome, e.Scope, e.Code, e.EnhancedCode
	rcpt.Temporary, rcpt.Elsewhere, rcpt.RetryAfter = e.Temporary, e.Elsewhere, e.RetryAfter
}
