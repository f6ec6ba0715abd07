package apifake

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/internal/testcert"
)

// within bounds everything that a broken server could make wait for ever.
const within = 20 * time.Second

// service holds what was accepted: the body of every POST.
type service struct {
	*Server
	mu   sync.Mutex
	held []string
}

func (v *service) handle(r *Request) Answer {
	if r.Method != http.MethodPost {
		return JSON(200, `{"ok":true}`)
	}
	body := string(r.Body)
	a := JSON(202, `{"id":"queued"}`)
	a.Commit = func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.held = append(v.held, body)
	}
	return a
}

func (v *service) copies() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.held)
}

func start(t *testing.T, cfg Config) *service {
	t.Helper()
	v := new(service)
	if cfg.Handler == nil {
		cfg.Handler = v.handle
	}
	v.Server = Start(t, cfg)
	return v
}

// clean fails the test if a client did something wrong.
func (v *service) clean(t *testing.T) {
	t.Helper()
	if got := v.Violations(); len(got) > 0 {
		t.Errorf("violations: %q", got)
	}
}

// truth ends silences, waits, and compares what was accepted and how many bodies arrived.
func (v *service) truth(t *testing.T, copies []string, whole int) {
	t.Helper()
	v.EndSilences()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	if err := v.WaitIdle(ctx); err != nil {
		t.Fatalf("WaitIdle: %v", err)
	}
	if got := v.copies(); !slices.Equal(got, copies) {
		t.Errorf("accepted %q, want %q", got, copies)
	}
	if got := v.Stats().Whole; got != whole {
		t.Errorf("%d bodies arrived whole, want %d", got, whole)
	}
}

func reached(t *testing.T, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(within):
		t.Fatal("the fault did not happen")
	}
}

// client is a raw socket.
type client struct {
	t *testing.T
	net.Conn
	in *bufio.Reader
}

func (v *service) dial(t *testing.T) *client {
	t.Helper()
	conn, err := net.Dial("tcp", v.Addr())
	if err != nil {
		t.Fatal(err)
	}
	return newClient(t, conn)
}

func newClient(t *testing.T, conn net.Conn) *client {
	t.Helper()
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(within)); err != nil {
		t.Fatal(err)
	}
	return &client{t, conn, bufio.NewReader(conn)}
}

func (v *service) dialTLS(t *testing.T, certs *testcert.Set) *client {
	t.Helper()
	conn, err := tls.Dial("tcp", v.Addr(), certs.Client("127.0.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	return newClient(t, conn)
}

func (c *client) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		c.t.Fatalf("write: %v", err)
	}
}

func post(body string) string {
	return fmt.Sprintf("POST /send?x=1 HTTP/1.1\r\nHost: api\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// reply reads a reply.
func (c *client) reply() (status int, header http.Header, body string) {
	c.t.Helper()
	resp, err := http.ReadResponse(c.in, nil)
	if err != nil {
		c.t.Fatalf("reply: %v", err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatalf("body of the reply: %v", err)
	}
	return resp.StatusCode, resp.Header, string(b)
}

func (c *client) status(want int) {
	c.t.Helper()
	if got, _, body := c.reply(); got != want {
		c.t.Errorf("status %d, want %d: %s", got, want, body)
	}
}

// rest reads what is left, and how it ends: nil for an orderly end.
func (c *client) rest() (string, error) {
	c.t.Helper()
	b, err := io.ReadAll(c.in)
	var late net.Error
	if errors.As(err, &late) && late.Timeout() {
		c.t.Fatal("the connection did not end")
	}
	return string(b), err
}

// ends requires that nothing more comes, and an orderly end.
func (c *client) ends() {
	c.t.Helper()
	if got, err := c.rest(); got != "" || err != nil {
		c.t.Errorf("then %q, %v; want an orderly end", got, err)
	}
}

func mustContain(t *testing.T, list []string, part string) {
	t.Helper()
	if !slices.ContainsFunc(list, func(s string) bool { return strings.Contains(s, part) }) {
		t.Errorf("%q is not in %q", part, list)
	}
}
