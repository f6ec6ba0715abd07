package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/mailertest"
)

func refusal(e mailer.SendError) mailertest.Step {
	e.Outcome = mailer.NotAccepted
	return mailertest.Step{Verdict: &e}
}

// post sends a form to a service that sends through sender.
func post(t *testing.T, sender mailer.Sender, form url.Values) (*httptest.ResponseRecorder, answer) {
	t.Helper()
	s := &service{sender: sender, from: mailer.Address{Address: "donotreply@mail.example.com"}, log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	r := httptest.NewRequest(http.MethodPost, "/reset", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	s.reset(w, r)
	var a answer
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
		t.Errorf("%v: %s", err, w.Body)
	}
	return w, a
}

// Each verdict has its answer, which agrees with what the provider has.
func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		name       string
		step       mailertest.Step
		status     int
		retryAfter string
		outcome    string
		copies     int
	}{
		{name: "accepted", status: 202, outcome: "accepted", copies: 1},
		{name: "unknown, and it has it", step: mailertest.Step{Verdict: &mailer.SendError{}, Kept: true}, status: 202, outcome: "unknown", copies: 1},
		{name: "unknown, and it has not", step: mailertest.Step{Verdict: &mailer.SendError{}}, status: 202, outcome: "unknown"},
		{
			name: "over the quota", step: refusal(mailer.SendError{Scope: mailer.ScopeRate, RetryAfter: time.Hour}),
			status: 503, retryAfter: "3600", outcome: "not_accepted",
		},
		{
			name: "down", step: refusal(mailer.SendError{Scope: mailer.ScopeProvider, Temporary: true}),
			status: 503, retryAfter: "30", outcome: "not_accepted",
		},
		{name: "suppressed", step: refusal(mailer.SendError{Scope: mailer.ScopeRecipient, Code: 202}), status: 422, outcome: "not_accepted"},
		{name: "no role", step: refusal(mailer.SendError{Scope: mailer.ScopeAccount, Protocol: "http", Code: 403}), status: 502, outcome: "not_accepted"},
		{name: "unlinked", step: refusal(mailer.SendError{Scope: mailer.ScopeSender, Protocol: "http", Code: 404}), status: 502, outcome: "not_accepted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			script := &mailertest.Script{Steps: []mailertest.Step{c.step}}
			w, a := post(t, script, url.Values{"to": {"ann@example.org"}})
			if w.Code != c.status || w.Header().Get("Retry-After") != c.retryAfter || a.Outcome != c.outcome {
				t.Errorf("got %d, Retry-After %q, %s", w.Code, w.Header().Get("Retry-After"), w.Body)
			}
			if n := len(script.Kept()); n != c.copies || script.Left() != 0 {
				t.Errorf("the provider has %d copies, want %d; %d steps are left", n, c.copies, script.Left())
			}
		})
	}
}

func TestBadRequests(t *testing.T) {
	for _, to := range []string{"", "ann", "a@example.org, b@example.org", strings.Repeat("x", maxFormBytes) + "@example.org"} {
		recorder := &mailertest.Recorder{}
		if w, _ := post(t, recorder, url.Values{"to": {to}}); w.Code != http.StatusBadRequest || len(recorder.Messages()) != 0 {
			t.Errorf("%.20q: got %d, %d messages", to, w.Code, len(recorder.Messages()))
		}
	}
}

// The link may arrive twice rather than not at all.
func TestDelivery(t *testing.T) {
	recorder := &mailertest.Recorder{}
	post(t, recorder, url.Values{"to": {"ann@example.org"}})
	if sent := recorder.SentTo("ann@example.org"); len(sent) != 1 || sent[0].Delivery != mailer.AtLeastOnce {
		t.Errorf("sent %+v", sent)
	}
}

// A client that hangs up in the middle does not take a good outcome away.
func TestClientHangsUp(t *testing.T) {
	ctx, hangUp := context.WithCancel(t.Context())
	script := &mailertest.Script{Steps: []mailertest.Step{{After: func(ctx context.Context) error {
		hangUp()
		return ctx.Err()
	}}}}
	s := &service{sender: script, log: slog.New(slog.DiscardHandler)}
	receipt, err := s.send(ctx, &mailer.Message{
		From: mailer.Address{Address: "donotreply@mail.example.com"}, To: []mailer.Address{{Address: "ann@example.org"}}, Text: "Hello",
	})
	if err != nil || receipt.Outcome != mailer.Accepted || len(script.Kept()) != 1 {
		t.Errorf("got %+v, %v, %d copies", receipt, err, len(script.Kept()))
	}
}
