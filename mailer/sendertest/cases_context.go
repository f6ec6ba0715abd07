package sendertest

import (
	"context"
	"errors"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// contextCases are about the end of ctx.
var contextCases = []testCase{
	{9, "cancelled_before_the_start", cancelledBeforeStart},
	{9, "cancelled_before_the_boundary", cancelledBeforeBoundary},
	{9, "cancelled_with_a_cause", cancelledWithCause},
	{9, "deadline_before_the_boundary", deadlineBeforeBoundary},
	{9, "cancelled_after_the_boundary", cancelledAfterBoundary},
	{9, "deadline_after_the_boundary", deadlineAfterBoundary},
	{9, "one_cancelled_beside_others", oneCancelled},
}

func cancelledBeforeStart(s *scene) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	before := s.truth()
	r := s.start(ctx, s.message()).wait(soon)
	s.wantCtxEnd(r, mailer.NotAccepted, context.Canceled)
	if now := s.verify(r); now.Whole != before.Whole {
		s.broke(rule(9), "ctx had ended, and the provider has the message")
	}
	s.accept(context.Background(), s.message())
}

func cancelledBeforeBoundary(s *scene) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	reached := s.meet(Step{Fault: SilentBefore})
	x := s.start(ctx, s.message())
	s.await(reached, "the provider is silent")
	cancel()
	s.wantCtxEnd(x.wait(soon), mailer.NotAccepted, context.Canceled)
	s.verify(&x.result)
	s.accept(context.Background(), s.message())
}

// cancelledWithCause cancels with a cause, which does not take the place of ctx's error.
func cancelledWithCause(s *scene) {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	reached := s.meet(Step{Fault: SilentBefore})
	x := s.start(ctx, s.message())
	s.await(reached, "the provider is silent")
	cancel(errors.New("the user left"))
	s.wantCtxEnd(x.wait(soon), mailer.NotAccepted, context.Canceled)
	s.verify(&x.result)
}

func deadlineBeforeBoundary(s *scene) {
	ctx, cancel := context.WithTimeout(context.Background(), brief)
	defer cancel()
	s.meet(Step{Fault: SilentBefore})
	x := s.start(ctx, s.message())
	s.wantCtxEnd(x.wait(brief+soon), mailer.NotAccepted, context.DeadlineExceeded)
	s.verify(&x.result)
	s.accept(context.Background(), s.message())
}

func cancelledAfterBoundary(s *scene) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	reached := s.meet(Step{Fault: SilentAfter})
	x := s.start(ctx, s.message())
	s.await(reached, "the provider has the message")
	cancel()
	s.wantCtxEnd(x.wait(soon), mailer.Unknown, context.Canceled)
	s.verify(&x.result)
	s.accept(context.Background(), s.message())
}

func deadlineAfterBoundary(s *scene) {
	ctx, cancel := context.WithTimeout(context.Background(), allowance)
	defer cancel()
	reached := s.meet(Step{Fault: SilentAfter})
	x := s.start(ctx, s.message())
	s.await(reached, "the provider has the message")
	s.wantCtxEnd(x.wait(allowance+soon), mailer.Unknown, context.DeadlineExceeded)
	s.verify(&x.result)
	s.accept(context.Background(), s.message())
}

// oneCancelled cancels one send; those beside it are not its business.
func oneCancelled(s *scene) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	reached := s.meet(Step{Fault: SilentAfter})
	x := s.start(ctx, s.message())
	s.await(reached, "the provider has the message")
	hold, release := s.hold()
	held := s.meet(Step{Fault: NoFault, Hold: hold})
	beside := s.start(context.Background(), s.message())
	s.await(held, "the provider has the second message")
	cancel()
	s.wantCtxEnd(x.wait(soon), mailer.Unknown, context.Canceled)
	select {
	case <-beside.done:
		s.broke(rule(9), "another send was cancelled, and this one ended with it")
	case <-time.After(brief / 2):
	}
	release()
	if r := beside.wait(patience); r.err != nil {
		s.broke(rule(9), "another send was cancelled, and this one returned %v", r.err)
	}
	s.verify(&x.result, &beside.result)
}

// wantCtxEnd checks the result of a send that ended because its ctx did.
func (s *scene) wantCtxEnd(r *result, want mailer.Outcome, cause error) {
	s.Helper()
	if got := r.outcome(); got != want {
		s.broke(rule(4), "ctx ended, and the verdict is %s, want %s (error %v)", got, want, r.err)
	}
	if e := r.sendError(); e.Scope != mailer.ScopeCaller || !errors.Is(r.err, cause) {
		s.broke(rule(9), "ctx ended, and the scope is %s and errors.Is(err, %q) %t (error %v)", e.Scope, cause, errors.Is(r.err, cause), r.err)
	}
}
