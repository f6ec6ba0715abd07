package router_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/mailertest"
	"github.com/mailkeel/mailkeel/mailer/observe"
	"github.com/mailkeel/mailkeel/mailer/router"
)

// A listener keeps what it hears, and does something each time.
type listener struct {
	mu       sync.Mutex
	attempts []observe.Attempt
	contexts []context.Context
	states   []observe.State
	detours  []observe.Detour
	do       func()
}

func (l *listener) ObserveAttempt(ctx context.Context, a observe.Attempt) {
	l.keep(func() { l.attempts, l.contexts = append(l.attempts, a), append(l.contexts, ctx) })
}
func (l *listener) ObserveState(s observe.State) { l.keep(func() { l.states = append(l.states, s) }) }
func (l *listener) ObserveDetour(d observe.Detour) {
	l.keep(func() { l.detours = append(l.detours, d) })
}

func (l *listener) keep(f func()) {
	l.mu.Lock()
	f()
	l.mu.Unlock()
	if l.do != nil {
		l.do()
	}
}

// turns returns the changes of state in short.
func (l *listener) turns() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []string
	for _, s := range l.states {
		all = append(all, fmt.Sprintf("%s %s>%s %s", s.Route, s.From, s.To, s.Cause))
	}
	return all
}

// Every attempt is heard of once, with what the receipt says.
func TestObserveAttempts(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := new(listener)
		slow := limited(7 * time.Second)
		slow.Before = mailertest.For(30 * time.Millisecond)
		m := start(t, router.Config{Name: "mail", Observer: l}, scripted("a", slow), scripted("b", down()), healthy("c"))
		type key struct{}
		account := m.must(context.WithValue(t.Context(), key{}, "trace"), letter(1))
		if len(l.attempts) != 3 {
			t.Fatalf("heard of %d attempts", len(l.attempts))
		}
		for i, got := range l.attempts {
			want := account.Attempts[i]
			expect(t, "router", got.Router, "mail")
			expect(t, "message id", got.MessageID, account.MessageID)
			expect(t, "context", l.contexts[i].Value(key{}), any("trace"))
			want.Decision = "" // for nothing was decided by then
			expect(t, "attempt", got.Attempt, want)
		}
		expect(t, "retry after", l.attempts[0].RetryAfter, 7*time.Second)
	})
}

// The ways of a circuit are heard of, each turn once.
func TestObserveStates(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := new(listener)
		a := broken("a", down())
		m := start(t, router.Config{Observer: l}, a, healthy("b"))
		m.burst(1, 20)
		opened := l.states[0]
		expect(t, "router", opened.Router, "router")
		if opened.Until.Before(opened.Time) || opened.Detail == "" {
			t.Errorf("%+v", opened)
		}
		a.mend()
		a.Rest = &mailertest.Step{}
		m.until("a", router.HalfOpen)
		m.must(t.Context(), doubled(21))
		want := []string{"a closed>open provider", "a open>half-open provider", "a half-open>closed "}
		if got := l.turns(); !slices.Equal(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	})
}

// What needs somebody's hand is told as that; a rate limit when it begins, not each time.
func TestObserveCauses(t *testing.T) {
	for _, c := range []struct {
		name string
		step mailertest.Step
		want []string
	}{
		{"config", forbidden(), []string{"a closed>open config"}},
		{"rate", limited(time.Minute), []string{"a closed>closed rate"}},
		{"the message's fault", refused(mailer.ScopeMessage, 0, 554), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				l := new(listener)
				m := start(t, router.Config{Observer: l}, always("a", c.step), healthy("b"))
				m.burst(1, 3)
				if got := l.turns(); !slices.Equal(got, c.want) {
					t.Errorf("got %q, want %q", got, c.want)
				}
			})
		})
	}
}

// That mail goes over the backup is told when it begins and when it ends.
func TestObserveDetours(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := new(listener)
		a := broken("a", down())
		m := start(t, router.Config{Name: "mail", Observer: l}, a, healthy("b"))
		m.burst(1, 12)
		if len(l.detours) != 1 || !l.detours[0].On || l.detours[0].Route != "b" || l.detours[0].Router != "mail" {
			t.Fatalf("%+v", l.detours)
		}
		a.mend()
		a.Rest = &mailertest.Step{}
		m.until("a", router.HalfOpen)
		m.must(t.Context(), doubled(13))
		m.burst(14, 20)
		if len(l.detours) != 2 || l.detours[1].On || l.detours[1].Route != "a" {
			t.Errorf("%+v", l.detours)
		}
	})
}

// A route that is passed over because it does not fit is no detour.
func TestNoDetour(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := new(listener)
		m := start(t, router.Config{Observer: l}, scripted("a").lacking(mailer.FeatureSchedule), healthy("b"))
		msg := letter(1)
		msg.SendAt = time.Now().Add(time.Hour)
		m.must(t.Context(), msg)
		expect(t, "detours", len(l.detours), 0)
	})
}

// Observers are called outside of locks: they may look at the router, and send elsewhere.
func TestObserverLooksAround(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := new(listener)
		a := broken("a", down())
		a.Checks = nil
		m := start(t, router.Config{Observer: l}, a, always("b", slowly(0, 2*time.Second)))
		alarms := healthy("alarms")
		other := start(t, router.Config{}, alarms)
		n := 1000
		l.do = func() {
			_ = m.Health()
			_, _ = m.Names()
			l.mu.Lock()
			n++
			msg := letter(n)
			l.mu.Unlock()
			if _, err := other.Send(context.Background(), msg); err != nil {
				t.Error(err)
			}
		}
		m.together(20)
		m.until("a", router.HalfOpen)
		a.Rest = &mailertest.Step{}
		m.must(t.Context(), doubled(21))
		expect(t, "alarms", len(alarms.Kept()), len(l.attempts)+len(l.states)+len(l.detours))
	})
}

// A detour over several routes is heard of as one of the last; a slow route is none.
func TestDetourOfSeveral(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := new(listener)
		m := start(t, router.Config{Observer: l}, broken("a", forbidden()), scripted("b", down(), down()), healthy("c"))
		m.burst(1, 2)
		if len(l.detours) != 1 || !l.detours[0].On || l.detours[0].Route != "c" {
			t.Errorf("%+v", l.detours)
		}
	})
	virtual(t, func(t *testing.T) {
		l := new(listener)
		m := start(t, router.Config{Observer: l}, scripted("a", slowly(0, 5*time.Second)), healthy("b"))
		done := make(chan struct{})
		go func() {
			defer close(done)
			m.must(t.Context(), letter(1))
		}()
		time.Sleep(2 * time.Second)
		expect(t, "trace", trace(m.must(t.Context(), letter(2))), "[a], b done")
		<-done
		expect(t, "detours", len(l.detours), 0)
	})
}

// An attempt at an inner router is one, as long as all that it did.
func TestObserveNested(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := new(listener)
		step := down()
		step.Before = mailertest.For(time.Second)
		inner := nest(t, "inner", alone, scripted("inner/a", step), scripted("inner/b", mailertest.Step{}))
		m := start(t, router.Config{StartLimit: -1, Observer: l, Routes: []router.Route{inner}})
		began := time.Now()
		m.must(t.Context(), letter(1))
		expect(t, "attempts", len(l.attempts), 1)
		expect(t, "start", l.attempts[0].Start, began)
		expect(t, "time", l.attempts[0].Duration, time.Second)
	})
}
