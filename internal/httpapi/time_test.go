package httpapi_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/internal/netconn"
	"github.com/mailkeel/mailkeel/mailer"
)

// silence is a conversation that stops at one place until the sink's gone is closed.
func silence(at func(*visit)) *sink {
	return &sink{gone: make(chan struct{}), script: func(v *visit) {
		at(v)
		<-v.sink.gone
	}}
}

// dialsForever is a network that drops every packet.
func dialsForever(cfg *httpapi.Config) {
	cfg.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: ctx.Err()}
	}
}

func mute(cfg *httpapi.Config) { cfg.BaseURL, cfg.TLSConfig = "https://localhost", certs.Client("") }

func viaProxy(address string) func(*httpapi.Config) {
	return func(cfg *httpapi.Config) {
		cfg.Proxy = func(*url.URL) (*url.URL, error) { return url.Parse(address) }
	}
}

// TestLimits is P13 and HTTP rows 1, 4, 5 and 36: each stage has a limit of its own, ctx's comes
// first, and where it is ctx's the caller is told so.
func TestLimits(t *testing.T) {
	nothing := func(*visit) {}
	for _, c := range []struct {
		name   string
		server *sink
		client func(*httpapi.Config)
		size   int
		takes  time.Duration // by the client's own limits
		want   ledger.Verdict
	}{
		{"connect", silence(nothing), dialsForever, 1000, 15 * time.Second, ledger.ProviderDown},
		{"TLS", silence(nothing), mute, 1000, 15 * time.Second, ledger.ProviderDown},
		{"HTTP proxy", silence(nothing), viaProxy("http://127.0.0.1:3128"), 1000, 15 * time.Second, ledger.ProviderDown},
		{"HTTPS proxy", silence(nothing), viaProxy("https://localhost:3128"), 1000, 15 * time.Second, ledger.ProviderDown},
		{"SOCKS proxy", silence(nothing), viaProxy("socks5://127.0.0.1:1080"), 1000, 15 * time.Second, ledger.ProviderDown},
		{"small body is not read", silence(nothing), nil, 1000, 30 * time.Second, ledger.ProviderDown},
		{"large body is not read", silence(nothing), nil, large, 30 * time.Second, ledger.ProviderDown},
		{"large body is read in part", silence(func(v *visit) { r, _ := v.head(); v.part(r, 100_000) }), nil, large, 30 * time.Second, ledger.ProviderDown},
		{"no reply", silence(func(v *visit) { v.take() }), nil, 1000, 2 * time.Minute, ledger.Unknown},
		{"no reply, large", silence(func(v *visit) { v.take() }), nil, large, 2 * time.Minute, ledger.Unknown},
		{"half a reply", silence(func(v *visit) { v.take(); _ = v.say(accepted[:23]) }), nil, 1000, 2 * time.Minute, ledger.Unknown},
		{"reply without its body", silence(func(v *visit) { v.take(); _ = v.say(accepted[:len(accepted)-3]) }), nil, 1000, 2 * time.Minute, ledger.Unknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			options := []func(*httpapi.Config){}
			if c.client != nil {
				options = append(options, c.client)
			}
			endsAfter := func(ctx context.Context, takes time.Duration, want ledger.Verdict, is error) {
				t.Helper()
				server := &sink{gone: make(chan struct{}), script: c.server.script}
				r := newRig(t, server, options...)
				start := time.Now()
				v := r.send(ctx, c.size)
				if took := time.Since(start); took != takes || v.Verdict != want || !errors.Is(v.err, is) {
					t.Errorf("after %v: %+v (%v)\nwant after %v: %+v, %v", took, v, v.err, takes, want, is)
				}
				close(server.gone)
				r.close()
				if n := r.wires.open(); n != 0 {
					t.Errorf("%d connections left", n)
				}
			}
			byCaller := ledger.CallerFault
			if c.want == ledger.Unknown {
				byCaller = ledger.UnknownByCaller
			}
			synctest.Test(t, func(t *testing.T) { endsAfter(t.Context(), c.takes, c.want, netconn.ErrTimeout) })
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second)
				defer cancel()
				endsAfter(ctx, 7*time.Second, byCaller, context.DeadlineExceeded)
			})
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(3*time.Second, cancel)
				endsAfter(ctx, 3*time.Second, byCaller, context.Canceled)
			})
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				endsAfter(ctx, 0, ledger.CallerFault, context.Canceled)
			})
		})
	}
}

// TestPatience: after the boundary all of ctx's time is for the reply, whatever the limits before it.
func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		server := silence(func(v *visit) {
			for _, pause := range []time.Duration{59 * time.Minute, 5 * time.Minute} {
				if v.take() {
					time.Sleep(pause)
					_ = v.say(accepted)
				}
			}
		})
		r := newRig(t, server)
		r.post(ctx, &ledger.Attempt{Gate: &mailer.Gate{CommitBy: time.Now().Add(time.Second)}}, text(1000)).is(t, ledger.Accepted, 202)
		r.send(ctx, large).is(t, ledger.UnknownByCaller, 0)
		close(server.gone)
		r.close()
	})
}

// TestConfiguredLimits: what Config says.
func TestConfiguredLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			server *sink
			client func(*httpapi.Config)
			takes  time.Duration
		}{
			{silence(func(*visit) {}), dialsForever, time.Second},
			{silence(func(*visit) {}), nil, 2 * time.Second},
			{silence(func(v *visit) { v.take() }), nil, 3 * time.Second},
		} {
			r := newRig(t, c.server, func(cfg *httpapi.Config) {
				cfg.Timeout, cfg.StallTimeout, cfg.ReplyTimeout = time.Second, 2*time.Second, 3*time.Second
				if c.client != nil {
					c.client(cfg)
				}
			})
			start := time.Now()
			if v := r.send(t.Context(), 1000); time.Since(start) != c.takes {
				t.Errorf("took %v, want %v: %v", time.Since(start), c.takes, v.err)
			}
			close(c.server.gone)
			r.close()
		}
	})
}

// slowBody is content that takes its time between its pieces.
type slowBody struct {
	pieces int
	size   int
	pause  time.Duration
}

func (b slowBody) Size() int64 { return int64(b.pieces * b.size) }

func (b slowBody) WriteTo(w io.Writer) (done int64, err error) {
	for range b.pieces {
		time.Sleep(b.pause)
		n, err := io.WriteString(w, content[:b.size])
		if done += int64(n); err != nil {
			return done, err
		}
	}
	return done, nil
}

// TestSlowContent: the stall limit is the server's, and content that is slow does not run into it.
func TestSlowContent(t *testing.T) {
	for _, b := range []slowBody{{5, 100, 25 * time.Second}, {6, 50_000, 25 * time.Second}, {3, 100, 31 * time.Minute}} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Hour)
			defer cancel()
			r := newRig(t, &sink{}, func(cfg *httpapi.Config) { cfg.StallTimeout = 10 * time.Second })
			r.post(ctx, &ledger.Attempt{}, b).is(t, ledger.Accepted, 202)
			r.close()
		})
	}
}

// TestSlowServer: as long as it goes on reading, nothing is tripped.
func TestSlowServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		r := newRig(t, &sink{script: func(v *visit) {
			h, ok := v.head()
			for ok && len(h.body) < h.size-1000 {
				time.Sleep(4 * time.Second)
				ok = v.part(h, 20_000)
			}
			if v.rest(h) {
				_ = v.say(accepted)
			}
		}})
		r.send(ctx, large).is(t, ledger.Accepted, 202)
		r.close()
	})
}

// TestCommitBy: the gate's limit ends everything before the boundary, and nothing after it.
func TestCommitBy(t *testing.T) {
	const limit = 5 * time.Second
	for _, c := range []struct {
		name   string
		server *sink
		client func(*httpapi.Config)
		body   httpapi.Body
		takes  time.Duration
		want   ledger.Verdict
	}{
		{"connecting", silence(func(*visit) {}), dialsForever, text(1000), limit, ledger.ProviderDown},
		{"handshake", silence(func(*visit) {}), mute, text(1000), limit, ledger.ProviderDown},
		{"body is not read", silence(func(*visit) {}), nil, text(large), limit, ledger.ProviderDown},
		{"in time", &sink{}, nil, slowBody{2, 100, 2 * time.Second}, 4 * time.Second, ledger.Accepted},
		{"reply comes later", silence(func(v *visit) { v.take(); time.Sleep(time.Minute); _ = v.say(accepted) }), nil, text(1000), time.Minute, ledger.Accepted},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &sink{gone: make(chan struct{}), script: c.server.script}
				options := []func(*httpapi.Config){}
				if c.client != nil {
					options = append(options, c.client)
				}
				r := newRig(t, server, options...)
				start := time.Now()
				gate := &mailer.Gate{CommitBy: start.Add(limit)}
				v := r.post(t.Context(), &ledger.Attempt{Gate: gate}, c.body)
				if took := time.Since(start); took != c.takes || v.Verdict != c.want || gate.Committed() != (c.want == ledger.Accepted) {
					t.Errorf("after %v: %+v, committed %v", took, v, gate.Committed())
				}
				close(server.gone)
				r.close()
			})
		})
	}
}

// TestCommitWithoutDeadline: 30 s where nobody set a limit.
func TestCommitWithoutDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, &sink{})
		start := time.Now()
		v := r.post(t.Context(), &ledger.Attempt{}, slowBody{3, 20_000, 14 * time.Second})
		if v.Outcome != mailer.NotAccepted || time.Since(start) > 43*time.Second {
			t.Errorf("after %v: %+v", time.Since(start), v)
		}
		r.close()
		if whole, _, _ := r.sink.truth(); len(whole) > 0 {
			t.Error("the server has all of it")
		}
		t.Logf("blames %v: %v", v.Scope, v.err)
	})
}

// TestWaitForConnection: a full pool is a limit of ours.
func TestWaitForConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := silence(func(v *visit) { v.take() })
		r := newRig(t, server, func(cfg *httpapi.Config) { cfg.MaxConns = 1 })
		done := make(chan verdict)
		go func() { done <- r.send(t.Context(), 1000) }()
		synctest.Wait()
		start := time.Now()
		v := r.send(t.Context(), 1000)
		if v.is(t, ledger.RateLimited, 0); time.Since(start) != 30*time.Second || v.wait != time.Second {
			t.Errorf("after %v, retry after %v", time.Since(start), v.wait)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start = time.Now()
		if r.send(ctx, 1000).is(t, ledger.CallerFault, 0); time.Since(start) != 3*time.Second {
			t.Errorf("after %v", time.Since(start))
		}
		close(server.gone)
		<-done
		r.close()
	})
}
