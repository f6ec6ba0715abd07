package router

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// TestChecked: what the check of an open route means for its rest.
func TestChecked(t *testing.T) {
	limit := func(d time.Duration) error {
		e := waiting(status(429), d)
		e.Scope = mailer.ScopeRate
		return e
	}
	refusal := func(scope mailer.Scope) error {
		e := status(400)
		e.Scope = scope
		return e
	}
	const level = 2 // it rested twice before
	for _, c := range []struct {
		name     string
		late     bool // the circuit has turned in the meantime
		err      error
		state    State
		cause    cause
		least    time.Duration // of the rest
		most     time.Duration
		extended bool
	}{
		{name: "late", late: true, state: Open},
		{name: "it passes", state: HalfOpen},
		{name: "a limit", err: limit(0), state: Open, least: 16 * time.Second, most: 24 * time.Second},
		{name: "a limit that is known", err: limit(time.Hour), state: Open, least: time.Hour, most: time.Hour},
		{name: "a limit without end", err: limit(48 * time.Hour), state: Open, least: maxThrottle, most: maxThrottle},
		{name: "it could not be checked", err: refusal(mailer.ScopeCaller), state: Open, least: 16 * time.Second, most: 24 * time.Second},
		{name: "credentials", err: refusal(mailer.ScopeAccount), state: Open, cause: config, least: 20 * time.Second, most: 40 * time.Second, extended: true},
		{name: "still down", err: refusal(mailer.ScopeProvider), state: Open, least: 30 * time.Second, most: 50 * time.Second, extended: true},
	} {
		rt := newTestRouter(t, Config{}, 1).routes[0]
		rt.circuit = *inState(Open, provider)
		rt.circuit.level = level
		before, generation := rt.circuit, rt.circuit.generation
		if c.late {
			generation--
		}
		rt.checked(generation, c.err, epoch)
		got := rt.circuit
		if got.state != c.state || c.state == Open && got.cause != c.cause {
			t.Errorf("%s: %s, %d", c.name, got.state, got.cause)
		}
		if rests := got.until.Sub(epoch); c.most > 0 && (rests < c.least || rests > c.most) {
			t.Errorf("%s: it rests for %v", c.name, rests)
		}
		if c.late && (got.until != before.until || got.generation != before.generation) {
			t.Errorf("%s: changed", c.name)
		}
		if c.state == Open && !c.extended && got.level != level {
			t.Errorf("%s: level %d", c.name, got.level)
		}
	}
}

// TestExamined: what the check of a route that is not open means.
func TestExamined(t *testing.T) {
	down := status(503)
	down.Scope = mailer.ScopeProvider
	for _, c := range []struct {
		name  string
		state State
		err   error
		took  time.Duration
		run   int
		usual time.Duration
	}{
		{"well, as it was", Closed, nil, 0, 3, 0},
		{"well, and far away", Closed, nil, time.Second, 0, time.Second},
		{"well, and quick", Closed, nil, time.Millisecond, 3, time.Millisecond},
		{"it is known to be down", Open, down, time.Second, 3, 0},
	} {
		rt := newTestRouter(t, Config{}, 1).routes[0]
		rt.circuit = *inState(c.state, config)
		rt.circuit.failures.run = 3
		generation := rt.circuit.generation
		rt.examined(c.err, epoch, c.took)
		if got := rt.circuit; got.failures.run != c.run || got.generation != generation || rt.usual.startTime() != c.usual {
			t.Errorf("%s: a run of %d, generation %d, usually %v", c.name, got.failures.run, got.generation-generation, rt.usual.startTime())
		}
	}
}

// TestPlainCounts: an attempt without any ado counts as any other, and one after Close not at all.
func TestPlainCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTestRouter(t, Config{MinSlice: -1, StartLimit: -1, ReplyLimit: -1, DoubtLimit: -1}, 1)
		r.routes[0].Sender = taking{}
		counts := &r.routes[0].counts
		if _, err := r.Send(context.Background(), prepared(t, "one@a.example")); err != nil || counts.goods.Load() != 1 || counts.inFlight() != 0 {
			t.Errorf("%v, %d taken, %d in flight", err, counts.goods.Load(), counts.inFlight())
		}
		_ = r.Close(context.Background())
		if _, err := r.Send(context.Background(), prepared(t, "one@a.example")); err == nil || counts.goods.Load() != 1 || counts.inFlight() != 0 {
			t.Errorf("after Close: %v, %d taken, %d in flight", err, counts.goods.Load(), counts.inFlight())
		}
	})
}

// Taking is a Sender that takes everything.
type taking struct{}

func (taking) Send(_ context.Context, m *mailer.Message) (*mailer.Receipt, error) {
	r := &mailer.Receipt{Outcome: mailer.Accepted, Attempts: []mailer.Attempt{{Outcome: mailer.Accepted, Decision: "done"}}}
	r.Recipients = blank(m, mailer.RecipientResult{Outcome: mailer.Accepted})
	return r, nil
}
