package smtp

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	sasl "github.com/wneessen/go-mail/smtp"

	"github.com/mailkeel/mailkeel/internal/netconn"
	"github.com/mailkeel/mailkeel/internal/redact"
	"github.com/mailkeel/mailkeel/internal/smtpwire"
	"github.com/mailkeel/mailkeel/mailer"
)

// A mechanism is one of SASL that go-mail implements.
type mechanism struct {
	name  string
	named bool // used only when Config.Auth names it
	start func(c *credentials) sasl.Auth
}

type credentials struct {
	host, username string
	secret         mailer.Secret
	tls            *tls.ConnectionState // nil without TLS
}

func (c *credentials) plus() bool { return c.tls != nil }

// mechanisms in the order of preference. PLAIN and LOGIN show the password to the
// server, SCRAM does not; -PLUS also proves that nobody sits between.
//
// The guard against sending a password in clear text is Config.Security, the same for
// every mechanism; go-mail's own, which trusts the name localhost, is switched off.
var mechanisms = []mechanism{
	{name: "SCRAM-SHA-256-PLUS", start: func(c *credentials) sasl.Auth {
		return sasl.ScramSHA256PlusAuth(c.username, c.secret.Reveal(), c.tls)
	}},
	{name: "SCRAM-SHA-256", start: func(c *credentials) sasl.Auth {
		return sasl.ScramSHA256Auth(c.username, c.secret.Reveal())
	}},
	{name: "SCRAM-SHA-1-PLUS", start: func(c *credentials) sasl.Auth {
		return sasl.ScramSHA1PlusAuth(c.username, c.secret.Reveal(), c.tls)
	}},
	{name: "SCRAM-SHA-1", start: func(c *credentials) sasl.Auth {
		return sasl.ScramSHA1Auth(c.username, c.secret.Reveal())
	}},
	{name: "PLAIN", start: func(c *credentials) sasl.Auth {
		return sasl.PlainAuth("", c.username, c.secret.Reveal(), c.host, true)
	}},
	{name: "LOGIN", start: func(c *credentials) sasl.Auth {
		return sasl.LoginAuth(c.username, c.secret.Reveal(), c.host, true)
	}},
	{name: "CRAM-MD5", named: true, start: func(c *credentials) sasl.Auth {
		return sasl.CRAMMD5Auth(c.username, c.secret.Reveal())
	}},
	{name: "XOAUTH2", named: true, start: func(c *credentials) sasl.Auth {
		return sasl.XOAuth2Auth(c.username, c.secret.Reveal())
	}},
}

func mechanismNames() string {
	names := make([]string, len(mechanisms))
	for i, m := range mechanisms {
		names[i] = m.name
	}
	return strings.Join(names, ", ")
}

// choose returns the mechanism to use of those offered.
func choose(wanted string, offered []string, withTLS bool) (mechanism, bool) {
	i := slices.IndexFunc(mechanisms, func(m mechanism) bool {
		if wanted != "" && m.name != wanted || wanted == "" && m.named {
			return false
		}
		return slices.Contains(offered, m.name) && (withTLS || !strings.HasSuffix(m.name, "-PLUS"))
	})
	if i < 0 {
		return mechanism{}, false
	}
	return mechanisms[i], true
}

// authenticate runs AUTH on conn with secret.
func (c *Client) authenticate(conn *smtpwire.Conn, secret mailer.Secret, limit time.Time) *smtpwire.Error {
	creds := &credentials{host: c.cfg.Host, username: c.cfg.Username, secret: secret}
	if state, ok := conn.TLS(); ok {
		creds.tls = &state
	}
	m, ok := choose(c.cfg.Auth, conn.Extensions().Auth, creds.plus())
	if !ok {
		return &smtpwire.Error{Stage: smtpwire.StageAuth, Err: smtpwire.ErrNoAuth}
	}
	auth := m.start(creds)
	name, initial, err := auth.Start(&sasl.ServerInfo{Name: c.cfg.Host, TLS: creds.tls != nil, Auth: conn.Extensions().Auth})
	if err != nil {
		return &smtpwire.Error{Stage: smtpwire.StageAuth, Err: errMechanism}
	}
	var exchange smtpwire.Mechanism = &simpleExchange{auth}
	if strings.HasPrefix(m.name, "SCRAM-") {
		exchange = &scramExchange{auth: auth}
	}
	response := base64.StdEncoding.EncodeToString(initial)
	conn.Scrub(func(text string) string { return redact.Secrets(text, secret.Reveal(), response) })
	return conn.Authenticate(name, initial, exchange, limit)
}

// errMechanism stands for whatever a mechanism said, which may hold parts of the exchange.
var errMechanism = errors.New("the exchange with the server failed")

type simpleExchange struct{ auth sasl.Auth }

func (e *simpleExchange) Next(challenge []byte) ([]byte, error) {
	response, err := e.auth.Next(challenge, true)
	if err != nil {
		return nil, errMechanism
	}
	return response, nil
}

func (e *simpleExchange) Done() error { return nil }

// scramExchange insists on what makes SCRAM worth its round trips (RFC 5802 section
// 3): the server, too, has to prove that it knows the password.
type scramExchange struct {
	auth     sasl.Auth
	answered bool // our proof was sent: what the server's is made of exists only then
	proven   bool
}

// maxIterations bounds the work that a server can ask for, which ctx cannot stop: well
// under 100 ms. RFC 7677 section 4 asks for at least 4,096.
const maxIterations = 250_000

func (e *scramExchange) Next(challenge []byte) ([]byte, error) {
	isProof := bytes.HasPrefix(challenge, []byte("v="))
	switch {
	case isProof != e.answered:
		return nil, fmt.Errorf("%w: its messages are out of order", errMechanism)
	case tooManyIterations(challenge):
		return nil, fmt.Errorf("%w: it asks for more than %d iterations", errMechanism, maxIterations)
	}
	response, err := e.auth.Next(challenge, true)
	if err != nil {
		return nil, errMechanism
	}
	e.answered, e.proven = bytes.HasPrefix(challenge, []byte("r=")), isProof
	return response, nil
}

func (e *scramExchange) Done() error {
	if !e.proven {
		return fmt.Errorf("%w: it did not prove that it knows the password", errMechanism)
	}
	return nil
}

func tooManyIterations(challenge []byte) bool {
	for attribute := range bytes.SplitSeq(challenge, []byte(",")) {
		if value, found := bytes.CutPrefix(attribute, []byte("i=")); found {
			n, err := strconv.Atoi(string(value))
			return err != nil || n > maxIterations
		}
	}
	return false
}

// secret asks for the password within the time that connecting has.
func (c *Client) secret(ctx context.Context, limit time.Time) (mailer.Secret, *smtpwire.Error) {
	limited, cancel := context.WithDeadline(ctx, limit)
	defer cancel()
	secret, err := c.cfg.Password.Secret(limited)
	switch {
	case err == nil && secret.IsZero():
		err = errors.New("it is empty")
	case isContextError(err) && ctx.Err() == nil:
		err = fmt.Errorf("%w: its source took too long", netconn.ErrTimeout) // nobody cancelled anything
	}
	if err != nil {
		return secret, &smtpwire.Error{Stage: smtpwire.StageAuth, Err: fmt.Errorf("%w: %w", errCredentials, err)}
	}
	return secret, nil
}

// errCredentials means that the source of the password failed.
var errCredentials = errors.New("no credentials")
