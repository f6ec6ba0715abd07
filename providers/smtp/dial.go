package smtp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/mailkeel/mailkeel/internal/connpool"
	"github.com/mailkeel/mailkeel/internal/netconn"
	"github.com/mailkeel/mailkeel/internal/smtpwire"
	"github.com/mailkeel/mailkeel/mailer"
)

var errNotLoopback = errors.New("the connection does not stay on this machine: set AllowPlaintext (allow_plaintext=true) to send credentials and mail in clear text")

// connect opens a connection that is ready for a message, unless Close cuts that off.
func (c *Client) connect(ctx context.Context, a *attempt) (*pooled, *smtpwire.Error) {
	dialing, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.pool.Cut(), cancel)()
	conn, err := c.logIn(dialing, a)
	if err != nil && c.pool.Cut().Err() != nil && ctx.Err() == nil {
		err.Err = connpool.ErrClosed
	}
	return conn, err
}

// logIn opens a connection. A password that was refused is fetched anew once where
// its source can do that; another refusal stands.
func (c *Client) logIn(ctx context.Context, a *attempt) (*pooled, *smtpwire.Error) {
	conn, used, err := c.open(ctx, a)
	if err == nil || err.Stage != smtpwire.StageAuth || err.Reply.Code/100 != 5 {
		return conn, err
	}
	source, ok := c.cfg.Password.(mailer.Refresher)
	if !ok {
		return nil, err
	}
	source.Refresh()
	if fresh, sourceErr := c.secret(ctx, a.limits.Envelope); sourceErr != nil || fresh.Equal(used) {
		return nil, err
	}
	conn, _, err = c.open(ctx, a)
	return conn, err
}

// open makes one connection: transport, TLS, greeting, EHLO, AUTH. It returns the
// password that was used.
func (c *Client) open(ctx context.Context, a *attempt) (*pooled, mailer.Secret, *smtpwire.Error) {
	var secret mailer.Secret
	if c.cfg.Password != nil {
		a.Mark(mailer.PhaseAuth)
		var err *smtpwire.Error
		if secret, err = c.secret(ctx, a.limits.Envelope); err != nil {
			return nil, secret, err
		}
	}
	a.Mark(mailer.PhaseConnect)
	transport, err := c.dial(ctx, a)
	if err != nil {
		return nil, secret, &smtpwire.Error{Stage: smtpwire.StageConnect, Err: err}
	}
	conn := &pooled{Conn: smtpwire.NewConn(transport), maxMessages: c.cfg.MaxMessagesPerConn}
	if !c.pool.Track(conn) {
		c.pool.Drop(conn)
		return nil, secret, &smtpwire.Error{Stage: smtpwire.StageConnect, Err: connpool.ErrClosed}
	}
	conn.Bind(ctx)
	failed := c.converse(conn.Conn, transport, secret, a)
	if !conn.Unbind() && failed == nil {
		failed = &smtpwire.Error{Stage: smtpwire.StageHello, Err: ctx.Err()}
	}
	if failed != nil {
		c.pool.Drop(conn)
		return nil, secret, failed
	}
	return conn, secret, nil
}

// dial opens the transport and holds Plaintext to this machine, whatever the host's name says.
func (c *Client) dial(ctx context.Context, a *attempt) (net.Conn, error) {
	address := net.JoinHostPort(c.cfg.Host, strconv.Itoa(c.cfg.Port))
	transport, err := netconn.Dial(ctx, c.cfg.Dial, address, a.limits.Envelope)
	switch {
	case err != nil && c.cfg.Port == 25 && !isContextError(err):
		return nil, fmt.Errorf("%w; most clouds block port 25: use 587 (STARTTLS), 465 (implicit TLS) or 2525", err)
	case err != nil:
		return nil, err
	}
	if addr, ok := transport.RemoteAddr().(*net.TCPAddr); ok &&
		c.cfg.Security == Plaintext && !c.cfg.AllowPlaintext && !addr.IP.IsLoopback() {
		_ = transport.Close()
		return nil, errNotLoopback
	}
	return transport, nil
}

// converse brings a fresh connection to where MAIL can be said.
func (c *Client) converse(conn *smtpwire.Conn, transport net.Conn, secret mailer.Secret, a *attempt) *smtpwire.Error {
	limit := a.limits.Envelope
	if c.cfg.Security == ImplicitTLS {
		a.Mark(mailer.PhaseTLS)
		if err := conn.Handshake(c.cfg.TLSConfig, limit); err != nil {
			return err
		}
	}
	if err := conn.Greet(limit); err != nil {
		return err
	}
	name := c.localName(transport)
	// Where neither TLS nor AUTH is required, a server without EHLO will do.
	helo := c.cfg.Security == Plaintext && c.cfg.Password == nil
	if err := conn.Hello(name, helo, limit); err != nil {
		return err
	}
	c.connected.Store(true)
	if c.cfg.Security == STARTTLS {
		a.Mark(mailer.PhaseTLS)
		if err := conn.StartTLS(c.cfg.TLSConfig, limit); err != nil {
			return err
		}
		if err := conn.Hello(name, false, limit); err != nil {
			return err
		}
	}
	if c.cfg.Password == nil {
		return nil
	}
	a.Mark(mailer.PhaseAuth)
	return c.authenticate(conn, secret, limit)
}

// localName is what EHLO says (RFC 5321 section 4.1.4): a name with a domain, or the
// literal of the address in use, which is always true.
func (c *Client) localName(transport net.Conn) string {
	if c.cfg.LocalName != "" {
		return c.cfg.LocalName
	}
	if name, err := os.Hostname(); err == nil && strings.Contains(name, ".") && isHostName(name) {
		return name
	}
	if addr, ok := transport.LocalAddr().(*net.TCPAddr); ok {
		if ip := addr.IP.To4(); ip != nil {
			return "[" + ip.String() + "]"
		}
		return "[IPv6:" + addr.IP.String() + "]"
	}
	return "[127.0.0.1]"
}

func isHostName(name string) bool {
	return !strings.ContainsFunc(name, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '.')
	}) && !strings.HasPrefix(name, ".") && !strings.HasSuffix(name, ".")
}

func (c *Client) route() route { return route{worked: c.connected.Load(), port: c.cfg.Port} }
