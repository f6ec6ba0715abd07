package router

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/mailkeel/mailkeel/mailer"
)

// A send is one message on its way through the router.
type send struct {
	r        *Router
	ctx      context.Context //nolint:containedctx // of the one Send that this is
	parent   *mailer.Gate    // of the attempt that this send is for a router around us; nil without one
	msg      *mailer.Message // prepared, and its contents can be opened again
	delivery mailer.Delivery
	deadline time.Time // for the boundary; zero: none
	callers  bool      // it is ctx's
	order    order
	random   *rand.Rand // nil: the default generator
	waits    backoff.BackOff

	features mailer.Feature // once known
	known    bool
	sender   string // From's domain, once known

	tried    set // routes that were offered the message
	later    set // of those, which may take it later
	noted    set // routes of which it is on record that they were passed over
	attempts int
	passed   bool // a route that comes before the one that was taken rests

	targets  []string                 // recipients of the next attempt; nil: all
	results  []mailer.RecipientResult // nil until the first attempt did not settle everything
	beyond   []beyond                 // what is known of the same recipients beyond their result
	log      []mailer.Attempt
	open     []int // what of log has no Decision yet
	last     *attempt
	progress bool      // by the last one something final became known of a recipient
	doubt    *attempt  // the last one that leaves a recipient's outcome unknown
	repeated *attempt  // the one that is being replayed
	doubted  time.Time // when the first of those at its route began
	degraded []string

	// A round is the attempts that run at the same time.
	mu      sync.Mutex
	ended   sync.Cond
	round   []*attempt
	running int
	one     [1]*attempt // the usual round
	first   attempt     // the usual attempt
}

func (r *Router) newSend(ctx context.Context, msg *mailer.Message, now time.Time) *send {
	s := &send{r: r, ctx: ctx, parent: mailer.GateFrom(ctx), msg: msg, delivery: msg.Delivery}
	s.ended.L = &s.mu
	if s.delivery == mailer.DeliveryDefault {
		s.delivery = r.cfg.Delivery
	}
	if d, ok := ctx.Deadline(); ok {
		s.deadline, s.callers = d, true
	} else if r.cfg.CommitLimit > 0 {
		s.deadline = now.Add(r.cfg.CommitLimit)
	}
	if s.parent != nil && !s.parent.CommitBy.IsZero() && (s.deadline.IsZero() || s.parent.CommitBy.Before(s.deadline)) {
		s.deadline, s.callers = s.parent.CommitBy, false
	}
	if r.cfg.Rand != nil {
		s.random = rand.New(r.cfg.Rand(msg.IdempotencyKey)) //nolint:gosec // jitter needs no secrecy
	}
	s.order = r.newOrder(s)
	return s
}

// run makes attempts until every recipient's verdict stands.
func (s *send) run(now time.Time) (*mailer.Receipt, error) {
	rt, c, ok := s.choose(now, resting)
	if !ok {
		return s.conclude(now)
	}
	s.race(rt, c, now)
	if a := s.round[0]; len(s.round) == 1 && a.failed == nil && a.to == nil {
		return s.accepted(a), nil
	}
	s.account()
	return s.goOn()
}

// goOn follows the decisions about what was tried so far.
func (s *send) goOn() (*mailer.Receipt, error) {
	for {
		now := time.Now()
		p := s.plan(now)
		s.target(p)
		undecided := slices.Clone(s.open)
		if p.action != ask {
			s.recordDecision(p.action)
		}
		if !s.follow(p, now) {
			s.open = undecided
			return s.conclude(time.Now())
		}
	}
}

// follow does what was planned, and reports whether something came of it.
func (s *send) follow(p plan, now time.Time) bool {
	switch p.action {
	case ask:
		s.ask(s.doubt)
		return true
	case again:
		if s.progress {
			s.attempts--
		}
		p.route.counts.repeats.Add(1)
		s.race(p.route, p.route.join(), now)
	case replay:
		s.replay(now)
	case retry:
		if !s.pause(p) {
			return false
		}
		now = time.Now()
		c, ok := p.route.claim(now)
		if !ok {
			return false
		}
		p.route.counts.repeats.Add(1)
		s.race(p.route, c, now)
	case next:
		rt, c, ok := s.choose(now, resting)
		if !ok {
			return false // it was free a moment ago
		}
		s.race(rt, c, now)
	default:
		return false
	}
	s.account()
	return true
}

// replay sends the very same message to the same provider, and to nobody alongside: any other
// would be a second copy.
func (s *send) replay(now time.Time) {
	s.doubt.rt.pay(1, now)
	s.doubt.rt.counts.repeats.Add(1)
	s.repeated = s.doubt
	s.targets = s.doubt.to
	s.race(s.doubt.rt, s.doubt.rt.join(), now)
	s.repeated = nil
}

// needs returns the features that the next attempt asks for.
func (s *send) needs() mailer.Feature {
	if !s.known {
		s.features, s.known = mailer.Needs(s.msg), true
	}
	if s.targets != nil {
		return s.features | mailer.FeatureEnvelope
	}
	return s.features
}

// rest returns the recipients of the next attempt.
func (s *send) rest() []string {
	if s.targets != nil {
		return s.targets
	}
	return s.msg.Recipients()
}

// from returns From's domain.
func (s *send) from(rt *route) string {
	if rt.From.Address != "" {
		return domainOf(rt.From.Address)
	}
	if s.sender == "" {
		s.sender = domainOf(s.msg.From.Address)
	}
	return s.sender
}

// eager: a second copy of the message would do no harm.
func (s *send) eager() bool { return s.delivery == mailer.AtLeastOnce }
