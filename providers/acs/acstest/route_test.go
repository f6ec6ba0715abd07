package acstest

import (
	"net/http"
	"strings"
	"testing"
)

func TestRoutes(t *testing.T) {
	s := Start(t, Config{})
	const version = "?api-version=2025-09-01"
	for _, tt := range []struct {
		method, target string
		status         int
		code           string
	}{
		{"POST", "/emails:send" + version, 202, ""},
		{"POST", "/emails:send?api-version=2023-03-31", 202, ""},
		{"POST", "/emails:send", 400, "MissingApiVersionParameter"},
		{"POST", "/emails:send?api-version=2024-07-01-preview", 400, "UnsupportedApiVersion"},
		{"POST", "/emails:send?api-version=", 400, "UnsupportedApiVersion"},
		{"POST", "/emails:send" + version + "&api-version=2023-03-31", 400, "BadRequest"},
		{"POST", "/emails:send" + version + "&x=y", 400, "BadRequest"},
		{"POST", "/emails:send" + version + "&%zz", 400, "BadRequest"},
		{"GET", "/emails:send" + version, 405, "MethodNotAllowed"},
		{"PUT", "/emails:send" + version, 405, "MethodNotAllowed"},
		{"POST", "/emails:send/" + version, 404, "NotFound"},
		{"POST", "//emails:send" + version, 404, "NotFound"},
		{"POST", "/emails%3Asend" + version, 404, "NotFound"},
		{"GET", "/" + version, 404, "NotFound"},
		{"GET", "/emails/operations" + version, 404, "NotFound"},
		{"GET", "/emails/operations/" + version, 404, "NotFound"},
		{"GET", "/emails/operations/" + id1 + "/x" + version, 404, "NotFound"},
		{"GET", "/emails/operations/" + id1 + version, 404, "NotFound"},
		{"GET", "/emails/operations/" + id1, 400, "MissingApiVersionParameter"},
		{"GET", "/emails/operations/x" + version, 400, "BadRequest"},
		{"POST", "/emails/operations/" + id1 + version, 405, "MethodNotAllowed"},
	} {
		body := ""
		if tt.method != http.MethodGet {
			body = plain
		}
		g := call(t, s, tt.method, tt.target, body, nil)
		if g.status != tt.status || tt.code != "" && g.failure(t).Code != tt.code {
			t.Errorf("%s %s: %d %s, want %d %s; %q", tt.method, tt.target, g.status, g.body, tt.status, tt.code, s.Denials())
		}
	}
	if n := len(s.Messages()); n != 2 {
		t.Errorf("%d messages are held", n)
	}
}

func TestRequestHeaders(t *testing.T) {
	s := Start(t, Config{})
	for _, tt := range []struct {
		header, value string
		status        int
	}{
		{"Content-Type", "", 415},
		{"Content-Type", "text/plain", 415},
		{"Content-Type", "application/json; charset=latin1", 415},
		{"Content-Type", "application/json; charset=UTF-8", 202},
		{"Content-Encoding", "gzip", 415},
		{"Operation-Id", id1, 202},
		{"Operation-Id", strings.ReplaceAll(id1, "-", ""), 400},
		{"Operation-Id", "{" + id1 + "}", 400},
		{"Operation-Id", "8540c0de-899f-5cce-acb5-3ec493af380g", 400},
		{"Operation-Id", "8540c0de-899f-5cce-acb53-ec493af3801", 400},
		{"X-Ms-Client-Request-Id", id2, 202},
		{"X-Ms-Client-Request-Id", "1", 400},
	} {
		if g := call(t, s, http.MethodPost, sendTarget, plain, map[string]string{tt.header: tt.value}); g.status != tt.status {
			t.Errorf("%s %q: %d %s, want %d", tt.header, tt.value, g.status, g.body, tt.status)
		}
	}
	m := s.Messages()
	if len(m) != 3 || m[1].OperationID != id1 || m[2].ClientRequestID != id2 || !isUUID(m[2].OperationID) || m[0].OperationID == m[2].OperationID {
		t.Errorf("held %+v", m)
	}
}
