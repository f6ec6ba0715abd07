package mailer_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

func TestGateNil(t *testing.T) {
	var g *mailer.Gate
	if !g.Commit() || !g.Commit() {
		t.Error("a nil gate must let everything pass")
	}
	g.Mark(mailer.PhaseDone)
	if g.Committed() || g.Phase() != mailer.PhaseNone {
		t.Errorf("committed %v, phase %v, want nothing recorded", g.Committed(), g.Phase())
	}
}

func TestGateNilCancel(t *testing.T) {
	defer func() {
		if r := recover(); r != nil {
			t.Errorf("Cancel of a nil gate panics: %v", r)
		}
	}()
	var g *mailer.Gate
	if g.Cancel() {
		t.Error("a nil gate lets everything pass: it cannot be cancelled")
	}
}

func TestGateZeroCommitsOnce(t *testing.T) {
	var g mailer.Gate
	if g.Committed() || g.Phase() != mailer.PhaseNone {
		t.Error("the zero gate is not open")
	}
	if !g.Commit() || g.Commit() {
		t.Error("the first Commit must pass, the second not")
	}
	if g.Cancel() {
		t.Error("cancelled after it committed")
	}
	if !g.Committed() || g.Phase() != mailer.PhaseCommitted {
		t.Errorf("committed %v, phase %v", g.Committed(), g.Phase())
	}
}

func TestGateCancel(t *testing.T) {
	var g mailer.Gate
	if !g.Cancel() || !g.Cancel() {
		t.Error("cancelling an open gate, and again, must succeed")
	}
	if g.Commit() || g.Committed() || g.Phase() == mailer.PhaseCommitted {
		t.Error("committed after it was cancelled")
	}
}

func TestGateCommitBy(t *testing.T) {
	late := &mailer.Gate{CommitBy: time.Now().Add(-time.Second)}
	if late.Commit() || late.Committed() {
		t.Error("committed after CommitBy")
	}
	if early := (&mailer.Gate{CommitBy: time.Now().Add(time.Hour)}); !early.Commit() {
		t.Error("refused before CommitBy")
	}
}

func TestGatePhases(t *testing.T) {
	var g mailer.Gate
	for _, p := range []mailer.Phase{
		mailer.PhaseConnect, mailer.PhaseTLS, mailer.PhaseAuth, mailer.PhaseEnvelope, mailer.PhaseContent,
	} {
		if g.Mark(p); g.Phase() != p {
			t.Errorf("got %v, want %v", g.Phase(), p)
		}
	}
	g.Commit()
	if g.Mark(mailer.PhaseDone); g.Phase() != mailer.PhaseDone || !g.Committed() {
		t.Errorf("phase %v, committed %v after the reply", g.Phase(), g.Committed())
	}
}

func TestGateInContext(t *testing.T) {
	if g := mailer.GateFrom(context.Background()); g != nil || !g.Commit() {
		t.Errorf("got %v, want nil, which lets everything pass", g)
	}
	outer, inner := new(mailer.Gate), new(mailer.Gate)
	ctx := mailer.WithGate(context.Background(), outer)
	derived, cancel := context.WithCancel(ctx)
	defer cancel()
	if mailer.GateFrom(derived) != outer {
		t.Error("lost by a derived context")
	}
	if mailer.GateFrom(mailer.WithGate(derived, inner)) != inner {
		t.Error("the innermost gate must win")
	}
	if g := mailer.GateFrom(mailer.WithGate(ctx, nil)); g != nil {
		t.Errorf("got %v, want nil", g)
	}
}

// Of many that commit and many that cancel, exactly one side wins.
func TestGateRace(t *testing.T) {
	for range 500 {
		var g mailer.Gate
		var commits, cancels atomic.Int32
		race(8, func(i int) {
			switch {
			case i%2 == 0 && g.Commit():
				commits.Add(1)
			case i%2 == 1 && g.Cancel():
				cancels.Add(1)
			}
		})
		committed := commits.Load() == 1 && cancels.Load() == 0 && g.Committed()
		cancelled := commits.Load() == 0 && cancels.Load() == 4 && !g.Committed()
		if !committed && !cancelled {
			t.Fatalf("%d commits, %d cancels, committed %v", commits.Load(), cancels.Load(), g.Committed())
		}
	}
}

func TestRivalsAtMostOneCommits(t *testing.T) {
	for range 500 {
		gates := rivals(6)
		var commits, observed atomic.Int32
		race(2*len(gates), func(i int) {
			if i < len(gates) {
				if gates[i].Commit() {
					commits.Add(1)
				}
				return
			}
			if committed := countCommitted(gates); committed > 1 {
				observed.Store(int32(committed))
			}
		})
		if n := commits.Load(); n != 1 || countCommitted(gates) != 1 {
			t.Fatalf("%d commits, %d gates committed, want 1", n, countCommitted(gates))
		}
		if n := observed.Load(); n != 0 {
			t.Fatalf("%d gates seemed committed at once", n)
		}
	}
}

// A route that was cancelled does not use up the right of the others to commit.
func TestRivalsAfterCancel(t *testing.T) {
	gates := rivals(2)
	if !gates[0].Cancel() || gates[0].Commit() {
		t.Error("the first gate was not cancelled")
	}
	if !gates[1].Commit() {
		t.Error("the second gate did not commit, though nobody else had")
	}
}

// rivals returns n gates of which one can commit.
func rivals(n int) []*mailer.Gate {
	gates := []*mailer.Gate{new(mailer.Gate)}
	for len(gates) < n {
		gates = append(gates, &mailer.Gate{Rival: gates[0]})
	}
	return gates
}

// TestParent: the first part that commits commits the whole, and the second one, after
// the first was refused, is not kept from it; a part of what was cancelled is.
func TestParent(t *testing.T) {
	whole := new(mailer.Gate)
	first := &mailer.Gate{Parent: whole}
	first.Mark(mailer.PhaseTLS)
	if whole.Phase() != mailer.PhaseTLS || whole.Committed() {
		t.Errorf("phase %v, committed: %t", whole.Phase(), whole.Committed())
	}
	if !first.Commit() || !whole.Committed() || whole.Phase() != mailer.PhaseCommitted || whole.Cancel() {
		t.Error("the first part has not committed the whole")
	}
	if second := (&mailer.Gate{Parent: whole}); !second.Commit() || !second.Committed() {
		t.Error("the second part cannot commit")
	}
	cancelled := new(mailer.Gate)
	cancelled.Cancel()
	lost := &mailer.Gate{Rival: whole}
	for name, g := range map[string]*mailer.Gate{"cancelled": cancelled, "lost to a rival": lost} {
		if part := (&mailer.Gate{Parent: g}); part.Commit() || part.Committed() || g.Committed() {
			t.Errorf("%s: a part of it has committed", name)
		}
	}
}

func TestCommittedAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &mailer.Gate{CommitBy: time.Now().Add(time.Minute)}
		time.Sleep(time.Second)
		if !g.CommittedAt().IsZero() {
			t.Error("not committed, and there is a time of it")
		}
		want := time.Now()
		g.Commit()
		time.Sleep(time.Second)
		if got := g.CommittedAt(); !got.Equal(want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

func countCommitted(gates []*mailer.Gate) int {
	n := 0
	for _, g := range gates {
		if g.Committed() {
			n++
		}
	}
	return n
}

// race calls f(0) to f(n-1) at the same moment and waits for all.
func race(n int, f func(i int)) {
	var start, done sync.WaitGroup
	start.Add(1)
	for i := range n {
		done.Go(func() {
			start.Wait()
			f(i)
		})
	}
	start.Done()
	done.Wait()
}
