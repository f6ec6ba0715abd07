package acstest

import (
	"crypto/tls"
	"net"
	"time"
)

// A Config describes a [Server]. The zero Config takes mail from every sender.
type Config struct {
	// Host is what the clients' Host header must say, and what they sign, such as
	// contoso.communication.azure.com for clients that are made to connect to Addr all the
	// same; empty means Addr.
	Host string
	// Keys are the access keys in base64, the primary and the secondary; empty means made-up ones.
	Keys [2]string
	// TokenLifetime is how long a token of Credential is valid; zero means an hour.
	TokenLifetime time.Duration
	// TLS makes the server speak TLS; nil means plain HTTP.
	TLS *tls.Config
	// LinkedDomains are the domains that may stand in senderAddress; empty means all.
	LinkedDomains []string
	// SenderUsers are the local parts that may stand in senderAddress; empty means all.
	SenderUsers []string
	// Suppressed are addresses to which nothing is sent, as if they were on the service's
	// list of suppressed recipients.
	Suppressed []string
	// MaxRequestBytes is the size of the largest body; zero means 10,000,000. That the
	// service's 10 MB are decimal is UNVERIFIED.
	MaxRequestBytes int64
	// MaxRecipients is the limit for to, cc and bcc together; zero means 50.
	MaxRecipients int
	// SendQuota and StatusQuota limit the calls of the two endpoints.
	SendQuota, StatusQuota Quota
	// RepeatConflicts makes the repeat of a known Operation-Id be answered with 409, as one
	// with another body always is; otherwise it is answered as the first was. Which of them
	// the service does is UNVERIFIED; a second message is queued by neither.
	RepeatConflicts bool
	// GuardRepeats applies the check of x-ms-acsemail-validate-message-id to repeats of a
	// known Operation-Id too, which refuses them with 400; otherwise they are answered before it. Which of
	// them the service does is UNVERIFIED.
	GuardRepeats bool
	// OmitLocation leaves Operation-Location out of acceptances.
	OmitLocation bool
	// RetryAfter is how long clients are told to wait before they ask for a status; zero means 20
	// seconds, as in the API description's example; negative means that nothing is said.
	RetryAfter time.Duration
	// Life is that of all operations but those of NextLife.
	Life Life
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Wrap, when it is not nil, may replace the server's end of connection number n, from zero.
	Wrap func(n int, conn net.Conn) net.Conn
}

func (c Config) withDefaults() Config {
	if c.TokenLifetime == 0 {
		c.TokenLifetime = time.Hour
	}
	if c.MaxRequestBytes == 0 {
		c.MaxRequestBytes = 10_000_000
	}
	if c.MaxRecipients == 0 {
		c.MaxRecipients = 50
	}
	if c.RetryAfter == 0 {
		c.RetryAfter = 20 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	for i, key := range c.Keys {
		if key == "" {
			c.Keys[i] = newKey()
		}
	}
	return c
}
