// Package testcert makes TLS certificates in memory, for tests and examples that talk
// to themselves. Nothing it makes is worth trusting.
//
// Validity does not depend on the clock's being right: good certificates hold from 1999
// to 2099, so that they hold under the virtual time of testing/synctest as well, which
// starts in 2000, and the expired one ended in 1999.
package testcert

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// A Set is an authority and the certificates a test needs, with ECDSA P-256 keys.
type Set struct {
	// Valid is issued by the authority for localhost, 127.0.0.1 and ::1.
	Valid tls.Certificate
	// Expired is as Valid but ended in 1999.
	Expired tls.Certificate
	// WrongName is issued for wrong.example.com only.
	WrongName tls.Certificate
	// SelfSigned names the same hosts as Valid but is issued by itself.
	SelfSigned tls.Certificate
	// Roots holds the authority, RootsPEM the same as a file would.
	Roots    *x509.CertPool
	RootsPEM []byte
}

// TB is the part of testing.TB that [Must] needs.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
}

// Must is New for tests.
func Must(tb TB) *Set {
	tb.Helper()
	s, err := New()
	if err != nil {
		tb.Fatalf("testcert: %v", err)
	}
	return s
}

// New makes a new authority and its certificates.
func New() (*Set, error) {
	ca, err := newAuthority()
	if err != nil {
		return nil, fmt.Errorf("testcert: %w", err)
	}
	s := &Set{Roots: x509.NewCertPool()}
	s.Roots.AddCert(ca.Leaf)
	s.RootsPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Leaf.Raw})
	for _, want := range []struct {
		cert   *tls.Certificate
		issuer *tls.Certificate
		hosts  []string
		until  time.Time
	}{
		{&s.Valid, &ca, loopback(), late()},
		{&s.Expired, &ca, loopback(), early().AddDate(0, 6, 0)},
		{&s.WrongName, &ca, []string{"wrong.example.com"}, late()},
		{&s.SelfSigned, nil, loopback(), late()},
	} {
		if *want.cert, err = issue(want.issuer, template(want.hosts, want.until)); err != nil {
			return nil, fmt.Errorf("testcert: %w", err)
		}
	}
	return s, nil
}

// Server returns a configuration for a server that shows cert.
func Server(cert tls.Certificate) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
}

// Client returns a configuration for a client that trusts the authority and no other.
func (s *Set) Client(serverName string) *tls.Config {
	return &tls.Config{RootCAs: s.Roots, ServerName: serverName, MinVersion: tls.VersionTLS12}
}

func loopback() []string { return []string{"localhost", "127.0.0.1", "::1"} }
func early() time.Time   { return time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC) }
func late() time.Time    { return time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC) }

func newAuthority() (tls.Certificate, error) {
	t := template(nil, late())
	t.Subject.CommonName = "test authority"
	t.IsCA, t.BasicConstraintsValid = true, true
	t.KeyUsage = x509.KeyUsageCertSign
	return issue(nil, t)
}

func template(hosts []string, until time.Time) *x509.Certificate {
	t := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "test server"},
		NotBefore:   early(),
		NotAfter:    until,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, host)
		}
	}
	return t
}

// issue signs t with issuer's key, or with t's own when issuer is nil.
func issue(issuer *tls.Certificate, t *x509.Certificate) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	if t.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<62)); err != nil {
		return tls.Certificate{}, err
	}
	parent, signer := t, any(key)
	if issuer != nil {
		parent, signer = issuer.Leaf, issuer.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, t, parent, &key.PublicKey, signer)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, nil
}
