package httpapi

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/internal/connpool"
	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/internal/netconn"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml"
)

// Short names keep the table readable.
var (
	unknown  = ledger.Unknown
	down     = ledger.ProviderDown
	refuses  = ledger.ProviderRefuses
	account  = ledger.AccountRefused
	limited  = ledger.RateLimited
	unfit    = ledger.MessageUnfit
	declined = ledger.MessageRefused
)

// statusRows are the HTTP rows from 10 to 33, for the statuses from first to last.
var statusRows = []struct {
	first, last int
	plain       ledger.Verdict // nothing but the status
	own         ledger.Verdict // the provider's own error
	distrusted  ledger.Verdict // the same, where that is not believed
	wait        ledger.Verdict // with Retry-After
	page        ledger.Verdict // with Retry-After, from a gateway
	early       ledger.Verdict // before the last byte left
}{
	{100, 299, unknown, unknown, unknown, unknown, unknown, unknown}, // row 10
	{300, 399, account, account, account, account, account, account}, // row 12
	{400, 400, declined, declined, declined, declined, declined, declined},
	{401, 401, account, account, account, account, account, account}, // row 14
	{402, 402, limited, limited, limited, limited, limited, limited}, // row 17
	{403, 405, account, account, account, account, account, account}, // rows 15, 16
	{406, 407, account, account, account, account, account, account}, // row 22
	{408, 408, unknown, unknown, unknown, unknown, unknown, down},    // row 18
	{409, 409, declined, declined, declined, declined, declined, declined},
	{410, 410, account, account, account, account, account, account}, // row 16
	{411, 411, declined, declined, declined, declined, declined, declined},
	{412, 412, account, account, account, account, account, account}, // row 20
	{413, 413, unfit, unfit, unfit, unfit, unfit, unfit},             // row 21
	{414, 414, declined, declined, declined, declined, declined, declined},
	{415, 415, account, account, account, account, account, account}, // row 22
	{416, 416, declined, declined, declined, declined, declined, declined},
	{417, 417, refuses, refuses, refuses, refuses, refuses, refuses}, // row 7
	{418, 420, declined, declined, declined, declined, declined, declined},
	{421, 421, down, down, down, down, down, down},
	{422, 424, declined, declined, declined, declined, declined, declined}, // row 13
	{425, 425, down, down, down, down, down, down},                         // row 23
	{426, 427, declined, declined, declined, declined, declined, declined},
	{428, 428, down, down, down, down, down, down},                   // row 23
	{429, 429, limited, limited, limited, limited, limited, limited}, // row 24
	{430, 430, declined, declined, declined, declined, declined, declined},
	{431, 431, unfit, unfit, unfit, unfit, unfit, unfit},                   // row 21
	{432, 499, declined, declined, declined, declined, declined, declined}, // row 25
	{500, 500, unknown, down, unknown, unknown, unknown, down},             // row 26
	{501, 501, refuses, refuses, refuses, refuses, refuses, down},          // row 27
	{502, 502, unknown, unknown, unknown, unknown, unknown, down},          // row 28
	{503, 503, unknown, down, unknown, down, unknown, down},                // rows 29, 30
	{504, 504, unknown, unknown, unknown, unknown, unknown, down},          // row 28
	{505, 505, refuses, refuses, refuses, refuses, refuses, down},          // row 27
	{506, 599, unknown, unknown, unknown, unknown, unknown, down},
}

func TestClassifyStatus(t *testing.T) {
	next := 100
	for _, row := range statusRows {
		if row.first != next {
			t.Fatalf("a row begins with %d, not %d", row.first, next)
		}
		next = row.last + 1
		wait := http.Header{"Retry-After": {"5"}, "Content-Type": {"application/json"}}
		page := http.Header{"Retry-After": {"5"}, "Content-Type": {"Text/HTML; charset=utf-8"}}
		for status := row.first; status <= row.last; status++ {
			for _, c := range []struct {
				name          string
				header        http.Header
				own, distrust bool
				early, cut    bool
				want          ledger.Verdict
			}{
				{"plain", nil, false, false, false, false, row.plain},
				{"plain, distrusted", nil, false, true, false, false, row.distrusted},
				{"own", nil, true, false, false, false, row.own},
				{"own, with Retry-After", wait, true, false, false, false, row.own},
				{"own, in a page", page, true, false, false, false, row.own},
				{"own, distrusted", nil, true, true, false, false, row.distrusted},
				{"own, with Retry-After, distrusted", wait, true, true, false, false, row.distrusted},
				{"wait", wait, false, false, false, false, row.wait},
				{"wait, without a type", http.Header{"Retry-After": {"5"}}, false, false, false, false, row.wait},
				{"wait, distrusted", wait, false, true, false, false, row.distrusted},
				{"page", page, false, false, false, false, row.page},
				{"page of XHTML", http.Header{"Retry-After": {"5"}, "Content-Type": {"application/xhtml+xml"}}, false, false, false, false, row.page},
				{"empty, with Retry-After", wait, false, false, false, false, row.page},
				{"early", nil, false, false, true, false, row.early},
				{"early, own", nil, true, false, true, false, row.early},
				{"early, distrusted", wait, true, true, true, false, row.early},
				{"own, cut", nil, true, false, false, true, row.plain},
			} {
				r := &Reply{Status: status, Header: c.header, Early: c.early, Whole: !c.cut, Body: []byte("later")}
				if strings.Contains(c.name, "empty") {
					r.Body = nil
				}
				if got := classifyReply(r, Problem{Own: c.own}, c.distrust); got != c.want {
					t.Errorf("%d, %s: got %+v, want %+v", status, c.name, got, c.want)
				}
			}
		}
	}
	if next != 600 {
		t.Errorf("the table ends with %d", next-1)
	}
}

// A provider's sharper verdict counts where the status is a refusal, and nowhere else.
func TestSharperVerdict(t *testing.T) {
	sharper := ledger.SenderRefused
	for _, c := range []struct {
		status int
		own    bool
		early  bool
		want   ledger.Verdict
	}{
		{202, true, false, unknown}, {302, true, false, sharper}, {403, true, false, sharper}, {408, true, false, unknown},
		{500, true, false, sharper}, {500, false, false, unknown}, {500, false, true, sharper}, {502, true, false, unknown}, {503, true, false, sharper},
	} {
		r := &Reply{Status: c.status, Early: c.early, Whole: true}
		if got := classifyReply(r, Problem{Own: c.own, Verdict: &sharper}, false); got != c.want {
			t.Errorf("%d, own %v: got %+v, want %+v", c.status, c.own, got, c.want)
		}
	}
}

// TestClassifyFailure is HTTP rows 1 to 8, 31 and 36: the stage, and whether the last byte was released.
func TestClassifyFailure(t *testing.T) {
	certificate := &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}
	for _, c := range []struct {
		stage    Stage
		err      error
		released bool
		want     ledger.Verdict
	}{
		{StageConnect, io.EOF, false, down},
		{StageConnect, netconn.ErrTimeout, false, down},
		{StageConnect, connpool.ErrSaturated, false, limited},
		{StageConnect, connpool.ErrClosed, false, ledger.CallerFault},
		{StageConnect, ErrNotLoopback, false, account},
		{StageConnect, context.Canceled, false, ledger.CallerFault},
		{StageConnect, context.DeadlineExceeded, false, ledger.CallerFault},
		{StageProxy, io.EOF, false, down},
		{StageProxy, ErrProxyAuth, false, account},
		{StageProxy, ErrProxyAddress, false, account},
		{StageProxy, certificate, false, refuses},
		{StageTLS, io.EOF, false, down},
		{StageTLS, certificate, false, refuses},
		{StageTLS, x509.UnknownAuthorityError{}, false, refuses},
		{StageCredential, io.EOF, false, ledger.AccountForNow},
		{StageCredential, netconn.ErrTimeout, false, down},
		{StageCredential, mailer.ErrUnavailable, false, down},
		{StageCredential, context.Canceled, false, ledger.CallerFault},
		{StageBody, io.EOF, false, down},
		{StageBody, netconn.ErrTimeout, false, down},
		{StageBody, ErrSource, false, ledger.CallerFault},
		{StageBody, eml.ErrSource, false, ledger.CallerFault},
		{StageBody, ErrCancelled, false, ledger.CallerFault},
		{StageBody, ErrRequest, false, ledger.CallerFault},
		{StageBody, connpool.ErrClosed, false, ledger.CallerFault},
		{StageReply, io.EOF, true, unknown},
		{StageReply, netconn.ErrTimeout, true, unknown},
		{StageReply, ErrReply, true, unknown},
		{StageReply, certificate, true, unknown},
		{StageReply, ErrSource, true, unknown},
		{StageReply, context.Canceled, true, ledger.UnknownByCaller},
		{StageReply, context.DeadlineExceeded, true, ledger.UnknownByCaller},
		{StageReply, connpool.ErrClosed, true, ledger.UnknownByCaller},
	} {
		e := &Error{c.stage, fmt.Errorf("wrapped: %w", c.err)}
		if got := classifyFailure(e, c.released); got != c.want {
			t.Errorf("%v, released %v: got %+v, want %+v", e, c.released, got, c.want)
		}
		if !c.released && got(e) == mailer.Unknown {
			t.Errorf("%v: unknown, though nothing was released", e)
		}
	}
}

func got(e *Error) mailer.Outcome { return classifyFailure(e, false).Outcome }

// The sentinels that programs look for.
func TestCause(t *testing.T) {
	for _, c := range []struct {
		e    *Error
		is   error
		text string
	}{
		{&Error{StageConnect, connpool.ErrClosed}, mailer.ErrClosed, "sender closed"},
		{&Error{StageTLS, x509.UnknownAuthorityError{}}, mailer.ErrTLSPolicy, "tls policy not met: tls handshake: x509: certificate signed by unknown authority"},
		{&Error{StageCredential, io.EOF}, mailer.ErrUnauthorized, "unauthorized: credential: EOF"},
		{&Error{StageCredential, context.DeadlineExceeded}, context.DeadlineExceeded, "credential: context deadline exceeded"},
		{&Error{StageBody, ErrSource}, ErrSource, "content failed"},
		{&Error{StageBody, io.EOF}, io.EOF, "request: EOF"},
		{&Error{StageReply, io.EOF}, io.EOF, "reply: EOF"},
		{&Error{StageConnect, io.EOF}, io.EOF, "connect: EOF"},
		{&Error{StageProxy, ErrProxyAuth}, ErrProxyAuth, "proxy: the proxy refused its credentials"},
	} {
		if err := cause(c.e); !errors.Is(err, c.is) || err.Error() != c.text {
			t.Errorf("got %q, want %q", err, c.text)
		}
	}
}
