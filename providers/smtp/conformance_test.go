package smtp_test

import (
	"context"
	"errors"
	"mime"
	"net"
	"net/mail"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/internal/testcert"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/sendertest"
	"github.com/mailkeel/mailkeel/providers/smtp"
)

const secret = "correct-horse-battery"

func TestConformance(t *testing.T) {
	for name, ext := range map[string]smtpfake.Extensions{
		"lock-step": {},
		"pipelined": {EightBitMIME: true, EnhancedCodes: true, Pipelining: true, SizeLimit: 25 << 20},
		"chunked":   smtpfake.AllExtensions(),
	} {
		t.Run(name, func(t *testing.T) {
			sendertest.Run(t, func(t testing.TB) sendertest.Harness { return newHarness(t, ext) })
		})
	}
}

func newHarness(t testing.TB, ext smtpfake.Extensions) sendertest.Harness {
	t.Helper()
	f := &fakeRelay{silence: make(chan struct{}), steps: make(map[string]*step)}
	f.ready.L = &f.mu
	f.server = smtpfake.Start(t, smtpfake.Config{
		Extensions: ext, TLS: testcert.Server(certs.Valid), RequireTLS: true,
		Users: map[string]string{"app": secret}, RequireAuth: true, Hook: f.hook, Wrap: f.wrap,
	})
	host, port, _ := net.SplitHostPort(f.server.Addr())
	client, err := smtp.New(smtp.Config{
		Host: host, Port: must(strconv.Atoi(port)), TLSConfig: certs.Client("localhost"),
		Username: "app", Password: mailer.NewSecret(secret),
		Dial:        f.dial,
		IdleTimeout: -1, // one connection an attempt, so that a step meets the one it is meant for
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(context.Background()) })
	var lacks mailer.Feature
	if !ext.SMTPUTF8 {
		lacks |= mailer.FeatureUTF8
	}
	if !ext.DSN {
		lacks |= mailer.FeatureDSN
	}
	return sendertest.Harness{
		Sender: client, Provider: f, Lacks: lacks, Secrets: []string{secret},
		NotApplicable: map[sendertest.Fault]string{
			sendertest.RateLimitedFor: "an SMTP reply has no field for a time to wait",
		},
	}
}

// fakeRelay is a server as sendertest wants to command it.
type fakeRelay struct {
	server *smtpfake.Server

	mu      sync.Mutex
	silence chan struct{} // closed by Truth, which begins a new one
	ready   sync.Cond
	queue   []*step
	steps   map[string]*step // of connections, by the client's address
	byConn  []*step          // of connections, by their number
	whole   int
}

// step is what one connection meets.
type step struct {
	sendertest.Step
	reached chan struct{}
	once    sync.Once
}

func (s *step) reach() { s.once.Do(func() { close(s.reached) }) }

func (f *fakeRelay) Meet(s sendertest.Step) <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	next := &step{Step: s, reached: make(chan struct{})}
	f.queue = append(f.queue, next)
	return next.reached
}

// dial gives the connection its step, and makes those faults that are the client's side of it.
func (f *fakeRelay) dial(ctx context.Context, network, address string) (net.Conn, error) {
	f.mu.Lock()
	next := &step{reached: make(chan struct{})}
	if len(f.queue) > 0 {
		next, f.queue = f.queue[0], f.queue[1:]
	}
	f.mu.Unlock()
	if next.Fault == sendertest.ConnectionRefused {
		defer next.reach()
		address = "127.0.0.1:1"
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	f.steps[conn.LocalAddr().String()] = next
	f.mu.Unlock()
	f.ready.Broadcast()
	if next.Fault == sendertest.LostInContent {
		return &losingConn{Conn: conn, left: 200_000, step: next}, nil
	}
	return conn, nil
}

// losingConn breaks after so many bytes.
type losingConn struct {
	net.Conn
	left int
	step *step
}

func (c *losingConn) Write(p []byte) (int, error) {
	if len(p) <= c.left {
		c.left -= len(p)
		return c.Conn.Write(p)
	}
	n, _ := c.Conn.Write(p[:c.left])
	c.left = 0
	_ = c.Close()
	c.step.reach()
	return n, errors.New("connection lost")
}

// wrap notes which step a connection of the server's is to meet.
func (f *fakeRelay) wrap(number int, conn net.Conn) net.Conn {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.steps[conn.RemoteAddr().String()] == nil {
		f.ready.Wait() // the dialer is about to name it
	}
	for len(f.byConn) <= number {
		f.byConn = append(f.byConn, nil)
	}
	f.byConn[number] = f.steps[conn.RemoteAddr().String()]
	return conn
}

func (f *fakeRelay) hook(e *smtpfake.Event) smtpfake.Action {
	f.mu.Lock()
	s := f.byConn[e.Conn]
	if e.Point == smtpfake.Content {
		f.whole++
	}
	action, here := f.act(s, e)
	f.mu.Unlock()
	if here {
		s.reach()
	}
	return action
}

// act is what the server does at e for s, and whether that is what s asks for.
func (f *fakeRelay) act(s *step, e *smtpfake.Event) (action smtpfake.Action, here bool) {
	refuse := func(p smtpfake.Point, text string) (smtpfake.Action, bool) {
		return smtpfake.Action{Reply: text}, e.Point == p
	}
	content := func(a smtpfake.Action) (smtpfake.Action, bool) { return a, e.Point == smtpfake.Content }
	switch s.Fault {
	case sendertest.NoFault:
		action, here = content(smtpfake.Action{Wait: s.Hold})
	case sendertest.SilentBefore:
		action = smtpfake.Action{Wait: f.silence, Then: smtpfake.FIN}
		if s.Hold != nil {
			action = smtpfake.Action{Wait: s.Hold}
		}
		here = e.Point == smtpfake.Greeting
	case sendertest.ReplyLost:
		action, here = content(smtpfake.Action{Decision: smtpfake.Accept, Silent: true, Then: smtpfake.FIN})
	case sendertest.LostAfterContent:
		action, here = content(smtpfake.Action{Decision: smtpfake.Refuse, Silent: true, Then: smtpfake.FIN})
	case sendertest.ReplyCut:
		action, here = content(smtpfake.Action{Raw: "25", Then: smtpfake.FIN})
	case sendertest.SilentAfter:
		action, here = content(smtpfake.Action{Decision: smtpfake.Accept, Wait: f.silence, Silent: true, Then: smtpfake.FIN})
	case sendertest.NoiseAfter:
		action, here = content(smtpfake.Action{Raw: "250 2.0.0 ok\r\n421 4.3.2 bye\r\n", Then: smtpfake.RST})
	case sendertest.MessageRefused:
		action, here = refuse(smtpfake.Content, "550 5.7.1 content refused")
	case sendertest.RecipientsRefused:
		action, here = refuse(smtpfake.RCPT, "550 5.1.1 no such user")
	case sendertest.RecipientRefused:
		action, here = refuse(smtpfake.RCPT, "550 5.1.1 no such user")
		here = here && strings.Contains(e.Arg, "<"+s.Recipient+">")
	case sendertest.SenderRefused:
		action, here = refuse(smtpfake.MAIL, "550 5.7.1 not your address")
	case sendertest.CredentialsRefused:
		action, here = refuse(smtpfake.AUTH, "535 5.7.8 credentials refused")
	case sendertest.RateLimited:
		action, here = refuse(smtpfake.MAIL, "450 4.7.1 too many messages")
	case sendertest.Unavailable:
		action, here = refuse(smtpfake.MAIL, "451 4.3.0 out of order")
	}
	if !here {
		return smtpfake.Action{}, false
	}
	return action, true
}

func (f *fakeRelay) Truth(ctx context.Context) sendertest.Truth {
	f.mu.Lock()
	close(f.silence)
	f.silence = make(chan struct{})
	f.mu.Unlock()
	idle := make(chan struct{})
	go func() { f.server.WaitIdle(); close(idle) }()
	select {
	case <-idle:
	case <-ctx.Done():
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	truth := sendertest.Truth{Whole: f.whole, Contacts: int(f.server.Stats().Conns)}
	for _, m := range f.server.Messages() {
		parsed, err := mail.ReadMessage(strings.NewReader(string(m.Data)))
		if err != nil {
			continue // the suite will miss it
		}
		subject, _ := new(mime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject"))
		truth.Copies = append(truth.Copies, sendertest.Copy{
			Subject: subject, Recipients: m.Addresses(), MessageID: parsed.Header.Get("Message-Id"),
		})
	}
	return truth
}
