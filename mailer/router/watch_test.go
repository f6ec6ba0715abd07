package router

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// begun starts an attempt at the first route whose Sender is not called yet.
func begun(t *testing.T, r *Router, delivery mailer.Delivery) *attempt {
	t.Helper()
	m := *prepared(t, "one@a.example")
	m.Delivery = delivery
	msg, err := mailer.Prepare(&m)
	if err != nil {
		t.Fatal(err)
	}
	s := r.newSend(context.Background(), msg, time.Now())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tried.add(r.routes[0])
	return s.begin(r.routes[0], claim{}, time.Now())
}

// finish ends an attempt as its Sender's return would.
func (a *attempt) finish(err error) {
	a.returned, a.err = true, err
	a.end()
}

// watched are the moments at which the attempt is known to be slow, late and in doubt.
type watched struct{ slow, late, doubted time.Duration }

// watching looks at the attempt every 10 ms for that long.
func watching(a *attempt, d time.Duration) watched {
	var w watched
	start := time.Now()
	note := func(is bool, at *time.Duration) {
		if is && *at == 0 {
			*at = time.Since(start)
		}
	}
	for time.Since(start) < d {
		time.Sleep(10 * time.Millisecond)
		synctest.Wait()
		a.s.mu.Lock()
		note(a.slow, &w.slow)
		note(a.late, &w.late)
		note(a.doubted, &w.doubted)
		a.s.mu.Unlock()
	}
	return w
}

// TestWatch: when an attempt is found slow to start, overdue, or waited for long enough.
func TestWatch(t *testing.T) {
	const ms, s = time.Millisecond, time.Second
	for _, c := range []struct {
		name     string
		cfg      Config
		routes   int
		delivery mailer.Delivery
		phase    mailer.Phase
		commit   time.Duration // zero: never
		want     watched
	}{
		{name: "stuck while connecting", phase: mailer.PhaseConnect, want: watched{slow: 250 * ms}},
		{name: "stuck, and marks nothing", phase: mailer.PhaseNone},
		{name: "its content is under way", phase: mailer.PhaseContent},
		{name: "stuck, and nothing goes alongside", cfg: Config{StartLimit: -1}, phase: mailer.PhaseConnect},
		{name: "committed in time, no answer", phase: mailer.PhaseConnect, commit: 100 * ms, want: watched{late: 1100 * ms}},
		{name: "slow to start, no answer", phase: mailer.PhaseConnect, commit: 600 * ms, want: watched{slow: 250 * ms, late: 1600 * ms}},
		{name: "no answer, which does not matter", cfg: Config{ReplyLimit: -1}, phase: mailer.PhaseConnect, commit: 100 * ms},
		{name: "nothing but overdue is looked for", cfg: Config{StartLimit: -1}, phase: mailer.PhaseConnect, commit: 100 * ms, want: watched{late: 1100 * ms}},
		{name: "no answer, at least once", delivery: mailer.AtLeastOnce, routes: 2, phase: mailer.PhaseConnect, commit: 100 * ms,
			want: watched{late: 1100 * ms, doubted: 10100 * ms}},
		{name: "no answer, at most once, though there is another route", routes: 2, phase: mailer.PhaseConnect, commit: 100 * ms, want: watched{late: 1100 * ms}},
		{name: "at least once, nowhere to go", delivery: mailer.AtLeastOnce, phase: mailer.PhaseConnect, commit: 100 * ms, want: watched{late: 1100 * ms}},
		{name: "at least once, as long as there is time", cfg: Config{DoubtLimit: -1}, delivery: mailer.AtLeastOnce, routes: 2, phase: mailer.PhaseConnect,
			commit: 100 * ms, want: watched{late: 1100 * ms}},
		{name: "at least once, in time for another", cfg: Config{CommitLimit: 8 * s}, delivery: mailer.AtLeastOnce, routes: 2, phase: mailer.PhaseConnect,
			commit: 100 * ms, want: watched{late: 1100 * ms, doubted: 5000 * ms}},
		{name: "at least once, and nothing else is looked for", cfg: Config{StartLimit: -1, ReplyLimit: -1}, delivery: mailer.AtLeastOnce,
			routes: 2, phase: mailer.PhaseConnect, commit: 100 * ms, want: watched{doubted: 10100 * ms}},
		{name: "at least once, one attempt", cfg: Config{MaxAttempts: 1}, delivery: mailer.AtLeastOnce, routes: 2, phase: mailer.PhaseConnect,
			commit: 100 * ms, want: watched{late: 1100 * ms}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newTestRouter(t, c.cfg, 1)
				a := begun(t, r, c.delivery)
				if c.routes == 2 {
					r.routes = append(r.routes, &route{Route: Route{Name: "b", Sender: bare{}}, r: r, index: 1})
				}
				a.gate.Mark(c.phase)
				if c.commit > 0 {
					timer := time.AfterFunc(c.commit, func() { a.gate.Commit() })
					defer timer.Stop()
				}
				if c.routes == 2 && c.commit > 250*ms {
					t.Fatal("a row that would start the second route")
				}
				if got := watching(a, 12*s); got != c.want {
					t.Errorf("got %+v, want %+v", got, c.want)
				}
				if n, want := r.routes[0].overdue.Load(), counted(c.want); n != want {
					t.Errorf("%d overdue, want %d", n, want)
				}
				if cancelled := a.leash.Err() != nil; cancelled != (c.want.doubted > 0) {
					t.Errorf("cancelled: %t", cancelled)
				}
				if a.finish(smtp(451)); r.routes[0].overdue.Load() != 0 || r.routes[0].counts.inFlight() != 0 {
					t.Errorf("%d overdue and %d in flight when it is over", r.routes[0].overdue.Load(), r.routes[0].counts.inFlight())
				}
			})
		})
	}
}

// TestQueuedIsSlowButNotOverdue: that all places of a route are taken is not its provider's doing,
// and yet another route may be quicker.
func TestQueuedIsSlowButNotOverdue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTestRouter(t, Config{}, 1)
		a := begun(t, r, mailer.AtMostOnce)
		a.queued.Store(true)
		a.rt.heeds.Store(true)
		if got, want := watching(a, time.Second), (watched{slow: 250 * time.Millisecond}); got != want || r.routes[0].overdue.Load() != 0 {
			t.Errorf("got %+v, %d overdue", got, r.routes[0].overdue.Load())
		}
		a.finish(smtp(451))
	})
}

// TestCompany: another route starts alongside when the first is found slow, and not before.
func TestCompany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTestRouter(t, Config{}, 2)
		a := begun(t, r, mailer.AtMostOnce)
		a.gate.Mark(mailer.PhaseConnect)
		for _, want := range []uint64{0, 1} {
			if got := r.routes[1].counts.firsts(); got != want {
				t.Errorf("%d messages were offered to the other route, want %d", got, want)
			}
			time.Sleep(250 * time.Millisecond)
			synctest.Wait()
		}
		a.finish(smtp(451))
	})
}

// counted is how many attempts new messages are kept from.
func counted(w watched) int64 {
	if w.slow > 0 || w.late > 0 {
		return 1
	}
	return 0
}

func (a *attempt) isSlow() bool {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	return a.slow
}

// TestLateFire: a timer that fires when its attempt is over does nothing, to that nor to the
// one that the watch has come to.
func TestLateFire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTestRouter(t, Config{}, 1)
		rt := r.routes[0]
		old := begun(t, r, mailer.AtMostOnce)
		old.gate.Mark(mailer.PhaseConnect)
		w := old.watch
		time.Sleep(200 * time.Millisecond)
		old.finish(smtp(550))
		w.fire() // it finds nobody
		old.look(time.Now().Add(time.Hour))
		if old.isSlow() || rt.overdue.Load() != 0 {
			t.Error("an attempt that is over is found slow")
		}

		fresh := begun(t, r, mailer.AtMostOnce)
		fresh.gate.Mark(mailer.PhaseConnect)
		w.a.Store(fresh)                   // it was given out again
		time.Sleep(100 * time.Millisecond) // the old timer would fire in the meantime
		synctest.Wait()
		w.fire()
		if fresh.isSlow() || rt.overdue.Load() != 0 {
			t.Error("the timer of another attempt finds one slow whose time has not come")
		}
		time.Sleep(150 * time.Millisecond)
		synctest.Wait()
		if !fresh.isSlow() {
			t.Error("not found slow in time")
		}
		fresh.finish(smtp(550))
	})
}

// TestWatchesAreApart: attempts at the same time have each their own.
func TestWatchesAreApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTestRouter(t, Config{}, 1)
		for range 5 {
			a, b := begun(t, r, mailer.AtMostOnce), begun(t, r, mailer.AtMostOnce)
			if a.watch == b.watch {
				t.Fatal("two attempts have the same watch")
			}
			a.finish(smtp(550))
			b.finish(smtp(550))
		}
	})
}

// TestCutOff: what is under way ends, whether or not its context was asked for before.
func TestCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTestRouter(t, Config{}, 1)
		a, b := begun(t, r, mailer.AtMostOnce), begun(t, r, mailer.AtMostOnce)
		done := a.leash.Done()
		r.life.cutAll()
		synctest.Wait()
		select {
		case <-done:
		default:
			t.Error("whoever waits for it is not told")
		}
		if a.leash.Err() == nil || b.leash.Err() == nil {
			t.Errorf("cut off: %v, %v", a.leash.Err(), b.leash.Err())
		}
		a.finish(smtp(550))
		b.finish(smtp(550))
	})
}

// TestLateReplyCountsOnce: an overdue reply is a slow failure of its message, and five of them
// make the route one that rests because it is slow.
func TestLateReplyCountsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTestRouter(t, Config{}, 1)
		rt := r.routes[0]
		var all []*attempt
		for range failureRun {
			a := begun(t, r, mailer.AtMostOnce)
			a.gate.Mark(mailer.PhaseConnect)
			a.gate.Commit()
			all = append(all, a)
		}
		time.Sleep(999 * time.Millisecond)
		synctest.Wait()
		if rt.troubled.Load() || rt.overdue.Load() != 0 {
			t.Error("late before the limit")
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		h := r.Health()[0]
		if h.State != Open || h.Cause != "slow" || h.Detail != "replies are overdue" || h.Overdue != failureRun || !rt.troubled.Load() {
			t.Errorf("got %+v", h)
		}
		generation := rt.circuit.generation
		time.Sleep(2 * time.Second)
		for _, a := range all {
			a.finish(&mailer.SendError{Outcome: mailer.Unknown, Scope: mailer.ScopeProvider})
		}
		if rt.circuit.generation != generation || rt.overdue.Load() != 0 {
			t.Errorf("their ends count once more: generation %d, %d overdue", rt.circuit.generation, rt.overdue.Load())
		}
	})
}
