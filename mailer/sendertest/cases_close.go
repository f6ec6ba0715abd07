package sendertest

import (
	"context"
	"errors"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// closeCases are about the end of a Sender.
var closeCases = []testCase{
	{3, "closed", closed},
	{3, "closed_twice", closedTwice},
	{3, "close_waits_for_sends", closeWaits},
	{3, "close_cuts_off_at_the_end_of_ctx", closeCutsOff},
}

// closer returns the Sender's Close, or skips the case.
func (s *scene) closer() mailer.Closer {
	s.Helper()
	c, ok := mailer.Find[mailer.Closer](s.Sender)
	if !ok {
		s.Skip("the Sender is no Closer")
	}
	return c
}

func closed(s *scene) {
	c := s.closer()
	s.accept(context.Background(), s.message())
	s.checkClose(c)
	before := s.truth()
	r := s.send(context.Background(), s.message())
	if e := r.sendError(); !errors.Is(r.err, mailer.ErrClosed) || r.outcome() != mailer.NotAccepted || e.Scope != mailer.ScopeCaller {
		s.broke(quote(docClose), "after Close the verdict is %s, scope %s (error %v)", r.outcome(), e.Scope, r.err)
	}
	s.wantNothing(quote(docClose), before)
}

func closedTwice(s *scene) {
	c := s.closer()
	s.checkClose(c)
	s.checkClose(c)
}

func (s *scene) checkClose(c mailer.Closer) {
	s.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := c.Close(ctx); err != nil {
		s.broke(quote(docClose), "Close returned %v", err)
	}
}

func closeWaits(s *scene) {
	c := s.closer()
	held, release := s.hold()
	reached := s.meet(Step{Fault: NoFault, Hold: held})
	x := s.start(context.Background(), s.message())
	s.await(reached, "the provider has the message")
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.checkClose(c)
	}()
	select {
	case <-done:
		s.broke(quote(docClose), "Close returned while a send was under way")
	case <-time.After(brief / 2):
	}
	release()
	s.await(done, "Close returns after the send")
	r := x.wait(patience)
	s.verify(r)
	if r.err != nil {
		s.broke(quote(docClose), "the send under way returned %v", r.err)
	}
}

func closeCutsOff(s *scene) {
	c := s.closer()
	reached := s.meet(Step{Fault: SilentAfter})
	x := s.start(context.Background(), s.message())
	s.await(reached, "the provider has the message")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = c.Close(ctx) // may say that it had to cut something off
	}()
	r := x.wait(soon)
	s.await(done, "Close returns")
	s.verify(r)
	if r.outcome() != mailer.Unknown {
		s.broke(quote(docClose), "a send was cut off after the boundary, and the verdict is %s (error %v)", r.outcome(), r.err)
	}
}
