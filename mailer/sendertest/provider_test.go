package sendertest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// memoryProvider is a provider without a network. Its protocol has a step for
// everything that can go wrong: dial, authenticate, envelope, content, last byte.
type memoryProvider struct {
	lacks mailer.Feature // what it tells to lack when it is asked

	mu    sync.Mutex
	steps []*meeting
	truth Truth
	open  int
	idle  chan struct{}   // closed when no conversation is open
	ended []chan struct{} // of the silences that are kept
	shut  bool            // no silence is kept any more
}

// A meeting is a step and the news that it was met.
type meeting struct {
	Step
	reached chan struct{}
}

var errLost = errors.New("connection lost")

// A reply is the provider's answer: a code of SMTP, and how long to wait.
type reply struct {
	code       int
	retryAfter time.Duration
}

func (p *memoryProvider) Meet(step Step) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := &meeting{step, make(chan struct{})}
	p.steps = append(p.steps, m)
	return m.reached
}

func (p *memoryProvider) Truth(ctx context.Context) Truth {
	p.endSilences()
	p.mu.Lock()
	idle := p.idle
	p.mu.Unlock()
	if idle != nil {
		select {
		case <-idle:
		case <-ctx.Done():
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	truth := p.truth
	truth.Copies = slices.Clone(truth.Copies)
	return truth
}

func (p *memoryProvider) endSilences() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, end := range p.ended {
		close(end)
	}
	p.ended = nil
}

// shutDown ends all silences, those that are still to come included.
func (p *memoryProvider) shutDown() {
	p.endSilences()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shut = true
}

// silence waits until hold is closed, or fails when the client or the test ends it.
func (p *memoryProvider) silence(ctx context.Context, hold <-chan struct{}) error {
	end := make(chan struct{})
	if hold == nil {
		p.mu.Lock()
		if p.ended = append(p.ended, end); p.shut {
			close(end)
			p.ended = nil
		}
		p.mu.Unlock()
	}
	select {
	case <-hold:
		return nil
	case <-end:
		return errLost
	case <-ctx.Done():
		return ctx.Err()
	}
}

// dial begins a conversation.
func (p *memoryProvider) dial(ctx context.Context) (*conversation, error) {
	c := &conversation{p: p, meeting: p.next()}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if c.Fault == ConnectionRefused {
		close(c.reached)
		return nil, errors.New("connection refused")
	}
	p.mu.Lock()
	p.truth.Contacts++
	if p.open++; p.open == 1 {
		p.idle = make(chan struct{})
	}
	p.mu.Unlock()
	if c.Fault == SilentBefore {
		close(c.reached)
		if err := p.silence(ctx, c.Hold); err != nil {
			c.hangUp()
			return nil, err
		}
		c.meeting = &meeting{Step{}, make(chan struct{})}
	}
	return c, nil
}

func (p *memoryProvider) next() *meeting {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.steps) == 0 {
		return &meeting{Step{}, make(chan struct{})}
	}
	m := p.steps[0]
	p.steps = p.steps[1:]
	return m
}

// A conversation is one message's.
type conversation struct {
	p *memoryProvider
	*meeting
}

func (c *conversation) hangUp() {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	if c.p.open--; c.p.open == 0 {
		close(c.p.idle)
	}
}

// answer replies with code when the meeting is about fault, and else with 250.
func (c *conversation) answer(fault Fault, code int) reply {
	if c.Fault != fault {
		return reply{code: 250}
	}
	close(c.reached)
	return reply{code: code}
}

func (c *conversation) authenticate(string) reply { return c.answer(CredentialsRefused, 535) }

func (c *conversation) sender(string) reply { return c.answer(SenderRefused, 553) }

func (c *conversation) recipient(address string, first bool) reply {
	switch {
	case c.Fault == RecipientsRefused && first, c.Fault == RecipientRefused && address == c.Recipient:
		close(c.reached)
		fallthrough
	case c.Fault == RecipientsRefused:
		return reply{code: 550}
	}
	return reply{code: 250}
}

// content takes all of the message but the last byte.
func (c *conversation) content() error {
	if c.Fault == LostInContent {
		close(c.reached)
		return errLost
	}
	return nil
}

// lastByte takes the rest. An error means that there was no complete reply.
func (c *conversation) lastByte(ctx context.Context, message Copy) (reply, error) {
	c.p.mu.Lock()
	c.p.truth.Whole++
	refused := map[Fault]reply{
		MessageRefused: {code: 554}, Unavailable: {code: 451}, RateLimited: {code: 450}, RateLimitedFor: {450, c.RetryAfter},
	}
	answer, isRefused := refused[c.Fault]
	if !isRefused && c.Fault != LostAfterContent {
		answer = reply{code: 250}
		c.p.truth.Copies = append(c.p.truth.Copies, message)
	}
	c.p.mu.Unlock()
	switch c.Fault {
	case RecipientRefused: // was reached before
	default:
		close(c.reached)
	}
	switch c.Fault {
	case ReplyLost, LostAfterContent, ReplyCut:
		return reply{}, errLost
	case SilentAfter:
		return reply{}, c.p.silence(ctx, nil)
	}
	if c.Hold != nil {
		return answer, c.p.silence(ctx, c.Hold)
	}
	return answer, nil
}

// quit ends the conversation in good order, unless there is noise.
func (c *conversation) quit() error {
	if c.Fault == NoiseAfter {
		return errLost
	}
	return nil
}
