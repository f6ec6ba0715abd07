package acs_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/mailkeel/mailkeel/mailer/sendertest"
	"github.com/mailkeel/mailkeel/providers/acs"
	"github.com/mailkeel/mailkeel/providers/acs/acstest"
)

func TestConformanceWithKey(t *testing.T) {
	sendertest.Run(t, func(t testing.TB) sendertest.Harness {
		f := &service{}
		server, client := start(t, acstest.Config{}, f.watch)
		f.server = server
		return f.harness(client, server.Key())
	})
}

func TestConformanceWithToken(t *testing.T) {
	sendertest.Run(t, func(t testing.TB) sendertest.Harness {
		f, token := &service{}, azcore.AccessToken{}
		server, client := startWithToken(t, acstest.Config{}, func(cfg *acs.Config) {
			f.watch(cfg)
			token = must(cfg.Credential.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{scope}}))
			cfg.Credential = sameToken(token)
		})
		f.server = server
		return f.harness(client, token.Token)
	})
}

const scope = "https://communication.azure.com/.default"

// sameToken is a credential whose token never changes, so that the suite can look for it.
type sameToken azcore.AccessToken

func (s sameToken) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken(s), nil
}

// service is the fake as sendertest wants to command it.
type service struct {
	server *acstest.Server

	mu    sync.Mutex
	queue []*step
	more  *step // what the attempt under way meets at its next connection
}

// watch gives each exchange a connection of its own, so that a step meets the one it is meant for.
func (f *service) watch(cfg *acs.Config) { cfg.Dial, cfg.IdleTimeout = f.dial, -1 }

func (f *service) harness(client *acs.Client, secret string) sendertest.Harness {
	const whole = "the service takes or refuses a message as a whole, and drops suppressed recipients later"
	return sendertest.Harness{
		Sender: client, Provider: f, Secrets: []string{secret},
		NotApplicable: map[sendertest.Fault]string{sendertest.RecipientRefused: whole, sendertest.RecipientsRefused: whole},
	}
}

// step is what one attempt meets.
type step struct {
	sendertest.Step
	reached chan struct{}
	once    sync.Once
}

func newStep(s sendertest.Step) *step { return &step{Step: s, reached: make(chan struct{})} }

func (s *step) reach() { s.once.Do(func() { close(s.reached) }) }

// second returns what an attempt meets that makes a second request: after a 401 the same again,
// and after a 503 it asks for the operation.
func (s *step) second() *step {
	switch s.Fault {
	case sendertest.CredentialsRefused:
		return newStep(s.Step)
	case sendertest.Unavailable:
		return newStep(sendertest.Step{})
	}
	return nil
}

func (f *service) Meet(s sendertest.Step) <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	next := newStep(s)
	f.queue = append(f.queue, next)
	return next.reached
}

func (f *service) next() *step {
	f.mu.Lock()
	defer f.mu.Unlock()
	if more := f.more; more != nil {
		f.more = nil
		return more
	}
	if len(f.queue) == 0 {
		return newStep(sendertest.Step{})
	}
	next := f.queue[0]
	f.queue, f.more = f.queue[1:], next.second()
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
func faultOf(s sendertest.Step) (acstest.Fault, bool) {
	switch s.Fault {
	case sendertest.NoFault:
		return acstest.Fault{Hold: s.Hold}, true
	case sendertest.SilentBefore:
		return acstest.Fault{Kind: acstest.SilentOnAccept, Hold: s.Hold}, true
	case sendertest.ReplyLost:
		return acstest.Fault{Kind: acstest.Withhold, Accept: true}, true
	case sendertest.LostAfterContent:
		return acstest.Fault{Kind: acstest.Withhold}, true
	case sendertest.ReplyCut:
		return acstest.Fault{Kind: acstest.CutReply, After: 10, Accept: true}, true
	case sendertest.SilentAfter:
		return acstest.Fault{Kind: acstest.Silence, Accept: true}, true
	case sendertest.NoiseAfter:
		return acstest.Fault{Kind: acstest.NoiseAfter}, true
	}
	reply, ok := map[sendertest.Fault]acstest.Answer{
		sendertest.MessageRefused:     acstest.BadRequest("content.plainText"),
		sendertest.SenderRefused:      acstest.DomainNotLinked(),
		sendertest.CredentialsRefused: acstest.Denied(),
		sendertest.RateLimited:        acstest.RateLimited(),
		sendertest.RateLimitedFor:     acstest.RateLimitedFor(max(s.RetryAfter, time.Second)),
		sendertest.Unavailable:        acstest.Unavailable(),
	}[s.Fault]
	return acstest.Reply(reply), ok
}

func (f *service) Truth(ctx context.Context) sendertest.Truth {
	f.server.EndSilences()
	_ = f.server.WaitIdle(ctx) // what is missing then the suite will miss
	truth := sendertest.Truth{Contacts: f.server.Stats().Conns}
	for _, r := range f.server.Requests() {
		if r.Method == http.MethodPost {
			truth.Whole++
		}
	}
	for _, m := range f.server.Messages() {
		truth.Copies = append(truth.Copies, sendertest.Copy{
			Subject: m.Subject, Recipients: m.Recipients(),
			MessageID: m.Header("Message-ID"), IdempotencyKey: m.OperationID,
		})
	}
	return truth
}
