package main

import (
	"net"
	"slices"
	"sync"

	"github.com/mailkeel/mailkeel/internal/testcert"
	"github.com/mailkeel/mailkeel/mailer/dsn"
	"github.com/mailkeel/mailkeel/providers/sendgrid/sendgridtest"
)

// A backup is SendGrid's API on this machine, and its connection string.
type backup struct {
	*sendgridtest.Server
	url     string
	refused <-chan struct{} // closed when the latest refusal has happened

	mu    sync.Mutex
	down  bool
	conns []net.Conn
}

func startBackup(certs *testcert.Set, caFile string) (*backup, error) {
	b := &backup{}
	var err error
	b.Server, err = sendgridtest.New(sendgridtest.Config{TLS: testcert.Server(certs.Valid), Wrap: b.greet})
	if err != nil {
		return nil, err
	}
	b.url = "sendgrid://" + b.Key() + "@" + b.Addr() + "?name=backup&ca_file=" + dsn.Escape(caFile)
	return b, nil
}

// greet ends a new connection at once while the server is down.
func (b *backup) greet(_ int, conn net.Conn) net.Conn {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down {
		_ = conn.Close()
	}
	b.conns = append(b.conns, conn)
	return conn
}

// goDown ends all connections, and those to come.
func (b *backup) goDown() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.down = true
	for _, conn := range b.conns {
		_ = conn.Close()
	}
}

func (b *backup) comeBack() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.down = false
}

// refuseOne makes the server refuse the next request, unless it is going to already.
func (b *backup) refuseOne() {
	if b.refused != nil {
		select {
		case <-b.refused:
		default:
			return
		}
	}
	b.refused = b.Next(sendgridtest.Reply(sendgridtest.Unavailable()))
}

// copies returns how many messages the server took for address.
func (b *backup) copies(address string) int {
	n := 0
	for _, m := range b.Messages() {
		if slices.Contains(m.Recipients(), address) {
			n++
		}
	}
	return n
}
