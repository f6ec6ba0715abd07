package apifake

import (
	"errors"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/internal/testcert"
)

func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// TestNone: keep-alive, the request as it was, the reply as it is.
func TestNone(t *testing.T) {
	v := start(t, Config{})
	c := v.dial(t)
	done := v.Next(Fault{})
	c.send(post("one"))
	status, header, body := c.reply()
	reached(t, done)
	if status != 202 || body != `{"id":"queued"}` || header.Get("Content-Type") != "application/json" || header.Get("Date") == "" {
		t.Errorf("reply %d %v %q", status, header, body)
	}
	c.send("GET /health HTTP/1.1\r\nHost: api\r\n\r\n")
	c.status(200)
	v.truth(t, []string{"one"}, 2)
	v.clean(t)
	r := v.Requests()[0]
	if r.Method != http.MethodPost || r.Path != "/send" || r.Query != "x=1" || string(r.Body) != "one" || r.Conn != 0 || r.Number != 0 {
		t.Errorf("request %+v", r)
	}
	if got, want := v.Stats(), (Stats{Conns: 1, Requests: 2, Whole: 2}); got != want {
		t.Errorf("stats %+v, want %+v", got, want)
	}
}

func TestCloseOnAccept(t *testing.T) {
	v := start(t, Config{})
	done := v.Next(Fault{Kind: CloseOnAccept})
	c := v.dial(t)
	c.ends()
	reached(t, done)
	v.truth(t, nil, 0)

	done = v.Next(Fault{Kind: CloseOnAccept, Reset: true})
	conn, err := net.Dial("tcp", v.Addr())
	got := ""
	if err == nil { // else the reset was faster
		got, err = newClient(t, conn).rest()
	}
	if got != "" || !isReset(err) {
		t.Errorf("got %q, %v; want a reset", got, err)
	}
	reached(t, done)
}

// TestSilentOnAccept: not even the TLS handshake is answered.
func TestSilentOnAccept(t *testing.T) {
	certs := testcert.Must(t)
	v := start(t, Config{TLS: testcert.Server(certs.Valid)})
	done := v.Next(Fault{Kind: SilentOnAccept})
	c := v.dial(t)
	c.send("\x16\x03\x01 the beginning of a handshake")
	reached(t, done)
	v.EndSilences()
	c.ends()
	v.truth(t, nil, 0)

	hold := make(chan struct{})
	done = v.Next(Fault{Kind: SilentOnAccept, Hold: hold})
	go func() { reached(t, done); close(hold) }()
	c = v.dialTLS(t, certs)
	c.send(post("late"))
	c.status(202)
	v.truth(t, []string{"late"}, 1)
	v.clean(t)
}

// TestSilentOnAcceptLosesNothing: what came during the silence is read after it.
func TestSilentOnAcceptLosesNothing(t *testing.T) {
	v := start(t, Config{})
	hold := make(chan struct{})
	done := v.Next(Fault{Kind: SilentOnAccept, Hold: hold})
	c := v.dial(t)
	body := strings.Repeat("x", 5*aheadBytes)
	c.send(post(body))
	reached(t, done)
	close(hold)
	c.status(202)
	v.truth(t, []string{body}, 1)
	v.clean(t)
}

func TestSilentOnAcceptClientGone(t *testing.T) {
	v := start(t, Config{})
	done := v.Next(Fault{Kind: SilentOnAccept})
	c := v.dial(t)
	c.send(post("one"))
	reached(t, done)
	_ = c.Close()
	if err := v.WaitIdle(t.Context()); err != nil { // no EndSilences: the client's end is enough
		t.Fatal(err)
	}
	v.truth(t, nil, 0)
}

func TestCutInBody(t *testing.T) {
	for _, reset := range []bool{false, true} {
		v := start(t, Config{})
		done := v.Next(Fault{Kind: CutInBody, After: 5, Reset: reset})
		c := v.dial(t)
		c.send("POST / HTTP/1.1\r\nHost: api\r\nContent-Length: 10\r\n\r\n12345")
		got, err := c.rest()
		if got != "" || reset != isReset(err) || !reset && err != nil {
			t.Errorf("reset %v: got %q, %v", reset, got, err)
		}
		reached(t, done)
		v.truth(t, nil, 0)
	}
}

// TestCutInBodyAtItsEnd: what was read whole has arrived, and is not accepted.
func TestCutInBodyAtItsEnd(t *testing.T) {
	v := start(t, Config{})
	v.Next(Fault{Kind: CutInBody, After: 100})
	c := v.dial(t)
	c.send(post("one"))
	c.ends()
	v.truth(t, nil, 1)
}

// TestCutInLargeBody: the end is an orderly one for a client that is still writing.
func TestCutInLargeBody(t *testing.T) {
	v := start(t, Config{})
	done := v.Next(Fault{Kind: CutInBody, After: 100_000})
	c := v.dial(t)
	c.send("POST / HTTP/1.1\r\nHost: api\r\nContent-Length: 50000000\r\n\r\n")
	writing := make(chan error, 1)
	go func() {
		_, err := c.Write(make([]byte, 50_000_000))
		writing <- err
	}()
	c.ends()
	reached(t, done)
	v.truth(t, nil, 0) // and the connection ends with the silences
	if err := <-writing; err == nil {
		t.Error("the client could write everything")
	}
}

// TestEarlyReply: the reply comes while the body is unread, and no more is read.
func TestEarlyReply(t *testing.T) {
	v := start(t, Config{})
	done := v.Next(Fault{Kind: EarlyReply, After: 3, Answer: JSON(503, `{}`)})
	c := v.dial(t)
	c.send("POST / HTTP/1.1\r\nHost: api\r\nExpect: 100-continue\r\nContent-Length: 100000000\r\n\r\n")
	c.status(100)
	c.send("123")
	c.status(503)
	reached(t, done)
	v.truth(t, nil, 0)
	c.ends()
}

func TestReplace(t *testing.T) {
	for _, accept := range []bool{true, false} {
		v := start(t, Config{})
		done := v.Next(Fault{Kind: Replace, Answer: Gateway(502), Accept: accept})
		c := v.dial(t)
		c.send(post("one"))
		c.status(502)
		c.ends() // Gateway closes
		reached(t, done)
		v.truth(t, map[bool][]string{true: {"one"}}[accept], 1)
		v.clean(t)
	}
}

// TestReplacementCommits: an answer can accept something of its own.
func TestReplacementCommits(t *testing.T) {
	v := start(t, Config{})
	a := JSON(200, `{}`)
	a.Commit = func() { v.handle(&Request{Method: http.MethodPost, Body: []byte("other")}).Commit() }
	v.Next(Fault{Kind: Replace, Answer: a, Accept: true})
	c := v.dial(t)
	c.send(post("one"))
	c.status(200)
	v.truth(t, []string{"one", "other"}, 1)
}

// TestEndsUnderTLS: an orderly end is one for TLS too.
func TestEndsUnderTLS(t *testing.T) {
	certs := testcert.Must(t)
	v := start(t, Config{TLS: testcert.Server(certs.Valid)})
	for _, f := range []Fault{{Kind: Withhold}, {Kind: CutReply, After: 10}, {Kind: CutInBody, After: 1}} {
		done := v.Next(f)
		c := v.dialTLS(t, certs)
		c.send(post("one"))
		if got, err := c.rest(); err != nil || len(got) > 10 {
			t.Errorf("%+v: got %q, %v", f, got, err)
		}
		reached(t, done)
	}
	v.truth(t, nil, 2)
	v.clean(t)
}

func TestReplaceKeepsConnection(t *testing.T) {
	v := start(t, Config{})
	v.Next(Fault{Kind: Replace, Answer: JSON(429, `{}`)})
	c := v.dial(t)
	c.send(post("one"))
	c.status(429)
	c.send(post("two"))
	c.status(202)
	v.truth(t, []string{"two"}, 2)
}

func TestWithhold(t *testing.T) {
	for _, accept := range []bool{true, false} {
		v := start(t, Config{})
		done := v.Next(Fault{Kind: Withhold, Accept: accept})
		c := v.dial(t)
		c.send(post("one"))
		c.ends()
		reached(t, done)
		v.truth(t, map[bool][]string{true: {"one"}}[accept], 1)
	}
}

func TestSilence(t *testing.T) {
	v := start(t, Config{})
	done := v.Next(Fault{Kind: Silence, Accept: true, Reset: true})
	c := v.dial(t)
	c.send(post("one"))
	reached(t, done)
	if got := v.copies(); len(got) != 1 {
		t.Errorf("accepted %q before the silence", got)
	}
	v.EndSilences()
	if got, err := c.rest(); got != "" || !isReset(err) {
		t.Errorf("got %q, %v; want a reset", got, err)
	}
	v.truth(t, []string{"one"}, 1)
}

func TestCutReply(t *testing.T) {
	for _, tt := range []struct {
		fault  Fault
		want   string
		copies []string
	}{
		{Fault{After: 12, Accept: true}, "HTTP/1.1 202", []string{"one"}},
		{Fault{After: 6}, "HTTP/1", nil},
		{Fault{After: 0, Accept: true}, "", []string{"one"}},
		{Fault{After: 25, Answer: JSON(400, `{"errors":[]}`)}, "HTTP/1.1 400 Bad Request\r", nil},
	} {
		v := start(t, Config{})
		tt.fault.Kind = CutReply
		done := v.Next(tt.fault)
		c := v.dial(t)
		c.send(post("one"))
		if got, err := c.rest(); got != tt.want || err != nil {
			t.Errorf("got %q, %v; want %q", got, err, tt.want)
		}
		reached(t, done)
		v.truth(t, tt.copies, 1)
	}
}

func TestNoiseAfter(t *testing.T) {
	v := start(t, Config{})
	done := v.Next(Fault{Kind: NoiseAfter})
	c := v.dial(t)
	c.send(post("one"))
	c.status(202)
	reached(t, done)
	if got, err := c.rest(); !strings.Contains(got, "nonsense") || !isReset(err) {
		t.Errorf("then %q, %v; want nonsense and a reset", got, err)
	}
	v.truth(t, []string{"one"}, 1)
}

func TestDrip(t *testing.T) {
	v := start(t, Config{})
	done := v.Next(Fault{Kind: Drip, Every: time.Millisecond})
	c := v.dial(t)
	begun := time.Now()
	c.send(post("one"))
	c.status(202)
	reached(t, done)
	if took := time.Since(begun); took < 50*time.Millisecond {
		t.Errorf("took %v for more than 50 bytes a millisecond apart", took)
	}
	c.send(post("two")) // the connection is kept
	c.status(202)
	v.truth(t, []string{"one", "two"}, 2)
}

func TestRaw(t *testing.T) {
	v := start(t, Config{})
	done := v.Next(Fault{Kind: Raw, RawReply: []byte("220 smtp.example.com\r\n"), Accept: true})
	c := v.dial(t)
	c.send(post("one"))
	if got, err := c.rest(); got != "220 smtp.example.com\r\n" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	reached(t, done)
	v.truth(t, []string{"one"}, 1)
}

func TestHold(t *testing.T) {
	for _, end := range []string{"closed", "silences ended", "client gone"} {
		t.Run(end, func(t *testing.T) {
			v := start(t, Config{})
			hold := make(chan struct{})
			done := v.Next(Fault{Hold: hold})
			c := v.dial(t)
			c.send(post("one"))
			reached(t, done)
			switch end {
			case "closed":
				close(hold)
				c.status(202)
			case "silences ended":
				v.EndSilences()
				c.status(202)
			case "client gone":
				_ = c.Close()
				if err := v.WaitIdle(t.Context()); err != nil {
					t.Error(err)
				}
			}
			v.truth(t, []string{"one"}, 1)
			v.clean(t)
		})
	}
}

func TestInterim(t *testing.T) {
	v := start(t, Config{})
	v.Next(Fault{Interim: []string{"HTTP/1.1 103 Early Hints\r\n\r\n", "HTTP/1.1 102 Processing\r\n\r\n"}})
	v.Next(Fault{Kind: Withhold, Interim: []string{"HTTP/1.1 102 Processing\r\n\r\n"}})
	c := v.dial(t)
	c.send(post("one"))
	c.status(103)
	c.status(102)
	c.status(202)
	c.send(post("two"))
	c.status(102)
	c.ends()
	v.truth(t, []string{"one"}, 2)
}

// TestQueue: connections meet faults on accept, requests all others, each in order.
func TestQueue(t *testing.T) {
	v := start(t, Config{})
	v.Next(Fault{Kind: Replace, Answer: JSON(500, `{}`)})
	v.Next(Fault{Kind: CloseOnAccept})
	v.Next(Fault{Kind: Replace, Answer: JSON(503, `{}`)})
	v.dial(t).ends()
	c := v.dial(t)
	for _, want := range []int{500, 503, 202} {
		c.send(post("x"))
		c.status(want)
	}
	v.truth(t, []string{"x"}, 3)
}

// TestFaultThatCannotHappen: the channel is closed all the same.
func TestFaultThatCannotHappen(t *testing.T) {
	v := start(t, Config{})
	done := v.Next(Fault{Kind: Silence})
	c := v.dial(t)
	c.send("POST / HTTP/1.1\r\nHost: api\r\nContent-Length: 10\r\n\r\n123")
	_ = c.Close()
	reached(t, done)
	v.truth(t, nil, 0)
}

func TestReadyAnswers(t *testing.T) {
	if a := Redirect(307, "https://elsewhere.example/"); a.Status != 307 || a.Header.Get("Location") != "https://elsewhere.example/" {
		t.Errorf("Redirect: %+v", a)
	}
	if a := HTMLPage(413); !strings.Contains(string(a.Body), "413 Request Entity Too Large") || a.Header.Get("Content-Type") != "text/html" {
		t.Errorf("HTMLPage: %s", a.Body)
	}
	v := start(t, Config{})
	v.Next(Fault{Kind: Replace, Answer: TruncatedJSON(200, `{"id":"abc"}`, 6)})
	c := v.dial(t)
	c.send(post("x"))
	if status, _, body := c.reply(); status != 200 || body != `{"id":` {
		t.Errorf("TruncatedJSON: %d %q", status, body)
	}
}
