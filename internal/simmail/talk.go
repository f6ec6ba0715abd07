package simmail

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/mailer"
)

// A talk is one attempt under way at a provider.
type talk struct {
	ledger.Attempt
	p      *Provider
	ctx    context.Context
	rand   *rand.Rand
	call   *Call
	begun  time.Duration
	rcpts  []mailer.RecipientResult // of those who were refused before the content
	passed []string                 // the others
}

// A fault ends a talk.
type fault struct {
	ledger.Verdict
	ledger.Reason
	err error
}

func (t *talk) mode() Mode { return t.p.Law.At(t.p.world.Now()) }

// begin writes the call into the world's log.
func (t *talk) begin() {
	w, p := t.p.world, t.p
	p.mu.Lock()
	p.calls[t.Msg.MessageID]++
	n := p.calls[t.Msg.MessageID]
	p.mu.Unlock()
	t.begun = w.Now()
	t.rand = Rand(w.Seed, p.Name, t.Msg.MessageID, strconv.Itoa(n))
	t.call = &Call{Provider: p.Name, Msg: t.Msg, Recipients: t.Msg.Recipients(), Number: n, Start: t.begun}
	if t.Gate != nil && !t.Gate.CommitBy.IsZero() {
		t.call.CommitBy = t.Gate.CommitBy.Sub(w.start)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, t.call)
}

func (t *talk) finish(receipt *mailer.Receipt, err error) {
	w := t.p.world
	w.mu.Lock()
	defer w.mu.Unlock()
	c := t.call
	c.End, c.Phase = w.Now(), t.Phase
	if err != nil {
		e := mailer.AsSendError(err)
		receipt, c.RetryAfter = e.Receipt, e.RetryAfter
	}
	attempt := receipt.Attempts[0]
	c.Outcome, c.Scope, c.Code = attempt.Outcome, attempt.Scope, attempt.Code
	for _, x := range receipt.Recipients {
		if x.Outcome == mailer.NotAccepted && !x.Elsewhere && (x.Scope == mailer.ScopeRecipient || x.Scope == mailer.ScopeMessage) {
			c.Final = append(c.Final, x.Address)
		}
	}
}

// run goes through the conversation. Its steps are those of every protocol.
func (t *talk) run() (*mailer.Receipt, error) {
	if f := firstFault(t.connect, t.authenticate, t.envelope, t.content, t.commit, t.reply); f != nil {
		return t.fail(f)
	}
	if len(t.rcpts) > 0 {
		return t.partly()
	}
	return t.Accept(250, t.p.Name+"-1"), nil
}

func (t *talk) connect() *fault {
	t.Mark(mailer.PhaseConnect)
	if err := t.interruption(); err != nil {
		return t.interrupted(err)
	}
	latency := around(t.rand, t.p.Latency.Start)
	if f := t.wait(latency); f != nil {
		return f
	}
	switch t.mode() {
	case Refuses:
		return &fault{Verdict: ledger.ProviderDown, err: errors.New("connection refused")}
	case BlackHole:
		return t.hang()
	case Unavailable:
		return say(ledger.ProviderDown, 421, "4.3.2")
	}
	return nil
}

func (t *talk) authenticate() *fault {
	t.Mark(mailer.PhaseAuth)
	if t.mode() == Revoked {
		return say(ledger.AccountRefused, 535, "5.7.8")
	}
	return nil
}

// envelope is refused as a whole, or recipient by recipient.
func (t *talk) envelope() *fault {
	t.Mark(mailer.PhaseEnvelope)
	if t.mode() == Throttles {
		f := say(ledger.RateLimited, 450, "4.7.0")
		f.RetryAfter = 2 * time.Second
		return f
	}
	if f := t.spend(); f != nil {
		return f
	}
	if isForeign(t.Msg) && !t.p.OwnsForeign {
		return say(ledger.SenderRefused, 550, "5.7.1")
	}
	for _, r := range t.Msg.Recipients() {
		t.recipient(r)
	}
	if len(t.passed) == 0 || t.Msg.AllOrNone && len(t.rcpts) > 0 {
		return t.none()
	}
	return nil
}

func (t *talk) recipient(address string) {
	var f *fault
	switch {
	case hasWord(address, rcptUnknown):
		f = say(ledger.RecipientRefused, 550, "5.1.1")
	case hasWord(address, rcptLater):
		f = say(ledger.RecipientForNow, 450, "4.2.0")
	case hasWord(address, rcptDenied) && t.p.Fussy:
		f = say(ledger.ProviderDown, 451, "4.3.0")
	case t.p.MaxRecipients > 0 && len(t.passed) >= t.p.MaxRecipients:
		f = say(ledger.RecipientTooMany, 452, "4.5.3")
	default:
		t.passed = append(t.passed, address)
		return
	}
	result := mailer.RecipientResult{Address: address, Provider: t.Provider, Route: t.Route}
	ledger.Fill(&result, f.Verdict, f.Reason)
	t.rcpts = append(t.rcpts, result)
}

// spend takes one of the quota.
func (t *talk) spend() *fault {
	q := t.p.Quota
	if q.Limit == 0 {
		return nil
	}
	now := t.p.world.Now()
	window := int64(now / q.Window)
	t.p.mu.Lock()
	defer t.p.mu.Unlock()
	if t.p.taken[window] < q.Limit {
		t.p.taken[window]++
		return nil
	}
	f := say(ledger.RateLimited, 450, "4.7.0")
	f.RetryAfter = time.Duration(window+1)*q.Window - now
	return f
}

func (t *talk) content() *fault {
	t.Mark(mailer.PhaseContent)
	if f := t.wait(around(t.rand, t.p.Latency.Content)); f != nil {
		return f
	}
	switch mode := t.mode(); {
	case Kind(t.Msg.Subject) == DropsBefore || mode == Refuses:
		return &fault{Verdict: ledger.ProviderDown, err: errors.New("connection lost")}
	case mode == BlackHole:
		return t.hang()
	}
	return nil
}

var errGate = errors.New("the attempt was cancelled")

// commit asks the gate, and lets the provider have the message when that opens.
func (t *talk) commit() *fault {
	if err := t.interruption(); err != nil {
		return t.interrupted(err)
	}
	if !t.Gate.Commit() {
		return &fault{Verdict: ledger.CallerFault, err: errGate}
	}
	t.Mark(mailer.PhaseCommitted)
	t.take()
	return nil
}

// say is a reply.
func say(v ledger.Verdict, code int, enhanced string) *fault {
	return &fault{
		Verdict: v, Reason: ledger.Reason{Protocol: "smtp", Code: code, EnhancedCode: enhanced, Text: "simulated"},
		err: errors.New("simulated"),
	}
}
