package realmail

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"time"
)

// certificate is a server's certificate, in PEM, with its own issuer.
type certificate struct {
	issuer, keyAndChain string
	pool                *x509.CertPool
}

// newCertificate makes a certificate for host, an IP address, and for localhost.
func newCertificate(host string) (*certificate, error) {
	issuerKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	issuer := certificateTemplate("Mailkeel test issuer")
	issuer.IsCA, issuer.BasicConstraintsValid, issuer.KeyUsage = true, true, x509.KeyUsageCertSign
	issuerDER, err := x509.CreateCertificate(rand.Reader, issuer, issuer, issuerKey.Public(), issuerKey)
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	server := certificateTemplate("mail." + Domain)
	server.IPAddresses, server.DNSNames = []net.IP{net.ParseIP(host)}, []string{"localhost", "mail." + Domain}
	serverDER, err := x509.CreateCertificate(rand.Reader, server, issuer, key.Public(), issuerKey)
	if err != nil {
		return nil, err
	}
	c := &certificate{
		issuer:      encodePEM("CERTIFICATE", issuerDER),
		keyAndChain: encodePEM("PRIVATE KEY", keyDER) + encodePEM("CERTIFICATE", serverDER),
		pool:        x509.NewCertPool(),
	}
	c.pool.AppendCertsFromPEM([]byte(c.issuer))
	return c, nil
}

func certificateTemplate(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
}

func encodePEM(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}
