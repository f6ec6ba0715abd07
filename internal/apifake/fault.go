package apifake

import (
	"slices"
	"sync"
)

// onAccept reports whether connections meet k, and not requests.
func (k Kind) onAccept() bool { return k == CloseOnAccept || k == SilentOnAccept }

// A step is a fault and whoever waits for it.
type step struct {
	Fault
	reached chan struct{}
	once    sync.Once
}

// reach says that the fault has happened, or cannot any more.
func (s *step) reach() { s.once.Do(func() { close(s.reached) }) }

func newStep(f Fault) *step { return &step{Fault: f, reached: make(chan struct{})} }

// A faultQueue holds the faults that nobody has met yet.
type faultQueue struct {
	mu    sync.Mutex
	steps []*step
}

// Next makes f what the next connection or request meets that has no fault yet; see
// [Fault]. The channel is closed once the fault has happened: the silence or the Hold has
// begun, the connection is gone, the reply was sent or withheld; or when the connection
// ended before any of it.
func (s *Server) Next(f Fault) <-chan struct{} {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	next := newStep(f)
	s.faults.steps = append(s.faults.steps, next)
	return next.reached
}

// take removes and returns the first fault for a connection, or for a request. Without
// one it returns no fault.
func (q *faultQueue) take(onAccept bool) *step {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.IndexFunc(q.steps, func(s *step) bool { return s.Kind.onAccept() == onAccept })
	if i < 0 {
		return newStep(Fault{})
	}
	next := q.steps[i]
	q.steps = slices.Delete(q.steps, i, i+1)
	return next
}
