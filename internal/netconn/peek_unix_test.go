//go:build unix

package netconn

import (
	"crypto/tls"
	"io"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/internal/testcert"
)

// TestHasMore: what lies in the socket shows, and nothing of it is lost by looking.
func TestHasMore(t *testing.T) {
	certs := testcert.Must(t)
	for _, link := range []link{links[0], links[2]} {
		t.Run(link.name, func(t *testing.T) {
			c, peer := link.open(t, certs)
			c.SetLimit(time.Now().Add(-time.Second)) // one that has run out hides nothing
			if c.HasMore() {
				t.Fatal("there is something before anything was said")
			}
			if _, err := io.WriteString(peer, "4"); err != nil {
				t.Fatal(err)
			}
			eventually(t, c.HasMore)
			c.SetLimit(time.Now().Add(10 * time.Second))
			if b, err := c.R.ReadByte(); err != nil || b != '4' {
				t.Errorf("read %q, %v; want what was said", b, err)
			}
			if c.HasMore() || !c.Alive(time.Now()) {
				t.Error("there is more after all was read")
			}
		})
	}
}

// TestHasMoreTickets: a message of TLS itself is nothing that the server said, and looking
// gets it out of the way.
func TestHasMoreTickets(t *testing.T) {
	certs := testcert.Must(t)
	ours, theirs := newTCP(t)
	request := testcert.Server(certs.Valid)
	request.ClientAuth = tls.RequestClientCert // without it the ticket comes along with the handshake
	server := tls.Server(theirs, request)
	shaken := make(chan error, 1)
	go func() { shaken <- server.Handshake() }()
	c := newConn(t, ours, theirs)
	config := certs.Client("localhost")
	config.ClientSessionCache = tls.NewLRUClientSessionCache(1) // else the server sends no ticket
	if err := c.Handshake(config, time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if err := <-shaken; err != nil {
		t.Fatal(err)
	}
	eventually(t, c.hasUnread)
	if c.Alive(time.Now()) {
		t.Error("what lies in the socket is not seen")
	}
	eventually(t, func() bool {
		if c.HasMore() {
			t.Fatal("a session ticket counts as said by the server")
		}
		return c.Alive(time.Now())
	})
}
