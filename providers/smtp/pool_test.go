package smtp_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/smtp"
)

// plaintext is a Config for a server on this machine.
func plaintext(dial func(context.Context, string, string) (net.Conn, error)) smtp.Config {
	return smtp.Config{Host: "localhost", Security: smtp.Plaintext, LocalName: "client.example.com", Dial: dial}
}

// A deadCase is a way in which a pooled connection can be found dead: SMTP row 37.
type deadCase struct {
	name string
	hook smtpfake.Hook // what the server does on the first connection
}

// deadAtMail are servers that answer the second MAIL on a connection with its end.
var deadAtMail = []deadCase{
	{name: "421 to MAIL", hook: onSecondMail(smtpfake.Action{Reply: "421 4.4.2 idle for too long", Then: smtpfake.FIN})},
	{name: "FIN at MAIL", hook: onSecondMail(smtpfake.Action{Silent: true, Then: smtpfake.FIN})},
	{name: "RST at MAIL", hook: onSecondMail(smtpfake.Action{Silent: true, Then: smtpfake.RST})},
}

// deadWhileIdle are servers that end a connection after a message.
var deadWhileIdle = []deadCase{
	{name: "FIN while idle", hook: smtpfake.OnNth(smtpfake.Content, 1, smtpfake.Action{Then: smtpfake.FIN})},
	{name: "RST while idle", hook: smtpfake.OnNth(smtpfake.Content, 1, smtpfake.Action{Then: smtpfake.RST})},
	{name: "421 and FIN while idle", hook: smtpfake.OnNth(smtpfake.Content, 1,
		smtpfake.Action{Raw: "250 2.0.0 ok\r\n421 4.4.2 closing\r\n", Then: smtpfake.FIN})},
	{name: "421 while idle", hook: smtpfake.OnNth(smtpfake.Content, 1, smtpfake.Action{Raw: "250 2.0.0 ok\r\n421 4.4.2 closing\r\n", Then: smtpfake.Hang})},
}

func onSecondMail(a smtpfake.Action) smtpfake.Hook {
	return func(e *smtpfake.Event) smtpfake.Action {
		if e.Point == smtpfake.MAIL && e.Conn == 1 && e.SeenHere == 2 {
			return a
		}
		return smtpfake.Action{}
	}
}

// TestRow37 is SMTP row 37: a pooled connection that died is replaced in silence, over
// TCP and over pipes, whatever extensions are in use.
func TestRow37(t *testing.T) {
	for _, c := range append(deadAtMail, deadWhileIdle...) {
		for name, ext := range map[string]smtpfake.Extensions{"DATA": {}, "pipelined": relay, "BDAT": smtpfake.AllExtensions()} {
			cfg := smtpfake.Config{Extensions: ext, Hook: c.hook}
			t.Run(c.name+", "+name+", pipe", func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					server := smtpfake.New(cfg)
					client := must(smtp.New(plaintext(pipeTo(server))))
					defer closeAll(t, client, server)
					replacedInSilence(t, client, server, synctest.Wait)
				})
			})
			t.Run(c.name+", "+name+", TCP", func(t *testing.T) {
				server := smtpfake.Start(t, cfg)
				client := must(smtp.New(plaintext(tcpTo(server))))
				defer closeClient(t, client)
				replacedInSilence(t, client, server, func() {})
			})
		}
	}
}

// replacedInSilence sends two messages, the second over a connection that is dead by then.
func replacedInSilence(t *testing.T, client *smtp.Client, server *smtpfake.Server, settle func()) {
	t.Helper()
	for i := range 2 {
		receipt, err := client.Send(t.Context(), newMessage(2))
		if err != nil {
			t.Fatalf("message %d: %v", i+1, err)
		}
		if len(receipt.Attempts) != 1 || receipt.Attempts[0].Outcome != mailer.Accepted {
			t.Errorf("message %d: attempts %+v, want one that was accepted", i+1, receipt.Attempts)
		}
		settle()
	}
	if got := server.Stats(); got.Messages != 2 || got.Conns != 2 {
		t.Errorf("%d messages over %d connections, want 2 over 2", got.Messages, got.Conns)
	}
}

// TestStaleBeforeRelease: in one flight, a dead connection that took nothing releases
// nothing, and the message goes over another, with the gate's one Commit.
func TestStaleBeforeRelease(t *testing.T) {
	for _, gated := range []bool{false, true} {
		t.Run(fmt.Sprintf("gate %v", gated), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := smtpfake.New(smtpfake.Config{Extensions: smtpfake.AllExtensions()})
				cfg := plaintext(deafAfterFirst(pipeTo(server)))
				cfg.OneFlight = true
				client := must(smtp.New(cfg))
				defer closeAll(t, client, server)
				if _, err := client.Send(t.Context(), newMessage(1)); err != nil {
					t.Fatal(err)
				}
				ctx := t.Context()
				if gated {
					ctx = mailer.WithGate(ctx, new(mailer.Gate))
				}
				if _, err := client.Send(ctx, newMessage(1)); err != nil {
					t.Errorf("over the dead connection: %v", err)
				}
				if n := len(server.Messages()); n != 2 {
					t.Errorf("%d messages, want 2", n)
				}
			})
		})
	}
}

// deafAfterFirst makes the first connection one that looks alive after a message, and
// takes no byte of the next.
func deafAfterFirst(dial func(context.Context, string, string) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
	var dialled atomic.Int64
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if dialled.Add(1) == 1 {
			conn = &deafConn{Conn: conn}
		}
		return conn, err
	}
}

type deafConn struct {
	net.Conn
	contents int
}

func (c *deafConn) Write(p []byte) (int, error) {
	if strings.HasPrefix(string(p), "MAIL") {
		if c.contents++; c.contents == 2 {
			return 0, &net.OpError{Op: "write", Net: "pipe", Err: syscall.EPIPE}
		}
	}
	return c.Conn.Write(p)
}

// TestStaleAfterRelease: in one flight, a connection that dies with the whole message
// written may have brought it over. It is not sent again.
func TestStaleAfterRelease(t *testing.T) {
	for _, c := range deadAtMail[1:] {
		t.Run(c.name, func(t *testing.T) {
			server := smtpfake.Start(t, smtpfake.Config{Extensions: smtpfake.AllExtensions(), Hook: c.hook})
			cfg := plaintext(tcpTo(server))
			cfg.OneFlight = true
			client := must(smtp.New(cfg))
			defer closeClient(t, client)
			if _, err := client.Send(t.Context(), newMessage(1)); err != nil {
				t.Fatal(err)
			}
			_, err := client.Send(t.Context(), newMessage(1))
			if !errors.Is(err, mailer.ErrUnknownOutcome) {
				t.Errorf("got %v, want Unknown", err)
			}
			if got := server.Stats(); got.Conns != 1 || got.Messages != 1 {
				t.Errorf("%d messages over %d connections, want 1 over 1", got.Messages, got.Conns)
			}
		})
	}
}

// TestMaxConns: so many connections and no more, and every message gets its turn.
func TestMaxConns(t *testing.T) {
	for _, limit := range []int{1, 3} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			server := smtpfake.Start(t, smtpfake.Config{Extensions: relay})
			var wires opened
			cfg := plaintext(counted(&wires, tcpTo(server)))
			cfg.MaxConns = limit
			client := must(smtp.New(cfg))
			var group sync.WaitGroup
			for range 50 {
				group.Go(func() {
					if _, err := client.Send(t.Context(), newMessage(1)); err != nil {
						t.Error(err)
					}
				})
			}
			group.Wait()
			if err := client.Check(t.Context()); err != nil {
				t.Errorf("Check: %v", err)
			}
			closeClient(t, client)
			if peak := wires.peak.Load(); peak > int64(limit) {
				t.Errorf("%d connections at once, want at most %d", peak, limit)
			}
			if n := len(server.Messages()); n != 50 || wires.open() != 0 {
				t.Errorf("%d messages, %d connections left", n, wires.open())
			}
		})
	}
}

func counted(wires *opened, dial func(context.Context, string, string) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return wires.add(conn), nil
	}
}

// TestWaitForConnection: with all connections in use a send waits until its limit, and
// says whose limit that was.
func TestWaitForConnection(t *testing.T) {
	cases := []struct {
		name  string
		ctx   func(context.Context) (context.Context, context.CancelFunc)
		took  time.Duration
		scope mailer.Scope
		is    error
		retry bool
	}{
		{"CommitBy", func(ctx context.Context) (context.Context, context.CancelFunc) {
			return mailer.WithGate(ctx, &mailer.Gate{CommitBy: time.Now().Add(7 * time.Second)}), func() {}
		}, 7 * time.Second, rate, mailer.ErrRateLimited, true},
		{"neither", func(ctx context.Context) (context.Context, context.CancelFunc) { return ctx, func() {} }, 30 * time.Second, rate, mailer.ErrRateLimited, true},
		{"deadline", func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 3*time.Second)
		},
			3 * time.Second, caller, context.DeadlineExceeded, false},
		{"cancelled", func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(2*time.Second, cancel)
			return ctx, cancel
		}, 2 * time.Second, caller, context.Canceled, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := smtpfake.New(on(smtpfake.Content, hang))
				cfg := plaintext(pipeTo(server))
				cfg.MaxConns = 1
				client := must(smtp.New(cfg))
				defer closeAll(t, client, server)
				go func() { _, _ = client.Send(t.Context(), newMessage(1)) }() // until its reply times out
				synctest.Wait()
				ctx, cancel := c.ctx(t.Context())
				defer cancel()
				start := time.Now()
				_, err := client.Send(ctx, newMessage(1))
				e := mailer.AsSendError(err)
				if e.Outcome != mailer.NotAccepted || e.Scope != c.scope || !errors.Is(err, c.is) || (e.RetryAfter > 0) != c.retry {
					t.Errorf("got %v: %v, scope %v, retry after %v; want %v, scope %v", e.Outcome, err, e.Scope, e.RetryAfter, c.is, c.scope)
				}
				if took := time.Since(start); took < c.took || took > c.took+100*time.Millisecond {
					t.Errorf("waited %v, want %v", took, c.took)
				}
			})
		})
	}
}

// TestIdleTimeout: an unused connection is ended with QUIT when its time has come.
func TestIdleTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := smtpfake.New(smtpfake.Config{Extensions: relay})
		var wires opened
		cfg := plaintext(counted(&wires, pipeTo(server)))
		cfg.IdleTimeout = 20 * time.Second
		client := must(smtp.New(cfg))
		defer closeAll(t, client, server)
		send := func() {
			t.Helper()
			if _, err := client.Send(t.Context(), newMessage(1)); err != nil {
				t.Fatal(err)
			}
		}
		send()
		time.Sleep(19 * time.Second)
		send()
		time.Sleep(19 * time.Second)
		if server.Stats().Conns != 1 || wires.open() != 1 {
			t.Errorf("%d connections made, %d open before the time; want 1 and 1", server.Stats().Conns, wires.open())
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if wires.open() != 0 || !strings.Contains(server.Transcript(1), "C: QUIT\n") {
			t.Errorf("%d connections open; transcript:\n%s", wires.open(), server.Transcript(1))
		}
		send()
		if n := server.Stats().Conns; n != 2 {
			t.Errorf("%d connections made, want 2", n)
		}
	})
}

// TestNoIdle: a negative IdleTimeout keeps nothing.
func TestNoIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := smtpfake.New(smtpfake.Config{Extensions: relay})
		var wires opened
		cfg := plaintext(counted(&wires, pipeTo(server)))
		cfg.IdleTimeout = -1
		client := must(smtp.New(cfg))
		defer closeAll(t, client, server)
		for range 3 {
			if _, err := client.Send(t.Context(), newMessage(1)); err != nil || wires.open() != 0 {
				t.Errorf("%v, %d connections open", err, wires.open())
			}
		}
		if n := server.Stats().Conns; n != 3 {
			t.Errorf("%d connections, want 3", n)
		}
	})
}

// TestMessagesPerConnection: MaxMessagesPerConn and the server's MAILMAX (RFC 9422), the
// smaller of which counts.
func TestMessagesPerConnection(t *testing.T) {
	for _, c := range []struct {
		name    string
		mailMax string
		limit   int
		conns   int64 // for ten messages
	}{
		{"own limit", "", 3, 4},
		{"no limit", "", -1, 1},
		{"MAILMAX", "LIMITS MAILMAX=2", 0, 5},
		{"both", "LIMITS RCPTMAX=10 MAILMAX=4", 5, 3},
		{"one each", "", 1, 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ext := relay
				if c.mailMax != "" {
					ext.EHLO = []string{c.mailMax}
				}
				server := smtpfake.New(smtpfake.Config{Extensions: ext})
				cfg := plaintext(pipeTo(server))
				cfg.MaxMessagesPerConn = c.limit
				client := must(smtp.New(cfg))
				for range 10 {
					if _, err := client.Send(t.Context(), newMessage(1)); err != nil {
						t.Fatal(err)
					}
				}
				closeAll(t, client, server)
				if got := server.Stats(); got.Conns != c.conns || got.Messages != 10 {
					t.Errorf("%d messages over %d connections, want 10 over %d", got.Messages, got.Conns, c.conns)
				}
				for i := range int(c.conns) {
					if !strings.HasSuffix(server.Transcript(i+1), "S: 221 2.0.0 bye\n") {
						t.Errorf("connection %d did not end with QUIT:\n%s", i+1, server.Transcript(i+1))
					}
				}
			})
		})
	}
}
