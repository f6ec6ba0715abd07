package httpapi_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/internal/ledger"
)

// A fakeProxy leads to a sink: by CONNECT, or by SOCKS5 where the client begins so.
type fakeProxy struct {
	// answer is what CONNECT is answered; empty means that it is let through.
	answer string
	tls    *tls.Config
	delay  time.Duration
	// user and password are asked for by SOCKS5 where they are set.
	user, password string

	mu      sync.Mutex
	asked   []string // the first lines and header fields of CONNECT, or host:port of SOCKS5
	conns   []net.Conn
	running sync.WaitGroup
}

// pipe returns a connection to the proxy, in memory.
func (p *fakeProxy) pipe(to *sink) net.Conn {
	ours, theirs := net.Pipe()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns = append(p.conns, theirs)
	p.running.Go(func() { p.serve(theirs, to) })
	return ours
}

func (p *fakeProxy) close() {
	p.mu.Lock()
	for _, conn := range p.conns {
		_ = conn.Close()
	}
	p.mu.Unlock()
	p.running.Wait()
}

func (p *fakeProxy) saw(s string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, s)
}

func (p *fakeProxy) serve(conn net.Conn, to *sink) {
	if p.tls != nil {
		secure := tls.Server(conn, p.tls)
		if secure.Handshake() != nil {
			_ = conn.Close()
			return
		}
		conn = secure
	}
	in := bufio.NewReader(conn)
	first, err := in.Peek(1)
	if err != nil {
		_ = conn.Close()
		return
	}
	ok := false
	if first[0] == 5 {
		ok = p.socks(in, conn)
	} else {
		ok = p.connect(in, conn)
	}
	if !ok {
		_ = conn.Close()
		return
	}
	to.accept(conn)
}

func (p *fakeProxy) connect(in *bufio.Reader, conn net.Conn) bool {
	r, err := http.ReadRequest(in)
	if err != nil {
		return false
	}
	p.saw(r.Method + " " + r.RequestURI + " " + r.Host + " " + r.Header.Get("Proxy-Authorization"))
	time.Sleep(p.delay)
	if p.answer != "" {
		_, _ = io.WriteString(conn, p.answer)
		return strings.HasPrefix(p.answer, "HTTP/1.1 200")
	}
	_, err = io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n")
	return err == nil
}

// socks is RFC 1928 with RFC 1929.
func (p *fakeProxy) socks(in *bufio.Reader, conn net.Conn) bool {
	next := func(n int) []byte { b := make([]byte, n); _, _ = io.ReadFull(in, b); return b }
	methods := next(int(next(2)[1]))
	if p.user != "" {
		if !strings.Contains(string(methods), "\x02") {
			_, _ = conn.Write([]byte{5, 0xff})
			return false
		}
		_, _ = conn.Write([]byte{5, 2})
		user := string(next(int(next(2)[1])))
		password := string(next(int(next(1)[0])))
		if user != p.user || password != p.password {
			_, _ = conn.Write([]byte{1, 1})
			return false
		}
		_, _ = conn.Write([]byte{1, 0})
	} else {
		_, _ = conn.Write([]byte{5, 0})
	}
	head := next(4)
	host := ""
	switch head[3] {
	case 1:
		host = net.IP(next(4)).String()
	case 3:
		host = string(next(int(next(1)[0])))
	case 4:
		host = net.IP(next(16)).String()
	}
	port := next(2)
	p.saw(net.JoinHostPort(host, (&net.TCPAddr{Port: int(port[0])<<8 | int(port[1])}).String()[1:]))
	_, err := conn.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	return err == nil
}

// rigVia is a rig that reaches its sink, which speaks TLS, through p under address.
func rigVia(t testing.TB, p *fakeProxy, address string, options ...func(*httpapi.Config)) (r *rig, dialled *[]string) {
	t.Helper()
	server := &sink{tls: serverTLS()}
	dialled = new([]string)
	return newRig(t, server, append([]func(*httpapi.Config){viaProxy(address), func(c *httpapi.Config) {
		c.Dial = func(_ context.Context, _, address string) (net.Conn, error) {
			*dialled = append(*dialled, address)
			return p.pipe(server), nil
		}
	}}, options...)...), dialled
}

// TestProxies: the way through each kind, and what each is told.
func TestProxies(t *testing.T) {
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("us er:p@ss"))
	for _, c := range []struct {
		address string
		proxy   *fakeProxy
		dials   string
		asked   string
	}{
		{"http://proxy.example.com:3128", &fakeProxy{}, "proxy.example.com:3128", "CONNECT localhost:443 localhost:443 "},
		{"http://proxy.example.com", &fakeProxy{}, "proxy.example.com:80", "CONNECT localhost:443 localhost:443 "},
		{"http://us%20er:p%40ss@proxy.example.com", &fakeProxy{}, "proxy.example.com:80", "CONNECT localhost:443 localhost:443 " + basic},
		{"http://proxy.example.com", &fakeProxy{answer: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"}, "proxy.example.com:80", "CONNECT localhost:443 localhost:443 "},
		{"http://proxy.example.com", &fakeProxy{answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"}, "proxy.example.com:80", "CONNECT localhost:443 localhost:443 "},
		{"http://proxy.example.com", &fakeProxy{delay: 10 * time.Second}, "proxy.example.com:80", "CONNECT localhost:443 localhost:443 "},
		{"socks5://proxy.example.com", &fakeProxy{}, "proxy.example.com:1080", "localhost:443"},
		{"socks5h://proxy.example.com:1081", &fakeProxy{}, "proxy.example.com:1081", "localhost:443"},
		{"socks5://us%20er:p%40ss@proxy.example.com", &fakeProxy{user: "us er", password: "p@ss"}, "proxy.example.com:1080", "localhost:443"},
	} {
		t.Run(c.address, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, dialled := rigVia(t, c.proxy, c.address)
				for range 2 {
					r.send(t.Context(), large).is(t, ledger.Accepted, 202)
				}
				r.close()
				c.proxy.close()
				if len(*dialled) != 1 || (*dialled)[0] != c.dials || strings.Join(c.proxy.asked, "|") != c.asked || r.wires.open() != 0 {
					t.Errorf("dialled %q, asked %q, %d left", *dialled, c.proxy.asked, r.wires.open())
				}
			})
		})
	}
}

// TestProxiesRefuse is HTTP row 1: a proxy that leads nowhere, whose fault it is, and that
// nothing it was told is shown (P18).
func TestProxiesRefuse(t *testing.T) {
	const auth = "http://user:" + secret + "@proxy.example.com"
	encoded := base64.StdEncoding.EncodeToString([]byte("user:" + secret))
	for _, c := range []struct {
		name    string
		address string
		proxy   *fakeProxy
		want    ledger.Verdict
		takes   time.Duration
	}{
		{"407", auth, &fakeProxy{answer: replyOf(407, "")}, ledger.AccountRefused, 0},
		{"407 with a body that does not come", auth, &fakeProxy{answer: "HTTP/1.1 407 No\r\nContent-Length: 9\r\n\r\n"}, ledger.AccountRefused, 0},
		{"403", auth, &fakeProxy{answer: replyOf(403, "no")}, ledger.ProviderDown, 0},
		{"502", auth, &fakeProxy{answer: replyOf(502, "no")}, ledger.ProviderDown, 0},
		{"302", auth, &fakeProxy{answer: replyOf(302, "", "Location: http://evil.example.com/")}, ledger.ProviderDown, 0},
		{"garbage", auth, &fakeProxy{answer: "SSH-2.0-OpenSSH\r\n\r\n"}, ledger.ProviderDown, 0},
		{"what it was told", auth, &fakeProxy{answer: "HTTP/" + encoded + " user:" + secret + "\r\n\r\n"}, ledger.ProviderDown, 0},
		{"endless", auth, &fakeProxy{answer: "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("x", 1<<20)}, ledger.ProviderDown, 0},
		{"nothing", auth, &fakeProxy{answer: "\r"}, ledger.ProviderDown, 0},
		{"bytes after the 200", auth, &fakeProxy{answer: "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 202 Accepted\r\nX-Message-Id: 1\r\n\r\n"}, ledger.ProviderDown, 0},
		{"slow", auth, &fakeProxy{delay: time.Hour}, ledger.ProviderDown, 15 * time.Second},
		{"SOCKS5 refuses", "socks5://user:" + secret + "@proxy.example.com", &fakeProxy{user: "other", password: "x"}, ledger.ProviderDown, 0},
		{"SOCKS5 wants a password", "socks5://proxy.example.com", &fakeProxy{user: "other", password: "x"}, ledger.ProviderDown, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, _ := rigVia(t, c.proxy, c.address)
				start := time.Now()
				v := r.send(t.Context(), 1000)
				v.is(t, c.want, 0)
				if took := time.Since(start); took != c.takes {
					t.Errorf("took %v", took)
				}
				if s := v.err.Error(); strings.Contains(s, secret) || strings.Contains(s, encoded) {
					t.Errorf("shown: %s", s)
				}
				r.close()
				c.proxy.close()
				if n := r.wires.open(); n != 0 {
					t.Errorf("%d connections left", n)
				}
			})
		})
	}
}

// TestProxyChoice: the function is asked about the server's URL, and may say none, or that it does not know.
func TestProxyChoice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var about []string
		r := newRig(t, &sink{tls: serverTLS()}, func(c *httpapi.Config) {
			c.Proxy = func(u *url.URL) (*url.URL, error) {
				about = append(about, u.String())
				return nil, nil
			}
		})
		r.send(t.Context(), 1000).is(t, ledger.Accepted, 202)
		r.close()
		if strings.Join(about, " ") != "https://localhost" {
			t.Errorf("asked about %q", about)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("bad proxy http://user:" + secret + "@x")
		r := newRig(t, &sink{}, func(c *httpapi.Config) {
			c.Proxy = func(*url.URL) (*url.URL, error) { return nil, broken }
		})
		v := r.send(t.Context(), 1000)
		v.is(t, ledger.AccountRefused, 0)
		if !strings.Contains(v.err.Error(), "proxy") || strings.Contains(v.err.Error(), secret) {
			t.Errorf("got %v", v.err)
		}
		r.close()
	})
}

// A proxy of a kind that is not known is not spoken to as if it were another.
func TestUnknownProxyScheme(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &fakeProxy{}
		r, dialled := rigVia(t, p, "ftp://user:"+secret+"@proxy.example.com")
		v := r.send(t.Context(), 1000)
		v.is(t, ledger.AccountRefused, 0)
		if len(*dialled) > 0 || strings.Contains(v.err.Error(), secret) {
			t.Errorf("dialled %q: %v", *dialled, v.err)
		}
		r.close()
		p.close()
	})
}

// TestProxyFromEnvironment: HTTPS_PROXY and NO_PROXY decide where Config does not.
func TestProxyFromEnvironment(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://proxy.example.com:3128")
	t.Setenv("NO_PROXY", "direct.example.com")
	for base, want := range map[string]string{
		"https://api.example.com":    "proxy.example.com:3128",
		"https://direct.example.com": "direct.example.com:443",
		"https://localhost":          "localhost:443",
		"http://127.0.0.1:8025":      "127.0.0.1:8025",
	} {
		got := ""
		r := newRig(t, &sink{}, func(c *httpapi.Config) {
			c.BaseURL = base
			c.Dial = func(_ context.Context, _, address string) (net.Conn, error) {
				got = address
				return nil, errors.New("no")
			}
		})
		if r.send(t.Context(), 1); got != want {
			t.Errorf("%s goes to %q, want %q", base, got, want)
		}
		r.close()
	}
}
