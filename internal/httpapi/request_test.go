package httpapi

import (
	"errors"
	"io"
	"net/http"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

// TestInjection is P16: what would end a line, or the header, is not written.
func TestInjection(t *testing.T) {
	for _, bad := range []string{
		"\r", "\n", "\r\n", "\x00", "a\rb", "a\nb", "a\r\nX-Evil: 1", "a\r\n\r\nGET / HTTP/1.1", "\x7f", "é", "\x80", "\x1b[0m", "a\x00b", "\u2028",
	} {
		for name, req := range map[string]Request{
			"method": {Method: "POST" + bad, Path: "/"},
			"path":   {Method: "POST", Path: "/" + bad},
			"query":  {Method: "POST", Path: "/?a=" + bad},
			"name":   {Method: "POST", Path: "/", Fields: []Field{{"X" + bad, "v"}}},
			"value":  {Method: "POST", Path: "/", Fields: []Field{{"X", "v" + bad}}},
			"first":  {Method: "POST", Path: "/", Fields: []Field{{"X", bad}, {"Y", "v"}}},
		} {
			if b, err := req.appendHead(nil, "host"); !errors.Is(err, ErrRequest) {
				t.Errorf("%s %q: %v, wrote %q", name, bad, err, b)
			} else if strings.Contains(err.Error(), "Evil") && name == "value" {
				t.Errorf("the value is shown: %v", err)
			}
		}
	}
	for _, req := range []Request{
		{Method: "", Path: "/"}, {Method: "POST", Path: ""}, {Method: "POST", Path: "a"}, {Method: "POST", Path: "*"}, {Method: "POST", Path: "http://evil/"},
		{Method: "PO ST", Path: "/"}, {Method: "POST", Path: "/a b"}, {Method: "POST", Path: "/a\tb"},
		{Method: "POST", Path: "/", Fields: []Field{{"", "v"}}}, {Method: "POST", Path: "/", Fields: []Field{{"X:", "v"}}}, {Method: "POST", Path: "/", Fields: []Field{{"X Y", "v"}}},
		{Method: "POST", Path: "/", Fields: []Field{{"X", "a\tb"}}},
	} {
		if b, err := req.appendHead(nil, "host"); !errors.Is(err, ErrRequest) {
			t.Errorf("%+v: %v, wrote %q", req, err, b)
		}
	}
}

type sized int64

func (n sized) Size() int64                      { return int64(n) }
func (n sized) WriteTo(io.Writer) (int64, error) { return 0, nil }

func TestAppendHead(t *testing.T) {
	agent := UserAgent()
	for _, c := range []struct {
		req  Request
		want string
	}{
		{Request{Method: "GET", Path: "/a?b=c%0d"}, "GET /a?b=c%0d HTTP/1.1\r\nHost: h:1\r\nUser-Agent: " + agent + "\r\nAccept: application/json\r\nAccept-Encoding: identity\r\n\r\n"},
		{
			Request{Method: "POST", Path: "/", Body: sized(123456789012), Fields: []Field{{"A-b_1", ""}, {"C", " ~!\""}}},
			"POST / HTTP/1.1\r\nHost: h:1\r\nUser-Agent: " + agent + "\r\nAccept: application/json\r\nAccept-Encoding: identity\r\nA-b_1: \r\nC:  ~!\"\r\nContent-Length: 123456789012\r\n\r\n",
		},
		{Request{Method: "POST", Path: "/", Body: sized(0)}, "POST / HTTP/1.1\r\nHost: h:1\r\nUser-Agent: " + agent + "\r\nAccept: application/json\r\nAccept-Encoding: identity\r\nContent-Length: 0\r\n\r\n"},
	} {
		if got, err := c.req.appendHead([]byte("x"), "h:1"); err != nil || string(got) != "x"+c.want {
			t.Errorf("got %q, %v\nwant %q", got, err, c.want)
		}
	}
}

func TestUserAgent(t *testing.T) {
	of := func(main, dep debug.Module) *debug.BuildInfo {
		return &debug.BuildInfo{Main: main, Deps: []*debug.Module{{Path: "example.com/other", Version: "v9.9.9"}, &dep}}
	}
	program := debug.Module{Path: "example.com/app", Version: "v2.0.0"}
	for _, c := range []struct {
		info *debug.BuildInfo
		ok   bool
		want string
	}{
		{nil, false, "devel"},
		{of(program, debug.Module{Path: modulePath, Version: "v1.2.3"}), true, "1.2.3"},
		{of(debug.Module{Path: modulePath, Version: "v1.2.3-0.20260101000000-abcdef"}, debug.Module{}), true, "1.2.3-0.20260101000000-abcdef"},
		{of(debug.Module{Path: modulePath, Version: "(devel)"}, debug.Module{}), true, "devel"},
		{of(debug.Module{Path: modulePath}, debug.Module{}), true, "devel"},
		{of(program, debug.Module{Path: modulePath, Version: "v1.2.3", Replace: &debug.Module{Path: "../fork", Version: ""}}), true, "devel"},
		{of(program, debug.Module{Path: modulePath, Version: "v1.2.3", Replace: &debug.Module{Path: "example.com/fork", Version: "v1.2.4"}}), true, "1.2.4"},
		{of(program, debug.Module{Path: modulePath, Version: "v1\r\nX: y"}), true, "devel"},
		{of(program, debug.Module{Path: "example.com/none", Version: "v1.0.0"}), true, "devel"},
	} {
		if got := version(c.info, c.ok); got != c.want {
			t.Errorf("%+v: got %q, want %q", c.info, got, c.want)
		}
	}
	if s := UserAgent(); !strings.HasPrefix(s, "mailkeel/") || !isFieldValue(s) {
		t.Errorf("got %q", s)
	}
}

func TestIsID(t *testing.T) {
	for s, want := range map[string]bool{
		"": false, "a": true, "<20260101.1@mg.example.com>": true, "a b": false, "a\n": false, "é": false, "\x7f": false, "~": true, "!": true,
		strings.Repeat("x", 512): true, strings.Repeat("x", 513): false,
	} {
		if IsID(s) != want {
			t.Errorf("%.20q: got %v", s, !want)
		}
	}
}

// TestRetryAfter covers RFC 9110 section 10.2.3 and what else occurs.
func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	const date = "Sun, 01 Mar 2026 12:00:00 GMT"
	for _, c := range []struct {
		value, date string
		want        time.Duration
	}{
		{"", "", 0},
		{"0", "", 0},
		{"120", "", 2 * time.Minute},
		{" 7 ", "", 7 * time.Second},
		{"1.5", "", 1500 * time.Millisecond},
		{"0.001", "", time.Millisecond},
		{"-1", "", 0},
		{"-0", "", 0},
		{"3600", "", time.Hour},
		{"3601", "", time.Hour},
		{"86400", "", time.Hour},
		{"99999999999999999999999999", "", time.Hour},
		{"1e300", "", time.Hour},
		{"1e999", "", time.Hour},
		{"-1e999", "", 0},
		{"Inf", "", time.Hour},
		{"-Inf", "", 0},
		{"NaN", "", 0},
		{"soon", "", 0},
		{"5 seconds", "", 0},
		{"5, 10", "", 0},
		{"Sun, 01 Mar 2026 12:00:30 GMT", "", 30 * time.Second},
		{"Sunday, 01-Mar-26 12:00:30 GMT", "", 30 * time.Second},
		{"Sun Mar  1 12:00:30 2026", "", 30 * time.Second},
		{"Sun, 01 Mar 2026 11:59:59 GMT", "", 0},
		{"Sun, 01 Mar 2026 12:00:00 GMT", "", 0},
		{"Mon, 02 Mar 2026 12:00:00 GMT", "", time.Hour},
		{"Fri, 31 Dec 9999 23:59:59 GMT", "", time.Hour},
		{"Sun, 32 Mar 2026 12:00:00 GMT", "", 0},
		// The server's clock is 10 minutes ahead, then 10 minutes behind.
		{"Sun, 01 Mar 2026 12:10:30 GMT", "Sun, 01 Mar 2026 12:10:00 GMT", 30 * time.Second},
		{"Sun, 01 Mar 2026 11:50:30 GMT", "Sun, 01 Mar 2026 11:50:00 GMT", 30 * time.Second},
		{"Sun, 01 Mar 2026 12:00:30 GMT", "not a date", 30 * time.Second},
		{"120", "Sun, 01 Mar 2020 12:10:00 GMT", 2 * time.Minute},
		{"Sun, 01 Mar 2026 12:00:30 GMT", date, 30 * time.Second},
	} {
		h := http.Header{"Retry-After": {c.value}}
		if c.date != "" {
			h.Set("Date", c.date)
		}
		if got := RetryAfter(h, now); got != c.want {
			t.Errorf("%q at %q: got %v, want %v", c.value, c.date, got, c.want)
		}
	}
	if got := RetryAfter(nil, now); got != 0 {
		t.Errorf("without the field: %v", got)
	}
}
