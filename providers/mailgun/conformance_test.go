package mailgun_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"

	"github.com/mailkeel/mailkeel/internal/testcert"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/sendertest"
	"github.com/mailkeel/mailkeel/providers/mailgun"
	"github.com/mailkeel/mailkeel/providers/mailgun/mailguntest"
)

const secret = "key-0123456789abcdef0123456789abcdef"

func TestConformance(t *testing.T) {
	certs := testcert.Must(t)
	sendertest.Run(t, func(t testing.TB) sendertest.Harness {
		f := &fakeMailgun{server: mailguntest.Start(t, mailguntest.Config{Key: secret, TLS: testcert.Server(certs.Valid)})}
		client, err := mailgun.New(mailgun.Config{
			Key: mailer.NewSecret(secret), Domain: mailguntest.DefaultDomain,
			BaseURL: f.server.URL(), TLSConfig: certs.Client("127.0.0.1"), Dial: f.dial,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = client.Close(context.Background()) })
		t.Cleanup(func() {
			for _, v := range f.server.Violations() {
				t.Errorf("violation: %s", v)
			}
		})
		const whole = "Mailgun takes or refuses a message as a whole, and bounces later"
		return sendertest.Harness{
			Sender: client, Provider: f, Secrets: []string{secret},
			NotApplicable: map[sendertest.Fault]string{
				sendertest.RecipientRefused:  whole,
				sendertest.RecipientsRefused: whole,
				sendertest.SenderRefused:     "Mailgun takes any author for a domain of the account",
			},
		}
	})
}

// fakeMailgun is the server as sendertest wants to command it.
type fakeMailgun struct {
	server *mailguntest.Server

	mu    sync.Mutex
	dials []dialFault
}

// A dialFault is what one connection meets on the client's side.
type dialFault struct {
	sendertest.Fault
	reached chan struct{}
}

func (f *fakeMailgun) Meet(s sendertest.Step) <-chan struct{} {
	switch s.Fault {
	case sendertest.ConnectionRefused, sendertest.LostInContent:
		f.server.CloseIdle()
		f.mu.Lock()
		defer f.mu.Unlock()
		fault := dialFault{s.Fault, make(chan struct{})}
		f.dials = append(f.dials, fault)
		return fault.reached
	case sendertest.SilentBefore, sendertest.CredentialsRefused:
		f.server.CloseIdle()
	}
	return f.server.Next(serverFault(s))
}

// serverFault is what the server does for s.
func serverFault(s sendertest.Step) mailguntest.Fault {
	const domain = mailguntest.DefaultDomain
	switch s.Fault {
	case sendertest.SilentBefore:
		return mailguntest.Fault{Kind: mailguntest.SilentOnAccept, Hold: s.Hold}
	case sendertest.ReplyLost:
		return mailguntest.Fault{Kind: mailguntest.Withhold, Accept: true}
	case sendertest.LostAfterContent:
		return mailguntest.Fault{Kind: mailguntest.Withhold}
	case sendertest.ReplyCut:
		return mailguntest.Fault{Kind: mailguntest.CutReply, After: int64(len("HTTP/1.1 2")), Accept: true}
	case sendertest.SilentAfter:
		return mailguntest.Fault{Kind: mailguntest.Silence, Accept: true}
	case sendertest.NoiseAfter:
		return mailguntest.Fault{Kind: mailguntest.NoiseAfter}
	case sendertest.MessageRefused:
		return mailguntest.Reply(mailguntest.AddressRefused("to"))
	case sendertest.CredentialsRefused:
		return mailguntest.Reply(mailguntest.Unauthorized())
	case sendertest.RateLimited:
		return mailguntest.Reply(mailguntest.RateLimited(domain, "request"))
	case sendertest.RateLimitedFor:
		return mailguntest.Reply(mailguntest.RateLimitedFor(domain, "request", s.RetryAfter))
	case sendertest.Unavailable:
		return mailguntest.Reply(mailguntest.Unavailable())
	}
	return mailguntest.Fault{Hold: s.Hold}
}

func (f *fakeMailgun) dial(ctx context.Context, network, address string) (net.Conn, error) {
	f.mu.Lock()
	var fault dialFault
	if len(f.dials) > 0 {
		fault, f.dials = f.dials[0], f.dials[1:]
	}
	f.mu.Unlock()
	if fault.Fault == sendertest.ConnectionRefused {
		defer close(fault.reached)
		address = "127.0.0.1:1"
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err == nil && fault.Fault == sendertest.LostInContent {
		return &losingConn{Conn: conn, left: 200_000, reached: fault.reached}, nil
	}
	return conn, err
}

// losingConn breaks after so many bytes.
type losingConn struct {
	net.Conn
	left    int
	reached chan struct{}
}

func (c *losingConn) Write(p []byte) (int, error) {
	if len(p) <= c.left {
		c.left -= len(p)
		return c.Conn.Write(p)
	}
	n, _ := c.Conn.Write(p[:c.left])
	if c.left > 0 {
		close(c.reached)
	}
	c.left = 0
	_ = c.Close()
	return n, errors.New("connection lost")
}

func (f *fakeMailgun) Truth(ctx context.Context) sendertest.Truth {
	f.server.EndSilences()
	_ = f.server.WaitIdle(ctx) // the suite sees what is missing
	stats := f.server.Stats()
	truth := sendertest.Truth{Whole: stats.Whole, Contacts: stats.Conns + stats.Requests}
	for _, m := range f.server.Messages() {
		truth.Copies = append(truth.Copies, sendertest.Copy{
			Subject: m.Subject, Recipients: m.Recipients, MessageID: m.MessageID, IdempotencyKey: m.Variables["mailkeel_key"],
		})
	}
	return truth
}
