package ledger

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// someone returns a prepared message to the first n of three recipients.
func someone(t *testing.T, n int) *mailer.Message {
	t.Helper()
	m := &mailer.Message{From: mailer.Address{Address: "ann@example.com"}, Text: "Hello", IdempotencyKey: "key-1"}
	for _, a := range []string{"bob@example.net", "cid@example.net", "dan@example.net"}[:n] {
		m.To = append(m.To, mailer.Address{Address: a})
	}
	prepared, err := mailer.Prepare(m)
	if err != nil {
		t.Fatal(err)
	}
	return prepared
}

// forEachCount runs test in a bubble of virtual time with an attempt that began 3 s ago, of
// a message to one recipient and of one to several.
func forEachCount(t *testing.T, test func(t *testing.T, a *Attempt)) {
	t.Helper()
	for name, n := range map[string]int{"one recipient": 1, "several": 3} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &Attempt{
					Provider: "post", Route: "primary", Gate: new(mailer.Gate), Start: time.Now(),
					Msg: someone(t, n), Degraded: []string{"dsn"},
				}
				a.Mark(mailer.PhaseContent)
				time.Sleep(3 * time.Second)
				test(t, a)
			})
		})
	}
}

// wantReceipt is the receipt of a with the given outcome, a result like like for every
// recipient, and an attempt like attempt.
func wantReceipt(a *Attempt, outcome mailer.Outcome, like mailer.RecipientResult, attempt mailer.Attempt) *mailer.Receipt {
	attempt.Provider, attempt.Route = "post", "primary"
	attempt.Start, attempt.Duration, attempt.Phase = a.Start, 3*time.Second, mailer.PhaseContent
	r := &mailer.Receipt{
		Outcome: outcome, Provider: "post", Route: "primary", ProviderMessageID: like.ProviderMessageID,
		MessageID: a.Msg.MessageID, IdempotencyKey: "key-1", Degraded: []string{"dsn"}, Attempts: []mailer.Attempt{attempt},
	}
	for _, to := range a.Msg.To {
		like.Address, like.Provider, like.Route = to.Address, "post", "primary"
		r.Recipients = append(r.Recipients, like)
	}
	return r
}

func compare(t *testing.T, got, want *mailer.Receipt) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestReceipt(t *testing.T) {
	forEachCount(t, func(t *testing.T, a *Attempt) {
		compare(t, a.Receipt(), wantReceipt(a, mailer.Unknown, mailer.RecipientResult{}, mailer.Attempt{}))
	})
}

// TestReceiptsAreApart: what is written into one receipt shows in no other.
func TestReceiptsAreApart(t *testing.T) {
	forEachCount(t, func(t *testing.T, a *Attempt) {
		first, second := a.Receipt(), a.Receipt()
		first.Recipients[0].Code, first.Attempts[0].Code = 1, 2
		first.Attempts = append(first.Attempts, mailer.Attempt{})
		if second.Recipients[0].Code != 0 || second.Attempts[0].Code != 0 || len(second.Attempts) != 1 {
			t.Errorf("the second one has changed: %+v", second)
		}
	})
}

// TestReceiptWithoutMessage: before there is a message there are no recipients.
func TestReceiptWithoutMessage(t *testing.T) {
	a := &Attempt{Provider: "post", Route: "primary", Start: time.Now()}
	r := a.Receipt()
	if len(r.Recipients) != 0 || r.MessageID != "" || len(r.Attempts) != 1 || r.Attempts[0].Route != "primary" {
		t.Errorf("got %+v", r)
	}
}

// TestMark: the gate's owner sees how far the attempt got, and there need not be a gate.
func TestMark(t *testing.T) {
	for _, gate := range []*mailer.Gate{nil, new(mailer.Gate)} {
		a := &Attempt{Gate: gate}
		a.Mark(mailer.PhaseAuth)
		if a.Phase != mailer.PhaseAuth || gate != nil && gate.Phase() != mailer.PhaseAuth {
			t.Errorf("phase %v, the gate's %v", a.Phase, gate.Phase())
		}
	}
}

func TestAccept(t *testing.T) {
	forEachCount(t, func(t *testing.T, a *Attempt) {
		compare(t, a.Accept(202, "id-7"), wantReceipt(a, mailer.Accepted,
			mailer.RecipientResult{Outcome: mailer.Accepted, Code: 202, ProviderMessageID: "id-7"},
			mailer.Attempt{Outcome: mailer.Accepted, Code: 202, Decision: "done"}))
	})
}

// hostile is a text as a provider may send it, and how it may be shown.
const (
	hostile = "no\r\nsuch user bob@example.net, key " + token
	token   = "0123456789abcdef0123456789abcdef0123456789abcdef"
)

// TestRefuse: the verdict and the provider's words are those of everybody, of the error and
// of the attempt; what is shown of them is fit to be shown.
func TestRefuse(t *testing.T) {
	forEachCount(t, func(t *testing.T, a *Attempt) {
		cause := errors.New("caused by " + hostile)
		why := Reason{Protocol: "http", Code: 429, EnhancedCode: "4.7.28", Text: hostile, RetryAfter: time.Minute}
		e := a.Refuse(RateLimited, why, cause)
		shown := []string{e.Receipt.Attempts[0].Detail}
		for i := range e.Receipt.Recipients {
			shown = append(shown, e.Receipt.Recipients[i].Detail)
		}
		compare(t, e.Receipt, wantReceipt(a, mailer.NotAccepted,
			mailer.RecipientResult{
				Outcome: mailer.NotAccepted, Scope: mailer.ScopeRate, Temporary: true, Elsewhere: true,
				Code: 429, EnhancedCode: "4.7.28", RetryAfter: time.Minute, Detail: shown[1],
			},
			mailer.Attempt{
				Outcome: mailer.NotAccepted, Scope: mailer.ScopeRate, Decision: "stop",
				Code: 429, EnhancedCode: "4.7.28", Detail: shown[0],
			}))
		for _, s := range shown {
			if !strings.Contains(s, "such user") || strings.ContainsAny(s, "\r\n@") || strings.Contains(s, token) {
				t.Errorf("shown: %q", s)
			}
		}
		want := mailer.SendError{
			Receipt: e.Receipt, Outcome: mailer.NotAccepted, Scope: mailer.ScopeRate, Temporary: true, Elsewhere: true,
			Protocol: "http", Code: 429, EnhancedCode: "4.7.28", RetryAfter: time.Minute, Err: cause,
		}
		if *e != want {
			t.Errorf("got  %+v\nwant %+v", *e, want)
		}
	})
}

// TestRefuseUnknown: an outcome that is unknown is so for everybody, and may be about an
// attempt of which nothing was said.
func TestRefuseUnknown(t *testing.T) {
	forEachCount(t, func(t *testing.T, a *Attempt) {
		cause := errors.New("lost")
		e := a.Refuse(Unknown, Reason{}, cause)
		compare(t, e.Receipt, wantReceipt(a, mailer.Unknown,
			mailer.RecipientResult{Outcome: mailer.Unknown, Scope: mailer.ScopeProvider},
			mailer.Attempt{Outcome: mailer.Unknown, Scope: mailer.ScopeProvider, Decision: "stop", Detail: "lost"}))
		if e.Protocol != "" || e.Code != 0 || e.Temporary || e.Elsewhere || !errors.Is(e, cause) {
			t.Errorf("got %+v", e)
		}
	})
}

// TestSkip: what was not tried says why in Skipped.
func TestSkip(t *testing.T) {
	forEachCount(t, func(t *testing.T, a *Attempt) {
		e := mailer.AsSendError(a.Skip(MessageUnfit, errors.New("no room for bob@example.net")))
		skipped := e.Receipt.Attempts[0].Skipped
		compare(t, e.Receipt, wantReceipt(a, mailer.NotAccepted,
			mailer.RecipientResult{Outcome: mailer.NotAccepted, Scope: mailer.ScopeMessage, Elsewhere: true},
			mailer.Attempt{Outcome: mailer.NotAccepted, Scope: mailer.ScopeMessage, Decision: "stop", Skipped: skipped}))
		if !strings.HasPrefix(skipped, "no room for ") || strings.Contains(skipped, "@") {
			t.Errorf("skipped: %q", skipped)
		}
	})
}

// TestInvalid: the verdict is that of Prepare, there are no recipients, and the cause is not
// wrapped twice.
func TestInvalid(t *testing.T) {
	_, err := mailer.Prepare(&mailer.Message{})
	a := &Attempt{Provider: "post", Route: "primary", Start: time.Now()}
	e := mailer.AsSendError(a.Invalid(err))
	if e.Outcome != mailer.NotAccepted || e.Scope != mailer.ScopeCaller || e.Elsewhere || !errors.Is(e, mailer.ErrInvalidMessage) {
		t.Errorf("got %+v", e)
	}
	var inner *mailer.SendError
	if errors.As(e.Err, &inner) {
		t.Error("the cause is a SendError again")
	}
	if r := e.Receipt; r.Provider != "post" || len(r.Recipients) != 0 || r.Attempts[0].Skipped == "" {
		t.Errorf("receipt %+v", r)
	}
}

// TestFill: what the provider said is shown of a failure, and of nothing else.
func TestFill(t *testing.T) {
	result := mailer.RecipientResult{Address: "bob@example.net", Route: "primary"}
	Fill(&result, Accepted, Reason{Code: 250, EnhancedCode: "2.1.5", Text: "welcome"})
	want := mailer.RecipientResult{
		Address: "bob@example.net", Route: "primary", Outcome: mailer.Accepted, Code: 250, EnhancedCode: "2.1.5",
	}
	if result != want {
		t.Errorf("accepted: %+v, want %+v", result, want)
	}
	Fill(&result, RecipientForNow, Reason{Code: 450, Text: "later"})
	want = mailer.RecipientResult{
		Address: "bob@example.net", Route: "primary", Outcome: mailer.NotAccepted, Scope: mailer.ScopeRecipient,
		Temporary: true, Code: 450, Detail: "later",
	}
	if result != want {
		t.Errorf("refused: %+v, want %+v", result, want)
	}
}

// TestVerdicts writes the verdicts down a second time, so that one that is changed is seen as such.
func TestVerdicts(t *testing.T) {
	const no = mailer.NotAccepted
	seen := make([]Verdict, 0, 16)
	for _, c := range []struct {
		name      string
		got       Verdict
		outcome   mailer.Outcome
		scope     mailer.Scope
		temporary bool
		elsewhere bool
	}{
		{"Accepted", Accepted, mailer.Accepted, mailer.ScopeUnknown, false, false},
		{"Unknown", Unknown, mailer.Unknown, mailer.ScopeProvider, false, false},
		{"UnknownByCaller", UnknownByCaller, mailer.Unknown, mailer.ScopeCaller, false, false},
		{"CallerFault", CallerFault, no, mailer.ScopeCaller, false, false},
		{"ProviderDown", ProviderDown, no, mailer.ScopeProvider, true, true},
		{"ProviderRefuses", ProviderRefuses, no, mailer.ScopeProvider, false, true},
		{"RateLimited", RateLimited, no, mailer.ScopeRate, true, true},
		{"AccountRefused", AccountRefused, no, mailer.ScopeAccount, false, true},
		{"AccountForNow", AccountForNow, no, mailer.ScopeAccount, true, true},
		{"SenderRefused", SenderRefused, no, mailer.ScopeSender, false, true},
		{"MessageRefused", MessageRefused, no, mailer.ScopeMessage, false, false},
		{"MessageUnfit", MessageUnfit, no, mailer.ScopeMessage, false, true},
		{"MessageForNow", MessageForNow, no, mailer.ScopeMessage, true, false},
		{"RecipientRefused", RecipientRefused, no, mailer.ScopeRecipient, false, false},
		{"RecipientForNow", RecipientForNow, no, mailer.ScopeRecipient, true, false},
		{"RecipientTooMany", RecipientTooMany, no, mailer.ScopeRecipient, true, true},
	} {
		if want := (Verdict{c.outcome, c.scope, c.temporary, c.elsewhere}); c.got != want {
			t.Errorf("%s: got %+v, want %+v", c.name, c.got, want)
		}
		if slices.Contains(seen, c.got) {
			t.Errorf("%s says the same as another one", c.name)
		}
		seen = append(seen, c.got)
	}
}
