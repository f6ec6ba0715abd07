package sendgrid_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/sendertest"
	"github.com/mailkeel/mailkeel/providers/sendgrid"
	"github.com/mailkeel/mailkeel/providers/sendgrid/sendgridtest"
)

func TestConformance(t *testing.T) { sendertest.Run(t, newHarness) }

func newHarness(t testing.TB) sendertest.Harness {
	t.Helper()
	f := &service{}
	server, client := start(t, sendgridtest.Config{}, func(cfg *sendgrid.Config) {
		cfg.Dial = f.dial
		cfg.IdleTimeout = -1 // one connection an attempt, so that a step meets the one it is meant for
	})
	f.server = server
	return sendertest.Harness{
		Sender: client, Provider: f, Secrets: []string{secret},
		// The suite's alternative is an invitation with a method, which no type without
		// parameters can say.
		Lacks: mailer.FeatureAlternatives,
		NotApplicable: map[sendertest.Fault]string{
			sendertest.RecipientRefused:  "one bad address refuses the request, and the account of it is about the message",
			sendertest.RecipientsRefused: "likewise",
		},
	}
}

// service is the fake as sendertest wants to command it.
type service struct {
	server *sendgridtest.Server

	mu    sync.Mutex
	queue []*step
}

// step is what one attempt meets.
type step struct {
	sendertest.Step
	reached chan struct{}
	once    sync.Once
}

func (s *step) reach() { s.once.Do(func() { close(s.reached) }) }

func (f *service) Meet(s sendertest.Step) <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	next := &step{Step: s, reached: make(chan struct{})}
	f.queue = append(f.queue, next)
	return next.reached
}

func (f *service) next() *step {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.queue) == 0 {
		return &step{reached: make(chan struct{})}
	}
	next := f.queue[0]
	f.queue = f.queue[1:]
	return next
}

// dial gives the attempt its step, and makes those faults that are the client's side of it.
func (f *service) dial(ctx context.Context, network, address string) (net.Conn, error) {
	next := f.next()
	if next.Fault == sendertest.ConnectionRefused {
		defer next.reach()
		address = "127.0.0.1:1"
	} else if fault, ok := faultOf(next.Step); ok {
		reached := f.server.Next(fault)
		go func() { <-reached; next.reach() }()
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err == nil && next.Fault == sendertest.LostInContent {
		return &losingConn{Conn: conn, left: 200_000, reach: next.reach}, nil
	}
	return conn, err
}

// losingConn breaks after so many bytes.
type losingConn struct {
	net.Conn
	left  int
	reach func()
}

func (c *losingConn) Write(p []byte) (int, error) {
	if len(p) <= c.left {
		c.left -= len(p)
		return c.Conn.Write(p)
	}
	n, _ := c.Conn.Write(p[:c.left])
	c.left = 0
	_ = c.Close()
	c.reach()
	return n, errors.New("connection lost")
}

// faultOf returns what the fake does; false where it does nothing.
func faultOf(s sendertest.Step) (sendgridtest.Fault, bool) {
	switch s.Fault {
	case sendertest.NoFault:
		return sendgridtest.Fault{Hold: s.Hold}, true
	case sendertest.SilentBefore:
		return sendgridtest.Fault{Kind: sendgridtest.SilentOnAccept, Hold: s.Hold}, true
	case sendertest.ReplyLost:
		return sendgridtest.Fault{Kind: sendgridtest.Withhold, Accept: true}, true
	case sendertest.LostAfterContent:
		return sendgridtest.Fault{Kind: sendgridtest.Withhold}, true
	case sendertest.ReplyCut:
		return sendgridtest.Fault{Kind: sendgridtest.CutReply, After: 10, Accept: true}, true
	case sendertest.SilentAfter:
		return sendgridtest.Fault{Kind: sendgridtest.Silence, Accept: true}, true
	case sendertest.NoiseAfter:
		return sendgridtest.Fault{Kind: sendgridtest.NoiseAfter}, true
	}
	reply, ok := map[sendertest.Fault]sendgridtest.Answer{
		sendertest.MessageRefused:     sendgridtest.BadRequest("content.0.value"),
		sendertest.SenderRefused:      sendgridtest.SenderNotVerified(),
		sendertest.CredentialsRefused: sendgridtest.Unauthorized(),
		sendertest.RateLimited:        sendgridtest.RateLimited(),
		sendertest.RateLimitedFor:     sendgridtest.RateLimitedFor(s.RetryAfter),
		sendertest.Unavailable:        sendgridtest.Unavailable(),
	}[s.Fault]
	return sendgridtest.Reply(reply), ok
}

func (f *service) Truth(ctx context.Context) sendertest.Truth {
	f.server.EndSilences()
	_ = f.server.WaitIdle(ctx) // what is missing then the suite will miss
	stats := f.server.Stats()
	truth := sendertest.Truth{Whole: stats.Whole, Contacts: stats.Conns}
	for _, m := range f.server.Messages() {
		truth.Copies = append(truth.Copies, sendertest.Copy{
			Subject: m.Subject, Recipients: m.Recipients(),
			MessageID: m.Headers["Message-ID"], IdempotencyKey: m.CustomArgs["mailkeel_key"],
		})
	}
	return truth
}
