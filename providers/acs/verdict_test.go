package acs_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/acs"
	"github.com/mailkeel/mailkeel/providers/acs/acstest"
)

// verdict is what a Send has to say about a failure, and what it takes to say so.
type verdict struct {
	outcome mailer.Outcome
	scope   mailer.Scope
	flags   string // of "temporary" and "elsewhere", in this order
	code    int
	is      error         // nil: not looked at
	wait    time.Duration // RetryAfter
	copies  int           // that the service accepted: the truth
	twice   bool          // the request was made a second time
	asks    int           // requests for the operation
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

// again: the request was refused with 401 and made once more.
func (v verdict) again() verdict { v.twice = true; return v }

// asking: the operation was asked for.
func (v verdict) asking() verdict { v.asks = 1; return v }

const (
	message  = mailer.ScopeMessage
	sender   = mailer.ScopeSender
	account  = mailer.ScopeAccount
	rate     = mailer.ScopeRate
	provider = mailer.ScopeProvider
	caller   = mailer.ScopeCaller
)

// compare compares with the truth on the server's side.
func (v verdict) compare(t *testing.T, server *acstest.Server) {
	t.Helper()
	if got := len(held(t, server)); got != v.copies {
		t.Errorf("the service accepted %d copies, want %d", got, v.copies)
	}
	made := make(map[string]int)
	for _, r := range server.Requests() {
		made[r.Method]++
	}
	most, least := 1, 0 // not every request arrived whole
	if v.twice {
		most, least = 2, 2
	}
	if posts := made[http.MethodPost]; posts > most || posts < least || made[http.MethodGet] != v.asks {
		t.Errorf("%d requests to send and %d for an operation, want %d at most, and %d", posts, made[http.MethodGet], most, v.asks)
	}
}

func (v verdict) check(t *testing.T, receipt *mailer.Receipt, err error) {
	t.Helper()
	if v.outcome == mailer.Accepted {
		if err != nil || receipt == nil || receipt.Outcome != mailer.Accepted || receipt.ProviderMessageID != acs.OperationID(receipt.IdempotencyKey) {
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
