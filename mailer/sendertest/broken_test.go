package sendertest

import (
	"context"
	"slices"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
)

// A send is what a broken sender does instead of sending.
type send func(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error)

// broken is a sender with a flaw.
type broken struct {
	inner mailer.Sender
	send  send
}

func (b broken) Send(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
	if msg == nil {
		return b.inner.Send(ctx, msg)
	}
	return b.send(ctx, msg)
}

func (b broken) Unwrap() mailer.Sender { return b.inner }

// instead wraps a sender in a flaw.
func instead(flaw func(inner mailer.Sender) send) func(mailer.Sender) mailer.Sender {
	return func(inner mailer.Sender) mailer.Sender { return broken{inner, flaw(inner)} }
}

// after wraps a sender in a flaw that spoils its results. The error it is given is never nil.
func after(spoil func(r *mailer.Receipt, e *mailer.SendError) (*mailer.Receipt, error)) func(mailer.Sender) mailer.Sender {
	return instead(func(inner mailer.Sender) send {
		return func(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
			r, err := inner.Send(ctx, msg)
			if err == nil {
				return r, nil
			}
			return spoil(r, mailer.AsSendError(err))
		}
	})
}

// before wraps a sender in a flaw that gives it something else to send.
func before(change func(ctx context.Context, msg *mailer.Message) (context.Context, *mailer.Message)) func(mailer.Sender) mailer.Sender {
	return instead(func(inner mailer.Sender) send {
		return func(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
			return inner.Send(change(ctx, msg))
		}
	})
}

// verdict is after for a flaw that turns one outcome into another throughout.
func verdict(from, to mailer.Outcome) func(mailer.Sender) mailer.Sender {
	return after(func(_ *mailer.Receipt, e *mailer.SendError) (*mailer.Receipt, error) {
		if e.Outcome == from {
			e.Outcome, e.Receipt.Outcome = to, to
			for i := range e.Receipt.Recipients {
				e.Receipt.Recipients[i].Outcome = to
			}
		}
		return nil, e
	})
}

// A flaw is what the suite must find: in the case named, by a report that quotes the rule.
type flaw struct {
	name     string
	flaw     func(mailer.Sender) mailer.Sender
	lacks    mailer.Feature
	caughtBy string
	quoting  string
}

var flaws = []flaw{
	{"sends again when the reply is lost", instead(sendsAgain), 0, "rule04/reply_lost", rule(8)},
	{"calls a lost reply a refusal", verdict(mailer.Unknown, mailer.NotAccepted), 0, "rule04/reply_lost", rule(4)},
	{"calls an early failure unknown", verdict(mailer.NotAccepted, mailer.Unknown), 0, "rule04/connection_refused", rule(4)},
	{"takes a cut reply for acceptance", instead(optimist), 0, "rule04/lost_after_content", rule(4)},
	{"reports noise after acceptance", instead(reportsNoise), 0, "rule05/noise_after", rule(5)},
	{"returns a plain error", after(plainError), 0, "rule04/message_refused", rule(3)},
	{"returns no receipt in the error", after(noReceipt), 0, "rule04/unavailable", rule(3)},
	{"returns another receipt when partly accepted", after(otherReceipt), 0, "rule02/partly_accepted", rule(2)},
	{"returns no receipt when partly accepted", after(nilReceipt), 0, "rule02/partly_accepted", rule(2)},
	{"returns a receipt when refused", after(eagerReceipt), 0, "rule04/message_refused", rule(3)},
	{"treats all recipients alike", after(allAlike), 0, "rule02/partly_accepted", rule(4)},
	{"forgets who was refused", after(noRecipients), 0, "rule03/refused_for_all", quote(docRecipients)},
	{"tells the recipients in another order", after(reversed), 0, "rule03/refused_for_all", quote(docRecipients)},
	{"forgets how far it got", after(phase(mailer.PhaseNone)), 0, "rule04/reply_lost", quote(docPhase)},
	{"returns nothing at all", instead(nothing), 0, "rule01/accepted", rule(1)},
	{"contradicts its receipt", after(contradicts), 0, "rule04/message_refused", rule(3)},
	{"blames nobody", after(scoped(mailer.ScopeUnknown)), 0, "rule04/message_refused", quote(docScope)},
	{"recommends spam to others", after(recommends), 0, "rule04/message_refused", quote(docScope)},
	{"forgets the provider's code", after(noCode), 0, "rule04/unavailable", quote(docProtocol)},
	{"forgets the code of a recipient", after(noRecipientCode), 0, "rule02/partly_accepted", quote(docScope)},
	{"calls one recipient partly accepted", after(partOfOne), 0, "rule04/message_refused", quote(docOneResult)},
	{"blames somebody for acceptance", instead(blamed), 0, "rule01/accepted", quote(docScope)},
	{"tells no provider", after(noProvider), 0, "rule04/unavailable", quote(docAttempts)},
	{"tells a wrong time", after(wrongTime), 0, "rule04/unavailable", quote(docAttempts)},
	{"got too far to know", after(phase(mailer.PhaseCommitted)), 0, "rule04/connection_refused", quote(docPhase)},
	{"got further than it could", after(phase(mailer.PhaseDone)), 0, "rule04/connection_refused", quote(docPhase)},
	{"stopped short of acceptance", instead(stoppedShort), 0, "rule01/accepted", quote(docPhase)},
	{"hides whom it sent to", after(hidesLoss), 0, "rule04/reply_lost", rule(4)},
	{"sends to somebody else too", instead(copiesArchive), 0, "rule01/accepted", rule(8)},
	{"lets text end the message", instead(smuggles), 0, "rule08/content_that_looks_like_commands", rule(8)},
	{"names all messages alike", before(namesAlike), 0, "rule08/identities_of_two_messages", quote(docKey)},
	{"names one message alike at once", before(namesAlike), 0, "rule07/one_message_at_once", rule(7)},
	{"sends when ctx has ended", before(ignoresCtx), 0, "rule09/cancelled_before_the_start", rule(9)},
	{"cancels others too", instead(cancelsAll), 0, "rule09/one_cancelled_beside_others", rule(9)},
	{"commits before it connects", instead(commitsEarly), 0, "rule10/not_committed_when_connection_refused", rule(10)},
	{"cannot be cancelled midway", instead(commitsEarly), 0, "rule10/cancelled_midway", rule(10)},
	{"gives up before CommitBy", before(commitsByNow), 0, "rule10/commit_by_with_a_silent_provider", quote(docCommitBy)},
	{"gives a code without a protocol", after(noProtocol), 0, "rule04/message_refused", quote(docProtocol)},
	{"delivers to the others in spite of all-or-none", before(notAllOrNone), 0, "rule02/all_or_none", quote(docAllOrNone)},
	{"blames the wrong one", after(scoped(mailer.ScopeMessage)), 0, "rule04/sender_refused", quote(docScope)},
	{"forgets how long to wait", after(forgetsRetryAfter), 0, "rule04/rate_limited_for", quote(docRetryAfter)},
	{"changes the message", before(changesMessage), 0, "rule06/unchanged_after_acceptance", rule(6)},
	{"appends to the caller's list", before(appends), 0, "rule06/unchanged_after_acceptance", rule(6)},
	{"changes the attachment", before(changesAttachment), 0, "rule06/unchanged_attachment", rule(6)},
	{"mixes up concurrent messages", instead(mixesUp), 0, "rule07/fifty_at_once", rule(7)},
	{"ignores the cancelling of ctx", before(ignoresCtx), 0, "rule09/cancelled_before_the_boundary", rule(9)},
	{"ignores ctx while it waits for the reply", before(ignoresCtx), 0, "rule09/cancelled_after_the_boundary", rule(9)},
	{"loses ctx's error", after(losesCause), 0, "rule09/deadline_before_the_boundary", rule(9)},
	{"gives the cause instead of ctx's error", instead(causeOnly), 0, "rule09/cancelled_with_a_cause", rule(9)},
	{"blames the provider for ctx", after(scoped(mailer.ScopeProvider)), 0, "rule09/cancelled_before_the_start", rule(9)},
	{"ignores the gate", before(ignoresGate), 0, "rule10/cancelled_before_the_send", rule(10)},
	{"ignores a gate cancelled midway", before(ignoresGate), 0, "rule10/cancelled_midway", rule(10)},
	{"commits twice", instead(commitsTwice), 0, "rule10/committed_when_accepted", rule(1)},
	{"commits too early", instead(commitsEarly), 0, "rule10/open_while_the_provider_needs_more", rule(10)},
	{"commits after sending", instead(commitsLate), 0, "rule10/committed_when_the_message_is_whole", rule(10)},
	{"ignores CommitBy", before(ignoresCommitBy), 0, "rule10/commit_by_with_a_silent_provider", rule(9)},
	{"gives up at CommitBy after commit", before(commitByIsDeadline), 0, "rule10/patience_after_commit", quote(docCommitBy)},
	{"loses the rival", before(losesRival), 0, "rule10/lost_to_another_attempt_midway", rule(10)},
	{"does not commit the parent", before(losesParent), 0, "rule10/parent_committed_when_accepted", quote(docParent)},
	{"does not mark the parent", before(losesParent), 0, "rule10/parent_open_while_the_provider_needs_more", quote(docParent)},
	{"commits the parent too early", instead(commitsParent), 0, "rule10/parent_open_while_the_provider_needs_more", quote(docParent)},
	{"ignores the parent", before(losesParent), 0, "rule10/parent_cancelled_midway", rule(10)},
	{"takes a parent for its own", instead(commitsParent), 0, "rule10/parent_of_two_attempts", rule(1)},
	{"drops what is advisory in silence", instead(dropsInSilence), mailer.FeatureTags, "rule11/feature_tags", rule(11)},
	{"drops what is essential", before(dropsSchedule), mailer.FeatureSchedule, "rule11/feature_schedule", rule(11)},
	{"sends before it refuses", instead(sendsUnsupported), mailer.FeatureHeaders, "rule11/feature_headers", rule(11)},
	{"sends a narrow message to all", before(widens), 0, "rule11/feature_envelope", quote(docEnvelope)},
	{"sends it to all and keeps that quiet", instead(widensInSilence), 0, "rule11/feature_envelope_without_the_first", rule(8)},
	{"tells of those who were left out", instead(tellsOfAll), 0, "rule11/feature_envelope", quote(docEnvelope)},
	{"sends copies of a narrow message to all", before(widensCopies), 0, "rule11/feature_envelope_of_a_copy", quote(docEnvelope)},
	{"gives what was left another identity", before(renamesNarrow), 0, "rule11/feature_envelope_of_what_was_left", quote(docMessageID)},
	{"sends what it cannot narrow", before(widens), mailer.FeatureEnvelope, "rule11/feature_envelope", rule(11)},
	{"names what nobody asked for", instead(degradesAll), 0, "rule01/accepted", rule(11)},
	{"shows the secret in an error", after(leaks), 0, "rule12/errors", rule(12)},
	{"shows the secret in base64", after(leaksEncoded), 0, "rule12/errors", rule(12)},
	{"shows the secret when printed", printsSecret, 0, "rule12/printed_sender", rule(12)},
	{"mints a new identity each time", before(mintsAnew), 0, "rule08/identity_of_a_message_sent_again", quote(docMessageID)},
	{"gives the provider another identity", instead(hidesIdentity), 0, "rule08/identity_given_by_the_caller", quote(docMessageID)},
	{"reports no attempt", instead(noAttempts), 0, "rule01/accepted", rule(8)},
	{"cleans up invalid messages and sends", before(cleansUp), 0, "rule03/invalid_line_end_in_subject", quote(docInvalid)},
	{"sends part of a broken content", before(truncates), 0, "rule04/content_fails_while_read", rule(4)},
	{"calls itself otherwise", misnamed, 0, "rule01/accepted", quote(docNamed)},
	{"returns the same receipt each time", instead(sameReceipt), 0, "rule13/receipts", rule(13)},
	{"returns the same results each time", instead(sameRecipients), 0, "rule13/receipts", rule(13)},
	{"returns the same attempts each time", instead(sameAttempts), 0, "rule13/receipts", rule(13)},
	{"names what is left out in one list", instead(sameDegraded), mailer.FeatureTags, "rule13/receipts", rule(13)},
	{"reads what it returned", instead(readsReceipt), 0, "rule13/receipts", rule(13)},
	{"writes on what it returned", instead(writesReceipt), 0, "rule13/receipts", rule(13)},
	{"returns the same error each time", sameError(mailer.ScopeMessage), 0, "rule13/errors", rule(13)},
	{"writes over the error it returned", overwritesError(), 0, "rule13/errors", rule(13)},
	{"keeps an error for ended contexts", sameError(mailer.ScopeCaller), 0, "rule13/errors_without_an_attempt", rule(13)},
	{"keeps what was partly accepted", sameError(mailer.ScopeRecipient), 0, "rule13/receipt_of_a_partial_acceptance", rule(13)},
	{"sends after Close", neverCloses, 0, "rule03/closed", quote(docClose)},
	{"does not wait in Close", closesAtOnce, 0, "rule03/close_waits_for_sends", quote(docClose)},
	{"fails when closed twice", failsSecondClose, 0, "rule03/closed_twice", quote(docClose)},
}

func TestFlawsAreCaught(t *testing.T) {
	byName := make(map[string]testCase)
	for _, c := range cases() {
		byName[c.String()] = c
	}
	for _, f := range flaws {
		t.Run(f.name, func(t *testing.T) {
			c, exists := byName[f.caughtBy]
			if !exists {
				t.Fatalf("there is no case %s", f.caughtBy)
			}
			if rec := try(t, c, memoryHarness(f.lacks, f.flaw)); !rec.mentions(f.quoting) {
				t.Errorf("%s reports %q, want a report that quotes %s", c, rec.reports, f.quoting)
			}
			// The case must fail because of the flaw, not because of the features that are lacking.
			if rec := try(t, c, memoryHarness(f.lacks, nil)); len(rec.reports) > 0 {
				t.Errorf("%s fails without the flaw: %q", c, rec.reports)
			}
		})
	}
}

// TestEveryCaseCanFail makes sure that no case passes whatever a sender does, and that
// none panics over it.
func TestEveryCaseCanFail(t *testing.T) {
	for _, c := range cases() {
		failed := slices.ContainsFunc(flaws, func(f flaw) bool {
			return len(try(t, c, memoryHarness(f.lacks, f.flaw)).reports) > 0
		})
		if !failed {
			t.Errorf("no flaw makes %s fail", c)
		}
	}
}

// TestEveryRuleHasFlaws makes sure that no rule is checked by cases that cannot fail.
func TestEveryRuleHasFlaws(t *testing.T) {
	for i := range rules[1:] {
		quoted := rule(i + 1)
		found := false
		for _, f := range flaws {
			found = found || f.quoting == quoted
		}
		if !found {
			t.Errorf("no flaw breaks %s", quoted)
		}
	}
}
