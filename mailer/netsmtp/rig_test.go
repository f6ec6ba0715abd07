package netsmtp_test

import (
	"context"
	"errors"
	"net"
	"testing"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/internal/testcert"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/netsmtp"
)

const (
	from = "ann@example.com"
	bob  = "bob@example.net"
	cid  = "cid@example.net"
)

var (
	message = []byte("From: ann@example.com\r\nTo: bob@example.net\r\nSubject: Hi\r\n\r\nHello\r\n.\r\n..two\r\n")
	certs   = must(testcert.New())
	both    = []string{bob, cid}
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// on returns a server that does a at p.
func on(p smtpfake.Point, a smtpfake.Action) smtpfake.Config {
	return smtpfake.Config{Hook: smtpfake.On(p, a)}
}

func withTLS(cfg smtpfake.Config) smtpfake.Config {
	cfg.TLS = testcert.Server(certs.Valid)
	return cfg
}

func withUser(cfg smtpfake.Config) smtpfake.Config {
	cfg.Users = map[string]string{"ann": "s3cret-pass"}
	return cfg
}

var logIn = netsmtp.PlainAuth("", "ann", "s3cret-pass", "127.0.0.1")

// afar makes connections look as if they left this machine.
func afar(dial func(context.Context, string, string) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		return farConn{conn}, err
	}
}

type farConn struct{ net.Conn }

func (farConn) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 587} }

// pipeTo connects to server in memory.
func pipeTo(server *smtpfake.Server) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go server.ServeConn(theirs)
		return ours, nil
	}
}

// sendError returns the account in err, and complains where there is none.
func sendError(t *testing.T, err error) *mailer.SendError {
	t.Helper()
	var e *mailer.SendError
	if !errors.As(err, &e) || e.Receipt == nil {
		t.Fatalf("%v is no complete *SendError", err)
	}
	return e
}

// wantTruth compares what SendMail returned with what the server took.
func wantTruth(t *testing.T, server *smtpfake.Server, err error) {
	t.Helper()
	server.WaitIdle()
	taken := len(server.Messages())
	switch {
	case err == nil && taken == 1:
	case err != nil && sendError(t, err).Outcome == mailer.NotAccepted && taken == 0:
	case errors.Is(err, mailer.ErrUnknownOutcome):
	default:
		t.Errorf("the server took %d, and SendMail says %v", taken, err)
	}
}
