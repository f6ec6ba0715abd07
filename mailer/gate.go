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
// be called from several goroutines.
type Gate struct {
	// CommitBy is the time by which the attempt must have committed or given up; zero
	// means that only ctx limits it. It is not changed after the attempt began.
	CommitBy time.Time

	state  atomic.Uint32
	phase  atomic.Uint32
	winner *atomic.Pointer[Gate] // shared by the gates of one NewGates: the one that committed
}

const (
	gateOpen uint32 = iota
	gateCommitted
	gateCancelled
)

// NewGates returns n gates for n attempts of one message, of which at most one
// can commit.
func NewGates(n int) []*Gate {
	gates, winner := make([]*Gate, n), new(atomic.Pointer[Gate])
	for i := range gates {
		gates[i] = &Gate{winner: winner}
	}
	return gates
}

// Commit reports whether the last byte may be released. False means that the
// attempt was cancelled, that another one committed, or that CommitBy has passed: the
// adapter aborts hard, and its verdict is [NotAccepted]. A second call returns false.
func (g *Gate) Commit() bool {
	if g == nil {
		return true
	}
	if !g.CommitBy.IsZero() && time.Now().After(g.CommitBy) {
		g.Cancel()
		return false
	}
	if !g.state.CompareAndSwap(gateOpen, gateCommitted) {
		return false
	}
	if g.winner != nil && !g.winner.CompareAndSwap(nil, g) {
		g.state.Store(gateCancelled)
		return false
	}
	g.Mark(PhaseCommitted)
	return true
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
	if g == nil || g.state.Load() != gateCommitted {
		return false
	}
	return g.winner == nil || g.winner.Load() == g
}

// Mark records how far the attempt got. Adapters call it as they go.
func (g *Gate) Mark(p Phase) {
	if g != nil {
		g.phase.Store(uint32(p))
	}
}

// Phase returns what was last marked.
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
