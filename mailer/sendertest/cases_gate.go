package sendertest

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// gateCases are about the moment of no return.
var gateCases = []testCase{
	{10, "committed_when_accepted", gateCommitted},
	{10, "committed_when_the_message_is_whole", gateCommittedInTime},
	{10, "open_while_the_provider_needs_more", gateOpenBefore},
	{10, "not_committed_when_lost_in_content", gateNotCommitted(LostInContent)},
	{10, "not_committed_when_connection_refused", gateNotCommitted(ConnectionRefused)},
	{10, "cancelled_before_the_send", gateCancelled},
	{10, "lost_to_another_attempt", gateLost},
	{10, "cancelled_midway", gateCancelledMidway},
	{10, "cancelled_while_the_content_is_read", gateCancelledInContent},
	{10, "commit_by_with_a_silent_provider", commitBySilent},
	{10, "commit_by_in_the_past", commitByPast},
	{10, "patience_after_commit", patienceAfterCommit},
	{10, "lost_to_another_attempt_midway", gateLostMidway},
	{10, "parent_committed_when_accepted", parentCommitted},
	{10, "parent_open_while_the_provider_needs_more", parentOpenBefore},
	{10, "parent_cancelled_midway", parentCancelledMidway},
	{10, "parent_of_two_attempts", parentOfTwo},
}

func withGate(g *mailer.Gate) context.Context { return mailer.WithGate(context.Background(), g) }

func gateCommitted(s *scene) {
	gate := new(mailer.Gate)
	s.accept(withGate(gate), s.crowd())
	if !gate.Committed() || gate.Phase() != mailer.PhaseDone {
		s.broke(rule(10), "accepted, and the gate is committed: %t, phase %s", gate.Committed(), gate.Phase())
	}
}

// gateCommittedInTime looks at the gate while the provider, which has everything,
// keeps its reply back.
func gateCommittedInTime(s *scene) {
	gate := new(mailer.Gate)
	held, release := s.hold()
	reached := s.meet(Step{Fault: NoFault, Hold: held})
	x := s.start(withGate(gate), s.message())
	s.await(reached, "the provider has the message")
	if !gate.Committed() {
		s.broke(rule(10), "the provider has everything, and the gate is not committed")
	}
	release()
	s.verify(x.wait(patience))
}

// gateOpenBefore looks at the gate while the provider has nothing, lets it go on, and
// expects the attempt to commit then.
func gateOpenBefore(s *scene) {
	gate := new(mailer.Gate)
	held, release := s.hold()
	reached := s.meet(Step{Fault: SilentBefore, Hold: held})
	x := s.start(withGate(gate), s.message())
	s.await(reached, "the provider is silent")
	if phase := gate.Phase(); gate.Committed() || phase >= mailer.PhaseCommitted || phase == mailer.PhaseNone {
		s.broke(rule(10), "the provider still needs something, and the gate is committed: %t, phase %s", gate.Committed(), phase)
	}
	release()
	r := x.wait(patience)
	s.verify(r)
	if r.err != nil || !gate.Committed() {
		s.broke(rule(10), "the provider went on, and the error is %v, the gate committed: %t", r.err, gate.Committed())
	}
}

func gateNotCommitted(f Fault) func(*scene) {
	return func(s *scene) {
		gate := new(mailer.Gate)
		s.meet(Step{Fault: f})
		s.want(s.send(withGate(gate), s.large()), f.Verdict())
		if phase := gate.Phase(); gate.Committed() || phase >= mailer.PhaseCommitted || phase == mailer.PhaseNone {
			s.broke(rule(10), "%s, and the gate is committed: %t, phase %s", f, gate.Committed(), phase)
		}
	}
}

func gateCancelled(s *scene) {
	gate := new(mailer.Gate)
	gate.Cancel()
	s.checkShut(s.start(withGate(gate), s.message()))
}

func gateLost(s *scene) {
	first := new(mailer.Gate)
	first.Commit()
	s.checkShut(s.start(withGate(&mailer.Gate{Rival: first}), s.message()))
}

func gateCancelledMidway(s *scene) {
	gate := new(mailer.Gate)
	s.shutMidway(gate, gate.Cancel)
}

func gateLostMidway(s *scene) {
	first := new(mailer.Gate)
	s.shutMidway(&mailer.Gate{Rival: first}, first.Commit)
}

func parentCancelledMidway(s *scene) {
	parent := new(mailer.Gate)
	s.shutMidway(&mailer.Gate{Parent: parent}, parent.Cancel)
}

// shutMidway shuts gate while the provider is silent, and then lets it go on.
func (s *scene) shutMidway(gate *mailer.Gate, shut func() bool) {
	s.Helper()
	held, release := s.hold()
	reached := s.meet(Step{Fault: SilentBefore, Hold: held})
	x := s.start(withGate(gate), s.message())
	s.await(reached, "the provider is silent")
	if !shut() {
		s.broke(rule(10), "the provider still needs something, and the gate can no longer be shut")
	}
	release()
	s.checkShut(x)
}

func parentCommitted(s *scene) {
	parent := new(mailer.Gate)
	gate := &mailer.Gate{Parent: parent}
	s.accept(withGate(gate), s.message())
	if !gate.Committed() || !parent.Committed() || parent.Phase() != mailer.PhaseDone {
		s.broke(quote(docParent), "accepted, and the gate is committed: %t, its parent: %t, phase %s",
			gate.Committed(), parent.Committed(), parent.Phase())
	}
}

// parentOpenBefore looks at the parent while the provider has nothing.
func parentOpenBefore(s *scene) {
	parent := new(mailer.Gate)
	held, release := s.hold()
	reached := s.meet(Step{Fault: SilentBefore, Hold: held})
	x := s.start(withGate(&mailer.Gate{Parent: parent}), s.message())
	s.await(reached, "the provider is silent")
	if phase := parent.Phase(); parent.Committed() || phase >= mailer.PhaseCommitted || phase == mailer.PhaseNone {
		s.broke(quote(docParent), "the provider still needs something, and the parent is committed: %t, phase %s", parent.Committed(), phase)
	}
	release()
	s.verify(x.wait(patience))
}

// parentOfTwo has one attempt refused, wherever that leaves its gate, and makes another.
func parentOfTwo(s *scene) {
	parent := new(mailer.Gate)
	s.meet(Step{Fault: Unavailable})
	s.want(s.send(withGate(&mailer.Gate{Parent: parent}), s.message()), Unavailable.Verdict())
	second := &mailer.Gate{Parent: parent}
	s.accept(withGate(second), s.message())
	if !second.Committed() || !parent.Committed() {
		s.broke(quote(docParent), "the second attempt was accepted, and its gate is committed: %t, the parent: %t",
			second.Committed(), parent.Committed())
	}
}

// gateCancelledInContent cancels at a moment that needs no help of the provider.
func gateCancelledInContent(s *scene) {
	gate := new(mailer.Gate)
	content := strings.Repeat("x", 1<<16)
	m := s.attached(int64(len(content)), func() (io.ReadCloser, error) {
		gate.Cancel()
		return io.NopCloser(strings.NewReader(content)), nil
	})
	s.checkShut(s.start(withGate(gate), m))
}

// checkShut checks a send of which the gate was shut before the boundary.
func (s *scene) checkShut(x *sending) {
	s.Helper()
	r := x.wait(patience)
	truth := s.verify(r)
	if truth.Whole != 0 || len(truth.Copies) != 0 {
		s.broke(rule(10), "the gate was shut, and the provider has %d messages and %d copies", truth.Whole, len(truth.Copies))
	}
	if r.outcome() != mailer.NotAccepted {
		s.broke(rule(10), "the gate was shut, and the verdict is %s (error %v)", r.outcome(), r.err)
	}
	s.accept(context.Background(), s.message())
}

// commitBySilent lets the attempt run out of time before the boundary while ctx
// goes on: that is the provider's fault, or that of too few connections.
func commitBySilent(s *scene) {
	gate := &mailer.Gate{CommitBy: time.Now().Add(brief)}
	s.meet(Step{Fault: SilentBefore})
	r := s.start(withGate(gate), s.message()).wait(brief + soon)
	s.verify(r)
	s.want(r, SilentBefore.Verdict())
	if gate.Committed() {
		s.broke(rule(10), "the provider still needs something, and the gate is committed")
	}
	if left := time.Until(gate.CommitBy); left > brief/2 {
		s.broke(quote(docCommitBy), "it gave up %v before", left)
	}
	if !errors.Is(r.err, mailer.ErrUnavailable) && !errors.Is(r.err, mailer.ErrRateLimited) {
		s.broke(quote(docSentinels), "the provider was silent, and the error is %v", r.err)
	}
}

func commitByPast(s *scene) {
	gate := &mailer.Gate{CommitBy: time.Now().Add(-time.Minute)}
	s.checkShut(s.start(withGate(gate), s.message()))
}

// patienceAfterCommit replies after CommitBy: it limits what comes before the boundary only.
func patienceAfterCommit(s *scene) {
	gate := &mailer.Gate{CommitBy: time.Now().Add(allowance)}
	held, release := s.hold()
	reached := s.meet(Step{Fault: NoFault, Hold: held})
	x := s.start(withGate(gate), s.message())
	s.await(reached, "the provider has the message")
	<-time.After(time.Until(gate.CommitBy) + brief/2)
	release()
	r := x.wait(patience)
	s.verify(r)
	if r.err != nil {
		s.broke(quote(docCommitBy), "the attempt had committed in time, and the error is %v", r.err)
	}
}
