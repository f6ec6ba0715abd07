package overhead

import (
	"context"

	"github.com/cenkalti/backoff/v4"
	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
	"github.com/sony/gobreaker/v2"

	"github.com/mailkeel/mailkeel/mailer"
)

// A sendFunc is a function as a Sender.
type sendFunc func(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error)

func (f sendFunc) Send(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
	return f(ctx, msg)
}

func withGoBreaker(next mailer.Sender) mailer.Sender {
	breaker := gobreaker.NewCircuitBreaker[*mailer.Receipt](gobreaker.Settings{})
	return sendFunc(func(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
		return breaker.Execute(func() (*mailer.Receipt, error) { return next.Send(ctx, msg) })
	})
}

func withFailsafeBreaker(next mailer.Sender) mailer.Sender {
	return withFailsafe(next, circuitbreaker.NewWithDefaults[*mailer.Receipt]())
}

func withFailsafeRetry(next mailer.Sender) mailer.Sender {
	return withFailsafe(next, retrypolicy.NewWithDefaults[*mailer.Receipt](), circuitbreaker.NewWithDefaults[*mailer.Receipt]())
}

// withFailsafe makes the executor once for all messages. It does not know of their contexts then,
// which a program that retries would want and pay for.
func withFailsafe(next mailer.Sender, policies ...failsafe.Policy[*mailer.Receipt]) mailer.Sender {
	executor := failsafe.With(policies...)
	return sendFunc(func(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
		return executor.Get(func() (*mailer.Receipt, error) { return next.Send(ctx, msg) })
	})
}

// withRetry makes a sequence of delays for each message, for one cannot be shared.
func withRetry(next mailer.Sender) mailer.Sender {
	return sendFunc(func(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
		return backoff.RetryWithData(func() (*mailer.Receipt, error) { return next.Send(ctx, msg) }, backoff.NewExponentialBackOff())
	})
}

func withRetryAndBreaker(next mailer.Sender) mailer.Sender { return withRetry(withGoBreaker(next)) }
