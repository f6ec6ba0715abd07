package overhead

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/mailkeel/mailkeel/mailer"
)

// A byHand is the least that a breaker over several routes can be: a word for each route that counts
// failures in a row. It never closes again, looks at no clock and records nothing. It is a bound, not
// something to send mail with.
type byHand struct {
	routes []mailer.Sender
	words  []routeWord
}

// A routeWord has a cache line of its own.
type routeWord struct {
	failures atomic.Uint32
	_        [60]byte
}

const failuresToOpen = 5

var errAllOpen = errors.New("all routes are open")

func newByHand(routes []mailer.Sender) *byHand {
	return &byHand{routes, make([]routeWord, len(routes))}
}

func (b *byHand) Send(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
	err := errAllOpen
	for i, s := range b.routes {
		failures := &b.words[i].failures
		if failures.Load() >= failuresToOpen {
			continue
		}
		var r *mailer.Receipt
		if r, err = s.Send(ctx, msg); err == nil {
			if failures.Load() != 0 {
				failures.Store(0)
			}
			return r, nil
		}
		failures.Add(1)
	}
	return nil, err
}
