package apifake

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/mailkeel/mailkeel/internal/testcert"
)

func TestViolations(t *testing.T) {
	for _, tt := range []struct {
		name, send string
		want       string
		status     int
	}{
		{"no Host", "GET / HTTP/1.1\r\n\r\n", "0 Host", 200},
		{"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "2 Host", 200},
		{"chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "must not use a chunked", 202},
		{"chunked and length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "Transfer-Encoding", 400},
		{"no length", "POST / HTTP/1.1\r\nHost: a\r\n\r\n", "without Content-Length", 202},
		{"two lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", "2 Content-Length", 400},
		{"bad length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc", "Content-Length", 400},
		{"GET with body", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", "GET with a body", 200},
		{"HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\n\r\n", "HTTP/1.0", 200},
		{"bare LF", "GET / HTTP/1.1\nHost: a\n\n", "without CR LF", 400},
		{"request line", "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "request line", 400},
		{"folded field", "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2: x\r\n\r\n", "header field", 400},
		{"long head", "GET / HTTP/1.1\r\nX: " + strings.Repeat("x", maxHeadBytes) + "\r\n\r\n", "too long", 400},
		{"pipelining", "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "further request", 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := start(t, Config{})
			c := v.dial(t)
			c.send(tt.send)
			c.status(tt.status)
			mustContain(t, v.Violations(), tt.want)
		})
	}
}

// TestChunkedIsRead: the truth about what must not be is still the truth.
func TestChunkedIsRead(t *testing.T) {
	v := start(t, Config{})
	c := v.dial(t)
	c.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\n")
	c.status(202)
	c.send(post("next"))
	c.status(202)
	v.truth(t, []string{"abcde", "next"}, 2)

	c.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab")
	_ = c.Close()
	v.truth(t, []string{"abcde", "next"}, 2)
}

// TestTooLarge: the reply comes before the body is read, and survives the client's writing on.
func TestTooLarge(t *testing.T) {
	v := start(t, Config{MaxBodyBytes: 1000})
	c := v.dial(t)
	c.send(post(strings.Repeat("x", 999)))
	c.status(202)
	c.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1000\r\n\r\n")
	c.status(413) // no 100 before it
	v.truth(t, []string{strings.Repeat("x", 999)}, 1)

	c = v.dial(t)
	c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8000000\r\n\r\n")
	c.send(strings.Repeat("y", 8_000_000))
	c.status(413)
	c.ends()
	v.clean(t)
}

func TestTooLargeChunked(t *testing.T) {
	v := start(t, Config{MaxBodyBytes: 4, TooLarge: JSON(413, `{"message":"too big"}`)})
	c := v.dial(t)
	c.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n")
	if status, _, body := c.reply(); status != 413 || !strings.Contains(body, "too big") {
		t.Errorf("reply %d %q", status, body)
	}
	v.truth(t, nil, 0)
}

// TestHandlerPanic: the client gets an answer, the test an entry.
func TestHandlerPanic(t *testing.T) {
	v := start(t, Config{Handler: func(*Request) Answer { panic("oh") }})
	c := v.dial(t)
	c.send(post("x"))
	c.status(500)
	mustContain(t, v.Violations(), "handler panicked: oh")
}

func TestConnectionClose(t *testing.T) {
	v := start(t, Config{})
	c := v.dial(t)
	c.send("HEAD / HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n")
	got, err := c.rest()
	if !strings.HasSuffix(got, "\r\n\r\n") || !strings.Contains(got, "Connection: close\r\n") || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	v.clean(t)
}

// TestClient: the real client of the standard library is served, with and without TLS, and has nothing to be blamed for.
func TestClient(t *testing.T) {
	certs := testcert.Must(t)
	serverTLS := testcert.Server(certs.Valid)
	serverTLS.NextProtos = []string{"h2", "http/1.1"}
	for name, cfg := range map[string]Config{"plain": {}, "TLS": {TLS: serverTLS}} {
		t.Run(name, func(t *testing.T) {
			v := start(t, cfg)
			transport := &http.Transport{TLSClientConfig: certs.Client("127.0.0.1"), ForceAttemptHTTP2: true}
			defer transport.CloseIdleConnections()
			client := &http.Client{Transport: transport}
			var senders sync.WaitGroup
			for range 8 {
				senders.Go(func() {
					for range 5 {
						resp, err := client.Post(v.URL()+"/send", "text/plain", strings.NewReader("hello"))
						if err != nil {
							t.Error(err)
							return
						}
						if body, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusAccepted {
							t.Errorf("%s %q %v", resp.Status, body, err)
						}
						_ = resp.Body.Close()
					}
				})
			}
			senders.Wait()
			v.truth(t, strings.Fields(strings.Repeat("hello ", 40)), 40)
			v.clean(t)
		})
	}
}

// TestWaitIdle: what was sent before the call is decided after it, although the client
// did not wait for anything; connections that lie idle do not matter.
func TestWaitIdle(t *testing.T) {
	certs := testcert.Must(t)
	for name, cfg := range map[string]Config{"plain": {}, "TLS": {TLS: testcert.Server(certs.Valid)}} {
		t.Run(name, func(t *testing.T) {
			v := start(t, cfg)
			dial := v.dial
			if cfg.TLS != nil {
				dial = func(t *testing.T) *client { return v.dialTLS(t, certs) }
			}
			idle, unused := dial(t), v.dial(t)
			idle.send(post("x"))
			idle.status(202)
			want := []string{"x"}
			for range 50 {
				c := dial(t)
				c.send(post("x"))
				_ = c.Close()
				want = append(want, "x")
				v.truth(t, want, len(want))
			}
			_ = unused.Close()
		})
	}
}

// TestWaitIdleWaits: a silence is no idleness.
func TestWaitIdleWaits(t *testing.T) {
	v := start(t, Config{})
	done := v.Next(Fault{Kind: Silence})
	c := v.dial(t)
	c.send(post("x"))
	reached(t, done)
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() { result <- v.WaitIdle(ctx) }()
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("WaitIdle during a silence: %v", err)
	}
}

func TestCloseIdle(t *testing.T) {
	v := start(t, Config{})
	idle, busy := v.dial(t), v.dial(t)
	idle.send(post("x"))
	idle.status(202)
	hold := make(chan struct{})
	done := v.Next(Fault{Hold: hold})
	busy.send(post("y"))
	reached(t, done)
	waitForState(t, v.Server, idling)
	v.CloseIdle()
	idle.ends()
	close(hold)
	busy.status(202)
	v.truth(t, []string{"x", "y"}, 2)
}

// waitForState waits until a connection is in that state.
func waitForState(t *testing.T, s *Server, want state) {
	t.Helper()
	for {
		s.mu.Lock()
		changed, found := s.changed, false
		for c := range s.conns {
			found = found || c.state == want
		}
		s.mu.Unlock()
		if found {
			return
		}
		reached(t, changed)
	}
}

func TestClose(t *testing.T) {
	v := start(t, Config{})
	done := v.Next(Fault{Kind: Silence})
	c := v.dial(t)
	c.send(post("x"))
	reached(t, done)
	v.Close()
	v.Close()
	if _, err := net.Dial("tcp", v.Addr()); err == nil {
		t.Error("something listens after Close")
	}
	if err := v.WaitIdle(t.Context()); err != nil {
		t.Errorf("WaitIdle after Close: %v", err)
	}
}

func TestWrap(t *testing.T) {
	var mu sync.Mutex
	var numbers []int
	v := start(t, Config{Forget: true, Wrap: func(n int, conn net.Conn) net.Conn {
		mu.Lock()
		defer mu.Unlock()
		numbers = append(numbers, n)
		return struct{ net.Conn }{conn} // without CloseWrite
	}})
	v.Next(Fault{Kind: Withhold})
	c := v.dial(t)
	c.send(post("lost"))
	c.ends()
	c = v.dial(t)
	c.send(post("x"))
	c.status(202)
	v.truth(t, []string{"x"}, 2)
	mu.Lock()
	defer mu.Unlock()
	if len(numbers) != 2 || numbers[1] != 1 || len(v.Requests()) != 0 {
		t.Errorf("numbers %v, requests %v", numbers, v.Requests())
	}
}

func TestNewWithoutHandler(t *testing.T) {
	if _, err := New(Config{}); err == nil {
		t.Error("no error")
	}
}
