package sendertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// password is what memorySender must not show.
const password = "pa55/word+of=memory"

// memorySender is an adapter for memoryProvider that keeps all rules.
type memorySender struct {
	provider     *memoryProvider
	password     mailer.Secret
	capabilities mailer.Capabilities

	mu     sync.Mutex
	closed bool
	under  int
	idle   chan struct{}
	cut    context.Context
	cutOff context.CancelFunc
}

func newMemorySender(p *memoryProvider, lacks mailer.Feature) *memorySender {
	c := &memorySender{provider: p, password: mailer.NewSecret(password), idle: make(chan struct{})}
	c.capabilities = mailer.Capabilities{Features: (mailer.Essential | mailer.Advisory) &^ lacks, MaxRecipients: 25}
	c.cut, c.cutOff = context.WithCancel(context.Background())
	return c
}

func (c *memorySender) Capabilities() mailer.Capabilities { return c.capabilities }

func (c *memorySender) Names() (provider, route string) { return "memory", "" }

func (c *memorySender) Close(ctx context.Context) error {
	c.mu.Lock()
	if !c.closed {
		c.closed = true
		if c.under == 0 {
			close(c.idle)
		}
	}
	c.mu.Unlock()
	select {
	case <-c.idle:
	case <-ctx.Done():
		c.cutOff()
		<-c.idle
	}
	c.cutOff()
	return nil
}

func (c *memorySender) enter() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.under++
	}
	return !c.closed
}

func (c *memorySender) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.under--; c.under == 0 && c.closed {
		close(c.idle)
	}
}

func (c *memorySender) Send(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
	m, release, err := mailer.Spool(ctx, msg)
	if err != nil {
		return nil, err
	}
	defer release()
	a := newMemoryAttempt(ctx, c, m)
	degraded, err := c.capabilities.Fit(m, false)
	if err != nil {
		return a.end(&mailer.SendError{Outcome: mailer.NotAccepted, Scope: mailer.ScopeMessage, Elsewhere: true, Err: err})
	}
	a.receipt.Degraded = degraded
	if !c.enter() {
		return a.end(&mailer.SendError{Outcome: mailer.NotAccepted, Scope: mailer.ScopeCaller, Err: mailer.ErrClosed})
	}
	defer c.leave()
	return a.end(a.run())
}

// A memoryAttempt is one Send at work.
type memoryAttempt struct {
	*memorySender
	ctx     context.Context
	msg     *mailer.Message
	gate    *mailer.Gate
	phase   mailer.Phase
	receipt *mailer.Receipt
	start   time.Time
}

func newMemoryAttempt(ctx context.Context, c *memorySender, m *mailer.Message) *memoryAttempt {
	r := &mailer.Receipt{Provider: "memory", MessageID: m.MessageID, IdempotencyKey: m.IdempotencyKey}
	for _, address := range m.Recipients() {
		r.Recipients = append(r.Recipients, mailer.RecipientResult{Address: address, Provider: "memory"})
	}
	return &memoryAttempt{memorySender: c, ctx: ctx, msg: m, gate: mailer.GateFrom(ctx), receipt: r, start: time.Now()}
}

func (a *memoryAttempt) mark(p mailer.Phase) {
	a.phase = p
	a.gate.Mark(p)
}

// run talks to the provider; nil means that all recipients that stand were accepted.
func (a *memoryAttempt) run() *mailer.SendError {
	a.mark(mailer.PhaseConnect)
	before, cancel := context.WithCancel(a.ctx)
	if a.gate != nil && !a.gate.CommitBy.IsZero() {
		before, cancel = context.WithDeadline(a.ctx, a.gate.CommitBy)
	}
	defer cancel()
	c, err := a.provider.dial(before)
	if err != nil {
		return a.failed(mailer.NotAccepted, err)
	}
	defer c.hangUp()
	if e := a.introduce(c); e != nil {
		return e
	}
	a.mark(mailer.PhaseContent)
	if err := read(a.msg); err != nil {
		return &mailer.SendError{Outcome: mailer.NotAccepted, Scope: mailer.ScopeCaller, Err: err}
	}
	if err := c.content(); err != nil {
		return a.failed(mailer.NotAccepted, err)
	}
	if before.Err() != nil || !a.gate.Commit() {
		return a.failed(mailer.NotAccepted, errors.New("the gate is shut"))
	}
	return a.finish(c)
}

// introduce goes as far as the envelope.
func (a *memoryAttempt) introduce(c *conversation) *mailer.SendError {
	a.mark(mailer.PhaseAuth)
	if got := c.authenticate(a.password.Reveal()); got.code != 250 {
		return refused(got, mailer.SendError{Scope: mailer.ScopeAccount, Elsewhere: true})
	}
	a.mark(mailer.PhaseEnvelope)
	degraded, err := mailer.Capabilities{Features: a.capabilities.Features &^ c.p.lacks}.Fit(a.msg, false)
	if err != nil {
		return &mailer.SendError{Outcome: mailer.NotAccepted, Scope: mailer.ScopeMessage, Elsewhere: true, Err: err}
	}
	a.receipt.Degraded = degraded
	if got := c.sender(a.msg.EnvelopeFrom()); got.code != 250 {
		return refused(got, mailer.SendError{Scope: mailer.ScopeSender, Elsewhere: true})
	}
	var last *mailer.SendError
	n := 0
	for i := range a.receipt.Recipients {
		rcpt := &a.receipt.Recipients[i]
		if got := c.recipient(rcpt.Address, i == 0); got.code != 250 {
			rcpt.Outcome, rcpt.Scope, rcpt.Code = mailer.NotAccepted, mailer.ScopeRecipient, got.code
			last, n = refused(got, mailer.SendError{Scope: mailer.ScopeRecipient}), n+1
		}
	}
	if n == len(a.receipt.Recipients) || n > 0 && a.msg.AllOrNone {
		return last
	}
	return nil
}

// read reads all content, as a writer would.
func read(m *mailer.Message) error {
	for _, attachment := range m.Attachments {
		size, err := attachment.Content.Size()
		if err != nil {
			return err
		}
		r, err := attachment.Content.Open()
		if err != nil {
			return err
		}
		n, err := io.Copy(io.Discard, r)
		if err = errors.Join(err, r.Close()); err != nil {
			return err
		}
		if n != size {
			return fmt.Errorf("content has %d bytes, want %d", n, size)
		}
	}
	return nil
}

// finish releases the last byte and reads the reply.
func (a *memoryAttempt) finish(c *conversation) *mailer.SendError {
	a.mark(mailer.PhaseCommitted)
	ctx, cancel := context.WithCancel(a.ctx)
	defer cancel()
	defer context.AfterFunc(a.cut, cancel)()
	copied := Copy{Subject: subjectOf(a.msg), MessageID: a.msg.MessageID, IdempotencyKey: a.msg.IdempotencyKey}
	for _, rcpt := range a.receipt.Recipients {
		if rcpt.Outcome != mailer.NotAccepted {
			copied.Recipients = append(copied.Recipients, rcpt.Address)
		}
	}
	got, err := c.lastByte(ctx, copied)
	if err != nil {
		return a.failed(mailer.Unknown, err)
	}
	a.mark(mailer.PhaseDone)
	switch got.code {
	case 554:
		return refused(got, mailer.SendError{Scope: mailer.ScopeMessage})
	case 451:
		return refused(got, mailer.SendError{Scope: mailer.ScopeProvider, Elsewhere: true, Temporary: true})
	case 450:
		return refused(got, mailer.SendError{Scope: mailer.ScopeRate, Elsewhere: true, Temporary: true})
	}
	_ = c.quit() // after acceptance nothing is an error
	return nil
}

func refused(got reply, e mailer.SendError) *mailer.SendError {
	e.Outcome, e.Protocol, e.Code, e.RetryAfter = mailer.NotAccepted, "smtp", got.code, got.retryAfter
	return &e
}

// failed is the verdict when there was no reply: whose fault it was depends on ctx.
func (a *memoryAttempt) failed(outcome mailer.Outcome, err error) *mailer.SendError {
	e := &mailer.SendError{Outcome: outcome, Scope: mailer.ScopeProvider, Elsewhere: outcome == mailer.NotAccepted, Temporary: true, Err: err}
	switch {
	case a.ctx.Err() != nil:
		e.Scope, e.Elsewhere, e.Err = mailer.ScopeCaller, false, a.ctx.Err()
	case a.cut.Err() != nil:
		e.Scope, e.Elsewhere, e.Err = mailer.ScopeCaller, false, mailer.ErrClosed
	}
	return e
}

// end settles the recipients that are still open and the account.
func (a *memoryAttempt) end(e *mailer.SendError) (*mailer.Receipt, error) {
	outcome := mailer.Accepted
	if e != nil {
		outcome = e.Outcome
	}
	for i := range a.receipt.Recipients {
		rcpt := &a.receipt.Recipients[i]
		if rcpt.Outcome == mailer.NotAccepted {
			continue
		}
		if rcpt.Outcome = outcome; e != nil {
			rcpt.Scope, rcpt.Code = e.Scope, e.Code
		}
	}
	a.receipt.Outcome = mailer.RollUp(a.receipt.Recipients)
	if e == nil && a.receipt.Outcome == mailer.PartlyAccepted {
		e = &mailer.SendError{Scope: mailer.ScopeRecipient, Protocol: "smtp", Code: 550}
	}
	attempt := mailer.Attempt{Provider: "memory", Start: a.start, Duration: time.Since(a.start), Phase: a.phase, Outcome: a.receipt.Outcome}
	if e != nil {
		attempt.Scope, attempt.Code = e.Scope, e.Code
		e.Receipt, e.Outcome = a.receipt, a.receipt.Outcome
	}
	if a.phase != mailer.PhaseNone {
		a.receipt.Attempts = []mailer.Attempt{attempt}
	}
	switch {
	case e == nil:
		return a.receipt, nil
	case e.Outcome == mailer.PartlyAccepted:
		return a.receipt, e
	}
	return nil, e
}

// memoryHarness returns a constructor of harnesses around memorySender, less some
// features, wrapped in flaw.
func memoryHarness(lacks mailer.Feature, flaw func(mailer.Sender) mailer.Sender) func(testing.TB) Harness {
	return func(t testing.TB) Harness {
		p := new(memoryProvider)
		t.Cleanup(p.shutDown)
		var sender mailer.Sender = newMemorySender(p, lacks)
		if flaw != nil {
			sender = flaw(sender)
		}
		return Harness{Sender: sender, Provider: p, Secrets: []string{password}}
	}
}
