package netsmtp_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/smtp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/internal/faultconn"
	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/netsmtp"
)

// TestSilence: Difference 1, P13. A server that falls silent at any step is left within the step's
// limit, or as soon as ctx ends, with the verdict of the boundary.
func TestSilence(t *testing.T) {
	for _, c := range []struct {
		name  string
		at    smtpfake.Point
		limit time.Duration
	}{
		{"greeting", smtpfake.Greeting, time.Minute}, {"EHLO", smtpfake.EHLO, time.Minute}, {"AUTH", smtpfake.AUTH, time.Minute},
		{"MAIL", smtpfake.MAIL, time.Minute}, {"RCPT", smtpfake.RCPT, time.Minute}, {"DATA", smtpfake.DATA, time.Minute},
		{"verdict", smtpfake.Content, 5 * time.Minute}, {"QUIT", smtpfake.QUIT, 2 * time.Second},
	} {
		for _, within := range []time.Duration{0, time.Second} {
			t.Run(c.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { silence(t, c.at, c.limit, within) })
			})
		}
	}
}

func silence(t *testing.T, at smtpfake.Point, limit, within time.Duration) {
	t.Helper()
	server := smtpfake.New(withUser(on(at, smtpfake.Action{Silent: true, Then: smtpfake.Hang})))
	defer server.Close()
	ctx, cancel := t.Context(), context.CancelFunc(func() {})
	if within > 0 {
		ctx, cancel = context.WithTimeout(ctx, within)
		limit = within
	}
	defer cancel()
	start := time.Now()
	err := netsmtp.Rig{Dial: loopback(pipeTo(server))}.SendMail(ctx, "127.0.0.1:587", logIn, from, both, message)
	if took := time.Since(start); took != limit {
		t.Errorf("took %v, want %v", took, limit)
	}
	if at == smtpfake.QUIT {
		if err != nil {
			t.Error(err)
		}
		return
	}
	e := sendError(t, err)
	if unknown := at == smtpfake.Content; errors.Is(err, mailer.ErrUnknownOutcome) != unknown || e.Outcome == mailer.Accepted {
		t.Errorf("got %v", err)
	}
	if byCaller := e.Scope == mailer.ScopeCaller; byCaller != (within > 0) || within > 0 != errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("scope %v of %v", e.Scope, err)
	}
}

// loopback makes connections look as if they stayed on this machine.
func loopback(dial func(context.Context, string, string) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		return nearConn{conn}, err
	}
}

type nearConn struct{ net.Conn }

func (nearConn) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 587} }

// TestSlowRecipients: Difference 1. Each step has its own limit: a server that takes its time with each of many
// recipients is not cut off.
func TestSlowRecipients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := smtpfake.New(smtpfake.Config{Hook: func(e *smtpfake.Event) smtpfake.Action {
			if e.Point == smtpfake.RCPT {
				return smtpfake.Action{Wait: after(50 * time.Second)}
			}
			return smtpfake.Action{}
		}})
		defer server.Close()
		err := netsmtp.Rig{Dial: pipeTo(server)}.SendMail(t.Context(), "127.0.0.1:25", nil, from, []string{bob, cid, bob, cid}, message)
		if err != nil || len(server.Messages()) != 1 {
			t.Errorf("got %v", err)
		}
	})
}

// TestStalledContent: Difference 1. A server that stops reading the content is left after a minute, or two where it
// stopped within what was written at once; one that reads on, however slowly, is not.
func TestStalledContent(t *testing.T) {
	long := append(bytes.Clone(message), bytes.Repeat([]byte("0123456789\r\n"), 30_000)...)
	for pause, limit := range map[time.Duration]time.Duration{time.Hour: time.Minute, 50 * time.Second: 0} {
		synctest.Test(t, func(t *testing.T) {
			server := smtpfake.New(smtpfake.Config{})
			defer server.Close()
			dial := func(context.Context, string, string) (net.Conn, error) {
				ours, theirs := net.Pipe()
				go server.ServeConn(&slowReader{Conn: theirs, pause: pause})
				return ours, nil
			}
			start := time.Now()
			err := netsmtp.Rig{Dial: dial}.SendMail(t.Context(), "127.0.0.1:25", nil, from, both, long)
			if took := time.Since(start); limit > 0 && (took < limit || took > 2*limit) || limit == 0 && took < 2*time.Minute {
				t.Errorf("with pauses of %v: took %v", pause, took)
			}
			if (err == nil) != (limit == 0) || err != nil && sendError(t, err).Outcome != mailer.NotAccepted {
				t.Errorf("with pauses of %v: %v", pause, err)
			}
			time.Sleep(pause)
			wantTruth(t, server, err)
		})
	}
}

// A slowReader pauses after each read that brings a part of a content.
type slowReader struct {
	net.Conn
	pause time.Duration
}

func (c *slowReader) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 1000 {
		time.Sleep(c.pause)
	}
	return n, err
}

// TestNobodyThere: Difference 1. A connection that is never made takes 10 s, and where a cloud may have seen to that,
// the error says so.
func TestNobodyThere(t *testing.T) {
	for port, hint := range map[string]bool{"25": true, "smtp": true, "587": false} {
		synctest.Test(t, func(t *testing.T) {
			rig := netsmtp.Rig{Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
				<-ctx.Done()
				return nil, &net.OpError{Op: "dial", Net: "tcp", Err: ctx.Err()}
			}}
			start := time.Now()
			err := rig.SendMail(t.Context(), "mail.example.com:"+port, nil, from, both, message)
			if took := time.Since(start); took != 10*time.Second || sendError(t, err).Outcome != mailer.NotAccepted {
				t.Errorf("took %v: %v", took, err)
			}
			if strings.Contains(err.Error(), "block port 25") != hint {
				t.Errorf("port %s: %v", port, err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			err = rig.SendMail(ctx, "mail.example.com:"+port, nil, from, both, message)
			if !errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "block port 25") {
				t.Errorf("port %s, when the caller had no more time: %v", port, err)
			}
		})
	}
}

// TestDialSilence: a server that accepts and never greets, or stops anywhere later, does not
// hold the Client for ever. Difference 1.
func TestDialSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer theirs.Close()
		start := time.Now()
		if _, err := smtp.NewClient(netsmtp.Guard(ours), "localhost"); err == nil || time.Since(start) != time.Minute {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		server := smtpfake.New(on(smtpfake.NOOP, smtpfake.Action{Silent: true, Then: smtpfake.Hang}))
		defer server.Close()
		ours, theirs := net.Pipe()
		go server.ServeConn(theirs)
		client, err := smtp.NewClient(netsmtp.Guard(ours), "localhost")
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		time.Sleep(time.Hour) // the program does something else
		start := time.Now()
		if err := client.Noop(); err == nil || time.Since(start) != 5*time.Minute {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}

// TestDialDrip: a byte now and then does not prolong an answer's time.
func TestDialDrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		dripped := make(chan struct{})
		go func() {
			defer close(dripped)
			for {
				if _, err := theirs.Write([]byte("2")); err != nil {
					return
				}
				time.Sleep(7 * time.Second)
			}
		}()
		start := time.Now()
		if _, err := smtp.NewClient(netsmtp.Guard(ours), "localhost"); err == nil || time.Since(start) != time.Minute {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		<-dripped
	})
}

// TestDialDeafServer: a write that nobody reads ends too.
func TestDialDeafServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := faultconn.Pipe()
		defer theirs.Close()
		start := time.Now()
		n, err := netsmtp.Guard(ours).Write(make([]byte, 1<<20))
		if err == nil || time.Since(start) != time.Minute || n != 64<<10 {
			t.Errorf("%d bytes after %v: %v", n, time.Since(start), err)
		}
	})
}

// after returns what is closed once d has passed.
func after(d time.Duration) <-chan struct{} {
	done := make(chan struct{})
	time.AfterFunc(d, func() { close(done) })
	return done
}
