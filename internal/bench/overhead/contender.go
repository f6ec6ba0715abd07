package overhead

import (
	"github.com/mailkeel/mailkeel/internal/bench/contender"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/router"
)

// A Contender is something to send through.
type Contender struct {
	Name string
	Kind contender.Kind
	// Open returns it with providers behind it that take everything. It may be shared by callers.
	Open func() (mailer.Sender, error)
}

// The names that goals refer to.
const (
	Direct          = "direct call"
	GoBreaker       = "sony/gobreaker"
	RouterUnlimited = "Mailkeel router, 3 routes, no limits"
	RouterDefault   = "Mailkeel router, 3 routes, default"
)

// All returns every contender, Mailkeel first, limits last.
func All() []Contender {
	made := func(wrap func(mailer.Sender) mailer.Sender) func() (mailer.Sender, error) {
		return func() (mailer.Sender, error) { return wrap(stub{"primary"}), nil }
	}
	return []Contender{
		{RouterUnlimited, contender.Ours, openRouter(unlimited)},
		{RouterDefault, contender.Ours, openRouter(router.Config{})},
		{GoBreaker, contender.Peer, made(withGoBreaker)},
		{"failsafe-go breaker", contender.Peer, made(withFailsafeBreaker)},
		{"failsafe-go retry + breaker", contender.Peer, made(withFailsafeRetry)},
		{"cenkalti/backoff Retry", contender.Peer, made(withRetry)},
		{"cenkalti/backoff Retry + gobreaker", contender.Peer, made(withRetryAndBreaker)},
		{"limit: breaker by hand, 3 routes", contender.Limit, func() (mailer.Sender, error) { return newByHand(routes()), nil }},
		{Direct, contender.Limit, made(func(s mailer.Sender) mailer.Sender { return s })},
	}
}

// unlimited has neither slices of time for each route nor a watch over how long it takes.
var unlimited = router.Config{CommitLimit: -1, MinSlice: -1, StartLimit: -1, ReplyLimit: -1, DoubtLimit: -1}

func routes() []mailer.Sender {
	return []mailer.Sender{stub{"primary"}, stub{"backup"}, stub{"last"}}
}

// openRouter leaves it to the stubs to name the routes.
func openRouter(cfg router.Config) func() (mailer.Sender, error) {
	return func() (mailer.Sender, error) {
		cfg := cfg // it is opened in every repetition
		for _, s := range routes() {
			cfg.Routes = append(cfg.Routes, router.Route{Sender: s})
		}
		r, err := router.New(cfg)
		if err != nil {
			return nil, err
		}
		return r, nil
	}
}

// Message is a prepared message, as small as can be.
func Message() (*mailer.Message, error) {
	return mailer.Prepare(&mailer.Message{
		From:    mailer.Address{Address: "sender@example.com"},
		To:      []mailer.Address{{Address: "recipient@example.net"}},
		Subject: "Your invoice for November",
		Text:    "See you.\n",
	})
}
