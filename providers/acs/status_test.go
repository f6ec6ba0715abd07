package acs_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/acs"
	"github.com/mailkeel/mailkeel/providers/acs/acstest"
)

// TestStatus: every state of an operation, and what it means.
func TestStatus(t *testing.T) {
	dropped := acstest.Dropped()
	for _, c := range []struct {
		life acstest.Life
		want acs.Operation // without ID
		done bool
	}{
		{acstest.Life{}, acs.Operation{Status: "Succeeded", Outcome: mailer.Accepted}, true},
		{acstest.Life{RunningFor: time.Hour}, acs.Operation{Status: "Running", Outcome: mailer.Accepted, RetryAfter: 20 * time.Second}, false},
		{acstest.Life{End: acstest.End{Status: acstest.StatusNotStarted}}, acs.Operation{Status: "NotStarted", Outcome: mailer.Accepted}, false},
		{acstest.Life{End: acstest.End{Status: "Dreaming"}}, acs.Operation{Status: "Dreaming", Outcome: mailer.Accepted}, false},
		{acstest.Life{End: dropped}, acs.Operation{
			Status: "Failed", Outcome: mailer.NotAccepted, Scope: mailer.ScopeMessage, Elsewhere: true, Code: dropped.Code, Detail: dropped.Message,
		}, true},
		{acstest.Life{End: acstest.AllSuppressed()}, acs.Operation{
			Status: "Failed", Outcome: mailer.NotAccepted, Scope: mailer.ScopeRecipient,
			Code: acstest.AllSuppressed().Code, Detail: acstest.AllSuppressed().Message,
		}, true},
		{acstest.Life{End: acstest.Canceled()}, acs.Operation{
			Status: "Canceled", Outcome: mailer.NotAccepted, Scope: mailer.ScopeMessage, Elsewhere: true,
			Code: acstest.Canceled().Code, Detail: acstest.Canceled().Message,
		}, true},
		{acstest.Life{End: acstest.End{Status: "FAILED"}}, acs.Operation{
			Status: "FAILED", Outcome: mailer.NotAccepted, Scope: mailer.ScopeMessage, Elsewhere: true,
		}, true},
	} {
		t.Run(c.want.Status+c.want.Code, func(t *testing.T) {
			_, client := start(t, acstest.Config{Life: c.life}, nil)
			id := mustSend(t, client, simple()).ProviderMessageID
			for _, spelled := range []string{id, strings.ToUpper(id)} {
				got, err := client.Status(t.Context(), spelled)
				c.want.ID = id
				if err != nil || got != c.want || got.Done() != c.done {
					t.Errorf("got  %+v (%v), %v\nwant %+v (%v)", got, got.Done(), err, c.want, c.done)
				}
			}
		})
	}
}

// TestStatusUnknown: nobody knows it, or it could be nobody's.
func TestStatusUnknown(t *testing.T) {
	server, client := start(t, acstest.Config{}, nil)
	isNone := func(id string) {
		t.Helper()
		got, err := client.Status(t.Context(), id)
		var e *mailer.SendError
		if !errors.Is(err, acs.ErrNoOperation) || errors.As(err, &e) || got != (acs.Operation{}) {
			t.Errorf("%q: got %+v, %v", id, got, err)
		}
		if err != nil && id != "" && strings.Contains(err.Error(), id) {
			t.Errorf("the error repeats %q: %v", id, err)
		}
	}
	isNone(acs.OperationID("never sent"))
	if n := server.Stats().Requests; n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
	for _, id := range []string{
		"", "..", "../..", "a/b", "a?b=c", "a#b", "a%2Fb", "a b", "a\r\nX: y", "é", "a.b", strings.Repeat("a", 129),
	} {
		isNone(id)
	}
	if n := server.Stats().Requests; n != 1 {
		t.Errorf("%d requests for what cannot be an operation", n-1)
	}
}

// TestStatusNotUnderstood: what is not of the documented form is no answer.
func TestStatusNotUnderstood(t *testing.T) {
	id := acs.OperationID("some key")
	body := func(status int, text string) acstest.Answer {
		a := acstest.OperationIs(id, acstest.StatusRunning, acstest.Error{})
		a.Status, a.Body = status, []byte(text)
		return a
	}
	whole := fmt.Sprintf(`{"id":%q,"status":"Succeeded"}`, id)
	for name, answer := range map[string]acstest.Answer{
		"empty":           body(http.StatusOK, ""),
		"null":            body(http.StatusOK, "null"),
		"list":            body(http.StatusOK, "["+whole+"]"),
		"text":            body(http.StatusOK, `"Succeeded"`),
		"cut":             body(http.StatusOK, whole[:len(whole)-2]),
		"more":            body(http.StatusOK, whole+whole),
		"no id":           body(http.StatusOK, `{"status":"Succeeded"}`),
		"another id":      body(http.StatusOK, `{"id":"8540c0de-899f-5cce-acb5-3ec493af3800","status":"Succeeded"}`),
		"no status":       body(http.StatusOK, fmt.Sprintf(`{"id":%q}`, id)),
		"a number":        body(http.StatusOK, fmt.Sprintf(`{"id":%q,"status":1}`, id)),
		"201":             body(http.StatusCreated, whole),
		"204":             {Status: http.StatusNoContent, Header: http.Header{}},
		"page":            acstest.HTMLSuccess(),
		"302":             acstest.Redirect(http.StatusFound, "https://example.com/"),
		"500":             acstest.InternalError(),
		"418":             body(http.StatusTeapot, whole),
		"400":             acstest.BadRequest("operationId"),
		"503 with a page": acstest.Gateway(http.StatusServiceUnavailable),
	} {
		t.Run(name, func(t *testing.T) {
			server, client := start(t, acstest.Config{}, nil)
			server.Next(acstest.Reply(answer))
			got, err := client.Status(t.Context(), id)
			var e *mailer.SendError
			if err == nil || errors.Is(err, acs.ErrNoOperation) || errors.As(err, &e) || got != (acs.Operation{}) {
				t.Errorf("got %+v, %v", got, err)
			}
			if n := server.Stats().Requests; n != 1 {
				t.Errorf("asked %d times", n)
			}
		})
	}
}

// TestStatusOfFailure: what the service says of a failure is shown on one line, without addresses.
func TestStatusOfFailure(t *testing.T) {
	_, client := start(t, acstest.Config{Life: acstest.Life{End: acstest.End{
		Status: acstest.StatusFailed, Code: "EmailDropped", Message: "Dropped for ann@example.org\r\nand more.",
	}}}, nil)
	o, err := client.Status(t.Context(), mustSend(t, client, simple()).ProviderMessageID)
	if err != nil || strings.ContainsAny(o.Detail, "\r\n") || strings.Contains(o.Detail, "ann@") {
		t.Errorf("got %q, %v", o.Detail, err)
	}
}
