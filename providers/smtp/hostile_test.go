package smtp_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/smtp"
)

// hostileReplies are what a server may say instead of a reply, at any point.
var hostileReplies = []struct {
	name, raw string
}{
	{"endless reply", strings.Repeat("250-and so on\r\n", 50_000)},
	{"endless line", "250-" + strings.Repeat("a", 1<<20)},
	{"endless line of another code", "334 " + strings.Repeat("QUFB", 1<<18)},
	{"empty lines", strings.Repeat("\r\n", 1000)},
	{"NUL bytes", strings.Repeat("\x00", 10_000)},
	{"a reply whose code changes", "250-ok\r\n550 no\r\n"},
	{"a code of four digits", "2500 ok\r\n"},
	{"a code below the range", "099 ok\r\n"},
	{"another protocol", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
	{"bytes outside ASCII", "25\xb2 ok\r\n"},
}

var hostilePoints = map[string]smtpfake.Point{
	"greeting": smtpfake.Greeting, "EHLO": smtpfake.EHLO, "AUTH": smtpfake.AUTH, "MAIL": smtpfake.MAIL,
	"RCPT": smtpfake.RCPT, "DATA": smtpfake.DATA, "content": smtpfake.Content,
}

// readCounter counts what the client took in.
type readCounter struct {
	net.Conn
	n *atomic.Int64
}

func (c readCounter) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// maxTakenBytes is the longest reply, and a buffer for each of the others of a conversation.
const maxTakenBytes = 64<<10 + 10*4<<10

// TestHostileReplies is P20: whatever a server says, a send ends within its limits, having
// taken in little, with a verdict that only the boundary decides.
func TestHostileReplies(t *testing.T) {
	for pointName, p := range hostilePoints {
		for _, r := range hostileReplies {
			t.Run(pointName+", "+r.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					cfg := withUsers(on(p, smtpfake.Action{Raw: r.raw}))
					hostile(t, cfg, p == smtpfake.Content, 0)
				})
			})
		}
		t.Run(pointName+", a byte a second", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { hostile(t, dripping(p), p == smtpfake.Content, 15*time.Second) })
		})
	}
}

// dripping is a server that from p on takes a second for each byte.
func dripping(p smtpfake.Point) smtpfake.Config {
	var begun atomic.Bool
	raw := strings.Repeat("250-a line that says nothing\r\n", 100)
	cfg := withUsers(smtpfake.Config{Extensions: relay, Hook: func(e *smtpfake.Event) smtpfake.Action {
		if e.Point != p {
			return smtpfake.Action{}
		}
		begun.Store(true)
		return smtpfake.Action{Raw: raw}
	}})
	cfg.Wrap = func(_ int, conn net.Conn) net.Conn { return &drippingConn{conn, &begun} }
	return cfg
}

type drippingConn struct {
	net.Conn
	begun *atomic.Bool
}

func (c *drippingConn) Write(p []byte) (int, error) {
	if !c.begun.Load() {
		return c.Conn.Write(p)
	}
	for i := range p {
		time.Sleep(time.Second)
		if _, err := c.Conn.Write(p[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(p), nil
}

// hostile sends a message to a server that means no good. took is when Send has to have
// returned at the latest, before the boundary.
func hostile(t *testing.T, server smtpfake.Config, released bool, took time.Duration) {
	t.Helper()
	s := smtpfake.New(server)
	var taken atomic.Int64
	dial := pipeTo(s)
	cfg := plaintext(func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		return readCounter{conn, &taken}, err
	})
	logIn(&cfg)
	client := must(smtp.New(cfg))
	defer closeAll(t, client, s)
	start := time.Now()
	_, err := client.Send(t.Context(), newMessage(1))
	e := mailer.AsSendError(err)
	if e == nil {
		t.Fatal("it was accepted")
	}
	want := mailer.NotAccepted
	if released {
		want = mailer.Unknown
		took = max(took, 2*time.Minute)
	}
	if e.Outcome != want {
		t.Errorf("got %v: %v, want %v", e.Outcome, err, want)
	}
	if e.Outcome == mailer.NotAccepted && len(s.Messages()) > 0 {
		t.Error("the server has it")
	}
	if since := time.Since(start); since > took+100*time.Millisecond {
		t.Errorf("took %v, more than %v", since, took)
	}
	if n := taken.Load(); n > maxTakenBytes {
		t.Errorf("took in %d bytes", n)
	}
	if len(err.Error()) > 1000 || strings.ContainsAny(err.Error(), "\r\n\x00") {
		t.Errorf("the error is no line of sensible length: %.300q", err)
	}
}

// A scramCase is a server that does not know the password and wants the client to
// believe that it does, or to work for it. answer gets the number of the response, from
// zero for the AUTH command itself, and the honest server's reply.
type scramCase struct {
	name   string
	answer func(step int, honest string) string
}

var scramCases = []scramCase{
	{"endless challenges", func(int, string) string { return "334 " }},
	{"endless challenges of nonsense", func(int, string) string { return "334 cj1hYmM=" }},
	{"challenge not base64", func(int, string) string { return "334 !!!" }},
	{"huge iterations", edit("i=4096", "i=2000000000")},
	{"iterations beyond any number", edit("i=4096", "i=99999999999999999999999999")},
	{"another nonce", edit("r=", "r=x")},
	{"success at once", func(int, string) string { return "235 2.7.0 welcome" }},
	{"success after the first message", instead(1, "235 2.7.0 welcome")},
	{"success instead of the proof", instead(2, "235 2.7.0 welcome")},
	{"wrong proof", instead(2, "334 "+encode("v="+encode("no proof at all")))},
	{"empty proof", instead(2, "334 "+encode("v="))},
	{"an error of the server's as proof", instead(2, "334 "+encode("e=invalid-proof"))},
	{"a proof before the exchange", func(step int, honest string) string {
		return map[int]string{0: honest, 1: "334 " + forged(), 2: "235 2.7.0 welcome"}[step]
	}},
	{"a proof after a new beginning", func(step int, honest string) string {
		return map[int]string{0: honest, 1: honest, 2: "334 ", 3: "334 " + forged(), 4: "235 2.7.0 welcome"}[step]
	}},
}

func encode(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// edit changes the server's first message.
func edit(from, to string) func(int, string) string {
	return func(_ int, honest string) string {
		challenge, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(honest, "334 "))
		if err != nil || !strings.HasPrefix(string(challenge), "r=") {
			return honest
		}
		return "334 " + encode(strings.Replace(string(challenge), from, to, 1))
	}
}

func instead(step int, text string) func(int, string) string {
	return func(n int, honest string) string {
		if n == step {
			return text
		}
		return honest
	}
}

// forged is the proof of a server's that knows no password, for an exchange in which none was used.
func forged() string {
	mac := func(key, message []byte) []byte {
		h := hmac.New(sha256.New, key)
		h.Write(message)
		return h.Sum(nil)
	}
	return encode("v=" + base64.StdEncoding.EncodeToString(mac(mac(nil, []byte("Server Key")), nil)))
}

// TestScramServers: SCRAM authenticates the server too (RFC 5802 section 3). One that does not
// prove itself, or asks for too much, gets no message.
func TestScramServers(t *testing.T) {
	for _, c := range scramCases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := withScram(smtpfake.Config{Extensions: relay})
				step := 0
				cfg.Hook = func(e *smtpfake.Event) smtpfake.Action {
					if e.Point != smtpfake.AUTH && e.Point != smtpfake.AUTHStep {
						return smtpfake.Action{}
					}
					reply := c.answer(step, e.Reply)
					step++
					return smtpfake.Action{Reply: reply}
				}
				server := smtpfake.New(cfg)
				config := plaintext(pipeTo(server))
				logIn(&config)
				client := must(smtp.New(config))
				defer closeAll(t, client, server)
				start := time.Now()
				_, err := client.Send(t.Context(), newMessage(1))
				e := mailer.AsSendError(err)
				if e == nil || e.Outcome != mailer.NotAccepted || len(server.Messages()) > 0 || countVerb(server, "MAIL") > 0 {
					t.Errorf("got %v; commands %v", err, linesOf(server))
				}
				if took := time.Since(start); took > 15*time.Second || step > 12 {
					t.Errorf("took %v and %d steps", took, step)
				}
			})
		})
	}
}

// TestScramWork: what a hostile server makes the client compute stays within bounds.
func TestScramWork(t *testing.T) {
	cfg := withScram(smtpfake.Config{Extensions: relay})
	cfg.Hook = func(e *smtpfake.Event) smtpfake.Action {
		if e.Point == smtpfake.AUTHStep {
			return smtpfake.Action{Reply: edit("i=4096", "i=1000001")(0, e.Reply)}
		}
		return smtpfake.Action{}
	}
	server := smtpfake.Start(t, cfg)
	config := plaintext(tcpTo(server))
	logIn(&config)
	client := must(smtp.New(config))
	defer closeClient(t, client)
	_, err := client.Send(t.Context(), newMessage(1))
	if err == nil || countVerb(server, "AUTH") != 1 || len(server.Commands()) != 3 {
		t.Errorf("got %v, commands %v; want the exchange broken off after the server's first message", err, linesOf(server))
	}
}

// TestFloodedWhileSending: a server that talks while the content comes is out of step; what
// it says is no answer to the content, and does not fill memory.
func TestFloodedWhileSending(t *testing.T) {
	for _, text := range []string{"250 2.0.0 queued\r\n", "250 2.0.0 queued\r\n250 2.0.0 queued\r\n", "550 5.7.1 no\r\n", "garbage\r\n"} {
		t.Run(fmt.Sprintf("%.20q", text), func(t *testing.T) {
			server := smtpfake.Start(t, on(smtpfake.DATA, smtpfake.Action{Raw: "354 go\r\n" + text}))
			client := must(smtp.New(plaintext(tcpTo(server))))
			defer closeClient(t, client)
			_, err := client.Send(t.Context(), newMessage(1))
			if e := mailer.AsSendError(err); e == nil || e.Outcome != mailer.NotAccepted || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v, want NotAccepted", err)
			}
			server.WaitIdle()
			if n := len(server.Messages()); n != 0 {
				t.Errorf("%d messages", n)
			}
		})
	}
}
