package acs_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/acs"
	"github.com/mailkeel/mailkeel/providers/acs/acstest"
)

func waiting(d time.Duration) func(*acs.Config) { return func(c *acs.Config) { c.Wait = d } }

// TestWait: the end of an operation is the verdict where it can be had in time, and where not, the
// message is accepted as it is.
func TestWait(t *testing.T) {
	const never = -1
	for _, c := range []struct {
		name  string
		life  acstest.Life
		after time.Duration // what the service asks to wait
		wait  time.Duration
		takes time.Duration
		asks  int
		scope mailer.Scope // zero: accepted
		code  string
	}{
		{"succeeds at once", acstest.Life{}, never, time.Minute, 2 * time.Second, 1, 0, ""},
		{"is told when to ask", acstest.Life{}, 20 * time.Second, time.Minute, 20 * time.Second, 1, 0, ""},
		{"is told when to ask again", acstest.Life{RunningFor: 25 * time.Second}, 20 * time.Second, time.Minute, 40 * time.Second, 2, 0, ""},
		{"runs, then succeeds", acstest.Life{RunningReads: 3}, never, time.Minute, 30 * time.Second, 4, 0, ""},
		{"dropped", acstest.Life{End: acstest.Dropped()}, never, time.Minute, 2 * time.Second, 1, mailer.ScopeMessage, "EmailDropped"},
		{"runs, then is dropped", acstest.Life{RunningFor: 5 * time.Second, End: acstest.Dropped()}, never, time.Minute, 6 * time.Second, 2, mailer.ScopeMessage, "EmailDropped"},
		{"all suppressed", acstest.Life{End: acstest.AllSuppressed()}, never, time.Minute, 2 * time.Second, 1, mailer.ScopeRecipient, "EmailDroppedAllRecipientsSuppressed"},
		{"canceled", acstest.Life{End: acstest.Canceled()}, never, time.Minute, 2 * time.Second, 1, mailer.ScopeMessage, "OperationCanceled"},
		{"fails with a new code", acstest.Life{End: acstest.End{Status: acstest.StatusFailed, Code: "Novelty", Message: "New."}}, never, time.Minute, 2 * time.Second, 1, mailer.ScopeMessage, "Novelty"},
		{"not in use", acstest.Life{End: acstest.End{Status: acstest.StatusNotStarted}}, never, 10 * time.Second, 6 * time.Second, 2, 0, ""},
		{"budget too small", acstest.Life{End: acstest.Dropped()}, never, time.Second, 0, 0, 0, ""},
		{"budget ends", acstest.Life{RunningFor: time.Hour}, never, 10 * time.Second, 6 * time.Second, 2, 0, ""},
		{"asked to wait for longer", acstest.Life{End: acstest.Dropped()}, 20 * time.Second, 15 * time.Second, 0, 0, 0, ""},
		{"is not found", acstest.Life{Hidden: true}, never, time.Minute, 30 * time.Second, 4, 0, ""},
		{"shows late", acstest.Life{HiddenReads: 2, End: acstest.Dropped()}, never, time.Minute, 14 * time.Second, 3, mailer.ScopeMessage, "EmailDropped"},
		{"off", acstest.Life{End: acstest.Dropped()}, never, 0, 0, 0, 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t, acstest.Config{Life: c.life, RetryAfter: c.after})
			l.run(func(t *testing.T) {
				client := l.client(t, waiting(c.wait))
				var receipt *mailer.Receipt
				var err error
				if took := lasts(func() { receipt, err = client.Send(t.Context(), simple()) }); took != c.takes {
					t.Errorf("took %v, want %v", took, c.takes)
				}
				if c.scope == 0 {
					if err != nil || receipt.Outcome != mailer.Accepted || receipt.ProviderMessageID == "" {
						t.Errorf("got %+v, %v; want accepted", receipt, err)
					}
					return
				}
				wantDropped(t, err, c.scope, c.code)
			})
			wantCopies(t, l.held(), 1)
			wantRequests(t, l.Requests(), 1, c.asks)
		})
	}
}

// wantDropped: the service took the message, and dropped it; another one may take it unless its
// recipients are the reason.
func wantDropped(t *testing.T, err error, scope mailer.Scope, code string) {
	t.Helper()
	e := wantRefused(t, err, scope, nil)
	var own *azcore.ResponseError
	if !errors.As(err, &own) || own.ErrorCode != code || own.RawResponse != nil {
		t.Errorf("as azcore's error %+v, want the code %s", own, code)
	}
	if want := scope == mailer.ScopeMessage; e.Elsewhere != want || e.Temporary {
		t.Errorf("elsewhere %v, temporary %v", e.Elsewhere, e.Temporary)
	}
	if scope == mailer.ScopeRecipient != errors.Is(err, mailer.ErrRecipientRefused) {
		t.Errorf("got %v", err)
	}
}

// TestDroppedIsSentAgain: under its own key a message remains the operation that failed, under another one it goes out.
func TestDroppedIsSentAgain(t *testing.T) {
	l := newLab(t, acstest.Config{RetryAfter: -1})
	l.NextLife(acstest.Life{End: acstest.Dropped()})
	l.run(func(t *testing.T) {
		client := l.client(t, waiting(time.Minute))
		m := *prepared(t, simple())
		for range 2 {
			_, err := client.Send(t.Context(), &m)
			wantDropped(t, err, mailer.ScopeMessage, "EmailDropped")
		}
		m.IdempotencyKey = "another"
		mustSend(t, client, prepared(t, &m))
	})
	wantCopies(t, l.held(), 2)
}

// TestAcceptedAndEnded: an acceptance that tells the end of the operation is not waited for, and one that tells of
// its failure is none.
func TestAcceptedAndEnded(t *testing.T) {
	told := func(status acstest.Status, e acstest.End) acstest.Answer {
		a := acstest.OperationIs("8540c0de-899f-5cce-acb5-3ec493af3800", status, acstest.Error{Code: e.Code, Message: e.Message})
		a.Status = http.StatusAccepted
		return a
	}
	for _, c := range []struct {
		name  string
		fault acstest.Fault
		scope mailer.Scope // zero: accepted
		code  string
	}{
		{"succeeded", acstest.AcceptBut(told(acstest.StatusSucceeded, acstest.End{})), 0, ""},
		{"dropped", acstest.Reply(told(acstest.StatusFailed, acstest.Dropped())), mailer.ScopeMessage, "EmailDropped"},
		{"suppressed", acstest.Reply(told(acstest.StatusFailed, acstest.AllSuppressed())), mailer.ScopeRecipient, "EmailDroppedAllRecipientsSuppressed"},
		{"canceled", acstest.Reply(told(acstest.StatusCanceled, acstest.Canceled())), mailer.ScopeMessage, "OperationCanceled"},
	} {
		for _, wait := range []time.Duration{0, time.Minute} {
			t.Run(c.name, func(t *testing.T) {
				server, client := start(t, acstest.Config{}, waiting(wait))
				server.Next(c.fault)
				_, err := client.Send(t.Context(), simple())
				copies := 0
				if c.scope == 0 {
					if copies = 1; err != nil {
						t.Error(err)
					}
				} else {
					wantDropped(t, err, c.scope, c.code)
				}
				wantCopies(t, held(t, server), copies)
				wantRequests(t, server.Requests(), 1, 0)
			})
		}
	}
}

// TestWaitUnanswered: what keeps us from knowing the end is no verdict.
func TestWaitUnanswered(t *testing.T) {
	for name, fault := range map[string]acstest.Fault{
		"500": acstest.Reply(acstest.InternalError()), "401": acstest.Reply(acstest.Denied()), "403": acstest.Reply(acstest.Forbidden()),
		"429": acstest.Reply(acstest.RateLimited()), "page": acstest.Reply(acstest.HTMLSuccess()), "cut": {Kind: acstest.Withhold},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, acstest.Config{RetryAfter: -1, Life: acstest.Life{End: acstest.Dropped()}})
			l.Next(acstest.Fault{})
			for range 2 {
				l.Next(fault)
			}
			l.run(func(t *testing.T) { mustSend(t, l.client(t, waiting(time.Minute)), simple()) })
			wantCopies(t, l.held(), 1)
		})
	}
}

// TestWaitWithinQuota: waiting takes half of the status reads, and the messages after that are
// accepted as they are. The other half is there for what is in doubt.
func TestWaitWithinQuota(t *testing.T) {
	l := newLab(t, acstest.Config{RetryAfter: -1, Life: acstest.Life{RunningReads: 1}})
	l.run(func(t *testing.T) {
		client := l.client(t, func(c *acs.Config) { c.Wait, c.Quota = time.Minute, acs.Quota{PerMinute: -1, PerHour: 20} })
		for i := range 20 {
			want := 6 * time.Second // two questions
			if i >= 10 {
				want = 2 * time.Second // none: 20 of 40 are gone
			}
			if took := lasts(func() { mustSend(t, client, simple()) }); took != want {
				t.Errorf("message %d took %v, want %v", i, took, want)
			}
		}
		for i := range 20 {
			if _, err := client.Status(t.Context(), acs.OperationID("some key")); !errors.Is(err, acs.ErrNoOperation) {
				t.Errorf("question %d: %v", i, err)
			}
		}
		got, err := client.Resolve(t.Context(), prepared(t, simple()))
		wantUnresolved(t, got, err, mailer.ErrRateLimited)
	})
	if u := l.StatusUsage(); u.Total != 40 {
		t.Errorf("asked %d times, want 40", u.Total)
	}
}

// TestWaitEnds: who waits for the end of an operation waits no longer than ctx, or Close.
func TestWaitEnds(t *testing.T) {
	l := newLab(t, acstest.Config{RetryAfter: -1, Life: acstest.Life{RunningFor: time.Hour}})
	l.run(func(t *testing.T) {
		client := l.client(t, waiting(10*time.Minute))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(5*time.Second, cancel)
		var err error
		if took := lasts(func() { _, err = client.Send(ctx, simple()) }); took != 5*time.Second || err != nil {
			t.Errorf("cancelled after 5s it took %v: %v", took, err)
		}
		if took := lasts(func() { _, err = client.Send(limitedBy(t, 7*time.Second), simple()) }); took != 6*time.Second || err != nil {
			t.Errorf("with a deadline of 7s it took %v: %v; want the last question at 6s", took, err)
		}
		closed := make(chan error, 1)
		time.AfterFunc(5*time.Second, func() { closed <- client.Close(context.Background()) })
		if took := lasts(func() { _, err = client.Send(t.Context(), simple()) }); took != 5*time.Second || err != nil {
			t.Errorf("closed after 5s it took %v: %v", took, err)
		}
		if err := <-closed; err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	wantCopies(t, l.held(), 3)
}
