package simmail

import (
	"context"
	"errors"
	"time"

	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/mailer"
)

var errLate = errors.New("time-out")

// for ever, as far as a talk goes.
const long = 24 * time.Hour

func (t *talk) hang() *fault { return t.wait(long) }

// wait returns nil after d, or what interrupted it.
func (t *talk) wait(d time.Duration) *fault {
	timer := time.NewTimer(min(d, t.left()))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.ctx.Done():
	case <-t.p.cut.Done():
	}
	if err := t.interruption(); err != nil {
		return t.interrupted(err)
	}
	return nil
}

// left is the time until the limits of the phase, ctx's apart.
func (t *talk) left() time.Duration {
	now := time.Now()
	if t.Phase >= mailer.PhaseCommitted {
		if _, ok := t.ctx.Deadline(); ok {
			return long
		}
		return t.Start.Add(t.call.Committed - t.begun + replyWait).Sub(now)
	}
	left := t.Start.Add(patience).Sub(now)
	if t.Gate != nil && !t.Gate.CommitBy.IsZero() {
		left = min(left, t.Gate.CommitBy.Sub(now))
	}
	return max(left, 0)
}

// interruption says what ended the talk, if anything did. Where several things did at
// the same instant, the order is always the same.
func (t *talk) interruption() error {
	if deadline, ok := t.ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	switch {
	case t.ctx.Err() != nil:
		return t.ctx.Err()
	case t.p.cut.Err() != nil:
		return mailer.ErrClosed
	case t.left() <= 0:
		return errLate
	}
	return nil
}

func (t *talk) interrupted(err error) *fault {
	late, committed := errors.Is(err, errLate), t.Phase >= mailer.PhaseCommitted
	switch {
	case late && committed:
		return &fault{Verdict: ledger.Unknown, err: err}
	case late:
		return &fault{Verdict: ledger.ProviderDown, err: err}
	case committed:
		return &fault{Verdict: ledger.UnknownByCaller, err: err}
	}
	return &fault{Verdict: ledger.CallerFault, err: err}
}
