package httpapi

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/http/httpproxy"

	"github.com/mailkeel/mailkeel/internal/netconn"
)

// Config configures a [Client]. Adapters have the same fields, which they document.
type Config struct {
	// BaseURL is the scheme, the host, and a port where it is not the usual one.
	BaseURL string
	// BaseName is what errors call BaseURL; empty means that.
	BaseName string
	// AllowPlaintext permits http:// to this machine, and to no other.
	AllowPlaintext bool
	// TLSConfig is cloned. Nil means the system's roots.
	TLSConfig *tls.Config
	// HTTP2 asks for HTTP/2, and takes HTTP/1.1 where the server does not offer it.
	HTTP2 bool
	// Timeout limits connecting; zero means 15 s. StallTimeout limits how long a body may make no
	// progress; zero means 30 s. ReplyTimeout limits the wait for the reply where ctx has
	// no deadline; zero means 2 min.
	Timeout, StallTimeout, ReplyTimeout time.Duration
	// MaxConns limits open connections, idle ones included, and with HTTP2 the exchanges under
	// way over them; zero means 32.
	MaxConns int
	// IdleTimeout is how long an unused connection is kept; zero means 45 s, which is below what
	// servers and Azure's load balancer allow; negative means that none is kept.
	IdleTimeout time.Duration
	// Proxy returns the proxy for a URL, or nil for none. Nil means that HTTPS_PROXY and NO_PROXY decide.
	Proxy func(*url.URL) (*url.URL, error)
	// Dial opens the transport. Nil means a net.Dialer, which tries all addresses of the host.
	Dial netconn.DialFunc
}

// The defaults of Config.
const (
	defaultTimeout      = 15 * time.Second
	defaultStall        = 30 * time.Second
	defaultReplyTimeout = 2 * time.Minute
	defaultIdleTimeout  = 45 * time.Second
	defaultMaxConns     = 32
	// defaultCommit limits the time before the boundary where ctx has no deadline.
	defaultCommit = 30 * time.Second
)

// withDefaults checks c and fills in what is zero.
func (c Config) withDefaults() (Config, *url.URL, error) {
	base, err := c.parseBase()
	if err != nil {
		return c, nil, err
	}
	if err := c.check(); err != nil {
		return c, nil, err
	}
	c.Timeout = cmp.Or(c.Timeout, defaultTimeout)
	c.StallTimeout = cmp.Or(c.StallTimeout, defaultStall)
	c.ReplyTimeout = cmp.Or(c.ReplyTimeout, defaultReplyTimeout)
	c.IdleTimeout = cmp.Or(c.IdleTimeout, defaultIdleTimeout)
	c.MaxConns = cmp.Or(c.MaxConns, defaultMaxConns)
	if c.Proxy == nil {
		c.Proxy = httpproxy.FromEnvironment().ProxyFunc()
	}
	if c.Dial == nil {
		c.Dial = new(net.Dialer).DialContext
	}
	c.TLSConfig = c.tlsConfig(base.Hostname())
	return c, base, nil
}

func (c *Config) check() error {
	switch {
	case c.TLSConfig != nil && c.TLSConfig.InsecureSkipVerify:
		return errors.New("TLSConfig.InsecureSkipVerify is set; put the server's CA into TLSConfig.RootCAs instead")
	case c.Timeout < 0 || c.StallTimeout < 0 || c.ReplyTimeout < 0:
		return errors.New("Timeout, StallTimeout or ReplyTimeout is negative")
	case c.MaxConns < 0:
		return errors.New("MaxConns (max_conns) is negative")
	}
	return nil
}

// parseBase takes a scheme and a host, and nothing that could hide where a request goes.
func (c *Config) parseBase() (*url.URL, error) {
	wrong := func(how string) (*url.URL, error) { return nil, errors.New(cmp.Or(c.BaseName, "BaseURL") + " " + how) }
	u, err := url.Parse(c.BaseURL)
	switch {
	case err != nil:
		return wrong("is not a URL") // the cause repeats it, with what else it may hold
	case u.Scheme == "" && u.Host == "" && u.Path != "":
		return wrong("does not begin with https://")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.ForceQuery || strings.Trim(u.Path, "/") != "" || u.Opaque != "":
		return wrong("is more than a scheme, a host and a port")
	case u.Hostname() == "":
		return wrong("names no host")
	case u.Scheme == "https":
		return u, nil
	case u.Scheme != "http":
		return wrong("does not begin with https://")
	case !c.AllowPlaintext:
		return wrong("begins with http://: set AllowPlaintext (insecure=true), which is for servers on this machine")
	case !isLoopbackName(u.Hostname()):
		return wrong("begins with http:// and names another machine")
	}
	return u, nil
}

func isLoopbackName(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

func (c *Config) tlsConfig(host string) *tls.Config {
	t := new(tls.Config)
	if c.TLSConfig != nil {
		t = c.TLSConfig.Clone()
	}
	t.ServerName = cmp.Or(t.ServerName, host)
	t.MinVersion = max(t.MinVersion, tls.VersionTLS12)
	if t.ClientSessionCache == nil {
		t.ClientSessionCache = tls.NewLRUClientSessionCache(c.MaxConns)
	}
	t.NextProtos = []string{"http/1.1"}
	if c.HTTP2 {
		t.NextProtos = []string{"h2", "http/1.1"}
	}
	return t
}

// addressOf returns host:port for dialling.
func addressOf(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// configError says which package found what.
func configError(err error) error { return fmt.Errorf("config: %w", err) }

// proxyTLS is for the way to a proxy, which has the system's trust and not the server's.
func proxyTLS(host string) *tls.Config {
	return &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
}
