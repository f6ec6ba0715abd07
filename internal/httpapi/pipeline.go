package httpapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mailkeel/mailkeel/internal/connpool"
	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/internal/netconn"
	"github.com/mailkeel/mailkeel/mailer"
)

// SendBy makes the one attempt a by send, which runs a vendor's pipeline of policies that ends in
// a [Transport]. What became of the last of its exchanges is the verdict, whatever send makes of
// it. A second one follows a refused credential only: what else a pipeline repeats, because of its options or of
// what the caller's ctx asks it for, the Transport does not send. Policies find their limits by [Preparing].
func (p *API) SendBy(ctx context.Context, a *ledger.Attempt, send func(context.Context) error) (*mailer.Receipt, error) {
	res, secret := p.by(ctx, &call{gate: a.Gate, mark: a.Mark, sends: true}, send)
	return p.account(a, res, secret)
}

// GetBy asks the provider something that sends no message, likewise. Replies are as with Get.
func (p *API) GetBy(ctx context.Context, a *ledger.Attempt, ask func(context.Context) error) (*Reply, error) {
	res, secret := p.by(ctx, &call{gate: a.Gate, mark: a.Mark}, ask)
	return p.answered(a, res, secret)
}

// by runs a pipeline while it holds the right to a connection.
func (p *API) by(ctx context.Context, c *call, run func(context.Context) error) (Result, mailer.Secret) {
	if err := p.Client.acquire(ctx, c.gate, c.mark); err != nil {
		return p.Client.failed(err), mailer.Secret{}
	}
	defer p.Client.pool.Release()
	c.mark(mailer.PhaseAuth)
	c.client = p.Client
	if err := run(context.WithValue(ctx, callKey{}, c)); c.exchanges == 0 || err != nil && c.exchanges == 1 && c.isRefused() {
		c.notMade(unmade(ctx, err))
	}
	return c.last, c.secret
}

// notMade is about an exchange that was to be, and why it was not. That counts more than the refusal before it where
// it is no fault of the account.
func (c *call) notMade(e *Error) {
	if c.exchanges == 0 || isCallers(e.Err) || e.isOutage() || errors.Is(e.Err, ErrSource) {
		c.last = Result{Err: e}
	}
}

func (c *call) isRefused() bool {
	return c.last.Reply != nil && c.last.Reply.Status == http.StatusUnauthorized
}

// unmade is why no request was made.
func unmade(ctx context.Context, err error) *Error {
	var own *Error
	switch {
	case errors.As(err, &own):
		return own
	case errors.Is(err, ErrSource):
		return &Error{StageBody, err}
	case ctx.Err() != nil:
		return &Error{StageCredential, ctx.Err()} // azcore says so in place of what its policies said
	}
	return &Error{StageBody, fmt.Errorf("%w: %w", ErrRequest, errLibrary)}
}

// A call is what a pipeline does for one message or question.
type call struct {
	client *Client
	gate   *mailer.Gate
	mark   func(mailer.Phase)
	sends  bool // a message, and so once

	committed bool // the gate has agreed, to whichever exchange
	exchanges int
	last      Result
	secret    mailer.Secret // what replies may repeat
}

type callKey struct{}

func callFrom(ctx context.Context) (*call, *Error) {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		return c, nil
	}
	return nil, &Error{StageBody, fmt.Errorf("%w: it is of no call", ErrRequest)}
}

// Exchanges returns how many exchanges the call that ctx belongs to has made.
func Exchanges(ctx context.Context) int {
	if c, failed := callFrom(ctx); failed == nil {
		return c.exchanges
	}
	return 0
}

// Preparing returns ctx with the limits of what a policy does before its request, such as fetching a
// credential: those of connecting, and Close. Its cause says which.
func Preparing(ctx context.Context) (context.Context, context.CancelFunc) {
	return bounded(ctx, func(l Limits) time.Time { return l.Connect })
}

// Reading returns ctx with the limits of a policy that reads the body, whose pace is not the server's: the time
// by which the request has to be committed, and Close.
func Reading(ctx context.Context) (context.Context, context.CancelFunc) {
	return bounded(ctx, func(l Limits) time.Time { return l.Commit })
}

func bounded(ctx context.Context, until func(Limits) time.Time) (context.Context, context.CancelFunc) {
	c, failed := callFrom(ctx)
	if failed != nil {
		return context.WithCancel(ctx)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(c.client.pool.Cut(), func() { cancel(connpool.ErrClosed) })
	expire := func() {}
	if limit := until(c.client.limits(ctx, c.gate)); !limit.IsZero() {
		ctx, expire = context.WithDeadlineCause(ctx, limit, netconn.ErrTimeout)
	}
	return ctx, func() {
		stop()
		expire()
		cancel(nil)
	}
}

// Unprepared is the error of a policy that ctx, which is one of [Preparing] or like it, or err kept
// from fetching a credential.
func Unprepared(ctx context.Context, err error) error { return unlimited(ctx, StageCredential, err) }

// Unread is likewise that of a policy which reads the body.
func Unread(ctx context.Context, err error) error { return unlimited(ctx, StageBody, err) }

func unlimited(ctx context.Context, at Stage, err error) error {
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, connpool.ErrClosed), errors.Is(cause, netconn.ErrTimeout):
		err = cause
	case cause != nil:
		err = ctx.Err() // the caller's own end of it, whatever cause he gave
	case isContextError(err):
		err = fmt.Errorf("%w: its source took too long", netconn.ErrTimeout) // nobody cancelled anything
	}
	return &Error{at, err}
}

// Hide keeps a credential out of what is told of the provider's replies.
func Hide(ctx context.Context, secret mailer.Secret) {
	if c, failed := callFrom(ctx); failed == nil {
		c.secret = secret
	}
}

// Transport is the end of a vendor's pipeline, as azcore's policy.Transporter. It sends requests of
// [API.SendBy] and [API.GetBy] to the API's own host and no other, never repeats one, follows no
// redirect, and gives replies whole. Bodies need a length, and Seek where they are to be read again.
type Transport struct{}

// Do makes one exchange.
func (Transport) Do(r *http.Request) (*http.Response, error) {
	c, failed := callFrom(r.Context())
	if failed != nil {
		return nil, failed
	}
	if !c.mayAsk() {
		return nil, errRepeated
	}
	c.exchanges++
	req, failed := c.client.requestOf(r)
	if failed != nil {
		c.last = Result{Err: failed}
		return nil, failed
	}
	c.mark(mailer.PhaseConnect)
	req.Gate, req.committed = c.gate, c.committed
	c.last = Result{Released: true, Err: &Error{StageReply, errUnfinished}} // for a pipeline that recovers from a panic of the body
	c.last = c.client.do(r.Context(), req, c.mark)
	c.committed = req.committed
	if c.last.Err != nil {
		return nil, c.last.Err
	}
	return c.last.Reply.response(r), nil
}

var errUnfinished = errors.New("the exchange did not come to its end")

var errRepeated = fmt.Errorf("%w: it was sent before", ErrRequest)

// mayAsk reports whether another exchange cannot make a second copy of a message, nor hide what the
// first one has said about it.
func (c *call) mayAsk() bool {
	return !c.sends || c.exchanges == 0 || c.exchanges == 1 && c.isRefused()
}

// requestOf makes a Request of net/http's form of it.
func (c *Client) requestOf(r *http.Request) (*Request, *Error) {
	if r.URL.Scheme != c.base.Scheme || !strings.EqualFold(r.URL.Host, c.base.Host) {
		return nil, &Error{StageBody, fmt.Errorf("%w: it does not ask %s", ErrRequest, c.base.Host)}
	}
	req := &Request{Method: r.Method, Path: r.URL.RequestURI(), Fields: make([]Field, 0, len(r.Header))}
	for name, values := range r.Header {
		if !isOwnField(name) {
			req.Fields = append(req.Fields, Field{name, strings.Join(values, ", ")})
		}
	}
	if r.Body != nil && r.Body != http.NoBody {
		req.Body = &streamBody{r.Body, r.ContentLength}
	}
	return req, nil
}

// isOwnField: ours to write, or of the connection and the framing of messages (RFC 9110 sections 7.6.1 and
// 10.1.1, RFC 9112 section 6), which no policy knows.
func isOwnField(name string) bool {
	switch http.CanonicalHeaderKey(name) {
	case "Host", "User-Agent", "Accept", "Accept-Encoding", "Content-Length", "Transfer-Encoding", "Trailer", "Te", "Expect",
		"Connection", "Keep-Alive", "Proxy-Connection", "Upgrade":
		return true
	}
	return false
}

// response is the reply in net/http's form.
func (r *Reply) response(to *http.Request) *http.Response {
	return &http.Response{
		StatusCode: r.Status, Status: strconv.Itoa(r.Status) + " " + http.StatusText(r.Status),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: r.Header, Request: to,
		Body: io.NopCloser(bytes.NewReader(r.Body)), ContentLength: int64(len(r.Body)),
	}
}

// A streamBody is a Body that comes from a reader.
type streamBody struct {
	src  io.Reader
	size int64
}

// Size returns the number of bytes that were announced.
func (b *streamBody) Size() int64 { return b.size }

// blocks are of the size that the content of attachments is encoded in.
var blocks = sync.Pool{New: func() any { return new([blockBytes / 3 * 4]byte) }}

// WriteTo writes all that there is, from the beginning.
func (b *streamBody) WriteTo(w io.Writer) (written int64, err error) {
	if s, ok := b.src.(io.Seeker); ok {
		if _, err := s.Seek(0, io.SeekStart); err != nil {
			return 0, err
		}
	}
	block, _ := blocks.Get().(*[blockBytes / 3 * 4]byte)
	defer blocks.Put(block)
	for {
		n, err := b.src.Read(block[:])
		if n > 0 {
			n, unwritten := writeAll(w, block[:n])
			written += n
			if unwritten != nil {
				return written, unwritten
			}
		}
		if err == io.EOF {
			return written, nil
		}
		if err != nil {
			return written, err
		}
	}
}
