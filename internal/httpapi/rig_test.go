package httpapi_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/internal/testcert"
	"github.com/mailkeel/mailkeel/mailer"
)

var certs = must(testcert.New())

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// serverTLS is without session tickets, which a peer that only writes when it has
// something to say would leave unread in a pipe.
func serverTLS() *tls.Config {
	config := testcert.Server(certs.Valid)
	config.SessionTicketsDisabled = true
	return config
}

// secret is what every rig has for a credential.
const secret = "correct-horse-battery"

// A rig is an API, what it dials, and the sink behind that.
type rig struct {
	sink   *sink
	client *httpapi.Client
	api    *httpapi.API
	wires  *wires
}

// newRig returns an API that reaches s over pipes, where what one side has not read the
// other has not written.
func newRig(t testing.TB, s *sink, options ...func(*httpapi.Config)) *rig {
	t.Helper()
	r := &rig{sink: s, wires: new(wires)}
	cfg := httpapi.Config{BaseURL: "http://127.0.0.1:8025", AllowPlaintext: true, Dial: s.pipe}
	if s.tls != nil {
		cfg.BaseURL, cfg.TLSConfig = "https://localhost", certs.Client("")
	}
	for _, option := range options {
		option(&cfg)
	}
	if cfg.Dial != nil {
		cfg.Dial = r.wires.dial(cfg.Dial)
	}
	client, err := httpapi.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r.client = client
	r.api = &httpapi.API{
		Client: client, Credential: mailer.NewSecret(secret), Replies: replies{},
		Authorization: func(s string) string { return "Bearer " + s },
	}
	return r
}

// pipe is a Dial that connects to s in memory.
func (s *sink) pipe(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	s.accept(theirs)
	return onLoopback{ours}, nil
}

// onLoopback is a connection in memory, which does not leave this machine either.
type onLoopback struct{ net.Conn }

func (onLoopback) RemoteAddr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8025}
}

// overTCP makes a rig reach its sink at address instead.
func overTCP(address string) func(*httpapi.Config) {
	return func(c *httpapi.Config) {
		c.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", address)
		}
	}
}

// direct makes a rig reach its sink at address with the client's own dialer, over sockets
// that can be looked at.
func direct(address string) func(*httpapi.Config) {
	return func(c *httpapi.Config) { c.BaseURL, c.Dial = "http://"+address, nil }
}

// close ends client and sink, as a test in a bubble of virtual time must.
func (r *rig) close() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // nothing is under way any more
	_ = r.client.Close(ctx)
	r.sink.close()
}

// send makes one attempt to post n bytes.
func (r *rig) send(ctx context.Context, n int) verdict {
	return r.post(ctx, &ledger.Attempt{}, text(n))
}

// post makes the attempt a with body.
func (r *rig) post(ctx context.Context, a *ledger.Attempt, body httpapi.Body) verdict {
	a.Provider, a.Start = "fake", time.Now()
	receipt, err := r.api.Send(ctx, a, &httpapi.Request{Method: "POST", Path: "/v3/mail/send", Body: body})
	return verdictOf(receipt, err)
}

// do makes one exchange.
func (r *rig) do(ctx context.Context, n int) httpapi.Result {
	return r.client.Do(ctx, &httpapi.Request{Method: "POST", Path: "/", Body: text(n)}, func(mailer.Phase) {})
}

// A verdict is what an attempt came to.
type verdict struct {
	ledger.Verdict
	code  int
	wait  time.Duration
	phase mailer.Phase
	id    string
	err   error
}

func verdictOf(receipt *mailer.Receipt, err error) verdict {
	if err == nil {
		return verdict{Verdict: ledger.Accepted, code: receipt.Attempts[0].Code, phase: receipt.Attempts[0].Phase, id: receipt.ProviderMessageID}
	}
	var e *mailer.SendError
	if receipt != nil || !errors.As(err, &e) || e.Receipt == nil {
		return verdict{err: errors.New("the error is no *SendError: " + err.Error())}
	}
	return verdict{
		Verdict: ledger.Verdict{Outcome: e.Outcome, Scope: e.Scope, Temporary: e.Temporary, Elsewhere: e.Elsewhere},
		code:    e.Code, wait: e.RetryAfter, phase: e.Receipt.Attempts[0].Phase, err: err,
	}
}

// is compares v with what a table wants.
func (v verdict) is(t testing.TB, want ledger.Verdict, code int) {
	t.Helper()
	if v.Verdict != want || v.code != code {
		t.Errorf("got %+v, %d (%v)\nwant %+v, %d", v.Verdict, v.code, v.err, want, code)
	}
}

// replies is a provider that accepts as SendGrid does, and has errors of its own.
type replies struct{}

func (replies) Accepted(r *httpapi.Reply) (string, bool) {
	id := r.Header.Get("X-Message-Id")
	return id, r.Status == 202 && httpapi.IsID(id)
}

func (replies) Problem(r *httpapi.Reply) httpapi.Problem {
	own := bytes.HasPrefix(r.Body, []byte(`{"errors":`))
	p := httpapi.Problem{Own: own}
	if own {
		p.Text = string(r.Body)
	}
	return p
}

// text is a body of that many bytes, which comes in pieces.
type text int

func (n text) Size() int64 { return int64(n) }

func (n text) WriteTo(w io.Writer) (done int64, err error) {
	for done < int64(n) {
		piece := content[done%26:][:min(int64(n)-done, 4999)]
		wrote, err := io.WriteString(w, piece)
		if done += int64(wrote); err != nil {
			return done, err
		}
	}
	return done, nil
}

// content repeats the alphabet, so that no part can stand for another.
var content = strings.Repeat("abcdefghijklmnopqrstuvwxyz", 8000)

// isText reports whether b is the whole body.
func isText(b []byte, n int) bool { return len(b) == n && strings.HasPrefix(content, string(b)) }

// wires are the connections that a client dialled and has not closed.
type wires struct {
	dialled, closed, peak atomic.Int64
}

func (w *wires) open() int { return int(w.dialled.Load() - w.closed.Load()) }

func (w *wires) dial(dial func(context.Context, string, string) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		w.dialled.Add(1)
		for now := int64(w.open()); ; {
			peak := w.peak.Load()
			if now <= peak || w.peak.CompareAndSwap(peak, now) {
				return &wire{Conn: conn, closed: sync.OnceFunc(func() { w.closed.Add(1) })}, nil
			}
		}
	}
}

type wire struct {
	net.Conn
	closed func()
}

func (w *wire) Close() error {
	w.closed()
	return w.Conn.Close()
}

func get(path string) *httpapi.Request { return &httpapi.Request{Method: "GET", Path: path} }
