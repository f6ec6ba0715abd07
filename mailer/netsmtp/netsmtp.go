package netsmtp

import (
	"net"
	"net/smtp"
)

// Types of net/smtp, so that values pass freely between the two packages.
type (
	// Auth is a mechanism of authentication; see [smtp.Auth].
	Auth = smtp.Auth
	// ServerInfo is what a mechanism is told about the server; see [smtp.ServerInfo].
	ServerInfo = smtp.ServerInfo
	// Client is a connection to a server; see [smtp.Client], and the package's
	// documentation for what is wrong with it.
	Client = smtp.Client
)

// NewClient is [smtp.NewClient]. Deadlines and limits are those of conn: none, unless it has its own.
func NewClient(conn net.Conn, host string) (*Client, error) { return smtp.NewClient(conn, host) }

// PlainAuth is [smtp.PlainAuth]: PLAIN of RFC 4616, to host alone, and only over TLS or to this machine.
func PlainAuth(identity, username, password, host string) Auth {
	return smtp.PlainAuth(identity, username, password, host)
}

// CRAMMD5Auth is [smtp.CRAMMD5Auth]: CRAM-MD5 of RFC 2195.
func CRAMMD5Auth(username, secret string) Auth { return smtp.CRAMMD5Auth(username, secret) }
