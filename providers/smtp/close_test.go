package smtp_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/smtp"
)

// TestCloseDrains: Close waits for the message under way, and refuses new ones at once.
func TestCloseDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := make(chan struct{})
		server := smtpfake.New(on(smtpfake.Content, smtpfake.Action{Wait: answer}))
		client := must(smtp.New(plaintext(pipeTo(server))))
		defer server.Close()
		sent, closed := make(chan error, 1), make(chan error, 1)
		go func() { _, err := client.Send(t.Context(), newMessage(1)); sent <- err }()
		synctest.Wait()
		go func() { closed <- client.Close(t.Context()) }()
		synctest.Wait()
		_, err := client.Send(t.Context(), newMessage(1))
		wantClosed(t, err, mailer.NotAccepted)
		if len(closed) != 0 {
			t.Error("Close returned while a message was under way")
		}
		close(answer)
		if err := <-sent; err != nil {
			t.Errorf("the message under way: %v", err)
		}
		if err := <-closed; err != nil {
			t.Errorf("Close: %v", err)
		}
		if err := client.Close(t.Context()); err != nil {
			t.Errorf("the second Close: %v", err)
		}
		_, err = client.Send(t.Context(), newMessage(1))
		wantClosed(t, err, mailer.NotAccepted)
		if err := client.Check(t.Context()); !errors.Is(err, mailer.ErrClosed) {
			t.Errorf("Check after Close: %v", err)
		}
	})
}

// wantClosed: a closed sender is the caller's doing, however far the message got.
func wantClosed(t *testing.T, err error, outcome mailer.Outcome) {
	t.Helper()
	e := mailer.AsSendError(err)
	if e == nil {
		t.Fatal("no error")
	}
	if e.Outcome != outcome || e.Scope != mailer.ScopeCaller || !errors.Is(err, mailer.ErrClosed) {
		t.Errorf("got %v: %v, scope %v; want %v, the caller's doing, ErrClosed", e.Outcome, err, e.Scope, outcome)
	}
}

// TestCloseCutsOff: what is under way when Close runs out of time gets its verdict by how
// far it got, at once.
func TestCloseCutsOff(t *testing.T) {
	for _, c := range []struct {
		name    string
		at      smtpfake.Point // where the server falls silent
		cfg     smtpfake.Config
		client  func(*smtp.Config)
		outcome mailer.Outcome
		taken   int
	}{
		{name: "greeting", at: smtpfake.Greeting, outcome: mailer.NotAccepted},
		{name: "EHLO", at: smtpfake.EHLO, outcome: mailer.NotAccepted},
		{name: "STARTTLS", at: smtpfake.STARTTLS, cfg: withTLS(smtpfake.Config{}), client: useTLS(smtp.STARTTLS), outcome: mailer.NotAccepted},
		{name: "handshake", at: smtpfake.Handshake, cfg: withTLS(smtpfake.Config{}), client: useTLS(smtp.STARTTLS), outcome: mailer.NotAccepted},
		{name: "AUTH", at: smtpfake.AUTH, cfg: withUsers(smtpfake.Config{}), client: logIn, outcome: mailer.NotAccepted},
		{name: "MAIL", at: smtpfake.MAIL, outcome: mailer.NotAccepted},
		{name: "RCPT", at: smtpfake.RCPT, outcome: mailer.NotAccepted},
		{name: "DATA", at: smtpfake.DATA, outcome: mailer.NotAccepted},
		{name: "content", at: smtpfake.Content, outcome: mailer.Unknown, taken: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.cfg.Hook = smtpfake.On(c.at, smtpfake.Action{Decision: smtpfake.Accept, Silent: true, Then: smtpfake.Hang})
				server := smtpfake.New(c.cfg)
				cfg := plaintext(nil)
				if c.client != nil {
					c.client(&cfg)
				}
				cfg.Dial = pipeTo(server)
				client := must(smtp.New(cfg))
				defer server.Close()
				sent := make(chan error, 1)
				go func() { _, err := client.Send(t.Context(), newMessage(1)); sent <- err }()
				time.Sleep(time.Second)
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				start := time.Now()
				if err := client.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Close: %v, want ctx's error", err)
				}
				if took := time.Since(start); took > 1100*time.Millisecond {
					t.Errorf("Close took %v", took)
				}
				wantClosed(t, <-sent, c.outcome)
				synctest.Wait()
				if n := len(server.Messages()); n != c.taken {
					t.Errorf("the server took %d, want %d", n, c.taken)
				}
			})
		})
	}
}

// TestCloseDuringDial: a dial under way is given up, and a connection that comes too late is closed.
func TestCloseDuringDial(t *testing.T) {
	for _, late := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			server := smtpfake.New(smtpfake.Config{})
			var wires opened
			dial := counted(&wires, pipeTo(server))
			client := must(smtp.New(plaintext(func(ctx context.Context, network, address string) (net.Conn, error) {
				<-ctx.Done()
				if late {
					return dial(ctx, network, address)
				}
				return nil, &net.OpError{Op: "dial", Net: network, Err: ctx.Err()}
			})))
			defer server.Close()
			sent := make(chan error, 1)
			go func() { _, err := client.Send(t.Context(), newMessage(1)); sent <- err }()
			synctest.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := client.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Close: %v", err)
			}
			wantClosed(t, <-sent, mailer.NotAccepted)
			if wires.open() != 0 || len(server.Commands()) != 0 {
				t.Errorf("%d connections left open, commands %v", wires.open(), server.Commands())
			}
		})
	}
}

// TestCloseEndsIdle: idle connections get a QUIT, and a deaf server delays nothing.
func TestCloseEndsIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := smtpfake.New(smtpfake.Config{Extensions: relay})
		var wires opened
		client := must(smtp.New(plaintext(counted(&wires, pipeTo(server)))))
		if _, err := client.Send(t.Context(), newMessage(1)); err != nil {
			t.Fatal(err)
		}
		closeAll(t, client, server)
		if wires.open() != 0 || !strings.HasSuffix(server.Transcript(1), "S: 221 2.0.0 bye\n") {
			t.Errorf("%d open, transcript:\n%s", wires.open(), server.Transcript(1))
		}
	})
}
