package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/net/http2"

	"github.com/mailkeel/mailkeel/internal/connpool"
	"github.com/mailkeel/mailkeel/internal/netconn"
	"github.com/mailkeel/mailkeel/mailer"
)

// A stream is one request on its way over HTTP/2, and the reply to it. Its boundary is
// coarser than that of HTTP/1.1: the last byte counts as released once the framing has taken it.
type stream struct {
	ctx    context.Context //nolint:containedctx // the exchange's; ended with a cause by our own limits
	cancel context.CancelCauseFunc
	req    *Request
	limits Limits
	mark   func(mailer.Phase)
	left   int64
	body   *io.PipeReader
	wrote  chan struct{} // closed when the body's writer has ended
	timer  *time.Timer // the stall limit, and after the release the patience

	// mu orders the release, which the framing's goroutine comes to, and the end.
	mu      sync.Mutex
	decided bool
	failed  error // why the body was broken off
	res     Result
}

// request makes the head, and lets the body come from a goroutine that ends with it.
func (s *stream) request(base *url.URL) (*http.Request, *Error) {
	if _, err := s.req.appendHead(nil, base.Host); err != nil {
		return nil, &Error{StageBody, err}
	}
	target, err := url.ParseRequestURI(s.req.Path)
	if err != nil {
		return nil, &Error{StageBody, ErrRequest}
	}
	target.Scheme, target.Host = base.Scheme, base.Host
	r := &http.Request{
		Method: s.req.Method, URL: target, Host: base.Host,
		Header: http.Header{"User-Agent": {UserAgent()}, "Accept": {"application/json"}, "Accept-Encoding": {"identity"}},
	}
	for _, f := range s.req.Fields {
		r.Header.Add(f.Name, f.Value)
	}
	s.timer = time.AfterFunc(s.limits.Stall, func() { s.cancel(netconn.ErrTimeout) })
	if s.left > 0 {
		r.ContentLength = s.left
		r.Body = struct {
			io.Reader
			io.Closer
		}{s, io.NopCloser(nil)}
		s.read()
	}
	return r.WithContext(s.ctx), nil
}

// read begins to read the body.
func (s *stream) read() {
	var w *io.PipeWriter
	s.body, w = io.Pipe()
	s.wrote = make(chan struct{})
	s.mark(mailer.PhaseContent)
	go func() {
		defer close(s.wrote)
		_, err := s.req.Body.WriteTo(w)
		_ = w.CloseWithError(err)
	}()
}

// Read gives the framing the next part of the body. It is asked for when there is room, so
// that the stall limit begins anew; the content's own pace is not the server's.
func (s *stream) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	s.timer.Stop()
	n, err := s.body.Read(p[:min(int64(len(p)), s.left)])
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = fmt.Errorf("%d bytes are missing", s.left)
		}
		return 0, s.breakOff(fmt.Errorf("%w: %w", ErrSource, err))
	}
	if s.left -= int64(n); s.left > 0 {
		s.timer.Reset(s.limits.Stall)
		return n, nil
	}
	if err := s.release(); err != nil {
		return 0, err
	}
	return n, nil
}

// breakOff remembers why the body ends before its end.
func (s *stream) breakOff(err error) error {
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
	if s.body != nil {
		if n, err := s.body.Read(make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) {
			if err == nil {
				err = errTooMuch
			}
			return s.breakOff(fmt.Errorf("%w: %w", ErrSource, err))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.decided {
		return context.Canceled
	}
	s.decided = true
	if s.failed = s.mayRelease(); s.failed != nil {
		return s.failed
	}
	s.res.Released = true
	s.patience()
	return nil
}

func (s *stream) mayRelease() error {
	if s.ctx.Err() != nil {
		return context.Cause(s.ctx)
	}
	if c := s.limits.Commit; !c.IsZero() && !time.Now().Before(c) {
		return netconn.ErrTimeout
	}
	if s.res.Committed = s.req.Committed || s.req.Gate.Commit(); !s.res.Committed {
		return ErrCancelled
	}
	return nil
}

// send sends the request and reads the reply.
func (s *stream) send(cc *http2.ClientConn, r *http.Request) *Error {
	s.mark(mailer.PhaseEnvelope)
	if s.left == 0 {
		if err := s.release(); err != nil {
			return &Error{StageBody, err}
		}
	}
	stop := s.commitLimit()
	head, err := cc.RoundTrip(r) //nolint:bodyclose // finish closes it
	stop()
	early := s.settle()
	switch {
	case err != nil:
		return s.broken(err)
	case s.failed != nil:
		_ = head.Body.Close()
		return &Error{StageBody, s.failed}
	}
	s.mark(mailer.PhaseDone)
	return s.finish(head, early)
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

// settle makes sure that nothing is released any more, and reports whether it was not before.
func (s *stream) settle() (early bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	early = !s.res.Released
	s.decided = true
	return early
}

// patience replaces the stall limit once the request is out.
func (s *stream) patience() {
	s.timer.Stop()
	if _, ok := s.ctx.Deadline(); !ok {
		s.timer.Reset(s.limits.Patience)
	}
}

// broken is an exchange without a reply.
func (s *stream) broken(err error) *Error {
	if isUnprocessed(err) {
		s.res.Released = false
		return &Error{StageBody, err}
	}
	stage := StageBody
	if s.res.Released {
		stage = StageReply
		s.mark(mailer.PhaseCommitted)
	}
	switch {
	case s.failed != nil:
		err = s.failed
	case s.ctx.Err() != nil:
		err = context.Cause(s.ctx)
	}
	return &Error{stage, err}
}

// finish reads the reply's body. The error is why it is not whole.
func (s *stream) finish(head *http.Response, early bool) *Error {
	defer func() { _ = head.Body.Close() }()
	reply := &Reply{Status: head.StatusCode, Header: head.Header, Early: early}
	s.res.Reply = reply
	limit := int64(maxProblem)
	if head.StatusCode/100 == 2 {
		limit = maxBody
	}
	body, err := readAll(head, limit)
	switch {
	case err != nil:
		reply.Body = body
		if s.ctx.Err() != nil {
			err = context.Cause(s.ctx)
		}
		return &Error{StageReply, err}
	case int64(len(body)) > limit:
		reply.Body = body[:limit]
		return &Error{StageReply, netconn.ErrTooLong}
	}
	reply.Body, reply.Whole = body, true
	return nil
}

// end lets go of everything.
func (s *stream) end() {
	if s.timer != nil {
		s.timer.Stop()
	}
	if s.body != nil {
		_ = s.body.CloseWithError(connpool.ErrClosed)
		<-s.wrote
	}
}
