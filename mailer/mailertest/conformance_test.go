package mailertest_test

import (
	"context"
	"errors"
	"net/mail"
	"sync"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/mailertest"
	"github.com/mailkeel/mailkeel/mailer/sendertest"
)

func TestScriptConforms(t *testing.T) {
	for name, profile := range map[string]mailertest.Profile{
		"carries everything": {MaxRecipients: 30},
		"lacks a few":        {Lacks: mailer.FeatureSchedule | mailer.FeatureTemplate | mailer.FeatureTags | mailer.FeatureSenderName},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sendertest.Run(t, func(t testing.TB) sendertest.Harness {
				p := newPretended(profile)
				t.Cleanup(p.endSilences)
				return sendertest.Harness{Sender: p.script, Provider: p}
			})
		})
	}
}

// pretended makes a Script the provider and the sender at once: faults become steps.
type pretended struct {
	script *mailertest.Script

	mu              sync.Mutex
	contacts, whole int
	ended           []chan struct{}
}

func newPretended(profile mailertest.Profile) *pretended {
	p := new(pretended)
	p.script = &mailertest.Script{Profile: profile, Rest: &mailertest.Step{Before: p.contact, After: p.arrived}}
	return p
}

func (p *pretended) Truth(context.Context) sendertest.Truth {
	p.endSilences()
	p.mu.Lock()
	defer p.mu.Unlock()
	truth := sendertest.Truth{Contacts: p.contacts, Whole: p.whole}
	for _, c := range p.script.Kept() {
		truth.Copies = append(truth.Copies, sendertest.Copy{
			Subject: subject(c.Message), Recipients: c.Recipients,
			MessageID: c.Message.MessageID, IdempotencyKey: c.Message.IdempotencyKey,
		})
	}
	return truth
}

func subject(m *mailer.Message) string {
	if m.Raw.IsZero() {
		return m.Subject
	}
	raw, err := m.Raw.Open()
	if err != nil {
		return err.Error()
	}
	parsed, err := mail.ReadMessage(raw)
	if err != nil {
		return err.Error()
	}
	return parsed.Header.Get("Subject")
}

func (p *pretended) Meet(step sendertest.Step) <-chan struct{} {
	reached := make(chan struct{})
	p.script.Add(p.step(step, reached))
	return reached
}

var errLost = errors.New("connection reset by peer")

// refusals are what the pretended provider says.
var refusals = map[sendertest.Fault]mailer.SendError{
	sendertest.MessageRefused:     {Scope: mailer.ScopeMessage, Code: 554},
	sendertest.RecipientRefused:   {Scope: mailer.ScopeRecipient, Code: 550},
	sendertest.RecipientsRefused:  {Scope: mailer.ScopeRecipient, Code: 550},
	sendertest.SenderRefused:      {Scope: mailer.ScopeSender, Code: 553, Elsewhere: true},
	sendertest.CredentialsRefused: {Scope: mailer.ScopeAccount, Code: 535, Elsewhere: true},
	sendertest.RateLimited:        {Scope: mailer.ScopeRate, Code: 450, Elsewhere: true, Temporary: true},
	sendertest.RateLimitedFor:     {Scope: mailer.ScopeRate, Code: 450, Elsewhere: true, Temporary: true},
	sendertest.Unavailable:        {Scope: mailer.ScopeProvider, Code: 451, Elsewhere: true, Temporary: true},
}

// step translates a fault.
func (p *pretended) step(step sendertest.Step, reached chan struct{}) mailertest.Step {
	out := mailertest.Step{Before: p.contact, After: all(p.arrived, met(reached))}
	if e, is := refusals[step.Fault]; is {
		e.Outcome, e.Protocol, e.RetryAfter = mailer.NotAccepted, "smtp", step.RetryAfter
		if out.Verdict = &e; step.Fault == sendertest.RecipientRefused {
			out.Verdict, out.Recipients = nil, map[string]*mailer.SendError{step.Recipient: &e}
		}
		return out
	}
	switch step.Fault {
	case sendertest.ConnectionRefused:
		out.Before = all(met(reached), fail)
	case sendertest.SilentBefore:
		out.Before, out.After = all(p.contact, met(reached), p.silence(step.Hold)), p.arrived
	case sendertest.LostInContent:
		out.Before = all(p.contact, met(reached), fail)
	case sendertest.ReplyLost, sendertest.ReplyCut, sendertest.LostAfterContent:
		out.Verdict = &mailer.SendError{Scope: mailer.ScopeProvider, Err: errLost}
		out.Kept = step.Fault != sendertest.LostAfterContent
	case sendertest.SilentAfter:
		out.After = all(p.arrived, met(reached), p.silence(nil))
	}
	if step.Fault == sendertest.NoFault && step.Hold != nil {
		out.After = all(out.After, p.silence(step.Hold))
	}
	return out
}

// all waits for one after the other.
func all(waits ...mailertest.Wait) mailertest.Wait {
	return func(ctx context.Context) error {
		for _, w := range waits {
			if err := w(ctx); err != nil {
				return err
			}
		}
		return nil
	}
}

func met(reached chan struct{}) mailertest.Wait {
	return func(context.Context) error {
		close(reached)
		return nil
	}
}

func fail(context.Context) error { return errLost }

func (p *pretended) contact(context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.contacts++
	return nil
}

func (p *pretended) arrived(context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.whole++
	return nil
}

// silence waits for hold, or when it is nil for the end of all silences.
func (p *pretended) silence(hold <-chan struct{}) mailertest.Wait {
	return func(ctx context.Context) error {
		if hold != nil {
			return mailertest.Until(hold)(ctx)
		}
		end := make(chan struct{})
		p.mu.Lock()
		p.ended = append(p.ended, end)
		p.mu.Unlock()
		if err := mailertest.Until(end)(ctx); err != nil {
			return err
		}
		return errLost
	}
}

func (p *pretended) endSilences() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, end := range p.ended {
		close(end)
	}
	p.ended = nil
}
