package httpapi_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/mailer"
)

// A saying is what a server answers, and the verdict on it.
type saying struct {
	name string
	say  func(v *call, id uint32)
	want ledger.Verdict
	code int
}

// ok is the head of an acceptance with more fields.
func ok(v *call, id uint32, ends bool, fields ...string) {
	v.head(id, ends, append([]string{":status", "202", "x-message-id", "id-1"}, fields...)...)
}

func data(v *call, id uint32, ends bool, s string) { _ = v.fr.WriteData(id, ends, []byte(s)) }

// raw writes a frame as it is.
func raw(v *call, kind http2.FrameType, flags http2.Flags, id uint32, payload string) {
	_ = v.fr.WriteRawFrame(kind, flags, id, []byte(payload))
}

var sayings = []saying{
	{"nothing but a head", func(v *call, id uint32) { ok(v, id, true) }, ledger.Accepted, 202},
	{"a length and no body", func(v *call, id uint32) { ok(v, id, true, "content-length", "15") }, ledger.Unknown, 202},
	{"less than its length", func(v *call, id uint32) {
		ok(v, id, false, "content-length", "15")
		data(v, id, true, "half of")
	}, ledger.Unknown, 202},
	{"more than its length", func(v *call, id uint32) {
		ok(v, id, false, "content-length", "5")
		data(v, id, false, "12345")
		data(v, id, true, "678")
	}, ledger.Unknown, 202},
	{"more than its length at once", func(v *call, id uint32) {
		ok(v, id, false, "content-length", "5")
		data(v, id, true, "12345678")
	}, ledger.Unknown, 202},
	{"trailers", func(v *call, id uint32) {
		ok(v, id, false)
		data(v, id, false, queued)
		v.head(id, true, "x-more", "y")
	}, ledger.Accepted, 202},
	{"trailers without an end", func(v *call, id uint32) {
		ok(v, id, false)
		v.head(id, false, "x-more", "y")
	}, ledger.Unknown, 202},
	{"a status in the trailers", func(v *call, id uint32) {
		ok(v, id, false)
		v.head(id, true, ":status", "202")
	}, ledger.Unknown, 202},
	{"a reset without error after it all", func(v *call, id uint32) {
		ok(v, id, false)
		data(v, id, true, queued)
		_ = v.fr.WriteRSTStream(id, http2.ErrCodeNo)
	}, ledger.Accepted, 202},
	{"a reset without error before the end", func(v *call, id uint32) {
		ok(v, id, false)
		_ = v.fr.WriteRSTStream(id, http2.ErrCodeNo)
	}, ledger.Unknown, 202},
	{"DATA after the end", func(v *call, id uint32) { ok(v, id, true); data(v, id, true, "more") }, ledger.Accepted, 202},
	{"DATA before the head", func(v *call, id uint32) { data(v, id, false, "x"); ok(v, id, true) }, ledger.Unknown, 0},
	{"no status", func(v *call, id uint32) { v.head(id, true, "x-message-id", "id-1") }, ledger.Unknown, 0},
	{"a status that is none", func(v *call, id uint32) { v.head(id, true, ":status", "2o2") }, ledger.Unknown, 0},
	{"status 99", func(v *call, id uint32) { v.head(id, true, ":status", "99") }, ledger.Unknown, 0},
	{"status 600", func(v *call, id uint32) { v.head(id, true, ":status", "600") }, ledger.Unknown, 0},
	{"a negative status", func(v *call, id uint32) { v.head(id, true, ":status", "-202") }, ledger.Unknown, 0},
	{"103 before", func(v *call, id uint32) {
		for range 3 {
			v.head(id, false, ":status", "103", "link", "</x>")
		}
		v.acceptance(id)
	}, ledger.Accepted, 202},
	{"103 and the end", func(v *call, id uint32) { v.head(id, true, ":status", "103") }, ledger.Unknown, 0},
	{"103 without end", func(v *call, id uint32) {
		for range 3000 {
			v.head(id, false, ":status", "103", "link", "</x>")
		}
		v.acceptance(id)
	}, ledger.Unknown, 0},
	{"a name in upper case", func(v *call, id uint32) { ok(v, id, true, "X-UP", "1") }, ledger.Unknown, 0},
	{"a head that is too large", func(v *call, id uint32) {
		block := v.encode(":status", "202", "x-message-id", "id-1", "x-large", strings.Repeat("z", 80<<10))
		_ = v.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block[:16000], EndStream: true})
		for block = block[16000:]; len(block) > 16000; block = block[16000:] {
			_ = v.fr.WriteContinuation(id, false, block[:16000])
		}
		_ = v.fr.WriteContinuation(id, true, block)
	}, ledger.Unknown, 0},
	{"a head without end", func(v *call, id uint32) {
		_ = v.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: v.encode(":status", "202")})
		for range 1000 {
			_ = v.fr.WriteContinuation(id, false, v.encode("x-n", strings.Repeat("y", 1000)))
		}
	}, ledger.Unknown, 0},
	{"a frame that is too large", func(v *call, id uint32) {
		ok(v, id, false)
		raw(v, http2.FrameData, 0, id, strings.Repeat("x", 16<<10+1))
	}, ledger.Unknown, 202},
	{"more than the window", func(v *call, id uint32) {
		ok(v, id, false)
		for range 90 {
			data(v, id, false, strings.Repeat("x", 16<<10))
		}
		data(v, id, true, "")
	}, ledger.Unknown, 202},
	{"a push", func(v *call, id uint32) {
		_ = v.fr.WritePushPromise(http2.PushPromiseParam{StreamID: id, PromiseID: 2, BlockFragment: v.encode(":method", "GET"), EndHeaders: true})
	}, ledger.Unknown, 0},
	{"HTTP/1.1", func(v *call, _ uint32) {
		_, _ = io.WriteString(v.conn, "HTTP/1.1 202 Accepted\r\nX-Message-Id: id-1\r\n\r\n")
		v.over = true
	}, ledger.Unknown, 0},
	{"a setting out of range", func(v *call, _ uint32) {
		_ = v.fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 31})
	}, ledger.Unknown, 0},
	{"a window that overflows", func(v *call, id uint32) { _ = v.fr.WriteWindowUpdate(id, 1<<31-1) }, ledger.Unknown, 0},
	{"a window for all that overflows", func(v *call, _ uint32) { _ = v.fr.WriteWindowUpdate(0, 1<<31-1) }, ledger.Unknown, 0},
	{"an unknown frame", func(v *call, id uint32) { raw(v, 0xbe, 0xff, id, "what"); v.acceptance(id) }, ledger.Accepted, 202},
	{"a flood of pings", func(v *call, id uint32) {
		for n := range 2000 {
			_ = v.fr.WritePing(false, [8]byte{byte(n)})
		}
		v.acceptance(id)
	}, ledger.Accepted, 202},
	{"a flood of settings", func(v *call, id uint32) {
		for n := range 1000 {
			_ = v.fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: uint32(n)})
		}
		v.acceptance(id)
	}, ledger.Accepted, 202},
	{"a flood of resets", func(v *call, id uint32) {
		for n := range uint32(1000) {
			_ = v.fr.WriteRSTStream(id+2+2*n, http2.ErrCodeInternal)
		}
		v.acceptance(id)
	}, ledger.Accepted, 202},
	{"another's id", func(v *call, id uint32) { v.head(id, true, ":status", "202") }, ledger.Unknown, 202},
	{"302", func(v *call, id uint32) { v.head(id, true, ":status", "302", "location", "https://localhost/") }, ledger.AccountRefused, 302},
	{"413", func(v *call, id uint32) { v.head(id, true, ":status", "413") }, ledger.MessageUnfit, 413},
	{"413, cut", func(v *call, id uint32) {
		v.head(id, false, ":status", "413", "content-length", "9")
		_ = v.fr.WriteRSTStream(id, http2.ErrCodeInternal)
	}, ledger.MessageUnfit, 413},
	{"429", func(v *call, id uint32) { v.head(id, true, ":status", "429") }, ledger.RateLimited, 429},
	{"500", func(v *call, id uint32) { v.head(id, true, ":status", "500") }, ledger.Unknown, 500},
}

// TestHTTP2Sayings: what a server answers to a whole request has the verdict that it would
// have over HTTP/1.1, and no answer is taken in that is out of bounds (HTTP rows 8 to 12, 31, 32 and 37).
func TestHTTP2Sayings(t *testing.T) {
	for _, c := range sayings {
		t.Run(c.name, func(t *testing.T) {
			sizes(t, func(t *testing.T, n int) {
				t.Parallel()
				f := &framer{answer: c.say}
				r := newHTTP2Rig(t, f, f.listen(t))
				v := r.send(context.Background(), n)
				r.close()
				v.is(t, c.want, c.code)
				f.judge(t, v, n)
				if _, heads, _ := f.truth(); heads != 1 {
					t.Errorf("%d requests", heads)
				}
			})
		})
	}
}

// TestHTTP2EarlyReplies: a reply to half a request is judged by its status, whether the
// server reads on, says that it will not, or does neither (HTTP rows 7 and 33).
func TestHTTP2EarlyReplies(t *testing.T) {
	statuses := map[int]ledger.Verdict{
		202: ledger.Unknown, 302: ledger.AccountRefused, 401: ledger.AccountRefused, 408: ledger.ProviderDown,
		413: ledger.MessageUnfit, 429: ledger.RateLimited, 500: ledger.ProviderDown, 502: ledger.ProviderDown,
	}
	ways := map[string]func(v *call, id uint32){
		"and reads on": func(*call, uint32) {},
		"and resets":   func(v *call, id uint32) { _ = v.fr.WriteRSTStream(id, http2.ErrCodeNo) },
		"and closes":   func(v *call, id uint32) { cutLink(false)(v, id) },
		"and sits still": func(v *call, _ uint32) {
			v.over = true
			<-v.gone // what comes stays where it is
		},
	}
	for status, want := range statuses {
		for name, way := range ways {
			for _, m := range []moment{atHead, atBody} {
				t.Run(fmt.Sprintf("%d %s at %v", status, name, m), func(t *testing.T) {
					sizes(t, func(t *testing.T, n int) {
						t.Parallel()
						f := &framer{at: m, fault: func(v *call, id uint32) bool {
							v.head(id, true, ":status", fmt.Sprint(status), "x-message-id", "id-1")
							v.refuse(id)
							way(v, id)
							return false
						}}
						if n < 1<<16 {
							f.window = 100
						}
						r := newHTTP2Rig(t, f, f.listen(t))
						v := r.send(context.Background(), n)
						r.close()
						v.is(t, want, status)
						if _, heads, _ := f.truth(); heads != 1 {
							t.Errorf("%d requests", heads)
						}
					})
				})
			}
		}
	}
}

// A meter is a connection that counts, and that breaks when as much as it may has passed.
type meter struct {
	net.Conn
	in, out       *atomic.Int64
	maxIn, maxOut int64
	reset         bool
}

func (m *meter) Read(p []byte) (int, error) {
	left := m.maxIn - m.in.Load()
	if left <= 0 {
		return 0, m.cut()
	}
	n, err := m.Conn.Read(p[:min(int64(len(p)), left)])
	m.in.Add(int64(n))
	return n, err
}

func (m *meter) Write(p []byte) (int, error) {
	left := max(0, m.maxOut-m.out.Load())
	n, err := m.Conn.Write(p[:min(int64(len(p)), left)])
	if m.out.Add(int64(n)); n < len(p) && err == nil {
		err = m.cut()
	}
	return n, err
}

func (m *meter) cut() error {
	if conn, ok := m.Conn.(*net.TCPConn); ok && m.reset {
		_ = conn.SetLinger(0)
	}
	_ = m.Conn.Close()
	return net.ErrClosed
}

// TestHTTP2Cuts: the connection breaks after any number of bytes, in either direction,
// within frames and within records (HTTP rows 1, 4, 5 and 31; P6).
func TestHTTP2Cuts(t *testing.T) {
	const endless = int64(1) << 40
	const cuts = 40
	sizes(t, func(t *testing.T, n int) {
		run := func(t *testing.T, in, out int64, reset bool) (v verdict, read, wrote int64) {
			var sums [2]atomic.Int64
			f := &framer{wrap: func(conn net.Conn) net.Conn {
				return &meter{conn, &sums[0], &sums[1], in, out, reset}
			}}
			r := newHTTP2Rig(t, f, f.listen(t))
			v = r.send(context.Background(), n)
			r.close()
			f.judge(t, v, n)
			return v, sums[0].Load(), sums[1].Load()
		}
		v, read, wrote := run(t, endless, endless, false)
		v.is(t, ledger.Accepted, 202)
		var seen [mailer.NotAccepted + 1]atomic.Int64
		t.Run("cuts", func(t *testing.T) {
			for cut := range int64(cuts) {
				t.Run(fmt.Sprint(cut), func(t *testing.T) {
					t.Parallel()
					// Towards the end they are closer, as more is at stake there.
					rest := (cuts - cut) * (cuts - cut)
					in, _, _ := run(t, read-read*rest/(cuts*cuts), endless, cut%2 == 0)
					out, _, _ := run(t, endless, wrote-wrote*rest/(cuts*cuts)/4, cut%2 == 0)
					seen[in.Outcome].Add(1)
					seen[out.Outcome].Add(1)
				})
			}
		})
		if unknown, not := seen[mailer.Unknown].Load(), seen[mailer.NotAccepted].Load(); unknown == 0 || not == 0 {
			t.Errorf("the cuts do not reach both sides of the boundary: %d unknown, %d not accepted", unknown, not)
		}
	})
}

// TestHTTP2Secret: what a server says about a request that it breaks off shows in no error.
func TestHTTP2Secret(t *testing.T) {
	f := &framer{at: atEnd, fault: func(v *call, id uint32) bool {
		_ = v.fr.WriteGoAway(id, http2.ErrCodeInternal, []byte("Bearer "+secret))
		return cutLink(false)(v, id)
	}}
	r := newHTTP2Rig(t, f, f.listen(t))
	v := r.send(context.Background(), 10)
	r.close()
	v.is(t, ledger.Unknown, 0)
	if strings.Contains(v.err.Error(), secret) || !strings.Contains(v.err.Error(), "INTERNAL_ERROR") {
		t.Error(v.err)
	}
}

// TestHTTP2CoarseBoundary: the last byte counts as released once everything before it has
// left and the framing has asked for it, though there may be no room for it yet.
func TestHTTP2CoarseBoundary(t *testing.T) {
	for window, want := range map[uint32]ledger.Verdict{1022: ledger.ProviderDown, 1023: ledger.Unknown} {
		f := &framer{window: window, at: atBody, fault: func(*call, uint32) bool { return false }}
		r := newHTTP2Rig(t, f, f.listen(t))
		gate := &mailer.Gate{CommitBy: time.Now().Add(300 * time.Millisecond)}
		ctx, cancel := context.WithTimeout(context.Background(), 600*time.Millisecond)
		v := r.post(ctx, &ledger.Attempt{Gate: gate}, text(1024))
		cancel()
		r.close()
		if v.Outcome != want.Outcome || gate.Committed() != (want.Outcome == mailer.Unknown) {
			t.Errorf("window %d: %+v, committed %v (%v)", window, v.Verdict, gate.Committed(), v.err)
		}
	}
}
