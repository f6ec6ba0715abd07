package outage

import (
	"context"
	"errors"
	"time"

	"github.com/mailkeel/mailkeel/internal/bench/contender"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/router"
)

// A Contender is a way to have a backup.
type Contender struct {
	Name string
	Kind contender.Kind
	// open returns it before the routes, of which the first is the primary. The limit is that of a
	// send.
	open func(routes []mailer.Sender, limit time.Duration) (mailer.Sender, error)
}

// The names that goals refer to.
const (
	Mailkeel        = "Mailkeel router"
	MailkeelPatient = "Mailkeel router, no time-out from the caller"
)

// All returns every contender, Mailkeel first.
func All() []Contender {
	return []Contender{
		{Mailkeel, contender.Ours, openRouter},
		{MailkeelPatient, contender.Ours, func(routes []mailer.Sender, _ time.Duration) (mailer.Sender, error) {
			return openRouter(routes, 0)
		}},
		{"sequential, no memory", contender.Peer, openSequential},
		{"dead mark, 60 s", contender.Peer, openDeadMark},
		{"gobreaker, 5 failures", contender.Peer, openBreakers},
	}
}

// openRouter is the router with its default configuration. The limit is that of the caller's context
// and so of all attempts together.
func openRouter(routes []mailer.Sender, limit time.Duration) (mailer.Sender, error) {
	var cfg router.Config
	for _, s := range routes {
		cfg.Routes = append(cfg.Routes, router.Route{Sender: s})
	}
	r, err := router.New(cfg)
	if err != nil {
		return nil, err
	}
	return limited{r, limit}, nil
}

// A limited Sender gives every send at most so long; zero means that it does not.
type limited struct {
	mailer.Sender
	limit time.Duration
}

func (l limited) Unwrap() mailer.Sender { return l.Sender }

func (l limited) Send(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
	if l.limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, l.limit)
		defer cancel()
	}
	return l.Sender.Send(ctx, msg)
}

var errNoRoute = errors.New("no route is left")

// limitEach gives every attempt the limit: without it, who notices an outage by a time-out alone would
// never get to the backup.
func limitEach(routes []mailer.Sender, limit time.Duration) []mailer.Sender {
	each := make([]mailer.Sender, len(routes))
	for i, s := range routes {
		each[i] = limited{s, limit}
	}
	return each
}
