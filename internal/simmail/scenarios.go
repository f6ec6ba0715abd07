package simmail

import (
	"math/rand/v2"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// Scenarios returns all there are.
func Scenarios() []Scenario {
	return []Scenario{
		{Name: "flapping", Plan: flapping},
		{Name: "outage", Plan: outage, Ordered: true},
		{Name: "slow", Plan: slow, Ordered: true},
		{Name: "limits", Plan: limits},
		{Name: "revoked", Plan: revoked, Ordered: true},
		{Name: "poison", Plan: poison},
		{Name: "everything down", Plan: everythingDown, Ordered: true},
		{Name: "doubt", Plan: doubt},
		{Name: "lost replies", Plan: lostReplies},
		{Name: "recipients", Plan: recipients},
		{Name: "deadlines", Plan: deadlines, Ordered: true},
		{Name: "lies", Plan: lies},
		{Name: "mixture", Plan: mixture},
		{Name: "closing", Plan: closing},
		{Name: "storm", Plan: storm, Heavy: true},
	}
}

// faults are the modes of providers that tell the truth.
var faults = [...]Mode{
	Refuses, BlackHole, Unavailable, Revoked, Throttles, FailsAfter, LosesReply, LosesMessage, Silent, Slow,
}

// forever is later than anything that is sent.
const forever = time.Hour

// flapping: every provider but perhaps the last comes and goes with periods of 1 to 60 s, for
// ever, or until a moment after which all recover.
func flapping(r *rand.Rand) *Plan {
	p := newPlan(r, 2+r.IntN(3))
	until := pick(r, forever, 2*time.Minute)
	for _, provider := range p.Providers[:len(p.Providers)-r.IntN(2)] {
		provider.Law = Flap(period(r), until, Up, pick(r, faults[:]...))
	}
	p.traffic(r, Good, 60, 0, 2*time.Second)
	p.vary(r)
	if until != forever {
		p.recover(r, until)
	}
	return p
}

// outage: the first provider dies for a while, at ten messages a second.
func outage(r *rand.Rand) *Plan {
	p := newPlan(r, 2+r.IntN(2))
	const from = 3 * time.Second
	until := from + between(r, 2_000, 30_000)
	primary := p.Providers[0]
	primary.Law = During(pick(r, Refuses, BlackHole, Unavailable), from, until)
	p.traffic(r, Good, 300, 0, 100*time.Millisecond)
	back := backAfter(from, until)
	p.traffic(r, Good, int((back-30*time.Second)/(200*time.Millisecond))+1, 30*time.Second, 200*time.Millisecond)
	p.Promises.Outage = &Outage{Provider: primary.Name, From: from, Until: until, Back: back, Late: time.Second}
	return p
}

// slow: the first provider takes twelve seconds to answer for a while. Nobody sends twice, and
// few wait (G8).
func slow(r *rand.Rand) *Plan {
	p := newPlan(r, 2)
	const from, until = 3 * time.Second, 23 * time.Second
	primary := p.Providers[0]
	primary.Law = During(Slow, from, until)
	p.traffic(r, Good, 230, 0, 100*time.Millisecond)
	p.Promises.Outage = &Outage{Provider: primary.Name, From: from, Until: until, Late: 2 * time.Second, MayBeLate: 30}
	return p
}

// limits: providers take only so many messages in a window.
func limits(r *rand.Rand) *Plan {
	p := newPlan(r, 2+r.IntN(2))
	for _, provider := range p.Providers[:len(p.Providers)-r.IntN(2)] {
		provider.Quota = Quota{Limit: 5 + r.IntN(40), Window: pick(r, 5*time.Second, 20*time.Second)}
	}
	p.traffic(r, Good, 150, 0, 200*time.Millisecond)
	p.vary(r)
	return p
}

// revoked: the first provider refuses the credentials, until they are restored.
func revoked(r *rand.Rand) *Plan {
	p := newPlan(r, 2+r.IntN(2))
	const from = 5 * time.Second
	until := from + between(r, 10_000, 200_000)
	p.Providers[0].Law = During(Revoked, from, until)
	p.traffic(r, Good, 100, 0, until/100)
	p.recover(r, until)
	p.Promises.Outage = &Outage{Provider: p.Providers[0].Name, From: from, Until: until, Late: time.Second}
	return p
}

// poison: one message of each kind among many good ones.
func poison(r *rand.Rand) *Plan {
	p := newPlan(r, 2+r.IntN(3))
	for _, kind := range Poisons {
		p.traffic(r, kind, 1, 0, 20*time.Second)
	}
	p.traffic(r, Good, 200, 0, 100*time.Millisecond)
	p.Promises.Poisoned = true
	return p
}

// everythingDown: all providers are dead at once, and then up again.
func everythingDown(r *rand.Rand) *Plan {
	p := newPlan(r, 2+r.IntN(3))
	const from = 2 * time.Second
	until := from + between(r, 5_000, 90_000)
	p.Providers[0].Law = During(pick(r, Refuses, BlackHole, Unavailable), from, until)
	for _, provider := range p.Providers[1:] {
		provider.Law = During(pick(r, Refuses, BlackHole, Unavailable, Revoked), from, until+between(r, 0, 2_000))
	}
	p.traffic(r, Good, 120, 0, until/120)
	p.vary(r)
	p.recover(r, until+2*time.Second)
	p.Promises.Outage = &Outage{
		Provider: p.Providers[0].Name, From: from, Until: until, LastResort: true, Back: backAfter(from, until) + 15*time.Second,
	}
	return p
}

// backAfter is when a provider that was dead is in use again at the latest: its last rest is at
// most as long as all before it and 10 s, a fifth more or less, and a message must come by.
func backAfter(from, until time.Duration) time.Duration {
	return until + (until-from)*3/2 + 15*time.Second
}

// doubt: replies get lost; some providers can be asked, some know keys.
func doubt(r *rand.Rand) *Plan {
	p := newPlan(r, 2+r.IntN(2))
	for _, provider := range p.Providers {
		provider.Law = Flap(period(r), forever, Up, pick(r, LosesReply, LosesMessage, Silent), pick(r, Up, Slow, Refuses, BlackHole))
		provider.Asks = r.IntN(3) == 0
		provider.ReplayWindow = pick(r, 0, 0, 5*time.Minute)
	}
	p.traffic(r, Good, 80, 0, time.Second)
	p.vary(r)
	return p
}

// lostReplies: those of the first provider get lost, and nothing ever happens to the second: what is to
// arrive at least once does.
func lostReplies(r *rand.Rand) *Plan {
	p := newPlan(r, 2)
	p.Providers[0].Law = Flap(period(r), forever, Up, pick(r, LosesReply, LosesMessage, Silent))
	p.traffic(r, Good, 80, 0, time.Second)
	p.vary(r)
	return p
}

// recipients: several of them, some refused, and more than a provider takes at once.
func recipients(r *rand.Rand) *Plan {
	p := newPlan(r, 2+r.IntN(3))
	for _, provider := range p.Providers {
		provider.MaxRecipients = pick(r, 0, 3)
		provider.Fussy, provider.Tied = r.IntN(2) == 0, r.IntN(4) == 0
	}
	p.Providers[0].Law = Flap(period(r), forever, Up, pick(r, faults[:]...))
	p.traffic(r, Good, 80, 0, time.Second)
	p.vary(r)
	p.populate(r)
	return p
}

// populate gives mails several recipients of all sorts.
func (p *Plan) populate(r *rand.Rand) {
	for i := range p.Mails {
		m := &p.Mails[i]
		var words []string
		for range r.IntN(3) {
			words = append(words, pick(r, rcptUnknown, rcptLater, rcptDenied))
		}
		m.Recipients(r.IntN(6)+1, words...)
		m.Msg.AllOrNone = r.IntN(5) == 0
	}
}

// deadlines: all providers but the last swallow what they get, so that the time must be
// divided.
func deadlines(r *rand.Rand) *Plan {
	n := 2 + r.IntN(2)
	p := newPlan(r, n)
	for _, provider := range p.Providers[:n-1] {
		provider.Law = Flap(period(r), forever, BlackHole, pick(r, BlackHole, Silent, Up))
	}
	p.traffic(r, Good, 60, 0, 2*time.Second)
	p.vary(r)
	p.Promises.MinSlice = 3 * time.Second
	return p
}

// lies: providers say what is not so. What cannot be known is not held against the router.
func lies(r *rand.Rand) *Plan {
	p := newPlan(r, 2+r.IntN(2))
	for _, provider := range p.Providers {
		provider.Law = Flap(period(r), forever, Up, pick(r, LiesRefusing, LiesAccepting), pick(r, faults[:]...))
	}
	p.traffic(r, Good, 60, 0, time.Second)
	p.vary(r)
	return p
}

// mixture: all of it at once.
func mixture(r *rand.Rand) *Plan {
	p := newPlan(r, 2+r.IntN(3))
	until := pick(r, forever, 2*time.Minute)
	for _, provider := range p.Providers {
		provider.Law = Flap(period(r), until, pick(r, faults[:]...), Up, pick(r, faults[:]...), Up)
		provider.Asks = r.IntN(4) == 0
		provider.ReplayWindow = pick(r, 0, 0, 5*time.Minute)
		provider.OwnsForeign = r.IntN(3) == 0
		provider.Fussy, provider.Tied = r.IntN(4) == 0, r.IntN(4) == 0
		provider.MaxRecipients = pick(r, 0, 0, 2)
	}
	p.traffic(r, Good, 60, 0, 2*time.Second)
	p.populate(r)
	for _, kind := range Poisons {
		p.traffic(r, kind, 2, 0, time.Minute)
	}
	p.vary(r)
	if until != forever {
		p.recover(r, until)
	}
	return p
}

// closing: a mixture that is cut short.
func closing(r *rand.Rand) *Plan {
	p := mixture(r)
	p.CloseAt, p.CloseWithin = between(r, 1_000, 110_000), between(r, 1, 20_000)
	p.Promises.GoodFrom = 0
	return p
}

// storm: 1,000 messages a second while the first provider flaps (P9).
func storm(r *rand.Rand) *Plan {
	p := newPlan(r, 2)
	p.Providers[0].Law = Flap(period(r), forever, Up, pick(r, Refuses, Unavailable, FailsAfter, Throttles, LosesReply))
	p.Providers[0].ReplayWindow = pick(r, 0, 5*time.Minute)
	p.traffic(r, Good, 12_000, 0, time.Millisecond)
	for i := range p.Mails {
		p.Mails[i].Timeout = 30 * time.Second
		p.Mails[i].Msg.Delivery = pick(r, mailer.AtMostOnce, mailer.AtMostOnce, mailer.AtLeastOnce)
	}
	return p
}
