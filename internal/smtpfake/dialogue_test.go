package smtpfake

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// A dialogue is the client's end of a conversation over net.Pipe.
type dialogue struct {
	t    *testing.T
	srv  *Server
	conn net.Conn
	r    *bufio.Reader
}

// newDialogue must be called inside a synctest bubble.
func newDialogue(t *testing.T, srv *Server) *dialogue {
	client, server := net.Pipe()
	go srv.ServeConn(server)
	t.Cleanup(srv.Close)
	return &dialogue{t, srv, client, bufio.NewReader(client)}
}

// script speaks lines that begin with "C: " and expects those that begin with "S: ".
// Client lines that follow one another leave in one write. A server line that ends
// with "..." is compared up to there; "S: EOF" is the end of the connection.
func (d *dialogue) script(text string) {
	d.t.Helper()
	var group strings.Builder
	for text := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		side, rest, spoken := strings.Cut(text, ":")
		if !spoken {
			continue // an empty line between parts of a script
		}
		rest = strings.TrimPrefix(rest, " ")
		if side == "C" {
			group.WriteString(rest + "\r\n")
			continue
		}
		d.write(group.String())
		group.Reset()
		d.expect(rest)
	}
	d.write(group.String())
}

func (d *dialogue) write(s string) {
	d.t.Helper()
	if s == "" {
		return
	}
	if _, err := io.WriteString(d.conn, s); err != nil {
		d.t.Fatalf("write %q: %v", s, err)
	}
}

func (d *dialogue) expect(want string) {
	d.t.Helper()
	got, err := d.r.ReadString('\n')
	if err == io.EOF && got == "" {
		got = "EOF"
	} else if err != nil {
		d.t.Fatalf("read: %v, want %q", err, want)
	}
	got = strings.TrimSuffix(got, "\r\n")
	if prefix, open := strings.CutSuffix(want, "..."); open && strings.HasPrefix(got, prefix) {
		return
	}
	if got != want {
		d.t.Fatalf("server said %q, want %q", got, want)
	}
}

// bubble talks to a new server under virtual time and returns the server after its Close.
func bubble(t *testing.T, cfg Config, talk func(d *dialogue)) (srv *Server) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		srv = New(cfg)
		d := newDialogue(t, srv)
		talk(d)
		_ = d.conn.Close()
		srv.WaitIdle()
		srv.Close()
	})
	return srv
}

// converse is bubble for a script.
func converse(t *testing.T, cfg Config, script string) *Server {
	t.Helper()
	return bubble(t, cfg, func(d *dialogue) { d.script(script) })
}

func rules(srv *Server) []Rule {
	var rules []Rule
	for _, v := range srv.Violations() {
		rules = append(rules, v.Rule)
	}
	return rules
}

func wantRules(t *testing.T, srv *Server, want ...Rule) {
	t.Helper()
	if got := rules(srv); !slices.Equal(got, want) {
		t.Errorf("violations %v, want %v", srv.Violations(), want)
	}
}

func wantMessages(t *testing.T, srv *Server, want int) []Message {
	t.Helper()
	got := srv.Messages()
	if len(got) != want {
		t.Fatalf("%d messages accepted, want %d\n%s", len(got), want, srv.Transcript(1))
	}
	return got
}

// secure puts TLS over the client's end.
func (d *dialogue) secure(cfg *tls.Config) {
	d.t.Helper()
	if n := d.r.Buffered(); n > 0 {
		d.t.Fatalf("%d bytes before the handshake", n)
	}
	conn := tls.Client(d.conn, cfg)
	if err := conn.Handshake(); err != nil {
		d.t.Fatalf("handshake: %v", err)
	}
	d.conn, d.r = conn, bufio.NewReader(conn)
}
