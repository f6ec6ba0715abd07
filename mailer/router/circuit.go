package router

import (
	"math/rand/v2"
	"time"
)

// The times of a circuit that are no matter of taste.
const (
	maxRest       = 5 * time.Minute
	configRest    = 30 * time.Second
	maxConfigRest = 10 * time.Minute
	// permitLimit is how long one message keeps all others waiting.
	permitLimit = time.Minute
	// permitEvery keeps a total outage from being knocked at by every message.
	permitEvery = time.Second
	// preferFor is how long a route that passed its check waits for a message of which a
	// second copy would do no harm.
	preferFor = 2 * time.Second
)

// A cause is why a circuit is open.
type cause int

const (
	provider cause = iota // it failed
	slow                  // it took too long, and may yet be better than nothing
	config                // credentials or set-up: nothing helps but somebody's hand
)

func (c cause) String() string { return [...]string{"provider", "slow", "config"}[c] }

// A circuit is the breaker of one route. Its owner holds a lock.
type circuit struct {
	state       State
	cause       cause
	detail      string
	since       time.Time
	until       time.Time // open: the check is due
	level       int       // how often the rest was doubled
	generation  uint64    // counts the changes of state: what began before the last one is no evidence
	failures    failures
	permit      uint64    // counts the permits
	permitUntil time.Time // not zero: somebody has the permit
	permitNext  time.Time // open: the earliest time of the next one
	preferUntil time.Time // half-open: for messages that may be doubled
}

// A claim is what an attempt took of a circuit when it began.
type claim struct {
	generation uint64
	permit     uint64 // not zero: it goes first
}

// claim takes what an attempt needs, and reports whether it could be had.
func (c *circuit) claim(now time.Time) (claim, bool) {
	switch {
	case c.state == Closed, c.state == Open && c.cause == slow:
		return claim{generation: c.generation}, true
	case c.state == Open && (c.cause == config || now.Before(c.permitNext)), c.taken(now):
		return claim{}, false
	}
	c.permit++
	c.permitUntil, c.permitNext = now.Add(permitLimit), now.Add(permitEvery)
	return claim{c.generation, c.permit}, true
}

func (c *circuit) taken(now time.Time) bool { return now.Before(c.permitUntil) }

// holds reports whether cl is the permit that counts.
func (c *circuit) holds(cl claim) bool { return cl.permit != 0 && cl.permit == c.permit }

// release gives back a permit of which nothing was learned.
func (c *circuit) release(cl claim) {
	if cl.generation == c.generation && c.holds(cl) {
		c.permitUntil = time.Time{}
	}
}

// succeed: the provider did its work.
func (c *circuit) succeed(cl claim, now time.Time) {
	if cl.generation == c.generation {
		c.failures.run = 0
	}
	c.answer(cl, now)
}

// answer: the provider spoke, though it may have refused. That is life, where life was in doubt.
func (c *circuit) answer(cl claim, now time.Time) {
	if c.state != Closed && cl.generation == c.generation && c.holds(cl) {
		c.turn(Closed, now)
	}
}

// fail counts a failure, and opens the circuit when that is too much, or whoever went first failed.
func (c *circuit) fail(cl claim, f failure, now time.Time, rest rest) {
	switch {
	case cl.generation != c.generation:
		return
	case c.state == Open && (c.holds(cl) || f.slow): // it rests already: only its check makes that longer
		c.release(cl)
		return
	case c.holds(cl):
	case c.state == HalfOpen || !c.failures.add(f, now):
		return
	}
	why := provider
	if c.failures.allSlow() || c.holds(cl) && f.slow {
		why = slow
	}
	c.open(why, f.detail, now, rest)
}

// A rest says how long circuits rest.
type rest struct {
	base   time.Duration
	random *rand.Rand // nil: the default generator
}

// open begins a rest.
func (c *circuit) open(why cause, detail string, now time.Time, rest rest) {
	if c.state == Closed {
		c.recover(now, rest)
	}
	if (why == config) != (c.cause == config) {
		c.level = 0
	}
	c.turn(Open, now)
	c.cause, c.detail = why, detail
	c.extend(now, rest)
}

// extend sets the time of the next check, twice as far away as the last.
func (c *circuit) extend(now time.Time, rest rest) {
	c.until = now.Add(rest.spread(c.span(c.level, rest)))
	if c.span(c.level, rest) < c.span(c.level+1, rest) {
		c.level++
	}
	if c.permitNext.Before(now) {
		c.permitNext = now.Add(permitEvery)
	}
}

// span is the length of the rest at a level.
func (c *circuit) span(level int, rest rest) time.Duration {
	base, limit := rest.base, max(maxRest, rest.base)
	if c.cause == config {
		base, limit = configRest, maxConfigRest
	}
	return min(base<<min(level, 30), limit)
}

// recover takes levels back for the time that the route was well.
func (c *circuit) recover(now time.Time, rest rest) {
	well := now.Sub(c.since)
	for c.level > 0 && well >= c.span(c.level, rest) {
		well -= c.span(c.level, rest)
		c.level--
	}
}

// spread varies d by a fifth, so that many processes do not come back together.
func (r rest) spread(d time.Duration) time.Duration {
	return d + time.Duration((float(r.random)-0.5)*0.4*float64(d))
}

// float draws from [0, 1).
func float(random *rand.Rand) float64 {
	if random == nil {
		return rand.Float64() //nolint:gosec // jitter needs no secrecy
	}
	return random.Float64()
}

// halfOpen lets one message go first.
func (c *circuit) halfOpen(now time.Time) {
	c.turn(HalfOpen, now)
	c.preferUntil = now.Add(preferFor)
}

// turn changes the state. Permits and attempts of before count no more.
func (c *circuit) turn(to State, now time.Time) {
	c.state, c.since = to, now
	c.generation++
	c.permit++
	c.permitUntil, c.permitNext = time.Time{}, time.Time{}
	c.failures.reset()
	if to == Closed {
		c.detail = ""
	}
}
