package router

import "time"

// The budget of retries: a tenth of the messages that are offered to a route, and in any
// case three in ten seconds.
const (
	retryShare = 0.1
	retryFloor = 0.3 // a second
	retryBurst = 3
)

// A budget limits the retries at one route, so that they cannot multiply the load of a
// provider in trouble. Its owner holds a lock.
type budget struct {
	spent  float64 // of retryBurst; earned back with messages and time
	firsts uint64  // of the route when it was last looked at
	at     time.Time
}

// earn gives back what messages and time since the last look are worth.
func (b *budget) earn(firsts uint64, now time.Time) {
	firsts = max(firsts, b.firsts) // it may have been off by one
	byMessages := retryShare * float64(firsts-b.firsts)
	byTime := retryFloor * now.Sub(b.at).Seconds()
	b.spent = max(0, b.spent-max(byMessages, byTime))
	b.firsts, b.at = firsts, now
}

func (b *budget) affords(price float64) bool { return b.spent+price <= retryBurst }

// affords reports whether a retry of that price is within the budget.
func (rt *route) affords(price float64, now time.Time) bool {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	rt.budget.earn(rt.counts.firsts(), now)
	return rt.budget.affords(price)
}

// pay takes the price off the budget, if it affords that.
func (rt *route) pay(price float64, now time.Time) bool {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	rt.budget.earn(rt.counts.firsts(), now)
	if !rt.budget.affords(price) {
		return false
	}
	rt.budget.spent += price
	return true
}
