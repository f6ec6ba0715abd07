package netsmtp_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/internal/testcert"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/netsmtp"
)

// tap keeps what is put on the wire, below TLS.
type tap struct {
	net.Conn
	mu      *sync.Mutex
	written *bytes.Buffer
}

func (c tap) Write(p []byte) (int, error) {
	c.mu.Lock()
	c.written.Write(p)
	c.mu.Unlock()
	return c.Conn.Write(p)
}

// tapped returns a rig of connections that seem to leave this machine, and what goes over them.
func tapped() (netsmtp.Rig, func() []byte) {
	var mu sync.Mutex
	var written bytes.Buffer
	dial := afar(new(net.Dialer).DialContext)
	rig := netsmtp.Rig{Roots: certs.Roots, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		return tap{conn, &mu, &written}, err
	}}
	return rig, func() []byte {
		mu.Lock()
		defer mu.Unlock()
		return bytes.Clone(written.Bytes())
	}
}

// bareAuth is an Auth as people copy it from the web: it guards nothing.
type bareAuth struct{}

func (bareAuth) Start(*netsmtp.ServerInfo) (proto string, toServer []byte, err error) {
	return "PLAIN", []byte("\x00ann\x00s3cret-pass"), nil
}
func (bareAuth) Next([]byte, bool) (toServer []byte, err error) { return nil, nil }

// hasSecret reports whether the password is in p, plain or encoded.
func hasSecret(p []byte) bool {
	return bytes.Contains(p, []byte("s3cret-pass")) ||
		bytes.Contains(p, []byte(base64.StdEncoding.EncodeToString([]byte("\x00ann\x00s3cret-pass")))) ||
		bytes.Contains(p, []byte(base64.StdEncoding.EncodeToString([]byte("s3cret-pass"))))
}

// TestNoCredentialInClear: Differences 3, 4 and 5, P21. Whatever stands between, no credential and no
// message is on the wire in clear text where credentials were given.
func TestNoCredentialInClear(t *testing.T) {
	raw := func(p smtpfake.Point, text string) func(*smtpfake.Config) {
		return func(c *smtpfake.Config) { c.Hook = smtpfake.OnNth(p, 1, smtpfake.Action{Raw: text}) }
	}
	certificate := func(cert tls.Certificate) func(*smtpfake.Config) {
		return func(c *smtpfake.Config) { c.TLS = testcert.Server(cert) }
	}
	for name, attack := range map[string]func(*smtpfake.Config){
		"STARTTLS stripped": func(c *smtpfake.Config) { c.TLS = nil },
		"STARTTLS garbled":  raw(smtpfake.EHLO, "250-mx\r\n250-STARTTLX\r\n250 AUTH PLAIN LOGIN XOAUTH2\r\n"),
		"EHLO refused":      raw(smtpfake.EHLO, "502 what?\r\n"),
		"STARTTLS refused":  raw(smtpfake.STARTTLS, "454 not now\r\n"),
		"STARTTLS unknown":  raw(smtpfake.STARTTLS, "502 what?\r\n"),
		"plain text after":  raw(smtpfake.STARTTLS, "220 go\r\n250-mx\r\n250 AUTH PLAIN LOGIN XOAUTH2\r\n"),
		"expired":           certificate(certs.Expired),
		"another's name":    certificate(certs.WrongName),
		"self-signed":       certificate(certs.SelfSigned),
	} {
		for mechanism, auth := range map[string]netsmtp.Auth{
			"PLAIN": logIn, "LOGIN": netsmtp.LoginAuth("ann", "s3cret-pass", "127.0.0.1"),
			"XOAUTH2": netsmtp.XOAUTH2Auth("ann", "s3cret-pass", "127.0.0.1"), "CRAM-MD5": netsmtp.CRAMMD5Auth("ann", "s3cret-pass"), "unguarded": bareAuth{},
		} {
			t.Run(name+", "+mechanism, func(t *testing.T) {
				cfg := withTLS(withUser(smtpfake.Config{AuthMechanisms: []string{"PLAIN", "LOGIN", "XOAUTH2", "CRAM-MD5"}}))
				attack(&cfg)
				server := smtpfake.Start(t, cfg)
				rig, written := tapped()
				err := rig.SendMail(t.Context(), server.Addr(), auth, from, both, message)
				wantTruth(t, server, err)
				if e := sendError(t, err); e.Outcome != mailer.NotAccepted || len(server.Messages()) != 0 {
					t.Errorf("got %v", err)
				}
				if w := written(); hasSecret(w) || bytes.Contains(w, []byte("AUTH")) || bytes.Contains(w, []byte("MAIL")) {
					t.Errorf("on the wire: %q", w)
				}
			})
		}
	}
}

// TestTLSPolicy: Difference 3. What is missing is said.
func TestTLSPolicy(t *testing.T) {
	server := smtpfake.Start(t, withUser(smtpfake.Config{}))
	rig, _ := tapped()
	err := rig.SendMail(t.Context(), server.Addr(), logIn, from, both, message)
	if !errors.Is(err, mailer.ErrTLSPolicy) {
		t.Errorf("got %v", err)
	}
}

// TestNoAUTH: Difference 4. Without AUTH on offer there is no message, and no word of the credentials.
func TestNoAUTH(t *testing.T) {
	for name, cfg := range map[string]smtpfake.Config{
		"not offered":  withTLS(smtpfake.Config{}),
		"EHLO refused": {Hook: smtpfake.On(smtpfake.EHLO, smtpfake.Action{Reply: "502 what?"})},
	} {
		t.Run(name, func(t *testing.T) {
			server := smtpfake.Start(t, cfg)
			err := netsmtp.Rig{Roots: certs.Roots}.SendMail(t.Context(), server.Addr(), logIn, from, both, message)
			wantTruth(t, server, err)
			for _, c := range server.Commands() {
				if hasSecret([]byte(c.Line)) || c.Line == "HELO localhost" {
					t.Errorf("the server was told %q", c.Line)
				}
			}
			if e := sendError(t, err); name == "not offered" && (e.Scope != mailer.ScopeAccount || !e.Elsewhere) {
				t.Errorf("scope %v, elsewhere %v", e.Scope, e.Elsewhere)
			}
			if name == "not offered" && (err == nil || err.Error() != "smtp: server doesn't support AUTH" || !errors.Is(err, mailer.ErrUnauthorized)) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestHELO: Difference 4. HELO is for servers that do not know EHLO. It is no way out of any other trouble, nor
// of what EHLO says under TLS.
func TestHELO(t *testing.T) {
	for _, c := range []struct {
		name, reply string
		nth         int
		accepted    bool
	}{
		{"unknown", "502 what?", 1, true}, {"refused", "550 go away", 1, true}, {"not now", "450 4.3.2 later", 1, false},
		{"another's reply", "354 go on", 1, false}, {"unknown under TLS", "502 what?", 2, false},
	} {
		cfg := smtpfake.Config{Hook: smtpfake.OnNth(smtpfake.EHLO, c.nth, smtpfake.Action{Reply: c.reply})}
		if c.nth > 1 {
			cfg = withTLS(cfg)
		}
		server := smtpfake.Start(t, cfg)
		err := netsmtp.Rig{Roots: certs.Roots}.SendMail(t.Context(), server.Addr(), nil, from, both, message)
		wantTruth(t, server, err)
		said := slices.ContainsFunc(server.Commands(), func(c smtpfake.Command) bool { return c.Line == "HELO localhost" })
		if said != c.accepted || (err == nil) != c.accepted {
			t.Errorf("%s: HELO was said: %v; %v", c.name, said, err)
		}
	}
}

// TestOffersOfTLS: TLS is used where it is offered, credentials or not, and an offer that fails is
// the end.
func TestOffersOfTLS(t *testing.T) {
	for _, auth := range []netsmtp.Auth{nil, logIn} {
		server := smtpfake.Start(t, withTLS(withUser(smtpfake.Config{})))
		rig, written := tapped()
		if err := rig.SendMail(t.Context(), server.Addr(), auth, from, both, message); err != nil {
			t.Fatal(err)
		}
		server.WaitIdle()
		if m := server.Messages(); len(m) != 1 || m[0].TLS < tls.VersionTLS12 || auth != nil && m[0].AuthUser != "ann" {
			t.Errorf("got %+v", m)
		}
		if w := written(); hasSecret(w) || bytes.Contains(w, []byte("Hello")) {
			t.Errorf("on the wire: %q", w)
		}
	}
	cfg := smtpfake.Config{TLS: testcert.Server(certs.SelfSigned)}
	server := smtpfake.Start(t, cfg)
	err := netsmtp.SendMail(server.Addr(), nil, from, both, message)
	wantTruth(t, server, err)
	if !errors.Is(err, mailer.ErrTLSPolicy) {
		t.Errorf("got %v", err)
	}
}

// TestImplicitTLS: Difference 6.
func TestImplicitTLS(t *testing.T) {
	cfg := withTLS(withUser(smtpfake.Config{ImplicitTLS: true}))
	server := smtpfake.Start(t, cfg)
	rig, written := tapped()
	dial := rig.Dial
	rig.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dial(ctx, network, server.Addr())
	}
	for i, port := range []string{"465", "submissions", "smtps"} {
		if err := rig.SendMail(t.Context(), "127.0.0.1:"+port, logIn, from, both, message); err != nil {
			t.Fatalf("port %s: %v", port, err)
		}
		server.WaitIdle()
		if m := server.Messages(); len(m) != i+1 || m[i].TLS == 0 || m[i].AuthUser != "ann" || bytes.Contains(written(), []byte("EHLO")) {
			t.Errorf("port %s: got %+v", port, m)
		}
	}
}

// TestOldTLS: what is weaker than TLS 1.2 does not count as TLS.
func TestOldTLS(t *testing.T) {
	old := testcert.Server(certs.Valid)
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	server := smtpfake.Start(t, smtpfake.Config{TLS: old})
	err := netsmtp.Rig{Roots: certs.Roots}.SendMail(t.Context(), server.Addr(), nil, from, both, message)
	wantTruth(t, server, err)
	if err == nil {
		t.Error("the message went over it")
	}
}

// TestSecretsAreNotQuoted: Difference 8. A server that repeats what it was told is not repeated.
func TestSecretsAreNotQuoted(t *testing.T) {
	for mechanism, auth := range map[string]netsmtp.Auth{
		"PLAIN": logIn, "LOGIN": netsmtp.LoginAuth("ann", "s3cret-pass", "127.0.0.1"), "XOAUTH2": netsmtp.XOAUTH2Auth("ann", "s3cret-pass", "127.0.0.1"),
	} {
		cfg := withUser(smtpfake.Config{AuthMechanisms: []string{mechanism}, Hook: func(e *smtpfake.Event) smtpfake.Action {
			if e.Point == smtpfake.RCPT {
				return smtpfake.Action{Reply: "535 5.7.8 s3cret-pass, or AHVzZXIAczNjcmV0LXBhc3M= is it not?"}
			}
			return smtpfake.Action{}
		}})
		server := smtpfake.Start(t, cfg)
		err := netsmtp.SendMail(server.Addr(), auth, from, both, message)
		e := sendError(t, err)
		for inner := error(e); inner != nil; inner = errors.Unwrap(inner) {
			if hasSecret([]byte(inner.Error())) {
				t.Errorf("%s: %v", mechanism, inner)
			}
		}
		if account := fmt.Sprintf("%+v", *e.Receipt); e.Code != 535 || hasSecret([]byte(account)) || !strings.Contains(account, "is it not?") {
			t.Errorf("%s: %v, %s", mechanism, err, account)
		}
	}
}

// initialLogin is LOGIN with the user name in the first line, as some write it.
type initialLogin struct{ netsmtp.Auth }

func (a initialLogin) Start(server *netsmtp.ServerInfo) (proto string, toServer []byte, err error) {
	if proto, _, err = a.Auth.Start(server); err != nil {
		return "", nil, err
	}
	toServer, err = a.Next(nil, true)
	return proto, toServer, err
}

// TestUserNameIsQuoted: a server's words about the sender stay whole where the sender's address is the user name as
// well, whatever the mechanism. A password is masked in them all the same.
func TestUserNameIsQuoted(t *testing.T) {
	const refused = "5.7.1 <ann@example.com>: not owned by user ann@example.com"
	login := netsmtp.LoginAuth(from, "s3cret-pass", "127.0.0.1")
	for name, auth := range map[string]netsmtp.Auth{
		"PLAIN": netsmtp.PlainAuth("", from, "s3cret-pass", "127.0.0.1"), "LOGIN": login, "LOGIN, initial": initialLogin{login},
	} {
		cfg := on(smtpfake.MAIL, smtpfake.Action{Reply: "553 " + refused + " s3cret-pass"})
		cfg.Users = map[string]string{from: "s3cret-pass"}
		cfg.AuthMechanisms = []string{name[:5]}
		server := smtpfake.Start(t, cfg)
		err := netsmtp.SendMail(server.Addr(), auth, from, both, message)
		wantTruth(t, server, err)
		var said *textproto.Error
		if !errors.As(err, &said) || said.Code != 553 || !strings.HasPrefix(said.Msg, refused+" ") || hasSecret([]byte(said.Msg)) {
			t.Errorf("%s: got %q of %v", name, said, err)
		}
	}
}
