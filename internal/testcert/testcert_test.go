package testcert

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"testing"
	"testing/synctest"
)

// verdict is what a client that trusts s says to cert.
func verdict(s *Set, cert tls.Certificate, name string) error {
	_, err := cert.Leaf.Verify(x509.VerifyOptions{Roots: s.Client(name).RootCAs, DNSName: name})
	return err
}

func TestCertificates(t *testing.T) {
	s := Must(t)
	check := func(t *testing.T) {
		for _, name := range []string{"localhost", "127.0.0.1", "::1"} {
			if err := verdict(s, s.Valid, name); err != nil {
				t.Errorf("valid for %s: %v", name, err)
			}
		}
		var invalid x509.CertificateInvalidError
		if err := verdict(s, s.Expired, "localhost"); !errors.As(err, &invalid) || invalid.Reason != x509.Expired {
			t.Errorf("expired: %v", err)
		}
		if err := verdict(s, s.WrongName, "localhost"); !errors.As(err, &x509.HostnameError{}) {
			t.Errorf("wrong name: %v", err)
		}
		if err := verdict(s, s.SelfSigned, "localhost"); !errors.As(err, &x509.UnknownAuthorityError{}) {
			t.Errorf("self-signed: %v", err)
		}
	}
	t.Run("now", check)
	synctest.Test(t, check) // in the year 2000

	fromPEM := x509.NewCertPool()
	if !fromPEM.AppendCertsFromPEM(s.RootsPEM) || !fromPEM.Equal(s.Roots) {
		t.Error("RootsPEM and Roots differ")
	}
}

func TestHandshake(t *testing.T) {
	s := Must(t)
	l, err := tls.Listen("tcp", "127.0.0.1:0", Server(s.Valid))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	served := make(chan error, 1)
	go func() {
		conn, err := l.Accept()
		if err == nil {
			err = errors.Join(conn.(*tls.Conn).Handshake(), conn.Close())
		}
		served <- err
	}()
	conn, err := tls.Dial("tcp", l.Addr().String(), s.Client("127.0.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(<-served, conn.Close()); err != nil {
		t.Error(err)
	}
}
