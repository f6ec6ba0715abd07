package httpapi_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/mailer"
)

// A moment is a place in an exchange at which something may go wrong.
type moment int

const (
	atSettings  moment = iota // before the server has said anything
	atHead                    // the head of the request has come
	atBody                    // and a part of the body, but not all
	atEnd                     // the whole request has come
	atReplyHead               // the head of an acceptance was sent
	atReplyBody               // and half of its body
	moments
)

// String returns the name that subtests have.
func (m moment) String() string {
	return [...]string{"settings", "head", "body", "end", "reply head", "reply body"}[m]
}

// A framer is an HTTP/2 server, frame by frame, that knows the truth: which requests it has
// whole, but for those that it has refused in the way that promises that nothing was done.
type framer struct {
	at moment
	// fault happens once, at that moment, to the first request that gets there. It
	// reports whether the server goes on as if nothing had been. Until then it gives
	// no room for more than a part of the body, so that nothing can be on its way.
	fault func(v *call, id uint32) (goOn bool)
	// mute makes it do nothing after the handshake.
	mute bool
	// window is the room for a body before the fault; zero means what the standard says.
	window uint32
	// settings are sent first.
	settings []http2.Setting
	// wrap is put around the server's end of each connection, under TLS.
	wrap func(net.Conn) net.Conn
	// answer is sent to a whole request; nil means an acceptance.
	answer func(v *call, id uint32)

	struck  atomic.Bool
	running sync.WaitGroup

	mu    sync.Mutex
	gone  chan struct{} // closed by close
	calls int
	heads int
	whole [][]byte
	open  []net.Conn
}

// truth returns the whole bodies that it has not refused, and how many requests began.
func (f *framer) truth() (whole [][]byte, heads, calls int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.whole, f.heads, f.calls
}

// accept makes f speak over conn.
func (f *framer) accept(conn net.Conn) {
	if f.wrap != nil {
		conn = f.wrap(conn)
	}
	v := &call{framer: f, raw: conn, conn: tls.Server(conn, http2TLS()), bodies: map[uint32]*bytes.Buffer{}, done: map[uint32]bool{}}
	f.mu.Lock()
	if f.gone == nil {
		f.gone = make(chan struct{})
	}
	f.calls++
	f.open = append(f.open, conn)
	f.mu.Unlock()
	f.running.Go(v.run)
}

func http2TLS() *tls.Config {
	config := serverTLS()
	config.NextProtos = []string{http2.NextProtoTLS}
	return config
}

// close ends every connection and waits for their ends.
func (f *framer) close() {
	f.mu.Lock()
	if f.gone != nil {
		close(f.gone)
	}
	for _, conn := range f.open {
		_ = conn.Close()
	}
	f.mu.Unlock()
	f.running.Wait()
}

// pipe is a Dial that connects to f in memory. The server's writes wait for nobody, as
// both sides would wait for each other otherwise.
func (f *framer) pipe(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	e := &eager{Conn: theirs, queue: make(chan []byte, 1<<12), gone: make(chan struct{})}
	f.running.Go(e.run)
	f.accept(e)
	return onLoopback{ours}, nil
}

// eager is a connection with a buffer for what is written.
type eager struct {
	net.Conn
	queue chan []byte
	gone  chan struct{}
	once  sync.Once
}

func (e *eager) run() {
	for {
		select {
		case p := <-e.queue:
			if _, err := e.Conn.Write(p); err != nil {
				return
			}
		case <-e.gone:
			return
		}
	}
}

func (e *eager) Write(p []byte) (int, error) {
	select {
	case e.queue <- bytes.Clone(p):
		return len(p), nil
	case <-e.gone:
		return 0, net.ErrClosed
	}
}

func (e *eager) Close() error {
	e.once.Do(func() { close(e.gone) })
	return e.Conn.Close()
}

// listen returns a Dial that connects to f over TCP.
func (f *framer) listen(t testing.TB) func(context.Context, string, string) (net.Conn, error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			f.accept(conn)
		}
	}()
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", l.Addr().String())
	}
}

// A call is one connection, from the server's side. One goroutine has it.
type call struct {
	*framer
	raw    net.Conn
	conn   *tls.Conn
	fr     *http2.Framer
	block  bytes.Buffer
	fields *hpack.Encoder
	bodies map[uint32]*bytes.Buffer
	done   map[uint32]bool // nothing is done about this request any more
	over   bool
}

func (v *call) run() {
	defer func() { _ = v.raw.Close() }()
	preface := make([]byte, len(http2.ClientPreface))
	if v.conn.Handshake() != nil {
		return
	}
	if v.mute {
		<-v.gone
		return
	}
	v.fr, v.fields = http2.NewFramer(v.conn, v.conn), hpack.NewEncoder(&v.block)
	v.fr.AllowIllegalWrites, v.fr.AllowIllegalReads = true, true
	if _, err := io.ReadFull(v.conn, preface); err != nil || string(preface) != http2.ClientPreface {
		return
	}
	if v.reach(atSettings, 0) {
		settings := v.settings
		if v.window > 0 {
			settings = append([]http2.Setting{{ID: http2.SettingInitialWindowSize, Val: v.window}}, settings...)
		}
		_ = v.fr.WriteSettings(settings...)
	}
	for !v.over {
		frame, err := v.fr.ReadFrame()
		if err != nil {
			return
		}
		v.take(frame)
	}
}

func (v *call) take(frame http2.Frame) {
	switch f := frame.(type) {
	case *http2.SettingsFrame:
		if !f.IsAck() {
			_ = v.fr.WriteSettingsAck()
		}
	case *http2.PingFrame:
		if !f.IsAck() {
			_ = v.fr.WritePing(true, f.Data)
		}
	case *http2.HeadersFrame:
		v.bodies[f.StreamID] = new(bytes.Buffer)
		v.mu.Lock()
		v.heads++
		v.mu.Unlock()
		if v.reach(atHead, f.StreamID) && f.StreamEnded() {
			v.end(f.StreamID)
		}
	case *http2.DataFrame:
		if body := v.bodies[f.StreamID]; body != nil {
			body.Write(f.Data())
		}
		if !v.reach(atBody, f.StreamID) {
			return
		}
		if f.StreamEnded() {
			v.end(f.StreamID)
		}
	case *http2.RSTStreamFrame:
		v.done[f.StreamID] = true
	}
}

// reach lets the fault happen, where it is its moment, and reports whether to go on.
func (v *call) reach(m moment, id uint32) bool {
	if v.done[id] || v.over {
		return false
	}
	if v.fault != nil && m == v.at && v.struck.CompareAndSwap(false, true) && !v.fault(v, id) {
		v.done[id] = true
		return false
	}
	if id != 0 && (v.fault == nil || v.struck.Load() || v.at > atBody) {
		v.allow(id)
	}
	return true
}

// allow makes room for more of the body.
func (v *call) allow(id uint32) {
	_ = v.fr.WriteWindowUpdate(0, 1<<18)
	_ = v.fr.WriteWindowUpdate(id, 1<<18)
}

// end is the end of a request.
func (v *call) end(id uint32) {
	goOn := v.reach(atEnd, id)
	if v.bodies[id] == nil {
		return // it was refused
	}
	v.mu.Lock()
	v.whole = append(v.whole, v.bodies[id].Bytes())
	v.mu.Unlock()
	switch {
	case !goOn:
	case v.answer != nil:
		v.answer(v, id)
	default:
		v.acceptance(id)
	}
}

// refuse promises that nothing was or will be done about a request.
func (v *call) refuse(id uint32) { v.bodies[id] = nil }

const queued = `{"queued":true}`

func (v *call) acceptance(id uint32) {
	v.head(id, false, ":status", "202", "x-message-id", "id-1", "content-length", strconv.Itoa(len(queued)))
	if v.reach(atReplyHead, id) {
		_ = v.fr.WriteData(id, false, []byte(queued[:6]))
	}
	if v.reach(atReplyBody, id) {
		_ = v.fr.WriteData(id, true, []byte(queued[6:]))
	}
}

// head sends the head of a reply.
func (v *call) head(id uint32, ends bool, fields ...string) {
	_ = v.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: v.encode(fields...), EndHeaders: true, EndStream: ends})
}

func (v *call) encode(fields ...string) []byte {
	v.block.Reset()
	for i := 0; i < len(fields); i += 2 {
		_ = v.fields.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return bytes.Clone(v.block.Bytes())
}

// An http2Rig is an API, what it dials, and the server behind that.
type http2Rig struct {
	server *framer
	client *httpapi.Client
	api    *httpapi.API
	wires  *wires
}

func newHTTP2Rig(t testing.TB, f *framer, dial func(context.Context, string, string) (net.Conn, error), options ...func(*httpapi.Config)) *http2Rig {
	t.Helper()
	r := &http2Rig{server: f, wires: new(wires)}
	cfg := httpapi.Config{BaseURL: "https://localhost", TLSConfig: certs.Client(""), HTTP2: true, Dial: r.wires.dial(dial)}
	for _, option := range options {
		option(&cfg)
	}
	r.client = must(httpapi.New(cfg))
	r.api = &httpapi.API{
		Client: r.client, Credential: mailer.NewSecret(secret), Replies: replies{},
		Authorization: func(s string) string { return "Bearer " + s },
	}
	return r
}

func (r *http2Rig) close() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = r.client.Close(ctx)
	if r.server != nil {
		r.server.close()
	}
}

// post makes the attempt a with body. It returns the phases that were marked as well.
func (r *http2Rig) post(ctx context.Context, a *ledger.Attempt, body httpapi.Body) verdict {
	a.Provider, a.Start = "fake", time.Now()
	receipt, err := r.api.Send(ctx, a, &httpapi.Request{Method: "POST", Path: "/v3/mail/send", Body: body})
	return verdictOf(receipt, err)
}

func (r *http2Rig) send(ctx context.Context, n int) verdict {
	return r.post(ctx, &ledger.Attempt{}, text(n))
}

// judge compares a verdict with the truth, whatever the case: what was accepted is there
// once and whole, what was not is not there, unless the server itself has said so in its
// reply, and what is unknown was let go.
func (f *framer) judge(t testing.TB, v verdict, n int) {
	t.Helper()
	f.running.Wait()
	whole, _, _ := f.truth()
	if len(whole) > 1 {
		t.Errorf("%d requests were processed (%v)", len(whole), v.err)
	}
	for _, body := range whole {
		if !isText(body, n) {
			t.Errorf("a body of %d bytes is not what was sent", len(body))
		}
	}
	switch v.Outcome {
	case mailer.Accepted:
		if len(whole) != 1 {
			t.Errorf("accepted, and %d requests there", len(whole))
		}
	case mailer.NotAccepted:
		if len(whole) != 0 && v.code == 0 {
			t.Errorf("not accepted, and there (%v)", v.err)
		}
	case mailer.Unknown:
		if v.phase < mailer.PhaseCommitted {
			t.Errorf("unknown in the phase %v (%v)", v.phase, v.err)
		}
	default:
		t.Errorf("outcome %v", v.Outcome)
	}
}

// cutLink ends the connection without a word: with a reset, or its end.
func cutLink(reset bool) func(v *call, id uint32) bool {
	return func(v *call, _ uint32) bool {
		v.over = true
		switch conn, ok := v.raw.(*net.TCPConn); {
		case ok && reset:
			_ = conn.SetLinger(0)
			_ = conn.Close()
		case ok:
			_ = conn.CloseWrite()
			_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
			_, _ = io.Copy(io.Discard, conn)
		default:
			_ = v.raw.Close()
		}
		return false
	}
}

func sizes(t *testing.T, test func(t *testing.T, n int)) {
	for _, n := range []int{1 << 10, 200_000} {
		t.Run(fmt.Sprintf("%d bytes", n), func(t *testing.T) { test(t, n) })
	}
}
