package sink

import (
	"bytes"
	"errors"
	"io"
	"strconv"
)

const (
	bufferBytes = 256 << 10
	// terminator ends the content of DATA: RFC 5321 section 4.1.1.4.
	terminator = "\r\n.\r\n"
	ehlo       = "250-sink.example.com\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-8BITMIME\r\n250-SIZE\r\n250 AUTH PLAIN\r\n"
)

var errLine = errors.New("line too long")

// A session is one conversation. Replies are gathered and sent when all that has arrived is answered.
type session struct {
	nc   io.ReadWriter
	buf  []byte
	r, n int // buf[r:n] has not been looked at
	out  []byte
}

func newSession(nc io.ReadWriter) *session {
	return &session{nc: nc, buf: make([]byte, bufferBytes)}
}

func (s *session) run() {
	s.reply("220 sink.example.com ESMTP\r\n")
	for {
		line, err := s.line()
		if err != nil {
			return
		}
		if quit, err := s.command(line); quit || err != nil {
			_ = s.flush()
			return
		}
	}
}

// command answers line, and reads the content that belongs to it.
func (s *session) command(line []byte) (quit bool, err error) {
	verb, rest, _ := bytes.Cut(line, []byte(" "))
	switch string(bytes.ToUpper(verb)) {
	case "EHLO", "HELO":
		s.reply(ehlo)
	case "AUTH":
		return false, s.auth(rest)
	case "DATA":
		s.reply("354 go ahead\r\n")
		if err := s.content(); err != nil {
			return false, err
		}
		s.reply("250 2.0.0 taken\r\n")
	case "BDAT":
		size, _, _ := bytes.Cut(rest, []byte(" "))
		n, err := strconv.ParseInt(string(size), 10, 64)
		if err != nil {
			return true, err
		}
		if err := s.skip(n); err != nil {
			return false, err
		}
		s.reply("250 2.0.0 taken\r\n")
	case "QUIT":
		s.reply("221 2.0.0 bye\r\n")
		return true, nil
	default:
		s.reply("250 2.1.0 fine\r\n")
	}
	return false, nil
}

// auth takes AUTH PLAIN with or without an initial response (RFC 4954 section 4).
func (s *session) auth(rest []byte) error {
	if _, _, initial := bytes.Cut(rest, []byte(" ")); !initial {
		s.reply("334 \r\n")
		if _, err := s.line(); err != nil {
			return err
		}
	}
	s.reply("235 2.7.0 welcome\r\n")
	return nil
}

func (s *session) reply(text string) { s.out = append(s.out, text...) }

func (s *session) flush() error {
	if len(s.out) == 0 {
		return nil
	}
	_, err := s.nc.Write(s.out)
	s.out = s.out[:0]
	return err
}

// fill reads more, after what was to be said has been said.
func (s *session) fill() error {
	if err := s.flush(); err != nil {
		return err
	}
	s.n = copy(s.buf, s.buf[s.r:s.n])
	s.r = 0
	if s.n == len(s.buf) {
		return errLine
	}
	n, err := s.nc.Read(s.buf[s.n:])
	s.n += n
	if n > 0 {
		return nil
	}
	return err
}

// line returns one line without its end, valid until the next read.
func (s *session) line() ([]byte, error) {
	for {
		if i := bytes.IndexByte(s.buf[s.r:s.n], '\n'); i >= 0 {
			line := s.buf[s.r : s.r+i]
			s.r += i + 1
			return bytes.TrimSuffix(line, []byte("\r")), nil
		}
		if err := s.fill(); err != nil {
			return nil, err
		}
	}
}

// content reads up to the lone dot, which may come first.
func (s *session) content() error {
	begin := []byte(terminator[2:])
	for s.n-s.r < len(begin) {
		if err := s.fill(); err != nil {
			return err
		}
	}
	if bytes.HasPrefix(s.buf[s.r:s.n], begin) {
		s.r += len(begin)
		return nil
	}
	for {
		if i := bytes.Index(s.buf[s.r:s.n], []byte(terminator)); i >= 0 {
			s.r += i + len(terminator)
			return nil
		}
		s.r = max(s.r, s.n-len(terminator)+1) // its beginning may have come already
		if err := s.fill(); err != nil {
			return err
		}
	}
}

func (s *session) skip(n int64) error {
	for {
		step := min(n, int64(s.n-s.r))
		s.r += int(step)
		if n -= step; n == 0 {
			return nil
		}
		if err := s.fill(); err != nil {
			return err
		}
	}
}
