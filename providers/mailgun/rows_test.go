package mailgun_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/internal/testcert"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/mailgun"
	"github.com/mailkeel/mailkeel/providers/mailgun/mailguntest"
)

// A verdict is what a send must say, and the truth beside it.
type verdict struct {
	outcome              mailer.Outcome
	scope                mailer.Scope
	elsewhere, temporary bool
	retryAfter           time.Duration
	is                   error
	copies               int
}

// What occurs often.
var (
	accepted  = verdict{outcome: mailer.Accepted, copies: 1}
	unknown   = verdict{outcome: mailer.Unknown, scope: mailer.ScopeProvider, is: mailer.ErrUnknownOutcome}
	doubtful  = verdict{outcome: mailer.Unknown, scope: mailer.ScopeProvider, is: mailer.ErrUnknownOutcome, copies: 1}
	down      = verdict{outcome: mailer.NotAccepted, scope: mailer.ScopeProvider, elsewhere: true, temporary: true, is: mailer.ErrUnavailable}
	refuses   = verdict{outcome: mailer.NotAccepted, scope: mailer.ScopeProvider, elsewhere: true, is: mailer.ErrUnavailable}
	account   = verdict{outcome: mailer.NotAccepted, scope: mailer.ScopeAccount, elsewhere: true}
	key       = verdict{outcome: mailer.NotAccepted, scope: mailer.ScopeAccount, elsewhere: true, is: mailer.ErrUnauthorized}
	badForUs  = verdict{outcome: mailer.NotAccepted, scope: mailer.ScopeMessage, elsewhere: true}
	bad       = verdict{outcome: mailer.NotAccepted, scope: mailer.ScopeMessage}
	limited   = verdict{outcome: mailer.NotAccepted, scope: mailer.ScopeRate, elsewhere: true, temporary: true, is: mailer.ErrRateLimited}
	limitedBy = func(d time.Duration) verdict { v := limited; v.retryAfter = d; return v }
)

// A rowCase is one way into a row of the taxonomy of HTTP failures.
type rowCase struct {
	row    int
	name   string
	fault  mailguntest.Fault
	large  bool // the message has a megabyte
	warm   bool // a connection lies idle, and is ended before the send
	open   bool // ctx has no deadline
	change func(*mailgun.Config)
	msg    func(*mailer.Message)
	// cancel ends ctx: "before" the send, or "after" the fault was reached.
	cancel string
	want   verdict
}

func status(code int) mailguntest.Fault {
	return mailguntest.Reply(mailguntest.Answer{Status: code, Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(`{"message":"as the status says"}`)})
}

func page(code int) mailguntest.Fault { return mailguntest.Reply(mailguntest.HTMLPage(code)) }

func cutReply(after int64, a mailguntest.Answer) mailguntest.Fault {
	return mailguntest.Fault{Kind: mailguntest.CutReply, After: after, Answer: a}
}

// bomb is a reply that is small, and would be large.
func bomb(code int) mailguntest.Answer {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(`{"id":"<1@example.com>","message":"`))
	_, _ = z.Write(make([]byte, 16<<20))
	_ = z.Close()
	return mailguntest.Answer{
		Status: code, Body: b.Bytes(),
		Header: http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {"gzip"}},
	}
}

// dialLosing breaks the client's side of a connection after so many bytes.
func dialLosing(bytes int) func(*mailgun.Config) {
	return func(c *mailgun.Config) {
		c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, address)
			return &losingConn{Conn: conn, left: bytes, reached: make(chan struct{})}, err
		}
	}
}

func failingSource(err error) func(*mailgun.Config) {
	return func(c *mailgun.Config) {
		c.Key = mailer.SecretFunc(func(context.Context) (mailer.Secret, error) { return mailer.Secret{}, err })
	}
}

// noSuchRow are the rows that cannot occur, with the reason.
var noSuchRow = map[int]string{
	11: "Mailgun answers for a message as a whole, never for each recipient",
	// The place for cases with Config.HTTP2.
	34: "HTTP/2 only: requests go over HTTP/1.1",
	35: "HTTP/2 only: requests go over HTTP/1.1",
}

func rowCases() []rowCase {
	const domain = mailguntest.DefaultDomain
	reply := mailguntest.Reply
	distrust := func(c *mailgun.Config) { c.Treat5xxAsUnknown = true }
	return []rowCase{
		{row: 1, name: "nothing listens", change: func(c *mailgun.Config) { c.BaseURL = "http://127.0.0.1:1" }, want: down},
		{row: 1, name: "no such name", change: func(c *mailgun.Config) {
			c.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, &net.DNSError{IsNotFound: true} }
		}, want: down},
		{row: 2, name: "no key to be had", change: failingSource(errors.New("vault sealed")), want: verdict{
			outcome: mailer.NotAccepted, scope: mailer.ScopeAccount, elsewhere: true, temporary: true, is: mailer.ErrUnauthorized,
		}},
		{row: 3, name: "cannot be written", msg: func(m *mailer.Message) {
			m.Template = &mailer.Template{ID: "welcome", Data: map[string]any{"f": func() {}}}
		}, want: verdict{outcome: mailer.NotAccepted, scope: mailer.ScopeCaller, is: mailer.ErrInvalidMessage}},
		{row: 3, name: "cannot be carried", msg: func(m *mailer.Message) { m.SendAt = time.Now().Add(1000 * time.Hour) }, want: verdict{
			outcome: mailer.NotAccepted, scope: mailer.ScopeMessage, elsewhere: true, is: mailer.ErrUnsupported,
		}},
		{row: 4, name: "lost in the body", large: true, change: dialLosing(100_000), want: down},
		{row: 5, name: "end after the body", fault: mailguntest.Fault{Kind: mailguntest.Withhold, Accept: true}, want: doubtful},
		{row: 5, name: "reset after the body", fault: mailguntest.Fault{Kind: mailguntest.Withhold, Reset: true}, want: unknown},
		{row: 5, name: "silence after the body", fault: mailguntest.Fault{Kind: mailguntest.Silence, Accept: true},
			open: true, change: func(c *mailgun.Config) { c.ReplyTimeout = 200 * time.Millisecond }, want: doubtful},
		{row: 6, name: "idle connection closed", warm: true, want: verdict{outcome: mailer.Accepted, copies: 2}},
		{row: 7, name: "refused before the body", large: true, fault: mailguntest.Fault{Kind: mailguntest.EarlyReply, Answer: mailguntest.TooLarge()}, want: badForUs},
		{row: 7, name: "417 before the body", large: true, fault: mailguntest.Fault{Kind: mailguntest.EarlyReply, Answer: mailguntest.HTMLPage(417)}, want: refuses},
		{row: 8, name: "interim replies only", fault: mailguntest.Fault{Kind: mailguntest.Raw, RawReply: []byte("HTTP/1.1 100 Continue\r\n\r\n"), Accept: true}, want: doubtful},
		{row: 9, name: "200 with an id", want: accepted},
		{row: 9, name: "202 with an id", fault: mailguntest.AcceptBut(mailguntest.Answer{Status: 202, Body: []byte(`{"id":"<1@example.com>"}`)}), want: accepted},
		{row: 10, name: "a path that is none", fault: reply(mailguntest.MagnificentAPI()), want: unknown},
		{row: 10, name: "no id", fault: mailguntest.AcceptBut(mailguntest.AcceptedWithoutID()), want: doubtful},
		{row: 10, name: "empty id", fault: mailguntest.AcceptBut(mailguntest.AcceptedWithEmptyID()), want: doubtful},
		{row: 10, name: "id that is no string", fault: reply(mailguntest.Answer{Status: 200, Body: []byte(`{"id":17}`)}), want: unknown},
		{row: 10, name: "JSON that ends early", fault: mailguntest.AcceptBut(mailguntest.AcceptedTruncated()), want: doubtful},
		{row: 10, name: "a captive portal", fault: reply(mailguntest.HTMLSuccess()), want: unknown},
		{row: 10, name: "no body", fault: reply(mailguntest.Answer{Status: 200}), want: unknown},
		{row: 10, name: "204", fault: reply(mailguntest.Answer{Status: 204}), want: unknown},
		{row: 10, name: "201 with an id", fault: reply(mailguntest.Answer{Status: 201, Body: []byte(`{"id":"<1@example.com>"}`)}), want: unknown},
		{row: 10, name: "body cut", fault: mailguntest.Fault{
			Kind: mailguntest.CutReply, After: 400, Accept: true, Answer: mailguntest.Accepted("<" + strings.Repeat("1", 400) + "@example.com>"),
		}, want: doubtful},
		{row: 12, name: "302", fault: reply(mailguntest.Redirect(302, "http://127.0.0.1:1/")), want: account},
		{row: 12, name: "307", fault: reply(mailguntest.Redirect(307, "http://127.0.0.1:1/")), want: account},
		{row: 13, name: "400", fault: reply(mailguntest.AddressRefused("to")), want: bad},
		{row: 13, name: "400 for a domain that may not send", fault: reply(mailguntest.NotAllowedToSend(domain, mailguntest.ReasonUnverified)), want: account},
		{row: 13, name: "422", fault: status(422), want: bad},
		{row: 14, name: "401", fault: reply(mailguntest.Unauthorized()), want: key},
		{row: 15, name: "403", fault: reply(mailguntest.LargeBatchRefused(domain)), want: key},
		{row: 15, name: "403 about an IP address", fault: reply(mailguntest.IPRefused("192.0.2.1")), want: key},
		{row: 16, name: "404", fault: reply(mailguntest.DomainNotFound(domain)), want: account},
		{row: 16, name: "405", fault: status(405), want: account},
		{row: 16, name: "410", fault: page(410), want: account},
		{row: 17, name: "402", fault: reply(mailguntest.PaymentRequired()), want: limited},
		{row: 18, name: "408", fault: status(408), want: unknown},
		{row: 18, name: "408 before the body", large: true, fault: mailguntest.Fault{Kind: mailguntest.EarlyReply, Answer: mailguntest.HTMLPage(408)}, want: down},
		{row: 19, name: "409", fault: status(409), want: bad},
		{row: 20, name: "412", fault: status(412), want: account},
		{row: 21, name: "413", fault: reply(mailguntest.TooLarge()), want: badForUs},
		{row: 21, name: "431", fault: status(431), want: badForUs},
		{row: 22, name: "415", fault: status(415), want: account},
		{row: 22, name: "406", fault: status(406), want: account},
		{row: 23, name: "425", fault: status(425), want: down},
		{row: 23, name: "428", fault: status(428), want: down},
		{row: 24, name: "429 without a time", fault: reply(mailguntest.RateLimited(domain, "recipient")), want: limited},
		{row: 24, name: "429 with seconds", fault: reply(mailguntest.RateLimitedFor(domain, "request", 120*time.Second)), want: limitedBy(120 * time.Second)},
		{row: 24, name: "429 with a date", fault: reply(at(mailguntest.RateLimitedUntil(domain, "bytes", noon.Add(90*time.Second)))), want: limitedBy(90 * time.Second)},
		{row: 24, name: "429 for a week", fault: reply(mailguntest.RateLimitedFor(domain, "request", 168*time.Hour)), want: limitedBy(time.Hour)},
		{row: 24, name: "429 with Retry-After", fault: reply(mailguntest.WithRetryAfter(mailguntest.RateLimited(domain, "request"), 7*time.Second)), want: limitedBy(7 * time.Second)},
		{row: 24, name: "429 with Retry-After and seconds", fault: reply(mailguntest.WithRetryAfter(mailguntest.RateLimitedFor(domain, "request", 120*time.Second), 7*time.Second)), want: limitedBy(7 * time.Second)},
		{row: 24, name: "429 with an empty Retry-After and seconds", fault: reply(mailguntest.WithRetryAfter(mailguntest.RateLimitedFor(domain, "request", 120*time.Second), 0)), want: limitedBy(120 * time.Second)},
		{row: 25, name: "451", fault: status(451), want: bad},
		{row: 26, name: "500 of its own", fault: reply(mailguntest.InternalError()), want: down},
		{row: 26, name: "500 of its own, distrusted", fault: reply(mailguntest.InternalError()), change: distrust, want: unknown},
		{row: 26, name: "500 with a page", fault: page(500), want: unknown},
		{row: 26, name: "500 with JSON of somebody else", fault: reply(mailguntest.Answer{Status: 500, Body: []byte(`{"error":"oops"}`)}), want: unknown},
		{row: 26, name: "500 without a body", fault: mailguntest.AcceptBut(mailguntest.Answer{Status: 500}), want: doubtful},
		{row: 27, name: "501", fault: page(501), want: refuses},
		{row: 27, name: "505", fault: page(505), want: refuses},
		{row: 28, name: "502", fault: mailguntest.AcceptBut(mailguntest.Gateway(502)), want: doubtful},
		{row: 28, name: "502 in JSON", fault: status(502), want: unknown},
		{row: 28, name: "504", fault: mailguntest.AcceptBut(mailguntest.Gateway(504)), want: doubtful},
		{row: 29, name: "503 of its own", fault: reply(mailguntest.Unavailable()), want: down},
		{row: 29, name: "503 of its own, distrusted", fault: reply(mailguntest.Unavailable()), change: distrust, want: unknown},
		{row: 29, name: "503 with Retry-After", fault: reply(mailguntest.WithRetryAfter(mailguntest.Answer{Status: 503, Body: []byte("busy")}, 5*time.Second)), want: verdict{
			outcome: mailer.NotAccepted, scope: mailer.ScopeProvider, elsewhere: true, temporary: true, is: mailer.ErrUnavailable, retryAfter: 5 * time.Second,
		}},
		{row: 30, name: "503 with a page", fault: mailguntest.AcceptBut(mailguntest.Gateway(503)), want: doubtful},
		{row: 30, name: "503 with Retry-After alone", fault: mailguntest.AcceptBut(mailguntest.WithRetryAfter(mailguntest.Answer{Status: 503}, 5*time.Second)), want: doubtful},
		{row: 30, name: "503 with a page and Retry-After", fault: reply(mailguntest.WithRetryAfter(mailguntest.HTMLPage(503), 5*time.Second)), want: unknown},
		{row: 31, name: "cut in the status line", fault: mailguntest.Fault{Kind: mailguntest.CutReply, After: 10, Accept: true}, want: doubtful},
		{row: 31, name: "cut in the header", fault: mailguntest.Fault{Kind: mailguntest.CutReply, After: 30, Accept: true}, want: doubtful},
		{row: 32, name: "400 with a body that is cut", fault: cutReply(400, mailguntest.Invalid(strings.Repeat("long ", 100))), want: bad},
		{row: 32, name: "400 with a huge body", fault: reply(mailguntest.Invalid(strings.Repeat("long ", 1<<20))), want: bad},
		{row: 33, name: "400 in the body", large: true, fault: mailguntest.Fault{Kind: mailguntest.EarlyReply, After: 1000, Answer: mailguntest.AddressRefused("to")}, want: bad},
		{row: 33, name: "500 in the body", large: true, fault: mailguntest.Fault{Kind: mailguntest.EarlyReply, After: 1000, Answer: mailguntest.HTMLPage(500)}, want: down},
		{row: 33, name: "502 in the body", large: true, fault: mailguntest.Fault{Kind: mailguntest.EarlyReply, After: 1000, Answer: mailguntest.HTMLPage(502)}, want: down},
		{row: 36, name: "cancelled before", cancel: "before", want: verdict{outcome: mailer.NotAccepted, scope: mailer.ScopeCaller, is: context.Canceled}},
		{row: 36, name: "cancelled after", cancel: "after", fault: mailguntest.Fault{Kind: mailguntest.Silence, Accept: true}, want: verdict{
			outcome: mailer.Unknown, scope: mailer.ScopeCaller, is: context.Canceled, copies: 1,
		}},
		{row: 37, name: "200 that is compressed", fault: mailguntest.AcceptBut(bomb(200)), want: doubtful},
		{row: 37, name: "400 that is compressed", fault: reply(bomb(400)), want: bad},
	}
}

// noon is what the clock of a server says that is in no hurry.
var noon = time.Date(2027, 1, 1, 12, 0, 0, 0, time.UTC)

func at(a mailguntest.Answer) mailguntest.Answer {
	a.Header = a.Header.Clone()
	a.Header.Set("Date", noon.Format(http.TimeFormat))
	return a
}

func TestRows(t *testing.T) {
	cases := rowCases()
	for row := 1; row <= 37; row++ {
		covered := noSuchRow[row] != ""
		for _, c := range cases {
			covered = covered || c.row == row
		}
		if !covered {
			t.Errorf("HTTP row %d has no case", row)
		}
	}
	for _, c := range cases {
		t.Run(fmt.Sprintf("row%02d/%s", c.row, c.name), func(t *testing.T) { c.run(t) })
	}
}

func (c *rowCase) run(t *testing.T) {
	r := newRig(t, mailguntest.Config{}, c.change)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if c.open {
		ctx = context.Background()
	}
	if c.warm {
		r.accepted(simple())
		r.server.CloseIdle()
	}
	m := simple()
	if c.large {
		m.Text = strings.Repeat("The quick brown fox jumps over the lazy dog.\r\n", 8<<20/46)
	}
	if c.msg != nil {
		c.msg(m)
	}
	reached := r.server.Next(c.fault)
	switch c.cancel {
	case "before":
		cancel()
	case "after":
		go func() { <-reached; cancel() }()
	}
	receipt, err := r.client.Send(ctx, m)
	c.want.check(t, receipt, err)
	if got := len(r.held()); got != c.want.copies {
		t.Errorf("the server holds %d copies, want %d", got, c.want.copies)
	}
}

// check compares all that Send said.
func (v verdict) check(t *testing.T, receipt *mailer.Receipt, err error) {
	t.Helper()
	if v.outcome == mailer.Accepted {
		if err != nil || receipt.Outcome != mailer.Accepted || receipt.ProviderMessageID == "" {
			t.Errorf("got %+v, %v; want an acceptance", receipt, err)
		}
		return
	}
	e := mailer.AsSendError(err)
	if e == nil {
		t.Fatalf("accepted (%+v), want %+v", receipt, v)
	}
	if e.Outcome != v.outcome || e.Scope != v.scope || e.Elsewhere != v.elsewhere || e.Temporary != v.temporary || e.RetryAfter != v.retryAfter {
		t.Errorf("got %s, scope %s, elsewhere %t, temporary %t, retry after %v; want %+v (%v)",
			e.Outcome, e.Scope, e.Elsewhere, e.Temporary, e.RetryAfter, v, err)
	}
	if v.is != nil && !errors.Is(err, v.is) {
		t.Errorf("%v is not %v", err, v.is)
	}
	for _, result := range e.Receipt.Recipients {
		if result.Outcome != v.outcome || result.Scope != v.scope {
			t.Errorf("recipient: %s, scope %s; want %+v", result.Outcome, result.Scope, v)
		}
	}
}

// TestUntrusted: row 1 where the server cannot prove who it is.
func TestUntrusted(t *testing.T) {
	certs := testcert.Must(t)
	for name, cert := range map[string]tls.Certificate{"wrong name": certs.WrongName, "unknown authority": certs.SelfSigned} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, mailguntest.Config{TLS: testcert.Server(cert)}, func(c *mailgun.Config) { c.TLSConfig = certs.Client("127.0.0.1") })
			_, err := r.client.Send(r.context(), simple())
			v := refuses
			v.is = mailer.ErrTLSPolicy
			v.check(t, nil, err)
		})
	}
}
