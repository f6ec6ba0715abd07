package httpapi_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/mailer"
)

// newHTTPServer returns a server of the standard library and what dials it.
func newHTTPServer(t *testing.T, hasHTTP2 bool, handler http.HandlerFunc, options ...func(*http.Server)) (*httptest.Server, func(context.Context, string, string) (net.Conn, error)) {
	t.Helper()
	s := httptest.NewUnstartedServer(handler)
	s.EnableHTTP2, s.TLS = hasHTTP2, serverTLS()
	for _, option := range options {
		option(s.Config)
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s, func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", s.Listener.Addr().String())
	}
}

// accepting is a handler that takes what it reads whole, and counts.
type accepting struct {
	taken, wrong, first, second atomic.Int64
}

func (a *accepting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	if !isText(body, int(r.ContentLength)) || r.Header.Get("Authorization") != "Bearer "+secret || r.Header.Get("Accept-Encoding") != "identity" {
		a.wrong.Add(1)
	}
	if a.taken.Add(1); r.ProtoMajor == 2 {
		a.second.Add(1)
	} else {
		a.first.Add(1)
	}
	w.Header().Set("X-Message-Id", "id-1")
	w.WriteHeader(http.StatusAccepted)
}

// TestHTTP2Sharing: many callers share few connections, and each has its own verdict.
func TestHTTP2Sharing(t *testing.T) {
	for _, c := range []struct {
		callers, streams int
		hasHTTP2         bool
		most             int64 // connections
	}{
		{16, 0, true, 1}, {16, 4, true, 16}, {16, 1, true, 16}, {1000, 0, true, 1}, {16, 0, false, 16}, {1000, 0, false, 32},
	} {
		t.Run(fmt.Sprintf("%d callers, %d streams, %v", c.callers, c.streams, c.hasHTTP2), func(t *testing.T) {
			a := new(accepting)
			_, dial := newHTTPServer(t, c.hasHTTP2, a.ServeHTTP, func(s *http.Server) {
				s.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: c.streams}
			})
			r := newHTTP2Rig(t, nil, dial)
			defer r.close()
			var wg sync.WaitGroup
			for i := range c.callers {
				wg.Go(func() { r.send(context.Background(), 1+i*37%5000).is(t, ledger.Accepted, 202) })
			}
			wg.Wait()
			if a.taken.Load() != int64(c.callers) || a.wrong.Load() != 0 || (a.second.Load() > 0) != c.hasHTTP2 || (a.first.Load() > 0) == c.hasHTTP2 {
				t.Errorf("%d taken, %d wrong, %d over HTTP/2", a.taken.Load(), a.wrong.Load(), a.second.Load())
			}
			if peak := r.wires.peak.Load(); peak > c.most {
				t.Errorf("%d connections at once, want at most %d", peak, c.most)
			}
		})
	}
}

// TestHTTP2Restart: a server that closes what is idle, or goes away, costs no message
// (HTTP rows 6 and 34).
func TestHTTP2Restart(t *testing.T) {
	a := new(accepting)
	s, dial := newHTTPServer(t, true, a.ServeHTTP)
	r := newHTTP2Rig(t, nil, dial)
	defer r.close()
	for range 20 {
		r.send(context.Background(), 1000).is(t, ledger.Accepted, 202)
		s.CloseClientConnections()
		for r.wires.open() > 0 {
			time.Sleep(time.Millisecond) // until the end has come to us
		}
	}
	if a.taken.Load() != 20 {
		t.Errorf("%d taken", a.taken.Load())
	}
}

// TestHTTP2GoingAway: a server that shuts down under load processes nothing twice, and every
// verdict is right.
func TestHTTP2GoingAway(t *testing.T) {
	a := new(accepting)
	s, dial := newHTTPServer(t, true, a.ServeHTTP)
	r := newHTTP2Rig(t, nil, dial)
	defer r.close()
	var accepted, unknown atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				switch v := r.send(context.Background(), 20_000); v.Outcome {
				case mailer.Accepted:
					accepted.Add(1)
				case mailer.Unknown:
					unknown.Add(1)
				}
			}
		})
	}
	for a.taken.Load() < 40 {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = s.Config.Shutdown(ctx)
	wg.Wait()
	if n := a.taken.Load(); n < accepted.Load() || n > accepted.Load()+unknown.Load() {
		t.Errorf("%d taken, %d accepted, %d unknown", n, accepted.Load(), unknown.Load())
	}
}

// TestHTTP2Replies: what a reply says arrives as it is: nothing is followed, decompressed or
// read without bounds.
func TestHTTP2Replies(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write(make([]byte, 1<<20))
	_ = z.Close()
	var requests atomic.Int64
	_, dial := newHTTPServer(t, true, func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		case "/zipped":
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(zipped.Bytes())
		case "/large":
			_, _ = w.Write(make([]byte, 3<<20))
		case "/problem":
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write(make([]byte, 3<<20))
		case "/echo":
			w.WriteHeader(http.StatusEarlyHints)
			fmt.Fprintf(w, "%s %s %q %v", r.Method, r.RequestURI, r.UserAgent(), r.Header["X-More"])
		}
	})
	r := newHTTP2Rig(t, nil, dial)
	defer r.close()
	for path, want := range map[string]struct {
		status, size int
		whole        bool
		text         string
	}{
		"/moved":      {307, -1, true, ""},
		"/zipped":     {200, zipped.Len(), true, ""},
		"/large":      {200, 1 << 20, false, ""},
		"/problem":    {400, 64 << 10, false, ""},
		"/echo/a%2Fb": {200, 0, true, ""},
		"/echo":       {200, -1, true, `GET /echo "` + httpapi.UserAgent() + `" [1 2]`},
		"/echo?a=%2F": {200, -1, true, `GET /echo?a=%2F "` + httpapi.UserAgent() + `" [1 2]`},
	} {
		req := &httpapi.Request{Method: "GET", Path: path, Fields: []httpapi.Field{{Name: "X-More", Value: "1"}, {Name: "X-More", Value: "2"}}}
		res := r.client.Do(context.Background(), req, func(mailer.Phase) {})
		if res.Reply == nil || res.Reply.Status != want.status || res.Reply.Whole != want.whole || want.size >= 0 && len(res.Reply.Body) != want.size || want.text != "" && string(res.Reply.Body) != want.text {
			t.Errorf("%s: %+v, %v", path, res.Reply, res.Err)
		}
	}
	if requests.Load() != 7 {
		t.Errorf("%d requests", requests.Load())
	}
}

// TestHTTP2Phases: an exchange is at the same phases as over HTTP/1.1, on a new connection, on
// one in use, and when it is sent once more.
func TestHTTP2Phases(t *testing.T) {
	f := &framer{at: atEnd, fault: reset(7)}
	f.struck.Store(true)
	r := newHTTP2Rig(t, f, f.listen(t))
	defer r.close()
	connect, tls, envelope := mailer.PhaseConnect, mailer.PhaseTLS, mailer.PhaseEnvelope
	content, committed, done := mailer.PhaseContent, mailer.PhaseCommitted, mailer.PhaseDone
	for _, c := range []struct {
		size  int
		fault bool
		want  []mailer.Phase
	}{
		{10, false, []mailer.Phase{connect, tls, envelope, content, committed, done}},
		{200_000, false, []mailer.Phase{connect, envelope, content, committed, done}},
		{0, false, []mailer.Phase{connect, envelope, committed, done}},
		{10, true, []mailer.Phase{connect, envelope, content, committed, content, envelope, content, committed, done}},
	} {
		f.struck.Store(!c.fault)
		var got []mailer.Phase
		res := r.client.Do(context.Background(), &httpapi.Request{Method: "POST", Path: "/", Body: text(c.size)}, func(p mailer.Phase) { got = append(got, p) })
		if res.Err != nil || !slices.Equal(got, c.want) || !res.Released {
			t.Errorf("%d bytes: %v, want %v (%+v)", c.size, got, c.want, res)
		}
	}
}

// TestHTTP2Gate: the gate is asked once, when all but the last byte has left, and not again
// for a request that the server did not look at. A gate that is closed lets nothing go.
func TestHTTP2Gate(t *testing.T) {
	sizes(t, func(t *testing.T, n int) {
		f := &framer{at: atEnd, fault: reset(7)}
		r := newHTTP2Rig(t, f, f.listen(t))
		gate := new(mailer.Gate)
		v := r.post(context.Background(), &ledger.Attempt{Gate: gate}, text(n))
		if v.is(t, ledger.Accepted, 202); !gate.Committed() {
			t.Error("the gate was not asked")
		}
		if _, heads, _ := f.truth(); heads != 2 {
			t.Errorf("%d requests", heads)
		}
		gate = new(mailer.Gate)
		gate.Cancel()
		v = r.post(context.Background(), &ledger.Attempt{Gate: gate}, text(n))
		if v.is(t, ledger.CallerFault, 0); !errors.Is(v.err, httpapi.ErrCancelled) {
			t.Error(v.err)
		}
		r.close()
		f.judge(t, verdict{Verdict: ledger.Accepted}, n)
	})
}

// odd is a content that is not what it says.
type odd struct {
	size int64
	text string
	err  error
	bang bool
}

func (o odd) Size() int64 { return o.size }

func (o odd) WriteTo(w io.Writer) (int64, error) {
	n, err := io.WriteString(w, o.text)
	if o.bang {
		panic("bang")
	}
	return int64(n), errors.Join(err, o.err)
}

// TestHTTP2Content: a content that fails, or that has another size than it said, is never
// complete at the server; a panic in it is the caller's, and the connection lives on.
func TestHTTP2Content(t *testing.T) {
	f := new(framer)
	r := newHTTP2Rig(t, f, f.listen(t))
	large := strings.Repeat("x", 50_000)
	for name, c := range map[string]odd{
		"too short":       {size: 11, text: "0123456789"},
		"too long":        {size: 9, text: "0123456789"},
		"empty":           {size: 1},
		"fails at once":   {size: 10, err: io.ErrUnexpectedEOF},
		"fails":           {size: 10, text: "01234", err: io.ErrNoProgress},
		"fails at end":    {size: 10, text: "0123456789", err: io.EOF},
		"large, short":    {size: 50_001, text: large},
		"large, long":     {size: 49_999, text: large},
		"large, fails":    {size: 50_000, text: large, err: io.ErrClosedPipe},
		"panics":          {size: 10, text: "01234", bang: true},
		"panics at end":   {size: 10, text: "0123456789", bang: true},
		"panics at large": {size: 60_000, text: large, bang: true},
	} {
		t.Run(name, func(t *testing.T) {
			var v verdict
			recovered := func() (what any) {
				defer func() { what = recover() }()
				v = r.post(context.Background(), &ledger.Attempt{}, c)
				return nil
			}()
			if (recovered != nil) != c.bang {
				t.Fatalf("panic: %v", recovered)
			}
			if c.bang {
				return
			}
			if v.is(t, ledger.CallerFault, 0); !errors.Is(v.err, httpapi.ErrSource) || c.err != nil && !errors.Is(v.err, c.err) {
				t.Error(v.err)
			}
		})
	}
	r.send(context.Background(), 10).is(t, ledger.Accepted, 202)
	if n := r.wires.dialled.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
	r.close()
	f.judge(t, verdict{Verdict: ledger.Accepted}, 10)
}

// TestHTTP2Places: requests that are not even sent take no place on the connection away.
func TestHTTP2Places(t *testing.T) {
	a := new(accepting)
	_, dial := newHTTPServer(t, true, a.ServeHTTP, func(s *http.Server) { s.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: 3} })
	r := newHTTP2Rig(t, nil, dial)
	defer r.close()
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	closed := new(mailer.Gate)
	closed.Cancel()
	for range 10 {
		r.send(context.Background(), 10).is(t, ledger.Accepted, 202)
		r.send(ended, 10).is(t, ledger.CallerFault, 0)
		r.post(context.Background(), &ledger.Attempt{Gate: closed}, text(0)).is(t, ledger.CallerFault, 0)
		res := r.client.Do(context.Background(), &httpapi.Request{Method: "POST", Path: "/", Fields: []httpapi.Field{{Name: "a b", Value: "c"}}}, func(mailer.Phase) {})
		if !errors.Is(res.Err, httpapi.ErrRequest) {
			t.Error(res.Err)
		}
	}
	// The framing gives a place back a moment after the reply, so that now and then there is a second
	// connection. Places that are never given back would take one in every other round.
	if n := r.wires.dialled.Load(); n > 2 || a.taken.Load() != 10 {
		t.Errorf("%d connections, %d taken", n, a.taken.Load())
	}
}

// TestHTTP2Memory: a large body is not kept.
func TestHTTP2Memory(t *testing.T) {
	var read atomic.Int64
	_, dial := newHTTPServer(t, true, func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		read.Store(n)
		w.Header().Set("X-Message-Id", "id-1")
		w.WriteHeader(http.StatusAccepted)
	})
	r := newHTTP2Rig(t, nil, dial)
	defer r.close()
	r.send(context.Background(), 10).is(t, ledger.Accepted, 202)
	const size = 10 << 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r.send(context.Background(), size).is(t, ledger.Accepted, 202)
	runtime.ReadMemStats(&after)
	// What both sides allocated, all in all; some of it is the server's.
	if n := after.TotalAlloc - before.TotalAlloc; n > size || read.Load() != size {
		t.Errorf("%d bytes allocated, %d read", n, read.Load())
	}
}

// TestHTTP2Leaks: nothing runs on when a Client is closed, whatever its requests came to.
func TestHTTP2Leaks(t *testing.T) {
	before := runtime.NumGoroutine()
	for m := atSettings; m < moments; m++ {
		for _, fault := range []func(*call, uint32) bool{cutLink(true), quiet, deaf} {
			f := &framer{at: m, fault: fault}
			r := newHTTP2Rig(t, f, f.pipe)
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
			r.send(ctx, 200_000)
			cancel()
			r.close()
			if n := r.wires.open(); n != 0 {
				t.Errorf("%d connections are open", n)
			}
		}
	}
	deadline := time.Now().Add(5 * time.Second)
	for runtime.NumGoroutine() > before {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<16)
			t.Fatalf("%d goroutines, %d before\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
		time.Sleep(time.Millisecond)
	}
}
