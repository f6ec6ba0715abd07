package httpapi_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/mailkeel/mailkeel/internal/faultconn"
)

// accepted is the reply of a provider that takes a message; chunkedReply is another form of it.
const (
	accepted     = "HTTP/1.1 202 Accepted\r\nX-Message-Id: id-1\r\nContent-Length: 15\r\n\r\n{\"queued\":true}"
	chunkedReply = "HTTP/1.1 202 Accepted\r\nX-Message-Id: id-1\r\nTransfer-Encoding: chunked\r\n\r\n" +
		"6\r\n{\"queu\r\n9;x=y\r\ned\":true}\r\n0\r\n\r\n"
)

// replyOf is a reply with a body that is no acceptance.
func replyOf(status int, body string, fields ...string) string {
	return fmt.Sprintf("HTTP/1.1 %d %s\r\nContent-Length: %d\r\n%s\r\n%s", status, http.StatusText(status), len(body),
		strings.Join(append(fields, ""), "\r\n"), body)
}

// A sink is a server that knows the truth: which requests it has whole, and which of them
// it accepted. It speaks over connections that the tests make.
type sink struct {
	// tls makes it speak TLS.
	tls *tls.Config
	// reply is what serve says; empty means accepted.
	reply string
	// script is the conversation of one connection; nil means serve. What it leaves open is closed.
	script func(v *visit)
	// wrap is put around the server's end, under TLS.
	wrap func(n int, conn net.Conn) net.Conn

	// gone ends scripts that wait for it.
	gone chan struct{}

	mu       sync.Mutex
	visits   int
	heads    int
	whole    []request
	accepted int
	conns    map[net.Conn]struct{}
	running  sync.WaitGroup
}

// A request is one that reached the sink: all of it, where it is listed in whole.
type request struct {
	line   string
	header textproto.MIMEHeader
	size   int
	body   []byte
	visit  int
}

// accept makes the sink speak over conn.
func (s *sink) accept(conn net.Conn) {
	s.mu.Lock()
	s.visits++
	v := &visit{sink: s, number: s.visits}
	if s.wrap != nil {
		conn = s.wrap(v.number, conn)
	}
	v.conn = conn
	if s.conns == nil {
		s.conns = make(map[net.Conn]struct{})
	}
	s.conns[conn] = struct{}{}
	s.running.Add(1)
	s.mu.Unlock()
	go v.run()
}

// close ends every connection and waits for the scripts.
func (s *sink) close() {
	s.mu.Lock()
	for conn := range s.conns {
		_ = conn.Close()
	}
	s.mu.Unlock()
	s.running.Wait()
}

// wait waits until no script is running.
func (s *sink) wait() { s.running.Wait() }

// truth returns the whole requests, how many began, and how many were accepted.
func (s *sink) truth() (whole []request, heads, accepted int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]request(nil), s.whole...), s.heads, s.accepted
}

// forget begins a new account.
func (s *sink) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.whole, s.heads, s.accepted = nil, 0, 0
}

// A visit is one connection, from the sink's side.
type visit struct {
	sink   *sink
	number int
	conn   net.Conn
	in     *bufio.Reader
}

func (v *visit) run() {
	defer v.sink.running.Done()
	defer func(conn net.Conn) {
		_ = conn.Close()
		v.sink.mu.Lock()
		defer v.sink.mu.Unlock()
		delete(v.sink.conns, conn)
	}(v.conn)
	if v.sink.tls != nil {
		secure := tls.Server(v.conn, v.sink.tls)
		if secure.Handshake() != nil {
			return
		}
		v.conn = secure
	}
	v.in = bufio.NewReader(v.conn)
	if v.sink.script == nil {
		v.serve()
		return
	}
	v.sink.script(v)
}

// serve accepts every request that comes whole, and says so.
func (v *visit) serve() {
	for v.take() {
		reply := v.sink.reply
		if reply == "" {
			v.accept()
			reply = accepted
		}
		if v.say(reply) != nil {
			return
		}
	}
}

// accept counts a message that the sink takes.
func (v *visit) accept() {
	v.sink.mu.Lock()
	defer v.sink.mu.Unlock()
	v.sink.accepted++
}

// take reads one request, and reports whether it came whole.
func (v *visit) take() bool {
	r, ok := v.head()
	return ok && v.rest(r)
}

// head reads up to the body.
func (v *visit) head() (*request, bool) {
	text := textproto.NewReader(v.in)
	line, err := text.ReadLine()
	if err != nil {
		return new(request), false
	}
	header, err := text.ReadMIMEHeader()
	if err != nil {
		return new(request), false
	}
	size, _ := strconv.Atoi(header.Get("Content-Length"))
	v.sink.mu.Lock()
	defer v.sink.mu.Unlock()
	v.sink.heads++
	return &request{line: line, header: header, size: size, visit: v.number}, true
}

// part reads n bytes of the body.
func (v *visit) part(r *request, n int) bool {
	part := make([]byte, min(n, r.size-len(r.body)))
	_, err := io.ReadFull(v.in, part)
	r.body = append(r.body, part...)
	return err == nil
}

// rest reads what is left of the body.
func (v *visit) rest(r *request) bool {
	if !v.part(r, r.size-len(r.body)) {
		return false
	}
	v.sink.mu.Lock()
	defer v.sink.mu.Unlock()
	v.sink.whole = append(v.sink.whole, *r)
	return true
}

func (v *visit) say(text string) error {
	_, err := io.WriteString(v.conn, text)
	return err
}

// drain reads and drops until the client ends the connection.
func (v *visit) drain() { _, _ = io.Copy(io.Discard, v.in) }

// reset ends the connection as a crash does.
func (v *visit) reset() { faultconn.Reset(v.conn) }

// listen makes the sink a server on loopback until the end of the test, and returns its address.
func (s *sink) listen(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.accept(conn)
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
		s.close()
	})
	return l.Addr().String()
}
