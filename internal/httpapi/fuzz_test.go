package httpapi_test

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/mailer"
)

// FuzzReply is HTTP rows 10, 31, 32 and 37: whatever comes as a reply, the exchange ends, what is
// kept of it is bounded, and an acceptance is one by a reader that knows nothing of net/http.
func FuzzReply(f *testing.F) {
	for _, seed := range []string{
		accepted, chunkedReply, replyOf(400, `{"errors":[]}`), replyOf(202, ""), "HTTP/1.1 100 Continue\r\n\r\n" + accepted,
		"HTTP/1.1 202\nX-Message-Id: a\n\n", "HTTP/1.0 202 OK\r\nx-message-id:\r\n a\r\n\r\nabc", "HTTP/1.1 202 OK\r\nX-Message-Id: a\r\nContent-Length: 3\r\n\r\nab",
		"HTTP/1.1 202 OK\r\nX-Message-Id: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\nx", "HTTP/2.0 202 OK\r\nX-Message-Id: a\r\n\r\n" + accepted,
		"HTTP/1.1 202 OK\r\nX-Message-Id: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", "\r\n" + accepted, "HTTP/1.1 101 Up\r\n\r\n" + accepted,
		"HTTP/1.1 202 OK\r\nX-Message-Id: a\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, reply []byte) {
		r := newRig(t, answering(string(reply), hangUp))
		start := time.Now()
		v := r.send(context.Background(), 10)
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("took %v", took)
		}
		r.close()
		if isWhole := isAcceptance(string(reply)); v.Outcome == mailer.Accepted && !isWhole {
			t.Errorf("accepted: %q", reply)
		}
		if v.Outcome == mailer.NotAccepted && v.code < 300 {
			t.Errorf("refused without a status that says so: %+v", v)
		}
		whole, _, _ := r.sink.truth()
		if len(whole) != 1 || r.wires.open() != 0 {
			t.Errorf("%d requests, %d connections left", len(whole), r.wires.open())
		}
	})
}

// isAcceptance reads a reply by RFC 9112, a line ending with LF or CRLF.
func isAcceptance(s string) bool {
	for range 9 {
		status, fields, rest, ok := splitHead(s)
		switch {
		case !ok:
			return false
		case status == "202":
			id := first(fields["x-message-id"])
			return httpapi.IsID(id) && isWholeBody(fields, rest)
		case !strings.HasPrefix(status, "1") || status == "101":
			return false
		}
		s = rest
	}
	return false
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// splitHead takes the status line and the header off s.
func splitHead(s string) (status string, fields map[string][]string, rest string, ok bool) {
	line, rest, ok := cutLine(s)
	version, after, _ := strings.Cut(line, " ")
	status, _, _ = strings.Cut(strings.TrimLeft(after, " "), " ")
	if !ok || !strings.HasPrefix(version, "HTTP/1.") || len(version) != 8 || len(status) != 3 {
		return "", nil, "", false
	}
	fields = make(map[string][]string)
	last := ""
	for {
		if line, rest, ok = cutLine(rest); !ok {
			return "", nil, "", false
		}
		if line == "" {
			return status, fields, rest, true
		}
		if last != "" && (line[0] == ' ' || line[0] == '\t') {
			values := fields[last]
			values[len(values)-1] = strings.Trim(values[len(values)-1]+" "+strings.Trim(line, " \t"), " \t")
			continue
		}
		name, value, colon := strings.Cut(line, ":")
		if !colon || name == "" {
			return "", nil, "", false
		}
		last = strings.ToLower(name)
		fields[last] = append(fields[last], strings.Trim(value, " \t"))
	}
}

func cutLine(s string) (line, rest string, ok bool) {
	line, rest, ok = strings.Cut(s, "\n")
	return strings.TrimSuffix(line, "\r"), rest, ok
}

// isWholeBody reports whether rest begins with a whole body. One that has no length ends
// where the connection does.
func isWholeBody(fields map[string][]string, rest string) bool {
	if coding := fields["transfer-encoding"]; len(coding) > 0 {
		return len(coding) == 1 && strings.EqualFold(coding[0], "chunked") && isChunked(rest)
	}
	lengths := fields["content-length"]
	for _, l := range lengths {
		n, err := strconv.ParseUint(l, 10, 63)
		if err != nil || n > uint64(len(rest)) || l != lengths[0] {
			return false
		}
	}
	return true
}

// isChunked reads RFC 9112 section 7.1.
func isChunked(s string) bool {
	for {
		line, rest, ok := cutLine(s)
		size, _, _ := strings.Cut(line, ";")
		n, err := strconv.ParseUint(strings.Trim(size, " \t"), 16, 31)
		if !ok || err != nil {
			return false
		}
		if n == 0 {
			return isTrailer(rest)
		}
		if n > uint64(len(rest)) {
			return false
		}
		end, after, ok := cutLine(rest[n:])
		if !ok || end != "" {
			return false
		}
		s = after
	}
}

func isTrailer(s string) bool {
	for {
		line, rest, ok := cutLine(s)
		if !ok || line == "" {
			return ok
		}
		s = rest
	}
}
