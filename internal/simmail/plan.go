package simmail

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// A Plan is a world to be: providers, what is sent, and what it is held to.
type Plan struct {
	// Providers in the order of preference.
	Providers []*Provider
	Mails     []Mail
	Promises  Promises
	// CloseAt is when the router is closed, and CloseWithin how long that may take. Zero: when all
	// mail has ended.
	CloseAt, CloseWithin time.Duration
}

// A Scenario makes plans of one kind.
type Scenario struct {
	Name string
	// Ordered means that its promises are about routes that are tried in the order of preference.
	Ordered bool
	// Heavy means that it takes about a second.
	Heavy bool
	Plan  func(r *rand.Rand) *Plan
}

// latency is that of a provider nearby: what it takes to get to the content stays below
// the 250 ms after which a router looks for another.
func latency(r *rand.Rand) Latency {
	return Latency{Start: between(r, 2, 60), Content: between(r, 1, 10), Reply: between(r, 5, 150)}
}

// between draws milliseconds.
func between(r *rand.Rand, low, high int) time.Duration {
	return time.Duration(low)*time.Millisecond + time.Duration(r.Int64N(int64(high-low)*int64(time.Millisecond)))
}

// retries of each route in 10 s, whatever is sent: what a bucket of three that gains three
// lets through.
const retries = 6

// newPlan has n providers that are up.
func newPlan(r *rand.Rand, n int) *Plan {
	p := &Plan{Promises: Promises{Retries: retries * n}}
	for i := range n {
		p.Providers = append(p.Providers, &Provider{Name: fmt.Sprintf("route%d", i), Latency: latency(r)})
	}
	return p
}

// traffic adds n mails of a kind, one in each interval from a moment on, at any time of it.
func (p *Plan) traffic(r *rand.Rand, kind Kind, n int, from, interval time.Duration) {
	for i := range n {
		at := from + time.Duration(i)*interval + time.Duration(r.Int64N(int64(interval)))
		p.Mails = append(p.Mails, NewMail(len(p.Mails), kind, at))
	}
}

// vary gives the mails all sorts of deliveries and deadlines, and lets some callers cancel.
func (p *Plan) vary(r *rand.Rand) {
	for i := range p.Mails {
		m := &p.Mails[i]
		m.Msg.Delivery = mailer.Delivery(r.IntN(3))
		switch r.IntN(8) {
		case 0, 1, 2: // none
		case 3:
			m.CancelAfter = between(r, 1, 3000)
		default:
			m.Timeout = between(r, 500, 60_000)
		}
	}
}

// recovery is how long after the last fault all routes are in use again: the longest rest of
// one whose set-up is wrong, 10 min and a fifth, and two more messages.
const recovery = 13 * time.Minute

// recover adds mail from the moment at which the faults are over, until long after, and asks
// that all is well then.
func (p *Plan) recover(r *rand.Rand, faultsEnd time.Duration) {
	n := len(p.Mails)
	p.traffic(r, Good, int((recovery+2*time.Minute)/(15*time.Second)), faultsEnd, 15*time.Second)
	for i := range p.Mails[n:] {
		p.Mails[n+i].Timeout = 20 * time.Second
	}
	p.Promises.GoodFrom, p.Promises.Primary = faultsEnd+recovery, p.Providers[0].Name
}

// pick returns one of the choices.
func pick[T any](r *rand.Rand, choices ...T) T { return choices[r.IntN(len(choices))] }

// period draws from one second to a minute, short ones as often as long ones.
func period(r *rand.Rand) time.Duration {
	return time.Duration(1<<r.IntN(6))*time.Second + time.Duration(r.Int64N(int64(time.Second)))
}
