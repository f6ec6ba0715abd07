// Package conduct makes the fake of an API do what package sendertest asks of a provider.
package conduct

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"

	"github.com/mailkeel/mailkeel/internal/apifake"
	"github.com/mailkeel/mailkeel/mailer/sendertest"
)

var _ sendertest.Provider = (*Provider)(nil)

// A Provider is a fake as the suite commands it. The client under test has to connect through Dial, and anew
// for each exchange, so that a step meets the one it is meant for.
type Provider struct {
	// Server is the fake.
	Server Server
	// Answer is the reply in which the provider says what a step is about; false where that is not for it to say.
	Answer func(sendertest.Step) (apifake.Answer, bool)
	// Second is what an attempt meets that makes a second exchange after the step; false where none does.
	// Nil: none ever does.
	Second func(sendertest.Step) (sendertest.Step, bool)
	// Copies are the messages that the provider has taken.
	Copies func() []sendertest.Copy

	mu    sync.Mutex
	queue []*step
	more  *step // what the attempt under way meets at its next connection
}

// A Server is what the fakes have in common.
type Server interface {
	Next(apifake.Fault) <-chan struct{}
	EndSilences()
	WaitIdle(context.Context) error
	Stats() apifake.Stats
	Requests() []apifake.Request
}

// A step is what one exchange meets.
type step struct {
	sendertest.Step
	reached chan struct{}
	once    sync.Once
}

func newStep(s sendertest.Step) *step { return &step{Step: s, reached: make(chan struct{})} }

func (s *step) reach() { s.once.Do(func() { close(s.reached) }) }

// Meet implements [sendertest.Provider].
func (p *Provider) Meet(s sendertest.Step) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	next := newStep(s)
	p.queue = append(p.queue, next)
	return next.reached
}

func (p *Provider) next() *step {
	p.mu.Lock()
	defer p.mu.Unlock()
	if more := p.more; more != nil {
		p.more = nil
		return more
	}
	if len(p.queue) == 0 {
		return newStep(sendertest.Step{})
	}
	next := p.queue[0]
	p.queue = p.queue[1:]
	if p.Second != nil {
		if second, ok := p.Second(next.Step); ok {
			p.more = newStep(second)
		}
	}
	return next
}

// Dial gives an exchange its step, and makes those faults that are the client's side of it.
func (p *Provider) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	next := p.next()
	if next.Fault == sendertest.ConnectionRefused {
		defer next.reach()
		address = "127.0.0.1:1"
	} else if fault, ok := p.faultOf(next.Step); ok {
		reached := p.Server.Next(fault)
		go func() { <-reached; next.reach() }()
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err == nil && next.Fault == sendertest.LostInContent {
		return &losingConn{Conn: conn, left: 200_000, reach: next.reach}, nil
	}
	return conn, err
}

// faultOf returns what the fake does; false where it does nothing.
func (p *Provider) faultOf(s sendertest.Step) (apifake.Fault, bool) {
	switch s.Fault {
	case sendertest.NoFault:
		return apifake.Fault{Hold: s.Hold}, true
	case sendertest.SilentBefore:
		return apifake.Fault{Kind: apifake.SilentOnAccept, Hold: s.Hold}, true
	case sendertest.ReplyLost:
		return apifake.Fault{Kind: apifake.Withhold, Accept: true}, true
	case sendertest.LostAfterContent:
		return apifake.Fault{Kind: apifake.Withhold}, true
	case sendertest.ReplyCut:
		return apifake.Fault{Kind: apifake.CutReply, After: int64(len("HTTP/1.1 2")), Accept: true}, true
	case sendertest.SilentAfter:
		return apifake.Fault{Kind: apifake.Silence, Accept: true}, true
	case sendertest.NoiseAfter:
		return apifake.Fault{Kind: apifake.NoiseAfter}, true
	}
	answer, ok := p.Answer(s)
	return apifake.Fault{Kind: apifake.Replace, Answer: answer}, ok
}

// Truth implements [sendertest.Provider]. What has not come in when ctx ends, the suite will miss.
func (p *Provider) Truth(ctx context.Context) sendertest.Truth {
	p.Server.EndSilences()
	_ = p.Server.WaitIdle(ctx)
	truth := sendertest.Truth{Contacts: p.Server.Stats().Conns, Copies: p.Copies()}
	for _, r := range p.Server.Requests() {
		if r.Method == http.MethodPost {
			truth.Whole++
		}
	}
	return truth
}

// losingConn breaks after so many bytes.
type losingConn struct {
	net.Conn
	left  int
	reach func()
}

func (c *losingConn) Write(b []byte) (int, error) {
	if len(b) <= c.left {
		c.left -= len(b)
		return c.Conn.Write(b)
	}
	n, _ := c.Conn.Write(b[:c.left])
	c.left = 0
	_ = c.Close()
	c.reach()
	return n, errors.New("connection lost")
}
