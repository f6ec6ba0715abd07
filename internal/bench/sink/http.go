package sink

import (
	"bytes"
	"crypto/tls"
	"errors"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
)

// A Tally counts what HTTP servers have seen. The zero Tally is ready.
type Tally struct{ connections, requests, bodyBytes atomic.Int64 }

// Counts is a Tally at one moment.
type Counts struct {
	// Connections were opened, Requests came whole, BodyBytes are the sizes of their
	// bodies, without what chunks add.
	Connections, Requests, BodyBytes int64
}

// Counts returns what was seen so far.
func (t *Tally) Counts() Counts {
	return Counts{t.connections.Load(), t.requests.Load(), t.bodyBytes.Load()}
}

// ListenHTTP opens a port of 127.0.0.1 with an HTTP/1.1 server behind it that answers as SendGrid, Mailgun
// and ACS do when they take a message, and counts into tally. A config means TLS. Connections stay
// open until the client closes them.
func ListenHTTP(config *tls.Config, tally *Tally) (*Listener, error) {
	return listen(func(nc net.Conn) {
		tally.connections.Add(1)
		if config != nil {
			nc = tls.Server(nc, config)
		}
		buf := buffers.Get().(*[]byte)
		defer buffers.Put(buf)
		(&httpSession{session{nc: nc, buf: *buf}, tally}).run()
	})
}

// buffers are used again, because some clients open connections by the thousand.
var buffers = sync.Pool{New: func() any {
	b := make([]byte, bufferBytes)
	return &b
}}

// The paths that are known: SendGrid's, how Mailgun's for fields and for whole messages end, and
// how ACS's begins, before the version.
const (
	sendGridPath = "/v3/mail/send"
	mailgunPath  = "/messages"
	mailgunMIME  = "/messages.mime"
	acsPath      = "/emails:send?"
)

var (
	errRequest = errors.New("not a request")
	errClose   = errors.New("the client wants no further answer")
)

// An httpSession is the requests of one connection.
type httpSession struct {
	session
	tally *Tally
}

func (s *httpSession) run() {
	for {
		if err := s.request(); err != nil {
			_ = s.flush()
			return
		}
	}
}

// request reads one request and answers it.
func (s *httpSession) request() error {
	line, err := s.line()
	if err != nil {
		return err
	}
	_, rest, _ := bytes.Cut(line, []byte(" "))
	path, _, found := bytes.Cut(rest, []byte(" "))
	if !found {
		return errRequest
	}
	answer := answerTo(path)
	h, err := s.head()
	if err != nil {
		return err
	}
	if h.chunked {
		h.length, err = s.chunks()
	} else {
		err = s.skip(h.length)
	}
	if err != nil {
		return err
	}
	s.tally.bodyBytes.Add(h.length)
	answer(s, s.tally.requests.Add(1))
	if h.last {
		return errClose
	}
	return nil
}

// A head is what matters of a request's header fields.
type head struct {
	length        int64
	chunked, last bool
}

func (s *httpSession) head() (head, error) {
	var h head
	for {
		line, err := s.line()
		if err != nil || len(line) == 0 {
			return h, err
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case is(name, "content-length"):
			if h.length, err = strconv.ParseInt(string(value), 10, 64); err != nil || h.length < 0 {
				return h, errRequest
			}
		case is(name, "transfer-encoding"):
			h.chunked = is(value, "chunked")
		case is(name, "connection"):
			h.last = is(value, "close")
		}
	}
}

func is(b []byte, word string) bool { return len(b) == len(word) && bytes.EqualFold(b, []byte(word)) }

// chunks reads a chunked body (RFC 9112 section 7.1) and returns the size of its content.
func (s *httpSession) chunks() (int64, error) {
	total := int64(0)
	for {
		line, err := s.line()
		if err != nil {
			return 0, err
		}
		digits, _, _ := bytes.Cut(line, []byte(";"))
		n, err := strconv.ParseInt(string(bytes.TrimSpace(digits)), 16, 64)
		if err != nil || n < 0 {
			return 0, errRequest
		}
		if n == 0 {
			return total, s.trailer()
		}
		if err := s.skip(n); err != nil {
			return 0, err
		}
		if line, err = s.line(); err != nil || len(line) != 0 {
			return 0, errors.Join(errRequest, err)
		}
		total += n
	}
}

func (s *httpSession) trailer() error {
	for {
		if line, err := s.line(); err != nil || len(line) == 0 {
			return err
		}
	}
}

// An answerer answers request number n.
type answerer func(s *httpSession, n int64)

func answerTo(path []byte) answerer {
	switch {
	case string(path) == sendGridPath:
		return (*httpSession).sendGrid
	case bytes.HasSuffix(path, []byte(mailgunPath)), bytes.HasSuffix(path, []byte(mailgunMIME)):
		return (*httpSession).mailgun
	case bytes.HasPrefix(path, []byte(acsPath)):
		return (*httpSession).acs
	default:
		return (*httpSession).notFound
	}
}

func (s *httpSession) sendGrid(n int64) {
	s.reply("HTTP/1.1 202 Accepted\r\nServer: sink\r\nX-Message-Id: ")
	s.out = appendID(s.out, n)
	s.reply("\r\nContent-Length: 0\r\n\r\n")
}

// mailgun's answers are all of one size.
func (s *httpSession) mailgun(n int64) {
	const before, after = `{"id":"<`, `@mg.example.com>","message":"Queued. Thank you."}`
	s.reply("HTTP/1.1 200 OK\r\nServer: sink\r\nContent-Type: application/json\r\nContent-Length: ")
	s.out = strconv.AppendInt(s.out, int64(len(before)+idDigits+len(after)), 10)
	s.reply("\r\n\r\n" + before)
	s.out = appendID(s.out, n)
	s.reply(after)
}

// acs's answers are all of one size.
func (s *httpSession) acs(n int64) {
	const before, after = `{"id":"`, `","status":"Running"}`
	s.reply("HTTP/1.1 202 Accepted\r\nServer: sink\r\nRetry-After: 20\r\nOperation-Location: https://sink.example.com/emails/operations/")
	s.out = appendUUID(s.out, n)
	s.reply("?api-version=2025-09-01\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ")
	s.out = strconv.AppendInt(s.out, int64(len(before)+uuidChars+len(after)), 10)
	s.reply("\r\n\r\n" + before)
	s.out = appendUUID(s.out, n)
	s.reply(after)
}

func (s *httpSession) notFound(int64) { s.reply("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n") }

const idDigits = 16

// appendID appends n with exactly idDigits digits.
func appendID(b []byte, n int64) []byte {
	var digits [idDigits]byte
	for i := range digits {
		digits[idDigits-1-i] = byte('0' + n%10)
		n /= 10
	}
	return append(b, digits[:]...)
}

const uuidChars = 36

// appendUUID appends n as the end of a UUID.
func appendUUID(b []byte, n int64) []byte {
	const start = "5f2b1c8e-94d7-4360-8b6e-"
	var digits [idDigits]byte
	end := appendID(digits[:0], n)[idDigits-(uuidChars-len(start)):]
	return append(append(b, start...), end...)
}
