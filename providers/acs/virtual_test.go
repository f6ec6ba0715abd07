package acs_test

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/acs"
	"github.com/mailkeel/mailkeel/providers/acs/acstest"
)

// A lab is a fake of the service in real time, for clients in bubbles of virtual time. A client that
// awaits a reply from a socket holds its bubble's time up, so that nothing but waiting takes time
// there. The fake goes by the same clock. What is made of channels, such as acstest.Server.Next and
// WaitIdle, is for outside of the bubble.
type lab struct {
	*acstest.Server
	t     *testing.T
	clock *clock
}

func newLab(t *testing.T, cfg acstest.Config) *lab {
	t.Helper()
	c := new(clock)
	c.set(bubbleStart)
	cfg.Now = c.now
	return &lab{serve(t, cfg), t, c}
}

// run runs test in a bubble.
func (l *lab) run(test func(t *testing.T)) {
	l.t.Helper()
	synctest.Test(l.t, func(t *testing.T) {
		l.clock.set(time.Now())
		test(t)
	})
}

// client returns a client for the bubble of t, with the access key.
func (l *lab) client(t *testing.T, change func(*acs.Config)) *acs.Client {
	t.Helper()
	cfg := withKey(l.Server)
	cfg.Dial = l.clock.dial
	return newClient(t, cfg, change)
}

// clientWith is client with a credential in place of the key.
func (l *lab) clientWith(t *testing.T, credential azcore.TokenCredential, change func(*acs.Config)) *acs.Client {
	t.Helper()
	cfg := withToken(l.Server)
	cfg.Dial, cfg.Credential = l.clock.dial, credential
	return newClient(t, cfg, change)
}

// credential is the server's, by the bubble's clock.
func (l *lab) credential() azcore.TokenCredential {
	return credentialFunc(func(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
		l.clock.set(time.Now())
		return l.Credential().GetToken(ctx, o)
	})
}

// held is what the server holds when the bubble is over.
func (l *lab) held() []acstest.Message {
	l.t.Helper()
	return held(l.t, l.Server)
}

// bubbleStart is when the time of every bubble begins.
var bubbleStart = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// A clock is a bubble's time for those outside of it. Whatever a client writes carries it along.
type clock struct{ nanos atomic.Int64 }

func (c *clock) set(now time.Time) { c.nanos.Store(now.UnixNano()) }

func (c *clock) now() time.Time { return time.Unix(0, c.nanos.Load()) }

func (c *clock) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &clockedConn{conn, c}, nil
}

type clockedConn struct {
	net.Conn
	clock *clock
}

func (c *clockedConn) Write(p []byte) (int, error) {
	c.clock.set(time.Now())
	return c.Conn.Write(p)
}

// SyscallConn lets the client look whether an idle connection still lives.
func (c *clockedConn) SyscallConn() (syscall.RawConn, error) {
	conn, ok := c.Conn.(syscall.Conn)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return conn.SyscallConn()
}

// A credentialFunc is a credential of Entra ID.
type credentialFunc func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error)

func (f credentialFunc) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return f(ctx, o)
}

// wantRefused is the error of a send that was not accepted.
func wantRefused(t testing.TB, err error, scope mailer.Scope, is error) *mailer.SendError {
	t.Helper()
	return wantVerdict(t, err, mailer.NotAccepted, scope, is)
}

// wantVerdict looks at the error of a send. Is may be nil.
func wantVerdict(t testing.TB, err error, outcome mailer.Outcome, scope mailer.Scope, is error) *mailer.SendError {
	t.Helper()
	var e *mailer.SendError
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want %v, %v", err, outcome, scope)
	}
	if e.Outcome != outcome || e.Scope != scope || is != nil && !errors.Is(err, is) {
		t.Errorf("got %v, %v: %v; want %v, %v: %v", e.Outcome, e.Scope, err, outcome, scope, is)
	}
	return e
}

// wantCopies: so many messages are held, whatever anybody was told.
func wantCopies(t testing.TB, held []acstest.Message, n int) {
	t.Helper()
	if len(held) != n {
		t.Errorf("the service has %d copies, want %d", len(held), n)
	}
}

// mustSend sends m, which has to be accepted.
func mustSend(t *testing.T, s mailer.Sender, m *mailer.Message) *mailer.Receipt {
	t.Helper()
	receipt, err := s.Send(t.Context(), m)
	if err != nil {
		t.Fatalf("Send: %v", err)
	}
	return receipt
}

// lasts returns how long f takes.
func lasts(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}
