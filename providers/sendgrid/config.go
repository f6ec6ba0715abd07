package sendgrid

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/mailer"
)

// Config configures a [Client]. Only Key is required.
type Config struct {
	// Name is the route's name in receipts. Empty means the host's.
	Name string
	// Key is the API key. It is asked for at every request, so that it can rotate. After a
	// refusal, a source with a Refresh method is refreshed and, if that changed the key,
	// the request is made once more.
	Key mailer.SecretSource
	// Region is "us" or "global", which empty means too, or "eu", for keys of EU subusers.
	Region string
	// BaseURL overrides Region: the scheme, the host, and a port where it is not the usual
	// one, of a private gateway or a test's server.
	BaseURL string
	// AllowPlaintext permits a BaseURL with http:// to this machine, and to no other.
	AllowPlaintext bool
	// TLSConfig is cloned. Nil means the system's roots. MinVersion is TLS 1.2 unless
	// higher; InsecureSkipVerify is refused.
	TLSConfig *tls.Config
	// HTTP2 asks for HTTP/2, and takes HTTP/1.1 where the server does not offer it.
	HTTP2 bool

	// Timeout limits, each by itself, the key's source and connecting: transport, proxy and TLS. Zero means 15 s.
	Timeout time.Duration
	// StallTimeout limits how long a request may make no progress. Zero means 30 s.
	StallTimeout time.Duration
	// ReplyTimeout limits the wait for the reply where ctx has no deadline. Zero means 2 min.
	ReplyTimeout time.Duration
	// MaxConns limits open connections, idle ones included, and with HTTP2 the sends under way
	// over them. Zero means 32. At the limit,
	// Send waits until one is free, its gate's CommitBy passes, or ctx ends.
	MaxConns int
	// IdleTimeout is how long an unused connection is kept. Zero means 45 s, which is below
	// what servers and Azure's load balancer allow; negative means that none is kept.
	IdleTimeout time.Duration
	// Proxy returns the proxy for a URL, or nil for none. Nil means that HTTPS_PROXY and NO_PROXY decide.
	Proxy func(*url.URL) (*url.URL, error)
	// Dial opens the transport. Nil means a net.Dialer, which tries all addresses of the host.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Strict refuses a message when something advisory would be left out.
	Strict bool
	// Treat5xxAsUnknown makes a 500 or 503 Unknown even where SendGrid itself gives the reason.
	Treat5xxAsUnknown bool
	// Sandbox has every message checked and none sent: SendGrid accepts it, without a name for
	// it, charges nothing, and reports no events.
	Sandbox bool
	// ResolveByLogs lets [Client.Resolve] search the Email Logs, which needs a key with the
	// right to read them. What is not there may still be on its way there.
	ResolveByLogs bool
	// AcceptWithoutID takes 202 for an acceptance when the field X-Message-Id is missing. The
	// field always comes in practice, but no specification promises it. Without it nothing
	// tells SendGrid's reply from that of a proxy, and so the outcome is Unknown.
	AcceptWithoutID bool
	// BareNames sends the names of recipients as they are when they have a comma or a
	// semicolon, which they otherwise stand in quotes for; see the package's Limits.
	BareNames bool
}

// The bases of the API (twilio/sendgrid-oai, tsg_mail_v3, 2026).
var bases = map[string]string{
	"": "https://api.sendgrid.com", "us": "https://api.sendgrid.com", "global": "https://api.sendgrid.com",
	"eu": "https://api.eu.sendgrid.com",
}

// withDefaults checks c and fills in what is zero. What concerns connections [httpapi.New] does.
func (c Config) withDefaults() (Config, error) {
	base, known := bases[c.Region]
	switch {
	case c.Key == nil:
		return c, configError(errors.New("Key is missing"))
	case isEmptySecret(c.Key):
		return c, configError(errors.New("Key is empty"))
	case !known:
		return c, configError(errors.New("Region (region) is not us, global or eu"))
	}
	if c.BaseURL == "" {
		c.BaseURL = base
	}
	return c, nil
}

func isEmptySecret(source mailer.SecretSource) bool {
	fixed, ok := source.(mailer.Secret)
	return ok && fixed.IsZero()
}

func (c *Config) http() httpapi.Config {
	return httpapi.Config{
		BaseURL: c.BaseURL, AllowPlaintext: c.AllowPlaintext, TLSConfig: c.TLSConfig, HTTP2: c.HTTP2,
		Timeout: c.Timeout, StallTimeout: c.StallTimeout, ReplyTimeout: c.ReplyTimeout,
		MaxConns: c.MaxConns, IdleTimeout: c.IdleTimeout, Proxy: c.Proxy, Dial: c.Dial,
	}
}

func configError(err error) error { return fmt.Errorf("sendgrid: config: %w", err) }
