package router

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// A route is a Route at work.
type route struct {
	Route
	r        *Router
	index    int
	provider string // the kind of provider; "" where it is not known
	nested   bool   // the Sender is a router, whose attempts have names of their own
	picky    bool   // not every message may take it
	caps     mailer.Capabilities
	checker  mailer.Checker  // nil: it cannot be checked
	resolver mailer.Resolver // nil: it cannot be asked
	slots    chan struct{}   // nil: MaxInFlight is left to the Sender
	watches  sync.Pool       // of *watch

	heeds    atomic.Bool  // its Sender has marked phases on gates
	timed    atomic.Bool  // its receipts have had the times of the attempts
	overdue  atomic.Int64 // attempts that take long; and checks after one that was slow to start
	suspect  atomic.Bool  // a check is under way because an attempt was slow to start
	troubled atomic.Bool  // what mu guards is worth a look

	_      [64]byte // what every message writes to is apart from what it only reads
	counts counts
	usual  usual
	_      [64]byte

	mu           sync.Mutex
	generation   atomic.Uint64 // of the circuit, for reading without the lock
	circuit      circuit
	throttle     throttle
	foreign      foreign
	foreignUntil time.Time // when the last of them is forgotten
	budget       budget
	random       *rand.Rand
}

func (r *Router) newRoute(i int, cfg Route) *route {
	rt := &route{Route: cfg, r: r, index: i}
	rt.Weight = weight(cfg.Weight)
	rt.nested = isNested(cfg.Sender)
	if named, ok := mailer.Find[mailer.Named](cfg.Sender); ok {
		provider, name := named.Names()
		if rt.provider = provider; rt.Name == "" {
			rt.Name = name
		}
	}
	if rt.Name == "" {
		rt.Name = fmt.Sprintf("route %d", i+1)
	}
	rt.caps = mailer.Capabilities{Features: mailer.Essential | mailer.Advisory}
	if capable, ok := mailer.Find[mailer.Capable](cfg.Sender); ok {
		rt.caps = capable.Capabilities()
	}
	rt.checker, _ = mailer.Find[mailer.Checker](cfg.Sender)
	rt.resolver = resolverOf(cfg.Sender)
	if cfg.MaxInFlight > 0 {
		rt.slots = make(chan struct{}, cfg.MaxInFlight)
	}
	rt.picky = len(cfg.FromDomains)+len(cfg.ToDomains)+len(cfg.Tags) > 0 ||
		rt.caps.Features&mailer.Essential != mailer.Essential || rt.caps.MaxRecipients > 0
	if r.cfg.Rand != nil {
		rt.random = rand.New(r.cfg.Rand(rt.Name)) //nolint:gosec // jitter needs no secrecy
	}
	return rt
}

func weight(w int) int {
	switch {
	case w == 0:
		return 1
	case w < 0:
		return 0
	}
	return w
}

// resolverOf returns who can be asked; nil where that is a router of which no route can.
func resolverOf(s mailer.Sender) mailer.Resolver {
	resolver, _ := mailer.Find[mailer.Resolver](s)
	if r, ok := resolver.(*Router); ok && !slices.ContainsFunc(r.routes, func(rt *route) bool { return rt.resolver != nil }) {
		return nil
	}
	return resolver
}

// isNested looks through wrappers of one Sender.
func isNested(s mailer.Sender) bool {
	switch w := s.(type) {
	case interface{ Unwrap() []mailer.Sender }:
		return true
	case interface{ Unwrap() mailer.Sender }:
		return isNested(w.Unwrap())
	}
	return false
}

// A rank is how good a choice a route is.
type rank int

const (
	ready  rank = iota
	behind      // messages under way take longer than usual, or it rests because of that
	last        // it has refused this sender before
	resting
	unavailable
)

// A standing is a route's rank for one message, and why it is not ready.
type standing struct {
	rank rank
	wait time.Duration // how long at least until that changes; zero when it is not known
	why  string
	rest mailer.Scope // whose fault it is that the route rests; zero when it does not
}

// calm reports whether nothing is the matter with the route, so that there is no need to look further.
func (rt *route) calm() bool { return !rt.troubled.Load() && rt.overdue.Load() == 0 }

// standing looks at the route.
func (rt *route) standing(now time.Time, s *send) standing {
	st := standing{}
	if rt.calm() {
		return st
	}
	if rt.troubled.Load() {
		from := s.from(rt)
		rt.mu.Lock()
		st = rt.locked(now, s.eager(), from)
		rt.mu.Unlock()
	}
	if st.rank == ready && rt.overdue.Load() > 0 {
		st = standing{rank: behind, why: "messages under way take longer than usual"}
	}
	return st
}

// locked is standing, under the lock.
func (rt *route) locked(now time.Time, eager bool, from string) standing {
	if wait := rt.throttle.until.Sub(now); wait > 0 {
		return standing{unavailable, wait, "rate limit reached", mailer.ScopeRate}
	}
	switch c := &rt.circuit; c.state {
	case Open:
		return c.resting(now)
	case HalfOpen:
		switch {
		case c.taken(now):
			return standing{unavailable, permitEvery, "another message goes first after a rest", mailer.ScopeProvider}
		case !eager && now.Before(c.preferUntil):
			return standing{resting, 0, "a message that may be doubled is to go first after a rest", mailer.ScopeProvider}
		}
	}
	if rt.foreign.has(from, now) {
		return standing{rank: last, why: "it refused this sender's domain before"}
	}
	return standing{}
}

// resting is the standing of an open circuit.
func (c *circuit) resting(now time.Time) standing {
	st := standing{why: "it rests: " + c.detail, rest: mailer.ScopeProvider}
	switch {
	case c.cause == config:
		st.rank, st.wait, st.rest = unavailable, max(c.until.Sub(now), permitEvery), mailer.ScopeAccount
	case c.cause == slow:
		st.rank = behind
	case c.taken(now):
		st.rank, st.wait = unavailable, permitEvery
	case now.Before(c.permitNext):
		st.rank, st.wait = unavailable, c.permitNext.Sub(now)
	default:
		st.rank = resting
	}
	return st
}

// claim takes what an attempt needs, and reports whether it could be had.
func (rt *route) claim(now time.Time) (claim, bool) {
	if c := rt.join(); !rt.troubled.Load() { // in this order: once it is troubled the generation is another one
		return c, true
	}
	rt.mu.Lock()
	defer rt.mu.Unlock()
	if now.Before(rt.throttle.until) {
		return claim{}, false
	}
	return rt.circuit.claim(now)
}

// join is the claim of an attempt that goes on with what the route has begun.
func (rt *route) join() claim { return claim{generation: rt.generation.Load()} }

// admits returns why the message cannot take this route; nil when it can.
func (rt *route) admits(s *send) error {
	if !rt.picky {
		return nil
	}
	if err := rt.fits(s); err != nil {
		return err
	}
	from := s.msg.From.Address
	if rt.From.Address != "" {
		from = rt.From.Address
	}
	switch {
	case len(rt.FromDomains) > 0 && !inDomains(rt.FromDomains, from):
		return fmt.Errorf("%w: it does not send for %s", errForeign, domainOf(from))
	case len(rt.ToDomains) > 0 && slices.ContainsFunc(s.rest(), func(to string) bool { return !inDomains(rt.ToDomains, to) }):
		return fmt.Errorf("%w: it is for other recipients", errOther)
	case len(rt.Tags) > 0 && !slices.ContainsFunc(s.msg.Tags, func(tag string) bool { return slices.Contains(rt.Tags, tag) }):
		return fmt.Errorf("%w: it is for other tags", errOther)
	}
	return nil
}

// inDomains reports whether the address is in one of them, "*." standing for all below.
func inDomains(domains []string, address string) bool {
	domain := domainOf(address)
	return slices.ContainsFunc(domains, func(d string) bool {
		if below, any := strings.CutPrefix(d, "*"); any {
			return strings.HasSuffix(domain, below) && len(domain) > len(below)
		}
		return d == domain
	})
}

// fits looks for what the message needs and the provider lacks. What is advisory is the
// adapter's to leave out, or with strict to refuse.
func (rt *route) fits(s *send) error {
	lacking := s.needs() &^ rt.caps.Features & mailer.Essential
	split := s.r.cfg.SplitRecipients && !s.msg.AllOrNone
	if split {
		lacking &^= mailer.FeatureEnvelope
	}
	if lacking != 0 {
		return fmt.Errorf("%w: the message needs %s", mailer.ErrUnsupported, lacking)
	}
	if n := len(s.rest()); rt.caps.MaxRecipients > 0 && n > rt.caps.MaxRecipients && !split {
		return fmt.Errorf("%w: %d recipients, at most %d are taken at once", mailer.ErrUnsupported, n, rt.caps.MaxRecipients)
	}
	return nil
}
