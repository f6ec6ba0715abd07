package realmail

import (
	"bytes"
	"crypto/tls"
	"errors"
	"net"
	"net/smtp"
	"net/textproto"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

const dialLimit = 10 * time.Second

// dial connects to addr with the rig's issuer as the only one that is trusted. A test
// that hangs is cut off.
func (s *Servers) dial(t *testing.T, implicit bool) *smtp.Client {
	t.Helper()
	addr := s.STARTTLSAddr
	if implicit {
		addr = s.ImplicitAddr
	}
	conn, err := net.DialTimeout("tcp", addr, dialLimit)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.SetDeadline(time.Now().Add(dialLimit)); err != nil {
		t.Fatal(err)
	}
	if implicit {
		conn = tls.Client(conn, s.tlsConfig())
	}
	c, err := smtp.NewClient(conn, s.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if !implicit {
		if err := c.StartTLS(s.tlsConfig()); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func (s *Servers) tlsConfig() *tls.Config {
	return &tls.Config{RootCAs: s.RootCAs, ServerName: s.Host, MinVersion: tls.VersionTLS12}
}

func (s *Servers) login(t *testing.T) *smtp.Client {
	t.Helper()
	c := s.dial(t, false)
	if err := c.Auth(auth("PLAIN", s.Host, App)); err != nil {
		t.Fatal(err)
	}
	return c
}

func send(c *smtp.Client, from string, to []string, message string) error {
	if err := c.Mail(from); err != nil {
		return err
	}
	for _, address := range to {
		if err := c.Rcpt(address); err != nil {
			return err
		}
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write([]byte(message)); err != nil {
		return err
	}
	return w.Close()
}

func wantReply(t *testing.T, err error, code int, enhanced string) {
	t.Helper()
	var reply *textproto.Error
	if !errors.As(err, &reply) || reply.Code != code || !strings.HasPrefix(reply.Msg, enhanced) {
		t.Errorf("got %v, want %d %s", err, code, enhanced)
	}
}

func TestDelivery(t *testing.T) {
	t.Parallel()
	s := Start(t)
	for name, implicit := range map[string]bool{"STARTTLS": false, "implicit TLS": true} {
		t.Run(name, func(t *testing.T) {
			c := s.dial(t, implicit)
			if err := c.Auth(auth("PLAIN", s.Host, App)); err != nil {
				t.Fatal(err)
			}
			message := "Subject: over " + name + "\r\n\r\n.dot\r\n"
			if err := send(c, App.Name, []string{Alice, Recipient(7), Joerg}, message); err != nil {
				t.Fatal(err)
			}
			for _, address := range []string{Alice, Recipient(7), Joerg} {
				got := s.Maildir(t, address, 1)[0]
				for _, want := range []string{"Return-Path: <" + App.Name + ">\n", "Subject: over " + name + "\n\n.dot\n", "TLS", App.Name} {
					if !bytes.Contains(got, []byte(want)) {
						t.Errorf("message lacks %q:\n%s", want, got)
					}
				}
			}
			s.Maildir(t, Alice, 0)
		})
	}
}

func TestMaildirCounts(t *testing.T) {
	t.Parallel()
	s := Start(t)
	c := s.login(t)
	for range 3 {
		if err := send(c, App.Name, []string{Bob}, "Subject: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
	}
	r := record(t, func(tb testing.TB) { s.Maildir(tb, Bob, 2) })
	if want := "bob@example.test got 3 messages, want 2"; !strings.Contains(r.failed, want) {
		t.Errorf("failed with %q, want %q", r.failed, want)
	}
}

func TestMechanisms(t *testing.T) {
	t.Parallel()
	s := Start(t)
	for _, mechanism := range Mechanisms {
		for _, u := range []User{App, Odd} {
			t.Run(mechanism+" "+u.Name, func(t *testing.T) {
				if err := s.dial(t, false).Auth(auth(mechanism, s.Host, u)); err != nil {
					t.Error(err)
				}
			})
		}
	}
	for _, mechanism := range []string{"PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"} {
		t.Run(mechanism+" wrong password", func(t *testing.T) {
			wantReply(t, s.dial(t, false).Auth(auth(mechanism, s.Host, User{App.Name, "wrong"})), 535, "5.7.8")
		})
	}
}

func TestToken(t *testing.T) {
	t.Parallel()
	s := Start(t)
	for name, c := range map[string]struct {
		token string
		ok    bool
	}{
		"valid":          {Token(App.Name, time.Hour), true},
		"expired":        {Token(App.Name, -time.Minute), false},
		"another user's": {Token(Odd.Name, time.Hour), false},
		"forged":         {Token(App.Name, time.Hour) + "A", false},
	} {
		t.Run(name, func(t *testing.T) {
			initial := []byte("user=" + App.Name + "\x01auth=Bearer " + c.token + "\x01\x01")
			err := s.dial(t, false).Auth(steps{"XOAUTH2", initial, nil})
			if ok := err == nil; ok != c.ok {
				t.Errorf("accepted is %v, want %v (%v)", ok, c.ok, err)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	s := Start(t)
	for name, c := range map[string]struct {
		from, to string
		code     int
		enhanced string
	}{
		"unknown recipient":      {App.Name, Nobody, 550, "5.1.1"},
		"full mailbox":           {App.Name, Full, 452, "4.2.2"},
		"foreign recipient":      {App.Name, Foreign, 554, "5.7.1"},
		"sender refused at MAIL": {Impostor, Alice, 553, "5.7.1"},
		"sender refused at RCPT": {Disowned, Alice, 553, "5.7.1"},
	} {
		t.Run(name, func(t *testing.T) {
			wantReply(t, send(s.login(t), c.from, []string{c.to}, "Subject: x\r\n\r\n"), c.code, c.enhanced)
		})
	}
}

func TestSenderIsRefusedAtItsCommand(t *testing.T) {
	t.Parallel()
	s := Start(t)
	wantReply(t, s.login(t).Mail(Impostor), 553, "5.7.1")
	if err := s.login(t).Mail(Disowned); err != nil {
		t.Errorf("MAIL: %v", err)
	}
	wantReply(t, s.dial(t, false).Mail(App.Name), 554, "5.7.1")
}

func TestLimits(t *testing.T) {
	t.Parallel()
	s := Start(t)
	c := s.login(t)
	if err := c.Mail(App.Name); err != nil {
		t.Fatal(err)
	}
	for i := range MaxRecipients {
		if err := c.Rcpt(Recipient(i)); err != nil {
			t.Fatal(err)
		}
	}
	wantReply(t, c.Rcpt(Recipient(MaxRecipients)), 452, "4.5.3")

	c = s.login(t)
	id, err := c.Text.Cmd("MAIL FROM:<%s> SIZE=%d", App.Name, MaxMessageBytes+1)
	if err != nil {
		t.Fatal(err)
	}
	c.Text.StartResponse(id)
	defer c.Text.EndResponse(id)
	_, _, err = c.Text.ReadResponse(250)
	wantReply(t, err, 552, "5.3.4")
}

// A client that ends a line in LF alone is in error, and learns it here.
func TestBareNewlineIsRefused(t *testing.T) {
	t.Parallel()
	s := Start(t)
	c := s.login(t)
	for _, command := range []string{"MAIL FROM:<" + App.Name + ">", "RCPT TO:<" + Alice + ">", "DATA"} {
		if err := c.Text.PrintfLine("%s", command); err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.Text.ReadResponse(0); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Text.W.WriteString("Subject: x\r\n\r\nbare\nnewline\r\n.\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := c.Text.W.Flush(); err != nil {
		t.Fatal(err)
	}
	_, _, err := c.Text.ReadResponse(250)
	wantReply(t, err, 550, "5.5.2")
	s.Maildir(t, Alice, 0)
}

func TestExtensions(t *testing.T) {
	t.Parallel()
	s := Start(t)
	plain, err := smtp.Dial(s.STARTTLSAddr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = plain.Close() }()
	if ok, _ := plain.Extension("AUTH"); ok {
		t.Error("AUTH is offered before TLS")
	}
	wantReply(t, plain.Mail(App.Name), 530, "5.7.0")

	c := s.dial(t, false)
	for _, name := range []string{"PIPELINING", "8BITMIME", "SMTPUTF8", "CHUNKING", "DSN", "ENHANCEDSTATUSCODES"} {
		if ok, _ := c.Extension(name); !ok {
			t.Errorf("%s is not offered", name)
		}
	}
	if _, size := c.Extension("SIZE"); size != "20971520" {
		t.Errorf("SIZE is %q, want 20971520", size)
	}
	_, mechanisms := c.Extension("AUTH")
	if got := strings.Fields(mechanisms); !slices.Equal(got, Mechanisms) {
		t.Errorf("AUTH offers %q, want %q", got, Mechanisms)
	}
}

func TestStopLeavesNothing(t *testing.T) {
	t.Parallel()
	var s *Servers
	t.Run("running", func(t *testing.T) {
		s = Start(t)
		if _, err := os.Stat(s.CAFile); err != nil {
			t.Error(err)
		}
	})
	if s == nil {
		t.Skip("realmail: the servers did not start")
	}
	for _, addr := range []string{s.STARTTLSAddr, s.ImplicitAddr} {
		if conn, err := net.DialTimeout("tcp", addr, dialLimit); err == nil {
			_ = conn.Close()
			t.Errorf("%s still answers", addr)
		}
	}
	if _, err := os.Stat(s.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there (%v)", s.dir, err)
	}
}

func TestUnavailable(t *testing.T) {
	for _, c := range []struct{ require, skipped, failed string }{
		{"", "realmail: it is not installed", ""},
		{"0", "realmail: it is not installed", ""},
		{"1", "", "realmail: it is not installed"},
	} {
		t.Setenv(requireVariable, c.require)
		r := record(t, func(tb testing.TB) { unavailable(tb, errors.New("it is not installed")) })
		if r.skipped != c.skipped || r.failed != c.failed {
			t.Errorf("%s=%q: skipped %q, failed %q; want %q, %q", requireVariable, c.require, r.skipped, r.failed, c.skipped, c.failed)
		}
	}
}

func TestProgramIsNotInstalled(t *testing.T) {
	_, err := findProgram("no-such-program", "some-package")
	if err == nil || err.Error() != "no-such-program is not installed (apt-get install some-package)" {
		t.Errorf("got %v", err)
	}
}
