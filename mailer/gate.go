package mailer

import (
	"context"
	"sync/atomic"
	"time"
)

// A Gate is the moment of no return, agreed between whoever started an attempt and
// the adapter that makes it. The adapter calls [Gate.Commit] once, just before it
// releases the last byte that the provider needs; the other side calls
// [Gate.Cancel]. One compare-and-swap settles which of them came first, so that
// another route may be tried while this one has not committed, and never after.
//
// A nil Gate lets everything pass. The zero Gate is open and without a limit in
// time. A Gate is used for one attempt, must not be copied, and all its methods may
// be called from several goroutines. Its fields are not changed after the attempt began.
type Gate struct {
	// CommitBy is the time by which the attempt must have committed or given up; zero
	// means that only ctx limits it.
	CommitBy time.Time
	// Rival is the gate of another attempt at the same message; nil means that there is
	// none. Of a gate and all that name it, directly or through others, at most one can commit.
	Rival *Gate
	// Parent is the gate of the attempt that this one is part of, as when a router is
	// itself a route of another router; nil means that there is none. It is committed
	// together with the first of its parts, and marked with the furthest that one of them got.
	// When its Parent cannot commit, neither can a part, nor then its rivals.
	Parent *Gate

	state  atomic.Uint32
	phase  atomic.Uint32
	at     time.Time            // of the commit; written before winner
	winner atomic.Pointer[Gate] // of this gate and those that name it as their Rival: the one that committed
}

const (
	gateOpen uint32 = iota
	gateCommitted
	gateCancelled
)

// Commit reports whether the last byte may be released. False means that the
// attempt was cancelled, that a rival committed, that the Parent cannot commit, or that
// CommitBy has passed: the adapter aborts hard, and its verdict is [NotAccepted]. A
// second call returns false.
func (g *Gate) Commit() bool {
	if g == nil {
		return true
	}
	now := time.Now()
	if !g.CommitBy.IsZero() && now.After(g.CommitBy) {
		g.Cancel()
		return false
	}
	if !g.state.CompareAndSwap(gateOpen, gateCommitted) {
		return false
	}
	g.at = now
	if !g.leader().winner.CompareAndSwap(nil, g) || !g.commitParent() {
		g.state.Store(gateCancelled)
		return false
	}
	g.Mark(PhaseCommitted)
	return true
}

func (g *Gate) leader() *Gate {
	if g.Rival == nil {
		return g
	}
	return g.Rival.leader()
}

// commitParent also passes when an earlier part committed: its attempt is over, or this
// one would not have begun, and nobody else can have the parent.
func (g *Gate) commitParent() bool {
	return g.Parent == nil || g.Parent.Commit() || g.Parent.Committed()
}

// Cancel closes the gate and reports whether that came before Commit. After false
// the attempt's own verdict must be awaited. A nil Gate cannot be cancelled.
func (g *Gate) Cancel() bool {
	if g == nil {
		return false
	}
	return g.state.CompareAndSwap(gateOpen, gateCancelled) || g.state.Load() == gateCancelled
}

// Committed reports whether Commit has returned true, or is about to.
func (g *Gate) Committed() bool {
	return g != nil && g.state.Load() == gateCommitted && g.leader().winner.Load() == g &&
		(g.Parent == nil || g.Parent.Committed())
}

// CommittedAt returns when the gate was committed; zero when it was not.
func (g *Gate) CommittedAt() time.Time {
	if !g.Committed() {
		return time.Time{}
	}
	return g.at
}

// Mark records how far the attempt got. Adapters call it as they go.
func (g *Gate) Mark(p Phase) {
	if g == nil {
		return
	}
	g.phase.Store(uint32(p))
	g.Parent.raise(p)
}

// raise keeps a part that began later, or lost, from hiding how far another one got.
func (g *Gate) raise(p Phase) {
	for ; g != nil; g = g.Parent {
		for old := g.phase.Load(); old < uint32(p) && !g.phase.CompareAndSwap(old, uint32(p)); {
			old = g.phase.Load()
		}
	}
}

// Phase returns what was last marked, or of a gate with parts the furthest of theirs.
func (g *Gate) Phase() Phase {
	if g == nil {
		return PhaseNone
	}
	return Phase(g.phase.Load())
}

type gateKey struct{}

// WithGate returns a context that carries g to the adapter. Wrappers hand the
// context on and so need not know of it.
func WithGate(ctx context.Context, g *Gate) context.Context {
	return context.WithValue(ctx, gateKey{}, g)
}

// GateFrom returns the gate that ctx carries, or nil, which lets everything pass.
func GateFrom(ctx context.Context) *Gate {
	g, _ := ctx.Value(gateKey{}).(*Gate)
	return g
}
