package apifake

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httputil"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
)

// maxHeadBytes bounds a request line and the header fields after it.
const maxHeadBytes = 64 << 10

// errHead is a head that cannot be understood.
var errHead = errors.New("malformed head")

// A head is what precedes a body.
type head struct {
	Request
	length  int64 // of the body; -1 when chunked
	last    bool  // the client sends no further request
	waiting bool  // the client waits for 100 Continue
}

// readHead reads the next head. After errHead the connection is of no further use.
func (c *conn) readHead() (*head, error) {
	lines, err := c.readLines()
	if err != nil {
		return nil, err
	}
	h := &head{Request: Request{Header: http.Header{}, Conn: c.number}}
	if err := c.requestLine(h, lines[0]); err != nil {
		return nil, err
	}
	for _, line := range lines[1:] {
		if err := c.field(h, line); err != nil {
			return nil, err
		}
	}
	if err := c.framing(h); err != nil {
		return nil, err
	}
	h.last = h.last || hasToken(h.Header, "Connection", "close")
	h.waiting = hasToken(h.Header, "Expect", "100-continue")
	return h, nil
}

// readLines reads up to the empty line, which it drops.
func (c *conn) readLines() ([]string, error) {
	var lines []string
	for left := maxHeadBytes; ; {
		line, err := readLine(c.in, left)
		switch {
		case errors.Is(err, errHead):
			c.violate("a line of the head is too long, or ends without CR LF")
			return nil, err
		case err != nil:
			return nil, err
		case line == "" && len(lines) > 0:
			return lines, nil
		case line == "":
			c.violate("empty line before a request")
			return nil, errHead
		}
		left -= len(line) + 2
		lines = append(lines, line)
	}
}

// readLine returns the next line without CR LF.
func readLine(in *bufio.Reader, most int) (string, error) {
	var line []byte
	for len(line) < most {
		b, err := in.ReadByte()
		if err != nil {
			return "", err
		}
		line = append(line, b)
		if b == '\n' {
			text, proper := strings.CutSuffix(string(line), "\r\n")
			if !proper || strings.ContainsAny(text, "\r\x00") {
				return "", errHead
			}
			return text, nil
		}
	}
	return "", errHead
}

// requestLine understands RFC 9112 section 3, origin-form only.
func (c *conn) requestLine(h *head, line string) error {
	parts := strings.Split(line, " ")
	if len(parts) != 3 || !isToken(parts[0]) || !strings.HasPrefix(parts[1], "/") || !strings.HasPrefix(parts[2], "HTTP/") {
		c.violate("request line %.80q", line)
		return errHead
	}
	if parts[2] != "HTTP/1.1" {
		c.violate("version %.20q, not HTTP/1.1", parts[2])
		h.last = true
	}
	h.Method = parts[0]
	h.Path, h.Query, _ = strings.Cut(parts[1], "?")
	return nil
}

// field understands RFC 9112 section 5, without folding.
func (c *conn) field(h *head, line string) error {
	name, value, ok := strings.Cut(line, ":")
	if !ok || !isToken(name) {
		c.violate("header field %.80q", line)
		return errHead
	}
	key := textproto.CanonicalMIMEHeaderKey(name)
	h.Header[key] = append(h.Header[key], strings.Trim(value, " \t"))
	return nil
}

// framing finds the length of the body (RFC 9112 section 6) and requires one Host.
func (c *conn) framing(h *head) error {
	if n := len(h.Header["Host"]); n != 1 || h.Header["Host"][0] == "" {
		c.violate("%d Host fields %q", n, h.Header["Host"])
	}
	if coding := h.Header["Transfer-Encoding"]; len(coding) > 0 {
		return c.chunkedFraming(h, coding)
	}
	lengths := h.Header["Content-Length"]
	switch {
	case len(lengths) == 0:
		if h.Method == http.MethodPost || h.Method == http.MethodPut || h.Method == http.MethodPatch {
			c.violate("%s without Content-Length", h.Method)
		}
		return nil
	case len(lengths) > 1:
		c.violate("%d Content-Length fields", len(lengths))
		return errHead
	}
	n, err := strconv.ParseUint(lengths[0], 10, 63)
	if err != nil {
		c.violate("Content-Length %.40q", lengths[0])
		return errHead
	}
	h.length = int64(n)
	c.checkBodiless(h)
	return nil
}

func (c *conn) chunkedFraming(h *head, coding []string) error {
	c.violate("the client must not use a chunked body")
	if !slices.Equal(coding, []string{"chunked"}) || len(h.Header["Content-Length"]) > 0 {
		c.violate("Transfer-Encoding %q with %d Content-Length fields", coding, len(h.Header["Content-Length"]))
		return errHead
	}
	h.length = -1
	c.checkBodiless(h)
	return nil
}

func (c *conn) checkBodiless(h *head) {
	if h.length != 0 && (h.Method == http.MethodGet || h.Method == http.MethodHead) {
		c.violate("%s with a body", h.Method)
	}
}

// readBody reads at most the first most bytes of the body, and reports whether that was the whole
// body. It fails when the client ends the connection before.
func (c *conn) readBody(h *head, most int64) (whole bool, err error) {
	var body bytes.Buffer
	if h.length < 0 {
		whole, err = c.readChunked(&body, most)
	} else {
		whole = h.length <= most
		body.Grow(int(min(h.length, most, 1<<20))) // what the client says is no reason to take more at once
		_, err = io.CopyN(&body, c.in, min(h.length, most))
	}
	h.Body = body.Bytes()
	return whole && err == nil, err
}

func (c *conn) readChunked(body *bytes.Buffer, most int64) (whole bool, err error) {
	_, err = io.CopyN(body, httputil.NewChunkedReader(c.in), most)
	if err == nil {
		return false, nil // most bytes were there, and the last chunk was not read
	}
	if !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return false, err
	}
	for { // what ends the last chunk, and trailers
		line, err := readLine(c.in, maxHeadBytes)
		if line == "" || err != nil {
			return true, err
		}
	}
}

func hasToken(h http.Header, name, token string) bool {
	for _, value := range h[name] {
		for part := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.TrimSpace(part), token) {
				return true
			}
		}
	}
	return false
}

// isToken reports whether s is a token (RFC 9110 section 5.6.2).
func isToken(s string) bool {
	notToken := func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	}
	return s != "" && strings.IndexFunc(s, notToken) < 0
}
