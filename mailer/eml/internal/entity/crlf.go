package entity

import (
	"bytes"
	"io"
)

// crlfReader makes every line end CRLF, as it would be on the wire. In what it reads a CR comes only
// before an LF.
type crlfReader struct {
	r     io.Reader
	in    [4 << 10]byte
	rest  []byte // of in
	wasCR bool   // the last octet given out
	err   error
}

func (c *crlfReader) Read(p []byte) (int, error) {
	for len(c.rest) == 0 {
		if c.err != nil {
			return 0, c.err
		}
		var n int
		n, c.err = c.r.Read(c.in[:])
		c.rest = c.in[:n]
	}
	n := 0
	for n < len(p) && len(c.rest) > 0 {
		if c.rest[0] == '\n' {
			if p[n] = '\r'; c.wasCR {
				p[n] = '\n'
				c.rest = c.rest[1:]
			}
			c.wasCR = !c.wasCR
			n++
			continue
		}
		run := c.rest
		if i := bytes.IndexByte(run, '\n'); i >= 0 {
			run = run[:i]
		}
		k := copy(p[n:], run)
		n += k
		c.wasCR = p[n-1] == '\r'
		c.rest = c.rest[k:]
	}
	return n, nil
}
