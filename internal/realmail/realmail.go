// Package realmail runs a real mail server for a test: a private Postfix that takes
// submissions over STARTTLS and implicit TLS, a private Dovecot that authenticates
// them, and Maildirs that the messages arrive in. [ExternalParsers] reads such a
// message with parsers that are not Go's.
//
// Everything runs on a loopback address of its own and below one temporary
// directory, so that several rigs may run at once, and beside a system's own server.
package realmail

import (
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"testing"
)

// Domain is the one domain that the server delivers for.
const Domain = "example.test"

// The mailboxes. A sender address may be any of them, or any other address.
const (
	Alice = "alice@" + Domain
	Bob   = "bob@" + Domain
	// Joerg can be reached by SMTPUTF8 (RFC 6531) only.
	Joerg = "jörg@" + Domain
	// Nobody is refused as a recipient: 550 5.1.1.
	Nobody = "nobody@" + Domain
	// Full is refused as a recipient for now: 452 4.2.2.
	Full = "full@" + Domain
	// Foreign is refused as a recipient, for the server does not relay: 554 5.7.1.
	Foreign = "someone@elsewhere.test"
	// Impostor is refused as a sender, at MAIL: 553 5.7.1.
	Impostor = "impostor@" + Domain
	// Disowned is refused as a sender, but only at each RCPT: 553 5.7.1. Many servers
	// do so, for then they can log the recipient.
	Disowned = "disowned@" + Domain
)

// Limits of the server.
const (
	// MaxMessageBytes is announced by SIZE; more is refused with 552 5.3.4.
	MaxMessageBytes = 20 << 20
	// MaxRecipients is the number of recipients in a transaction; further ones are
	// refused with 452 4.5.3.
	MaxRecipients = 50
	// Mailboxes is the number of mailboxes of [Recipient].
	Mailboxes = 100
)

// Recipient returns the address of mailbox i, for 0 <= i < [Mailboxes].
func Recipient(i int) string { return fmt.Sprintf("rcpt%d@%s", i, Domain) }

// A User may log in, by every mechanism.
type User struct{ Name, Password string }

// The users.
var (
	App = User{"app@" + Domain, "correct horse"}
	// Odd has a password that must be neither cut, nor unescaped, nor recoded.
	Odd = User{"odd@" + Domain, `p@ss:w/ö%2B+= "\${x}`}
)

// Mechanisms are the SASL mechanisms that the server offers, in its order. Channel
// binding is not among them: Dovecot 2.3 has none.
var Mechanisms = []string{"PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "XOAUTH2", "OAUTHBEARER"}

// Servers is a running pair of Postfix and Dovecot.
type Servers struct {
	// Host is the address that the server listens on and its certificate names.
	Host string
	// STARTTLSAddr and ImplicitAddr are host:port, where TLS is required after
	// STARTTLS and from the first byte.
	STARTTLSAddr, ImplicitAddr string
	// CAFile is a PEM file with the certificate's issuer, RootCAs the same as a pool.
	CAFile  string
	RootCAs *x509.CertPool

	dir string
}

// Start runs the servers until the test ends. Where they are not installed, or cannot
// run, it skips the test in one line; with MAILKEEL_REQUIRE_REALMAIL=1 in the
// environment it fails it instead. When the test has failed, the servers' logs
// are printed.
func Start(tb testing.TB) *Servers {
	tb.Helper()
	programs, err := findPrograms()
	if err != nil {
		unavailable(tb, err)
	}
	c, err := newConfig()
	if err != nil {
		tb.Fatalf("realmail: %v", err)
	}
	s := &Servers{
		Host:         c.Host,
		STARTTLSAddr: net.JoinHostPort(c.Host, c.STARTTLSPort),
		ImplicitAddr: net.JoinHostPort(c.Host, c.ImplicitPort),
		CAFile:       c.caFile(),
		dir:          c.Dir,
	}
	tb.Cleanup(func() { _ = os.RemoveAll(s.dir) })
	if s.RootCAs, err = c.write(); err == nil {
		err = s.run(tb, programs)
	}
	if err != nil {
		tb.Fatalf("realmail: %v", err)
	}
	return s
}
