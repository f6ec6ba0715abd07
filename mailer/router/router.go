package router

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/observe"
)

// kind is what receipts call a router as a provider, where no route decided.
const kind = "router"

// A Router sends each message through one of its routes. It is safe for concurrent use.
type Router struct {
	cfg    Config
	routes []*route
	plain  bool          // attempts have no limits of their own, and nobody hears of them
	turn   atomic.Uint32 // round robin
	detour atomic.Bool   // mail goes over a backup because a route before it rests
	life   life
}

var (
	_ mailer.Sender   = (*Router)(nil)
	_ mailer.Checker  = (*Router)(nil)
	_ mailer.Resolver = (*Router)(nil)
	_ mailer.Closer   = (*Router)(nil)
	_ mailer.Capable  = (*Router)(nil)
	_ mailer.Named    = (*Router)(nil)
)

// New returns a Router. It sends nothing and connects to nothing, and with
// Config.CheckInterval it begins to check. The error names the field of cfg that is wrong.
func New(cfg Config) (*Router, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	r := &Router{cfg: cfg}
	r.plain = cfg.CommitLimit <= 0 && cfg.MinSlice <= 0 && cfg.StartLimit <= 0 && cfg.ReplyLimit <= 0 && cfg.DoubtLimit <= 0 &&
		cfg.Observer == nil
	r.life.begin(r.busy)
	for i := range cfg.Routes {
		r.routes = append(r.routes, r.newRoute(i, cfg.Routes[i]))
	}
	if err := r.checkNames(); err != nil {
		return nil, err
	}
	for _, rt := range r.routes {
		if cfg.CheckInterval > 0 && rt.checker != nil {
			r.background(rt.patrol)
		}
	}
	return r, nil
}

// Send makes as many attempts as it takes, and as are right; see [mailer.Sender] for the
// contract and the package documentation for the rules.
func (r *Router) Send(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
	m, release, err := mailer.Spool(ctx, msg)
	if err != nil {
		return nil, err
	}
	defer release()
	if err := ctx.Err(); err != nil {
		return nil, r.refuse(m, err)
	}
	if r.plain && m.Delivery != mailer.AtLeastOnce && mailer.GateFrom(ctx) == nil {
		return r.sendPlain(ctx, m)
	}
	return r.sendCounted(ctx, m)
}

// sendCounted is a send that Close waits for.
func (r *Router) sendCounted(ctx context.Context, m *mailer.Message) (*mailer.Receipt, error) {
	if !r.life.enter() {
		return nil, r.refuse(m, mailer.ErrClosed)
	}
	defer r.life.leave()
	now := time.Now()
	return r.newSend(ctx, m, now).run(now)
}

// busy reports whether an attempt is under way.
func (r *Router) busy() bool {
	return slices.ContainsFunc(r.routes, func(rt *route) bool { return rt.counts.inFlight() != 0 })
}

// refuse is the error of a message that nothing was done with.
func (r *Router) refuse(m *mailer.Message, err error) error {
	e := &mailer.SendError{
		Receipt: &mailer.Receipt{Provider: kind, Route: r.cfg.Name, MessageID: m.MessageID, IdempotencyKey: m.IdempotencyKey},
		Outcome: mailer.NotAccepted, Scope: mailer.ScopeCaller, Err: err,
	}
	e.Receipt.Outcome = e.Outcome
	e.Receipt.Recipients = blank(m, mailer.RecipientResult{Outcome: e.Outcome, Scope: e.Scope, Provider: kind, Route: r.cfg.Name})
	return e
}

// Unwrap returns the routes' Senders.
func (r *Router) Unwrap() []mailer.Sender {
	senders := make([]mailer.Sender, len(r.routes))
	for i, rt := range r.routes {
		senders[i] = rt.Sender
	}
	return senders
}

// Names implements [mailer.Named].
func (r *Router) Names() (provider, route string) { return kind, r.cfg.Name }

// Capabilities returns what at least one route can carry. A message that asks for several
// things of which no route has all is refused all the same.
func (r *Router) Capabilities() mailer.Capabilities {
	all := r.routes[0].caps
	for _, rt := range r.routes[1:] {
		all.Features |= rt.caps.Features
		all.MaxRecipients = larger(all.MaxRecipients, rt.caps.MaxRecipients)
		all.MaxMessageBytes = larger(all.MaxMessageBytes, rt.caps.MaxMessageBytes)
	}
	all.ReplayWindow = 0 // nobody knows which route a message would take again
	return all
}

// larger of two limits, of which zero is none.
func larger[T int | int64](a, b T) T {
	if a == 0 || b == 0 {
		return 0
	}
	return max(a, b)
}

// Check passes when the check of at least one route does; a route that cannot be checked passes.
// Its error is that of the last one. Each has its share of the time until ctx's deadline.
func (r *Router) Check(ctx context.Context) error {
	var err error
	for i, rt := range r.routes {
		if rt.checker == nil {
			return nil
		}
		own, cancel := firstOf(ctx, len(r.routes)-i)
		err = rt.checker.Check(own)
		cancel()
		if err == nil {
			return nil
		}
	}
	return err
}

// firstOf returns a context for the first of n, which leaves the others their time.
func firstOf(ctx context.Context, n int) (context.Context, context.CancelFunc) {
	if until, ok := ctx.Deadline(); ok {
		return context.WithTimeout(ctx, time.Until(until)/time.Duration(n))
	}
	return context.WithCancel(ctx)
}

// errSilent: who cannot be asked has not answered.
var errSilent = errors.New("no route can be asked what became of a message")

// Resolve asks the routes what became of a message, as [Router.Send] does itself within
// Config.AskLimit. Accepted is what one of them says, NotAccepted what all of them say.
func (r *Router) Resolve(ctx context.Context, msg *mailer.Message) (mailer.Outcome, error) {
	answers, refused := 0, 0
	err := errSilent
	for i, rt := range r.routes {
		if rt.resolver == nil {
			continue
		}
		m := msg
		if rt.From.Address != "" {
			m = mailer.SendAs(m, rt.From)
		}
		own, cancel := firstOf(ctx, len(r.routes)-i)
		outcome, failed := rt.resolver.Resolve(own, m)
		cancel()
		switch {
		case failed != nil:
			err = failed
			continue
		case outcome == mailer.Accepted || outcome == mailer.PartlyAccepted:
			return outcome, nil
		case outcome == mailer.NotAccepted:
			refused++
		}
		answers++
	}
	switch {
	case refused == len(r.routes):
		return mailer.NotAccepted, nil
	case answers > 0:
		return mailer.Unknown, nil
	}
	return mailer.Unknown, err
}

// Close ends the Router and closes the Senders of its routes; see [mailer.Closer]. Sends under
// way go on to other routes as before until ctx ends, but wait for no retry. Where Config
// turns off all limits of attempts, it is the Senders alone that cut them off.
func (r *Router) Close(ctx context.Context) error {
	if !r.life.finish() {
		return nil
	}
	var err error
	select {
	case <-r.life.idle:
	case <-ctx.Done():
		err = ctx.Err()
		r.life.cutAll()
	}
	for _, rt := range r.routes {
		if c, ok := mailer.Find[mailer.Closer](rt.Sender); ok {
			if failed := c.Close(ctx); err == nil {
				err = failed
			}
		}
	}
	r.life.waits.Wait()
	return err
}

// background runs f, which ends when the router closes; false when it has closed.
func (r *Router) background(f func()) bool { return r.life.spawn(f) }

// tell lets the observer know of a change. No lock is held.
func (r *Router) tell(ch change) {
	if o, ok := r.cfg.Observer.(observe.StateObserver); ok && ch != nil {
		o.ObserveState(*ch)
	}
}

// arrived notices when mail begins to go over a backup, and when that ends.
func (r *Router) arrived(s *send, rt *route) {
	if r.detour.Load() == s.passed || !r.detour.CompareAndSwap(!s.passed, s.passed) {
		return
	}
	if o, ok := r.cfg.Observer.(observe.DetourObserver); ok {
		o.ObserveDetour(observe.Detour{Router: r.cfg.Name, Time: time.Now(), On: s.passed, Route: rt.Name})
	}
}

func (r *Router) newOrder(s *send) order {
	switch r.cfg.Policy {
	case RoundRobin:
		return order{first: int((r.turn.Add(1) - 1) % uint32(len(r.routes)))}
	case Weighted:
		return order{drawn: draw(r.routes, s.random)}
	}
	return order{}
}
