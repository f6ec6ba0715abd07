package router

import (
	"context"
	"sync"
	"time"
)

// A leash is the context of one attempt: its parent's, until it is cancelled. Only when
// somebody asks for Done is there a context of the standard library's in it, which would
// cost a good part of all else in a send that nobody has to cancel.
type leash struct {
	parent context.Context //nolint:containedctx // it is a context
	cutOff context.Context //nolint:containedctx // ends it as well: the router has no patience any more

	mu        sync.Mutex
	cancelled bool
	inner     context.Context //nolint:containedctx // as parent
	stop      context.CancelFunc
	uncut     func() bool
	err       error // what Err has said
}

// Deadline implements [context.Context].
func (l *leash) Deadline() (time.Time, bool) { return l.parent.Deadline() }

// Done implements [context.Context].
func (l *leash) Done() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.inner == nil {
		l.inner, l.stop = context.WithCancel(l.parent)
		l.uncut = context.AfterFunc(l.cutOff, l.stop)
		if l.cancelled {
			l.stop()
			l.uncut()
		}
	}
	return l.inner.Done()
}

// Err implements [context.Context].
func (l *leash) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.err != nil: // it stays what it was
	case l.inner != nil:
		l.err = l.inner.Err()
	case l.parent.Err() != nil:
		l.err = l.parent.Err()
	case l.cancelled || l.cutOff.Err() != nil:
		l.err = context.Canceled
	}
	return l.err
}

// Value shows what is inside, so that contexts that are derived from this one end with it
// without a goroutine.
func (l *leash) Value(key any) any {
	l.mu.Lock()
	c := l.parent
	if l.inner != nil {
		c = l.inner
	}
	l.mu.Unlock()
	return c.Value(key)
}

func (l *leash) cancel() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cancelled = true
	if l.stop != nil {
		l.stop()
		l.uncut()
	}
}
