package httpapi_test

import (
	"context"
	"errors"
	"os"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/mailer"
)

// TestMaxConns is P19 and P22 in small: three callers for each connection, and never one more.
func TestMaxConns(t *testing.T) {
	const conns, callers, each = 8, 24, 20
	for name, script := range map[string]func(*visit){
		"kept": nil, "closed after each": closingAfter(1), "closed after three": closingAfter(3),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, &sink{script: script}, func(c *httpapi.Config) { c.MaxConns = conns })
				var all sync.WaitGroup
				for i := range callers {
					all.Go(func() {
						for j := range each {
							r.send(t.Context(), []int{0, 1000, 50_000}[(i+j)%3]).is(t, ledger.Accepted, 202)
						}
					})
				}
				all.Wait()
				r.close()
				if _, _, n := r.sink.truth(); n != callers*each || r.wires.peak.Load() > conns || r.wires.open() != 0 {
					t.Errorf("%d accepted, %d connections at most, %d left", n, r.wires.peak.Load(), r.wires.open())
				}
			})
		})
	}
}

// TestIdleTimeout: what lies idle is closed when its time is over, without anybody asking.
func TestIdleTimeout(t *testing.T) {
	for _, c := range []struct{ configured, kept time.Duration }{{0, 45 * time.Second}, {time.Minute, time.Minute}, {-1, 0}} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, &sink{}, func(cfg *httpapi.Config) { cfg.IdleTimeout = c.configured })
			r.send(t.Context(), 1000).is(t, ledger.Accepted, 202)
			if c.kept > 0 {
				time.Sleep(c.kept - time.Second)
				r.send(t.Context(), 1000).is(t, ledger.Accepted, 202)
				time.Sleep(c.kept - time.Second)
				if r.wires.open() != 1 || r.wires.dialled.Load() != 1 {
					t.Errorf("%d open of %d", r.wires.open(), r.wires.dialled.Load())
				}
				time.Sleep(2 * time.Second)
			}
			if n := r.wires.open(); n != 0 {
				t.Errorf("%d are still open", n)
			}
			r.send(t.Context(), 1000).is(t, ledger.Accepted, 202)
			r.close()
		})
	}
}

// TestCloseWaits: those under way end as they would have, and nobody else begins.
func TestCloseWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, &sink{script: func(v *visit) {
			if v.take() {
				time.Sleep(time.Minute)
				v.accept()
				_ = v.say(accepted)
			}
		}})
		under := make(chan verdict)
		go func() { under <- r.send(t.Context(), 1000) }()
		synctest.Wait()
		closed := make(chan error)
		go func() { closed <- r.client.Close(t.Context()) }()
		synctest.Wait()
		v := r.send(t.Context(), 1000)
		if v.is(t, ledger.CallerFault, 0); !errors.Is(v.err, mailer.ErrClosed) {
			t.Errorf("got %v", v.err)
		}
		(<-under).is(t, ledger.Accepted, 202)
		if err := <-closed; err != nil || r.wires.open() != 0 {
			t.Errorf("%v, %d left", err, r.wires.open())
		}
		if err := r.client.Close(t.Context()); err != nil {
			t.Errorf("a second Close: %v", err)
		}
		r.close()
	})
}

// TestCloseCutsOff: the verdict follows from how far it got.
func TestCloseCutsOff(t *testing.T) {
	for _, c := range []struct {
		name   string
		at     func(*visit)
		client func(*httpapi.Config)
		size   int
		before int
		want   ledger.Verdict
	}{
		{"connecting", func(*visit) {}, dialsForever, 1000, 0, ledger.CallerFault},
		{"handshake", func(*visit) {}, mute, 1000, 0, ledger.CallerFault},
		{"proxy", func(*visit) {}, viaProxy("http://127.0.0.1:1"), 1000, 0, ledger.CallerFault},
		{"SOCKS proxy", func(*visit) {}, viaProxy("socks5://127.0.0.1:1"), 1000, 0, ledger.CallerFault},
		{"small body", func(*visit) {}, nil, 1000, 0, ledger.CallerFault},
		{"large body", func(v *visit) { h, _ := v.head(); v.part(h, 10_000) }, nil, large, 0, ledger.CallerFault},
		{"reply", func(v *visit) { v.take() }, nil, 1000, 0, ledger.UnknownByCaller},
		{"reply, large", func(v *visit) { v.take() }, nil, large, 0, ledger.UnknownByCaller},
		{"body of the reply", func(v *visit) { v.take(); _ = v.say(accepted[:len(accepted)-1]) }, nil, 1000, 0, ledger.UnknownByCaller},
		{"large body, kept alive", func(v *visit) { v.take(); _ = v.say(accepted); h, _ := v.head(); v.part(h, 10_000) }, nil, large, 1, ledger.CallerFault},
		{"reply, kept alive", func(v *visit) { v.take(); _ = v.say(accepted); v.take() }, nil, 1000, 1, ledger.UnknownByCaller},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := silence(c.at)
				options := []func(*httpapi.Config){}
				if c.client != nil {
					options = append(options, c.client)
				}
				r := newRig(t, server, options...)
				for range c.before {
					r.send(t.Context(), 10).is(t, ledger.Accepted, 202)
				}
				under := make(chan verdict)
				go func() { under <- r.send(t.Context(), c.size) }()
				synctest.Wait()
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				start := time.Now()
				if err := r.client.Close(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
					t.Errorf("Close: %v after %v", err, time.Since(start))
				}
				v := <-under
				if v.Verdict != c.want || !errors.Is(v.err, mailer.ErrClosed) && v.Scope == mailer.ScopeCaller && v.Outcome != mailer.Unknown {
					t.Errorf("got %+v (%v), want %+v", v.Verdict, v.err, c.want)
				}
				if took := time.Since(start); took != time.Second {
					t.Errorf("it ended after %v", took)
				}
				close(server.gone)
				r.close()
				if _, heads, _ := server.truth(); heads > c.before+1 || r.wires.open() != 0 {
					t.Errorf("%d requests, %d connections left", heads, r.wires.open())
				}
			})
		})
	}
}

// TestNothingIsLeft is P19 over sockets: what was done in every way leaves neither goroutines
// nor descriptors.
func TestNothingIsLeft(t *testing.T) {
	round := func() {
		for _, script := range []func(*visit){
			nil, closingAfter(1), func(v *visit) { v.take() }, func(v *visit) { v.head() },
			replyAfterTCP(5000, replyOf(413, "", "Connection: close")), func(v *visit) { v.take(); v.reset() },
		} {
			server := &sink{script: script}
			r := newRig(t, server, direct(server.listen(t)))
			var all sync.WaitGroup
			for i := range 6 {
				all.Go(func() { r.send(t.Context(), []int{10, large}[i%2]) })
			}
			all.Wait()
			r.close()
		}
	}
	t.Run("first", func(*testing.T) { round() })
	goroutines, files := runtime.NumGoroutine(), openFiles()
	for range 5 {
		round()
	}
	deadline := time.Now().Add(10 * time.Second)
	for runtime.NumGoroutine() > goroutines+listeners*5 && time.Now().Before(deadline) {
		runtime.Gosched()
	}
	if n := runtime.NumGoroutine(); n > goroutines+listeners*5 {
		t.Errorf("%d goroutines, %d before", n, goroutines)
	}
	if n := openFiles(); n > files+listeners*5 {
		t.Errorf("%d files, %d before", n, files)
	}
}

// listeners is how many sinks of a round listen until the end of the test.
const listeners = 6

func replyAfterTCP(n int, reply string) func(*visit) {
	return func(v *visit) {
		if r, ok := v.head(); ok && v.part(r, n) {
			_ = v.say(reply)
			v.drain()
		}
	}
}

// openFiles counts descriptors, where the system shows them.
func openFiles() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(entries)
}
