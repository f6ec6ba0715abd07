package smtp_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"regexp"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/internal/testcert"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/smtp"
)

// tap keeps what the client puts on the wire, below TLS.
type tap struct {
	net.Conn
	mu      sync.Mutex
	written bytes.Buffer
}

func (c *tap) Write(p []byte) (int, error) {
	c.mu.Lock()
	c.written.Write(p)
	c.mu.Unlock()
	return c.Conn.Write(p)
}

func (c *tap) bytes() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return bytes.Clone(c.written.Bytes())
}

// An attack is what somebody between client and server can do to the protection.
type attack struct {
	name     string
	security smtp.Security
	server   func(*smtpfake.Config)
}

// attacks are R8: the downgrades of STARTTLS and of implicit TLS.
func attacks() []attack {
	hook := func(p smtpfake.Point, a smtpfake.Action) func(*smtpfake.Config) {
		return func(c *smtpfake.Config) { c.Hook = smtpfake.OnNth(p, 1, a) }
	}
	raw := func(p smtpfake.Point, text string) func(*smtpfake.Config) { return hook(p, smtpfake.Action{Raw: text}) }
	certificate := func(cert tls.Certificate) func(*smtpfake.Config) {
		return func(c *smtpfake.Config) { c.TLS = testcert.Server(cert) }
	}
	list := []attack{
		{"STARTTLS stripped", smtp.STARTTLS, func(c *smtpfake.Config) { c.TLS = nil }},
		{"STARTTLS garbled", smtp.STARTTLS, raw(smtpfake.EHLO, "250-mx\r\n250-STARTTLX\r\n250-AUTH PLAIN LOGIN XOAUTH2\r\n250 SIZE\r\n")},
		{"STARTTLS in the greeting line only", smtp.STARTTLS, raw(smtpfake.EHLO, "250-STARTTLS\r\n250 AUTH PLAIN LOGIN XOAUTH2\r\n")},
		{"EHLO refused, for a HELO without extensions", smtp.STARTTLS, hook(smtpfake.EHLO, smtpfake.Action{Reply: "502 5.5.1 what"})},
		{"EHLO not implemented", smtp.STARTTLS, hook(smtpfake.EHLO, smtpfake.Action{Reply: "500 what"})},
		{"replies ahead of time at the greeting", smtp.STARTTLS, raw(smtpfake.Greeting, "220 mx\r\n250-mx\r\n250 AUTH PLAIN\r\n235 ok\r\n")},
		{"replies ahead of time at EHLO", smtp.STARTTLS, raw(smtpfake.EHLO, "250-mx\r\n250 STARTTLS\r\n220 go\r\n250 AUTH PLAIN\r\n")},
		{"greeted as authenticated", smtp.STARTTLS, raw(smtpfake.Greeting, "235 welcome\r\n")},
		{"clear text goes on after 220", smtp.STARTTLS, raw(smtpfake.Handshake, "250-mx\r\n250 AUTH PLAIN LOGIN\r\n")},
		{"TLS alert", smtp.STARTTLS, raw(smtpfake.Handshake, "\x15\x03\x01\x00\x02\x02\x28")},
		{"expired certificate", smtp.STARTTLS, certificate(certs.Expired)},
		{"certificate of another host", smtp.STARTTLS, certificate(certs.WrongName)},
		{"certificate of nobody", smtp.STARTTLS, certificate(certs.SelfSigned)},
		{"TLS 1.1", smtp.STARTTLS, oldTLS},
		{"greeting in clear", smtp.ImplicitTLS, func(*smtpfake.Config) {}},
		{"handshake answered in clear", smtp.ImplicitTLS, func(c *smtpfake.Config) { c.ImplicitTLS = true; raw(smtpfake.Handshake, "220 mx ESMTP\r\n")(c) }},
		{"handshake closed", smtp.ImplicitTLS, func(c *smtpfake.Config) { c.ImplicitTLS = true; hook(smtpfake.Handshake, fin)(c) }},
		{"expired certificate, implicit", smtp.ImplicitTLS, func(c *smtpfake.Config) { certificate(certs.Expired)(c); c.ImplicitTLS = true }},
		{"certificate of another host, implicit", smtp.ImplicitTLS, func(c *smtpfake.Config) { certificate(certs.WrongName)(c); c.ImplicitTLS = true }},
		{"certificate of nobody, implicit", smtp.ImplicitTLS, func(c *smtpfake.Config) { certificate(certs.SelfSigned)(c); c.ImplicitTLS = true }},
		{"TLS 1.1, implicit", smtp.ImplicitTLS, func(c *smtpfake.Config) { oldTLS(c); c.ImplicitTLS = true }},
	}
	for _, reply := range []string{"221 bye", "235 ok", "250 ok", "334 ", "354 go", "454 4.7.0 no", "500 what", "501 5.5.4 no", "502 no", "503 no", "530 no", "554 no", "no code"} {
		list = append(list, attack{"STARTTLS answered " + reply, smtp.STARTTLS, raw(smtpfake.STARTTLS, reply+"\r\n")})
	}
	for _, injected := range []string{"250 ok\r\n", "220 go\r\n", "250-mx\r\n250 AUTH PLAIN\r\n", "235 ok\r\n", "x", "\r\n", "\x00", "250"} {
		list = append(list, attack{fmt.Sprintf("%q injected", injected), smtp.STARTTLS, raw(smtpfake.STARTTLS, "220 go\r\n"+injected)})
	}
	return list
}

func oldTLS(c *smtpfake.Config) {
	c.TLS = testcert.Server(certs.Valid)
	c.TLS.MinVersion, c.TLS.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
}

// inClear is all that may be seen of a client that requires TLS: its greeting, STARTTLS,
// and then records of TLS.
var inClear = regexp.MustCompile(`^(EHLO client\.example\.com\r\n)?(STARTTLS\r\n)?([\x14-\x17]\x03[\s\S]*)?$`)

// TestDowngrades is P21: where TLS is required and cannot be had, no credential and no part of
// a message is seen, whatever mechanism is configured.
func TestDowngrades(t *testing.T) {
	n := 0
	for _, a := range attacks() {
		for _, mechanism := range []string{"", "PLAIN", "LOGIN", "XOAUTH2"} {
			n++
			t.Run(a.name+", "+mechanism, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { a.mount(t, mechanism) })
			})
		}
	}
	t.Logf("%d cases", n)
}

func (a attack) mount(t *testing.T, mechanism string) {
	t.Helper()
	cfg := withTLS(withUsers(smtpfake.Config{Extensions: relay, AuthMechanisms: []string{"PLAIN", "LOGIN", "XOAUTH2"}}))
	a.server(&cfg)
	server := smtpfake.New(cfg)
	var taps []*tap
	dial := pipeTo(server)
	config := plaintext(func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		taps = append(taps, &tap{Conn: conn})
		return taps[len(taps)-1], err
	})
	useTLS(a.security)(&config)
	logIn(&config)
	config.Auth = mechanism
	client := must(smtp.New(config))
	defer closeAll(t, client, server)
	_, err := client.Send(t.Context(), newMessage(1))
	if e := mailer.AsSendError(err); e == nil || e.Outcome != mailer.NotAccepted || len(server.Messages()) > 0 {
		t.Errorf("got %v, %d messages", err, len(server.Messages()))
	}
	for _, tap := range taps {
		seen := tap.bytes()
		if !inClear.Match(seen) {
			t.Errorf("seen in clear: %.300q", seen)
		}
		for _, secret := range []string{"pass-word", base64.StdEncoding.EncodeToString([]byte("\x00app\x00pass-word")),
			base64.StdEncoding.EncodeToString([]byte("pass-word")), "AUTH", "MAIL", "ann@example.com", "bob@example.net", "Hello"} {
			if bytes.Contains(seen, []byte(secret)) {
				t.Errorf("%q was seen in clear", secret)
			}
		}
	}
}

// awayConn says that it leads to another machine.
type awayConn struct{ net.Conn }

func (awayConn) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(203, 0, 113, 7), Port: 25} }

// TestPlaintextStaysHere: a name that stands for this machine and leads to another gets
// nothing in clear text.
func TestPlaintextStaysHere(t *testing.T) {
	for _, allowed := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			server := smtpfake.New(withUsers(smtpfake.Config{}))
			dial := pipeTo(server)
			config := plaintext(func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := dial(ctx, network, address)
				return awayConn{conn}, err
			})
			logIn(&config)
			config.AllowPlaintext = allowed
			client := must(smtp.New(config))
			defer closeAll(t, client, server)
			_, err := client.Send(t.Context(), newMessage(1))
			if allowed != (err == nil) || allowed != (len(server.Commands()) > 0) {
				t.Errorf("allowed %v: %v, commands %v", allowed, err, linesOf(server))
			}
		})
	}
}
