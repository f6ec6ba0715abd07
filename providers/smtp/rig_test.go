package smtp_test

import (
	"context"
	"net"
	"testing"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/internal/testcert"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/smtp"
)

var certs = must(testcert.New())

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// pipeTo returns a Dial that connects to server in memory, where what one side has not
// read the other has not written.
func pipeTo(server *smtpfake.Server) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go server.ServeConn(theirs)
		return ours, nil
	}
}

// newMessage returns a message to n recipients, at addresses that the tests know.
func newMessage(n int) *mailer.Message {
	m := &mailer.Message{
		From:    mailer.Address{Name: "Ann", Address: "ann@example.com"},
		Subject: "Hello",
		Text:    "Hello,\n.a line that begins with a dot\nBye\n",
	}
	for _, a := range []string{"bob@example.net", "cid@example.net", "dan@example.net"}[:n] {
		m.To = append(m.To, mailer.Address{Address: a})
	}
	return m
}

// closeAll ends client and server, as a test in a bubble of virtual time must.
func closeAll(t *testing.T, client *smtp.Client, server *smtpfake.Server) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // nothing is under way any more
	_ = client.Close(ctx)
	server.Close()
}
