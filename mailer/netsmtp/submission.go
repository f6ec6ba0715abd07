package netsmtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/internal/netconn"
	"github.com/mailkeel/mailkeel/internal/smtpwire"
	"github.com/mailkeel/mailkeel/mailer"
)

// provider is what receipts call a server that speaks SMTP.
const provider = "smtp"

// A submission is one SendMail under way, over a connection of its own.
type submission struct {
	dialer
	mail
	attempt ledger.Attempt
	addr    string
	auth    Auth

	host    string
	conn    *smtpwire.Conn
	isLocal bool     // what is said stays on this machine
	shown   []string // what the server was told in confidence
}

// send makes the attempt.
func (s *submission) send(ctx context.Context, body *content) error {
	if err := s.connect(ctx); err != nil {
		return s.refuse(&smtpwire.Error{Stage: smtpwire.StageConnect, Err: err})
	}
	defer s.conn.Abort()
	s.conn.Bind(ctx)
	defer s.conn.Unbind()
	if failed := s.prepare(); failed != nil {
		return s.refuse(failed)
	}
	env, err := s.envelope(body)
	if err != nil {
		s.conn.Bye()
		return s.refuse(&smtpwire.Error{Stage: smtpwire.StageMail, Err: err})
	}
	s.attempt.Mark(mailer.PhaseEnvelope)
	res := s.conn.Transact(env, body, nil, smtpwire.Limits{Step: stepLimit, Stall: stepLimit, Patience: replyLimit})
	switch {
	case isAccepted(res) && res.Reusable:
		s.conn.Quit(time.Now().Add(quitLimit))
	case res.Reusable:
		s.conn.Bye()
	}
	return s.account(res)
}

// connect opens the transport.
func (s *submission) connect(ctx context.Context) error {
	s.attempt.Mark(mailer.PhaseConnect)
	var port string
	s.host, port, _ = net.SplitHostPort(s.addr) // what is wrong with it the dialer says
	transport, err := netconn.Dial(ctx, s.dial, s.addr, time.Now().Add(dialLimit))
	if err != nil {
		return hintAt(port, err)
	}
	s.isLocal = netconn.IsLoopback(transport)
	s.conn = smtpwire.NewConn(transport)
	s.conn.WholeText()
	return nil
}

// hintAt explains what a cloud does to port 25: it drops what is sent there.
func hintAt(port string, err error) error {
	var timeout net.Error
	if (port == "25" || port == "smtp") && errors.As(err, &timeout) && timeout.Timeout() && !isContextError(err) {
		return fmt.Errorf("%w; most clouds block port 25: use 587 (STARTTLS), 465 (implicit TLS) or 2525", err)
	}
	return err
}

// isImplicitTLS reports whether addr is where TLS is spoken from the first byte on (RFC 8314
// section 7.3), and where one who waits for a greeting waits for ever.
func isImplicitTLS(addr string) bool {
	_, port, _ := net.SplitHostPort(addr)
	return port == "465" || port == "submissions" || port == "smtps"
}

// localName is what EHLO says, the same as net/smtp does.
const localName = "localhost"

// prepare brings the connection to where MAIL can be said.
func (s *submission) prepare() *smtpwire.Error {
	if isImplicitTLS(s.addr) {
		s.attempt.Mark(mailer.PhaseTLS)
		if err := s.conn.Handshake(s.tlsConfig(), s.step()); err != nil {
			return err
		}
	}
	if err := s.conn.Greet(s.step()); err != nil {
		return err
	}
	// A server without EHLO has neither TLS nor AUTH.
	if err := s.conn.Hello(localName, s.auth == nil, s.step()); err != nil {
		return err
	}
	if err := s.protect(); err != nil {
		return err
	}
	return s.authenticate()
}

func (s *submission) step() time.Time { return time.Now().Add(stepLimit) }

// protect begins TLS where it is offered, and fails where it is not and has to be. An
// offer that fails is never made up for by going on without.
func (s *submission) protect() *smtpwire.Error {
	_, isTLS := s.conn.TLS()
	if isTLS || !s.conn.Extensions().StartTLS && (s.auth == nil || s.isLocal) {
		return nil
	}
	s.attempt.Mark(mailer.PhaseTLS)
	if err := s.conn.StartTLS(s.tlsConfig(), s.step()); err != nil {
		return err
	}
	return s.conn.Hello(localName, false, s.step())
}

func (s *submission) tlsConfig() *tls.Config {
	return &tls.Config{ServerName: s.host, RootCAs: s.roots, MinVersion: tls.VersionTLS12}
}

// envelope fits the message to what the server offers.
func (s *submission) envelope(body *content) (*smtpwire.Envelope, error) {
	ext := s.conn.Extensions()
	needsUTF8 := !isASCII(s.from)
	for _, to := range s.to {
		needsUTF8 = needsUTF8 || !isASCII(to)
	}
	switch {
	case needsUTF8 && !ext.UTF8:
		return nil, fmt.Errorf("%w: an address needs SMTPUTF8, which the server does not offer", mailer.ErrUnsupported)
	case body.eightBit && !ext.EightBit:
		return nil, fmt.Errorf("%w: the message has 8-bit octets and needs 8BITMIME, which the server does not offer", mailer.ErrUnsupported)
	}
	return &smtpwire.Envelope{
		From: s.from, To: s.to, SizeBytes: body.sizeBytes, AllOrNone: true, DisableChunking: true,
		EightBit: body.eightBit, UTF8: needsUTF8 || body.utf8 && ext.UTF8,
	}, nil
}
