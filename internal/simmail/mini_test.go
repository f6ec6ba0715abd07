package simmail_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/mailkeel/mailkeel/internal/simmail"
	"github.com/mailkeel/mailkeel/mailer"
)

// A mini is a router as small as can be that keeps the promises, but for those about speed. A bug
// makes it break one.
type mini struct {
	bug    string
	routes []*miniRoute
	ctx    context.Context
	stop   context.CancelFunc
	sends  sync.WaitGroup
	loops  sync.WaitGroup
	mu     sync.Mutex
	closed bool
}

type miniRoute struct {
	mailer.Sender
	name   string
	failed map[string]bool // messages since the last success
	open   bool
	gated  time.Time
}

const (
	miniRest  = 10 * time.Second
	miniSlice = 3 * time.Second
)

func newMini(bug string, senders []mailer.Sender) *mini {
	m := &mini{bug: bug}
	m.ctx, m.stop = context.WithCancel(context.Background())
	for _, s := range senders {
		named, _ := mailer.Find[mailer.Named](s)
		_, name := named.Names()
		m.routes = append(m.routes, &miniRoute{Sender: s, name: name, failed: map[string]bool{}})
	}
	if bug == "forgets a route" {
		m.routes = m.routes[:len(m.routes)-1]
	}
	return m
}

func (m *mini) Close(ctx context.Context) error {
	m.stop()
	var errs []error
	for i, rt := range m.routes {
		if c, ok := rt.Sender.(mailer.Closer); ok && (i > 0 || m.bug != "forgets to close a route") {
			errs = append(errs, c.Close(ctx))
		}
	}
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.sends.Wait()
	m.loops.Wait()
	return errors.Join(errs...)
}

// A miniSend is one message on its way.
type miniSend struct {
	*mini
	ctx      context.Context
	msg      *mailer.Message
	deadline time.Time
	receipt  *mailer.Receipt
	last     *mailer.SendError
	targets  []string
	tried    []*miniRoute
	attempts int
}

func (m *mini) Send(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
	msg, err := mailer.Prepare(msg)
	if err != nil {
		return nil, err
	}
	s := &miniSend{mini: m, ctx: ctx, msg: msg, targets: msg.Recipients(), receipt: &mailer.Receipt{
		MessageID: msg.MessageID, IdempotencyKey: msg.IdempotencyKey,
	}}
	for _, address := range msg.Recipients() {
		s.receipt.Recipients = append(s.receipt.Recipients, mailer.RecipientResult{Address: address, Outcome: mailer.NotAccepted})
	}
	if !m.enter() {
		return s.account()
	}
	defer m.sends.Done()
	var ok bool
	if s.deadline, ok = ctx.Deadline(); !ok {
		s.deadline = time.Now().Add(30 * time.Second)
	}
	return s.run()
}

func (m *mini) enter() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.closed {
		m.sends.Add(1)
	}
	return !m.closed
}

func (s *miniSend) run() (*mailer.Receipt, error) {
	for len(s.targets) > 0 && s.attempts < s.limit() && len(s.tried) < 12 && s.ctx.Err() == nil {
		rt := s.choose()
		if rt == nil {
			break
		}
		s.tried = append(s.tried, rt)
		s.attempt(rt)
	}
	return s.plant(s.account())
}

func (s *miniSend) limit() int {
	if s.bug == "tries too often" {
		return 6
	}
	return 3
}

func (s *miniSend) choose() *miniRoute {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, rt := range s.routes {
		open := rt.open && s.bug != "never rests a route"
		gated := time.Now().Before(rt.gated) && s.bug != "ignores Retry-After"
		if !open && !gated && (!slices.Contains(s.tried, rt) || s.bug == "retries without end") {
			return rt
		}
	}
	return nil
}

func (s *miniSend) attempt(rt *miniRoute) {
	left := max(0, min(len(s.routes), 3)-len(s.tried))
	gate := &mailer.Gate{CommitBy: s.deadline.Add(-time.Duration(left) * miniSlice)}
	if time.Until(s.deadline) < miniSlice*time.Duration(left+1) {
		gate.CommitBy = s.deadline
	}
	if s.bug == "divides no time" {
		gate.CommitBy = s.deadline
	}
	msg := s.msg
	if len(s.targets) < len(msg.Recipients()) && s.bug != "sends to all again" {
		msg, _ = mailer.Narrow(msg, s.targets)
	}
	receipt, err := s.misread(mailer.WithGate(s.context(), gate), rt, msg)
	e := mailer.AsSendError(err)
	if e != nil {
		receipt, s.last = e.Receipt, e
	}
	for _, a := range receipt.Attempts {
		if a.Skipped == "" {
			s.attempts++
			a.Route = rt.name
			s.receipt.Attempts = append(s.receipt.Attempts, a)
		}
	}
	s.merge(receipt)
	s.note(rt, e)
}

func (s *miniSend) context() context.Context {
	if s.bug == "forgets the deadline" {
		return context.WithoutCancel(s.ctx)
	}
	return s.ctx
}

// merge takes over the results, and settles who is still to be sent to.
func (s *miniSend) merge(receipt *mailer.Receipt) {
	var rest []string
	for _, x := range receipt.Recipients {
		i := slices.IndexFunc(s.receipt.Recipients, func(r mailer.RecipientResult) bool { return r.Address == x.Address })
		if before := s.receipt.Recipients[i]; before.Outcome == mailer.Unknown && x.Outcome == mailer.NotAccepted {
			x.Outcome = mailer.Unknown // that the second refused does not settle the first
		}
		s.receipt.Recipients[i] = x
		if s.goesOn(x) {
			rest = append(rest, x.Address)
		}
	}
	s.targets = rest
}

func (s *miniSend) goesOn(x mailer.RecipientResult) bool {
	switch x.Outcome {
	case mailer.NotAccepted:
		return x.Elsewhere || s.bug == "takes refused messages elsewhere"
	case mailer.Unknown:
		again := s.msg.Delivery == mailer.AtLeastOnce && s.bug != "gives up on unknown"
		return (again || s.bug == "fails over on unknown") && s.ctx.Err() == nil
	}
	return s.bug == "sends to all again" && s.last != nil
}

// note keeps the route's health.
func (s *miniSend) note(rt *miniRoute, e *mailer.SendError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.bug == "retries without end": // and so takes no notice of failures
	case e == nil:
		clear(rt.failed)
	case e.Scope == mailer.ScopeRate:
		rt.gated = time.Now().Add(e.RetryAfter)
	case e.Scope == mailer.ScopeAccount && s.bug != "ignores revoked keys":
		s.open(rt)
	case e.Scope == mailer.ScopeProvider, s.blames(e.Scope):
		rt.failed[s.msg.MessageID] = true
		if len(rt.failed) >= s.threshold() {
			s.open(rt)
		}
	}
}

func (s *miniSend) blames(scope mailer.Scope) bool {
	return s.bug == "blames the provider for mail" && scope != mailer.ScopeCaller
}

func (s *miniSend) threshold() int {
	if s.bug == "opens at the first" || s.bug == "blames the provider for mail" {
		return 1
	}
	return 5
}

// open rests a route until its check passes.
func (m *mini) open(rt *miniRoute) {
	if rt.open {
		return
	}
	rt.open = true
	if m.bug == "never looks again" {
		return
	}
	m.loops.Go(func() {
		for {
			select {
			case <-m.ctx.Done():
				return
			case <-time.After(miniRest):
			}
			c, _ := mailer.Find[mailer.Checker](rt.Sender)
			if c.Check(m.ctx) == nil {
				m.mu.Lock()
				defer m.mu.Unlock()
				rt.open = false
				clear(rt.failed)
				return
			}
		}
	})
}

func (s *miniSend) account() (*mailer.Receipt, error) {
	r := s.receipt
	r.Outcome = mailer.RollUp(r.Recipients)
	if r.Outcome == mailer.Accepted {
		return r, nil
	}
	e := &mailer.SendError{Receipt: r, Outcome: r.Outcome, Err: errors.New("not all were accepted")}
	if s.last != nil {
		e.Scope, e.Code = s.last.Scope, s.last.Code
	}
	if r.Outcome == mailer.PartlyAccepted {
		return r, e
	}
	return nil, e
}

var _ simmail.Subject = (*mini)(nil)
