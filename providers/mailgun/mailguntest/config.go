package mailguntest

import (
	"cmp"
	"crypto/rand"
	"crypto/tls"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// DefaultDomain is the domain of a server whose [Config] names none.
const DefaultDomain = "mg.example.com"

// defaultMaxBodyBytes is 52.4 MiB.
const defaultMaxBodyBytes = 524 << 20 / 10

// A Config describes a [Server]. The zero Config is an account with one active domain,
// [DefaultDomain], a key of its own, and no sending key.
type Config struct {
	// Key is the account's key, which may do everything; empty means a new one, see [Server.Key].
	Key string
	// Domains are the account's domains; nil means DefaultDomain.
	Domains []Domain
	// Region is the region that this server plays: "us", which empty means, or "eu". Domains of the
	// other one are not found here.
	Region string
	// SendingKeyStatus is the status with which a sending key is refused where it may not
	// go; zero means 401. Mailgun does not say whether it is that or 403.
	SendingKeyStatus int

	// MaxTags is the number of tags that a message may have; zero means 10. Older accounts have 3.
	MaxTags int
	// MaxSchedule is how far ahead a message may be scheduled; zero means 72 hours. Larger plans have 168.
	MaxSchedule time.Duration
	// EventsDelay is the time after which an event can be found; zero means at once. See
	// [Server.HoldEvents] for events that come when the test says so.
	EventsDelay time.Duration

	// TLS makes the server speak TLS; nil means plain HTTP.
	TLS *tls.Config
	// MaxBodyBytes is the size from which a body is refused with 413; zero means 52.4 MiB.
	MaxBodyBytes int64
	// Wrap, when it is not nil, may replace the server's end of connection number n, from zero.
	Wrap func(n int, conn net.Conn) net.Conn
}

// A State is the state of a [Domain].
type State string

// The states. Only an active domain sends.
const (
	Active     State = "active"
	Unverified State = "unverified"
	Disabled   State = "disabled"
)

// A Domain is a sending domain of the account.
type Domain struct {
	Name string
	// SendingKey is the domain's sending key, which may post to messages and messages.mime of this domain
	// and nothing else. Empty means that it has none.
	SendingKey string
	// Region is where the domain lives: "us", which empty means, or "eu".
	Region string
	// State is the domain's state; empty means Active.
	State State
	// Sandbox makes it Mailgun's sandbox domain, and Free a domain of a free account: both send
	// to Authorized recipients only.
	Sandbox, Free bool
	// Authorized are the recipients that a sandbox or a free account may send to.
	Authorized []string
	// QueueDisabledUntil pauses the domain's queue, for QueueDisabledReason, when it is not
	// zero. Messages are taken all the same.
	QueueDisabledUntil  time.Time
	QueueDisabledReason string
}

// withDefaults returns c with every default in its place.
func (c Config) withDefaults() Config {
	if c.Key == "" {
		c.Key = "account-" + rand.Text()
	}
	if c.Domains == nil {
		c.Domains = []Domain{{Name: DefaultDomain}}
	}
	c.Domains = slices.Clone(c.Domains)
	for i := range c.Domains {
		d := &c.Domains[i]
		d.State = cmp.Or(d.State, Active)
		d.Region = cmp.Or(d.Region, "us")
	}
	c.Region = cmp.Or(c.Region, "us")
	c.SendingKeyStatus = cmp.Or(c.SendingKeyStatus, http.StatusUnauthorized)
	c.MaxTags = cmp.Or(c.MaxTags, 10)
	c.MaxSchedule = cmp.Or(c.MaxSchedule, 72*time.Hour)
	c.MaxBodyBytes = cmp.Or(c.MaxBodyBytes, defaultMaxBodyBytes)
	return c
}

// domain returns the domain of that name in the server's region, or nil.
func (c *Config) domain(name string) *Domain {
	for i := range c.Domains {
		if d := &c.Domains[i]; strings.EqualFold(d.Name, name) && d.Region == c.Region {
			return d
		}
	}
	return nil
}

// authorizes reports whether the domain may send to all of the recipients.
func (d *Domain) authorizes(recipients []string) bool {
	return !slices.ContainsFunc(recipients, func(r string) bool {
		return !slices.ContainsFunc(d.Authorized, func(a string) bool { return strings.EqualFold(a, r) })
	})
}
