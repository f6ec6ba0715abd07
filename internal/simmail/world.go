package simmail

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/observe"
)

// A World holds what happens in one simulation. Its methods may be called from several
// goroutines, but all of them in one bubble.
type World struct {
	Seed  uint64
	start time.Time

	mu        sync.Mutex
	providers []*Provider
	calls     []*Call
	questions []*Call
	checks    []Probe
	states    []observe.State
	sent      []*Sent
	closing   time.Duration
	closed    time.Duration
	forgotten []*Provider
}

// NewWorld begins now.
func NewWorld(seed uint64) *World { return &World{Seed: seed, start: time.Now()} }

// A Call is one attempt as a provider saw it. Times are since the world began.
type Call struct {
	Provider   string
	Msg        *mailer.Message
	Recipients []string
	Number     int // of this message at this provider, from 1
	Start, End time.Duration
	// CommitBy and Committed are those of the gate; Committed is zero before the boundary.
	CommitBy, Committed time.Duration
	// Mode is the one that decided it.
	Mode Mode
	// Copies are the recipients for whom the provider really took a copy.
	Copies []string
	// Outcome, Scope, Code and Phase are those of the verdict it gave.
	Outcome mailer.Outcome
	Scope   mailer.Scope
	Code    int
	Phase   mailer.Phase
	// Final are the recipients whom it refused for good: nobody else may be asked.
	Final []string
	// RetryAfter is what it asked for.
	RetryAfter time.Duration
}

// A Probe is one Check of a provider.
type Probe struct {
	Provider   string
	Start, End time.Duration
	Passed     bool
}

// Sent is a mail and what its sender was told.
type Sent struct {
	Mail
	Start, End time.Duration
	Receipt    *mailer.Receipt
	Err        error
}

// Account returns the receipt, be it returned or in the error; nil where there is none.
func (s *Sent) Account() *mailer.Receipt {
	if s.Receipt != nil || s.Err == nil {
		return s.Receipt
	}
	return mailer.AsSendError(s.Err).Receipt
}

// Outcome returns the verdict as a caller reads it.
func (s *Sent) Outcome() mailer.Outcome {
	if s.Err == nil {
		return mailer.Accepted
	}
	return mailer.AsSendError(s.Err).Outcome
}

// Observer returns an observer for the router, which notes changes of state.
func (w *World) Observer() observe.Observer { return &observer{w} }

// Now returns how long the world exists.
func (w *World) Now() time.Duration { return time.Since(w.start) }

type observer struct{ w *World }

func (*observer) ObserveAttempt(context.Context, observe.Attempt) {}

func (o *observer) ObserveState(s observe.State) {
	o.w.mu.Lock()
	defer o.w.mu.Unlock()
	o.w.states = append(o.w.states, s)
}

// Run sends the mails through s, each at its time, and returns when all have ended.
// They are sorted by time.
func (w *World) Run(s mailer.Sender, mails []Mail) {
	slices.SortStableFunc(mails, func(a, b Mail) int { return cmp.Compare(a.At, b.At) })
	var wg sync.WaitGroup
	for _, m := range mails {
		time.Sleep(m.At - w.Now())
		wg.Go(func() { w.send(s, m) })
	}
	wg.Wait()
}

func (w *World) send(s mailer.Sender, m Mail) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if m.Timeout > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, m.Timeout)
		defer stop()
	}
	if m.CancelAfter > 0 {
		defer time.AfterFunc(m.CancelAfter, cancel).Stop()
	}
	sent := &Sent{Mail: m, Start: w.Now()}
	sent.Receipt, sent.Err = s.Send(ctx, m.Msg)
	sent.End = w.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = append(w.sent, sent)
}

// History returns what happened so far, in the order of time. It is a copy, apart from the
// messages and receipts.
func (w *World) History() *History {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := &History{
		Seed: w.Seed, Start: w.start, Laws: map[string]Law{}, Sound: map[string]bool{}, Keyed: map[string]bool{}, Closing: w.closing, Closed: w.closed,
		Calls: slices.Clone(w.calls), Questions: slices.Clone(w.questions), Probes: slices.Clone(w.checks),
		States: slices.Clone(w.states), Sent: slices.Clone(w.sent),
	}
	for _, p := range w.forgotten {
		h.Forgotten = append(h.Forgotten, p.Name)
	}
	for _, p := range w.providers {
		h.Laws[p.Name] = p.Law
		h.Keyed[p.Name] = p.ReplayWindow > 0
		h.Sound[p.Name] = len(p.Law) == 0 && p.Quota.Limit == 0 && !p.Fussy
		h.Providers = append(h.Providers, p.Name)
	}
	for _, list := range [...][]*Call{h.Calls, h.Questions} {
		slices.SortStableFunc(list, func(a, b *Call) int {
			return cmp.Or(cmp.Compare(a.Start, b.Start), strings.Compare(a.Provider, b.Provider), strings.Compare(a.Msg.MessageID, b.Msg.MessageID))
		})
	}
	slices.SortStableFunc(h.Probes, func(a, b Probe) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), strings.Compare(a.Provider, b.Provider))
	})
	slices.SortStableFunc(h.States, func(a, b observe.State) int {
		return cmp.Or(a.Time.Compare(b.Time), strings.Compare(a.Route, b.Route), strings.Compare(a.From+a.To, b.From+b.To))
	})
	slices.SortStableFunc(h.Sent, func(a, b *Sent) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), strings.Compare(a.Msg.MessageID, b.Msg.MessageID))
	})
	return h
}
