package netconn

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/internal/faultconn"
	"github.com/mailkeel/mailkeel/internal/testcert"
)

// newTCP returns the two ends of a connection over the loopback.
func newTCP(t *testing.T) (ours, theirs net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	if ours, err = net.Dial("tcp", listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if theirs, err = listener.Accept(); err != nil {
		t.Fatal(err)
	}
	return ours, theirs
}

// newTLS returns a connection after its handshake, when the server's session tickets have
// been read as well, and the server's end. wrap is around the transports of both.
func newTLS(t *testing.T, certs *testcert.Set, wrap func(net.Conn) net.Conn, open func() (ours, theirs net.Conn)) (*Conn, net.Conn) {
	t.Helper()
	ours, theirs := open()
	server := tls.Server(wrap(theirs), testcert.Server(certs.Valid))
	greeted := make(chan error, 1)
	go func() { _, err := io.WriteString(server, "g"); greeted <- err }()
	c := newConn(t, ours, theirs)
	if err := c.Handshake(certs.Client("localhost"), time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(readByte(c), <-greeted); err != nil {
		t.Fatal(err)
	}
	return c, server
}

// hidden is a transport that nobody can look into.
type hidden struct{ net.Conn }

// A link is a way in which a connection can be made.
type link struct {
	name string
	open func(t *testing.T, certs *testcert.Set) (*Conn, net.Conn)
}

var links = []link{
	{"TCP", func(t *testing.T, _ *testcert.Set) (*Conn, net.Conn) {
		ours, theirs := newTCP(t)
		return newConn(t, ours, theirs), theirs
	}},
	{"TCP that cannot be looked into", func(t *testing.T, _ *testcert.Set) (*Conn, net.Conn) {
		ours, theirs := newTCP(t)
		return newConn(t, hidden{ours}, theirs), theirs
	}},
	{"TLS", func(t *testing.T, certs *testcert.Set) (*Conn, net.Conn) {
		return newTLS(t, certs, func(c net.Conn) net.Conn { return c }, func() (net.Conn, net.Conn) { return newTCP(t) })
	}},
	{"TLS that cannot be looked into", func(t *testing.T, certs *testcert.Set) (*Conn, net.Conn) {
		return newTLS(t, certs, func(c net.Conn) net.Conn { return c }, func() (net.Conn, net.Conn) {
			ours, theirs := newTCP(t)
			return hidden{ours}, theirs
		})
	}},
}

// TestAlive: an idle connection is usable until anything arrives, be it its end.
func TestAlive(t *testing.T) {
	certs := testcert.Must(t)
	for _, link := range links {
		for name, event := range map[string]func(net.Conn){
			"FIN":  func(peer net.Conn) { _ = peer.Close() },
			"RST":  faultconn.Reset,
			"byte": func(peer net.Conn) { _, _ = io.WriteString(peer, "4") },
		} {
			t.Run(link.name+", "+name, func(t *testing.T) {
				c, peer := link.open(t, certs)
				for range 2 {
					if !c.Alive(time.Now()) {
						t.Fatal("not alive before anything happened")
					}
				}
				event(peer)
				eventually(t, func() bool { return !c.Alive(time.Now()) })
			})
		}
	}
}

// eventually waits for what the kernel is about to bring.
func eventually(t *testing.T, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !happened(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it did not happen within 10 s")
		}
	}
}

// TestAliveBuffered: a byte that was read along with the last reply is one too many.
func TestAliveBuffered(t *testing.T) {
	c, peer := newPipe(t)
	go func() { _, _ = io.WriteString(peer, "ab") }()
	if err := readByte(c); err != nil {
		t.Fatal(err)
	}
	if c.Alive(time.Now()) || !c.HasMore() {
		t.Error("the second byte is not seen")
	}
	if err := readByte(c); err != nil || !c.Alive(time.Now()) {
		t.Errorf("%v; with all of it read, it is not alive", err)
	}
}

// bundler holds back what is written until it is told to send it in one piece.
type bundler struct {
	net.Conn
	mu      sync.Mutex
	holds   bool
	pending []byte
}

func (b *bundler) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.holds {
		b.pending = append(b.pending, p...)
		return len(p), nil
	}
	return b.Conn.Write(p)
}

// inOnePiece sends what write writes.
func (b *bundler) inOnePiece(write func()) error {
	b.mu.Lock()
	b.holds = true
	b.mu.Unlock()
	write()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.holds = false
	_, err := b.Conn.Write(slices.Clone(b.pending))
	return err
}

// TestRecord: a TLS record that came along with the last one lies neither in the socket nor in R.
func TestRecord(t *testing.T) {
	certs := testcert.Must(t)
	for name, sees := range map[string]func(c *Conn) bool{
		"Alive":   func(c *Conn) bool { return !c.Alive(time.Now()) },
		"HasMore": (*Conn).HasMore,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bundle := new(bundler)
				c, peer := newTLS(t, certs, func(c net.Conn) net.Conn { bundle.Conn = c; return bundle }, net.Pipe)
				sent := make(chan error, 1)
				go func() {
					sent <- bundle.inOnePiece(func() {
						_, _ = io.WriteString(peer, "a")
						_, _ = io.WriteString(peer, "b")
					})
				}()
				if err := errors.Join(readByte(c), <-sent); err != nil {
					t.Fatal(err)
				}
				if c.R.Buffered() != 0 {
					t.Fatal("the second record has been read already")
				}
				if !sees(c) {
					t.Error("the second record is not seen")
				}
				if b, err := c.R.ReadByte(); err != nil || b != 'b' {
					t.Errorf("after that, %q, %v; want what the record holds", b, err)
				}
			})
		})
	}
}

// TestAliveAfterLimit: the limit of the last operation, if it has passed, is not that of the next.
func TestAliveAfterLimit(t *testing.T) {
	certs := testcert.Must(t)
	for name, open := range map[string]func(t *testing.T) (*Conn, net.Conn){
		"plain": newPipe,
		"TLS": func(t *testing.T) (*Conn, net.Conn) {
			return newTLS(t, certs, func(c net.Conn) net.Conn { return c }, net.Pipe)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, peer := open(t)
				c.SetLimit(time.Now().Add(time.Second))
				time.Sleep(2 * time.Second)
				if !c.Alive(time.Now()) {
					t.Fatal("not alive")
				}
				time.AfterFunc(time.Hour, func() { _, _ = peer.Read(make([]byte, 1)) })
				if err := writeByte(c); err != nil {
					t.Errorf("a write an hour later: %v", err)
				}
			})
		})
	}
}
