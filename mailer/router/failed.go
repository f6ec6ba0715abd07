package router

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// failure is the error of a send that was tried. It is that of the attempt that decided,
// whose cause it wraps, and tells of the others.
func (s *send) failure(r *mailer.Receipt, now time.Time) *mailer.SendError {
	a := s.last
	if r.Outcome == mailer.Unknown && s.doubt != nil {
		a = s.doubt
	}
	e := &mailer.SendError{Receipt: r, Outcome: r.Outcome}
	if f := a.failed; f != nil {
		e.Scope, e.Protocol, e.Code, e.EnhancedCode = f.Scope, f.Protocol, f.Code, f.EnhancedCode
		e.Elsewhere, e.RetryAfter = f.Elsewhere, f.RetryAfter
		e.Err = &trail{f.Err, s.before(a)}
	} else {
		e.Err = &trail{errors.New("accepted for some"), s.before(a)}
	}
	if e.Temporary = s.later != 0 && r.Outcome != mailer.Unknown; e.Temporary && e.RetryAfter == 0 {
		e.RetryAfter = s.soonest(now)
	}
	if e.Scope == mailer.ScopeUnknown {
		s.scopeOfResults(e)
	}
	return e
}

// scopeOfResults takes what is said about the first recipient that has it not.
func (s *send) scopeOfResults(e *mailer.SendError) {
	for i := range s.results {
		if r := &s.results[i]; r.Outcome != mailer.Accepted {
			e.Scope, e.Elsewhere = r.Scope, e.Elsewhere || r.Elsewhere
			return
		}
	}
}

// before tells of the other routes, a phrase each.
func (s *send) before(a *attempt) string {
	var told []string
	for i := range s.log {
		t := &s.log[i]
		switch {
		case t.Outcome == mailer.Accepted || i >= a.at && i < a.at+len(a.logged):
		case t.Skipped != "":
			told = append(told, t.Route+" was passed over: "+t.Skipped)
		case t.Route != a.rt.Name:
			told = append(told, t.Route+": "+cmp.Or(t.Detail, t.Outcome.String()))
		}
	}
	return strings.Join(told, "; ")
}

// A trail is the cause of the last attempt, and what is to be said about the others.
type trail struct {
	cause  error
	others string
}

func (t *trail) Error() string {
	text := "refused"
	if t.cause != nil {
		text = t.cause.Error()
	}
	if t.others == "" {
		return text
	}
	return text + " (" + t.others + ")"
}

func (t *trail) Unwrap() error { return t.cause }

// soonest is how long it takes until a route may take the message; zero where one may now, or
// that is not known.
func (s *send) soonest(now time.Time) time.Duration {
	soonest := time.Duration(0)
	for _, rt := range s.r.routes {
		if rt.admits(s) != nil {
			continue
		}
		st := rt.standing(now, s)
		if st.rank < unavailable {
			return 0
		}
		if st.wait > 0 && (soonest == 0 || st.wait < soonest) {
			soonest = st.wait
		}
	}
	return soonest
}

var errNoRoute = errors.New("no route can take the message")

// untaken is the error of a message that no route was tried for: none fits, or all rest.
func (s *send) untaken(now time.Time) error {
	r := &mailer.Receipt{
		Outcome: mailer.NotAccepted, Provider: kind, Route: s.r.cfg.Name,
		MessageID: s.msg.MessageID, IdempotencyKey: s.msg.IdempotencyKey,
	}
	e := &mailer.SendError{Receipt: r, Outcome: mailer.NotAccepted, Elsewhere: true}
	if s.over(now) {
		e.Scope, e.Elsewhere, e.Err = mailer.ScopeCaller, false, s.whyOver()
	} else {
		for i := range s.r.routes {
			s.notePass(s.at(i), now)
		}
		s.weighPassed(e, now)
	}
	r.Attempts = s.log
	r.Recipients = blank(s.msg, mailer.RecipientResult{
		Outcome: mailer.NotAccepted, Scope: e.Scope, Temporary: e.Temporary, Elsewhere: e.Elsewhere,
		RetryAfter: e.RetryAfter, Detail: errNoRoute.Error(), Provider: kind, Route: s.r.cfg.Name,
	})
	return e
}

// whyOver is why there is no time for an attempt.
func (s *send) whyOver() error {
	switch err := s.ctx.Err(); {
	case err != nil:
		return err
	case s.r.life.cut():
		return mailer.ErrClosed
	}
	return errNoCommit
}

// weighPassed says of the routes that were passed over what gives most hope: that one
// which fits will be back.
func (s *send) weighPassed(e *mailer.SendError, now time.Time) {
	why := make([]error, 0, len(s.log))
	for i := range s.log {
		t := &s.log[i]
		why = append(why, fmt.Errorf("%s: %s", t.Route, t.Skipped))
		if hope[t.Scope] > hope[e.Scope] {
			e.Scope = t.Scope
		}
	}
	if len(why) == 0 { // others went first, and are through by now
		e.Scope, e.Temporary, e.Err = mailer.ScopeProvider, true, errNoRoute
		return
	}
	if hope[e.Scope] >= hope[mailer.ScopeAccount] {
		e.Temporary, e.RetryAfter = true, s.soonest(now)
	}
	reason := errNoRoute
	if e.Scope == mailer.ScopeMessage {
		reason = fmt.Errorf("%w: %w", mailer.ErrUnsupported, errNoRoute)
	}
	e.Err = fmt.Errorf("%w: %w", reason, errors.Join(why...))
}

var hope = map[mailer.Scope]int{
	mailer.ScopeMessage: 1, mailer.ScopeSender: 2, mailer.ScopeAccount: 3, mailer.ScopeProvider: 4, mailer.ScopeRate: 5,
}
