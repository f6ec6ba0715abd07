package router

import (
	"context"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// sendPlain is Send where attempts have no limits of their own: what it usually takes is
// one attempt at the first route, which then needs no account but the Sender's, and no other count
// for Close than the route's own.
func (r *Router) sendPlain(ctx context.Context, m *mailer.Message) (*mailer.Receipt, error) {
	rt := r.routes[0]
	c := rt.join() // before the route is found to be calm: a failure counts for the state that it began in
	if r.cfg.Policy != Priority || rt.picky || rt.slots != nil || rt.From.Address != "" || !rt.calm() || r.detour.Load() {
		return r.sendCounted(ctx, m)
	}
	if !rt.enter() {
		return nil, r.refuse(m, mailer.ErrClosed)
	}
	var now time.Time                                 // zero where the Sender's own account has the times
	if !rt.timed.Load() || rt.caps.ReplayWindow > 0 { // which is never counted from too late
		now = time.Now()
	}
	receipt, err := rt.sendOnce(ctx, m)
	if err == nil && receipt != nil && len(receipt.Attempts) == 1 && !rt.nested {
		rt.sign(receipt, now)
		rt.leave(true)
		return receipt, nil
	}
	if now.IsZero() {
		now = began(receipt, err)
	}
	return r.newSend(ctx, m, now).adopt(rt, c, receipt, err, now)
}

// began is when an attempt began by the Sender's account, or else now.
func began(receipt *mailer.Receipt, err error) time.Time {
	if e := mailer.AsSendError(err); e != nil {
		receipt = e.Receipt
	}
	if receipt != nil && len(receipt.Attempts) > 0 && !receipt.Attempts[0].Start.IsZero() {
		return receipt.Attempts[0].Start
	}
	return time.Now()
}

// enter counts an attempt, and reports whether the router is open.
func (rt *route) enter() bool {
	rt.counts.begun.Add(1)
	if rt.r.life.closing() {
		rt.leave(false)
		return false
	}
	return true
}

func (rt *route) leave(good bool) {
	rt.counts.end(good)
	rt.r.life.settle()
}

// sendOnce also counts when the Sender panics.
func (rt *route) sendOnce(ctx context.Context, m *mailer.Message) (*mailer.Receipt, error) {
	returned := false
	defer func() {
		if !returned {
			rt.leave(false)
		}
	}()
	receipt, err := rt.Sender.Send(ctx, m)
	returned = true
	return receipt, err
}

// sign makes an accepted receipt the router's.
func (rt *route) sign(r *mailer.Receipt, start time.Time) {
	t := &r.Attempts[0]
	t.Route, r.Route = rt.Name, rt.Name
	if t.Start.IsZero() {
		t.Start, t.Duration = start, time.Since(start)
	} else if !rt.timed.Load() {
		rt.timed.Store(true)
	}
	for i := range r.Recipients {
		r.Recipients[i].Route = rt.Name
	}
}

// adopt goes on after an attempt that was made without any ado.
func (s *send) adopt(rt *route, c claim, receipt *mailer.Receipt, err error, start time.Time) (*mailer.Receipt, error) {
	s.r.life.add()
	defer s.r.life.leave()
	now := time.Now()
	a := &s.first
	a.s, a.rt, a.claim, a.start, a.begun, a.msg = s, rt, c, start, start, s.msg
	a.receipt, a.err, a.returned, a.duration = receipt, err, true, now.Sub(start)
	s.tried.add(rt)
	s.attempts, s.round = 1, append(s.one[:0], a)
	a.settle(now)
	a.logged = a.entries()
	rt.report(a, a.evidence(), now)
	if a.failed == nil {
		return s.accepted(a), nil
	}
	s.account()
	return s.goOn()
}
