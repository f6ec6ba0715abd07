package sendertest

import (
	"context"
	"reflect"
	"slices"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// ownershipCases are about what Send returned: its caller may write on it.
var ownershipCases = []testCase{
	{13, "receipts", func(s *scene) { s.checkOwned(NoFault) }},
	{13, "errors", func(s *scene) { s.checkOwned(MessageRefused) }},
	{13, "receipt_of_a_partial_acceptance", func(s *scene) { s.checkOwned(RecipientRefused) }},
	{13, "errors_without_an_attempt", ownedWithoutAttempt},
}

// checkOwned sends a message that asks for much, meeting f each time.
func (s *scene) checkOwned(f Fault) {
	s.Helper()
	m, err := mailer.Prepare(s.advisory())
	if err != nil {
		s.Fatalf("prepare the message of the suite: %v", err)
	}
	s.checkApart(func() *result {
		step := Step{Fault: f}
		if f == RecipientRefused {
			step.Recipient = middle
		}
		s.meet(step)
		return s.send(context.Background(), m)
	})
}

// ownedWithoutAttempt sends when ctx has ended: such errors tend to be made once for all.
func ownedWithoutAttempt(s *scene) {
	m := s.prepared()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s.checkApart(func() *result { return s.send(ctx, m) })
}

// advisory returns a message to three recipients that asks for everything that is
// advisory, so that what is lacking is named.
func (s *scene) advisory() *mailer.Message {
	m := s.crowd()
	for _, a := range asks {
		if a.feature&mailer.Advisory != 0 {
			a.ask(m)
		}
	}
	return m
}

// checkApart calls send three times and writes on what it returned first: that changes
// nothing in the others, and they change nothing in it.
func (s *scene) checkApart(send func() *result) {
	s.Helper()
	first := send()
	account := first.account()
	if account == nil {
		return // reported by checkShape
	}
	was := cloneReceipt(account)
	second := send()
	s.checkShared(first, second)
	if !reflect.DeepEqual(account, was) {
		s.broke(rule(13), "a second Send changed the receipt of the first from %+v to %+v", was, account)
	}
	if second.account() == nil {
		return
	}
	was = cloneReceipt(second.account())
	scribble(account)
	if !reflect.DeepEqual(second.account(), was) {
		s.broke(rule(13), "what was written on the first receipt shows in the second")
	}
	if third := send().account(); third != nil && !reflect.DeepEqual(timeless(third), timeless(was)) {
		s.broke(rule(13), "after the first receipt was written on, a Send returns %+v, before that %+v", third, was)
	}
}

// checkShared reports memory that two results have in common.
func (s *scene) checkShared(first, second *result) {
	s.Helper()
	a, b := first.account(), second.account()
	if b == nil {
		return
	}
	for what, shared := range map[string]bool{
		"SendError":          first.err != nil && second.err != nil && first.sendError() == second.sendError(),
		"Receipt":            a == b,
		"Receipt.Recipients": overlap(a.Recipients, b.Recipients),
		"Receipt.Attempts":   overlap(a.Attempts, b.Attempts),
		"Receipt.Degraded":   overlap(a.Degraded, b.Degraded),
	} {
		if shared {
			s.broke(rule(13), "two sends returned the same %s", what)
		}
	}
}

// overlap reports whether a and b, as far as an append could write, lie in the same array.
func overlap[E any](a, b []E) bool {
	a, b = a[:cap(a)], b[:cap(b)]
	for i := range a {
		for j := range b {
			if &a[i] == &b[j] {
				return true
			}
		}
	}
	return false
}

func cloneReceipt(r *mailer.Receipt) *mailer.Receipt {
	c := *r
	c.Recipients, c.Attempts, c.Degraded = slices.Clone(r.Recipients), slices.Clone(r.Attempts), slices.Clone(r.Degraded)
	return &c
}

// timeless returns a copy of r without what differs from one send to the next.
func timeless(r *mailer.Receipt) *mailer.Receipt {
	c := cloneReceipt(r)
	c.ProviderMessageID = ""
	for i := range c.Recipients {
		c.Recipients[i].ProviderMessageID, c.Recipients[i].Detail = "", ""
	}
	for i := range c.Attempts {
		a := &c.Attempts[i]
		a.Start, a.Duration, a.Detail = time.Time{}, 0, ""
	}
	return c
}

// scribble writes on all of r, and where an append would.
func scribble(r *mailer.Receipt) {
	const ink = "written on by the caller"
	recipients, attempts, degraded := r.Recipients[:cap(r.Recipients)], r.Attempts[:cap(r.Attempts)], r.Degraded[:cap(r.Degraded)]
	for i := range recipients {
		recipients[i] = mailer.RecipientResult{Address: ink, Provider: ink, Route: ink}
	}
	for i := range attempts {
		attempts[i] = mailer.Attempt{Provider: ink, Route: ink, Decision: ink}
	}
	for i := range degraded {
		degraded[i] = ink
	}
	*r = mailer.Receipt{
		Provider: ink, Route: ink, ProviderMessageID: ink, MessageID: ink, IdempotencyKey: ink,
		Recipients: recipients, Attempts: attempts, Degraded: degraded,
	}
}
