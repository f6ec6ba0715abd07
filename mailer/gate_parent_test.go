package mailer_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// parts returns n rivals that are parts of parent.
func parts(parent *mailer.Gate, n int) []*mailer.Gate {
	gates := []*mailer.Gate{{Parent: parent}}
	for len(gates) < n {
		gates = append(gates, &mailer.Gate{Parent: parent, Rival: gates[0]})
	}
	return gates
}

// TestParentRace: of the parts that commit and those who cancel the whole, one side wins,
// and nobody sees a part committed of which Commit then returns false.
func TestParentRace(t *testing.T) {
	for range 500 {
		whole := new(mailer.Gate)
		gates := parts(whole, 4)
		var commits, cancels, seen atomic.Int32
		race(12, func(i int) {
			switch {
			case i < 4 && gates[i].Commit():
				commits.Add(1)
			case i >= 4 && i < 8 && whole.Cancel():
				cancels.Add(1)
			case i >= 8 && countCommitted(gates) > 0:
				seen.Add(1)
			}
		})
		n := countCommitted(gates)
		committed := commits.Load() == 1 && n == 1 && cancels.Load() == 0 && whole.Committed()
		cancelled := commits.Load() == 0 && n == 0 && cancels.Load() == 4 && !whole.Committed() && seen.Load() == 0
		if !committed && !cancelled {
			t.Fatalf("%d commits, %d gates committed, %d cancels, seen committed by %d, the whole committed: %t",
				commits.Load(), n, cancels.Load(), seen.Load(), whole.Committed())
		}
	}
}

// TestParentSettlesLate: while Commit asks one parent after the other, of which the last is
// cancelled, nobody sees a part committed.
func TestParentSettlesLate(t *testing.T) {
	for range 20 {
		g := new(mailer.Gate)
		g.Cancel()
		for range 5000 {
			g = &mailer.Gate{Parent: g}
		}
		var settled, seen atomic.Bool
		race(2, func(i int) {
			if i == 0 {
				if g.Commit() {
					t.Error("a part of what was cancelled has committed")
				}
				settled.Store(true)
				return
			}
			for !settled.Load() {
				if g.Committed() {
					seen.Store(true)
				}
			}
		})
		if seen.Load() {
			t.Fatal("a part of what was cancelled seemed to be committed")
		}
	}
}

// TestParentAmongRivals: of two attempts that consist of parts, one gets its part through.
func TestParentAmongRivals(t *testing.T) {
	for range 200 {
		wholes := rivals(2)
		gates := append(parts(wholes[0], 3), parts(wholes[1], 3)...)
		var commits atomic.Int32
		race(len(gates), func(i int) {
			if gates[i].Commit() {
				commits.Add(1)
			}
		})
		if commits.Load() != 1 || countCommitted(gates) != 1 || countCommitted(wholes) != 1 {
			t.Fatalf("%d commits, %d parts and %d wholes committed, want 1 of each", commits.Load(), countCommitted(gates), countCommitted(wholes))
		}
	}
}

func TestParentOfParent(t *testing.T) {
	outer := new(mailer.Gate)
	middle := &mailer.Gate{Parent: outer}
	inner := &mailer.Gate{Parent: middle}
	inner.Mark(mailer.PhaseContent)
	if outer.Phase() != mailer.PhaseContent || middle.Phase() != mailer.PhaseContent {
		t.Errorf("phases %v and %v", outer.Phase(), middle.Phase())
	}
	if !inner.Commit() || !middle.Committed() || !outer.Committed() || outer.CommittedAt().IsZero() {
		t.Error("not all have committed")
	}
	outer = new(mailer.Gate)
	middle = &mailer.Gate{Parent: outer}
	outer.Cancel()
	if inner := (&mailer.Gate{Parent: middle}); inner.Commit() || inner.Committed() || middle.Committed() || !inner.CommittedAt().IsZero() {
		t.Error("a part of a part of what was cancelled has committed")
	}
}

// TestParentPhase: neither a part that began later nor one that lost hides how far another got.
func TestParentPhase(t *testing.T) {
	whole := new(mailer.Gate)
	gates := parts(whole, 2)
	gates[0].Mark(mailer.PhaseContent)
	gates[1].Mark(mailer.PhaseConnect)
	if whole.Phase() != mailer.PhaseContent || gates[1].Phase() != mailer.PhaseConnect {
		t.Errorf("phase %v, of the later part %v", whole.Phase(), gates[1].Phase())
	}
	gates[0].Commit()
	gates[1].Mark(mailer.PhaseAuth)
	if whole.Phase() != mailer.PhaseCommitted {
		t.Errorf("phase %v after the commit", whole.Phase())
	}
	gates[0].Mark(mailer.PhaseDone)
	gates[0].Mark(mailer.PhaseConnect) // a gate of its own: what was last marked
	if whole.Phase() != mailer.PhaseDone || gates[0].Phase() != mailer.PhaseConnect {
		t.Errorf("phase %v, of the part %v", whole.Phase(), gates[0].Phase())
	}
}

// TestParentCommitBy: it limits the first of the parts, and those after it no more.
func TestParentCommitBy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		whole := &mailer.Gate{CommitBy: time.Now().Add(time.Second)}
		if first := (&mailer.Gate{Parent: whole}); !first.Commit() {
			t.Error("the first part cannot commit in time")
		}
		late := &mailer.Gate{CommitBy: time.Now().Add(time.Second)}
		time.Sleep(2 * time.Second)
		if second := (&mailer.Gate{Parent: whole}); !second.Commit() || whole.CommittedAt().After(whole.CommitBy) {
			t.Error("the second part cannot commit, or has moved the time of the whole")
		}
		if part := (&mailer.Gate{Parent: late}); part.Commit() || part.Committed() || late.Committed() {
			t.Error("a part has committed after the whole's time")
		}
	})
}
