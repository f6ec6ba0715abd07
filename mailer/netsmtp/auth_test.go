package netsmtp_test

import (
	"errors"
	"net"
	"net/smtp"
	"strings"
	"sync"
	"testing"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/mailer/netsmtp"
)

// TestLoginPrompts: servers ask in many ways.
func TestLoginPrompts(t *testing.T) {
	for _, prompts := range [][2]string{
		{"Username:", "Password:"}, {"User Name\x00", "Password\x00"}, {"username", "password"}, {"LOGIN", "PASS"},
		{"", ""}, {"Benutzer", "Kennwort"}, {"user name or password", "user name or password"},
	} {
		a := netsmtp.LoginAuth("ann", "s3cret-pass", "mail.example.com")
		for range 2 { // a value serves one exchange after another
			proto, initial, err := a.Start(&netsmtp.ServerInfo{Name: "mail.example.com", TLS: true})
			if proto != "LOGIN" || initial != nil || err != nil {
				t.Fatalf("%s %q %v", proto, initial, err)
			}
			user, err1 := a.Next([]byte(prompts[0]), true)
			password, err2 := a.Next([]byte(prompts[1]), true)
			if string(user) != "ann" || string(password) != "s3cret-pass" || errors.Join(err1, err2) != nil {
				t.Errorf("%q: %q %q %v %v", prompts, user, password, err1, err2)
			}
			if rest, err := a.Next([]byte("accepted"), false); rest != nil || err != nil {
				t.Errorf("at the end: %q %v", rest, err)
			}
		}
		if more, err := a.Next([]byte("and now?"), true); err == nil {
			t.Errorf("to a third prompt: %q", more)
		}
	}
}

// TestLoginAsksForPasswordFirst: who says what is wanted gets that, in whatever order.
func TestLoginAsksForPasswordFirst(t *testing.T) {
	a := netsmtp.LoginAuth("ann", "s3cret-pass", "mail.example.com")
	if _, _, err := a.Start(&netsmtp.ServerInfo{Name: "mail.example.com", TLS: true}); err != nil {
		t.Fatal(err)
	}
	for _, c := range [][2]string{{"Password:", "s3cret-pass"}, {"Username:", "ann"}} {
		if got, err := a.Next([]byte(c[0]), true); err != nil || string(got) != c[1] {
			t.Errorf("%s: %q, %v", c[0], got, err)
		}
	}
}

// TestSecretsNeedTLS: as PlainAuth, the constructors show nothing without TLS but to this machine, and nothing to others.
func TestSecretsNeedTLS(t *testing.T) {
	for name, a := range map[string]func(host string) netsmtp.Auth{
		"PLAIN":   func(host string) netsmtp.Auth { return netsmtp.PlainAuth("", "ann", "s3cret-pass", host) },
		"LOGIN":   func(host string) netsmtp.Auth { return netsmtp.LoginAuth("ann", "s3cret-pass", host) },
		"XOAUTH2": func(host string) netsmtp.Auth { return netsmtp.XOAUTH2Auth("ann", "s3cret-pass", host) },
	} {
		for _, c := range []struct {
			host   string
			server netsmtp.ServerInfo
			err    string
		}{
			{"mail.example.com", netsmtp.ServerInfo{Name: "mail.example.com", TLS: true}, ""},
			{"localhost", netsmtp.ServerInfo{Name: "localhost"}, ""}, {"127.0.0.1", netsmtp.ServerInfo{Name: "127.0.0.1"}, ""}, {"::1", netsmtp.ServerInfo{Name: "::1"}, ""},
			{"mail.example.com", netsmtp.ServerInfo{Name: "mail.example.com", Auth: []string{name}}, "unencrypted connection"},
			{"mail.example.com", netsmtp.ServerInfo{Name: "mx.example.com", TLS: true}, "wrong host name"},
			{"mail.example.com", netsmtp.ServerInfo{Name: "localhost"}, "wrong host name"},
		} {
			_, initial, err := a(c.host).Start(&c.server)
			if text := errorText(err); text != c.err || err != nil && len(initial) > 0 {
				t.Errorf("%s to %s at %+v: %q, %v", name, c.host, c.server, initial, err)
			}
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestXOAUTH2: the form that Google and Microsoft ask for, and the empty line after a refusal.
func TestXOAUTH2(t *testing.T) {
	a := netsmtp.XOAUTH2Auth("ann@example.com", "tok", "mail.example.com")
	proto, initial, err := a.Start(&netsmtp.ServerInfo{Name: "mail.example.com", TLS: true})
	if proto != "XOAUTH2" || string(initial) != "user=ann@example.com\x01auth=Bearer tok\x01\x01" || err != nil {
		t.Errorf("%s %q %v", proto, initial, err)
	}
	if answer, err := a.Next([]byte(`{"status":"401"}`), true); answer == nil || len(answer) > 0 || err != nil {
		t.Errorf("to the challenge: %q %v", answer, err)
	}
	if _, _, err := netsmtp.XOAUTH2Auth("ann\x01auth=Bearer other", "tok", "h").Start(&netsmtp.ServerInfo{Name: "h", TLS: true}); err == nil {
		t.Error("a user name that ends its field is taken")
	}
}

// TestMechanisms: each constructor authenticates, through SendMail and through the standard Client, and a wrong
// secret is refused.
func TestMechanisms(t *testing.T) {
	for name, a := range map[string]func(secret string) netsmtp.Auth{
		"PLAIN":    func(secret string) netsmtp.Auth { return netsmtp.PlainAuth("", "ann", secret, "127.0.0.1") },
		"LOGIN":    func(secret string) netsmtp.Auth { return netsmtp.LoginAuth("ann", secret, "127.0.0.1") },
		"CRAM-MD5": func(secret string) netsmtp.Auth { return netsmtp.CRAMMD5Auth("ann", secret) },
		"XOAUTH2":  func(secret string) netsmtp.Auth { return netsmtp.XOAUTH2Auth("ann", secret, "127.0.0.1") },
	} {
		t.Run(name, func(t *testing.T) {
			server := smtpfake.Start(t, withUser(smtpfake.Config{RequireAuth: true, AuthMechanisms: []string{name}}))
			for secret, right := range map[string]bool{"s3cret-pass": true, "another": false} {
				if err := netsmtp.SendMail(server.Addr(), a(secret), from, both, message); (err == nil) != right || err != nil && sendError(t, err).Code != 535 {
					t.Errorf("SendMail with %s: %v", secret, err)
				}
				if err := clientAuth(t, server.Addr(), a(secret)); (err == nil) != right {
					t.Errorf("Client with %s: %v", secret, err)
				}
			}
			server.WaitIdle()
			if n := server.Stats().Auths; n != 2 {
				t.Errorf("%d authenticated", n)
			}
			for _, v := range server.Violations() {
				if !strings.Contains(v.Detail, "*") { // the Client's, when it has been refused already
					t.Error(v)
				}
			}
		})
	}
}

func clientAuth(t *testing.T, addr string, a smtp.Auth) error {
	t.Helper()
	client, err := netsmtp.Dial(addr)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.Auth(a); err != nil {
		return err
	}
	return client.Quit()
}

// TestOneLoginForMany: a value of LoginAuth serves sends that run at once.
func TestOneLoginForMany(t *testing.T) {
	server := smtpfake.Start(t, withUser(smtpfake.Config{RequireAuth: true, AuthMechanisms: []string{"LOGIN"}}))
	a := netsmtp.LoginAuth("ann", "s3cret-pass", "127.0.0.1")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := netsmtp.SendMail(server.Addr(), a, from, both, message); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// objecting is an Auth that gives up at one place.
type objecting struct {
	at  string
	err error
}

func (o objecting) Start(*netsmtp.ServerInfo) (proto string, toServer []byte, err error) {
	if o.at == "start" {
		return "", nil, o.err
	}
	return "PLAIN", []byte{}, nil
}

func (o objecting) Next(fromServer []byte, more bool) (toServer []byte, err error) {
	switch {
	case more && o.at == "challenge", !more && o.at == "end":
		return nil, o.err
	case more:
		return []byte("\x00ann\x00s3cret-pass"), nil
	case !strings.HasPrefix(string(fromServer), "2.7.0 "):
		return nil, errors.New("the reply was not passed on")
	}
	return nil, nil
}

// TestObjections: what an Auth of the caller's says is the error, also of the reply that reports success.
func TestObjections(t *testing.T) {
	own := errors.New("of the caller's own")
	for _, at := range []string{"start", "challenge", "end", "never"} {
		server := smtpfake.Start(t, withUser(smtpfake.Config{Extensions: smtpfake.Extensions{EnhancedCodes: true}}))
		err := netsmtp.SendMail(server.Addr(), objecting{at, own}, from, both, message)
		wantTruth(t, server, err)
		if (at == "never") != (err == nil) || err != nil && !errors.Is(err, own) {
			t.Errorf("%s: %v", at, err)
		}
	}
}

// TestNewClient: the Client is the standard library's.
func TestNewClient(t *testing.T) {
	server := smtpfake.Start(t, smtpfake.Config{})
	conn, err := net.Dial("tcp", server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	var client *smtp.Client
	if client, err = netsmtp.NewClient(conn, "localhost"); err != nil {
		t.Fatal(err)
	}
	if err := client.Quit(); err != nil {
		t.Error(err)
	}
}
