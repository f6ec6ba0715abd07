package router_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/mailertest"
	"github.com/mailkeel/mailkeel/mailer/router"
)

// nest returns a route through a router of its own. The names of its providers are those
// in receipts, such as "inner/a".
func nest(t *testing.T, name string, cfg router.Config, senders ...*provider) router.Route {
	t.Helper()
	for _, s := range senders {
		cfg.Routes = append(cfg.Routes, router.Route{Name: strings.TrimPrefix(s.name, name+"/"), Sender: s})
	}
	r, err := router.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return router.Route{Name: name, Sender: r}
}

// What the routes of an inner router did is told under both names.
func TestNestedNames(t *testing.T) {
	virtual(t, func(t *testing.T) {
		inner := nest(t, "inner", router.Config{}, scripted("inner/a", down()), scripted("inner/b", mailertest.Step{}))
		m := start(t, router.Config{Routes: []router.Route{inner}}, scripted("c"))
		account := m.must(t.Context(), letter(1))
		expect(t, "trace", trace(account), "inner/a next route, inner/b done")
		expect(t, "route", account.Route, "inner/b")
		expect(t, "provider", account.Provider, "inner/b-mail")
		expect(t, "recipient's route", account.Recipients[0].Route, "inner/b")
	})
}

// How the verdict of an inner router moves the outer one.
func TestNestedVerdicts(t *testing.T) {
	for _, c := range []struct {
		name    string
		a, b    mailertest.Step
		trace   string
		outcome mailer.Outcome
	}{
		{
			"nobody inside takes it", refused(mailer.ScopeProvider, elsewhere, 0), refused(mailer.ScopeProvider, elsewhere, 0),
			"inner/a next route, inner/b next route, c done", mailer.Accepted,
		},
		{"in doubt inside", down(), lost(true), "inner/a next route, inner/b stop", mailer.Unknown},
		{"a bad address", refused(mailer.ScopeRecipient, 0, 550), mailertest.Step{}, "inner/a stop", mailer.NotAccepted},
		{
			"one of two is refused inside", rejecting(refusal(mailer.ScopeProvider, elsewhere, 451), bob), refused(mailer.ScopeProvider, elsewhere, 451),
			"inner/a next route, inner/b next route, c done", mailer.Accepted,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				inner := nest(t, "inner", router.Config{}, scripted("inner/a", c.a), scripted("inner/b", c.b))
				m := start(t, router.Config{Routes: []router.Route{inner}}, healthy("c"))
				account, _ := m.send(t.Context(), letter(1, ann, bob))
				expect(t, "trace", trace(account), c.trace)
				expect(t, "outcome", account.Outcome, c.outcome)
			})
		})
	}
}

// However the routes of both race, one copy is sent.
func TestNestedRaces(t *testing.T) {
	for _, c := range []struct {
		name             string
		a, b, c          time.Duration // to the boundary
		winner           string
		earliest, latest time.Duration
	}{
		{"inside", time.Hour, 10 * time.Millisecond, time.Hour, "inner/b", 260 * time.Millisecond, 260 * time.Millisecond},
		{"outside", time.Hour, time.Hour, 10 * time.Millisecond, "c", 260 * time.Millisecond, 260 * time.Millisecond},
		{"at the same instant", time.Hour, 50 * time.Millisecond, 50 * time.Millisecond, "", 300 * time.Millisecond, 300 * time.Millisecond},
		{"all three at the same instant", 300 * time.Millisecond, 50 * time.Millisecond, 50 * time.Millisecond, "", 300 * time.Millisecond, 300 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			for i := range 50 {
				virtual(t, func(t *testing.T) {
					a, b := always("inner/a", slowly(c.a, 0)), always("inner/b", slowly(c.b, 0))
					out := always("c", slowly(c.c, 0))
					m := start(t, router.Config{Routes: []router.Route{nest(t, "inner", router.Config{}, a, b)}}, out)
					began := time.Now()
					account := m.must(t.Context(), letter(i))
					if took := time.Since(began); took < c.earliest || took > c.latest {
						t.Errorf("it took %v", took)
					}
					if c.winner != "" {
						expect(t, "winner", account.Route, c.winner)
					}
					expect(t, "copies", len(a.Kept())+len(b.Kept())+len(out.Kept()), 1)
				})
			}
		})
	}
}

// An inner router divides the slice that the outer one gives it.
func TestNestedSlices(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a, b, c := always("inner/a", blackHole()), always("inner/b", blackHole()), healthy("c")
		m := start(t, router.Config{StartLimit: -1, Routes: []router.Route{nest(t, "inner", alone, a, b)}}, c)
		began := time.Now()
		account := m.must(within(t, 23*time.Second), letter(1))
		expect(t, "trace", trace(account), "inner/a next route, inner/b next route, c done")
		outer := began.Add(10 * time.Second)
		expect(t, "end of b's slice", b.seen()[0].commitBy, outer)
		if left := outer.Sub(a.seen()[0].commitBy); left < 3*time.Second {
			t.Errorf("a leaves only %v", left)
		}
		expect(t, "start of c", c.seen()[0].at, outer)
	})
}

// The health of an inner route is the inner router's affair, as long as that gets messages through.
func TestNestedHealth(t *testing.T) {
	virtual(t, func(t *testing.T) {
		inner := nest(t, "inner", router.Config{}, broken("inner/a", down()), healthy("inner/b"))
		m := start(t, router.Config{Routes: []router.Route{inner}}, scripted("c"))
		m.burst(1, 8)
		expect(t, "outer", m.state("inner").State, router.Closed)
		r, _ := mailer.Find[*router.Router](m.Unwrap()[0])
		expect(t, "inner", r.Health()[0].State, router.Open)
		expect(t, "trace", trace(m.must(t.Context(), letter(9))), "[inner/a], inner/b done")
	})
}

// An inner router of which all routes rest is passed over in the end, and comes back by its check.
func TestNestedRests(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := broken("inner/a", down())
		m := start(t, router.Config{Routes: []router.Route{nest(t, "inner", router.Config{RetryDelay: -1}, a)}}, healthy("c"))
		for i := range 10 {
			expect(t, "route", m.must(t.Context(), letter(i)).Route, "c")
		}
		expect(t, "outer", m.state("inner").State, router.Open)
		expect(t, "calls of a", len(a.seen()), 5)
		a.mend()
		a.Rest = &mailertest.Step{}
		time.Sleep(time.Minute)
		for i := range 5 {
			m.must(t.Context(), doubled(100+i))
			time.Sleep(3 * time.Second)
		}
		expect(t, "route", m.must(t.Context(), doubled(200)).Route, "inner/a")
	})
}

// Names, capabilities and Close reach through.
func TestNestedFace(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := healthy("inner/a").lacking(mailer.FeatureRaw | mailer.FeatureTags)
		m := start(t, router.Config{Routes: []router.Route{nest(t, "inner", router.Config{}, a)}})
		if m.Capabilities().Features&(mailer.FeatureRaw|mailer.FeatureTags) != 0 {
			t.Errorf("features %v", m.Capabilities().Features)
		}
		if err := m.Check(t.Context()); err != nil || len(a.checked()) != 1 {
			t.Errorf("%v, %d checks", err, len(a.checked()))
		}
		if err := m.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if _, err := a.Send(t.Context(), letter(1)); !errors.Is(err, mailer.ErrClosed) {
			t.Errorf("%v", err)
		}
	})
}

// A router that replays at an inner one would not know at which provider that is: what the
// keys of its routes are good for ends there (P3).
func TestNestedKeys(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := &keyed{provider: always("inner/a", lost(true)), window: time.Hour, losing: true}
		b := &keyed{provider: healthy("inner/b"), window: time.Hour}
		inner, err := router.New(router.Config{MaxAttempts: 1, Routes: []router.Route{{Name: "a", Sender: a}, {Name: "b", Sender: b}}})
		if err != nil {
			t.Fatal(err)
		}
		m := start(t, router.Config{Routes: []router.Route{{Name: "inner", Sender: inner}}})
		m.loose = true
		m.burst(1, 10)
	})
}

// Without limits the names are those of both all the same.
func TestNestedWithoutLimits(t *testing.T) {
	virtual(t, func(t *testing.T) {
		inner := nest(t, "inner", router.Config{}, scripted("inner/a", mailertest.Step{}, down()), scripted("inner/b", mailertest.Step{}))
		m := start(t, router.Config{MinSlice: -1, StartLimit: -1, ReplyLimit: -1, DoubtLimit: -1, Routes: []router.Route{inner}})
		for i, want := range []string{"inner/a done", "inner/a next route, inner/b done"} {
			account := m.must(t.Context(), letter(i))
			expect(t, "trace", trace(account), want)
			expect(t, "route", account.Route, account.Attempts[i].Route)
		}
	})
}

// One message that a provider inside refuses to relay says nothing about the others (P12), whatever
// was passed over after it.
func TestNestedAccount(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := new(listener)
		inner, err := router.New(router.Config{Routes: []router.Route{
			{Name: "a", Sender: scripted("inner/a", refused(mailer.ScopeAccount, elsewhere, 550))},
			{Name: "b", Sender: scripted("inner/b"), Tags: []string{"news"}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		m := start(t, router.Config{Observer: l, Routes: []router.Route{{Name: "inner", Sender: inner}}}, healthy("c"))
		m.loose = true
		account := m.must(t.Context(), letter(1))
		expect(t, "trace", trace(account), "inner/a next route, [inner/b], c done")
		expect(t, "state", m.state("inner").State, router.Closed)
		expect(t, "heard", l.attempts[0].Route+l.attempts[0].Skipped, "inner/a")
	})
}

// A route inside that rests keeps no message from the others inside.
func TestNestedRoutesApart(t *testing.T) {
	for name, step := range map[string]mailertest.Step{"config": forbidden(), "rate": limited(time.Hour)} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				inner, err := router.New(router.Config{Routes: []router.Route{
					{Name: "a", Sender: broken("inner/a", step), ToDomains: []string{"example.net"}},
					{Name: "b", Sender: healthy("inner/b"), ToDomains: []string{"example.org"}},
				}})
				if err != nil {
					t.Fatal(err)
				}
				m := start(t, router.Config{Routes: []router.Route{{Name: "inner", Sender: inner}}}, healthy("c"))
				m.loose = true
				m.burst(1, 7)
				expect(t, "route", m.must(t.Context(), letter(8, "eve@example.org")).Route, "inner/b")
			})
		})
	}
}

// A route inside that says nothing leaves time to look at the others, or the outer router would
// never hear that one of them is back (P11).
func TestNestedCheckAndResolve(t *testing.T) {
	virtual(t, func(t *testing.T) {
		mute, b := scripted("a"), scripted("b")
		mute.Checks = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		m := start(t, router.Config{}, askable{mute, never}, askable{b, says(mailer.Accepted, nil)})
		if err := m.Check(within(t, 15*time.Second)); err != nil {
			t.Errorf("check: %v", err)
		}
		if outcome, err := m.Resolve(within(t, 5*time.Second), letter(1)); outcome != mailer.Accepted {
			t.Errorf("resolve: %v, %v", outcome, err)
		}
	})
}

func TestNestedComesBack(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a, b := always("inner/a", down()), broken("inner/b", down())
		a.Checks = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		inner := nest(t, "inner", router.Config{RetryDelay: -1}, a, b)
		m := start(t, router.Config{Routes: []router.Route{inner}}, healthy("c"))
		m.burst(1, 10)
		expect(t, "outer", m.state("inner").State, router.Open)
		b.mend()
		b.Rest = &mailertest.Step{}
		for i := range 60 {
			time.Sleep(10 * time.Second)
			m.must(t.Context(), doubled(100+i))
		}
		expect(t, "route", m.must(t.Context(), doubled(200)).Route, "inner/b")
	})
}
