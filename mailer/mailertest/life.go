package mailertest

import (
	"context"
	"sync"

	"github.com/mailkeel/mailkeel/mailer"
)

// A life is what Close ends. The zero life has begun.
type life struct {
	mu      sync.Mutex
	closed  bool
	under   int             // sends under way
	idle    chan struct{}   // closed when closed and none is under way
	cut     context.Context // ends when sends are cut off
	cutSend context.CancelFunc
}

// begin makes what the zero life lacks. The caller holds mu.
func (l *life) begin() {
	if l.idle == nil {
		l.idle = make(chan struct{})
		l.cut, l.cutSend = context.WithCancel(context.Background())
	}
}

// enter admits a send, which calls leave, and returns the context that cuts it off.
func (l *life) enter() (cut context.Context, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.begin()
	if l.closed {
		return nil, mailer.ErrClosed
	}
	l.under++
	return l.cut, nil
}

func (l *life) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.under--; l.under == 0 && l.closed {
		close(l.idle)
	}
}

// close is [mailer.Closer].
func (l *life) close(ctx context.Context) error {
	l.mu.Lock()
	l.begin()
	if !l.closed {
		l.closed = true
		if l.under == 0 {
			close(l.idle)
		}
	}
	l.mu.Unlock()
	defer l.cutSend()
	select {
	case <-l.idle:
		return nil
	case <-ctx.Done():
	}
	l.cutSend()
	<-l.idle
	return ctx.Err()
}
