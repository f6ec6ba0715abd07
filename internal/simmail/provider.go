package simmail

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/mailer"
)

const (
	patience  = 5 * time.Second // before the boundary, as the adapters have it
	replyWait = 2 * time.Minute // after it, where ctx has no deadline
)

// Latency is what a provider takes for the parts of an attempt; each is drawn from half of it
// to one and a half.
type Latency struct{ Start, Content, Reply time.Duration }

// A Quota is how many messages a provider takes in each window, counted from the beginning
// of the world. More are answered 450 4.7.0, with the rest of the window as RetryAfter.
// The zero Quota is none.
type Quota struct {
	Limit  int
	Window time.Duration
}

// A Provider is one simulated provider. Its fields are set before the first use. Its zero value
// takes everything at once, apart from mail of domain foreign.example.
type Provider struct {
	Name    string
	Law     Law
	Latency Latency
	Quota   Quota
	// OwnsForeign lets it send for foreign.example as well.
	OwnsForeign bool
	// Fussy refuses the recipients called "denied".
	Fussy bool
	// MaxRecipients of one transaction; the others are answered 452 4.5.3. Zero: no limit.
	MaxRecipients int
	// ReplayWindow is for how long it knows a key, so that it takes one copy only.
	ReplayWindow time.Duration
	// Asks means that it can tell what became of a message; Add then returns a [mailer.Resolver].
	Asks bool
	// Tied means that the envelope is what the header shows, as with most APIs.
	Tied bool

	world *World

	mu       sync.Mutex
	calls    map[string]int // by Message-ID
	probes   int
	taken    map[int64]int // by window of the quota
	known    map[string]time.Duration
	inFlight int
	closed   bool
	drained  chan struct{}
	cut      context.Context
	cutOff   context.CancelFunc
}

// Add makes the provider part of w, and returns it, or what can be asked.
func (w *World) Add(p *Provider) mailer.Sender {
	p.world = w
	p.calls, p.taken, p.known = map[string]int{}, map[int64]int{}, map[string]time.Duration{}
	p.cut, p.cutOff = context.WithCancel(context.Background())
	w.mu.Lock()
	defer w.mu.Unlock()
	w.providers = append(w.providers, p)
	if p.Asks {
		return asked{p}
	}
	return p
}

var _ interface {
	mailer.Sender
	mailer.Checker
	mailer.Capable
	mailer.Closer
	mailer.Named
} = (*Provider)(nil)

// Names implements [mailer.Named].
func (p *Provider) Names() (provider, route string) { return "sim", p.Name }

// Capabilities implements [mailer.Capable].
func (p *Provider) Capabilities() mailer.Capabilities {
	c := mailer.Capabilities{Features: mailer.Essential | mailer.Advisory, ReplayWindow: p.ReplayWindow}
	if p.Tied {
		c.Features &^= mailer.FeatureEnvelope
	}
	return c
}

// Send implements [mailer.Sender].
func (p *Provider) Send(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
	m, err := mailer.Prepare(msg)
	if err != nil {
		return nil, err
	}
	t := &talk{p: p, ctx: ctx, Attempt: ledger.Attempt{
		Provider: "sim", Route: p.Name, Gate: mailer.GateFrom(ctx), Start: time.Now(), Msg: m,
	}}
	if t.Degraded, err = p.Capabilities().Fit(m, false); err != nil {
		return nil, t.Skip(ledger.MessageUnfit, err)
	}
	if !p.enter() {
		return nil, t.Skip(ledger.CallerFault, mailer.ErrClosed)
	}
	defer p.leave()
	t.begin()
	receipt, err := t.run()
	t.finish(receipt, err)
	return receipt, err
}

func (p *Provider) enter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.inFlight++
	return true
}

func (p *Provider) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.inFlight--; p.inFlight == 0 && p.drained != nil {
		close(p.drained)
	}
}

// Close implements [mailer.Closer].
func (p *Provider) Close(ctx context.Context) error {
	p.mu.Lock()
	again, busy := p.closed, p.inFlight > 0
	p.closed = true
	if busy && !again {
		p.drained = make(chan struct{})
	}
	p.mu.Unlock()
	if again || !busy {
		return nil
	}
	select {
	case <-p.drained:
		return nil
	case <-ctx.Done():
		p.cutOff()
		<-p.drained
		return ctx.Err()
	}
}

// Closed reports whether Close was called and nothing is under way.
func (p *Provider) Closed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed && p.inFlight == 0
}

// Check implements [mailer.Checker]: it connects and logs in.
func (p *Provider) Check(ctx context.Context) error {
	p.mu.Lock()
	p.probes++
	t := &talk{p: p, ctx: ctx, Attempt: ledger.Attempt{Provider: "sim", Route: p.Name, Start: time.Now()}}
	t.rand = Rand(p.world.Seed, "check", p.Name, strconv.Itoa(p.probes))
	p.mu.Unlock()
	probe := Probe{Provider: p.Name, Start: p.world.Now()}
	fault := firstFault(t.connect, t.authenticate)
	probe.End, probe.Passed = p.world.Now(), fault == nil
	p.world.mu.Lock()
	p.world.checks = append(p.world.checks, probe)
	p.world.mu.Unlock()
	if fault == nil {
		return nil
	}
	return t.Refuse(fault.Verdict, fault.Reason, fault.err)
}

// firstFault takes steps until one fails.
func firstFault(steps ...func() *fault) *fault {
	for _, step := range steps {
		if f := step(); f != nil {
			return f
		}
	}
	return nil
}

type asked struct{ *Provider }

var errUnreachable = errors.New("not reachable")

// Resolve implements [mailer.Resolver]. It knows all that the provider knows.
func (a asked) Resolve(ctx context.Context, msg *mailer.Message) (mailer.Outcome, error) {
	p := a.Provider
	t := &talk{p: p, ctx: ctx, rand: Rand(p.world.Seed, "resolve", p.Name, msg.MessageID)}
	t.Start = time.Now()
	q := &Call{Provider: p.Name, Msg: msg, Start: p.world.Now(), Phase: mailer.PhaseDone, Scope: mailer.ScopeProvider}
	f := t.connect()
	if f == nil {
		q.Outcome = p.world.knows(p.Name, msg)
	}
	q.End = p.world.Now()
	p.world.mu.Lock()
	p.world.questions = append(p.world.questions, q)
	p.world.mu.Unlock()
	if f != nil {
		return mailer.Unknown, fmt.Errorf("%w: %w", errUnreachable, f.err)
	}
	return q.Outcome, nil
}

// knows is NotAccepted only when there is no copy for any of msg's recipients.
func (w *World) knows(provider string, msg *mailer.Message) mailer.Outcome {
	w.mu.Lock()
	defer w.mu.Unlock()
	has := map[string]bool{}
	for _, c := range w.calls {
		if c.Provider == provider && c.Msg.MessageID == msg.MessageID {
			for _, r := range c.Copies {
				has[r] = true
			}
		}
	}
	n := 0
	for _, r := range msg.Recipients() {
		if has[r] {
			n++
		}
	}
	switch n {
	case 0:
		return mailer.NotAccepted
	case len(msg.Recipients()):
		return mailer.Accepted
	}
	return mailer.Unknown
}
