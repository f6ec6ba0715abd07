package smtpfake

import (
	"crypto/tls"
	"net"
)

// A Config describes a [Server]. The zero Config is a plaintext server without
// extensions and without authentication.
type Config struct {
	// Extensions are offered in the reply to EHLO and enforced.
	Extensions
	// Name is the server's name in its greeting; empty means mx.example.com.
	Name string

	// TLS enables STARTTLS, or with ImplicitTLS a handshake before the greeting.
	TLS         *tls.Config
	ImplicitTLS bool
	// RequireTLS refuses everything but EHLO, NOOP, RSET, STARTTLS and QUIT before the
	// handshake, and does not offer AUTH there.
	RequireTLS bool

	// Users maps a user name to its password, or to its token for XOAUTH2 and
	// OAUTHBEARER. AUTH is offered only where it is not empty.
	Users map[string]string
	// AuthMechanisms are the SASL mechanisms offered, in that order; nil means PLAIN and
	// LOGIN. Mechanisms with -PLUS are offered under TLS only. What [Mechanisms] does not
	// list is offered and then refused.
	AuthMechanisms []string
	// RequireAuth refuses MAIL before AUTH.
	RequireAuth bool

	// MaxRecipients limits the recipients of a transaction: further ones get 452 4.5.3. Zero means no limit.
	MaxRecipients int
	// Content says what is kept of accepted messages.
	Content ContentMode
	// Hook, when not nil, is asked at every [Point].
	Hook Hook
	// Wrap, when not nil, wraps each connection under TLS before it is used. The number
	// of the connection counts from 1.
	Wrap func(number int, conn net.Conn) net.Conn
}

// Extensions are the service extensions a server offers. The zero value offers none.
type Extensions struct {
	Pipelining    bool // RFC 2920
	Chunking      bool // RFC 3030
	BinaryMIME    bool // RFC 3030; needs Chunking
	EightBitMIME  bool // RFC 6152
	SMTPUTF8      bool // RFC 6531
	DSN           bool // RFC 3461
	EnhancedCodes bool // RFC 2034
	// SizeLimit is the largest message in bytes (RFC 1870). Zero does not offer SIZE;
	// negative offers it without a limit.
	SizeLimit int64
	// EHLO holds further lines for the reply to EHLO, such as "LIMITS RCPTMAX=100".
	EHLO []string
}

// AllExtensions returns what a large provider offers: everything but BINARYMIME, and 25 MiB.
func AllExtensions() Extensions {
	return Extensions{
		Pipelining: true, Chunking: true, EightBitMIME: true, SMTPUTF8: true, DSN: true,
		EnhancedCodes: true, SizeLimit: 25 << 20,
	}
}

// A ContentMode says what a server keeps of the messages it accepts.
type ContentMode int

const (
	// KeepContent keeps envelope and content.
	KeepContent ContentMode = iota
	// DigestContent keeps the envelope, the size and the SHA-256 of the content.
	DigestContent
	// CountContent keeps nothing, nor a transcript: only [Server.Stats] and violations. It
	// is meant for benchmarks.
	CountContent
)

func (c *Config) name() string {
	if c.Name == "" {
		return "mx.example.com"
	}
	return c.Name
}

func (c *Config) mechanisms() []string {
	if c.AuthMechanisms == nil {
		return []string{"PLAIN", "LOGIN"}
	}
	return c.AuthMechanisms
}
