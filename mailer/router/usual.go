package router

import (
	"sync/atomic"
	"time"
)

// usual is what a route usually takes. Concurrent updates may lose one another, which does
// no harm to an estimate.
type usual struct{ start, reply atomic.Int64 }

func (u *usual) startTime() time.Duration { return time.Duration(u.start.Load()) }
func (u *usual) replyTime() time.Duration { return time.Duration(u.reply.Load()) }

// started learns how long an attempt took to the boundary. It remembers the long ones: a
// connection that must be opened is as usual as one that lies ready.
func (u *usual) started(d time.Duration) {
	d = min(d, maxUsual)
	old := u.start.Load()
	u.start.Store(max(int64(d), old-old/16))
}

// replied learns how long a provider took to answer.
func (u *usual) replied(d time.Duration) {
	old := u.reply.Load()
	if old == 0 {
		old = int64(d)
	}
	u.reply.Store(max(1, old+(int64(d)-old)/8))
}

const (
	maxUsual   = 3 * time.Second // so that one long connect is forgotten in time
	unusual    = 3               // times the usual is unusual
	startRange = 12              // times StartLimit is unusual whatever is usual
	replyRange = 5               // the same of ReplyLimit
)

// startLimit is when an attempt is slow to start; zero means never.
func (rt *route) startLimit() time.Duration {
	limit := rt.r.cfg.StartLimit
	return min(max(limit, unusual*rt.usual.startTime()), startRange*limit)
}

// replyLimit is when a reply is overdue; zero means never.
func (rt *route) replyLimit() time.Duration {
	limit := rt.r.cfg.ReplyLimit
	return min(max(limit, unusual*rt.usual.replyTime()), replyRange*limit)
}
