package router

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// at is a moment in a test that tells the time itself.
func at(d time.Duration) time.Time { return epoch.Add(d) }

// A constant source makes every draw the same.
type constant uint64

func (c constant) Uint64() uint64 { return uint64(c) }

// drawing returns a generator that draws x from [0, 1).
func drawing(x float64) *rand.Rand { return rand.New(constant(x * (1 << 53))) }

// exact rests are not spread.
var exact = rest{10 * time.Second, drawing(0.5)}

// inState returns a circuit that was turned to a state at the epoch.
func inState(s State, why cause) *circuit {
	c := &circuit{since: at(-time.Hour)}
	if s != Closed {
		c.open(why, "down", epoch, exact)
	}
	if s == HalfOpen {
		c.halfOpen(epoch)
	}
	return c
}

func bad(key string) failure { return failure{key: key, detail: "broken pipe"} }

func TestClaim(t *testing.T) {
	for _, c := range []struct {
		name   string
		state  State
		cause  cause
		ok     bool
		permit bool
	}{
		{"closed: everybody", Closed, provider, true, false},
		{"resting: one goes first", Open, provider, true, true},
		{"slow: everybody who finds no other", Open, slow, true, false},
		{"misconfigured: nobody", Open, config, false, false},
		{"half-open: one goes first", HalfOpen, provider, true, true},
		{"half-open after it was slow: one goes first", HalfOpen, slow, true, true},
		{"half-open after it was misconfigured: one goes first", HalfOpen, config, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			circuit, now := inState(c.state, c.cause), at(time.Minute)
			first, ok := circuit.claim(now)
			if ok != c.ok || (first.permit != 0) != c.permit {
				t.Errorf("the first claim is %+v, %t", first, ok)
			}
			if ok && first.generation != circuit.generation {
				t.Errorf("the claim is of generation %d, the circuit of %d", first.generation, circuit.generation)
			}
			if _, ok := circuit.claim(now); ok != (c.ok && !c.permit) {
				t.Errorf("a second message gets a claim at the same time: %t", ok)
			}
		})
	}
}

// TestPermit: one message at a time, for a minute at most, and nobody gives back what is not theirs.
func TestPermit(t *testing.T) {
	c := inState(HalfOpen, provider)
	first, _ := c.claim(epoch)
	if !c.holds(first) || c.holds(claim{generation: first.generation}) {
		t.Fatal("who has the permit does not hold it, or who has none does")
	}
	if _, ok := c.claim(at(time.Minute - 1)); ok {
		t.Fatal("a second permit within the limit of the first")
	}
	second, ok := c.claim(at(time.Minute))
	if !ok || second.permit == first.permit {
		t.Fatalf("no new permit after the limit: %+v, %t", second, ok)
	}
	c.release(first)
	if c.holds(first) || !c.taken(at(time.Minute)) {
		t.Fatal("who was too late gave back the permit of another")
	}
	c.release(claim{second.generation - 1, second.permit})
	if !c.taken(at(time.Minute)) {
		t.Fatal("a claim of an older generation gave back the permit")
	}
	c.release(claim{generation: second.generation})
	if !c.taken(at(time.Minute)) {
		t.Fatal("a claim without a permit gave one back")
	}
	c.release(second)
	if c.taken(at(time.Minute)) {
		t.Fatal("the permit was not given back")
	}
	if third, ok := c.claim(at(time.Minute)); !ok || third.permit == second.permit {
		t.Fatalf("a permit that was given back is not there for the next: %+v, %t", third, ok)
	}
}

// An event is how an attempt ends, to the circuit.
type event func(c *circuit, cl claim)

var (
	succeeds event = func(c *circuit, cl claim) { c.succeed(cl, at(time.Minute)) }
	answers  event = func(c *circuit, cl claim) { c.answer(cl, at(time.Minute)) }
	fails    event = func(c *circuit, cl claim) { c.fail(cl, bad("last"), at(time.Minute), exact) }
	lingers  event = func(c *circuit, cl claim) {
		c.fail(cl, failure{key: "last", slow: true, detail: "late"}, at(time.Minute), exact)
	}
	releases event = func(c *circuit, cl claim) { c.release(cl) }
)

// A holder is what the attempt took when it began.
type holder int

const (
	first  holder = iota // the permit, where there is one
	beside               // nothing: it began before, or goes on with what another has begun
	older                // the permit, before the last change
)

func (h holder) claim(c *circuit) claim {
	cl, _ := c.claim(at(30 * time.Second))
	switch h {
	case beside:
		cl.permit = 0
		cl.generation = c.generation
	case older:
		cl.generation--
	}
	return cl
}

func TestCircuitTurns(t *testing.T) {
	type want struct {
		state  State
		cause  cause
		turned bool
		run    int
	}
	stays := func(s State, why cause, run int) want { return want{s, why, false, run} }
	turns := func(s State, why cause) want { return want{s, why, true, 0} }
	for _, c := range []struct {
		name  string
		state State
		cause cause
		holder
		event
		want want
	}{
		{"a success ends the run", Closed, provider, first, succeeds, stays(Closed, provider, 0)},
		{"an answer does not", Closed, provider, first, answers, stays(Closed, provider, 4)},
		{"a late success does not", Closed, provider, older, succeeds, stays(Closed, provider, 4)},
		{"a late failure is none", Closed, provider, older, fails, stays(Closed, provider, 4)},
		{"the fifth failure opens", Closed, provider, first, fails, turns(Open, provider)},
		{"four failures and a slow one open for failing", Closed, provider, first, lingers, turns(Open, provider)},
		{"nothing learned", Closed, provider, first, releases, stays(Closed, provider, 4)},

		{"whoever went first succeeded", HalfOpen, provider, first, succeeds, turns(Closed, provider)},
		{"whoever went first was refused: it lives", HalfOpen, provider, first, answers, turns(Closed, provider)},
		{"whoever went first failed", HalfOpen, provider, first, fails, turns(Open, provider)},
		{"whoever went first was slow", HalfOpen, provider, first, lingers, turns(Open, slow)},
		{"failed after it was slow", HalfOpen, slow, first, fails, turns(Open, provider)},
		{"failed after it was misconfigured", HalfOpen, config, first, fails, turns(Open, provider)},
		{"learned nothing", HalfOpen, provider, first, releases, stays(HalfOpen, provider, 0)},
		{"another succeeded beside it", HalfOpen, provider, beside, succeeds, stays(HalfOpen, provider, 0)},
		{"another was refused beside it", HalfOpen, provider, beside, answers, stays(HalfOpen, provider, 0)},
		{"another failed beside it", HalfOpen, provider, beside, fails, stays(HalfOpen, provider, 0)},
		{"late success", HalfOpen, provider, older, succeeds, stays(HalfOpen, provider, 0)},
		{"late answer", HalfOpen, provider, older, answers, stays(HalfOpen, provider, 0)},
		{"late failure", HalfOpen, provider, older, fails, stays(HalfOpen, provider, 0)},

		{"all rest, and one got through", Open, provider, first, succeeds, turns(Closed, provider)},
		{"all rest, and one was refused: it lives", Open, provider, first, answers, turns(Closed, provider)},
		{"all rest, and whoever knocked failed", Open, provider, first, fails, stays(Open, provider, 0)},
		{"all rest, and whoever knocked was slow", Open, provider, first, lingers, stays(Open, provider, 0)},
		{"late success while it rests", Open, provider, older, succeeds, stays(Open, provider, 0)},
		{"another succeeded while it rests", Open, provider, beside, succeeds, stays(Open, provider, 0)},
		{"late failure while it rests", Open, provider, older, fails, stays(Open, provider, 0)},
		{"slow, and a message went through all the same", Open, slow, first, succeeds, stays(Open, slow, 0)},
		{"slow, and a message failed", Open, slow, first, fails, stays(Open, slow, 1)},
	} {
		t.Run(c.name, func(t *testing.T) {
			circuit := inState(c.state, c.cause)
			if c.state == Closed {
				for _, key := range []string{"a", "b", "c", "d"} {
					circuit.fail(claim{generation: circuit.generation}, bad(key), epoch, exact)
				}
			}
			cl, before := c.holder.claim(circuit), circuit.generation
			c.event(circuit, cl)
			got := want{circuit.state, circuit.cause, circuit.generation != before, circuit.failures.run}
			if got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
			if got.turned && (circuit.generation != before+1 || !circuit.since.Equal(at(time.Minute))) {
				t.Errorf("turned at %v from generation %d to %d", circuit.since, before, circuit.generation)
			}
		})
	}
}

// TestSlowRunOpensAsSlow: it may yet be better than nothing.
func TestSlowRunOpensAsSlow(t *testing.T) {
	c := inState(Closed, provider)
	for _, key := range []string{"a", "b", "c", "d", "e"} {
		c.fail(claim{}, failure{key: key, slow: true, detail: "late " + key}, epoch, exact)
	}
	if c.state != Open || c.cause != slow || c.detail != "late e" {
		t.Errorf("got %s because of %s: %q", c.state, c.cause, c.detail)
	}
	for _, key := range []string{"f", "g", "h", "i", "j"} {
		cl, ok := c.claim(at(time.Second))
		if !ok {
			t.Fatalf("a slow route takes no message: %+v", c)
		}
		c.fail(cl, bad(key), at(time.Second), exact)
	}
	if c.cause != provider || c.detail != "broken pipe" {
		t.Errorf("it fails, and rests because of %s: %q", c.cause, c.detail)
	}
}

// TestTurnForgets: what began before a change counts no more after it.
func TestTurnForgets(t *testing.T) {
	c := inState(HalfOpen, provider)
	held, _ := c.claim(epoch)
	c.open(provider, "down", epoch, exact)
	if c.holds(held) || c.taken(epoch) {
		t.Error("a permit outlives the change")
	}
	c.halfOpen(at(time.Minute))
	if want := at(time.Minute + 2*time.Second); !c.preferUntil.Equal(want) {
		t.Errorf("prefers until %v, want %v", c.preferUntil, want)
	}
	if c.detail != "down" {
		t.Errorf("half-open for %q", c.detail)
	}
	c.turn(Closed, at(time.Hour))
	if c.detail != "" || !c.since.Equal(at(time.Hour)) {
		t.Errorf("closed since %v, with the detail %q", c.since, c.detail)
	}
	c.fail(claim{generation: c.generation}, bad("a"), at(time.Hour), exact)
	c.turn(Open, at(time.Hour))
	if c.failures != (failures{}) {
		t.Errorf("%+v is left of the failures", c.failures)
	}
}

func TestRests(t *testing.T) {
	for _, c := range []struct {
		name string
		why  cause
		base time.Duration
		want []time.Duration // one after the other
	}{
		{"provider", provider, 10 * time.Second, []time.Duration{10e9, 20e9, 40e9, 80e9, 160e9, 300e9, 300e9, 300e9}},
		{"slow", slow, 10 * time.Second, []time.Duration{10e9, 20e9, 40e9, 80e9, 160e9, 300e9, 300e9}},
		{"config, whatever Rest is", config, time.Second, []time.Duration{30e9, 60e9, 120e9, 240e9, 480e9, 600e9, 600e9}},
		{"short", provider, time.Millisecond, []time.Duration{1e6, 2e6, 4e6}},
		{"as long as the limit", provider, 5 * time.Minute, []time.Duration{300e9, 300e9, 300e9}},
		{"longer than the limit", provider, time.Hour, []time.Duration{3600e9, 3600e9}},
	} {
		t.Run(c.name, func(t *testing.T) {
			circuit, rest := inState(Closed, provider), rest{c.base, drawing(0.5)}
			circuit.open(c.why, "down", epoch, rest)
			for i, want := range c.want {
				if got := circuit.until.Sub(epoch); got != want {
					t.Errorf("rest %d is %v, want %v", i, got, want)
				}
				circuit.extend(epoch, rest)
			}
		})
	}
}

// TestRestLevels: the level stops where the rest does, and never leaves the range of a duration.
func TestRestLevels(t *testing.T) {
	for _, base := range []time.Duration{1, time.Millisecond, 10 * time.Second, time.Hour} {
		c, rest := inState(Closed, provider), rest{base, drawing(0.5)}
		c.open(provider, "down", epoch, rest)
		for range 100 {
			last := c.until
			if c.extend(epoch, rest); c.until.Before(last) {
				t.Fatalf("base %v: the rest became shorter, from %v to %v", base, last, c.until)
			}
		}
		if c.span(c.level, rest) != c.span(c.level+1, rest) || c.level > 0 && c.span(c.level, rest) == c.span(c.level-1, rest) {
			t.Errorf("base %v: level %d is not the lowest of the longest rest", base, c.level)
		}
	}
}

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		draw float64
		want time.Duration
	}{{0, 80 * time.Second}, {0.25, 90 * time.Second}, {0.5, 100 * time.Second}, {0.75, 110 * time.Second}} {
		if got := (rest{random: drawing(c.draw)}).spread(100 * time.Second); got != c.want {
			t.Errorf("drawing %v: %v, want %v", c.draw, got, c.want)
		}
	}
	for _, r := range []rest{{random: rand.New(rand.NewPCG(1, 2))}, {}} {
		low, high := time.Duration(1<<62), time.Duration(0)
		for range 10_000 {
			d := r.spread(100 * time.Second)
			low, high = min(low, d), max(high, d)
		}
		if low < 80*time.Second || low > 81*time.Second || high > 120*time.Second || high < 119*time.Second {
			t.Errorf("rests of 100 s are from %v to %v", low, high)
		}
	}
}

// TestRecoverGivesLevelsBack: a route that was well for long begins anew.
func TestRecoverGivesLevelsBack(t *testing.T) {
	for _, c := range []struct {
		level int
		well  time.Duration
		want  int
	}{
		{0, time.Hour, 0},
		{1, 20*time.Second - 1, 1},
		{1, 20 * time.Second, 0},
		{3, 80*time.Second - 1, 3},
		{3, 80 * time.Second, 2},
		{3, 120*time.Second - 1, 2},
		{3, 120 * time.Second, 1},
		{3, 140 * time.Second, 0},
		{5, 300*time.Second - 1, 5},
		{5, 24 * time.Hour, 0},
	} {
		circuit := circuit{level: c.level, since: epoch}
		if circuit.recover(at(c.well), exact); circuit.level != c.want {
			t.Errorf("level %d, well for %v: now %d, want %d", c.level, c.well, circuit.level, c.want)
		}
	}
}

// TestOpenAgain: how long a route rests that opens once more depends on how long it was
// well, and on whether it is for the same reason.
func TestOpenAgain(t *testing.T) {
	for _, c := range []struct {
		name        string
		first, then cause
		closed      bool // in between
		well        time.Duration
		want        time.Duration
	}{
		{"at once", provider, provider, true, 0, 20 * time.Second},
		{"after a while", provider, provider, true, 20 * time.Second, 10 * time.Second},
		{"without having closed", provider, provider, false, time.Hour, 20 * time.Second},
		{"failing after it was slow", slow, provider, true, 0, 20 * time.Second},
		{"slow after failing", provider, slow, false, 0, 20 * time.Second},
		{"config at once", config, config, true, 0, time.Minute},
		{"config after a while", config, config, true, time.Minute, 30 * time.Second},
		{"config after failing", provider, config, true, 0, 30 * time.Second},
		{"config after failing, without having closed", provider, config, false, 0, 30 * time.Second},
		{"failing after config", config, provider, true, 0, 10 * time.Second},
		{"slow after config", config, slow, false, 0, 10 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			circuit := inState(Open, c.first)
			if c.closed {
				circuit.turn(Closed, epoch)
			}
			circuit.open(c.then, "down again", at(c.well), exact)
			if got := circuit.until.Sub(at(c.well)); got != c.want {
				t.Errorf("rests for %v, want %v", got, c.want)
			}
			if circuit.state != Open || circuit.cause != c.then || circuit.detail != "down again" {
				t.Errorf("%s because of %s: %q", circuit.state, circuit.cause, circuit.detail)
			}
		})
	}
}

// TestPermitSpacing: with every rest, and with every check that failed, a second passes
// before somebody may knock.
func TestPermitSpacing(t *testing.T) {
	c := inState(Open, provider)
	if !c.permitNext.Equal(at(time.Second)) {
		t.Errorf("after opening the next permit is at %v", c.permitNext)
	}
	c.extend(at(time.Minute), exact)
	if !c.permitNext.Equal(at(time.Minute + time.Second)) {
		t.Errorf("after a check the next permit is at %v", c.permitNext)
	}
	if _, ok := c.claim(at(2 * time.Minute)); !ok {
		t.Fatal("no permit")
	}
	c.extend(at(2*time.Minute+500*time.Millisecond), exact)
	if !c.permitNext.Equal(at(2*time.Minute + time.Second)) {
		t.Errorf("a check while a permit was out puts off the next to %v", c.permitNext)
	}
}

// TestClaimSpacing: whoever chose the route a moment before another knocked and failed has to
// wait for the next second too.
func TestClaimSpacing(t *testing.T) {
	c := inState(Open, provider)
	now := at(time.Minute)
	cl, _ := c.claim(now)
	c.fail(cl, bad("a"), now, exact)
	for _, wait := range []time.Duration{0, time.Second - 1} {
		if _, ok := c.claim(now.Add(wait)); ok {
			t.Errorf("a message knocks %v after another", wait)
		}
	}
	if _, ok := c.claim(now.Add(time.Second)); !ok {
		t.Error("nobody knocks a second after another")
	}
}

// TestKnockingDoesNotLengthenTheRest: the rest doubles when the check fails, not with every
// message that tries its luck while all routes rest.
func TestKnockingDoesNotLengthenTheRest(t *testing.T) {
	c := inState(Open, provider)
	for i := range 8 {
		now := at(time.Duration(i+1) * time.Second)
		cl, ok := c.claim(now)
		if !ok {
			t.Fatalf("no permit after %d seconds", i+1)
		}
		if c.fail(cl, bad(fmt.Sprint(i)), now, exact); c.taken(now) {
			t.Fatal("whoever knocked keeps the permit")
		}
	}
	if !c.until.Equal(at(10*time.Second)) || c.generation != 1 || c.state != Open {
		t.Errorf("after 8 knocks in 8 seconds it is %s, of generation %d, until %v", c.state, c.generation, c.until.Sub(epoch))
	}
}

// TestHalfOpenIsNotSpaced: a permit that was given back is for the next message at once.
func TestHalfOpenIsNotSpaced(t *testing.T) {
	c := inState(HalfOpen, provider)
	cl, _ := c.claim(epoch)
	c.release(cl)
	if _, ok := c.claim(epoch); !ok {
		t.Error("nobody goes first")
	}
}

func TestCauseNames(t *testing.T) {
	for c, want := range map[cause]string{provider: "provider", slow: "slow", config: "config"} {
		if got := c.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
