package acs

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/mailer"
)

// Config configures a [Client]. Endpoint is required, and one of Key and Credential.
type Config struct {
	// Name is the route's name in receipts. Empty means the endpoint's host.
	Name string
	// Endpoint is the resource's, such as "https://contoso.communication.azure.com"; the portal shows
	// it. [ParseConnectionString] takes it and the key out of the portal's connection string.
	Endpoint string
	// AllowPlaintext permits an Endpoint with http:// to this machine, and to no other.
	AllowPlaintext bool
	// Key is one of the resource's two access keys, in base64. It is asked for at every request, so that
	// it can rotate. After a refusal, a source with a Refresh method is refreshed first.
	Key mailer.SecretSource
	// Credential is an identity of Microsoft Entra ID that has a role on the resource, such as
	// "Communication and Email Service Owner". Tokens are kept until they are about to expire. An error that
	// wraps [mailer.ErrUnavailable], and one that comes too late, is an outage; any other is the account's.
	Credential azcore.TokenCredential
	// Scope is what tokens are asked for. Empty means "https://communication.azure.com/.default", or for
	// an Endpoint in azure.us the one there. UNVERIFIED: Microsoft's own libraries ask with two slashes
	// before ".default", its documentation with one.
	Scope string
	// APIVersion is "2025-09-01", which empty means too, or "2023-03-31", which has no inline images.
	APIVersion string
	// TLSConfig is cloned. Nil means the system's roots. MinVersion is TLS 1.2 unless
	// higher; InsecureSkipVerify is refused.
	TLSConfig *tls.Config
	// HTTP2 asks for HTTP/2, and takes HTTP/1.1 where the server does not offer it.
	HTTP2 bool

	// Timeout limits, each by itself, fetching a key or token, and connecting: transport, proxy and TLS. A
	// request that is made once more has both again. Zero means 15 s.
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
	// Treat5xxAsUnknown makes a 503 Unknown even where the service itself gives the reason. A 500 always is.
	Treat5xxAsUnknown bool
	// Quota is how often the subscription may send from custom domains. Those that Azure manages have
	// a quota of their own, which cannot be raised, and status reads double the sends.
	Quota Quota
	// QuotaShare divides the quotas among that many instances of the program. Zero means 1.
	QuotaShare int
	// MaxRecipients and MaxRequestBytes are the limits of one message, which Microsoft's support
	// can raise. Zero means 50, and 10,000,000 bytes.
	MaxRecipients   int
	MaxRequestBytes int64
	// AnyAttachmentType leaves it to the service to refuse types of attachments.
	AnyAttachmentType bool
	// GuardMessageID has the service refuse a Message-ID that it has seen before
	// (x-ms-acsemail-validate-message-id), so that a second copy is refused even where its
	// Operation-Id is forgotten. An ID that the service finds invalid is refused too.
	GuardMessageID bool
	// ReplayWindow is for how long the service is relied upon to know an Operation-Id, so that a message
	// whose outcome is unknown can be sent again without a second copy. Zero means 5 min;
	// negative means not at all. UNVERIFIED: Microsoft does not say that it is so, nor for how long.
	ReplayWindow time.Duration
	// Wait is how long Send waits after acceptance for the operation to end, which tells whether all
	// recipients were suppressed, or the message dropped. Zero means not at all. It takes status
	// reads, of which there are few, and asks no sooner than the service wants to be asked; see the package's Waiting.
	Wait time.Duration
}

// The defaults of Config.
const (
	defaultVersion       = "2025-09-01"
	oldVersion           = "2023-03-31"
	defaultMaxRecipients = 50
	defaultMaxBytes      = 10_000_000
	defaultReplayWindow  = 5 * time.Minute
)

// withDefaults checks c and fills in what is zero. What concerns connections [httpapi.New] does.
func (c Config) withDefaults() (Config, error) {
	if err := c.check(); err != nil {
		return c, configError(err)
	}
	c.Endpoint = canonical(c.Endpoint)
	c.APIVersion = cmp.Or(c.APIVersion, defaultVersion)
	c.Scope = cmp.Or(c.Scope, scopeOf(c.Endpoint))
	c.QuotaShare = cmp.Or(c.QuotaShare, 1)
	c.MaxRecipients = cmp.Or(c.MaxRecipients, defaultMaxRecipients)
	c.MaxRequestBytes = cmp.Or(c.MaxRequestBytes, defaultMaxBytes)
	c.ReplayWindow = max(0, cmp.Or(c.ReplayWindow, defaultReplayWindow))
	return c, nil
}

func (c *Config) check() error {
	switch {
	case c.Endpoint == "":
		return errors.New("Endpoint is missing")
	case hasPortalForm(c.Endpoint):
		return errors.New("Endpoint is a whole connection string, which ParseConnectionString takes apart")
	case c.Key == nil && c.Credential == nil:
		return errors.New("Key and Credential are missing; one is needed")
	case c.Key != nil && c.Credential != nil:
		return errors.New("Key and Credential are both there; one of them is wanted")
	case c.APIVersion != "" && c.APIVersion != defaultVersion && c.APIVersion != oldVersion:
		return errors.New("APIVersion (api_version) is not " + oldVersion + " or " + defaultVersion)
	case c.QuotaShare < 0:
		return errors.New("QuotaShare (quota_share) is negative")
	case c.MaxRecipients < 0 || c.MaxRequestBytes < 0:
		return errors.New("MaxRecipients (max_recipients) or MaxRequestBytes (max_bytes) is negative")
	case c.Wait < 0:
		return errors.New("Wait is negative")
	}
	if fixed, ok := c.Key.(mailer.Secret); ok {
		_, err := newAccessKey(fixed)
		return err
	}
	return nil
}

// canonical is the form in which the host is signed: in lower case, and without the usual port.
func canonical(endpoint string) string {
	endpoint = strings.TrimRight(strings.ToLower(endpoint), "/")
	if strings.HasPrefix(endpoint, "https://") {
		endpoint = strings.TrimSuffix(endpoint, ":443")
	}
	return endpoint
}

// scopeOf: sovereign clouds have a scope of their own.
func scopeOf(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err == nil && strings.HasSuffix(strings.ToLower(u.Hostname()), ".azure.us") {
		return "https://communication.azure.us/.default"
	}
	return "https://communication.azure.com/.default"
}

func (c *Config) http() httpapi.Config {
	return httpapi.Config{
		BaseURL: c.Endpoint, BaseName: "Endpoint", AllowPlaintext: c.AllowPlaintext, TLSConfig: c.TLSConfig, HTTP2: c.HTTP2,
		Timeout: c.Timeout, StallTimeout: c.StallTimeout, ReplyTimeout: c.ReplyTimeout,
		MaxConns: c.MaxConns, IdleTimeout: c.IdleTimeout, Proxy: c.Proxy, Dial: c.Dial,
	}
}

func configError(err error) error { return fmt.Errorf("%s: config: %w", provider, err) }
