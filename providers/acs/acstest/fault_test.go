package acstest

import (
	"context"
	"crypto/tls"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/internal/testcert"
)

func TestReadyReplies(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	const endpoint = "https://contoso.communication.azure.com"
	for name, tt := range map[string]struct {
		answer       Answer
		status       int
		kind, part   string // of the body
		header, want string
	}{
		"accepted":             {Accepted(endpoint, id2), 202, "application/json", `{"id":"` + id2 + `","status":"Running"}`, "Operation-Location", endpoint + "//emails/operations/" + id2 + "?api-version=2025-09-01"},
		"without a location":   {AcceptedWithoutLocation(id2), 202, "application/json", id2, "Operation-Location", ""},
		"without an id":        {AcceptedWithoutID(), 202, "application/json", `{"status":"Running"}`, "Operation-Location", ""},
		"a page":               {HTMLSuccess(), 200, "text/html", "<html>", "X-Ms-Error-Code", ""},
		"a status":             {OperationIs(id2, StatusFailed, Error{Code: "c"}), 200, "application/json", `{"id":"` + id2 + `","status":"Failed","error":{"code":"c","message":""}}`, "Retry-After", ""},
		"a status alone":       {OperationIs(id2, "Odd", Error{}), 200, "application/json", `"status":"Odd"}`, "X-Ms-Error-Code", ""},
		"bad request":          {BadRequest("a"), 400, "application/json", `{"error":{"code":"BadRequest","message":"a is not valid.","target":"a"}}`, "X-Ms-Error-Code", "BadRequest"},
		"two bad members":      {BadRequest("a", "b"), 400, "application/json", `"details":[{`, "X-Ms-Error-Code", "BadRequest"},
		"address":              {InvalidEmail("replyTo[0].address"), 400, "application/json", "Invalid format for email address", "X-Ms-Error-Code", "InvalidEmailAddress"},
		"Message-ID":           {DuplicateMessageID(), 400, "application/json", "Message-ID", "X-Ms-Error-Code", "BadRequest"},
		"sender user":          {InvalidSenderUserName(), 400, "application/json", `"target":"senderAddress"`, "X-Ms-Error-Code", "InvalidSenderUserName"},
		"denied":               {Denied(), 401, "application/json", `{"error":{"code":"Denied","message":"Denied by the resource provider."}}`, "X-Ms-Error-Code", "Denied"},
		"denied for no reason": {SpuriousUnauthorized(), 401, "application/json", "drift", "X-Ms-Error-Code", "Denied"},
		"forbidden":            {Forbidden(), 403, "application/json", "not allowed", "X-Ms-Error-Code", "Forbidden"},
		"domain":               {DomainNotLinked(), 404, "application/json", "The specified sender domain has not been linked.", "X-Ms-Error-Code", "DomainNotLinked"},
		"not found":            {NotFound(), 404, "application/json", "not found", "X-Ms-Error-Code", "NotFound"},
		"method":               {MethodNotAllowed(), 405, "application/json", "method", "X-Ms-Error-Code", "MethodNotAllowed"},
		"conflict":             {Conflict(), 409, "application/json", "Operation-Id", "X-Ms-Error-Code", "Conflict"},
		"size":                 {TooLarge(), 413, "application/json", "too large", "X-Ms-Error-Code", "RequestEntityTooLarge"},
		"rate":                 {RateLimited(), 429, "application/json", "quota", "Retry-After", ""},
		"rate for":             {RateLimitedFor(1500 * time.Millisecond), 429, "application/json", "TooManyRequests", "Retry-After", "2"},
		"rate until a date":    {RateLimitedUntilDate(at), 429, "application/json", "TooManyRequests", "Retry-After", "Sun, 01 Mar 2026 12:00:00 GMT"},
		"internal":             {InternalError(), 500, "application/json", "internal", "X-Ms-Error-Code", "InternalServerError"},
		"internal page":        {HTMLPage(500), 500, "text/html", "500", "X-Ms-Error-Code", ""},
		"unavailable":          {Unavailable(), 503, "application/json", "unavailable", "X-Ms-Error-Code", "ServiceUnavailable"},
		"gateway":              {Gateway(504), 504, "text/html", "504", "X-Ms-Error-Code", ""},
		"redirect":             {Redirect(307, "https://example.com/"), 307, "text/html", "", "Location", "https://example.com/"},
		"more about an error": {
			Refusal(400, Error{Code: "c", AdditionalInfo: []AdditionalInfo{{"t", map[string]any{"k": 1}}}}), 400, "application/json",
			`"additionalInfo":[{"type":"t","info":{"k":1}}]`, "X-Ms-Error-Code", "c",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := Start(t, Config{})
			s.Next(Reply(tt.answer))
			s.Next(AcceptBut(tt.answer))
			for want := range 2 {
				g := sendAs(t, s, id1, plain)
				if g.status != tt.status || !strings.Contains(g.body, tt.part) || g.header.Get("Content-Type") != tt.kind || g.header.Get(tt.header) != tt.want {
					t.Errorf("%d %v %s", g.status, g.header, g.body)
				}
				if held := len(s.Messages()); held != want {
					t.Errorf("%d messages held, want %d", held, want)
				}
			}
			if g := sendAs(t, s, id1, plain); g.status != http.StatusAccepted || s.Repeats() != 1 {
				t.Errorf("afterwards %d, %d repeats", g.status, s.Repeats())
			}
		})
	}
}

// TestRefusedStaysRefused: a fault cannot make the service accept what it refuses.
func TestRefusedStaysRefused(t *testing.T) {
	s := Start(t, Config{})
	s.Next(AcceptBut(AcceptedWithoutLocation(id1)))
	if g := send(t, s, `{}`); g.status != http.StatusAccepted {
		t.Errorf("%d %v", g.status, g.header)
	}
	if len(s.Messages()) != 0 {
		t.Error("an invalid message is held")
	}
}

// TestReplyLost: the truth is known although the client learns nothing.
func TestReplyLost(t *testing.T) {
	certs := testcert.Must(t)
	s := Start(t, Config{TLS: testcert.Server(certs.Valid)})
	done := s.Next(Fault{Kind: Silence, Accept: true})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-done; cancel() }()
	req := request(t, s, http.MethodPost, sendTarget, plain).WithContext(ctx)
	signWith(t, req, plain, s.Key(), s.cfg.Now())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: certs.Roots, MinVersion: tls.VersionTLS12}}
	resp, err := transport.RoundTrip(req)
	if err == nil {
		_ = resp.Body.Close()
		t.Fatalf("a reply: %s", resp.Status)
	}
	s.EndSilences()
	must(t, s.WaitIdle(t.Context()))
	if len(s.Messages()) != 1 || s.Stats() != (Stats{Conns: 1, Requests: 1, Whole: 1}) || len(s.Requests()) != 1 {
		t.Errorf("messages %v, stats %+v", s.Messages(), s.Stats())
	}
	if !strings.HasPrefix(s.Endpoint(), "https://127.0.0.1:") {
		t.Errorf("endpoint %s", s.Endpoint())
	}
	s.CloseIdle()
	s.Close()
}
