package outage

import (
	"context"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/mailkeel/mailkeel/mailer"
)

// A sequential Sender tries one route after the other, for each message from the beginning, upon
// whatever error.
type sequential []mailer.Sender

func openSequential(routes []mailer.Sender, limit time.Duration) (mailer.Sender, error) {
	return sequential(limitEach(routes, limit)), nil
}

func (s sequential) Send(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
	err := errNoRoute
	for _, route := range s {
		var r *mailer.Receipt
		if r, err = route.Send(ctx, msg); err == nil {
			return r, nil
		}
	}
	return nil, err
}

// deadFor is how long a dead mark lasts.
const deadFor = time.Minute

// A deadMark also leaves alone, for a time, a route that failed for whatever reason. The
// failover of web frameworks' mailers works in this way.
type deadMark struct {
	routes []mailer.Sender

	mu    sync.Mutex
	until []time.Time
}

func openDeadMark(routes []mailer.Sender, limit time.Duration) (mailer.Sender, error) {
	return &deadMark{routes: limitEach(routes, limit), until: make([]time.Time, len(routes))}, nil
}

func (d *deadMark) Send(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
	err := errNoRoute
	for i, route := range d.routes {
		if d.dead(i) {
			continue
		}
		var r *mailer.Receipt
		if r, err = route.Send(ctx, msg); err == nil {
			return r, nil
		}
		d.mark(i)
	}
	return nil, err
}

func (d *deadMark) dead(i int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return time.Now().Before(d.until[i])
}

func (d *deadMark) mark(i int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.until[i] = time.Now().Add(deadFor)
}

// The settings of the breakers: the router's threshold, and a rest after which the outage goes on.
const (
	failuresToOpen = 5
	breakerRest    = 5 * time.Second
)

// openBreakers is a sequence of routes with a breaker before each.
func openBreakers(routes []mailer.Sender, limit time.Duration) (mailer.Sender, error) {
	var guarded sequential
	for _, route := range limitEach(routes, limit) {
		breaker := gobreaker.NewCircuitBreaker[*mailer.Receipt](gobreaker.Settings{
			Timeout:     breakerRest,
			ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= failuresToOpen },
		})
		guarded = append(guarded, behind{breaker, route})
	}
	return guarded, nil
}

// behind is a route behind its breaker.
type behind struct {
	breaker *gobreaker.CircuitBreaker[*mailer.Receipt]
	route   mailer.Sender
}

func (b behind) Send(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
	return b.breaker.Execute(func() (*mailer.Receipt, error) { return b.route.Send(ctx, msg) })
}
