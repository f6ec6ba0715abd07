package smtp

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// Security says how a connection is protected.
type Security int

const (
	// STARTTLS requires the STARTTLS command to succeed (RFC 3207) before anything else is said.
	STARTTLS Security = iota
	// ImplicitTLS speaks TLS from the first byte on (RFC 8314).
	ImplicitTLS
	// Plaintext protects nothing. It is for servers on this machine; see Config.AllowPlaintext.
	Plaintext
)

// Config configures a [Client]. Only Host is required.
type Config struct {
	// Name is the route's name in receipts. Empty means Host.
	Name string
	// Host is the server's name or IP address. Its certificate must be valid for it.
	Host string
	// Port is zero for the usual one: 587, with ImplicitTLS 465.
	Port int
	// Security is STARTTLS unless set.
	Security Security
	// AllowPlaintext permits Plaintext to a server that is not on this machine. Credentials
	// and messages can then be read by anybody on the way.
	AllowPlaintext bool
	// TLSConfig is cloned. Nil means the system's roots. ServerName is Host unless set,
	// MinVersion TLS 1.2 unless higher; InsecureSkipVerify is refused.
	TLSConfig *tls.Config

	// Username and Password authenticate; both empty means no AUTH. With XOAUTH2, Password is the token.
	Username string
	// Password is asked for on every connection, so that it can rotate. After a refusal,
	// a source with a Refresh method is refreshed and, if that changed the value, tried once more.
	Password mailer.SecretSource
	// Auth names one SASL mechanism: PLAIN, LOGIN, CRAM-MD5, SCRAM-SHA-1, SCRAM-SHA-256, the
	// last two with -PLUS, or XOAUTH2. Empty means the strongest on offer of all but
	// CRAM-MD5 and XOAUTH2, which are used only when named.
	Auth string

	// LocalName is what EHLO says: a domain name or an address literal. Empty means the
	// host's name if it has a domain, else the address of the connection.
	LocalName string
	// Timeout limits what comes before the content: connecting, TLS, AUTH, sender and
	// recipients, together. Zero means 15 s.
	Timeout time.Duration
	// StallTimeout limits how long the content may make no progress. Zero means 30 s.
	StallTimeout time.Duration
	// ReplyTimeout limits the wait for the reply to the content where ctx has no
	// deadline. Zero means 2 min.
	ReplyTimeout time.Duration

	// MaxConns limits open connections, idle ones included. Zero means 8. At the limit,
	// Send waits until one is free, its gate's CommitBy passes, or ctx ends.
	MaxConns int
	// IdleTimeout is how long an unused connection is kept. Zero means 45 s, which is below
	// what servers and Azure's load balancer allow; negative means that none is kept.
	IdleTimeout time.Duration
	// MaxMessagesPerConn is after how many messages a connection is replaced. Zero means 100; negative means never.
	MaxMessagesPerConn int

	// DisableChunking keeps to DATA where the server offers CHUNKING.
	DisableChunking bool
	// OneFlight sends every message in one round trip where the server offers PIPELINING
	// and CHUNKING; otherwise only messages with mailer.AtLeastOnce are. It crosses the boundary
	// before anything was answered, so that every failure from then on is Unknown.
	OneFlight bool
	// Strict refuses a message when something advisory would be left out.
	Strict bool

	// Dial opens the transport. Nil means a net.Dialer, which tries all addresses of Host.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// The defaults of Config.
const (
	defaultTimeout      = 15 * time.Second
	defaultStall        = 30 * time.Second
	defaultReplyTimeout = 2 * time.Minute
	defaultIdleTimeout  = 45 * time.Second
	defaultMaxConns     = 8
	defaultMaxMessages  = 100
	// defaultCommit limits the time before the boundary where ctx has no deadline.
	defaultCommit = 30 * time.Second
)

// withDefaults checks c and fills in what is zero.
func (c Config) withDefaults() (Config, error) {
	if err := c.check(); err != nil {
		return c, fmt.Errorf("smtp: config: %w", err)
	}
	c.Auth = strings.ToUpper(c.Auth)
	c.Name = cmp.Or(c.Name, c.Host)
	c.Port = cmp.Or(c.Port, map[Security]int{ImplicitTLS: 465}[c.Security])
	c.Port = cmp.Or(c.Port, 587)
	c.Timeout = cmp.Or(c.Timeout, defaultTimeout)
	c.StallTimeout = cmp.Or(c.StallTimeout, defaultStall)
	c.ReplyTimeout = cmp.Or(c.ReplyTimeout, defaultReplyTimeout)
	c.IdleTimeout = cmp.Or(c.IdleTimeout, defaultIdleTimeout)
	c.MaxConns = cmp.Or(c.MaxConns, defaultMaxConns)
	c.MaxMessagesPerConn = cmp.Or(c.MaxMessagesPerConn, defaultMaxMessages)
	if c.Dial == nil {
		c.Dial = new(net.Dialer).DialContext
	}
	c.TLSConfig = c.tlsConfig()
	return c, nil
}

func (c *Config) check() error {
	switch {
	case c.Host == "" || strings.ContainsAny(c.Host, " \t\r\n/@"):
		return errors.New("Host is not a host name or IP address")
	case strings.ContainsAny(c.Host, ":[]") && net.ParseIP(c.Host) == nil:
		return errors.New("Host is not a host name or IP address: the port goes into Port, and IPv6 takes no brackets")
	case c.Port < 0 || c.Port > 65535:
		return errors.New("Port is not within 0 to 65535")
	case c.Security < STARTTLS || c.Security > Plaintext:
		return errors.New("Security is not one of the named values")
	case c.Security == Plaintext && !c.AllowPlaintext && !isLoopbackName(c.Host):
		return errors.New("Security is Plaintext, but Host is not this machine: set AllowPlaintext (allow_plaintext=true) to send credentials and mail in clear text")
	case c.TLSConfig != nil && c.TLSConfig.InsecureSkipVerify:
		return errors.New("TLSConfig.InsecureSkipVerify is set; put the server's CA into TLSConfig.RootCAs instead")
	case c.Timeout < 0 || c.StallTimeout < 0 || c.ReplyTimeout < 0:
		return errors.New("Timeout, StallTimeout or ReplyTimeout is negative")
	case c.MaxConns < 0:
		return errors.New("MaxConns (max_conns) is negative")
	}
	return c.checkNames()
}

// checkNames looks at who we say we are.
func (c *Config) checkNames() error {
	switch {
	case (c.Username == "") != (c.Password == nil):
		return errors.New("Username and Password go together (user:password@)")
	case c.Auth != "" && c.Password == nil:
		return errors.New("Auth is set without Username and Password")
	case c.Auth != "" && !slices.ContainsFunc(mechanisms, func(m mechanism) bool { return strings.EqualFold(m.name, c.Auth) }):
		return fmt.Errorf("Auth is not one of %s", mechanismNames())
	case strings.ContainsFunc(c.Username, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return errors.New("Username has a control character")
	case strings.ContainsFunc(c.LocalName, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return errors.New("LocalName has characters other than printable ASCII")
	}
	return nil
}

func (c *Config) tlsConfig() *tls.Config {
	t := new(tls.Config)
	if c.TLSConfig != nil {
		t = c.TLSConfig.Clone()
	}
	t.ServerName = cmp.Or(t.ServerName, c.Host)
	t.MinVersion = max(t.MinVersion, tls.VersionTLS12)
	if t.ClientSessionCache == nil {
		t.ClientSessionCache = tls.NewLRUClientSessionCache(c.MaxConns)
	}
	return t
}

func isLoopbackName(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
