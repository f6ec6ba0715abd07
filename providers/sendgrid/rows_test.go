package sendgrid_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/internal/testcert"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/sendgrid"
	"github.com/mailkeel/mailkeel/providers/sendgrid/sendgridtest"
)

// verdict is what a Send has to say about a failure.
type verdict struct {
	outcome mailer.Outcome
	scope   mailer.Scope
	flags   string // of "temporary" and "elsewhere", in this order
	code    int
	is      error         // nil: not looked at
	wait    time.Duration // RetryAfter
	copies  int           // that the service accepted: the truth
}

const (
	stop         = ""
	later        = "temporary"
	other        = "elsewhere"
	laterOrOther = "temporary elsewhere"
)

// refused is the verdict of most rows.
func refused(scope mailer.Scope, flags string, code int, is error) verdict {
	return verdict{outcome: mailer.NotAccepted, scope: scope, flags: flags, code: code, is: is}
}

// unknown is the verdict after the boundary, where copies were accepted.
func unknown(scope mailer.Scope, code, copies int) verdict {
	return verdict{scope: scope, code: code, is: mailer.ErrUnknownOutcome, copies: copies}
}

func accepted() verdict { return verdict{outcome: mailer.Accepted, copies: 1} }

func (v verdict) after(wait time.Duration) verdict { v.wait = wait; return v }

// A rowCase is one way in which an attempt meets a row of the failure taxonomy, HTTP table.
type rowCase struct {
	row    int
	name   string
	fault  *sendgridtest.Fault
	server sendgridtest.Config
	client func(*sendgrid.Config)
	msg    func(*mailer.Message)
	cancel bool // ctx ends when the fault is reached
	want   verdict
}

// notHere are the rows that cannot occur with this adapter, and why.
var notHere = map[int]string{
	11: "a reply of SendGrid speaks of the whole request, never of single recipients",
	34: "HTTP/2: with the cases of httpapi",
	35: "HTTP/2: with the cases of httpapi",
}

func on(k sendgridtest.Kind) *sendgridtest.Fault { return &sendgridtest.Fault{Kind: k} }

func replying(a sendgridtest.Answer) *sendgridtest.Fault {
	f := sendgridtest.Reply(a)
	return &f
}

func acceptingBut(a sendgridtest.Answer) *sendgridtest.Fault {
	f := sendgridtest.AcceptBut(a)
	return &f
}

func status(code int) sendgridtest.Answer {
	return sendgridtest.Errors(code, sendgridtest.Error{Message: "no"})
}

func header(a sendgridtest.Answer, name, value string) sendgridtest.Answer {
	a.Header.Set(name, value)
	return a
}

// raw is an acceptance that is answered so.
func raw(reply string) *sendgridtest.Fault {
	return &sendgridtest.Fault{Kind: sendgridtest.Raw, RawReply: []byte(reply), Accept: true}
}

func dialing(dial func(ctx context.Context, network, address string) (net.Conn, error)) func(*sendgrid.Config) {
	return func(c *sendgrid.Config) { c.Dial = dial }
}

// through makes the way go over a proxy that gives this reply.
func through(reply string) func(*sendgrid.Config) {
	return func(c *sendgrid.Config) {
		c.Proxy = func(*url.URL) (*url.URL, error) { return &url.URL{Scheme: "http", Host: "proxy.invalid:3128"}, nil }
		c.Dial = func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go func() {
				defer func() { _ = theirs.Close() }()
				if _, err := http.ReadRequest(bufio.NewReader(theirs)); err == nil {
					_, _ = io.WriteString(theirs, reply)
				}
			}()
			return ours, nil
		}
	}
}

// large is a message that is still on its way when the service has read its beginning.
func large(m *mailer.Message) {
	m.Attachments = []mailer.Attachment{{Name: "a.bin", Content: mailer.Bytes(make([]byte, 20<<20))}}
}

// early replies when a hundred thousand bytes are read, and reads no more.
func early(a sendgridtest.Answer) *sendgridtest.Fault {
	return &sendgridtest.Fault{Kind: sendgridtest.EarlyReply, After: 100_000, Answer: a}
}

// broken is an attachment that fails in the middle.
func broken(m *mailer.Message) {
	m.Attachments = []mailer.Attachment{{Name: "a", Content: mailer.Opener(200_000, func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(strings.Repeat("x", 150_000))), nil
	})}}
}

func short(c *sendgrid.Config) { c.ReplyTimeout = 200 * time.Millisecond }

func distrust(c *sendgrid.Config) { c.Treat5xxAsUnknown = true }

func bomb() sendgridtest.Answer {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(make([]byte, 10<<20)) // neither fails
	_ = z.Close()
	return sendgridtest.Answer{Status: 400, Body: b.Bytes(), Header: http.Header{
		"Content-Encoding": {"gzip"}, "Content-Type": {"application/json"},
	}}
}

const (
	message  = mailer.ScopeMessage
	account  = mailer.ScopeAccount
	rate     = mailer.ScopeRate
	provider = mailer.ScopeProvider
	caller   = mailer.ScopeCaller
)

func rowCases() []rowCase {
	down := refused(provider, laterOrOther, 0, mailer.ErrUnavailable)
	return slices.Concat([]rowCase{
		{row: 1, name: "DNS", client: dialing(func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.DNSError{Err: "no such host", Name: "api.sendgrid.com", IsNotFound: true}
		}), want: down},
		{row: 1, name: "TCP", client: dialing(func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, "127.0.0.1:1")
		}), want: down},
		{row: 1, name: "TLS cut", fault: on(sendgridtest.CloseOnAccept), want: down},
		{row: 1, name: "connecting takes too long", fault: on(sendgridtest.SilentOnAccept), client: func(c *sendgrid.Config) { c.Timeout = 200 * time.Millisecond }, want: down},
		{row: 1, name: "another's certificate", client: func(c *sendgrid.Config) { c.TLSConfig = nil }, want: refused(provider, other, 0, mailer.ErrTLSPolicy)},
		{row: 1, name: "an expired certificate", server: sendgridtest.Config{TLS: testcert.Server(certs.Expired)}, want: refused(provider, other, 0, mailer.ErrTLSPolicy)},
		{row: 1, name: "the proxy wants credentials", client: through("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"), want: refused(account, other, 0, nil)},
		{row: 1, name: "the proxy has no way", client: through("HTTP/1.1 502 Bad Gateway\r\n\r\n"), want: down},
		{row: 2, name: "no key", client: func(c *sendgrid.Config) {
			c.Key = mailer.SecretFunc(func(context.Context) (mailer.Secret, error) { return mailer.Secret{}, errors.New("vault is sealed") })
		}, want: refused(account, laterOrOther, 0, mailer.ErrUnauthorized)},
		{row: 2, name: "an empty key", client: func(c *sendgrid.Config) {
			c.Key = mailer.SecretFunc(func(context.Context) (mailer.Secret, error) { return mailer.Secret{}, nil })
		}, want: refused(account, laterOrOther, 0, mailer.ErrUnauthorized)},
		{row: 3, name: "cannot be encoded", msg: func(m *mailer.Message) {
			m.Text, m.Template = "", &mailer.Template{ID: "d-1", Data: map[string]any{"f": func() {}}}
		}, want: refused(caller, stop, 0, mailer.ErrInvalidMessage)},
		{row: 3, name: "cannot be carried", msg: func(m *mailer.Message) { m.To, m.Bcc = nil, m.To }, want: refused(message, other, 0, mailer.ErrUnsupported)},
		{row: 3, name: "content fails", msg: broken, want: refused(caller, stop, 0, nil)},
		{row: 4, name: "end in the body", fault: &sendgridtest.Fault{Kind: sendgridtest.CutInBody, After: 100_000}, msg: large, want: down},
		{row: 4, name: "reset in the body", fault: &sendgridtest.Fault{Kind: sendgridtest.CutInBody, After: 100_000, Reset: true}, msg: large, want: down},
		{row: 5, name: "end after the body", fault: on(sendgridtest.Withhold), want: unknown(provider, 0, 0)},
		{row: 5, name: "end after acceptance", fault: &sendgridtest.Fault{Kind: sendgridtest.Withhold, Accept: true}, want: unknown(provider, 0, 1)},
		{row: 5, name: "reset after acceptance", fault: &sendgridtest.Fault{Kind: sendgridtest.Withhold, Accept: true, Reset: true}, want: unknown(provider, 0, 1)},
		{row: 5, name: "silence after acceptance", fault: &sendgridtest.Fault{Kind: sendgridtest.Silence, Accept: true}, client: short, want: unknown(provider, 0, 1)},
		{row: 7, name: "expectation failed", fault: early(status(417)), msg: large, want: refused(provider, other, 417, mailer.ErrUnavailable)},
		{row: 8, name: "1xx only", fault: raw("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n"), want: unknown(provider, 0, 1)},
		{row: 8, name: "1xx first", fault: &sendgridtest.Fault{Interim: []string{"HTTP/1.1 103 Early Hints\r\n\r\n"}}, want: accepted()},
		{row: 9, name: "202", want: accepted()},
		{row: 10, name: "202 without an id", fault: acceptingBut(sendgridtest.AcceptedWithoutID()), want: unknown(provider, 202, 1)},
		{row: 10, name: "202 without an id, allowed", fault: acceptingBut(sendgridtest.AcceptedWithoutID()), client: func(c *sendgrid.Config) { c.AcceptWithoutID = true }, want: accepted()},
		{row: 10, name: "200", fault: acceptingBut(header(status(200), "X-Message-Id", "abc")), want: unknown(provider, 200, 1)},
		{row: 10, name: "a page", fault: replying(sendgridtest.HTMLSuccess()), want: unknown(provider, 200, 0)},
		{row: 10, name: "an id that is none", fault: acceptingBut(header(sendgridtest.AcceptedWithoutID(), "X-Message-Id", "a b")), want: unknown(provider, 202, 1)},
		{row: 10, name: "truncated", fault: raw("HTTP/1.1 202 Accepted\r\nX-Message-Id: abc\r\nContent-Length: 5\r\n\r\nab"), want: unknown(provider, 202, 1)},
		{row: 12, name: "301", fault: replying(sendgridtest.Redirect(301, "https://evil.example")), want: refused(account, other, 301, nil)},
		{row: 12, name: "307", fault: replying(sendgridtest.Redirect(307, "https://evil.example")), want: refused(account, other, 307, nil)},
		{row: 12, name: "300", fault: replying(status(300)), want: refused(account, other, 300, nil)},
		{row: 12, name: "304", fault: replying(sendgridtest.Answer{Status: 304}), want: refused(account, other, 304, nil)},
		{row: 12, name: "308", fault: replying(sendgridtest.Redirect(308, "https://evil.example")), want: refused(account, other, 308, nil)},
		{row: 12, name: "399", fault: replying(status(399)), want: refused(account, other, 399, nil)},
		{row: 13, name: "400", fault: replying(sendgridtest.BadRequest("content.0.value")), want: refused(message, stop, 400, nil)},
		{row: 13, name: "400 about nothing", fault: replying(sendgridtest.BadRequest("")), want: refused(message, stop, 400, nil)},
		{row: 13, name: "400 about the template", fault: replying(sendgridtest.BadRequest("template_id")), want: refused(account, other, 400, nil)},
		{row: 13, name: "422", fault: replying(status(422)), want: refused(message, stop, 422, nil)},
		{row: 14, name: "401", fault: replying(sendgridtest.Unauthorized()), want: refused(account, other, 401, mailer.ErrUnauthorized)},
		{row: 15, name: "403", fault: replying(sendgridtest.Forbidden()), want: refused(account, other, 403, mailer.ErrUnauthorized)},
		{row: 15, name: "403 about the sender", fault: replying(sendgridtest.SenderNotVerified()), want: refused(mailer.ScopeSender, other, 403, mailer.ErrSenderRefused)},
		{row: 15, name: "a sender that is not verified", server: sendgridtest.Config{VerifiedSenders: []string{"example.net"}}, want: refused(mailer.ScopeSender, other, 403, mailer.ErrSenderRefused)},
		{row: 15, name: "a key that may not send", server: sendgridtest.Config{Scopes: []string{"mail.batch.read"}}, want: refused(account, other, 403, mailer.ErrUnauthorized)},
		{row: 16, name: "404", fault: replying(sendgridtest.NotFound()), want: refused(account, other, 404, nil)},
		{row: 16, name: "405", fault: replying(sendgridtest.MethodNotAllowed()), want: refused(account, other, 405, nil)},
		{row: 16, name: "410", fault: replying(status(410)), want: refused(account, other, 410, nil)},
		{row: 17, name: "402", fault: replying(status(402)), want: refused(rate, laterOrOther, 402, mailer.ErrRateLimited)},
		{row: 17, name: "credits exceeded comes as 401", fault: replying(sendgridtest.CreditsExceeded()), want: refused(account, other, 401, mailer.ErrUnauthorized)},
		{row: 18, name: "408", fault: replying(status(408)), want: unknown(provider, 408, 0)},
		{row: 18, name: "408 before the end", fault: early(status(408)), msg: large, want: refused(provider, laterOrOther, 408, mailer.ErrUnavailable)},
		{row: 19, name: "409", fault: replying(status(409)), want: refused(message, stop, 409, nil)},
		{row: 20, name: "412", fault: replying(status(412)), want: refused(account, other, 412, nil)},
		{row: 21, name: "413", fault: replying(sendgridtest.TooLarge()), want: refused(message, other, 413, nil)},
		{row: 21, name: "413 by size", server: sendgridtest.Config{MaxMessageBytes: 1000}, msg: large, want: refused(message, other, 413, nil)},
		{row: 21, name: "431", fault: replying(status(431)), want: refused(message, other, 431, nil)},
		{row: 22, name: "406", fault: replying(sendgridtest.NotAcceptable()), want: refused(account, other, 406, nil)},
		{row: 22, name: "415", fault: replying(status(415)), want: refused(account, other, 415, nil)},
		{row: 23, name: "425", fault: replying(status(425)), want: refused(provider, laterOrOther, 425, mailer.ErrUnavailable)},
		{row: 23, name: "428", fault: replying(status(428)), want: refused(provider, laterOrOther, 428, mailer.ErrUnavailable)},
		{row: 24, name: "429", fault: replying(sendgridtest.RateLimited()), want: refused(rate, laterOrOther, 429, mailer.ErrRateLimited)},
		{row: 24, name: "429 with Retry-After", fault: replying(sendgridtest.RateLimitedFor(7 * time.Second)), want: refused(rate, laterOrOther, 429, mailer.ErrRateLimited).after(7 * time.Second)},
		{row: 24, name: "429 with a reset", fault: replying(header(sendgridtest.RateLimitedUntil(epoch.Add(9*time.Second)), "Date", epoch.Format(http.TimeFormat))), want: refused(rate, laterOrOther, 429, mailer.ErrRateLimited).after(9 * time.Second)},
		{row: 24, name: "429 with a reset that passed", fault: replying(sendgridtest.RateLimitedUntil(epoch)), want: refused(rate, laterOrOther, 429, mailer.ErrRateLimited)},
		{row: 24, name: "429 with both", fault: replying(header(header(sendgridtest.RateLimitedUntil(epoch.Add(9*time.Second)), "Date", epoch.Format(http.TimeFormat)), "Retry-After", "7")), want: refused(rate, laterOrOther, 429, mailer.ErrRateLimited).after(7 * time.Second)},
		{row: 24, name: "429 with a date", fault: replying(header(sendgridtest.RateLimitedUntilDate(epoch.Add(11*time.Second)), "Date", epoch.Format(http.TimeFormat))), want: refused(rate, laterOrOther, 429, mailer.ErrRateLimited).after(11 * time.Second)},
		{row: 25, name: "451", fault: replying(status(451)), want: refused(message, stop, 451, nil)},
	}, serverRows(), cutRows())
}

// epoch is a time of the server's clock.
var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// plain503 asks to wait, in a text that nobody documents.
func plain503(text string) sendgridtest.Answer {
	return sendgridtest.Answer{Status: 503, Body: []byte(text), Header: http.Header{"Retry-After": {"5"}, "Content-Type": {"text/plain"}}}
}

func serverRows() []rowCase {
	own := refused(provider, laterOrOther, 500, mailer.ErrUnavailable)
	return []rowCase{
		{row: 26, name: "500 by the application", fault: replying(sendgridtest.InternalError()), want: own},
		{row: 26, name: "500 by the application, distrusted", fault: replying(sendgridtest.InternalError()), client: distrust, want: unknown(provider, 500, 0)},
		{row: 26, name: "500 as a page", fault: acceptingBut(sendgridtest.HTMLPage(500)), want: unknown(provider, 500, 1)},
		{row: 26, name: "500 without a body", fault: acceptingBut(sendgridtest.Answer{Status: 500}), want: unknown(provider, 500, 1)},
		{row: 26, name: "500 with a list that says nothing", fault: acceptingBut(sendgridtest.Errors(500, sendgridtest.Error{})), want: unknown(provider, 500, 1)},
		{row: 26, name: "500 with other JSON", fault: acceptingBut(sendgridtest.Answer{Status: 500, Body: []byte(`{"error":"x"}`), Header: http.Header{"Content-Type": {"application/json"}}}), want: unknown(provider, 500, 1)},
		{row: 27, name: "501", fault: replying(status(501)), want: refused(provider, other, 501, mailer.ErrUnavailable)},
		{row: 27, name: "505", fault: replying(status(505)), want: refused(provider, other, 505, mailer.ErrUnavailable)},
		{row: 28, name: "502", fault: acceptingBut(sendgridtest.Gateway(502)), want: unknown(provider, 502, 1)},
		{row: 28, name: "504", fault: acceptingBut(sendgridtest.Gateway(504)), want: unknown(provider, 504, 1)},
		{row: 28, name: "502 with errors", fault: acceptingBut(status(502)), want: unknown(provider, 502, 1)},
		{row: 29, name: "503 by the application", fault: replying(sendgridtest.Unavailable()), want: refused(provider, laterOrOther, 503, mailer.ErrUnavailable)},
		{row: 29, name: "503 with Retry-After", fault: replying(plain503("busy")), want: refused(provider, laterOrOther, 503, mailer.ErrUnavailable).after(5 * time.Second)},
		{row: 29, name: "503 with Retry-After, distrusted", fault: acceptingBut(plain503("busy")), client: distrust, want: unknown(provider, 503, 1)},
		{row: 29, name: "503 by the application, distrusted", fault: replying(sendgridtest.Unavailable()), client: distrust, want: unknown(provider, 503, 0)},
		{row: 30, name: "503 as a page", fault: acceptingBut(sendgridtest.Gateway(503)), want: unknown(provider, 503, 1)},
		{row: 30, name: "503 as a page with Retry-After", fault: acceptingBut(header(sendgridtest.HTMLPage(503), "Retry-After", "5")), want: unknown(provider, 503, 1)},
		{row: 30, name: "503 with nothing but Retry-After", fault: acceptingBut(plain503("")), want: unknown(provider, 503, 1)},
		{row: 30, name: "503 with a list that says nothing", fault: acceptingBut(sendgridtest.Errors(503, sendgridtest.Error{})), want: unknown(provider, 503, 1)},
		{row: 30, name: "503 without a body", fault: acceptingBut(sendgridtest.Answer{Status: 503}), want: unknown(provider, 503, 1)},
	}
}

func cutRows() []rowCase {
	return []rowCase{
		{row: 31, name: "in the status line", fault: &sendgridtest.Fault{Kind: sendgridtest.CutReply, After: 11, Accept: true}, want: unknown(provider, 0, 1)},
		{row: 31, name: "in the header", fault: &sendgridtest.Fault{Kind: sendgridtest.CutReply, After: 40, Accept: true}, want: unknown(provider, 0, 1)},
		{row: 31, name: "no HTTP", fault: raw("220 mx.example.com ESMTP\r\n"), want: unknown(provider, 0, 1)},
		{row: 32, name: "400 cut", fault: &sendgridtest.Fault{
			Kind: sendgridtest.Raw, RawReply: []byte("HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{\"errors\":"),
		}, want: refused(message, stop, 400, nil)},
		{row: 32, name: "401 huge", fault: replying(sendgridtest.Answer{Status: 401, Body: bytes.Repeat([]byte("x"), 200_000)}), want: refused(account, other, 401, mailer.ErrUnauthorized)},
		{row: 33, name: "early 400", fault: early(sendgridtest.BadRequest("content")), msg: large, want: refused(message, stop, 400, nil)},
		{row: 33, name: "early 401", fault: early(sendgridtest.Unauthorized()), msg: large, want: refused(account, other, 401, mailer.ErrUnauthorized)},
		{row: 33, name: "early 500", fault: early(sendgridtest.HTMLPage(500)), msg: large, want: refused(provider, laterOrOther, 500, mailer.ErrUnavailable)},
		{row: 33, name: "early 502", fault: early(sendgridtest.Gateway(502)), msg: large, want: refused(provider, laterOrOther, 502, mailer.ErrUnavailable)},
		{row: 36, name: "before the body", fault: on(sendgridtest.SilentOnAccept), cancel: true, want: refused(caller, stop, 0, context.Canceled)},
		{row: 36, name: "after the body", fault: &sendgridtest.Fault{Kind: sendgridtest.Silence, Accept: true}, cancel: true, want: unknown(caller, 0, 1)},
		{row: 37, name: "compressed", fault: replying(bomb()), want: refused(message, stop, 400, nil)},
		{row: 37, name: "nested JSON", fault: replying(sendgridtest.Answer{Status: 500, Body: bytes.Repeat([]byte("["), 60_000), Header: http.Header{"Content-Type": {"application/json"}}}), want: unknown(provider, 500, 0)},
	}
}

func TestRows(t *testing.T) {
	covered := map[int]bool{6: true} // TestRow6
	for _, c := range rowCases() {
		covered[c.row] = true
		t.Run(fmt.Sprintf("row%02d/%s", c.row, c.name), func(t *testing.T) { c.run(t) })
	}
	for row := 1; row <= 37; row++ {
		if _, excused := notHere[row]; covered[row] == excused {
			t.Errorf("HTTP row %d: has a case: %t, cannot occur: %t", row, covered[row], excused)
		}
	}
}

func (c *rowCase) run(t *testing.T) {
	server, client := start(t, c.server, c.client)
	m := simple()
	if c.msg != nil {
		c.msg(m)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if c.fault != nil {
		reached := server.Next(*c.fault)
		if c.cancel {
			go func() { <-reached; cancel() }()
		}
	}
	receipt, err := client.Send(ctx, m)
	c.want.check(t, receipt, err)
	server.EndSilences()
	if err := server.WaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := len(server.Messages()); got != c.want.copies {
		t.Errorf("the service accepted %d copies, want %d", got, c.want.copies)
	}
}

func (v verdict) check(t *testing.T, receipt *mailer.Receipt, err error) {
	t.Helper()
	if v.outcome == mailer.Accepted {
		if err != nil || receipt == nil || receipt.Outcome != mailer.Accepted {
			t.Errorf("got %+v, %v; want Accepted", receipt, err)
		}
		return
	}
	var e *mailer.SendError
	if !errors.As(err, &e) || receipt != nil {
		t.Fatalf("got %v, %v; want a *SendError alone", receipt, err)
	}
	t.Log(e)
	flags := strings.TrimSpace(map[bool]string{true: later}[e.Temporary] + " " + map[bool]string{true: other}[e.Elsewhere])
	if e.Outcome != v.outcome || e.Scope != v.scope || flags != v.flags || e.Code != v.code || e.RetryAfter != v.wait {
		t.Errorf("got  %v, scope %v, %q, code %d, wait %v\nwant %v, scope %v, %q, code %d, wait %v",
			e.Outcome, e.Scope, flags, e.Code, e.RetryAfter, v.outcome, v.scope, v.flags, v.code, v.wait)
	}
	if v.is != nil && !errors.Is(err, v.is) {
		t.Errorf("errors.Is(err, %q) is false", v.is)
	}
	for _, r := range e.Receipt.Recipients {
		if r.Outcome != v.outcome || r.Scope != v.scope {
			t.Errorf("recipient: got %v, scope %v", r.Outcome, r.Scope)
		}
	}
}

// TestRow6: a kept connection that has ended is replaced in silence, and one that ends as
// the request arrives on it too.
func TestRow6(t *testing.T) {
	var dials atomic.Int32
	server, client := start(t, sendgridtest.Config{}, dialing(func(ctx context.Context, network, address string) (net.Conn, error) {
		dials.Add(1)
		return new(net.Dialer).DialContext(ctx, network, address)
	}))
	for range 3 {
		if _, err := client.Send(t.Context(), simple()); err != nil {
			t.Fatal(err)
		}
		if err := server.WaitIdle(t.Context()); err != nil {
			t.Fatal(err)
		}
		server.CloseIdle()
	}
	if got := dials.Load(); got != 3 || len(server.Messages()) != 3 {
		t.Errorf("got %d connections and %d messages, want 3 of each", got, len(server.Messages()))
	}
}

// TestSaturated: where no connection becomes free in time, nothing was sent, and the
// provider is not to blame.
func TestSaturated(t *testing.T) {
	server, client := start(t, sendgridtest.Config{}, func(c *sendgrid.Config) { c.MaxConns = 1 })
	reached := server.Next(sendgridtest.Fault{Kind: sendgridtest.Silence})
	first := make(chan error)
	go func() { _, err := client.Send(t.Context(), simple()); first <- err }()
	<-reached
	ctx := mailer.WithGate(t.Context(), &mailer.Gate{CommitBy: time.Now().Add(50 * time.Millisecond)})
	receipt, err := client.Send(ctx, simple())
	refused(rate, laterOrOther, 0, mailer.ErrRateLimited).after(time.Second).check(t, receipt, err)
	server.EndSilences()
	if err := <-first; !errors.Is(err, mailer.ErrUnknownOutcome) {
		t.Errorf("the first: %v", err)
	}
}
