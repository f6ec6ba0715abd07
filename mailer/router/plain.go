package router

import (
	"context"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// sendPlain is Send where attempts have no limits of their own: what it usually takes is
// one attempt at the first route, which then needs no account but the Sender's.
func (r *Router) sendPlain(ctx context.Context, m *mailer.Message) (*mailer.Receipt, error) {
	rt := r.routes[0]
	if r.cfg.Policy != Priority || rt.picky || rt.slots != nil || rt.From.Address != "" ||
		!rt.calm() || r.detour.Load() {
		now := time.Now()
		return r.newSend(ctx, m, now).run(now)
	}
	var now time.Time // zero where the Sender's own account has the times
	if !rt.timed.Load() {
		now = time.Now()
	}
	rt.firsts.Add(1)
	rt.inFlight.Add(1)
	receipt, err := rt.sendOnce(ctx, m)
	if err == nil && receipt != nil && len(receipt.Attempts) == 1 && !rt.nested {
		rt.goods.Add(1)
		rt.sign(receipt, now)
		return receipt, nil
	}
	if now.IsZero() {
		now = time.Now()
	}
	return r.newSend(ctx, m, now).adopt(rt, receipt, err, now)
}

// sendOnce also counts down when the Sender panics.
func (rt *route) sendOnce(ctx context.Context, m *mailer.Message) (*mailer.Receipt, error) {
	defer rt.inFlight.Add(-1)
	return rt.Sender.Send(ctx, m)
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
func (s *send) adopt(rt *route, receipt *mailer.Receipt, err error, start time.Time) (*mailer.Receipt, error) {
	now := time.Now()
	a := &s.first
	a.s, a.rt, a.claim, a.start, a.begun, a.msg = s, rt, rt.join(), start, start, s.msg
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
