package acs_test

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
	"github.com/mailkeel/mailkeel/providers/acs"
	"github.com/mailkeel/mailkeel/providers/acs/acstest"
)

// A rowCase is one way in which an attempt meets a row of the failure taxonomy, HTTP table.
type rowCase struct {
	row    int
	name   string
	faults []acstest.Fault     // of the requests or connections, in their order
	token  *acstest.TokenFault // of the first fetch of a token; nil means a key
	server acstest.Config
	client func(*acs.Config)
	msg    func(*mailer.Message)
	cancel bool // ctx ends when the first fault is reached
	want   verdict
}

// notHere are the rows that cannot occur with this adapter, and why.
var notHere = map[int]string{
	11: "a reply of the service speaks of the whole request, never of single recipients",
	34: "HTTP/2: with the cases of httpapi",
	35: "HTTP/2: with the cases of httpapi",
}

func on(k acstest.Kind) []acstest.Fault { return []acstest.Fault{{Kind: k}} }

func one(f acstest.Fault) []acstest.Fault { return []acstest.Fault{f} }

// replying answers requests so, one after the other.
func replying(answers ...acstest.Answer) (all []acstest.Fault) {
	for _, a := range answers {
		all = append(all, acstest.Reply(a))
	}
	return all
}

// acceptingBut answers an acceptance so, and the question for the operation as then says.
func acceptingBut(a acstest.Answer, then ...acstest.Fault) []acstest.Fault {
	return append(one(acstest.AcceptBut(a)), then...)
}

func status(code int) acstest.Answer {
	return acstest.Refusal(code, acstest.Error{Code: "Unlucky", Message: "no"})
}

func header(a acstest.Answer, name, value string) acstest.Answer {
	a.Header.Set(name, value)
	return a
}

func answerOf(code int, contentType, body string) acstest.Answer {
	return acstest.Answer{Status: code, Body: []byte(body), Header: http.Header{"Content-Type": {contentType}}}
}

// raw is an acceptance that is answered so.
func raw(reply string) []acstest.Fault {
	return one(acstest.Fault{Kind: acstest.Raw, RawReply: []byte(reply), Accept: true})
}

func dialing(dial func(ctx context.Context, network, address string) (net.Conn, error)) func(*acs.Config) {
	return func(c *acs.Config) { c.Dial = dial }
}

// through makes the way go over a proxy that gives this reply.
func through(reply string) func(*acs.Config) {
	return func(c *acs.Config) {
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

func keyIs(text string, err error) func(*acs.Config) {
	return func(c *acs.Config) {
		c.Key = mailer.SecretFunc(func(context.Context) (mailer.Secret, error) { return mailer.NewSecret(text), err })
	}
}

// large is a message that is still on its way when the service has read its beginning.
func large(m *mailer.Message) {
	m.Attachments = []mailer.Attachment{{Name: "a.txt", Content: mailer.Bytes(make([]byte, 7_000_000))}}
}

// early replies when a hundred thousand bytes are read, and reads no more.
func early(a acstest.Answer) acstest.Fault {
	return acstest.Fault{Kind: acstest.EarlyReply, After: 100_000, Answer: a}
}

// stalling is a way to the service on which no more than the beginning goes through.
func stalling(c *acs.Config) {
	c.StallTimeout = 200 * time.Millisecond
	c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		tcp, err := new(net.Dialer).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		ours, theirs := net.Pipe()
		go func() { _, _ = io.CopyN(tcp, theirs, 100_000) }()
		go func() { _, _ = io.Copy(theirs, tcp) }()
		return &relayed{ours, tcp}, nil
	}
}

type relayed struct {
	net.Conn
	tcp net.Conn
}

func (r *relayed) Close() error { return errors.Join(r.Conn.Close(), r.tcp.Close()) }

// broken is an attachment that fails in the middle.
func broken(m *mailer.Message) {
	m.Attachments = []mailer.Attachment{{Name: "a.txt", Content: mailer.Opener(200_000, func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(strings.Repeat("x", 150_000))), nil
	})}}
}

func short(c *acs.Config) { c.ReplyTimeout = 200 * time.Millisecond }

func hasty(c *acs.Config) { c.Timeout = 200 * time.Millisecond }

func distrust(c *acs.Config) { c.Treat5xxAsUnknown = true }

func guarded(c *acs.Config) { c.GuardMessageID = true }

func bomb() acstest.Answer {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(make([]byte, 10<<20)) // neither fails
	_ = z.Close()
	return acstest.Answer{Status: 400, Body: b.Bytes(), Header: http.Header{
		"Content-Encoding": {"gzip"}, "Content-Type": {"application/json"},
	}}
}

func rowCases() []rowCase {
	return slices.Concat(connectionRows(), credentialRows(), boundaryRows(), replyRows(), serverRows(), cutRows())
}

func connectionRows() []rowCase {
	down := refused(provider, laterOrOther, 0, mailer.ErrUnavailable)
	return []rowCase{
		{row: 1, name: "DNS", client: dialing(func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.DNSError{Err: "no such host", Name: "contoso.communication.azure.com", IsNotFound: true}
		}), want: down},
		{row: 1, name: "TCP", client: dialing(func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, "127.0.0.1:1")
		}), want: down},
		{row: 1, name: "TLS cut", faults: on(acstest.CloseOnAccept), want: down},
		{row: 1, name: "TLS cut, with a token", faults: on(acstest.CloseOnAccept), token: &acstest.TokenFault{}, want: down},
		{row: 1, name: "connecting takes too long", faults: on(acstest.SilentOnAccept), client: hasty, want: down},
		{row: 1, name: "another's certificate", client: func(c *acs.Config) { c.TLSConfig = nil }, want: refused(provider, other, 0, mailer.ErrTLSPolicy)},
		{row: 1, name: "an expired certificate", server: acstest.Config{TLS: testcert.Server(certs.Expired)}, want: refused(provider, other, 0, mailer.ErrTLSPolicy)},
		{row: 1, name: "the proxy wants credentials", client: through("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"), want: refused(account, other, 0, nil)},
		{row: 1, name: "the proxy has no way", client: through("HTTP/1.1 502 Bad Gateway\r\n\r\n"), want: down},
		{row: 3, name: "invalid", msg: func(m *mailer.Message) { m.To = nil }, want: refused(caller, stop, 0, mailer.ErrInvalidMessage)},
		{row: 3, name: "cannot be carried", msg: func(m *mailer.Message) { m.Subject = "" }, want: refused(message, other, 0, mailer.ErrUnsupported)},
		{row: 3, name: "content fails", msg: broken, want: refused(caller, stop, 0, nil)},
		{row: 3, name: "content fails, with a token", msg: broken, token: &acstest.TokenFault{}, want: refused(caller, stop, 0, nil)},
	}
}

// credentialRows are about keys and tokens, before the request and after a 401.
func credentialRows() []rowCase {
	none := refused(account, laterOrOther, 0, mailer.ErrUnauthorized)
	denied := refused(account, other, 401, mailer.ErrUnauthorized)
	return []rowCase{
		{row: 2, name: "no key", client: keyIs("", errors.New("vault is sealed")), want: none},
		{row: 2, name: "an empty key", client: keyIs("", nil), want: none},
		{row: 2, name: "a key that is not base64", client: keyIs("SharedAccessKey", nil), want: none},
		{row: 2, name: "no token", token: &acstest.TokenFault{Err: errors.New("no identity assigned")}, want: none},
		{row: 2, name: "a token that has expired", token: &acstest.TokenFault{Expired: true}, want: none},
		{row: 2, name: "the token takes too long", token: &acstest.TokenFault{Hold: make(chan struct{})}, client: hasty, want: refused(provider, laterOrOther, 0, mailer.ErrUnavailable)},
		{row: 14, name: "401", faults: replying(acstest.Denied()), want: accepted().again()},
		{row: 14, name: "401 for no reason", faults: replying(acstest.SpuriousUnauthorized()), want: accepted().again()},
		{row: 14, name: "401 as a page", faults: replying(acstest.HTMLPage(401)), want: accepted().again()},
		{row: 14, name: "401 with a token", faults: replying(acstest.Denied()), token: &acstest.TokenFault{}, want: accepted().again()},
		{row: 14, name: "401 twice", faults: replying(acstest.Denied(), acstest.Denied()), want: denied.again()},
		{row: 14, name: "401 twice, with a token", faults: replying(acstest.Denied(), acstest.Denied()), token: &acstest.TokenFault{}, want: denied.again()},
		{row: 14, name: "another's key", client: func(c *acs.Config) { c.Key = mailer.NewSecret("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=") }, want: denied.again()},
		{row: 14, name: "401 and 429", faults: replying(acstest.Denied(), acstest.RateLimited()), want: refused(rate, laterOrOther, 429, mailer.ErrRateLimited).again()},
		{row: 14, name: "401 and no reply", faults: append(replying(acstest.Denied()), acstest.Fault{Kind: acstest.Withhold, Accept: true}), want: unknown(provider, 0, 1).again()},
		{row: 14, name: "401 and 409", faults: append(replying(acstest.Denied()), acstest.AcceptBut(acstest.Conflict())), want: accepted().again().asking()},
		{row: 14, name: "early 401", faults: one(early(acstest.Denied())), msg: large, want: accepted()},
		{row: 15, name: "403", faults: replying(acstest.Forbidden()), want: refused(account, other, 403, mailer.ErrUnauthorized)},
		{row: 15, name: "403 with a token", faults: replying(acstest.Forbidden()), token: &acstest.TokenFault{}, want: refused(account, other, 403, mailer.ErrUnauthorized)},
	}
}

func boundaryRows() []rowCase {
	down := refused(provider, laterOrOther, 0, mailer.ErrUnavailable)
	return []rowCase{
		{row: 4, name: "end in the body", faults: one(acstest.Fault{Kind: acstest.CutInBody, After: 100_000}), msg: large, want: down},
		{row: 4, name: "reset in the body", faults: one(acstest.Fault{Kind: acstest.CutInBody, After: 100_000, Reset: true}), msg: large, want: down},
		{row: 4, name: "no progress in the body", client: stalling, msg: large, want: down},
		{row: 5, name: "end after the body", faults: on(acstest.Withhold), want: unknown(provider, 0, 0)},
		{row: 5, name: "end after acceptance", faults: one(acstest.Fault{Kind: acstest.Withhold, Accept: true}), want: unknown(provider, 0, 1)},
		{row: 5, name: "reset after acceptance", faults: one(acstest.Fault{Kind: acstest.Withhold, Accept: true, Reset: true}), want: unknown(provider, 0, 1)},
		{row: 5, name: "silence after acceptance", faults: one(acstest.Fault{Kind: acstest.Silence, Accept: true}), client: short, want: unknown(provider, 0, 1)},
		{row: 7, name: "expectation failed", faults: one(early(status(417))), msg: large, want: refused(provider, other, 417, mailer.ErrUnavailable)},
		{row: 8, name: "1xx only", faults: raw("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n"), want: unknown(provider, 0, 1)},
		{row: 8, name: "1xx first", faults: one(acstest.Fault{Interim: []string{"HTTP/1.1 103 Early Hints\r\n\r\n"}}), want: accepted()},
		{row: 36, name: "before the body", faults: on(acstest.SilentOnAccept), cancel: true, want: refused(caller, stop, 0, context.Canceled)},
		{row: 36, name: "while a token is fetched", token: &acstest.TokenFault{Hold: make(chan struct{})}, cancel: true, want: refused(caller, stop, 0, context.Canceled)},
		{row: 36, name: "after the body", faults: one(acstest.Fault{Kind: acstest.Silence, Accept: true}), cancel: true, want: unknown(caller, 0, 1)},
	}
}

// epoch is a time of the server's clock.
var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func replyRows() []rowCase {
	const id = "8540c0de-899f-5cce-acb5-3ec493af3800"
	notOurs := refused(account, other, 404, nil)
	limited := refused(rate, laterOrOther, 429, mailer.ErrRateLimited)
	return []rowCase{
		{row: 9, name: "202", want: accepted()},
		{row: 9, name: "202 with a token", token: &acstest.TokenFault{}, want: accepted()},
		{row: 9, name: "202 without a location", server: acstest.Config{OmitLocation: true}, want: accepted()},
		{row: 10, name: "202 without an id", faults: acceptingBut(acstest.AcceptedWithoutID()), want: unknown(provider, 202, 1)},
		{row: 10, name: "202 with an id that is none", faults: acceptingBut(acstest.AcceptedWithoutLocation("a b")), want: unknown(provider, 202, 1)},
		{row: 10, name: "200 with an id", faults: acceptingBut(acstest.OperationIs(id, acstest.StatusRunning, acstest.Error{})), want: unknown(provider, 200, 1)},
		{row: 10, name: "a page", faults: replying(acstest.HTMLSuccess()), want: unknown(provider, 200, 0)},
		{row: 10, name: "202 as a page", faults: replying(acstest.HTMLPage(202)), want: unknown(provider, 202, 0)},
		{row: 10, name: "truncated", faults: raw("HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{\"id\":\"" + id + "\"}"), want: unknown(provider, 202, 1)},
		{row: 12, name: "301", faults: replying(acstest.Redirect(301, "https://evil.example")), want: refused(account, other, 301, nil)},
		{row: 12, name: "307", faults: replying(acstest.Redirect(307, "https://evil.example")), want: refused(account, other, 307, nil)},
		{row: 12, name: "308", faults: replying(acstest.Redirect(308, "https://evil.example")), want: refused(account, other, 308, nil)},
		{row: 12, name: "304", faults: replying(acstest.Answer{Status: 304}), want: refused(account, other, 304, nil)},
		{row: 13, name: "400", faults: replying(acstest.BadRequest("content.plainText")), want: refused(message, stop, 400, nil)},
		{row: 13, name: "400 about an address", faults: replying(acstest.InvalidEmail("recipients.to[0].address")), want: refused(message, stop, 400, nil)},
		{row: 13, name: "400 about the sender", faults: replying(acstest.InvalidSenderUserName()), want: refused(sender, other, 400, mailer.ErrSenderRefused)},
		{row: 13, name: "a sender that the domain has not", server: acstest.Config{SenderUsers: []string{"donotreply"}}, want: refused(sender, other, 400, mailer.ErrSenderRefused)},
		{row: 13, name: "400, guarded", faults: replying(acstest.BadRequest("content.plainText")), client: guarded, want: refused(message, stop, 400, nil).asking()},
		{row: 13, name: "400, guarded, of a message that is there", faults: acceptingBut(acstest.DuplicateMessageID()), client: guarded, want: accepted().asking()},
		{row: 13, name: "422", faults: replying(status(422)), want: refused(message, stop, 422, nil)},
		{row: 16, name: "404", faults: replying(acstest.NotFound()), want: notOurs},
		{row: 16, name: "404 as a page", faults: replying(acstest.HTMLPage(404)), want: notOurs},
		{row: 16, name: "404 about the sender", faults: replying(acstest.DomainNotLinked()), want: refused(sender, other, 404, mailer.ErrSenderRefused)},
		{row: 16, name: "a domain that is not linked", server: acstest.Config{LinkedDomains: []string{"example.net"}}, want: refused(sender, other, 404, mailer.ErrSenderRefused)},
		{row: 16, name: "405", faults: replying(acstest.MethodNotAllowed()), want: refused(account, other, 405, nil)},
		{row: 16, name: "410", faults: replying(status(410)), want: refused(account, other, 410, nil)},
		{row: 17, name: "402", faults: replying(status(402)), want: refused(rate, laterOrOther, 402, mailer.ErrRateLimited)},
		{row: 18, name: "408", faults: replying(status(408)), want: unknown(provider, 408, 0)},
		{row: 18, name: "408 before the end", faults: one(early(status(408))), msg: large, want: refused(provider, laterOrOther, 408, mailer.ErrUnavailable)},
		{row: 19, name: "409 of a message that is there", faults: acceptingBut(acstest.Conflict()), want: accepted().asking()},
		{row: 19, name: "409 of an operation that failed", server: acstest.Config{Life: acstest.Life{End: acstest.Dropped()}}, faults: acceptingBut(acstest.Conflict()), want: accepted().asking()},
		{row: 19, name: "409 and nothing there", faults: replying(acstest.Conflict()), want: unknown(provider, 409, 0).asking()},
		{row: 19, name: "409 and nothing to see", server: acstest.Config{Life: acstest.Life{Hidden: true}}, faults: acceptingBut(acstest.Conflict()), want: unknown(provider, 409, 1).asking()},
		{row: 19, name: "409 and 500", faults: acceptingBut(acstest.Conflict(), acstest.Reply(acstest.InternalError())), want: unknown(provider, 409, 1).asking()},
		{row: 19, name: "409 and a page", faults: acceptingBut(acstest.Conflict(), acstest.Reply(acstest.HTMLSuccess())), want: unknown(provider, 409, 1).asking()},
		{row: 19, name: "409 and another's operation", faults: acceptingBut(acstest.Conflict(), acstest.Reply(acstest.OperationIs(id, acstest.StatusSucceeded, acstest.Error{}))), want: unknown(provider, 409, 1).asking()},
		{row: 19, name: "409 and no answer", faults: acceptingBut(acstest.Conflict(), acstest.Fault{Kind: acstest.Withhold}), want: unknown(provider, 409, 1).asking()},
		{row: 19, name: "409 as a page", faults: acceptingBut(acstest.HTMLPage(409)), want: accepted().asking()},
		{row: 20, name: "412", faults: replying(status(412)), want: refused(account, other, 412, nil)},
		{row: 21, name: "413", faults: replying(acstest.TooLarge()), want: refused(message, other, 413, nil)},
		{row: 21, name: "413 by size", server: acstest.Config{MaxRequestBytes: 1000}, msg: large, want: refused(message, other, 413, nil)},
		{row: 21, name: "431", faults: replying(status(431)), want: refused(message, other, 431, nil)},
		{row: 22, name: "406", faults: replying(status(406)), want: refused(account, other, 406, nil)},
		{row: 22, name: "415", faults: replying(status(415)), want: refused(account, other, 415, nil)},
		{row: 23, name: "425", faults: replying(status(425)), want: refused(provider, laterOrOther, 425, mailer.ErrUnavailable)},
		{row: 23, name: "428", faults: replying(status(428)), want: refused(provider, laterOrOther, 428, mailer.ErrUnavailable)},
		{row: 24, name: "429", faults: replying(acstest.RateLimited()), want: limited},
		{row: 24, name: "429 for an hour", faults: replying(acstest.RateLimitedFor(time.Hour)), want: limited.after(time.Hour)},
		{row: 24, name: "429 with a date", faults: replying(header(acstest.RateLimitedUntilDate(epoch.Add(11*time.Second)), "Date", epoch.Format(http.TimeFormat))), want: limited.after(11 * time.Second)},
		{row: 24, name: "429 as a page", faults: replying(acstest.HTMLPage(429)), want: limited},
		{row: 25, name: "451", faults: replying(status(451)), want: refused(message, stop, 451, nil)},
	}
}

// busy asks to wait, in a text that nobody documents.
func busy(text string) acstest.Answer {
	return header(answerOf(503, "text/plain", text), "Retry-After", "5")
}

func serverRows() []rowCase {
	no := refused(provider, laterOrOther, 503, mailer.ErrUnavailable)
	const empty = `{"error":{"code":"","message":"x"}}`
	return []rowCase{
		{row: 26, name: "500 by the service", faults: replying(acstest.InternalError()), want: unknown(provider, 500, 0)},
		{row: 26, name: "500 by the service that has it", faults: acceptingBut(acstest.InternalError()), want: unknown(provider, 500, 1)},
		{row: 26, name: "500 by the service, distrusted", faults: acceptingBut(acstest.InternalError()), client: distrust, want: unknown(provider, 500, 1)},
		{row: 26, name: "500 as a page", faults: acceptingBut(acstest.HTMLPage(500)), want: unknown(provider, 500, 1)},
		{row: 26, name: "500 without a body", faults: acceptingBut(acstest.Answer{Status: 500}), want: unknown(provider, 500, 1)},
		{row: 27, name: "501", faults: replying(status(501)), want: refused(provider, other, 501, mailer.ErrUnavailable)},
		{row: 27, name: "505", faults: replying(status(505)), want: refused(provider, other, 505, mailer.ErrUnavailable)},
		{row: 28, name: "502", faults: acceptingBut(acstest.Gateway(502)), want: unknown(provider, 502, 1)},
		{row: 28, name: "504", faults: acceptingBut(acstest.Gateway(504)), want: unknown(provider, 504, 1)},
		{row: 28, name: "502 with an error", faults: acceptingBut(status(502)), want: unknown(provider, 502, 1)},
		{row: 29, name: "503 by the service", faults: replying(acstest.Unavailable()), want: no.asking()},
		{row: 29, name: "503 by the service that has it", faults: acceptingBut(acstest.Unavailable()), want: accepted().asking()},
		{row: 29, name: "503 and 503", faults: replying(acstest.Unavailable(), acstest.Unavailable()), want: no.asking()},
		{row: 29, name: "503 and no answer", faults: append(replying(acstest.Unavailable()), acstest.Fault{Kind: acstest.Withhold}), want: no.asking()},
		{row: 29, name: "503 by the service, distrusted", faults: acceptingBut(acstest.Unavailable()), client: distrust, want: unknown(provider, 503, 1)},
		{row: 29, name: "503 with Retry-After", faults: replying(busy("busy")), want: no.after(5 * time.Second).asking()},
		{row: 29, name: "503 with Retry-After, of a message that is there", faults: acceptingBut(busy("busy")), want: accepted().asking()},
		{row: 29, name: "503 with Retry-After, distrusted", faults: acceptingBut(busy("busy")), client: distrust, want: unknown(provider, 503, 1)},
		{row: 30, name: "503 as a page", faults: acceptingBut(acstest.Gateway(503)), want: unknown(provider, 503, 1)},
		{row: 30, name: "503 as a page with Retry-After", faults: acceptingBut(header(acstest.HTMLPage(503), "Retry-After", "5")), want: unknown(provider, 503, 1)},
		{row: 30, name: "503 as a page with a code", faults: acceptingBut(header(acstest.HTMLPage(503), "X-Ms-Error-Code", "ServiceUnavailable")), want: unknown(provider, 503, 1)},
		{row: 30, name: "503 with nothing but Retry-After", faults: acceptingBut(busy("")), want: unknown(provider, 503, 1)},
		{row: 30, name: "503 with an error that says nothing", faults: acceptingBut(answerOf(503, "application/json", empty)), want: unknown(provider, 503, 1)},
		{row: 30, name: "503 without a body", faults: acceptingBut(acstest.Answer{Status: 503}), want: unknown(provider, 503, 1)},
	}
}

func cutRows() []rowCase {
	nested := answerOf(500, "application/json", strings.Repeat("[", 60_000))
	return []rowCase{
		{row: 31, name: "in the status line", faults: one(acstest.Fault{Kind: acstest.CutReply, After: 11, Accept: true}), want: unknown(provider, 0, 1)},
		{row: 31, name: "in the header", faults: one(acstest.Fault{Kind: acstest.CutReply, After: 40, Accept: true}), want: unknown(provider, 0, 1)},
		{row: 31, name: "no HTTP", faults: raw("220 mx.example.com ESMTP\r\n"), want: unknown(provider, 0, 1)},
		{row: 32, name: "400 cut", faults: one(acstest.Fault{
			Kind: acstest.Raw, RawReply: []byte("HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{\"error\":"),
		}), want: refused(message, stop, 400, nil)},
		{row: 32, name: "403 huge", faults: replying(answerOf(403, "text/plain", strings.Repeat("x", 200_000))), want: refused(account, other, 403, mailer.ErrUnauthorized)},
		{row: 33, name: "early 400", faults: one(early(acstest.BadRequest("content"))), msg: large, want: refused(message, stop, 400, nil)},
		{row: 33, name: "early 401 twice", faults: []acstest.Fault{early(acstest.Denied()), early(acstest.Denied())}, msg: large, want: refused(account, other, 401, mailer.ErrUnauthorized)},
		{row: 33, name: "early 500", faults: one(early(acstest.InternalError())), msg: large, want: refused(provider, laterOrOther, 500, mailer.ErrUnavailable)},
		{row: 33, name: "early 502", faults: one(early(acstest.Gateway(502))), msg: large, want: refused(provider, laterOrOther, 502, mailer.ErrUnavailable)},
		{row: 37, name: "compressed", faults: replying(bomb()), want: refused(message, stop, 400, nil)},
		{row: 37, name: "nested JSON", faults: replying(nested), want: unknown(provider, 500, 0)},
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
	server, client := c.start(t)
	m := simple()
	if c.msg != nil {
		c.msg(m)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	reached := c.meet(server)
	if c.cancel {
		go func() { <-reached; cancel() }()
	}
	receipt, err := client.Send(ctx, m)
	c.want.check(t, receipt, err)
	c.want.compare(t, server)
}

func (c *rowCase) start(t *testing.T) (*acstest.Server, *acs.Client) {
	if c.token != nil {
		return startWithToken(t, c.server, c.client)
	}
	return start(t, c.server, c.client)
}

// meet lets the faults happen, and returns what is closed when the first has.
func (c *rowCase) meet(server *acstest.Server) (reached <-chan struct{}) {
	if c.token != nil {
		reached = server.Credential().Next(*c.token)
	}
	for i, f := range c.faults {
		if happened := server.Next(f); i == 0 {
			reached = happened
		}
	}
	return reached
}

// TestRow6: a kept connection that has ended is replaced in silence.
func TestRow6(t *testing.T) {
	var dials atomic.Int32
	server, client := start(t, acstest.Config{}, dialing(func(ctx context.Context, network, address string) (net.Conn, error) {
		dials.Add(1)
		return new(net.Dialer).DialContext(ctx, network, address)
	}))
	for i := range 3 {
		if _, err := client.Send(t.Context(), simple()); err != nil {
			t.Fatal(err)
		}
		if got := len(held(t, server)); got != i+1 {
			t.Fatalf("%d messages, want %d", got, i+1)
		}
		server.CloseIdle()
	}
	if got := dials.Load(); got != 3 {
		t.Errorf("got %d connections, want 3", got)
	}
}

// TestSaturated: where no connection becomes free in time, nothing was sent, and the
// provider is not to blame.
func TestSaturated(t *testing.T) {
	server, client := start(t, acstest.Config{}, func(c *acs.Config) { c.MaxConns = 1 })
	reached := server.Next(acstest.Fault{Kind: acstest.Silence})
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
