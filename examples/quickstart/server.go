package main

import (
	"net"
	"os"
	"path/filepath"
	"slices"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/internal/testcert"
	"github.com/mailkeel/mailkeel/mailer/dsn"
)

// The recipients with whom the embedded server shows what can go wrong.
const (
	unknownRecipient = "nobody@example.org" // is refused
	unluckyRecipient = "kim@example.org"    // gets the message, but the reply is lost
)

// A server is an SMTP server on this machine that takes any message, and its connection string.
type server struct {
	*smtpfake.Server
	url    string
	folder string
}

func startServer() (*server, error) {
	certs, err := testcert.New()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "quickstart")
	if err != nil {
		return nil, err
	}
	s := &server{folder: folder, Server: smtpfake.New(smtpfake.Config{
		Extensions: smtpfake.AllExtensions(),
		TLS:        testcert.Server(certs.Valid), RequireTLS: true,
		Users: map[string]string{"app": "secret"}, RequireAuth: true,
		Hook: misbehave,
	})}
	if err := s.listen(certs.RootsPEM); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// listen starts to serve and makes the connection string of it.
func (s *server) listen(roots []byte) error {
	caFile := filepath.Join(s.folder, "ca.pem")
	if err := os.WriteFile(caFile, roots, 0o600); err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() { _ = s.Serve(l) }()
	s.url = "smtp://app:secret@" + l.Addr().String() + "?ca_file=" + dsn.Escape(caFile)
	return nil
}

func (s *server) close() {
	s.Close()
	_ = os.RemoveAll(s.folder)
}

// has reports whether the server took a message for address.
func (s *server) has(address string) bool {
	return slices.ContainsFunc(s.Messages(), func(m smtpfake.Message) bool {
		return slices.Contains(m.Addresses(), address)
	})
}

// misbehave is a server's bad day, for two recipients.
func misbehave(e *smtpfake.Event) smtpfake.Action {
	switch e.Point {
	case smtpfake.RCPT:
		if e.Arg == "TO:<"+unknownRecipient+">" {
			return smtpfake.Action{Reply: "550 5.1.1 no such user"}
		}
	case smtpfake.Content:
		if slices.ContainsFunc(e.Recipients, func(r smtpfake.Recipient) bool { return r.Address == unluckyRecipient }) {
			return smtpfake.Action{Decision: smtpfake.Accept, Silent: true, Then: smtpfake.FIN}
		}
	}
	return smtpfake.Action{}
}
