package httpapi_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/internal/faultconn"
	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/mailer"
)

// TestGateRefuses is P1 and P7: where the gate does not let go, the server never has the last byte.
func TestGateRefuses(t *testing.T) {
	for name, spoil := range map[string]func(*mailer.Gate){
		"cancelled": func(g *mailer.Gate) { g.Cancel() },
		"committed": func(g *mailer.Gate) { g.Commit() },
		"too late":  func(g *mailer.Gate) { time.AfterFunc(time.Second, func() { g.Cancel() }) },
	} {
		for _, size := range []int{0, 1, 1000, 33_000, large} {
			t.Run(fmt.Sprintf("%s, %d", name, size), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := newRig(t, &sink{})
					gate := new(mailer.Gate)
					spoil(gate)
					var body httpapi.Body = text(size)
					if name == "too late" {
						body = slowBody{4, size / 4, time.Second}
					}
					v := r.post(t.Context(), &ledger.Attempt{Gate: gate}, body)
					v.is(t, ledger.CallerFault, 0)
					if !errors.Is(v.err, httpapi.ErrCancelled) {
						t.Errorf("got %v", v.err)
					}
					r.close()
					if whole, _, _ := r.sink.truth(); len(whole) > 0 || r.wires.open() != 0 {
						t.Errorf("%d requests came whole, %d connections left", len(whole), r.wires.open())
					}
				})
			})
		}
	}
}

// TestGateComesLast: when the gate is asked, nobody has the last byte; when it has agreed, it goes.
func TestGateComesLast(t *testing.T) {
	for _, size := range []int{0, 1, 1000, 32 << 10, 33_000, large} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, &sink{})
			seen := 0
			gates := make([]*mailer.Gate, 1)
			gates[0] = new(mailer.Gate)
			body := watchedBody{text(size), func() {
				synctest.Wait()
				if whole, _, _ := r.sink.truth(); len(whole) > 0 || gates[0].Committed() {
					t.Errorf("%d bytes: all of it is out, committed %v", size, gates[0].Committed())
				}
				seen++
			}}
			r.post(t.Context(), &ledger.Attempt{Gate: gates[0]}, body).is(t, ledger.Accepted, 202)
			if seen != 1 || !gates[0].Committed() || gates[0].Commit() {
				t.Errorf("seen %d, committed %v", seen, gates[0].Committed())
			}
			r.close()
		})
	}
}

// watchedBody calls at the end of the body, when all of it was written.
type watchedBody struct {
	httpapi.Body
	end func()
}

func (b watchedBody) WriteTo(w io.Writer) (int64, error) {
	n, err := b.Body.WriteTo(w)
	b.end()
	return n, err
}

// TestGateIsCarriedOver: one message, one commitment, though the credential was refused or the
// connection was dead.
func TestGateIsCarriedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, &sink{script: func(v *visit) {
			for v.take() {
				whole, _, _ := v.sink.truth()
				switch whole[len(whole)-1].header.Get("Authorization") {
				case "Bearer new":
					v.accept()
					_ = v.say(accepted)
				default:
					_ = v.say(replyOf(401, ""))
				}
			}
		}})
		r.api.Credential = &refreshing{values: []string{"old", "new"}}
		gate := new(mailer.Gate)
		r.post(t.Context(), &ledger.Attempt{Gate: gate}, text(large)).is(t, ledger.Accepted, 202)
		if !gate.Committed() || gate.Commit() {
			t.Error("not committed once")
		}
		r.close()
		if whole, _, n := r.sink.truth(); len(whole) != 2 || n != 1 {
			t.Errorf("%d requests, %d accepted", len(whole), n)
		}
	})
}

// An early 401 has committed nothing: the gate may still be closed in between.
func TestGateAfterEarlyRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := new(mailer.Gate)
		r := newRig(t, &sink{script: func(v *visit) {
			if h, ok := v.head(); ok && h.header.Get("Authorization") == "Bearer old" {
				_ = v.say(replyOf(401, ""))
				synctest.Wait()
				return
			} else if v.rest(h) {
				_ = v.say(accepted)
			}
		}})
		r.api.Credential = &refreshing{values: []string{"old", "new"}, onRefresh: func() { gate.Cancel() }}
		r.post(t.Context(), &ledger.Attempt{Gate: gate}, text(large)).is(t, ledger.CallerFault, 0)
		r.close()
		if whole, _, _ := r.sink.truth(); len(whole) > 0 {
			t.Error("all of it went out, though the gate was closed")
		}
	})
}

// Of two attempts with gates of one message, one lets go.
func TestGatesOfOneMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, &sink{})
		gates := []*mailer.Gate{new(mailer.Gate)}
		for len(gates) < 8 {
			gates = append(gates, &mailer.Gate{Rival: gates[0]})
		}
		verdicts := make(chan verdict, len(gates))
		for _, g := range gates {
			go func() { verdicts <- r.post(t.Context(), &ledger.Attempt{Gate: g}, text(large)) }()
		}
		taken := 0
		for range gates {
			if v := <-verdicts; v.Outcome == mailer.Accepted {
				taken++
			} else {
				v.is(t, ledger.CallerFault, 0)
			}
		}
		r.close()
		if whole, _, n := r.sink.truth(); taken != 1 || n != 1 || len(whole) != 1 {
			t.Errorf("%d were accepted; the server has %d", taken, n)
		}
	})
}

// faultyBody ends, grows, lies or fails.
type faultyBody struct {
	size  int64
	comes int
	err   error
	panic bool
}

func (b faultyBody) Size() int64 { return b.size }

func (b faultyBody) WriteTo(w io.Writer) (int64, error) {
	n, err := io.Copy(w, strings.NewReader(content[:b.comes]))
	if b.panic {
		panic("content")
	}
	if err == nil {
		err = b.err
	}
	return n, err
}

var errDisk = errors.New("disk gone")

// TestFaultyContent is P7 and HTTP row 3: content that fails, or is not as long as it said,
// at any byte, never arrives whole, and is nobody's fault but the caller's.
func TestFaultyContent(t *testing.T) {
	var bodies []faultyBody
	for _, size := range []int64{1, 100, 40_000, large} {
		for comes := int64(0); comes <= size; comes += max(1, size/37) {
			bodies = append(bodies, faultyBody{size: size, comes: int(comes), err: errDisk})
			if comes < size {
				bodies = append(bodies, faultyBody{size: size, comes: int(comes)})
			}
		}
		bodies = append(bodies, faultyBody{size: size, comes: int(size) + 1}, faultyBody{size: size, comes: int(size) + 5000})
	}
	bodies = append(bodies, faultyBody{comes: 1}, faultyBody{size: -1, comes: 1}, faultyBody{size: -1})
	for _, before := range []int{0, 1} {
		for _, b := range bodies {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, &sink{})
				for range before {
					r.send(t.Context(), 10).is(t, ledger.Accepted, 202)
				}
				r.sink.forget()
				v := r.post(t.Context(), &ledger.Attempt{Gate: new(mailer.Gate)}, b)
				v.is(t, ledger.CallerFault, 0)
				if b.err != nil && int64(b.comes) <= b.size && !errors.Is(v.err, errDisk) {
					t.Errorf("%+v: %v", b, v.err)
				}
				r.close()
				if whole, _, _ := r.sink.truth(); len(whole) > 0 || r.wires.open() != 0 {
					t.Errorf("%+v: %d came whole, %d connections left", b, len(whole), r.wires.open())
				}
			})
		}
	}
}

// TestContentPanics: the connection is not left behind, nor the place in the pool.
func TestContentPanics(t *testing.T) {
	for _, size := range []int64{1000, large} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, &sink{}, func(cfg *httpapi.Config) { cfg.MaxConns = 1 })
			for range 3 {
				func() {
					defer func() {
						if recover() != "content" {
							t.Error("the panic was swallowed")
						}
					}()
					r.post(t.Context(), &ledger.Attempt{}, faultyBody{size: size, comes: 500, panic: true})
				}()
			}
			r.send(t.Context(), 1000).is(t, ledger.Accepted, 202)
			r.close()
			if n := r.wires.open(); n != 0 {
				t.Errorf("%d connections left", n)
			}
		})
	}
}

// TestSilentShortWrite is P1: a transport that takes less than it was given, and does not say
// so, has not let the last byte go.
func TestSilentShortWrite(t *testing.T) {
	for _, secure := range []bool{false, true} {
		clean := int64(0)
		play := func(left int64) (v verdict, whole int) {
			synctest.Test(t, func(t *testing.T) {
				server := &sink{}
				if secure {
					server.tls = serverTLS()
				}
				var first *faultconn.Conn
				server.wrap = func(_ int, conn net.Conn) net.Conn { first = faultconn.Wrap(conn); return first }
				r := newRig(t, server, func(cfg *httpapi.Config) {
					dial := cfg.Dial
					cfg.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
						conn, err := dial(ctx, network, address)
						return &shortConn{Conn: conn, left: left, silent: true}, err
					}
				})
				v = r.send(t.Context(), 1000)
				if clean == 0 {
					clean, _ = first.Counts()
				}
				r.close()
				got, _, _ := server.truth()
				whole = len(got)
			})
			return v, whole
		}
		if v, _ := play(1 << 40); v.Outcome != mailer.Accepted {
			t.Fatalf("%+v", v)
		}
		for left := clean - 30; left < clean; left++ {
			if v, whole := play(left); v.Outcome != mailer.NotAccepted || whole > 0 {
				t.Errorf("TLS %v, %d of %d bytes: %v, %v; %d came whole", secure, left, clean, v.Outcome, v.err, whole)
			}
		}
	}
}
