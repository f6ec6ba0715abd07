package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/mailertest"
)

// newService returns a service that sends through sender, and its handler.
func newService(t *testing.T, sender closingSender) (*service, http.Handler) {
	t.Helper()
	s := &service{
		sender: sender, limits: usualLimits(), from: mailer.Address{Address: "shop@example.com"},
		log: textLogger(t.Output()),
	}
	mux := http.NewServeMux()
	s.routes(mux)
	return s, mux
}

// post sends a form and returns the reply with its body decoded.
func post(t *testing.T, h http.Handler, path string, form url.Values) (*httptest.ResponseRecorder, answer) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var a answer
	if strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
			t.Errorf("%v: %s", err, w.Body)
		}
	}
	return w, a
}

var receiptForm = url.Values{"to": {"ann@example.org"}, "order": {"4711"}}

func refusal(e mailer.SendError) mailertest.Step {
	e.Outcome = mailer.NotAccepted
	return mailertest.Step{Verdict: &e}
}

// An answerCase is one verdict of the provider, and what becomes of it.
type answerCase struct {
	name       string
	step       mailertest.Step
	status     int
	retryAfter string
	outcome    string
	note       string
	copies     int
	doubts     int
}

func (c *answerCase) check(t *testing.T, path string) {
	t.Helper()
	script := &mailertest.Script{Steps: []mailertest.Step{c.step}}
	s, h := newService(t, script)
	w, a := post(t, h, path, receiptForm)
	if w.Code != c.status || w.Header().Get("Retry-After") != c.retryAfter || a.Outcome != c.outcome || a.Note != c.note ||
		!strings.Contains(w.Body.String(), a.MessageID) {
		t.Errorf("got %d, Retry-After %q, %s", w.Code, w.Header().Get("Retry-After"), w.Body)
	}
	if n := script.Copies(a.MessageID); n != c.copies || len(script.Kept()) != n {
		t.Errorf("the provider has %d copies of %s, %d messages; want %d", n, a.MessageID, len(script.Kept()), c.copies)
	}
	if kept := s.doubts.all(); len(kept) != c.doubts || c.doubts == 1 && kept[0].MessageID != a.MessageID {
		t.Errorf("in doubt: %+v, want %d", kept, c.doubts)
	}
	if script.Left() != 0 {
		t.Error("the message was not sent")
	}
}

// Each verdict has its answer, which agrees with what the provider has.
func TestAnswers(t *testing.T) {
	for _, c := range []answerCase{
		{name: "accepted", status: 202, outcome: "accepted", copies: 1},
		{
			name: "unknown, and it has it", step: mailertest.Step{Verdict: &mailer.SendError{}, Kept: true},
			status: 202, outcome: "unknown", note: noteUnknown, copies: 1, doubts: 1,
		},
		{
			name: "unknown, and it has not", step: mailertest.Step{Verdict: &mailer.SendError{}},
			status: 202, outcome: "unknown", note: noteUnknown, doubts: 1,
		},
		{
			name: "unavailable", step: refusal(mailer.SendError{Scope: mailer.ScopeProvider, Temporary: true}),
			status: 503, retryAfter: "30", outcome: "not_accepted", note: noteLater,
		},
		{
			name: "rate limited", step: refusal(mailer.SendError{Scope: mailer.ScopeRate, RetryAfter: 1500 * time.Millisecond}),
			status: 503, retryAfter: "2", outcome: "not_accepted", note: noteLater,
		},
		{
			name: "recipient refused", step: refusal(mailer.SendError{Scope: mailer.ScopeRecipient, Code: 550}),
			status: 422, outcome: "not_accepted", note: noteRefused,
		},
		{
			name: "recipient busy", step: refusal(mailer.SendError{Scope: mailer.ScopeRecipient, Code: 450, Temporary: true}),
			status: 503, retryAfter: "30", outcome: "not_accepted", note: noteLater,
		},
		{
			name: "unauthorized", step: refusal(mailer.SendError{Scope: mailer.ScopeAccount, Protocol: "smtp", Code: 535}),
			status: 502, outcome: "not_accepted", note: noteBroken,
		},
		{
			name: "sender refused", step: refusal(mailer.SendError{Scope: mailer.ScopeSender}),
			status: 502, outcome: "not_accepted", note: noteBroken,
		},
		{
			name: "time is up before the boundary", step: mailertest.Step{Before: mailertest.Until(nil)},
			status: 503, retryAfter: "30", outcome: "not_accepted", note: noteLater,
		},
		{
			name: "time is up after it", step: mailertest.Step{After: mailertest.Until(nil)},
			status: 202, outcome: "unknown", note: noteUnknown, copies: 1, doubts: 1,
		},
	} {
		for _, path := range []string{"/reset", "/order"} {
			t.Run(c.name+path, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { c.check(t, path) }) // a busy machine does not make the time run out
			})
		}
	}
}

// What is sent is what was asked for; only the link may arrive twice.
func TestMessages(t *testing.T) {
	recorder := &mailertest.Recorder{}
	_, h := newService(t, recorder)
	post(t, h, "/reset", receiptForm)
	post(t, h, "/order", receiptForm)
	sent := recorder.SentTo("ann@example.org")
	if len(sent) != 2 {
		t.Fatalf("%d messages, want 2", len(sent))
	}
	link, receipt := sent[0], sent[1]
	if link.Delivery != mailer.AtLeastOnce || !strings.Contains(link.Text, "https://shop.example.com/reset/") {
		t.Errorf("reset sent %v %q", link.Delivery, link.Text)
	}
	if receipt.Delivery != mailer.AtMostOnce || receipt.Subject != "Receipt for order 4711" {
		t.Errorf("order sent %v %q", receipt.Delivery, receipt.Subject)
	}
}

func TestBadRequests(t *testing.T) {
	for _, c := range []struct {
		name, path string
		form       url.Values
		note       string
	}{
		{"no address", "/reset", nil, "to is not one address"},
		{"two addresses", "/reset", url.Values{"to": {"a@example.org, b@example.org"}}, "to is not one address"},
		{"no address at all", "/order", url.Values{"to": {"ann"}, "order": {"1"}}, "to is not one address"},
		{"no order", "/order", url.Values{"to": {"a@example.org"}}, "order is not a number"},
		{"an order with a line end", "/order", url.Values{"to": {"a@example.org"}, "order": {"1\r\nBcc: x@example.net"}}, "order is not a number"},
		{"a large form", "/reset", url.Values{"x": {strings.Repeat("x", maxFormBytes)}, "to": {"a@example.org"}}, "to is not one address"},
	} {
		t.Run(c.name, func(t *testing.T) {
			recorder := &mailertest.Recorder{}
			_, h := newService(t, recorder)
			w, a := post(t, h, c.path, c.form)
			if w.Code != http.StatusBadRequest || a.Outcome != "not_accepted" || !strings.Contains(a.Note, c.note) {
				t.Errorf("got %d, %s", w.Code, w.Body)
			}
			if n := len(recorder.Messages()); n != 0 {
				t.Errorf("%d messages were sent", n)
			}
		})
	}
}

// A message that cannot be sent as it is, because of how the program is set up, is nobody's bad request.
func TestBadSetUp(t *testing.T) {
	recorder := &mailertest.Recorder{}
	s, h := newService(t, recorder)
	s.from = mailer.Address{Address: "nobody"}
	if w, a := post(t, h, "/order", receiptForm); w.Code != http.StatusBadGateway || a.Note != noteBroken || len(recorder.Messages()) != 0 {
		t.Errorf("got %d, %s", w.Code, w.Body)
	}
}

// A client that hangs up in the middle does not take a good outcome away.
func TestClientHangsUp(t *testing.T) {
	committed, answered := make(chan struct{}), make(chan struct{})
	script := &mailertest.Script{Steps: []mailertest.Step{{After: func(ctx context.Context) error {
		close(committed)
		return mailertest.Until(answered)(ctx)
	}}}}
	s, h := newService(t, script)
	ctx, hangUp := context.WithCancel(t.Context())
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/order", strings.NewReader(receiptForm.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w, done := httptest.NewRecorder(), make(chan struct{})
	go func() { h.ServeHTTP(w, r); close(done) }()
	<-committed
	hangUp()
	close(answered)
	<-done
	if w.Code != http.StatusAccepted || len(s.doubts.all()) != 0 || len(script.Kept()) != 1 {
		t.Errorf("got %d, %s, %d copies", w.Code, w.Body, len(script.Kept()))
	}
}

func textLogger(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }
