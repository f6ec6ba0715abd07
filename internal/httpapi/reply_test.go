package httpapi_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/internal/netconn"
	"github.com/mailkeel/mailkeel/mailer"
)

// answering is a sink that takes the message, says reply, and goes on as then says.
func answering(reply string, then func(*visit)) *sink {
	return &sink{gone: make(chan struct{}), script: func(v *visit) {
		if v.take() {
			v.accept()
			_ = v.say(reply)
			then(v)
		}
	}}
}

func hangUp(*visit) {}

// TestReplyForms is HTTP rows 9, 10, 31, 32 and 37: what counts as a reply, and what it is worth.
func TestReplyForms(t *testing.T) {
	const yes = "HTTP/1.1 202 Accepted\r\nX-Message-Id: id-1\r\n"
	for _, c := range []struct {
		name  string
		reply string
		want  ledger.Verdict
		code  int
		conns int64 // for two of them; zero means 2
	}{
		{"Content-Length", accepted, ledger.Accepted, 202, 1},
		{"chunked", chunkedReply, ledger.Accepted, 202, 1},
		{"chunked with a trailer", yes + "Transfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n\r\n", ledger.Accepted, 202, 1},
		{"empty", yes + "Content-Length: 0\r\n\r\n", ledger.Accepted, 202, 1},
		{"until the end", yes + "\r\n{\"queued\":true}", ledger.Accepted, 202, 0},
		{"HTTP/1.0", "HTTP/1.0 202 OK\r\nX-Message-Id: id-1\r\nContent-Length: 0\r\n\r\n", ledger.Accepted, 202, 0},
		{"no reason", "HTTP/1.1 202\r\nX-Message-Id: id-1\r\nContent-Length: 0\r\n\r\n", ledger.Accepted, 202, 1},
		{"Connection: close", yes + "Connection: close\r\nContent-Length: 0\r\n\r\n", ledger.Accepted, 202, 0},
		{"more than the reply", accepted + "HTTP/1.1 500 Oops\r\n\r\n", ledger.Accepted, 202, 0},
		{"no id", "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", ledger.Unknown, 202, 1},
		{"another 2xx", "HTTP/1.1 204 No Content\r\nX-Message-Id: id-1\r\n\r\n", ledger.Unknown, 204, 1},
		{"an id that is none", "HTTP/1.1 202 Accepted\r\nX-Message-Id: a b\r\nContent-Length: 0\r\n\r\n", ledger.Unknown, 202, 1},
		{"both framings", yes + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", ledger.Accepted, 202, 1},
		{"two lengths", yes + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", ledger.Unknown, 0, 0},
		{"negative length", yes + "Content-Length: -1\r\n\r\n", ledger.Unknown, 0, 0},
		{"cut by its length", yes + "Content-Length: 10\r\n\r\nabc", ledger.Unknown, 202, 0},
		{"cut in a chunk", yes + "Transfer-Encoding: chunked\r\n\r\n6\r\nabc", ledger.Unknown, 202, 0},
		{"no last chunk", yes + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", ledger.Unknown, 202, 0},
		{"chunk size that is none", yes + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", ledger.Unknown, 202, 0},
		{"a coding of the transfer", yes + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", ledger.Unknown, 0, 0},
		{"400 cut", "HTTP/1.1 400 Bad\r\nContent-Length: 10\r\n\r\nabc", ledger.MessageRefused, 400, 0},
		{"429 in a bad chunk", "HTTP/1.1 429 \r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", ledger.RateLimited, 429, 0},
		{"099", "HTTP/1.1 099 What\r\nContent-Length: 0\r\n\r\n", ledger.Unknown, 0, 0},
		{"600", "HTTP/1.1 600 What\r\nContent-Length: 0\r\n\r\n", ledger.Unknown, 0, 0},
		{"1000", "HTTP/1.1 1000 What\r\nContent-Length: 0\r\n\r\n", ledger.Unknown, 0, 0},
		{"20x", "HTTP/1.1 20x What\r\nContent-Length: 0\r\n\r\n", ledger.Unknown, 0, 0},
		{"HTTP/2.0", "HTTP/2.0 202 Accepted\r\nX-Message-Id: id-1\r\n\r\n" + accepted, ledger.Unknown, 0, 0},
		{"HTTP/0.9", "{\"queued\":true}", ledger.Unknown, 0, 0},
		{"another protocol", "220 mail.example.com ESMTP\r\n", ledger.Unknown, 0, 0},
		{"nothing", "", ledger.Unknown, 0, 0},
		{"NUL in the header", yes + "A\x00: b\r\n\r\n", ledger.Unknown, 0, 0},
		{"no colon", yes + "what\r\n\r\n", ledger.Unknown, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, &sink{})
				r.sink.script = func(v *visit) {
					for v.take() {
						if v.say(c.reply) != nil || c.conns == 0 {
							return
						}
					}
				}
				start := time.Now()
				for range 2 {
					r.send(t.Context(), 1000).is(t, c.want, c.code)
				}
				if took := time.Since(start); took > time.Second {
					t.Errorf("took %v", took)
				}
				if n := r.wires.dialled.Load(); n != max(c.conns, 1) && c.conns > 0 || c.conns == 0 && n != 2 {
					t.Errorf("%d connections", n)
				}
				r.close()
				if whole, _, _ := r.sink.truth(); len(whole) != 2 {
					t.Errorf("P6: %d requests for two attempts", len(whole))
				}
			})
		})
	}
}

// TestEndlessReplies is P20 and HTTP row 32: a reply that does not end is not awaited beyond its use.
func TestEndlessReplies(t *testing.T) {
	endless := func(piece string) func(*visit) {
		return func(v *visit) {
			for v.say(piece) == nil {
			}
		}
	}
	piece := strings.Repeat("x", 1<<10)
	for _, c := range []struct {
		name  string
		reply string
		then  func(*visit)
		want  ledger.Verdict
		code  int
	}{
		{"status line", "HTTP/1.1 202 ", endless(piece), ledger.Unknown, 0},
		{"header", "HTTP/1.1 202 Accepted\r\n", endless("A: " + piece + "\r\n"), ledger.Unknown, 0},
		{"one field", "HTTP/1.1 202 Accepted\r\nA: ", endless(piece), ledger.Unknown, 0},
		{"interim replies", "", endless("HTTP/1.1 100 Continue\r\n\r\n"), ledger.Unknown, 0},
		{"body of 202", "HTTP/1.1 202 Accepted\r\nX-Message-Id: 1\r\n\r\n", endless(piece), ledger.Unknown, 202},
		{"body of 400", "HTTP/1.1 400 Bad\r\n\r\n", endless(piece), ledger.MessageRefused, 400},
		{"length of 202", "HTTP/1.1 202 Accepted\r\nX-Message-Id: 1\r\nContent-Length: 9223372036854775807\r\n\r\n", endless(piece), ledger.Unknown, 202},
		{"length of 503", "HTTP/1.1 503 No\r\nContent-Length: 9223372036854775807\r\n\r\n", endless(piece), ledger.Unknown, 503},
		{"chunks of 400", "HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\n\r\n", endless("1\r\nx\r\n"), ledger.MessageRefused, 400},
		{"extension of a chunk", "HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\n\r\n1;", endless(piece), ledger.MessageRefused, 400},
		{"trailer", "HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", endless("A: " + piece + "\r\n"), ledger.MessageRefused, 400},
		{"one byte beyond the limit", "HTTP/1.1 400 Bad\r\nContent-Length: 99999\r\n\r\n" + strings.Repeat("x", 64<<10+1), func(v *visit) { <-v.sink.gone }, ledger.MessageRefused, 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, answering(c.reply, c.then))
				before, start := allocated(), time.Now()
				r.send(t.Context(), 1000).is(t, c.want, c.code)
				if took := time.Since(start); took > time.Second {
					t.Errorf("took %v, though nothing else was to come", took)
				}
				if grown := allocated() - before; grown > 8<<20 {
					t.Errorf("P20: %d bytes allocated", grown)
				}
				close(r.sink.gone)
				r.close()
				if n := r.wires.open(); n != 0 || r.wires.dialled.Load() != 1 {
					t.Errorf("%d connections left", n)
				}
			})
		})
	}
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// TestReplyIsNotDecompressed is HTTP row 37 and P20: what was not asked for stays as it is.
func TestReplyIsNotDecompressed(t *testing.T) {
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	_, _ = io.CopyN(w, zeros{}, 8<<20)
	_ = w.Close()
	reply := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", bomb.Len(), bomb.String())
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, answering(reply, hangUp))
		before := allocated()
		res := r.do(t.Context(), 1000)
		if res.Reply == nil || !bytes.Equal(res.Reply.Body, bomb.Bytes()) || !res.Reply.Whole {
			t.Fatalf("%+v", res)
		}
		if grown := allocated() - before; grown > 4<<20 {
			t.Errorf("P20: %d bytes allocated", grown)
		}
		r.close()
		if whole, _, _ := r.sink.truth(); whole[0].header.Get("Accept-Encoding") != "identity" {
			t.Errorf("%v", whole[0].header)
		}
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestCutReplies is HTTP rows 10, 31 and 32: a reply cut at any byte, over a connection that
// ends in order.
func TestCutReplies(t *testing.T) {
	const refused = "HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n\r\nabc"
	for _, c := range []struct {
		reply string
		want  ledger.Verdict // once there is a status that counts
		code  int
	}{
		{accepted, ledger.Unknown, 202},
		{chunkedReply, ledger.Unknown, 202},
		{refused, ledger.MessageRefused, 400},
	} {
		head := strings.Index(c.reply, "\r\n\r\n") + 4
		for at := range len(c.reply) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, answering(c.reply[:at], hangUp))
				v := r.send(t.Context(), 1000)
				if at < head {
					v.is(t, ledger.Unknown, 0)
				} else {
					v.is(t, c.want, c.code)
				}
				r.close()
			})
			if t.Failed() {
				t.Fatalf("cut after %d bytes: %q", at, c.reply[:at])
			}
		}
	}
}

// A cut 2xx keeps its status, the reason, and a hash of what came (HTTP row 10).
func TestUnverifiedAcceptanceIsKept(t *testing.T) {
	for reply, want := range map[string]string{
		"HTTP/1.1 202 Accepted\r\nX-Message-Id: 1\r\nContent-Length: 10\r\n\r\nabc":        "reply incomplete",
		"HTTP/1.1 202 Accepted\r\nContent-Length: 3\r\nContent-Type: text/html\r\n\r\nabc": "sha256 ba7816bf8f01cfea",
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, answering(reply, hangUp))
			v := r.send(t.Context(), 1000)
			v.is(t, ledger.Unknown, 202)
			if !strings.Contains(v.err.Error(), want) || !errors.Is(v.err, mailer.ErrUnknownOutcome) {
				t.Errorf("got %v, want %q", v.err, want)
			}
			r.close()
		})
	}
}

// TestReplyTooLong: the cause is there to be found.
func TestReplyTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, answering("HTTP/1.1 202 Accepted\r\nX-Message-Id: "+strings.Repeat("x", 70<<10), hangUp))
		if v := r.send(t.Context(), 1000); !errors.Is(v.err, netconn.ErrTooLong) {
			t.Errorf("got %v", v.err)
		}
		r.close()
	})
}

// TestServerEchoesSecret is P18: whatever a server sends back, the credential is not shown.
func TestServerEchoesSecret(t *testing.T) {
	for _, reply := range []string{
		"Authorization: Bearer " + secret + "\r\n\r\n",
		"HTTP/1.1 Bearer " + secret + "\r\n\r\n",
		"HTTP/" + secret + " 202 OK\r\n\r\n",
		"HTTP/1.1 202 Accepted\r\nBearer " + secret + "\r\n\r\n",
		"HTTP/1.1 202 Accepted\r\nContent-Length: " + secret + "\r\n\r\n",
		"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: " + secret + "\r\n\r\n",
		"HTTP/1.1 202 " + secret + "\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 202 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + secret + "\r\n",
		replyOf(400, `{"errors":"`+secret+`"}`),
		"HTTP/1.1 202 Accepted\r\nX-Message-Id: " + secret + "\r\nContent-Length: 0\r\n\r\n",
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, answering(reply, hangUp))
			v := r.send(t.Context(), 1000)
			shown := fmt.Sprintf("%v %+v %#v %s", v.err, v.err, v, v.id)
			if e := mailer.AsSendError(v.err); e != nil {
				shown += fmt.Sprintf("%+v %+v", e.Receipt.Attempts, e.Receipt.Recipients)
			}
			if strings.Contains(shown, secret) {
				t.Errorf("%q is shown: %s", reply, shown)
			}
			r.close()
		})
	}
}
