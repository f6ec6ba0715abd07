package netsmtp

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf8"
)

var errControl = errors.New("the message has a NUL, or a CR that no LF follows")

// A content is a message as it is sent: every line ends in CRLF, the last one too (RFC 5321
// section 2.3.8). Nothing else of it is changed.
type content struct {
	msg       []byte
	sizeBytes int64
	eightBit  bool // somewhere
	utf8      bool // in the header
}

// newContent refuses what a server could take for a line end that is none (RFC 5321
// section 4.1.1.4), and what no message may hold.
func newContent(msg []byte) (*content, error) {
	if bytes.IndexByte(msg, 0) >= 0 || hasLoneCR(msg) {
		return nil, errControl
	}
	c := &content{msg: msg, sizeBytes: int64(len(msg) + countBareLF(msg))}
	if !bytes.HasSuffix(msg, lf) {
		c.sizeBytes += int64(len(crlf))
	}
	c.eightBit = !isASCII(msg)
	if c.eightBit {
		header := msg[:headerLen(msg)]
		c.utf8 = !isASCII(header) && utf8.Valid(header)
	}
	return c, nil
}

var (
	lf   = []byte("\n")
	crlf = []byte("\r\n")
)

// WriteTo implements smtpwire.Body.
func (c *content) WriteTo(w io.Writer) (int64, error) {
	var written int64
	put := func(p []byte) error {
		n, err := w.Write(p)
		written += int64(n)
		return err
	}
	for rest := c.msg; ; {
		i := bareLF(rest)
		if i < 0 {
			if err := put(rest); err != nil {
				return written, err
			}
			break
		}
		if err := errors.Join(put(rest[:i]), put(crlf)); err != nil {
			return written, err
		}
		rest = rest[i+1:]
	}
	if !bytes.HasSuffix(c.msg, lf) {
		return written, put(crlf)
	}
	return written, nil
}

// bareLF returns the place of the first LF without a CR before it, or -1.
func bareLF(p []byte) int {
	for from := 0; ; {
		i := bytes.IndexByte(p[from:], '\n')
		if i < 0 {
			return -1
		}
		if i += from; i == 0 || p[i-1] != '\r' {
			return i
		}
		from = i + 1
	}
}

// countBareLF is for a message without lone CRs.
func countBareLF(p []byte) int { return bytes.Count(p, lf) - bytes.Count(p, crlf) }

func hasLoneCR(p []byte) bool { return bytes.Count(p, []byte{'\r'}) != bytes.Count(p, crlf) }

func isASCII[T string | []byte](s T) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
