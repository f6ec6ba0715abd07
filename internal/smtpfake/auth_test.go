package smtpfake

import (
	"crypto/tls"
	"encoding/base64"
	"testing"
	"testing/synctest"

	"github.com/mailkeel/mailkeel/internal/faultconn"
	"github.com/mailkeel/mailkeel/internal/testcert"
)

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// exchange feeds responses to m and returns the last challenge and state.
func exchange(m mechanism, responses ...string) (challenge string, state authState) {
	for _, response := range responses {
		var c []byte
		c, state = m.next([]byte(response))
		challenge = string(c)
	}
	return challenge, state
}

func TestSCRAMVectors(t *testing.T) {
	for _, tc := range []struct {
		name, serverNonce, salt, first, challenge, final, signature string
	}{
		{ // RFC 5802 section 5
			"SCRAM-SHA-1", "3rfcNHYJY1ZVvWVs7j", "QSXCR+Q6sek8bf92",
			"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
			"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
			"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
			"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
		},
		{ // RFC 7677 section 3
			"SCRAM-SHA-256", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", "W22ZaJ0SNY7soEsUEjb6gQ==",
			"n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
			"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
			"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
			"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			start := func() *scramMechanism {
				m := newSCRAM(tc.name, map[string]string{"user": "pencil"}, nil)
				m.serverNonce = tc.serverNonce
				m.salt, _ = base64.StdEncoding.DecodeString(tc.salt)
				return m
			}
			m := start()
			if got, state := exchange(m, tc.first); got != tc.challenge || state != authContinue {
				t.Fatalf("first challenge %q (%d), want %q", got, state, tc.challenge)
			}
			if got, state := exchange(m, tc.final); got != tc.signature || state != authContinue {
				t.Fatalf("signature %q (%d), want %q", got, state, tc.signature)
			}
			if _, state := exchange(m, ""); state != authDone || m.user() != "user" {
				t.Fatalf("state %d, user %q", state, m.user())
			}
			wrong := start()
			wrong.users = map[string]string{"user": "pencils"}
			if got, state := exchange(wrong, tc.first, tc.final); state != authFailed {
				t.Errorf("wrong password: %q (%d)", got, state)
			}
			if got, state := exchange(start(), "y"+tc.first[1:], tc.final); state != authFailed {
				t.Errorf("binding flag changed after the fact: %q (%d)", got, state)
			}
			downgraded := start()
			downgraded.plusOffered = true
			if got, state := exchange(downgraded, "y"+tc.first[1:]); state != authMalformed {
				t.Errorf("client believes that -PLUS is not offered: %q (%d)", got, state)
			}
		})
	}
}

// RFC 2195 section 2.
func TestCRAMVector(t *testing.T) {
	m := &cramMechanism{
		users:     map[string]string{"tim": "tanstaaftanstaaf"},
		challenge: "<1896.697170952@postoffice.reston.mci.net>",
	}
	if c, state := m.next(nil); string(c) != m.challenge || state != authContinue {
		t.Fatalf("challenge %q (%d)", c, state)
	}
	if _, state := exchange(m, "tim b913a602c7eda7a495b4e6e7334d3890"); state != authDone || m.user() != "tim" {
		t.Errorf("state %d, user %q", state, m.user())
	}
	again := &cramMechanism{users: m.users, challenge: "<other>", asked: true}
	if _, state := exchange(again, "tim b913a602c7eda7a495b4e6e7334d3890"); state != authFailed {
		t.Errorf("other challenge: state %d", state)
	}
}

func TestAuthConversations(t *testing.T) {
	const refusal = `{"status":"401","schemes":"bearer","scope":"mail"}`
	for _, tc := range []struct {
		name, script, user string
		rules              []Rule
	}{
		{"PLAIN", "C: AUTH PLAIN " + b64("\x00u\x00p") + "\nS: 235 2.7.0 authenticated", "u", nil},
		{"PLAIN with authzid", "C: AUTH PLAIN " + b64("u\x00u\x00p") + "\nS: 235...", "u", nil},
		{"PLAIN challenged", "C: auth plain\nS: 334 \nC: " + b64("\x00u\x00p") + "\nS: 235...", "u", nil},
		{"PLAIN wrong", "C: AUTH PLAIN " + b64("\x00u\x00q") + "\nS: 535 5.7.8 credentials not valid", "", nil},
		{"PLAIN unknown user", "C: AUTH PLAIN " + b64("\x00x\x00") + "\nS: 535...", "", nil},
		{"PLAIN malformed", "C: AUTH PLAIN " + b64("u\x00p") + "\nS: 501...", "", []Rule{RuleAuth}},
		{"PLAIN for another", "C: AUTH PLAIN " + b64("x\x00u\x00p") + "\nS: 535...", "", nil},
		{"not base64", "C: AUTH PLAIN u:p\nS: 501...", "", []Rule{RuleAuth}},
		{"cancelled", "C: AUTH PLAIN\nS: 334 \nC: *\nS: 501 5.0.0 cancelled", "", nil},
		{"LOGIN", "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: " + b64("u") + "\nS: 334 UGFzc3dvcmQ6\nC: " + b64("p") + "\nS: 235...", "u", nil},
		{"LOGIN initial", "C: AUTH LOGIN " + b64("u") + "\nS: 334 UGFzc3dvcmQ6\nC: " + b64("p") + "\nS: 235...", "u", nil},
		{"LOGIN wrong", "C: AUTH LOGIN " + b64("u") + "\nS: 334 UGFzc3dvcmQ6\nC: " + b64("") + "\nS: 535...", "", nil},
		{"XOAUTH2", "C: AUTH XOAUTH2 " + b64("user=u\x01auth=Bearer p\x01\x01") + "\nS: 235...", "u", nil},
		{"XOAUTH2 refused", "C: AUTH XOAUTH2 " + b64("user=u\x01auth=Bearer x\x01\x01") + "\nS: 334 " + b64(refusal) + "\nC: \nS: 535...", "", nil},
		{"XOAUTH2 refused, not acknowledged", "C: AUTH XOAUTH2 " + b64("user=u\x01auth=Bearer x\x01\x01") + "\nS: 334 " + b64(refusal) + "\nC: AQ==\nS: 501...", "", []Rule{RuleAuth}},
		{"OAUTHBEARER", "C: AUTH OAUTHBEARER " + b64("n,a=u,\x01host=h\x01port=587\x01auth=Bearer p\x01\x01") + "\nS: 235...", "u", nil},
		{"OAUTHBEARER refused", "C: AUTH OAUTHBEARER " + b64("n,a=u,\x01auth=Bearer x\x01\x01") + "\nS: 334 " + b64(refusal) + "\nC: AQ==\nS: 535...", "", nil},
		{"not offered in clear", "C: AUTH SCRAM-SHA-256-PLUS " + b64("x") + "\nS: 504...", "", []Rule{RuleAuth}},
		{"unknown", "C: AUTH NTLM\nS: 504...", "", []Rule{RuleAuth}},
		{"offered, not known", "C: AUTH GSSAPI\nS: 504...", "", nil},
		{"CRAM with initial response", "C: AUTH CRAM-MD5 " + b64("x") + "\nS: 501...", "", []Rule{RuleAuth}},
		{"twice", "C: AUTH PLAIN " + b64("\x00u\x00p") + "\nS: 235...\nC: AUTH PLAIN " + b64("\x00u\x00p") + "\nS: 503...", "u", []Rule{RuleSequence}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg := Config{
				Extensions: Extensions{EnhancedCodes: true}, Users: map[string]string{"u": "p"},
				AuthMechanisms: append(Mechanisms(), "GSSAPI"), RequireAuth: true,
			}
			srv := converse(t, cfg, `
S: 220...
C: EHLO client.example
S: 250-mx.example.com
S: 250-ENHANCEDSTATUSCODES
S: 250 AUTH SCRAM-SHA-256 SCRAM-SHA-1 OAUTHBEARER XOAUTH2 PLAIN LOGIN CRAM-MD5 GSSAPI
`+tc.script+"\nC: MAIL FROM:<a@example.com>\nS: "+map[bool]string{true: "250...", false: "530..."}[tc.user != ""])
			wantRules(t, srv, tc.rules...)
			if got, want := srv.Stats().Auths, int64(len(tc.user)); got != want {
				t.Errorf("%d successful exchanges, want %d", got, want)
			}
		})
	}
}

func TestRequireTLS(t *testing.T) {
	certs := testcert.Must(t)
	cfg := Config{TLS: testcert.Server(certs.Valid), RequireTLS: true, Users: map[string]string{"u": "p"}}
	srv := converse(t, cfg, `
S: 220...
C: EHLO client.example
S: 250-mx.example.com
S: 250 STARTTLS
C: MAIL FROM:<a@example.com>
S: 530 STARTTLS first
C: AUTH PLAIN AHUAcA==
S: 538 encryption required
`)
	wantRules(t, srv, RuleClearAuth)
}

func TestStartTLSAndAuth(t *testing.T) {
	certs := testcert.Must(t)
	cfg := Config{
		TLS: testcert.Server(certs.Valid), Users: map[string]string{"u": "p"},
		AuthMechanisms: []string{"SCRAM-SHA-256-PLUS", "PLAIN"},
	}
	srv := bubble(t, cfg, func(d *dialogue) {
		d.script(`
S: 220...
C: EHLO client.example
S: 250-mx.example.com
S: 250-STARTTLS
S: 250 AUTH PLAIN
C: STARTTLS
S: 220 go ahead
`)
		d.secure(certs.Client("localhost"))
		d.script(`
C: MAIL FROM:<a@example.com>
S: 503 EHLO first
C: EHLO client.example
S: 250-mx.example.com
S: 250 AUTH SCRAM-SHA-256-PLUS PLAIN
C: AUTH PLAIN AHUAcA==
S: 235 authenticated
` + toData + `
C: x
C: .
S: 250...
C: QUIT
S: 221 bye
S: EOF
`)
	})
	wantRules(t, srv, RuleSequence)
	m := wantMessages(t, srv, 1)[0]
	if m.AuthUser != "u" || m.AuthMechanism != "PLAIN" || m.TLS != tls.VersionTLS13 {
		t.Errorf("message %+v", m)
	}
	for _, c := range srv.Commands() {
		if clear := c.Line == "STARTTLS" || c == srv.Commands()[0]; clear == c.TLS {
			t.Errorf("command %+v", c)
		}
	}
	if got := srv.Stats().Handshakes; got != 1 {
		t.Errorf("%d handshakes", got)
	}
}

func TestImplicitTLS(t *testing.T) {
	certs := testcert.Must(t)
	srv := bubble(t, Config{TLS: testcert.Server(certs.Valid), ImplicitTLS: true}, func(d *dialogue) {
		d.secure(certs.Client("127.0.0.1"))
		d.script(opening + "C: QUIT\nS: 221 bye\nS: EOF")
	})
	wantRules(t, srv)
}

// SMTP row 12, from both sides.
func TestInjectionAroundSTARTTLS(t *testing.T) {
	certs := testcert.Must(t)
	cfg := Config{TLS: testcert.Server(certs.Valid)}
	t.Run("client", func(t *testing.T) {
		srv := converse(t, cfg, `
S: 220...
C: EHLO client.example
S: 250-...
S: 250 STARTTLS
C: STARTTLS
C: MAIL FROM:<a@example.com>
S: 220...
S: EOF
`)
		wantRules(t, srv, RulePipelining, RuleInjection)
	})
	t.Run("server", func(t *testing.T) {
		cfg.Hook = On(STARTTLS, Action{Raw: "220 go ahead\r\n250 injected\r\n"})
		srv := bubble(t, cfg, func(d *dialogue) {
			d.script(`
S: 220...
C: EHLO client.example
S: 250-...
S: 250 STARTTLS
C: STARTTLS
S: 220 go ahead
S: 250 injected
`)
			d.secure(certs.Client("localhost"))
			d.script("C: NOOP\nS: 250 ok")
		})
		wantRules(t, srv)
	})
}

// SMTP row 6: the client refuses the certificate; the server is left in order.
func TestCertificateRefused(t *testing.T) {
	certs := testcert.Must(t)
	for name, cert := range map[string]tls.Certificate{
		"expired": certs.Expired, "wrong name": certs.WrongName, "self-signed": certs.SelfSigned,
	} {
		synctest.Test(t, func(t *testing.T) {
			srv := New(Config{TLS: testcert.Server(cert), ImplicitTLS: true})
			client, server := faultconn.Pipe()
			go srv.ServeConn(server)
			if err := tls.Client(client, certs.Client("localhost")).Handshake(); err == nil {
				t.Errorf("%s: the handshake succeeded", name)
			}
			_ = client.Close()
			srv.WaitIdle()
			if got := srv.Stats(); got.Handshakes != 0 || got.Commands != 0 {
				t.Errorf("%s: stats %+v", name, got)
			}
		})
	}
}
