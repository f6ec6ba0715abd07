package mailertest

import (
	"context"
	"errors"
	"sync"

	"github.com/mailkeel/mailkeel/mailer"
)

// ErrScriptEnded is wrapped in the error of a Send for which a [Script] has no step.
var ErrScriptEnded = errors.New("the script has no further step")

// A Step is what becomes of one Send. The zero Step accepts the message.
type Step struct {
	// Verdict is what becomes of the recipients that Recipients does not name; nil
	// accepts. Its Outcome is [mailer.NotAccepted], or [mailer.Unknown], which is the zero
	// value. Its Receipt is made by the Script; all else is returned as it stands, apart
	// from a Scope of zero, which stands for [mailer.ScopeProvider].
	Verdict *mailer.SendError
	// Recipients holds verdicts about single recipients by their address, as Verdict
	// is; nil accepts. Of a message that is all-or-none, one refusal refuses all.
	Recipients map[string]*mailer.SendError
	// Kept means that the provider has the message for the recipients whose outcome
	// is unknown, as when only the reply was lost. Recipients that are accepted always have it.
	Kept bool
	// Before is a wait before the boundary. An end of ctx there, or an error, is NotAccepted.
	Before Wait
	// After is a wait for the reply. An end of ctx there, or an error, is Unknown.
	After Wait
}

// A Script is a Sender that does what its steps say, one a Send, in their order. The
// gate is committed by steps that accept, end unknown or have an After; a step that
// only refuses does so before the boundary. A message that is refused at once, because it
// is invalid or unsupported, ctx has ended or the Script is closed, uses no step up.
//
// When all steps are used up, Rest is what happens from then on. Where there is no
// Rest, Send returns NotAccepted with [mailer.ScopeCaller] and [ErrScriptEnded].
type Script struct {
	Profile
	// Steps are not changed after the first Send, except by Add.
	Steps []Step
	// Rest is the step of every Send after the last of Steps; nil means that there must be none.
	Rest *Step

	mu     sync.Mutex
	used   int
	life   life
	ledger ledger
}

var (
	_ mailer.Sender  = (*Script)(nil)
	_ mailer.Closer  = (*Script)(nil)
	_ mailer.Capable = (*Script)(nil)
	_ mailer.Checker = (*Script)(nil)
	_ mailer.Named   = (*Script)(nil)
)

// Add appends steps.
func (s *Script) Add(steps ...Step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Steps = append(s.Steps, steps...)
}

// Left returns the number of steps that are not used up.
func (s *Script) Left() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.Steps) - s.used
}

// Copies returns how many copies of the message with that Message-ID the pretended
// provider has.
func (s *Script) Copies(messageID string) int { return s.ledger.count(messageID) }

// Kept returns all copies that the pretended provider has, in order.
func (s *Script) Kept() []Copy { return s.ledger.all() }

// Close implements [mailer.Closer].
func (s *Script) Close(ctx context.Context) error { return s.life.close(ctx) }

// Send does what the next step says.
func (s *Script) Send(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
	return send(ctx, msg, s.Profile, &s.life, func(a *attempt) *mailer.SendError {
		step, found := s.next()
		if !found {
			return &mailer.SendError{Outcome: mailer.NotAccepted, Scope: mailer.ScopeCaller, Err: ErrScriptEnded}
		}
		return a.play(step, &s.ledger)
	})
}

func (s *Script) next() (Step, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.used < len(s.Steps):
		s.used++
		return s.Steps[s.used-1], true
	case s.Rest != nil:
		return *s.Rest, true
	}
	return Step{}, false
}
