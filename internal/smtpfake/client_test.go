package smtpfake

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	netsmtp "net/smtp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	gomail "github.com/wneessen/go-mail/smtp"

	"github.com/mailkeel/mailkeel/internal/faultconn"
	"github.com/mailkeel/mailkeel/internal/testcert"
)

// Clients that others wrote, over TCP.

func TestNetSMTP(t *testing.T) {
	certs := testcert.Must(t)
	srv := Start(t, Config{
		Extensions: AllExtensions(), TLS: testcert.Server(certs.Valid), RequireTLS: true,
		Users: map[string]string{"user": "secret"}, RequireAuth: true,
	})
	c, err := netsmtp.Dial(srv.Addr())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.StartTLS(certs.Client("localhost")); err != nil {
		t.Fatal(err)
	}
	if err := c.Auth(netsmtp.PlainAuth("", "user", "secret", "127.0.0.1")); err != nil {
		t.Fatal(err)
	}
	content := "Subject: x\r\n\r\n.dot\r\nä\r\n"
	for _, err := range []error{c.Mail("a@example.com"), c.Rcpt("b@example.org"), writeData(c, content), c.Quit()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	srv.WaitIdle()
	wantRules(t, srv)
	m := wantMessages(t, srv, 1)[0]
	if string(m.Data) != content || m.AuthUser != "user" || m.Params["BODY"] != "8BITMIME" || !m.Params.Has("SMTPUTF8") {
		t.Errorf("message %+v", m)
	}
}

func writeData(c *netsmtp.Client, content string) error {
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, content); err != nil {
		return err
	}
	return w.Close()
}

func TestGoMailMechanisms(t *testing.T) {
	certs := testcert.Must(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		server := testcert.Server(certs.Valid)
		server.MaxVersion = version
		srv := Start(t, Config{
			TLS: server, ImplicitTLS: true, Users: map[string]string{"us,e=r": "secret"}, AuthMechanisms: Mechanisms(),
		})
		for name, auth := range map[string]func(*tls.ConnectionState) gomail.Auth{
			"PLAIN": func(*tls.ConnectionState) gomail.Auth {
				return gomail.PlainAuth("", "us,e=r", "secret", "localhost", false)
			},
			"LOGIN": func(*tls.ConnectionState) gomail.Auth {
				return gomail.LoginAuth("us,e=r", "secret", "localhost", false)
			},
			"CRAM-MD5": func(*tls.ConnectionState) gomail.Auth { return gomail.CRAMMD5Auth("us,e=r", "secret") },
			"XOAUTH2":  func(*tls.ConnectionState) gomail.Auth { return gomail.XOAuth2Auth("us,e=r", "secret") },
			"SCRAM-SHA-1": func(*tls.ConnectionState) gomail.Auth {
				return gomail.ScramSHA1Auth("us,e=r", "secret")
			},
			"SCRAM-SHA-256": func(*tls.ConnectionState) gomail.Auth {
				return gomail.ScramSHA256Auth("us,e=r", "secret")
			},
			"SCRAM-SHA-1-PLUS": func(s *tls.ConnectionState) gomail.Auth {
				return gomail.ScramSHA1PlusAuth("us,e=r", "secret", s)
			},
			"SCRAM-SHA-256-PLUS": func(s *tls.ConnectionState) gomail.Auth {
				return gomail.ScramSHA256PlusAuth("us,e=r", "secret", s)
			},
		} {
			t.Run(fmt.Sprintf("%s over %s", name, tls.VersionName(version)), func(t *testing.T) {
				conn, err := tls.Dial("tcp", srv.Addr(), certs.Client("localhost"))
				if err != nil {
					t.Fatal(err)
				}
				c, err := gomail.NewClient(conn, "localhost")
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = c.Close() }()
				state := conn.ConnectionState()
				if err := c.Auth(auth(&state)); err != nil {
					t.Errorf("%v\n%s", err, srv.Transcript(int(srv.Stats().Conns)))
				}
			})
		}
		wantRules(t, srv)
		if got := srv.Stats().Auths; got != 8 {
			t.Errorf("%d successful exchanges, want 8", got)
		}
	}
}

// dialTCP connects to a started server.
func dialTCP(t *testing.T, srv *Server) *dialogue {
	t.Helper()
	conn, err := net.Dial("tcp", srv.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	return &dialogue{t, srv, conn, bufio.NewReader(conn)}
}

func TestEndingsOverTCP(t *testing.T) {
	for _, tc := range []struct {
		then Ending
		want error
	}{
		{FIN, io.EOF},
		{RST, syscall.ECONNRESET},
	} {
		srv := Start(t, Config{Hook: On(Content, Action{Silent: true, Then: tc.then})})
		d := dialTCP(t, srv)
		d.script(opening + toData + "C: .")
		if _, err := d.r.ReadByte(); !errors.Is(err, tc.want) {
			t.Errorf("ending %d: client read %v, want %v", tc.then, err, tc.want)
		}
		wantMessages(t, srv, 1)
	}
}

func TestWrapOverTCP(t *testing.T) {
	end := completeAt(dataClient)
	for _, after := range []int64{end - 1, end} {
		srv := Start(t, Config{Wrap: func(_ int, conn net.Conn) net.Conn {
			return faultconn.Wrap(conn, faultconn.Fault{Dir: faultconn.Inbound, After: after, Kind: faultconn.RST})
		}})
		conn, err := net.Dial("tcp", srv.Addr())
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
		r := bufio.NewReader(conn)
		heardReply(r)
		_, _ = io.WriteString(conn, dataClient[0])
		heardReply(r)
		_, _ = io.WriteString(conn, strings.ReplaceAll(strings.Join(dataClient[1:], ""), ":a", "a"))
		if _, err := io.Copy(io.Discard, r); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("client read %v", err)
		}
		_ = conn.Close()
		srv.WaitIdle()
		wantMessages(t, srv, int(after-end+1))
	}
}

func TestCloseEndsEverything(t *testing.T) {
	srv := New(Config{Hook: On(NOOP, Action{Then: Hang})})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	d := &dialogue{t, srv, conn, bufio.NewReader(conn)}
	d.script("S: 220...\nC: NOOP\nS: 250 ok")
	srv.Close()
	srv.Close()
	if err := <-served; err != nil {
		t.Errorf("Serve returned %v", err)
	}
	if _, err := d.r.ReadByte(); err == nil {
		t.Error("the connection is open after Close")
	}
	if l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	if err := srv.Serve(l); err != nil {
		t.Errorf("Serve after Close returned %v", err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener is open: %v", err)
	}
}

func TestManyConnections(t *testing.T) {
	srv := Start(t, Config{Extensions: AllExtensions()})
	const clients, each = 8, 25
	done := make(chan error, clients)
	for i := range clients {
		go func() { done <- sendSome(srv.Addr(), i, each) }()
	}
	for range clients {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	wantRules(t, srv)
	var subjects []string
	for _, m := range wantMessages(t, srv, clients*each) {
		subjects = append(subjects, string(m.Data))
	}
	slices.Sort(subjects)
	if n := len(slices.Compact(subjects)); n != clients*each {
		t.Errorf("%d different messages, want %d", n, clients*each)
	}
}

func sendSome(addr string, client, n int) error {
	c, err := netsmtp.Dial(addr)
	if err != nil {
		return err
	}
	for i := range n {
		content := fmt.Sprintf("Subject: %d %d\r\n\r\nx\r\n", client, i)
		if err := errors.Join(c.Mail("a@example.com"), c.Rcpt("b@example.org"), writeData(c, content)); err != nil {
			return err
		}
	}
	return c.Quit()
}

// BenchmarkSink is the upper bound that the server sets: one pipelined group and
// content a message, nothing kept.
func BenchmarkSink(b *testing.B) {
	for _, size := range []int{1 << 10, 1 << 20} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			srv := Start(b, Config{Extensions: Extensions{Pipelining: true}, Content: CountContent})
			conn, err := net.Dial("tcp", srv.Addr())
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			r := bufio.NewReader(conn)
			heardReply(r)
			_, _ = io.WriteString(conn, "EHLO c.example\r\n")
			heardReply(r)
			group := []byte("MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n")
			line := strings.Repeat("x", 76) + "\r\n"
			content := append(bytes.Repeat([]byte(line), size/len(line)), ".\r\n"...)
			b.SetBytes(int64(len(content)))
			b.ReportAllocs()
			for b.Loop() {
				_, _ = conn.Write(group)
				for range 3 {
					heardReply(r)
				}
				_, _ = conn.Write(content)
				heardReply(r)
			}
			if got := srv.Stats().Messages; got != int64(b.N) {
				b.Errorf("%d messages, want %d", got, b.N)
			}
		})
	}
}
