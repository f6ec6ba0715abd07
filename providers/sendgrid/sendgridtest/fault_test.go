package sendgridtest

import (
	"context"
	"crypto/tls"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/internal/testcert"
)

func TestReadyReplies(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		answer       Answer
		status       int
		kind         string // of the body
		part         string // of the body
		header, want string
	}{
		"accepted without an id": {AcceptedWithoutID(), 202, "", "", "X-Message-Id", ""},
		"a page":                 {HTMLSuccess(), 200, "text/html", "<html>", "", ""},
		"no field":               {BadRequest(""), 400, "application/json", `{"errors":[{"message":"Bad Request","field":null,"help":null}]}`, "", ""},
		"two fields":             {BadRequest("from", "subject"), 400, "application/json", `"field":"subject"`, "", ""},
		"help is an object":      {Errors(400, Error{"m", "null", map[string]string{"url": "u"}}), 400, "application/json", `{"message":"m","field":"null","help":{"url":"u"}}`, "", ""},
		"key":                    {Unauthorized(), 401, "application/json", "invalid, expired, or revoked", "", ""},
		"credits":                {CreditsExceeded(), 401, "application/json", "Maximum credits exceeded", "", ""},
		"sender":                 {SenderNotVerified(), 403, "application/json", `"field":"from","help":"https://`, "", ""},
		"scope":                  {Forbidden(), 403, "application/json", "access forbidden", "", ""},
		"path":                   {NotFound(), 404, "application/json", "not found", "", ""},
		"method":                 {MethodNotAllowed(), 405, "application/json", `"field":"null"`, "", ""},
		"accept":                 {NotAcceptable(), 406, "", "", "", ""},
		"size":                   {TooLarge(), 413, "text/html", "413", "", ""},
		"rate":                   {RateLimited(), 429, "application/json", "too many requests", "X-RateLimit-Reset", ""},
		"rate until":             {RateLimitedUntil(at), 429, "application/json", "too many requests", "X-RateLimit-Reset", strconv.FormatInt(at.Unix(), 10)},
		"rate for":               {RateLimitedFor(1500 * time.Millisecond), 429, "application/json", "", "Retry-After", "2"},
		"rate until a date":      {RateLimitedUntilDate(at), 429, "application/json", "", "Retry-After", "Sun, 01 Mar 2026 12:00:00 GMT"},
		"internal":               {InternalError(), 500, "application/json", `{"errors":[{"message":"internal server error"}]}`, "", ""},
		"internal page":          {HTMLPage(500), 500, "text/html", "500", "", ""},
		"unavailable":            {Unavailable(), 503, "application/json", "errors", "", ""},
		"gateway":                {Gateway(504), 504, "text/html", "504", "", ""},
		"redirect":               {Redirect(307, "https://example.com/"), 307, "text/html", "", "Location", "https://example.com/"},
	} {
		t.Run(name, func(t *testing.T) {
			s := Start(t, Config{})
			s.Next(Reply(tt.answer))
			s.Next(AcceptBut(tt.answer))
			for want := range 2 {
				g := send(t, s, plain)
				if g.status != tt.status || !strings.Contains(g.body, tt.part) || g.header.Get("Content-Type") != tt.kind || g.header.Get(tt.header) != tt.want {
					t.Errorf("%d %v %s", g.status, g.header, g.body)
				}
				if held := len(s.Messages()); held != want {
					t.Errorf("%d messages held, want %d", held, want)
				}
			}
			if g := send(t, s, plain); g.status != http.StatusAccepted {
				t.Errorf("afterwards %d", g.status)
			}
		})
	}
}

// TestRefusedStaysRefused: a fault cannot make the service accept what it refuses.
func TestRefusedStaysRefused(t *testing.T) {
	s := Start(t, Config{})
	s.Next(AcceptBut(Accepted()))
	if g := send(t, s, `{}`); g.status != http.StatusAccepted || g.header.Get("X-Message-Id") == "" {
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
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-done; cancel() }()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL()+"/v3/mail/send", strings.NewReader(plain))
	must(t, err)
	req.Header = http.Header{"Authorization": {"Bearer " + s.Key()}, "Accept": {"*/*"}, "Content-Type": {"application/json"}}
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
	s.CloseIdle()
	s.Close()
}
