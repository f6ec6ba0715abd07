package httpapi

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http2"

	"github.com/mailkeel/mailkeel/internal/netconn"
	"github.com/mailkeel/mailkeel/mailer"
)

// A stream is one request on its way over HTTP/2, and the reply to it. The framing reads the
// body, in a goroutine of its own, from the pipe that the content is written to. Its last
// byte is a frame of its own: the framing asks for it when everything before has left, and
// it counts as released from then on, which is a little before it leaves as well.
type stream struct {
	caller context.Context //nolint:containedctx // the exchange's
	ctx    context.Context //nolint:containedctx // the same, but ended by our own limits too, which are its cause
	cancel context.CancelCauseFunc
	req    *Request
	limits Limits
	mark   func(mailer.Phase)
	reused bool // the connection has carried a request before

	unread  int64          // bytes of the body that the framing has yet to read, which alone knows
	content *io.PipeReader // nil where there is no body

	answered chan struct{} // closed when head or err is there
	head     *http.Response
	err      error
	// letGo keeps the end of ctx from closing the reply's body, which is never done on
	// the caller's goroutine: it waits for writes that are under way.
	letGo func() bool

	// mu orders the release, the end of waiting for a reply, and the limits.
	mu      sync.Mutex
	decided bool        // nothing is released any more
	failed  error       // why it never will be, where that lies with us
	timer   *time.Timer // the stall limit; after the release the patience
	res     Result
}

// http2Head makes the request but for its context and its body.
func (r *Request) http2Head(base *url.URL) (*http.Request, *Error) {
	if _, err := r.appendHead(nil, base.Host); err != nil {
		return nil, &Error{StageBody, err}
	}
	target, err := url.ParseRequestURI(r.Path)
	if err != nil {
		return nil, &Error{StageBody, fmt.Errorf("%w: its target is none", ErrRequest)}
	}
	target.Scheme, target.Host = base.Scheme, base.Host
	head := &http.Request{
		Method: r.Method, URL: target, Host: base.Host,
		Header: http.Header{"User-Agent": {UserAgent()}, "Accept": {"application/json"}, "Accept-Encoding": {"identity"}},
	}
	if r.authorization != "" {
		head.Header.Set("Authorization", r.authorization)
	}
	for _, f := range r.Fields {
		head.Header.Add(f.Name, f.Value)
	}
	return head, nil
}

// send sends the request and reads the reply.
func (s *stream) send(cc *http2.ClientConn, head *http.Request) *Error {
	s.mark(mailer.PhaseEnvelope)
	s.answered = make(chan struct{})
	defer s.commitLimit()()
	if s.unread == 0 {
		s.sendHead(cc, head)
	} else {
		s.sendBody(cc, head)
	}
	<-s.answered
	switch {
	case s.err != nil:
		return s.broken(s.err)
	case s.failed != nil:
		return &Error{StageBody, s.failed}
	case s.head.StatusCode < 200 || s.head.StatusCode > 599:
		return s.broken(ErrReply)
	}
	s.mark(mailer.PhaseDone)
	return s.finish(s.head)
}

// sendHead sends a request that ends with its head.
func (s *stream) sendHead(cc *http2.ClientConn, head *http.Request) {
	if err := s.release(); err != nil {
		s.cancel(err) // only the framing can give the place on the connection back
	}
	s.roundTrip(cc, head.WithContext(s.ctx))
}

// feedBytes is what is gathered of a content that comes in small pieces: a full frame.
const feedBytes = 16 << 10

// sendBody sends a request with a body, which the content is asked for on this goroutine.
func (s *stream) sendBody(cc *http2.ClientConn, head *http.Request) {
	r := head.WithContext(s.ctx)
	r.ContentLength, r.Body = s.unread, s
	var pipe *io.PipeWriter
	s.content, pipe = io.Pipe()
	s.mark(s.phase())
	size := min(s.unread, feedBytes)
	go s.roundTrip(cc, r)
	w := bufio.NewWriterSize(pipe, int(size))
	_, err := s.req.Body.WriteTo(w)
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		err = sourceFailed(err)
	}
	_ = pipe.CloseWithError(err)
}

// roundTrip waits for the head of the reply. The content is not asked for any more then.
func (s *stream) roundTrip(cc *http2.ClientConn, r *http.Request) {
	defer close(s.answered)
	s.head, s.err = cc.RoundTrip(r) //nolint:bodyclose // letGo does
	if s.err == nil {
		s.letGo = context.AfterFunc(s.ctx, func() { _ = s.head.Body.Close() })
	}
	s.settle()
	_ = s.Close()
}

// Close is the framing's as well, when it needs no more of the body.
func (s *stream) Close() error {
	if s.content == nil {
		return nil
	}
	return s.content.Close()
}

// Read gives the framing the next part of the body. It asks when all that it had has left,
// so that the stall limit begins anew; the content's own pace is not the server's.
func (s *stream) Read(p []byte) (int, error) {
	if s.unread == 0 {
		return 0, io.EOF
	}
	s.stall(false)
	n, err := s.content.Read(p[:min(int64(len(p)), max(s.unread-1, 1))])
	if err != nil {
		return 0, s.breakOff(err)
	}
	if s.unread -= int64(n); s.unread > 0 {
		s.stall(true)
		return n, nil
	}
	if err := s.release(); err != nil {
		return 0, err
	}
	return n, nil
}

// stall begins the stall limit anew, or ends it.
func (s *stream) stall(begin bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.decided:
	case begin:
		s.timer.Reset(s.limits.Stall)
	default:
		s.timer.Stop()
	}
}

func (s *stream) expire() { s.cancel(netconn.ErrTimeout) }

// breakOff remembers why the body ends before its end. That it was closed means that nobody
// wants it any more.
func (s *stream) breakOff(err error) error {
	switch {
	case errors.Is(err, ErrSource):
	case errors.Is(err, io.EOF):
		err = fmt.Errorf("%w: %d bytes are missing", ErrSource, s.unread)
	default:
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.decided {
		s.decided, s.failed = true, err
	}
	return err
}

// release lets the last byte go, if the body really ends with it, nobody has replied before
// and the gate agrees.
func (s *stream) release() error {
	if s.content != nil {
		switch n, err := s.content.Read(make([]byte, 1)); {
		case n > 0:
			return s.breakOff(fmt.Errorf("%w: %w", ErrSource, errTooMuch))
		case errors.Is(err, ErrSource) || !errors.Is(err, io.EOF):
			return s.breakOff(err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.decided {
		return io.ErrClosedPipe
	}
	s.decided = true
	if s.failed = s.mayRelease(); s.failed != nil {
		return s.failed
	}
	s.res.Released = true
	s.mark(mailer.PhaseCommitted)
	s.timer.Stop()
	if _, ok := s.ctx.Deadline(); !ok {
		s.timer.Reset(s.limits.Patience)
	}
	return nil
}

func (s *stream) mayRelease() error {
	if s.ctx.Err() != nil {
		return s.cause()
	}
	if c := s.limits.Commit; !c.IsZero() && !time.Now().Before(c) {
		return netconn.ErrTimeout
	}
	if !s.req.commit() {
		return ErrCancelled
	}
	return nil
}

// cause is why ctx has ended: the caller's own end of it is ctx's error, whatever cause he gave.
func (s *stream) cause() error {
	if err := s.caller.Err(); err != nil {
		return err
	}
	return context.Cause(s.ctx)
}

// commitLimit ends the exchange where the gate's limit passes before the release.
func (s *stream) commitLimit() (stop func()) {
	if s.limits.Commit.IsZero() {
		return func() {}
	}
	timer := time.AfterFunc(time.Until(s.limits.Commit), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.decided {
			s.decided, s.failed = true, netconn.ErrTimeout
			s.cancel(netconn.ErrTimeout)
		}
	})
	return func() { timer.Stop() }
}

// settle makes sure that nothing is released any more. Without a release no limit runs on:
// the content's own pace is not the server's here either.
func (s *stream) settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.decided = true
	if !s.res.Released {
		s.timer.Stop()
	}
}

// broken is an exchange without a reply.
func (s *stream) broken(err error) *Error {
	ended := s.ctx.Err() != nil
	unprocessed := isUnprocessed(err)
	switch {
	case s.failed != nil:
		return &Error{StageBody, s.failed}
	case unprocessed && s.res.Released:
		s.res.Released = false
		s.mark(s.phase())
	}
	s.res.stale = !ended && (unprocessed || !s.res.Released && s.reused && isLost(err))
	stage := StageBody
	if s.res.Released {
		stage = StageReply
	}
	if ended {
		return &Error{stage, s.cause()}
	}
	return &Error{stage, told(err)}
}

// phase is how far a request has got that did not leave.
func (s *stream) phase() mailer.Phase {
	if s.content == nil {
		return mailer.PhaseEnvelope
	}
	return mailer.PhaseContent
}

// finish reads the reply's body, up to the end of the stream. One that came early is listened
// to for as long as over HTTP/1.1. The error is why it is not whole.
func (s *stream) finish(head *http.Response) *Error {
	reply := &Reply{Status: head.StatusCode, Header: head.Header, Early: !s.res.Released}
	if s.res.Reply = reply; reply.Early {
		s.timer.Reset(lastWords)
	}
	limit := int64(maxProblem)
	if head.StatusCode/100 == 2 {
		limit = maxBody
	}
	body, err := io.ReadAll(io.LimitReader(head.Body, limit+1))
	reply.Body = body[:min(int64(len(body)), limit)]
	switch {
	case int64(len(body)) > limit:
		return &Error{StageReply, netconn.ErrTooLong}
	case err != nil && s.ctx.Err() != nil:
		return &Error{StageReply, s.cause()}
	case err != nil:
		return &Error{StageReply, told(err)}
	}
	reply.Whole = true
	s.letGo()
	return nil
}

// end lets go of everything, whatever of it there is: a content may have panicked.
func (s *stream) end() {
	s.mu.Lock()
	s.decided = true
	s.timer.Stop()
	s.mu.Unlock()
	s.cancel(nil)
	_ = s.Close()
	if s.answered != nil {
		<-s.answered
	}
}

// isUnprocessed reports whether the server has said that it did not look at the stream
// (RFC 9113 section 8.7), or the framing that it did not open one. What is no reset shows
// only as text.
func isUnprocessed(err error) bool {
	var reset http2.StreamError
	if errors.As(err, &reset) {
		return reset.Code == http2.ErrCodeRefusedStream
	}
	switch text := err.Error(); text {
	case "http2: Transport received Server's graceful shutdown GOAWAY",
		"http2: client conn not usable",
		"http2: client conn could not be established":
		return true
	default: // the first stream of a connection, where GOAWAY names an error
		return strings.HasPrefix(text, "http2: Transport received GOAWAY from server ErrCode:")
	}
}

// isLost reports whether the connection ended.
func isLost(err error) bool {
	var transport *net.OpError
	var away http2.GoAwayError
	return isEnd(err) || errors.As(err, &transport) || errors.As(err, &away)
}

// told is err without the server's own words, which may quote the request.
func told(err error) error {
	var reset http2.StreamError
	var away http2.GoAwayError
	switch {
	case errors.As(err, &reset):
		return http2.StreamError{StreamID: reset.StreamID, Code: reset.Code}
	case errors.As(err, &away):
		return http2.GoAwayError{LastStreamID: away.LastStreamID, ErrCode: away.ErrCode}
	}
	return err
}
