package dsn

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// Common holds the parameters that every scheme takes and its adapter carries out.
// "from" is not among them: [Mux.Open] sees to it.
type Common struct {
	// Name is what receipts call the route; empty means the adapter's default.
	Name string
	// Timeout limits what comes before the content; zero means the adapter's default.
	Timeout time.Duration
	// Strict makes advisory features count as essential.
	Strict bool
	// RootCAs are the only certificate authorities to trust; nil means the system's.
	RootCAs *x509.CertPool
}

var commonParams = []string{"ca_file", "from", "name", "strict", "timeout"}

func (p *Params) readCommon() Common {
	return Common{
		Name:    p.String("name", ""),
		Timeout: p.Duration("timeout", 0),
		Strict:  p.Bool("strict", false),
		RootCAs: get(p, "ca_file", nil, readCertPool),
	}
}

// sender returns a parameter that is one address; nil when it is absent.
func (p *Params) sender(name string) *mailer.Address {
	return get(p, name, nil, func(s string) (*mailer.Address, error) {
		addresses, err := mailer.Addresses(s)
		if err != nil {
			return nil, err
		}
		if len(addresses) != 1 {
			return nil, errors.New("is more than one address")
		}
		return &addresses[0], nil
	})
}

const maxCertFileBytes = 4 << 20 // well above the bundles that systems ship

// readCertPool refuses a file that holds a broken certificate, which
// AppendCertsFromPEM would pass over, or none at all.
func readCertPool(path string) (*x509.CertPool, error) {
	data, err := readFile(path, maxCertFileBytes)
	if err != nil {
		return nil, err
	}
	pool, empty := x509.NewCertPool(), true
	for {
		var block *pem.Block
		block, data = pem.Decode(data)
		if block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, errors.New("the file holds a certificate that cannot be parsed")
		}
		pool.AddCert(cert)
		empty = false
	}
	if empty {
		return nil, errors.New("the file holds no certificate in PEM form")
	}
	return pool, nil
}

// readFile leaves the path out of its errors: it may come from a reference that was
// meant to be something else.
func readFile(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, pathless(err)
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, pathless(err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("the file is larger than %d bytes", limit)
	}
	return data, nil
}

func pathless(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return fmt.Errorf("the file cannot be read: %w", p.Err)
	}
	return err
}
