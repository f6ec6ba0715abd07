package dsn_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer/dsn"
)

func newCertificate(t *testing.T) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func pemBlock(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func TestCAFile(t *testing.T) {
	cert := newCertificate(t)
	good, dir := pemBlock("CERTIFICATE", cert.Raw), t.TempDir()
	for _, test := range []struct{ name, content, err string }{
		{"good", "# a comment\n" + good, ""},
		{"beside_others", pemBlock("X509 CRL", []byte("x")) + good, ""},
		{"broken", good + pemBlock("CERTIFICATE", []byte("x")), "the file holds a certificate that cannot be parsed"},
		{"none", "not PEM", "the file holds no certificate in PEM form"},
		{"key_only", pemBlock("EC PRIVATE KEY", []byte("x")), "the file holds no certificate in PEM form"},
		{"large", string(make([]byte, 4<<20+1)), "the file is larger than 4194304 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(dir, test.name)
			writeFile(t, path, test.content)
			var pool *x509.CertPool
			_, err := testMux(func(u *dsn.URL) { pool = u.Common().RootCAs }).Open(t.Context(), "smtp://h?ca_file="+dsn.Escape(path))
			if test.err != "" {
				if want := `connection string: parameter "ca_file": ` + test.err; err == nil || err.Error() != want {
					t.Errorf("got %v, want %s", err, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := cert.Verify(x509.VerifyOptions{Roots: pool}); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestCAFileMissing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing")
	_, err := testMux(nil).Open(t.Context(), "smtp://h?ca_file="+dsn.Escape(path))
	if !errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), path) {
		t.Errorf("got %v, want fs.ErrNotExist without the path", err)
	}
}

func TestCommonDefaults(t *testing.T) {
	if got := openURL(t, "smtp://h").Common(); got != (dsn.Common{}) {
		t.Errorf("got %+v, want the zero Common", got)
	}
}
