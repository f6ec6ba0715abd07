package mailertest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/mailertest"
)

var gone = &mailer.SendError{Outcome: mailer.NotAccepted, Scope: mailer.ScopeRecipient, Protocol: "smtp", Code: 550, EnhancedCode: "5.1.1"}

func TestScriptEnds(t *testing.T) {
	s := &mailertest.Script{Steps: []mailertest.Step{{}}}
	if _, err := s.Send(t.Context(), &mailer.Message{}); !errors.Is(err, mailer.ErrInvalidMessage) || s.Left() != 1 {
		t.Errorf("an invalid message: %v, %d steps left, want 1", err, s.Left())
	}
	if _, err := s.Send(t.Context(), message(0)); err != nil || s.Left() != 0 {
		t.Errorf("the step: %v, %d left", err, s.Left())
	}
	_, err := s.Send(t.Context(), message(1))
	if e := mailer.AsSendError(err); !errors.Is(err, mailertest.ErrScriptEnded) || e.Outcome != mailer.NotAccepted || e.Scope != mailer.ScopeCaller {
		t.Errorf("after the end: %v", err)
	}
	s.Add(mailertest.Step{})
	if _, err := s.Send(t.Context(), message(2)); err != nil {
		t.Errorf("an added step: %v", err)
	}
	if s.Copies("<0@example.com>") != 1 || s.Copies("<1@example.com>") != 0 || len(s.Kept()) != 2 {
		t.Errorf("the provider has %v", s.Kept())
	}
}

func TestScriptRest(t *testing.T) {
	s := &mailertest.Script{Steps: []mailertest.Step{{Verdict: gone}}, Rest: &mailertest.Step{}}
	for i := range 4 {
		if _, err := s.Send(t.Context(), message(i)); (err == nil) != (i > 0) {
			t.Errorf("send %d: %v", i, err)
		}
	}
}

// TestScriptVerdicts compares steps with what becomes of ann and bob.
func TestScriptVerdicts(t *testing.T) {
	lost := &mailer.SendError{Err: errors.New("lost")}
	one := func(v *mailer.SendError) map[string]*mailer.SendError {
		return map[string]*mailer.SendError{"bob@example.org": v}
	}
	const no, yes, may = mailer.NotAccepted, mailer.Accepted, mailer.Unknown
	for _, c := range []struct {
		name      string
		step      mailertest.Step
		allOrNone bool
		whole     mailer.Outcome
		ann, bob  mailer.Outcome
		scope     mailer.Scope
		kept      int // recipients the provider has it for
		committed bool
	}{
		{"accepted", mailertest.Step{}, false, yes, yes, yes, mailer.ScopeUnknown, 2, true},
		{"refused", mailertest.Step{Verdict: gone}, false, no, no, no, mailer.ScopeRecipient, 0, false},
		{"refused in the reply", mailertest.Step{Verdict: gone, After: mailertest.For(0)}, false, no, no, no, mailer.ScopeRecipient, 0, true},
		{"unknown", mailertest.Step{Verdict: lost}, false, may, may, may, mailer.ScopeProvider, 0, true},
		{"unknown and kept", mailertest.Step{Verdict: lost, Kept: true}, false, may, may, may, mailer.ScopeProvider, 2, true},
		{"one refused", mailertest.Step{Recipients: one(gone)}, false, mailer.PartlyAccepted, yes, no, mailer.ScopeRecipient, 1, true},
		{"one refused of all or none", mailertest.Step{Recipients: one(gone)}, true, no, no, no, mailer.ScopeRecipient, 0, false},
		{"one unknown", mailertest.Step{Recipients: one(lost)}, false, may, yes, may, mailer.ScopeProvider, 1, true},
		{"one accepted", mailertest.Step{Verdict: gone, Recipients: one(nil)}, false, mailer.PartlyAccepted, no, yes, mailer.ScopeRecipient, 1, true},
		{"one unknown, one refused", mailertest.Step{Verdict: gone, Recipients: one(lost), Kept: true}, false, may, no, may, mailer.ScopeProvider, 1, true},
		{"verdict of acceptance", mailertest.Step{Verdict: &mailer.SendError{Outcome: yes}}, false, yes, yes, yes, mailer.ScopeUnknown, 2, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &mailertest.Script{Steps: []mailertest.Step{c.step}}
			m, gate := message(0), new(mailer.Gate)
			m.AllOrNone = c.allOrNone
			receipt, err := s.Send(mailer.WithGate(t.Context(), gate), m)
			var scope mailer.Scope
			if e := mailer.AsSendError(err); e != nil {
				if (receipt == e.Receipt) != (c.whole == mailer.PartlyAccepted) {
					t.Errorf("receipts %p and %p", receipt, e.Receipt)
				}
				receipt, scope = e.Receipt, e.Scope
			}
			if receipt.Outcome != c.whole || scope != c.scope || receipt.Recipients[0].Outcome != c.ann || receipt.Recipients[1].Outcome != c.bob {
				t.Errorf("scope %s, receipt %+v", scope, receipt)
			}
			kept := 0
			for _, copied := range s.Kept() {
				kept += len(copied.Recipients)
			}
			if kept != c.kept || gate.Committed() != c.committed {
				t.Errorf("kept for %d, want %d; committed %t, want %t", kept, c.kept, gate.Committed(), c.committed)
			}
		})
	}
}

func TestScriptGivesTheVerdictAsItStands(t *testing.T) {
	want := mailer.SendError{
		Outcome: mailer.NotAccepted, Scope: mailer.ScopeRate, Protocol: "http", Code: 429,
		Temporary: true, Elsewhere: true, RetryAfter: time.Minute, Err: errors.New("slow down"),
	}
	verdict := want
	s := &mailertest.Script{Steps: []mailertest.Step{{Verdict: &verdict}}}
	_, err := s.Send(t.Context(), message(0))
	got := *mailer.AsSendError(err)
	if rcpt := got.Receipt.Recipients[0]; rcpt.Code != 429 || rcpt.RetryAfter != time.Minute || !rcpt.Temporary || !rcpt.Elsewhere {
		t.Errorf("recipient %+v", rcpt)
	}
	if got.Receipt = nil; got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if verdict.Receipt != nil {
		t.Error("the step was changed")
	}
}

// TestScriptWaits ends waits on both sides of the boundary, in virtual time.
func TestScriptWaits(t *testing.T) {
	minute := mailertest.For(time.Minute)
	lost := func(context.Context) error { return errors.New("reset") }
	for _, c := range []struct {
		name              string
		step              mailertest.Step
		timeout, commitBy time.Duration
		outcome           mailer.Outcome
		scope             mailer.Scope
		took              time.Duration
		copies            int
	}{
		{"before", mailertest.Step{Before: minute}, time.Hour, 0, mailer.Accepted, mailer.ScopeUnknown, time.Minute, 1},
		{"after", mailertest.Step{After: minute}, time.Hour, 0, mailer.Accepted, mailer.ScopeUnknown, time.Minute, 1},
		{"ctx ends before", mailertest.Step{Before: minute}, time.Second, 0, mailer.NotAccepted, mailer.ScopeCaller, time.Second, 0},
		{"ctx ends after", mailertest.Step{After: minute}, time.Second, 0, mailer.Unknown, mailer.ScopeCaller, time.Second, 1},
		{"commit by before", mailertest.Step{Before: mailertest.Until(nil)}, time.Hour, time.Second, mailer.NotAccepted, mailer.ScopeProvider, time.Second, 0},
		{"commit by after", mailertest.Step{After: minute}, time.Hour, time.Second, mailer.Accepted, mailer.ScopeUnknown, time.Minute, 1},
		{"lost before", mailertest.Step{Before: lost}, time.Hour, 0, mailer.NotAccepted, mailer.ScopeProvider, 0, 0},
		{"lost after", mailertest.Step{After: lost}, time.Hour, 0, mailer.Unknown, mailer.ScopeProvider, 0, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gate := new(mailer.Gate)
				if c.commitBy > 0 {
					gate.CommitBy = time.Now().Add(c.commitBy)
				}
				ctx, cancel := context.WithTimeout(mailer.WithGate(t.Context(), gate), c.timeout)
				defer cancel()
				s, start := &mailertest.Script{Steps: []mailertest.Step{c.step}}, time.Now()
				receipt, err := s.Send(ctx, message(0))
				var scope mailer.Scope
				if e := mailer.AsSendError(err); e != nil {
					receipt, scope = e.Receipt, e.Scope
				}
				if receipt.Outcome != c.outcome || scope != c.scope {
					t.Errorf("%s, scope %s (%v)", receipt.Outcome, scope, err)
				}
				if took := time.Since(start); took != c.took || receipt.Attempts[0].Duration != c.took {
					t.Errorf("took %v, reported %v, want %v", took, receipt.Attempts[0].Duration, c.took)
				}
				if got := s.Copies("<0@example.com>"); got != c.copies {
					t.Errorf("%d copies, want %d", got, c.copies)
				}
				if scope == mailer.ScopeCaller && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error %v does not wrap that of ctx", err)
				}
			})
		})
	}
}
