package httpapi_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/mailer"
)

const large = 200_000

// What a server does after it has replied too early.
var manners = []struct {
	name string
	do   func(*visit)
}{
	{"reads on", (*visit).drain},
	{"closes", func(*visit) {}},
	{"resets", (*visit).reset},
	{"reads nothing", func(v *visit) { <-v.sink.gone }},
}

// TestEarlyReplies is HTTP rows 7 and 33: a reply before the last byte decides, at once, and
// nobody waits for the body to go on.
func TestEarlyReplies(t *testing.T) {
	for _, want := range []struct {
		status  int
		verdict ledger.Verdict
	}{
		{202, ledger.Unknown}, {302, ledger.AccountRefused}, {401, ledger.AccountRefused}, {408, ledger.ProviderDown},
		{413, ledger.MessageUnfit}, {417, ledger.ProviderRefuses}, {429, ledger.RateLimited},
		{500, ledger.ProviderDown}, {502, ledger.ProviderDown}, {503, ledger.ProviderDown},
	} {
		for _, m := range manners {
			for _, after := range []int{0, 1, 50_000, 190_000} {
				body := map[bool]string{true: `{"a":1}`}[after%2 == 1 || after == 50_000] // an acceptance has none
				t.Run(fmt.Sprintf("%d after %d, %s", want.status, after, m.name), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						server := &sink{gone: make(chan struct{}), script: replyAfter(after, replyOf(want.status, body, "X-Message-Id: 1"), m.do)}
						r := newRig(t, server)
						start := time.Now()
						v := r.send(t.Context(), large)
						v.is(t, want.verdict, want.status)
						if !strings.Contains(v.err.Error(), "sha256") == (want.status == 202) {
							t.Errorf("%v: the body of the reply was not read once, and whole", v.err)
						}
						if took := time.Since(start); took > time.Second {
							t.Errorf("took %v", took)
						}
						close(server.gone)
						r.close()
						if whole, heads, _ := server.truth(); len(whole) > 0 || heads != 1 || r.wires.open() != 0 {
							t.Errorf("%d requests, %d whole; %d connections left", heads, len(whole), r.wires.open())
						}
					})
				})
			}
		}
	}
}

// replyAfter replies when so much of the body was read.
func replyAfter(n int, reply string, then func(*visit)) func(*visit) {
	return func(v *visit) {
		if r, ok := v.head(); ok && v.part(r, n) {
			_ = v.say(reply)
			synctest.Wait() // the client has seen it
			then(v)
		}
	}
}

// A body that follows an early status in its own time does not hold anybody up.
func TestEarlyReplyWithSlowBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, &sink{script: replyAfter(0, "HTTP/1.1 413 \r\nContent-Length: 10\r\n\r\nabc", (*visit).drain)})
		start := time.Now()
		r.send(t.Context(), large).is(t, ledger.MessageUnfit, 413)
		if took := time.Since(start); took > time.Second {
			t.Errorf("took %v", took)
		}
		r.close()
	})
}

// TestInterimReplies is HTTP row 8: what is not final decides nothing, before the last byte or after it.
func TestInterimReplies(t *testing.T) {
	const interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
	for _, c := range []struct {
		name   string
		before string
		after  string
		want   ledger.Verdict
		code   int
	}{
		{"before and after", interim, interim + accepted, ledger.Accepted, 202},
		{"eight", "", strings.Repeat(interim, 4) + accepted, ledger.Accepted, 202},
		{"nine", "", strings.Repeat(interim, 4) + "HTTP/1.1 102 Processing\r\n\r\n" + accepted, ledger.Unknown, 0},
		{"only", interim, interim, ledger.Unknown, 0},
		{"101", "", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n" + accepted, ledger.Unknown, 0},
		{"early, then a refusal", interim, replyOf(400, ""), ledger.MessageRefused, 400},
	} {
		for _, size := range []int{1000, large} {
			t.Run(fmt.Sprintf("%s, %d", c.name, size), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := newRig(t, &sink{script: func(v *visit) {
						h, ok := v.head()
						if ok && v.say(c.before) == nil && v.rest(h) {
							v.accept()
							_ = v.say(c.after)
						}
					}})
					r.send(t.Context(), size).is(t, c.want, c.code)
					r.close()
				})
			})
		}
	}
}

// 1xx and then the end, in the middle of the body: row 4, not row 5.
func TestInterimThenLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, &sink{script: replyAfter(10_000, "HTTP/1.1 100 Continue\r\n\r\n", func(*visit) {})})
		r.send(t.Context(), large).is(t, ledger.ProviderDown, 0)
		r.close()
	})
}

// TestReplyAtRelease is row 33 in the moment of the release: whichever comes first, the
// verdict never contradicts what the server has.
func TestReplyAtRelease(t *testing.T) {
	rounds := 1000
	if raceDetector {
		rounds = 300
	}
	var early, late atomic.Int64
	var left atomic.Int64
	server := &sink{script: func(v *visit) {
		r, ok := v.head()
		if !ok || !v.part(r, large-int(left.Load())) {
			return
		}
		said := make(chan struct{})
		go func() {
			defer close(said)
			_ = v.say(replyOf(503, "", "Connection: close"))
		}()
		if v.rest(r) {
			v.accept()
			late.Add(1)
		} else {
			early.Add(1)
		}
		<-said
		v.drain()
	}}
	r := newRig(t, server)
	for i := range rounds {
		left.Store(int64(20_000 + i*60%40_000))
		server.forget()
		gate := new(mailer.Gate)
		v := r.post(t.Context(), &ledger.Attempt{Gate: gate}, text(large))
		switch {
		case v.code != http.StatusServiceUnavailable && v.Outcome == mailer.Unknown && gate.Committed():
		case v.code != http.StatusServiceUnavailable, v.Outcome == mailer.Accepted, v.Outcome == mailer.NotAccepted && gate.Committed():
			t.Fatalf("%+v, committed %v", v, gate.Committed())
		}
		server.wait()
		if _, _, n := server.truth(); n > 0 && v.Outcome != mailer.Unknown {
			t.Fatalf("the server has all of it, but %+v", v)
		}
	}
	r.close()
	if early.Load() == 0 || late.Load() == 0 {
		t.Error("the release always came on the same side of the reply")
	}
	t.Logf("the server had not all of it %d times, and all of it %d times", early.Load(), late.Load())
}

// A gate that has let go is not asked again, and the server's word counts.
func TestReplyAfterContextEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		r := newRig(t, &sink{script: func(v *visit) {
			if v.take() {
				_ = v.say("HTTP/1.1 400 Bad\r\nContent-Length: 100\r\n\r\nabc")
				synctest.Wait()
				cancel()
				v.drain()
			}
		}})
		v := r.send(ctx, 1000)
		v.is(t, ledger.MessageRefused, 400)
		if errors.Is(v.err, context.Canceled) {
			t.Errorf("%v, though the status said enough (HTTP row 32)", v.err)
		}
		r.close()
	})
}
