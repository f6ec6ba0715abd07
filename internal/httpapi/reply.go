package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/mailkeel/mailkeel/internal/netconn"
)

// A Reply is what a server answered.
type Reply struct {
	Status int
	Header http.Header
	// Body is what came of the body, at most maxBody or maxProblem.
	Body []byte
	// Whole means that the body came to its end, and is all there.
	Whole bool
	// Early means that the reply came before the last byte of the request left, which
	// then stayed with us.
	Early bool
}

// JSON decodes the body into v, and reports whether it is whole, says that it is JSON, and is.
func (r *Reply) JSON(v any) bool {
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";") // JSON has no parameters (RFC 8259 section 11)
	return r.Whole && strings.EqualFold(strings.TrimSpace(kind), "application/json") && json.Unmarshal(r.Body, v) == nil
}

// The limits of what is read of a reply.
const (
	maxHead    = 64 << 10
	maxBody    = 1 << 20  // of a success
	maxProblem = 64 << 10 // of anything else
	maxInterim = 8        // 1xx replies before the final one
)

// readHead reads the head of the final reply, which [http.ReadResponse] parses.
func (x *exchange) readHead() {
	x.AllowRead(maxHead)
	if _, err := x.R.Peek(1); err != nil {
		x.silent, x.err = !errors.Is(x.Cause(err), netconn.ErrTimeout), err
		return
	}
	for range maxInterim + 1 {
		x.head, x.err = http.ReadResponse(x.R, &http.Request{Method: x.req.Method}) //nolint:bodyclose // that would read on to the end of it
		if x.err != nil {
			x.err = understood(x.err)
			return
		}
		s := x.head.StatusCode
		if s >= 200 && s <= 599 && x.head.ProtoMajor == 1 {
			return
		}
		if s < 100 || s > 199 || s == http.StatusSwitchingProtocols {
			break
		}
	}
	x.head, x.err = nil, ErrReply
}

// understood tells what is wrong with a reply from what is wrong with the connection. The
// parser's text is not kept: it quotes the reply, which may quote the request.
func understood(err error) error {
	var timeout interface{ Timeout() bool }
	switch {
	case isEnd(err), errors.As(err, &timeout):
		return err
	case errors.Is(err, netconn.ErrTooLong):
		return fmt.Errorf("%w: %w", ErrReply, netconn.ErrTooLong)
	}
	return ErrReply
}

// finish reads the body of the reply, and accounts for one that is not whole.
func (x *exchange) finish(head *http.Response) {
	limit := int64(maxProblem)
	if head.StatusCode/100 == 2 {
		limit = maxBody
	}
	reply := &Reply{Status: head.StatusCode, Header: head.Header}
	x.res.Reply = reply
	x.AllowRead(2 * limit) // the framing of chunks included
	body, err := readAll(head, limit)
	switch {
	case err != nil:
		reply.Body = body
		x.end(StageReply, x.Cause(understood(err)))
		return
	case int64(len(body)) > limit:
		reply.Body = body[:limit]
		x.end(StageReply, netconn.ErrTooLong)
		return
	}
	reply.Body, reply.Whole = body, true
	x.res.reusable = !head.Close && x.R.Buffered() == 0 && !x.Aborted()
}

// readAll reads one byte more than limit at most.
func readAll(head *http.Response, limit int64) ([]byte, error) {
	switch n := head.ContentLength; {
	case n == 0:
		return nil, nil
	case n > 0 && n <= limit:
		body := make([]byte, n)
		read, err := io.ReadFull(head.Body, body)
		return body[:read], err
	}
	return io.ReadAll(io.LimitReader(head.Body, limit+1))
}
