package router

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/observe"
)

// An attempt is one Send of a route's Sender.
type attempt struct {
	s      *send
	rt     *route
	claim  claim
	gate   mailer.Gate
	leash  leash
	msg    *mailer.Message
	to     []string // the recipients; nil: all
	start  time.Time
	queued atomic.Bool // a place is being waited for
	waited bool        // one was
	placed bool

	// Under send.mu.
	begun    time.Time // when the Sender was called: later than start where a place was waited for
	watch    *watch
	due      time.Time // when the watch looks next
	over     bool
	slow     bool // it was slow to start
	full     bool // because it waited for a place
	large    bool // its content was long under way
	late     bool // the reply is overdue
	counted  bool // among route.overdue
	yielded  bool // it was ended because another attempt went ahead
	doubted  bool // it was ended because the answer was awaited long enough
	returned bool
	asked    bool // the provider, what became of it

	// What came of it.
	receipt  *mailer.Receipt
	err      error
	failed   *mailer.SendError // nil: accepted
	logged   []mailer.Attempt  // what receipts say about it
	at       int               // where that is in send.log
	duration time.Duration
}

var (
	errYielded   = errors.New("given up, another route was faster")
	errDoubted   = errors.New("no answer in time")
	errSaturated = errors.New("all places are taken")
	errNoCommit  = errors.New("not ready to send in the time it had")
	errPanic     = errors.New("the sender panicked")
)

// begin makes an attempt part of the round. The lock is held.
func (s *send) begin(rt *route, c claim, now time.Time) *attempt {
	a := &s.first
	if a.rt != nil {
		a = new(attempt)
	}
	a.s, a.rt, a.claim, a.start, a.begun = s, rt, c, now, now
	a.to = s.share(rt)
	a.gate.Parent, a.gate.CommitBy = s.parent, s.commitBy(now)
	if len(s.round) > 0 {
		a.gate.Rival = &s.round[0].gate
	}
	a.leash.parent, a.leash.cutOff = s.ctx, s.r.life.cutOff
	s.round = append(s.round, a)
	s.running++
	s.attempts++
	rt.counts.begun.Add(1)
	if limit := s.firstLook(rt); limit > 0 {
		a.due = now.Add(limit)
		a.watch = rt.watch(a, limit)
	}
	return a
}

// make calls the Sender.
func (a *attempt) make() {
	defer a.end() // also when it panics
	a.err = a.prepare()
	if a.err == nil {
		a.receipt, a.err = a.rt.Sender.Send(mailer.WithGate(&a.leash, &a.gate), a.msg)
	}
	a.returned = true
}

// prepare makes the message what this route takes, and waits for a place.
func (a *attempt) prepare() (err error) {
	if a.s.repeated != nil {
		a.msg = a.s.repeated.msg
	} else {
		a.msg, err = a.s.messageFor(a.rt, a.to)
	}
	if err != nil || a.rt.slots == nil {
		return err
	}
	if err := a.queue(); err != nil {
		return err
	}
	a.s.mu.Lock()
	a.begun, a.placed = time.Now(), true
	a.s.mu.Unlock()
	return nil
}

// queue waits until the route has a place for the message.
func (a *attempt) queue() error {
	select {
	case a.rt.slots <- struct{}{}:
		return nil
	default:
	}
	a.waited = true
	a.queued.Store(true)
	defer a.queued.Store(false)
	var expired <-chan time.Time
	if !a.gate.CommitBy.IsZero() {
		timer := time.NewTimer(time.Until(a.gate.CommitBy))
		defer timer.Stop()
		expired = timer.C
	}
	e := &mailer.SendError{Receipt: new(mailer.Receipt), Outcome: mailer.NotAccepted}
	select {
	case a.rt.slots <- struct{}{}:
		return nil
	case <-expired:
		e.Scope, e.Temporary, e.Elsewhere = mailer.ScopeRate, true, true
		e.Err = fmt.Errorf("%w: %d messages are under way", errSaturated, cap(a.rt.slots))
	case <-a.leash.Done():
		e.Scope, e.Err = mailer.ScopeCaller, a.leash.Err()
	}
	return e
}

// end settles what came of the attempt, and lets the round know.
func (a *attempt) end() {
	now := time.Now()
	a.duration = now.Sub(a.start)
	if a.placed {
		<-a.rt.slots
	}
	a.leash.cancel()
	a.s.mu.Lock()
	a.over = true
	a.watch.end(a.rt)
	a.uncount()
	a.settle(now)
	if a.took() {
		a.s.yield()
	}
	a.s.mu.Unlock()
	defer a.s.leave(now) // also when an observer panics
	a.logged = a.entries()
	a.learn(now)
	a.rt.report(a, a.evidence(), now)
}

// took reports whether the message is with this attempt's provider, or was, or may be.
func (a *attempt) took() bool {
	return a.failed == nil || a.failed.Outcome != mailer.NotAccepted || a.gate.Committed()
}

// settle makes of the error what it means here: that an attempt was ended by this router
// is not the caller's doing.
func (a *attempt) settle(now time.Time) {
	switch {
	case !a.returned:
		a.failed = &mailer.SendError{Receipt: new(mailer.Receipt), Scope: mailer.ScopeCaller, Err: errPanic}
		if !a.gate.Committed() && a.gate.Phase() > mailer.PhaseNone {
			a.failed.Outcome = mailer.NotAccepted
		}
		return
	case a.err == nil:
		if a.receipt == nil {
			a.receipt = new(mailer.Receipt)
		}
		return
	}
	e := *mailer.AsSendError(a.err)
	a.failed = &e
	switch {
	case e.Scope != mailer.ScopeCaller || a.s.ctx.Err() != nil:
	case a.s.r.life.cut():
		a.restate(e.Outcome, mailer.ScopeCaller, mailer.ErrClosed)
	case e.Outcome == mailer.Unknown && a.doubted:
		a.restate(mailer.Unknown, mailer.ScopeProvider, errDoubted)
	case e.Outcome == mailer.NotAccepted && (a.yielded || a.s.decidedBesides(a)):
		a.yielded = true
		a.restate(mailer.NotAccepted, mailer.ScopeProvider, errYielded)
	case e.Outcome == mailer.NotAccepted && a.expired(now):
		a.restate(mailer.NotAccepted, mailer.ScopeProvider, errNoCommit)
	}
}

// expired reports whether the time for the boundary is over.
func (a *attempt) expired(now time.Time) bool {
	return !a.gate.CommitBy.IsZero() && !now.Before(a.gate.CommitBy)
}

// restate says what the end of the attempt means, in the place of a context that ended.
func (a *attempt) restate(outcome mailer.Outcome, scope mailer.Scope, err error) {
	e := a.failed
	e.Outcome, e.Scope, e.Err = outcome, scope, err
	e.Temporary = outcome == mailer.NotAccepted && scope == mailer.ScopeProvider
	e.Elsewhere = e.Temporary
	r := *e.Receipt
	r.Outcome, r.Recipients = outcome, append([]mailer.RecipientResult(nil), r.Recipients...)
	for i := range r.Recipients {
		if to := &r.Recipients[i]; to.Scope == mailer.ScopeCaller { // the others were settled before
			to.Outcome, to.Scope, to.Temporary, to.Elsewhere = outcome, e.Scope, e.Temporary, e.Elsewhere
		}
	}
	r.Attempts = append([]mailer.Attempt(nil), r.Attempts...)
	if n := len(r.Attempts); n > 0 {
		t := &r.Attempts[n-1]
		t.Outcome, t.Scope, t.Detail = outcome, e.Scope, err.Error()
	}
	e.Receipt = &r
}

// heeded notices that the Sender knows of gates: it has marked a phase.
func (a *attempt) heeded(phase mailer.Phase) {
	if phase != mailer.PhaseNone && !a.rt.heeds.Load() {
		a.rt.heeds.Store(true)
	}
}

// learn keeps what is usual.
func (a *attempt) learn(now time.Time) {
	a.heeded(a.gate.Phase())
	at := a.gate.CommittedAt()
	if at.IsZero() {
		return
	}
	if !a.large {
		a.rt.usual.started(at.Sub(a.begun))
	}
	if a.failed == nil || a.failed.Outcome != mailer.Unknown {
		a.rt.usual.replied(now.Sub(at))
	}
}

// evidence is what the attempt says about its route.
func (a *attempt) evidence() evidence {
	switch {
	case a.failed == nil:
		return success
	case a.sluggish():
		return failed
	case a.yielded, a.hurried(), a.large && errors.Is(a.failed.Err, errNoCommit): // a large message, too little time
		return nothing
	}
	ev := weigh(a.failed, a.phase())
	if a.rt.nested && (ev == limited || ev == misconfigured || lastMade(a.failed.Receipt.Attempts) < 0) {
		return nothing // it is about one route inside, of which the router there keeps account
	}
	return ev
}

// hurried reports whether the attempt ran out of time because it had waited for a place: the
// provider did not have its MinSlice.
func (a *attempt) hurried() bool {
	end := a.start.Add(a.duration)
	return a.waited && a.failed.Outcome == mailer.NotAccepted && a.expired(end) && end.Sub(a.begun) < a.s.r.cfg.MinSlice
}

// sluggish reports whether the attempt ended because its provider let it wait: until
// another attempt went ahead, or the caller's time was up.
func (a *attempt) sluggish() bool {
	if !a.slow || a.full || a.failed == nil || a.failed.Outcome != mailer.NotAccepted {
		return false
	}
	return a.yielded || a.failed.Scope == mailer.ScopeCaller && errors.Is(a.s.ctx.Err(), context.DeadlineExceeded)
}

// phase returns how far the attempt got.
func (a *attempt) phase() mailer.Phase {
	if a.failed != nil {
		if i := lastMade(a.failed.Receipt.Attempts); i >= 0 {
			return a.failed.Receipt.Attempts[i].Phase
		}
	}
	return a.gate.Phase()
}

// domain is that of the author on this route.
func (a *attempt) domain() string {
	if from := a.rt.From.Address; from != "" {
		return domainOf(from)
	}
	return domainOf(a.s.msg.From.Address)
}

func (a *attempt) failure() failure {
	return failure{key: a.s.msg.IdempotencyKey, slow: a.sluggish(), detail: a.detail(), goods: a.rt.counts.goods.Load()}
}

func (a *attempt) detail() string { return detailOf(a.failed) }

func detailOf(e *mailer.SendError) string {
	if n := len(e.Receipt.Attempts); n > 0 && e.Receipt.Attempts[n-1].Detail != "" {
		return e.Receipt.Attempts[n-1].Detail
	}
	return e.Error()
}

// report tells the route and the observers. No lock is held.
func (rt *route) report(a *attempt, ev evidence, now time.Time) {
	rt.counts.end(ev == success)
	ch := rt.note(ev, a, now)
	if a.sluggish() {
		rt.suspectSlow()
	}
	rt.r.tell(ch)
	o := rt.r.cfg.Observer
	if o == nil {
		return
	}
	told := observe.Attempt{Attempt: a.entry(), Router: rt.r.cfg.Name, MessageID: a.s.msg.MessageID}
	told.Decision = "" // the adapter's, which knows of no other route
	if a.failed != nil {
		told.RetryAfter = a.failed.RetryAfter
	}
	o.ObserveAttempt(a.s.ctx, told)
}
