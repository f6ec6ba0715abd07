package router

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// ask lets the provider say what became of the message.
func (s *send) ask(a *attempt) {
	a.asked = true
	ctx, cancel := context.WithTimeout(s.ctx, s.r.cfg.AskLimit)
	defer cancel()
	defer context.AfterFunc(s.r.life.cutOff, cancel)()
	start := time.Now()
	outcome, err := a.rt.resolver.Resolve(ctx, a.msg)
	if errors.Is(err, mailer.ErrUnsupported) {
		return // nobody was asked
	}
	s.recordDecision(ask)
	t := mailer.Attempt{
		Route: a.rt.Name, Provider: a.rt.provider, Start: start, Duration: time.Since(start), Phase: mailer.PhaseDone,
		Outcome: outcome, Scope: mailer.ScopeProvider, Detail: "asked what became of it",
	}
	if err != nil || outcome == mailer.PartlyAccepted {
		t.Outcome = mailer.Unknown
	}
	switch {
	case err != nil:
		t.Detail = "asked what became of it, without an answer"
	case outcome == mailer.Accepted:
		t.Scope = mailer.ScopeUnknown
	}
	s.open = append(s.open, len(s.log))
	s.log = append(s.log, t)
	s.believe(a, t)
}

// believe takes the provider's word for the recipients whose outcome is unknown.
func (s *send) believe(a *attempt, t mailer.Attempt) {
	if t.Outcome != mailer.Accepted && t.Outcome != mailer.NotAccepted {
		return
	}
	for i := range s.results {
		r, b := &s.results[i], &s.beyond[i]
		if r.Outcome != mailer.Unknown || !slices.Contains(b.unsure, a) {
			continue
		}
		b.unsure = slices.DeleteFunc(b.unsure, a.sameEnvelope)
		switch {
		case t.Outcome == mailer.Accepted:
			r.Outcome, r.Scope, r.Detail = mailer.Accepted, mailer.ScopeUnknown, ""
			r.Code, r.EnhancedCode = 0, "" // of the reply that left it open
			r.Provider, r.Route = a.rt.provider, a.rt.Name
		case len(b.unsure) == 0:
			r.Outcome, r.Scope, r.Temporary, r.Elsewhere = mailer.NotAccepted, mailer.ScopeProvider, !b.final, !b.final
		}
	}
	s.settleDoubt(a, t.Outcome)
}

// sameEnvelope reports whether an answer about a is one about b too.
func (a *attempt) sameEnvelope(b *attempt) bool { return a.rt == b.rt && slices.Equal(a.to, b.to) }

// settleDoubt makes the attempt's own verdict what the provider said.
func (s *send) settleDoubt(a *attempt, outcome mailer.Outcome) {
	s.findDoubt()
	if outcome == mailer.NotAccepted {
		e := *a.failed
		e.Outcome, e.Temporary, e.Elsewhere = outcome, true, true
		a.failed = &e
		return
	}
	a.failed = nil
}
