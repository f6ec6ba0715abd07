package router

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/observe"
)

// ending returns an attempt at rt that ended with e.
func ending(t *testing.T, rt *route, cl claim, e *mailer.SendError) *attempt {
	return &attempt{s: &send{r: rt.r, msg: prepared(t, "one@a.example")}, rt: rt, claim: cl, failed: e}
}

// TestNote tells a route of attempts and looks at what it keeps of them.
func TestNote(t *testing.T) {
	type kept struct {
		state    State
		cause    cause
		run      int
		taken    bool // the permit
		gated    time.Duration
		foreign  bool
		troubled bool
	}
	for _, c := range []struct {
		name   string
		state  State
		permit bool
		ev     evidence
		e      *mailer.SendError
		want   kept
		told   string // From>To Cause
	}{
		{name: "a success", ev: success, want: kept{}},
		{name: "nothing", ev: nothing, want: kept{}},
		{name: "an answer", ev: answer, want: kept{}},
		{name: "a failure", ev: failed, want: kept{run: 1, troubled: true}},
		{name: "a foreign sender", ev: foreigner, want: kept{foreign: true, troubled: true}},
		{name: "a limit", ev: limited, e: waiting(status(429), time.Minute), want: kept{gated: time.Minute, troubled: true}, told: "closed>closed rate"},
		{name: "a limit of one message", ev: limited, e: smtp(450), want: kept{troubled: true}},
		{name: "credentials", ev: misconfigured, want: kept{state: Open, cause: config, troubled: true}, told: "closed>open config"},

		{name: "first: a success", state: HalfOpen, permit: true, ev: success, want: kept{}, told: "half-open>closed "},
		{name: "first: an answer", state: HalfOpen, permit: true, ev: answer, want: kept{}, told: "half-open>closed "},
		{name: "first: a foreign sender", state: HalfOpen, permit: true, ev: foreigner, want: kept{foreign: true, troubled: true}, told: "half-open>closed "},
		{name: "first: a failure", state: HalfOpen, permit: true, ev: failed, want: kept{state: Open, troubled: true}, told: "half-open>open provider"},
		{name: "first: credentials", state: HalfOpen, permit: true, ev: misconfigured, want: kept{state: Open, cause: config, troubled: true}, told: "half-open>open config"},
		{name: "first: nothing", state: HalfOpen, permit: true, ev: nothing, want: kept{state: HalfOpen, troubled: true}},
		{name: "first: a limit", state: HalfOpen, permit: true, ev: limited, e: waiting(status(429), time.Minute),
			want: kept{state: HalfOpen, gated: time.Minute, troubled: true}, told: "half-open>half-open rate"},
		{name: "beside: a success", state: HalfOpen, ev: success, want: kept{state: HalfOpen, taken: true, troubled: true}},
		{name: "beside: nothing", state: HalfOpen, ev: nothing, want: kept{state: HalfOpen, taken: true, troubled: true}},
		{name: "beside: a failure", state: HalfOpen, ev: failed, want: kept{state: HalfOpen, taken: true, troubled: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newTestRouter(t, Config{Name: "mail"}, 1)
				rt, now := r.routes[0], time.Now()
				var cl claim
				if c.state == HalfOpen {
					rt.circuit.open(provider, "down", now, exact)
					rt.circuit.halfOpen(now)
					rt.setTroubled(now)
					cl, _ = rt.claim(now)
				}
				if !c.permit {
					cl.permit = 0
				}
				if c.e == nil {
					c.e = status(500)
				}
				ch := rt.note(c.ev, ending(t, rt, cl, c.e), now)
				got := kept{
					rt.circuit.state, rt.circuit.cause, rt.circuit.failures.run, rt.circuit.taken(now), max(0, rt.throttle.until.Sub(now)),
					rt.foreign.has("example.com", now), rt.troubled.Load(),
				}
				if rt.circuit.state == Closed {
					got.cause = 0
				}
				if got != c.want {
					t.Errorf("keeps %+v, want %+v", got, c.want)
				}
				if rt.generation.Load() != rt.circuit.generation {
					t.Error("the generation to read without the lock is another one")
				}
				checkTold(t, ch, c.told, now)
			})
		})
	}
}

func checkTold(t *testing.T, ch change, want string, now time.Time) {
	t.Helper()
	if ch == nil {
		if want != "" {
			t.Errorf("nobody is told of %s", want)
		}
		return
	}
	if got := ch.From + ">" + ch.To + " " + ch.Cause; got != want {
		t.Errorf("told of %q, want %q", got, want)
	}
	if rests := ch.To == "open" || ch.Cause == "rate"; rests != ch.Until.After(now) || ch.Router != "mail" || ch.Route != "route 1" || !ch.Time.Equal(now) {
		t.Errorf("told %+v", *ch)
	}
	if (ch.Detail == "") != (ch.To == "closed" && ch.Cause == "") {
		t.Errorf("the detail is %q", ch.Detail)
	}
}

// TestLateCredentials: what was refused before the route turned says nothing about it now.
func TestLateCredentials(t *testing.T) {
	rt := newTestRouter(t, Config{}, 1).routes[0]
	late, _ := rt.claim(epoch)
	rt.circuit = *inState(HalfOpen, config)
	if ch := rt.note(misconfigured, ending(t, rt, late, status(401)), epoch); ch != nil || rt.circuit.state != HalfOpen {
		t.Errorf("it is %s, told %+v", rt.circuit.state, ch)
	}
}

// TestChanged: observers hear of another state and of another cause, and of nothing else.
func TestChanged(t *testing.T) {
	rt := newTestRouter(t, Config{}, 1).routes[0]
	for name, c := range map[string]struct {
		change func(*circuit)
		told   bool
	}{
		"nothing":         {func(*circuit) {}, false},
		"a longer rest":   {func(c *circuit) { c.extend(epoch, exact); c.detail = "still down" }, false},
		"another cause":   {func(c *circuit) { c.cause = config }, true},
		"closed":          {func(c *circuit) { c.turn(Closed, epoch) }, true},
		"half-open again": {func(c *circuit) { c.halfOpen(epoch) }, true},
	} {
		rt.circuit = *inState(Open, provider)
		before := rt.circuit
		if c.change(&rt.circuit); (rt.changed(&before, epoch) != nil) != c.told {
			t.Errorf("%s: told %t", name, !c.told)
		}
	}
}

// TestLimitIsToldOnce: messages under way run into the same limit.
func TestLimitIsToldOnce(t *testing.T) {
	rt := newTestRouter(t, Config{}, 1).routes[0]
	e := waiting(status(429), time.Minute)
	for i, c := range []struct {
		now  time.Duration
		told bool
	}{{0, true}, {0, false}, {30 * time.Second, false}, {90*time.Second - 1, false}, {3 * time.Minute, true}} {
		if ch := rt.note(limited, ending(t, rt, claim{}, e), at(c.now)); (ch != nil) != c.told {
			t.Errorf("number %d: %v", i, ch)
		}
	}
}

// TestTroubledEnds: a route that is well again is taken for that without its lock.
func TestTroubledEnds(t *testing.T) {
	for name, c := range map[string]struct {
		ev   evidence
		e    *mailer.SendError
		well time.Duration
	}{
		"a failure":              {failed, status(500), 0},
		"a limit":                {limited, status(429), time.Second},
		"a limit of one message": {limited, smtp(450), 0},
	} {
		rt := newTestRouter(t, Config{}, 1).routes[0]
		rt.note(c.ev, ending(t, rt, claim{}, c.e), epoch)
		if !rt.troubled.Load() {
			t.Errorf("%s: no trouble", name)
		}
		if rt.note(success, ending(t, rt, claim{}, nil), at(c.well)); rt.troubled.Load() {
			t.Errorf("%s: still in trouble after a success", name)
		}
	}
}

// TestLevelIsTrouble: a limit that is over still doubles the next one, until a message is taken.
func TestLevelIsTrouble(t *testing.T) {
	rt := newTestRouter(t, Config{}, 1).routes[0]
	rt.note(limited, ending(t, rt, claim{}, status(429)), epoch)
	if rt.note(answer, ending(t, rt, claim{}, status(400)), at(time.Second)); !rt.troubled.Load() {
		t.Error("forgotten without a success")
	}
	if rt.note(success, ending(t, rt, claim{}, nil), at(time.Second)); rt.throttle != (throttle{}) || rt.troubled.Load() {
		t.Errorf("%+v is left after a success", rt.throttle)
	}
}

// TestForeignDomain: it is that of the author whom the provider saw.
func TestForeignDomain(t *testing.T) {
	r := newTestRouter(t, Config{}, 2)
	r.routes[1].From.Address = "x@Other.example"
	for i, want := range []string{"example.com", "other.example"} {
		a := ending(t, r.routes[i], claim{}, nil)
		if got := a.domain(); got != want || a.s.from(r.routes[i]) != want {
			t.Errorf("route %d: %q, want %q", i, got, want)
		}
	}
}

// TestFailureOpensTheRoute: five messages, and the observers and the background hear of it once.
func TestFailureOpensTheRoute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTestRouter(t, Config{}, 1)
		rt := r.routes[0]
		var told []*observe.State
		for range 8 { // three are under way when it opens
			if ch := rt.note(failed, ending(t, rt, claim{}, status(503)), time.Now()); ch != nil {
				told = append(told, ch)
			}
		}
		if generation := rt.generation.Load(); len(told) != 1 || told[0].To != "open" || generation != 1 {
			t.Errorf("told %v, generation %d", told, generation)
		}
		time.Sleep(13 * time.Second) // a route that cannot be checked passes when it has rested
		synctest.Wait()
		if state, generation := r.Health()[0].State, rt.generation.Load(); state != HalfOpen || generation != 2 {
			t.Errorf("after the rest it is %s, of generation %d", state, generation)
		}
	})
}

// TestAttemptEvidence: an attempt that was given up is judged by why it was slow.
func TestAttemptEvidence(t *testing.T) {
	overtaken := &mailer.SendError{Receipt: new(mailer.Receipt), Outcome: mailer.NotAccepted, Scope: mailer.ScopeProvider, Err: errYielded}
	ended := verdict{scope: ofCaller, err: context.DeadlineExceeded}.failed()
	unknown := verdict{scope: ofCaller, err: context.DeadlineExceeded, unknown: true}.failed()
	timeUp, cancel := context.WithTimeout(context.Background(), 0)
	defer cancel()
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	for name, c := range map[string]struct {
		ctx  context.Context
		a    *attempt
		want evidence
		slow bool
	}{
		"accepted":                         {cancelled, &attempt{}, success, false},
		"accepted in the end":              {timeUp, &attempt{slow: true}, success, false},
		"slow to start":                    {cancelled, &attempt{failed: overtaken, yielded: true, slow: true}, failed, true},
		"waiting for a place of its route": {cancelled, &attempt{failed: overtaken, yielded: true, slow: true, full: true}, nothing, false},
		"just not the first":               {cancelled, &attempt{failed: overtaken, yielded: true}, nothing, false},
		"its own failure":                  {cancelled, &attempt{failed: overtaken}, failed, false},
		"its own failure, slow to start":   {timeUp, &attempt{failed: overtaken, slow: true}, failed, false},
		"a refusal":                        {cancelled, &attempt{failed: verdict{scope: ofMessage, code: 550}.failed()}, answer, false},
		"slow until the time was up":       {timeUp, &attempt{failed: ended, slow: true}, failed, true},
		"not slow until the time was up":   {timeUp, &attempt{failed: ended}, nothing, false},
		"slow until somebody cancelled":    {cancelled, &attempt{failed: ended, slow: true}, nothing, false},
		"no answer until the time was up":  {timeUp, &attempt{failed: unknown, slow: true}, nothing, false},
	} {
		if c.a.s, c.a.rt = (&send{ctx: c.ctx, msg: prepared(t, "one@a.example")}), new(route); c.a.evidence() != c.want {
			t.Errorf("%s: got %d, want %d", name, c.a.evidence(), c.want)
		}
		if c.a.failed != nil && c.a.failure().slow != c.slow {
			t.Errorf("%s: a slow failure: %t", name, !c.slow)
		}
	}
}

// TestFailureOfAnAttempt: what is counted of it.
func TestFailureOfAnAttempt(t *testing.T) {
	rt := newTestRouter(t, Config{}, 1).routes[0]
	rt.counts.begun.Store(42)
	rt.counts.goods.Store(42)
	a := ending(t, rt, claim{}, status(503))
	if got, want := a.failure(), (failure{key: a.s.msg.IdempotencyKey, detail: "503", goods: 42}); got != want || got.key == "" {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestAttemptPhase: the Sender's account of it counts before what the gate was marked with.
func TestAttemptPhase(t *testing.T) {
	a := &attempt{}
	a.gate.Mark(mailer.PhaseContent)
	if got := a.phase(); got != mailer.PhaseContent {
		t.Errorf("without an account: %s", got)
	}
	a.failed = &mailer.SendError{Receipt: &mailer.Receipt{Attempts: []mailer.Attempt{{Phase: mailer.PhaseDone}, {Phase: mailer.PhaseAuth}}}}
	if got := a.phase(); got != mailer.PhaseAuth {
		t.Errorf("with one: %s", got)
	}
}

// TestDetail: what the attempt says about itself is shorter than its error.
func TestDetail(t *testing.T) {
	e := &mailer.SendError{Receipt: new(mailer.Receipt), Err: errors.New("broken pipe")}
	if got := detailOf(e); got != e.Error() {
		t.Errorf("without an account: %q", got)
	}
	e.Receipt.Attempts = []mailer.Attempt{{Detail: "first"}, {Detail: "last"}}
	if got := detailOf(e); got != "last" {
		t.Errorf("with one: %q", got)
	}
	e.Receipt.Attempts[1].Detail = ""
	if got := detailOf(e); got != e.Error() {
		t.Errorf("with one that says nothing: %q", got)
	}
}

// TestForeignIsForgottenByTheRoute: a sender that was refused once does not cost the fast path for ever.
func TestForeignIsForgottenByTheRoute(t *testing.T) {
	rt := newTestRouter(t, Config{}, 1).routes[0]
	rt.note(foreigner, ending(t, rt, claim{}, status(403)), epoch)
	rt.note(success, ending(t, rt, claim{}, nil), at(foreignFor))
	if rt.troubled.Load() {
		t.Error("still in trouble when the domain is forgotten")
	}
}
