package simmail

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// A Subject is what is simulated: a router.
type Subject interface {
	mailer.Sender
	mailer.Closer
}

// Play begins a world, sends the plan's mail through what build makes of its providers, closes
// that, and returns what happened. It belongs in a bubble of testing/synctest, which ends only
// when the subject has left no goroutine behind.
func (p *Plan) Play(seed uint64, build func(w *World, routes []mailer.Sender) Subject) *History {
	w := NewWorld(seed)
	routes := make([]mailer.Sender, len(p.Providers))
	for i, provider := range p.Providers {
		routes[i] = w.Add(provider)
	}
	s := build(w, routes)
	var closing sync.WaitGroup
	closing.Go(func() {
		if p.CloseAt > 0 {
			time.Sleep(p.CloseAt)
			w.close(s, p.CloseWithin)
		}
	})
	w.Run(s, p.Mails)
	closing.Wait()
	if p.CloseAt == 0 {
		w.close(s, time.Minute)
	}
	return w.History()
}

// close closes s, and notes when that was, and which providers it forgot.
func (w *World) close(s mailer.Closer, within time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	begun := w.Now()
	w.mu.Lock()
	w.closing = begun
	w.mu.Unlock()
	_ = s.Close(ctx)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = w.Now()
	w.forgotten = slices.DeleteFunc(slices.Clone(w.providers), (*Provider).Closed)
}
