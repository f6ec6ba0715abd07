package mailgun

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/mailer"
)

// Config configures a [Client]. Only Key and Domain are required.
type Config struct {
	// Name is the route's name in receipts. Empty means the API's host.
	Name string
	// Key is an account key or the domain's sending key. It is asked for at every request, so that it can
	// rotate. After a refusal, a source with a Refresh method is refreshed and, if that
	// changed the value, tried once more.
	Key mailer.SecretSource
	// Domain is the sending domain, such as "mg.example.com".
	Domain string
	// Region is where the domain lives: "us", which empty means, or "eu".
	Region string
	// SendingKey says that Key is a domain sending key, which may send and do nothing else.
	// Check then proves it by posting a form without a message; see [Client.Check].
	SendingKey bool

	// BaseURL is the scheme, the host and the port of the API; it overrides Region. It is for tests and
	// private gateways.
	BaseURL string
	// AllowPlaintext permits a BaseURL of http:// to this machine, and to no other.
	AllowPlaintext bool
	// TLSConfig is cloned. Nil means the system's roots. ServerName is the API's host unless
	// set, MinVersion TLS 1.2 unless higher; InsecureSkipVerify is refused.
	TLSConfig *tls.Config
	// HTTP2 asks for HTTP/2, and takes HTTP/1.1 where the server does not offer it.
	HTTP2 bool

	// Timeout limits, each by itself, the key's source and connecting: names, TCP, proxy and TLS. Zero means 15 s.
	Timeout time.Duration
	// StallTimeout limits how long the message may make no progress. Zero means 30 s.
	StallTimeout time.Duration
	// ReplyTimeout limits the wait for the reply where ctx has no deadline. Zero means 2 min.
	ReplyTimeout time.Duration
	// MaxConns limits open connections, idle ones included, and with HTTP2 the sends under way
	// over them. Zero means 32. At the limit,
	// Send waits until one is free, its gate's CommitBy passes, or ctx ends.
	MaxConns int
	// IdleTimeout is how long an unused connection is kept. Zero means 45 s, which is below what
	// servers and Azure's load balancer allow; negative means that none is kept.
	IdleTimeout time.Duration
	// Proxy returns the proxy for a URL, or nil for none. Nil means that HTTPS_PROXY and NO_PROXY decide.
	Proxy func(*url.URL) (*url.URL, error)
	// Dial opens the transport. Nil means a net.Dialer, which tries all addresses of the host.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// MaxTags is how many tags a message may have; more are left out. Zero means 10;
	// negative means no limit. Older accounts have 3.
	MaxTags int
	// MaxSchedule is how far ahead a message may be scheduled. Zero means 72 h; negative
	// means no limit. Plans that store messages for 7 days have 168 h.
	MaxSchedule time.Duration
	// MaxMessageBytes is the size of the largest message. Zero means 25 MiB; negative means
	// no limit but that of a request, which is 52.4 MiB.
	MaxMessageBytes int64
	// TestMode has every message taken and billed, and not delivered.
	TestMode bool
	// ResolveByEvents lets Resolve look among the domain's events, which needs an account key.
	ResolveByEvents bool
	// Treat5xxAsUnknown distrusts a 500 or 503 even where Mailgun itself gives the reason.
	Treat5xxAsUnknown bool
	// Strict refuses a message when something advisory would be left out.
	Strict bool
}

// The defaults of Config, and the limits that are not configured.
const (
	defaultMaxTags         = 10
	defaultMaxSchedule     = 72 * time.Hour
	defaultMaxMessageBytes = 25 << 20
	maxRecipients          = 1000
	maxRequestBytes        = 524 << 20 / 10
)

// The hosts by region.
var hosts = map[string]string{"": "https://api.mailgun.net", "us": "https://api.mailgun.net", "eu": "https://api.eu.mailgun.net"}

// withDefaults checks c and fills in what is zero.
func (c Config) withDefaults() (Config, error) {
	if err := c.check(); err != nil {
		return c, configError(fmt.Errorf("config: %w", err))
	}
	c.BaseURL = cmp.Or(c.BaseURL, hosts[c.Region])
	c.MaxTags = cmp.Or(c.MaxTags, defaultMaxTags)
	c.MaxSchedule = cmp.Or(c.MaxSchedule, defaultMaxSchedule)
	c.MaxMessageBytes = cmp.Or(c.MaxMessageBytes, defaultMaxMessageBytes)
	if base, err := url.Parse(c.BaseURL); err == nil { // else the transport says what is wrong
		c.Name = cmp.Or(c.Name, base.Hostname())
	}
	return c, nil
}

func (c *Config) check() error {
	_, known := hosts[c.Region]
	switch {
	case c.Key == nil:
		return errors.New("Key is missing")
	case c.Key == mailer.SecretSource(mailer.Secret{}):
		return errors.New("Key is empty")
	case c.Domain == "":
		return errors.New("Domain (domain) is missing: the name of the sending domain, such as mg.example.com")
	case !isDomain(c.Domain):
		return errors.New("Domain (domain) is not the name of a sending domain: letters, digits, hyphens and dots")
	case !known:
		return errors.New("Region (region) is not us or eu")
	}
	return nil
}

// isDomain reports whether s is a name of at least two labels of letters, digits and
// hyphens. Nothing else may stand in a path: Mailgun answers 200 to paths that it does not know.
func isDomain(s string) bool {
	if len(s) > 253 || !strings.Contains(s, ".") {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' || strings.ContainsFunc(label, isOutsideLabel) {
			return false
		}
	}
	return true
}

func isOutsideLabel(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-')
}

func (c *Config) http() httpapi.Config {
	return httpapi.Config{
		BaseURL: c.BaseURL, AllowPlaintext: c.AllowPlaintext, TLSConfig: c.TLSConfig, HTTP2: c.HTTP2,
		Timeout: c.Timeout, StallTimeout: c.StallTimeout, ReplyTimeout: c.ReplyTimeout,
		MaxConns: c.MaxConns, IdleTimeout: c.IdleTimeout, Proxy: c.Proxy, Dial: c.Dial,
	}
}

func configError(err error) error { return fmt.Errorf("mailgun: %w", err) }

// basic is the Authorization field: the user is "api", the key its password.
func basic(key string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte("api:"+key))
}
