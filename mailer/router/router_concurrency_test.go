package router_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/mailertest"
	"github.com/mailkeel/mailkeel/mailer/router"
)

// A storm is a Flaky that is dead from time to time, before the boundary or after it.
type storm struct {
	*mailertest.Flaky
	dead, mute atomic.Bool
}

func (s *storm) Send(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
	if s.dead.Load() {
		mailer.GateFrom(ctx).Mark(mailer.PhaseConnect)
		if s.mute.Load() {
			<-ctx.Done()
			return nil, mailertest.SendError(msg, mailer.SendError{Outcome: mailer.NotAccepted, Scope: mailer.ScopeCaller, Err: ctx.Err()})
		}
		return nil, mailertest.SendError(msg, *refusal(mailer.ScopeProvider, elsewhere|temporary, 0))
	}
	return s.Flaky.Send(ctx, msg)
}

func (s *storm) Check(ctx context.Context) error {
	if s.dead.Load() {
		return mailertest.SendError(letter(0), *refusal(mailer.ScopeProvider, elsewhere|temporary, 0))
	}
	return s.Flaky.Check(ctx)
}

func newStorm(name string, seed uint64) *storm {
	return &storm{Flaky: &mailertest.Flaky{
		Profile: mailertest.Profile{Provider: name}, Seed: seed,
		NotAccepted: 0.1, PartlyAccepted: 0.05, UnknownKept: 0.02, UnknownLost: 0.02,
	}}
}

// A tally is what the receipts say, by Message-ID and recipient.
type tally struct {
	mu       sync.Mutex
	outcomes map[[2]string]mailer.RecipientResult
	twice    map[string]bool // messages that may arrive twice
	sends    map[mailer.Outcome]int
}

func (ta *tally) add(msg *mailer.Message, receipt *mailer.Receipt, err error) {
	r := receipt
	if err != nil {
		r = mailer.AsSendError(err).Receipt
	}
	ta.mu.Lock()
	defer ta.mu.Unlock()
	ta.sends[r.Outcome]++
	ta.twice[msg.MessageID] = msg.Delivery == mailer.AtLeastOnce
	for _, x := range r.Recipients {
		ta.outcomes[[2]string{r.MessageID, x.Address}] = x
	}
}

// compare compares the receipts with what the providers have.
func (ta *tally) compare(t *testing.T, providers ...*storm) {
	t.Helper()
	copies := map[[2]string]int{}
	for _, p := range providers {
		for _, c := range p.Kept() {
			for _, address := range c.Recipients {
				copies[[2]string{c.Message.MessageID, address}]++
			}
		}
	}
	for key, r := range ta.outcomes {
		n := copies[key]
		switch {
		case r.Outcome == mailer.Accepted && n == 0, r.Outcome == mailer.NotAccepted && n > 0, n > 1 && !ta.twice[key[0]], n > 3:
			t.Errorf("%s: %v by %q, and there are %d copies", key[0], r.Outcome, r.Route, n)
		}
		delete(copies, key)
	}
	for key, n := range copies {
		t.Errorf("%s: %d copies, and no receipt", key[0], n)
	}
}

// A thousand goroutines send through one router, while its routes fail and recover and it
// is closed in the end: receipts say what the providers have (P22). They run in parallel;
// only what happens between two moments of the clock takes as long as the machine needs.
func TestThousandGoroutines(t *testing.T) { synctest.Test(t, thousandGoroutines) }

func thousandGoroutines(t *testing.T) {
	providers := []*storm{newStorm("a", 1), newStorm("b", 2), newStorm("c", 3)}
	cfg := router.Config{
		StartLimit: 20 * time.Millisecond, Rest: 50 * time.Millisecond, CheckInterval: 40 * time.Millisecond,
		RetryDelay: time.Millisecond, Policy: router.RoundRobin, Observer: new(listener),
	}
	for i, p := range providers {
		cfg.Routes = append(cfg.Routes, router.Route{Name: string(rune('x' + i)), Sender: p, MaxInFlight: 200 * i})
	}
	r, err := router.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ta := &tally{outcomes: map[[2]string]mailer.RecipientResult{}, twice: map[string]bool{}, sends: map[mailer.Outcome]int{}}
	var wg sync.WaitGroup
	var next atomic.Int64
	for range 1000 {
		wg.Go(func() { ta.work(r, &next) })
	}
	weather(providers, 1500*time.Millisecond)
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	if err := r.Close(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	wg.Wait()
	t.Logf("%v", ta.sends)
	ta.compare(t, providers...)
	for _, h := range r.Health() {
		if h.InFlight != 0 || h.Overdue != 0 {
			t.Errorf("%s: %d in flight, %d overdue", h.Name, h.InFlight, h.Overdue)
		}
	}
	if ta.sends[mailer.Accepted] < 1000 || ta.sends[mailer.Unknown] == 0 || ta.sends[mailer.PartlyAccepted] == 0 {
		t.Errorf("too little happened: %v", ta.sends)
	}
}

// work sends until the router is closed.
func (ta *tally) work(r *router.Router, next *atomic.Int64) {
	for {
		n := int(next.Add(1))
		msg := letter(n, ann, bob)
		if n%3 == 0 {
			msg.Delivery = mailer.AtLeastOnce
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(20+n%400)*time.Millisecond)
		receipt, err := r.Send(ctx, msg)
		cancel()
		if errors.Is(err, mailer.ErrClosed) && len(mailer.AsSendError(err).Receipt.Attempts) == 0 {
			return
		}
		ta.add(msg, receipt, err)
		time.Sleep(time.Duration(40+n%31) * time.Millisecond)
	}
}

// weather lets the providers fail one after the other, now one way, now another.
func weather(providers []*storm, d time.Duration) {
	for i := 0; d > 0; i++ {
		p := providers[i%len(providers)]
		p.mute.Store(i%2 == 0)
		p.dead.Store(!p.dead.Load())
		const step = 70 * time.Millisecond
		time.Sleep(step)
		d -= step
	}
}
