package realmail

import (
	"crypto/x509"
	"embed"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"
	"time"
)

//go:embed conf
var conf embed.FS

// config is what the templates in conf are filled in with.
type config struct {
	Dir, Domain, Host          string
	STARTTLSPort, ImplicitPort string
	UID, GID                   int
	MaxMessageBytes            int
	MaxRecipients              int
}

// newConfig makes the directory. It does not use TempDir of the test: sockets need a
// short path, and the servers' own users must be able to pass through it.
func newConfig() (*config, error) {
	nobody, err := lookupUser("nobody")
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "realmail")
	if err != nil {
		return nil, err
	}
	return &config{
		Dir: dir, Domain: Domain, Host: loopbackAddress(),
		STARTTLSPort: "2587", ImplicitPort: "2465",
		UID: nobody.uid, GID: nobody.gid,
		MaxMessageBytes: MaxMessageBytes, MaxRecipients: MaxRecipients,
	}, nil
}

// loopbackAddress picks one of 16 million addresses, all loopback on Linux, so that
// nobody else holds its ports: a free port that is looked up may be taken again
// before Postfix binds it.
func loopbackAddress() string {
	octet := func() int { return 1 + rand.IntN(254) }
	return fmt.Sprintf("127.%d.%d.%d", octet(), octet(), octet())
}

type account struct{ uid, gid int }

func lookupUser(name string) (account, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return account{}, err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return account{}, err
	}
	gid, err := strconv.Atoi(u.Gid)
	return account{uid, gid}, err
}

func (c *config) path(name string) string { return filepath.Join(c.Dir, name) }
func (c *config) caFile() string          { return c.path("postfix/ca.pem") }

// write makes everything below Dir that the servers read.
func (c *config) write() (*x509.CertPool, error) {
	if err := c.makeDirectories(); err != nil {
		return nil, err
	}
	cert, err := newCertificate(c.Host)
	if err != nil {
		return nil, err
	}
	files := map[string]string{
		"postfix/ca.pem":               cert.issuer,
		"postfix/chain.pem":            cert.keyAndChain,
		"postfix/mailboxes":            mailboxes(),
		"postfix/senders":              Impostor + " 553 5.7.1 Sender address refused\n",
		"postfix/owners":               Disowned + " owner@" + Domain + "\n",
		"postfix/recipients":           Full + " 452 4.2.2 Mailbox full\n",
		"dovecot/users":                passwords(App, Odd),
		"dovecot/keys/" + tokenKeyPath: base64.StdEncoding.EncodeToString(tokenKey),
	}
	for name, template := range map[string]string{
		"postfix/main.cf": "main.cf", "postfix/master.cf": "master.cf",
		"dovecot/dovecot.conf": "dovecot.conf", "dovecot/oauth2.conf": "oauth2.conf",
	} {
		if files[name], err = c.fill(template); err != nil {
			return nil, err
		}
	}
	for name, content := range files {
		if err := os.WriteFile(c.path(name), []byte(content), 0o644); err != nil {
			return nil, err
		}
		// Postfix waits two seconds for a file to settle that has just been changed.
		if err := os.Chtimes(c.path(name), time.Time{}, time.Now().Add(-time.Hour)); err != nil {
			return nil, err
		}
	}
	return cert.pool, nil
}

// makeDirectories makes the queue too, which else the postfix command would do, in
// two seconds.
func (c *config) makeDirectories() error {
	postfix, err := lookupUser("postfix")
	if err != nil {
		return err
	}
	if err := os.Chmod(c.Dir, 0o755); err != nil {
		return err
	}
	root, nobody := account{}, account{c.UID, c.GID}
	for _, d := range []struct {
		owner account
		names []string
	}{
		{root, []string{"postfix", "dovecot", "dovecot/keys/" + filepath.Dir(tokenKeyPath), "log", "queue", "queue/pid"}},
		{nobody, []string{"mail"}},
		{postfix, []string{"data", "queue/active", "queue/bounce", "queue/corrupt", "queue/defer", "queue/deferred", "queue/flush",
			"queue/hold", "queue/incoming", "queue/maildrop", "queue/private", "queue/public", "queue/saved", "queue/trace"}},
	} {
		if err := c.makeOwned(d.owner, d.names); err != nil {
			return err
		}
	}
	return nil
}

func (c *config) makeOwned(owner account, names []string) error {
	for _, name := range names {
		if err := os.MkdirAll(c.path(name), 0o755); err != nil {
			return err
		}
		if err := os.Chown(c.path(name), owner.uid, owner.gid); err != nil {
			return err
		}
	}
	return nil
}

func (c *config) fill(name string) (string, error) {
	t, err := template.ParseFS(conf, "conf/"+name)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = t.Execute(&b, c)
	return b.String(), err
}

// mailboxes is a Postfix table from address to Maildir.
func mailboxes() string {
	addresses := []string{Alice, Bob, Joerg, Full, App.Name, Odd.Name}
	for i := range Mailboxes {
		addresses = append(addresses, Recipient(i))
	}
	var b strings.Builder
	for _, address := range addresses {
		fmt.Fprintf(&b, "%s %s/\n", address, localPart(address))
	}
	return b.String()
}

func localPart(address string) string {
	local, _, _ := strings.Cut(address, "@")
	return local
}

// passwords is a Dovecot passwd-file. The passwords are plain, for CRAM-MD5 and SCRAM
// are computed from them, and in base 64, for a colon would end them.
func passwords(users ...User) string {
	var b strings.Builder
	for _, u := range users {
		fmt.Fprintf(&b, "%s:{PLAIN.b64}%s\n", u.Name, base64.StdEncoding.EncodeToString([]byte(u.Password)))
	}
	return b.String()
}
