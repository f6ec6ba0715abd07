package contender

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
)

// A rawSession is the least that can be done over a connection: fixed commands, ready
// bytes, replies counted and looked at no further than their first digit.
type rawSession struct {
	nc  net.Conn
	in  []byte
	out []byte
	way rawWay
}

// A rawWay sends one message.
type rawWay func(s *rawSession, m *Mail) error

func openRaw(way rawWay) func(Target) (Session, error) {
	return func(t Target) (Session, error) {
		nc, err := t.dial()
		if err != nil {
			return nil, err
		}
		s := &rawSession{nc: nc, in: make([]byte, 32<<10), way: way}
		if err := s.hello(t); err != nil {
			_ = nc.Close()
			return nil, err
		}
		return s, nil
	}
}

func (s *rawSession) hello(t Target) error {
	if err := s.replies('2', 1); err != nil {
		return err
	}
	if err := s.say("EHLO client.example.com\r\n", '2', 1); err != nil {
		return err
	}
	if t.Username == "" {
		return nil
	}
	plain := base64.StdEncoding.EncodeToString([]byte("\x00" + t.Username + "\x00" + t.Password))
	return s.say("AUTH PLAIN "+plain+"\r\n", '2', 1)
}

func (s *rawSession) say(command string, class byte, n int) error {
	if _, err := io.WriteString(s.nc, command); err != nil {
		return err
	}
	return s.replies(class, n)
}

// replies reads n complete replies; the last must be of the class.
func (s *rawSession) replies(class byte, n int) error {
	have := 0
	for {
		k, err := s.nc.Read(s.in[have:])
		if err != nil {
			return err
		}
		have += k
		seen, last := 0, byte(0)
		for rest := s.in[:have]; ; {
			i := bytes.IndexByte(rest, '\n')
			if i < 4 {
				break
			}
			if rest[3] != '-' {
				seen, last = seen+1, rest[0]
			}
			rest = rest[i+1:]
		}
		if seen >= n {
			if last != class {
				return fmt.Errorf("raw: server said %.40q", s.in[:have])
			}
			return nil
		}
		if have == len(s.in) {
			return errors.New("raw: reply too long")
		}
	}
}

func (s *rawSession) appendEnvelope(m *Mail) {
	s.out = append(append(s.out[:0], "MAIL FROM:<"...), m.From...)
	s.out = append(append(s.out, "> BODY=8BITMIME\r\nRCPT TO:<"...), m.To...)
	s.out = append(s.out, ">\r\n"...)
}

// rawData is PIPELINING: two flights.
func rawData(s *rawSession, m *Mail) error {
	s.appendEnvelope(m)
	s.out = append(s.out, "DATA\r\n"...)
	if _, err := s.nc.Write(s.out); err != nil {
		return err
	}
	if err := s.replies('3', 3); err != nil {
		return err
	}
	s.out = s.out[:0]
	if len(m.Ready) > 0 {
		s.out = append(s.out, m.Ready...)
	} else if err := writeMIME(m, s.nc); err != nil {
		return err
	}
	_, err := s.nc.Write(append(s.out, ".\r\n"...))
	if err != nil {
		return err
	}
	return s.replies('2', 1)
}

// rawChunk is CHUNKING, all in one flight.
func rawChunk(s *rawSession, m *Mail) error {
	s.appendEnvelope(m)
	if len(m.Ready) > 0 {
		s.out = appendBdat(s.out, len(m.Ready), " LAST")
		s.out = append(s.out, m.Ready...)
		if _, err := s.nc.Write(s.out); err != nil {
			return err
		}
		return s.replies('2', 3)
	}
	if _, err := s.nc.Write(s.out); err != nil {
		return err
	}
	c := &chunks{nc: s.nc}
	if err := writeMIME(m, c); err != nil {
		return err
	}
	if _, err := s.nc.Write(appendBdat(nil, 0, " LAST")); err != nil {
		return err
	}
	return s.replies('2', 3+c.n)
}

func appendBdat(b []byte, size int, last string) []byte {
	b = strconv.AppendInt(append(b, "BDAT "...), int64(size), 10)
	return append(append(b, last...), "\r\n"...)
}

// chunks makes each write a chunk.
type chunks struct {
	nc net.Conn
	n  int
}

func (c *chunks) Write(p []byte) (int, error) {
	c.n++
	both := net.Buffers{appendBdat(nil, len(p), ""), p}
	if _, err := both.WriteTo(c.nc); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (s *rawSession) Send(m *Mail) error { return s.way(s, m) }

func (s *rawSession) Close() error { return s.nc.Close() }
