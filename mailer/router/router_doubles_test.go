package router_test

import (
	"context"
	"errors"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/mailertest"
)

// Careless is a Sender that takes all-or-none for the first recipient only.
type careless struct{}

func (careless) Send(_ context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
	r := &mailer.Receipt{Outcome: mailer.PartlyAccepted}
	for i, address := range msg.Recipients() {
		result := mailer.RecipientResult{Address: address, Outcome: mailer.Accepted}
		if i > 0 {
			result.Outcome, result.Scope, result.Elsewhere = mailer.NotAccepted, mailer.ScopeProvider, true
		}
		r.Recipients = append(r.Recipients, result)
	}
	return r, &mailer.SendError{Receipt: r, Outcome: r.Outcome, Scope: mailer.ScopeProvider, Elsewhere: true}
}

// Failing is a Sender that gives no verdict.
type failing struct{}

func (failing) Send(context.Context, *mailer.Message) (*mailer.Receipt, error) { return nil, errReset }

// Gateless is a Sender that knows nothing of gates, and so marks no phase.
type gateless struct{ *provider }

func (g gateless) Send(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
	return g.provider.Send(mailer.WithGate(ctx, nil), msg)
}

// Panicking is a Sender that panics when it is told to.
type panicking struct {
	*provider
	now func() bool
}

func (p panicking) Send(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
	if p.now() {
		mailer.GateFrom(ctx).Mark(mailer.PhaseConnect)
		panic(errPanic)
	}
	return p.provider.Send(ctx, msg)
}

var errPanic = errors.New("a bug of the sender")

// Mute is a Sender that can do nothing but send.
type mute struct{ p *provider }

func (m mute) Send(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
	return m.p.Send(ctx, msg)
}
func (m mute) spy() *provider { return m.p }

// An alternating provider refuses two of five attempts, too few to make it rest.
type alternating struct {
	*provider
	bad mailertest.Step
}

func (p *alternating) Send(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
	p.mu.Lock()
	step := mailertest.Step{}
	if n := len(p.calls) % 5; n == 0 || n == 2 {
		step = p.bad
	}
	p.mu.Unlock()
	p.Add(step)
	return p.provider.Send(ctx, msg)
}

// Doing is a Sender that is a function.
type doing func(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error)

func (f doing) Send(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
	return f(ctx, msg)
}

// Deaf is a wait that no end of ctx cuts short.
func deaf(d time.Duration) mailertest.Wait {
	return func(context.Context) error {
		time.Sleep(d)
		return nil
	}
}
