package contender

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strconv"
)

// A socketSession is the least that can be done at all: a request in one write, an answer of which
// only the status and the length are looked at.
type socketSession struct {
	wire wire
	nc   net.Conn
	// out begins with the head of the request up to the length, of which start is the size.
	out, body, in []byte
	start         int
}

func openSocket(w wire) func(Target) (Session, error) {
	return func(t Target) (Session, error) {
		nc, err := t.dial()
		if err != nil {
			return nil, err
		}
		s := &socketSession{wire: w, nc: nc, in: make([]byte, 8<<10)}
		s.out = fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: %s\r\nContent-Type: %s\r\nContent-Length: ",
			w.path, t.address(), w.authorization, w.contentType)
		s.start = len(s.out)
		return s, nil
	}
}

func (s *socketSession) Send(m *Mail) error {
	if m.Attachment != nil {
		return errors.New("socket: no attachments")
	}
	s.body = s.wire.tail(s.wire.head(s.body[:0], m), m)
	s.out = strconv.AppendInt(s.out[:s.start], int64(len(s.body)), 10)
	s.out = append(append(s.out, "\r\n\r\n"...), s.body...)
	if _, err := s.nc.Write(s.out); err != nil {
		return err
	}
	return s.answer()
}

var (
	headEnd    = []byte("\r\n\r\n")
	lengthName = []byte("\r\nContent-Length: ")
)

func (s *socketSession) answer() error {
	have := 0
	for have < len(s.in) {
		n, err := s.nc.Read(s.in[have:])
		if err != nil {
			return err
		}
		have += n
		if whole, err := s.complete(s.in[:have]); whole || err != nil {
			return err
		}
	}
	return errors.New("socket: answer too long")
}

// complete reports whether b is a whole answer, and that it is the right one.
func (s *socketSession) complete(b []byte) (bool, error) {
	end := bytes.Index(b, headEnd)
	at := bytes.Index(b, lengthName)
	if end < 0 || at < 0 {
		return false, nil
	}
	length := 0
	for _, digit := range b[at+len(lengthName):] {
		if digit < '0' || digit > '9' {
			break
		}
		length = 10*length + int(digit-'0')
	}
	if len(b) < end+len(headEnd)+length {
		return false, nil
	}
	if status := string(b[len("HTTP/1.1 "):][:3]); status != strconv.Itoa(s.wire.status) {
		return false, fmt.Errorf("socket: status %s", status)
	}
	return true, nil
}

func (s *socketSession) Close() error { return s.nc.Close() }
