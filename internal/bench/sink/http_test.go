package sink_test

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/internal/bench/sink"
	"github.com/mailkeel/mailkeel/internal/testcert"
)

// TestHTTPServer sends the same requests in pieces of every size and expects the same answers.
func TestHTTPServer(t *testing.T) {
	const (
		said = "POST /v3/mail/send HTTP/1.1\r\nHost: a\r\ncontent-length: 5\r\n\r\n\r\n\r\n." +
			"POST /v3/mg.example.com/messages HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
			"3\r\nabc\r\nB;x=y\r\n0123456789a\r\n0\r\nTrailer: x\r\n\r\n" +
			"POST /v3/mg.example.com/messages.mime HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n" +
			"POST /emails:send?api-version=2025-09-01 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}" +
			"GET /v3/scopes HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
		want = "202 200 200 202 404"
	)
	pieces := []int{1, 2, 3, 7, len(said)}
	var tally sink.Tally
	l, err := sink.ListenHTTP(nil, &tally)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ids := make(map[string]bool)
	for _, piece := range pieces {
		nc := dial(t, l.Port())
		for rest := said; rest != ""; {
			n := min(piece, len(rest))
			if _, err := nc.Write([]byte(rest[:n])); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if got := statuses(t, nc, ids); got != want {
			t.Errorf("in pieces of %d: %s, want %s", piece, got, want)
		}
	}
	if want := 4 * len(pieces); len(ids) != want {
		t.Errorf("%d different ids, want %d", len(ids), want)
	}
	n := int64(len(pieces))
	if got, want := tally.Counts(), (sink.Counts{Connections: n, Requests: 5 * n, BodyBytes: 21 * n}); got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}

// statuses reads answers until the server closes, and gathers the ids of messages.
func statuses(t *testing.T, nc net.Conn, ids map[string]bool) string {
	t.Helper()
	var all []string
	for r := bufio.NewReader(nc); ; {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return strings.Join(all, " ")
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, resp.Status[:3])
		if id := resp.Header.Get("X-Message-Id") + string(body); id != "" {
			ids[id] = true
		}
	}
}

// TestHTTPServerClosesOnNonsense: what is not understood is not counted.
func TestHTTPServerClosesOnNonsense(t *testing.T) {
	for _, said := range []string{
		"hello\r\n", "POST /v3/mail/send HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "POST /v3/mail/send HTTP/1.1\r\nContent-Length: x\r\n\r\n",
		"POST /v3/mail/send HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
		"POST /v3/mail/send HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
	} {
		var tally sink.Tally
		l, err := sink.ListenHTTP(nil, &tally)
		if err != nil {
			t.Fatal(err)
		}
		nc := dial(t, l.Port())
		if _, err := io.WriteString(nc, said); err != nil {
			t.Fatal(err)
		}
		if got := statuses(t, nc, nil); got != "" {
			t.Errorf("%q: answered %s", said, got)
		}
		l.Close()
		if got := tally.Counts(); got != (sink.Counts{Connections: 1}) {
			t.Errorf("%q: counted %+v", said, got)
		}
	}
}

func TestHTTPServerSpeaksTLS(t *testing.T) {
	certs := testcert.Must(t)
	var tally sink.Tally
	l, err := sink.ListenHTTP(testcert.Server(certs.Valid), &tally)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	nc := tls.Client(dial(t, l.Port()), certs.Client("127.0.0.1"))
	const said = "POST /v3/mail/send HTTP/1.1\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc"
	if _, err := io.WriteString(nc, said); err != nil {
		t.Fatal(err)
	}
	if got := statuses(t, nc, make(map[string]bool)); got != "202" {
		t.Errorf("answered %q, want 202", got)
	}
	if got, want := tally.Counts(), (sink.Counts{Connections: 1, Requests: 1, BodyBytes: 3}); got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}
