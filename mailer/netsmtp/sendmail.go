package netsmtp

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/internal/netconn"
	"github.com/mailkeel/mailkeel/internal/smtpwire"
	"github.com/mailkeel/mailkeel/mailer"
)

// SendMail sends msg, a whole message of RFC 5322, from the envelope's from to all of to, or to
// nobody. It connects to addr, "host:port" as [net.Dial] takes it; uses TLS, which it requires
// where a is not nil, unless the connection stays on this machine; and authenticates with a.
//
// After [SetSender] it hands the message to that Sender instead, and ignores addr and a.
//
// Nil means that the server took the message. Any other error is a [*mailer.SendError],
// which says in Outcome what became of it: unless errors.Is finds
// [mailer.ErrUnknownOutcome] in it, nobody has the message and it may be sent again. Where the
// server refused, errors.As finds a [*textproto.Error] with its words. See the package's
// documentation for limits in time and differences from [smtp.SendMail].
//
// It is safe for concurrent use, keeps nothing of msg, and does not change it.
//
// [*textproto.Error]: https://pkg.go.dev/net/textproto#Error
func SendMail(addr string, a Auth, from string, to []string, msg []byte) error {
	return SendMailContext(context.Background(), addr, a, from, to, msg)
}

// SendMailContext is [SendMail] with a limit: it returns soon after ctx ends, with ctx's error in
// its own. If that was while the server's verdict was awaited, the outcome is unknown. Where
// ctx has a deadline, the verdict is awaited until then and not for 5 minutes.
func SendMailContext(ctx context.Context, addr string, a Auth, from string, to []string, msg []byte) error {
	m := mail{from, to, hideBcc(msg)}
	if s := sender.Load(); s != nil {
		return m.through(ctx, *s)
	}
	return dialer{dial: new(net.Dialer).DialContext}.sendMail(ctx, addr, a, m)
}

// A mail is a message, without its Bcc, and its envelope.
type mail struct {
	from string
	to   []string
	msg  []byte
}

var (
	errLine         = errors.New("A line must not contain CR or LF") // the words of net/smtp, after its name
	errPath         = fmt.Errorf("%w: an address has a space, an angle bracket or a control character", mailer.ErrInvalidMessage)
	errNoRecipients = fmt.Errorf("%w: there are no recipients", mailer.ErrInvalidMessage)
)

// check refuses addresses that a server would read as something else.
func (m *mail) check() error {
	if len(m.to) == 0 {
		return errNoRecipients
	}
	for i, address := range append([]string{m.from}, m.to...) {
		switch null := i == 0 && address == ""; {
		case strings.ContainsAny(address, "\r\n"):
			return errLine
		case !null && !smtpwire.IsPath(address):
			return errPath
		}
	}
	return nil
}

// Limits in time.
const (
	dialLimit  = 10 * time.Second
	stepLimit  = 60 * time.Second
	replyLimit = 5 * time.Minute
	quitLimit  = 2 * time.Second
)

// A dialer opens transports. Without roots, the system's are trusted.
type dialer struct {
	dial  netconn.DialFunc
	roots *x509.CertPool
}

// sendMail is SendMailContext without a Sender.
func (d dialer) sendMail(ctx context.Context, addr string, a Auth, m mail) error {
	s := &submission{dialer: d, mail: m, addr: addr, auth: a}
	s.attempt = ledger.Attempt{Provider: provider, Route: addr, Start: time.Now()}
	if err := s.check(); err != nil {
		return s.refuse(&smtpwire.Error{Stage: smtpwire.StageConnect, Err: err})
	}
	body, err := newContent(m.msg)
	if err != nil {
		return s.refuse(&smtpwire.Error{Stage: smtpwire.StageConnect, Err: fmt.Errorf("%w: %w", mailer.ErrInvalidMessage, err)})
	}
	return s.send(ctx, body)
}
