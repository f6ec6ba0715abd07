package httpapi_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/mailer"
)

// TestRedirects is HTTP row 12 and P6: never followed, whatever the status, and nothing goes anywhere else.
func TestRedirects(t *testing.T) {
	for _, status := range []int{300, 301, 302, 303, 304, 305, 307, 308, 399} {
		for _, location := range []string{"/elsewhere", "https://evil.example.com/", "http://127.0.0.1:8025/v3/mail/send", ""} {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, &sink{reply: replyOf(status, "", "Location: "+location)})
				r.send(t.Context(), 1000).is(t, ledger.AccountRefused, status)
				r.close()
				if whole, heads, _ := r.sink.truth(); len(whole) != 1 || heads != 1 || r.wires.dialled.Load() != 1 {
					t.Errorf("%d to %s: %d requests over %d connections", status, location, heads, r.wires.dialled.Load())
				}
			})
		}
	}
}

// closingAfter serves n requests on each connection and then ends it.
func closingAfter(n int) func(*visit) {
	return func(v *visit) {
		for range n {
			if !v.take() {
				return
			}
			v.accept()
			_ = v.say(accepted)
		}
	}
}

// TestStaleConnection is HTTP row 6: a kept connection that the server has ended costs
// nothing but another one.
func TestStaleConnection(t *testing.T) {
	for _, size := range []int{0, 1000, large} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, &sink{script: closingAfter(1)})
			for range 3 {
				gate := new(mailer.Gate)
				r.post(t.Context(), &ledger.Attempt{Gate: gate}, text(size)).is(t, ledger.Accepted, 202)
				synctest.Wait()
				if !gate.Committed() {
					t.Error("not committed")
				}
			}
			r.close()
			if _, heads, n := r.sink.truth(); heads != 3 || n != 3 || r.wires.dialled.Load() != 3 {
				t.Errorf("%d requests, %d accepted, %d connections", heads, n, r.wires.dialled.Load())
			}
		})
	}
}

// A connection that dies when it is used again is replaced once, and the gate is asked once for both.
func TestStaleConnectionCommitsOnce(t *testing.T) {
	for name, c := range map[string]struct {
		writes int // that succeed
		size   int
		heads  int // that reach the server
	}{
		"first write fails":         {1, 1000, 1},
		"first write fails, large":  {1, large, 1},
		"second write fails, large": {2, large, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				first := true
				r := newRig(t, &sink{}, func(cfg *httpapi.Config) {
					dial := cfg.Dial
					cfg.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
						conn, err := dial(ctx, network, address)
						if first {
							first = false
							return &diesAtWrite{Conn: conn, writes: c.writes}, err
						}
						return conn, err
					}
				})
				r.send(t.Context(), 1000).is(t, ledger.Accepted, 202)
				r.sink.forget()
				gate := &mailer.Gate{}
				r.post(t.Context(), &ledger.Attempt{Gate: gate}, text(c.size)).is(t, ledger.Accepted, 202)
				r.close()
				if _, heads, n := r.sink.truth(); heads != c.heads || n != 1 || r.wires.dialled.Load() != 2 {
					t.Errorf("%d requests, %d accepted, %d connections", heads, n, r.wires.dialled.Load())
				}
			})
		})
	}
}

// diesAtWrite ends, as a reset does, with the write after so many.
type diesAtWrite struct {
	net.Conn
	writes int
}

func (c *diesAtWrite) Write(p []byte) (int, error) {
	if c.writes--; c.writes < 0 {
		_ = c.Conn.Close()
	}
	return c.Conn.Write(p)
}

// TestLostAfterRequest is HTTP row 5 and P6: a kept connection that ends when all of the
// request is out makes no second one.
func TestLostAfterRequest(t *testing.T) {
	for _, size := range []int{0, 1000, large} {
		for name, end := range map[string]func(*visit){"FIN": hangUp, "RST": (*visit).reset} {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, &sink{script: func(v *visit) {
					if v.take() && v.say(accepted) == nil && v.take() {
						end(v)
					}
				}})
				r.send(t.Context(), 1000).is(t, ledger.Accepted, 202)
				r.send(t.Context(), size).is(t, ledger.Unknown, 0)
				r.close()
				if _, heads, _ := r.sink.truth(); heads != 2 {
					t.Errorf("%s, %d bytes: %d requests", name, size, heads)
				}
			})
		}
	}
}

// TestFreshConnectionIsNotRepeated: only one that had been kept may turn out stale.
func TestFreshConnectionIsNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, &sink{script: func(v *visit) { v.head() }})
		r.send(t.Context(), large).is(t, ledger.ProviderDown, 0)
		r.close()
		if n := r.wires.dialled.Load(); n != 1 {
			t.Errorf("%d connections", n)
		}
	})
}

// The second connection is as good as any: when it fails too, that is the end.
func TestStaleOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, &sink{script: func(v *visit) {
			if v.number == 1 {
				closingAfter(1)(v)
				return
			}
			v.head()
		}}, func(cfg *httpapi.Config) {
			dial := cfg.Dial
			cfg.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := dial(ctx, network, address)
				return &diesAtWrite{Conn: conn, writes: 1}, err
			}
		})
		r.send(t.Context(), 0).is(t, ledger.Accepted, 202)
		r.send(t.Context(), large).is(t, ledger.ProviderDown, 0)
		r.close()
		if n := r.wires.dialled.Load(); n != 2 {
			t.Errorf("%d connections", n)
		}
	})
}

// TestIdleCloseRace is HTTP rows 5 and 6 at once, over TCP: a server that ends its
// connections in the very moment of the next request. Each message is there at most
// once, and the verdict agrees.
func TestIdleCloseRace(t *testing.T) {
	rounds := 1000
	if raceDetector {
		rounds = 300
	}
	var wait atomic.Int64
	server := &sink{}
	server.script = func(v *visit) {
		if !v.take() {
			return
		}
		v.accept()
		_ = v.say(accepted)
		for range wait.Load() {
			_ = v.conn.SetDeadline(time.Time{}) // as good a way as any to pass a moment
		}
	}
	r := newRig(t, server, direct(server.listen(t)))
	unknown := 0
	for i := range rounds {
		wait.Store(int64(i%100) * 20)
		server.forget()
		v := r.send(t.Context(), 1000)
		_, heads, n := server.truth()
		switch {
		case v.Outcome == mailer.Accepted && n == 1, v.Outcome == mailer.NotAccepted && n == 0:
		case v.Outcome == mailer.Unknown && n <= 1:
			unknown++
		default:
			t.Fatalf("round %d: %v (%v), but the server accepted %d of %d", i, v.Outcome, v.err, n, heads)
		}
	}
	r.close()
	t.Logf("%d of %d unknown", unknown, rounds)
}

// TestKeepAlive: one connection serves all that comes one after the other.
func TestKeepAlive(t *testing.T) {
	for _, secure := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			server := &sink{}
			if secure {
				server.tls = serverTLS()
			}
			r := newRig(t, server)
			for i := range 20 {
				r.send(t.Context(), []int{0, 10, 1000, large}[i%4]).is(t, ledger.Accepted, 202)
			}
			r.close()
			if whole, _, _ := server.truth(); len(whole) != 20 || r.wires.dialled.Load() != 1 || r.wires.open() != 0 {
				t.Errorf("%d requests over %d connections, %d left", len(whole), r.wires.dialled.Load(), r.wires.open())
			}
		})
	}
}

// What a request looks like, to the byte.
func TestRequestForm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, &sink{})
		r.send(t.Context(), 10).is(t, ledger.Accepted, 202)
		r.close()
		whole, _, _ := r.sink.truth()
		h := whole[0].header
		if whole[0].line != "POST /v3/mail/send HTTP/1.1" || len(h) != 6 || h.Get("Host") != "127.0.0.1:8025" || h.Get("User-Agent") != httpapi.UserAgent() ||
			h.Get("Accept") != "application/json" || h.Get("Accept-Encoding") != "identity" || h.Get("Authorization") != "Bearer "+secret || h.Get("Content-Length") != "10" {
			t.Errorf("%s %v", whole[0].line, h)
		}
	})
}

// TestAnsweredIsNotRepeated: a kept connection on which the server has said anything is not stale.
func TestAnsweredIsNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, &sink{script: func(v *visit) {
			if v.take() && v.say(accepted) == nil {
				if h, ok := v.head(); ok && v.part(h, 10_000) {
					_ = v.say("what\r\n\r\n")
				}
			}
		}})
		r.send(t.Context(), 10).is(t, ledger.Accepted, 202)
		r.send(t.Context(), large).is(t, ledger.ProviderDown, 0)
		r.close()
		if n := r.wires.dialled.Load(); n != 1 {
			t.Errorf("%d connections", n)
		}
	})
}
