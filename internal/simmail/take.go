package simmail

import (
	"errors"
	"time"

	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/mailer"
)

// take is the provider's side of the boundary: whether there is a copy is settled now,
// whatever the client waits for afterwards.
func (t *talk) take() {
	p, w := t.p, t.p.world
	now := w.Now()
	mode := t.mode()
	copies := t.passed
	if !takes(mode) || forgets(Kind(t.Msg.Subject)) {
		copies = nil
	}
	p.mu.Lock()
	fresh := p.unknown(t.Msg.IdempotencyKey, copies, now)
	p.mu.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	t.call.Mode, t.call.Committed = mode, now
	t.call.Copies = fresh
}

func takes(m Mode) bool {
	return m == Up || m == LosesReply || m == Silent || m == Slow || m == LiesRefusing || m == Throttles || m == Revoked
}

func forgets(k Kind) bool { return k == BadContent || k == DropsAfter }

// unknown returns those of the recipients that have no copy under key yet, and remembers them.
func (p *Provider) unknown(key string, recipients []string, now time.Duration) []string {
	if p.ReplayWindow == 0 {
		return recipients
	}
	var fresh []string
	for _, r := range recipients {
		at, known := p.known[key+" "+r]
		if known && now-at <= p.ReplayWindow {
			continue
		}
		p.known[key+" "+r] = now
		fresh = append(fresh, r)
	}
	return fresh
}

// reply is what the client hears of it.
func (t *talk) reply() *fault {
	latency := around(t.rand, t.p.Latency.Reply)
	mode := t.call.Mode
	if mode == Slow {
		latency += 12 * time.Second
	}
	if f := t.wait(latency); f != nil {
		return f
	}
	switch {
	case mode == Silent || mode == BlackHole:
		return t.hang()
	case mode == LosesReply || mode == LosesMessage || mode == Refuses || Kind(t.Msg.Subject) == DropsAfter:
		return &fault{Verdict: ledger.Unknown, err: errors.New("connection lost")}
	}
	t.Mark(mailer.PhaseDone)
	switch {
	case Kind(t.Msg.Subject) == BadContent:
		return say(ledger.MessageRefused, 554, "5.6.0")
	case mode == FailsAfter || mode == LiesRefusing || mode == Unavailable:
		return say(ledger.ProviderDown, 451, "4.3.0")
	}
	return nil
}
