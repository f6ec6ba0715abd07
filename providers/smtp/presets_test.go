package smtp_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/internal/testcert"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/dsn"
	"github.com/mailkeel/mailkeel/providers/smtp"
)

// startProvider starts a server that insists on TLS and on AUTH, as the providers do.
func startProvider(t *testing.T, cfg smtpfake.Config, user, password string, mechanisms ...string) *smtpfake.Server {
	t.Helper()
	cfg.Extensions, cfg.TLS, cfg.RequireTLS = relay, testcert.Server(certs.Valid), true
	cfg.Users, cfg.RequireAuth, cfg.AuthMechanisms = map[string]string{user: password}, true, mechanisms
	return smtpfake.Start(t, cfg)
}

// trusting returns a parameter with which the servers' certificates are trusted.
func trusting(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, certs.RootsPEM, 0o600); err != nil {
		t.Fatal(err)
	}
	return "ca_file=" + file
}

// openString replaces HOST by the server's address.
func openString(t *testing.T, s string, servers ...*smtpfake.Server) mailer.Sender {
	t.Helper()
	for _, server := range servers {
		s = strings.Replace(s, "HOST", server.Addr(), 1)
	}
	sender, err := dsn.Mux{smtp.Schemes}.Open(t.Context(), s)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	t.Cleanup(func() { _ = sender.(mailer.Closer).Close(context.Background()) })
	return sender
}

// TestPresets: the provider's server sees the user, the password and the mechanism that
// it expects, under TLS, and takes the message.
func TestPresets(t *testing.T) {
	const acsUser = "contoso|11111111-1111|22222222-2222"
	ca := trusting(t)
	for _, c := range []struct {
		in         string // with HOST where "default" would stand
		user       string
		mechanisms []string // offered
		want       string
	}{
		{"acs+smtp://" + acsUser + ":s3cr+t/=|@HOST?", acsUser, []string{"LOGIN", "XOAUTH2"}, "LOGIN"},
		{"acs+smtp://contoso.1111.2222:s3cr+t/=|@HOST?", "contoso.1111.2222", []string{"PLAIN", "LOGIN"}, "PLAIN"},
		{"acs+smtp://app@example.com:s3cr+t/=|@HOST?auth=xoauth2&", "app@example.com", []string{"LOGIN", "XOAUTH2"}, "XOAUTH2"},
		{"m365+smtp://app@example.com:s3cr+t/=|@HOST?", "app@example.com", []string{"LOGIN", "XOAUTH2"}, "XOAUTH2"},
		{"m365+smtp://app@example.com:s3cr+t/=|@HOST?auth=login&", "app@example.com", []string{"LOGIN", "XOAUTH2"}, "LOGIN"},
		{"mailgun+smtp://postmaster@mg.example.com:s3cr+t/=|@HOST?", "postmaster@mg.example.com", []string{"PLAIN", "LOGIN"}, "PLAIN"},
		{"sendgrid+smtp://s3cr+t/=|@HOST?", "apikey", []string{"PLAIN", "LOGIN"}, "PLAIN"},
	} {
		server := startProvider(t, smtpfake.Config{}, c.user, "s3cr+t/=|", c.mechanisms...)
		sender := openString(t, c.in+ca, server)
		if _, err := sender.Send(t.Context(), newMessage(2)); err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		got := server.Messages()
		if len(got) != 1 || got[0].AuthUser != c.user || got[0].AuthMechanism != c.want || got[0].TLS == 0 || len(got[0].Recipients) != 2 {
			t.Errorf("%s: the server has %+v, want one message by %s with %s", c.in, got, c.user, c.want)
		}
		if v := server.Violations(); len(v) != 0 {
			t.Errorf("%s: violations %v", c.in, v)
		}
	}
}

// A token is no password: where the server has no XOAUTH2, it is not shown to it.
func TestPresetKeepsToken(t *testing.T) {
	server := startProvider(t, smtpfake.Config{}, "app@example.com", "token", "LOGIN", "PLAIN")
	sender := openString(t, "m365+smtp://app@example.com:token@HOST?"+trusting(t), server)
	_, err := sender.Send(t.Context(), newMessage(1))
	if e := mailer.AsSendError(err); e == nil || e.Outcome != mailer.NotAccepted || e.Scope != account || !e.Elsewhere || !errors.Is(err, mailer.ErrUnauthorized) {
		t.Errorf("got %+v", err)
	}
	if countVerb(server, "AUTH") != 0 || len(server.Messages()) != 0 {
		t.Errorf("AUTH was said:\n%s", server.Transcript(1))
	}
}

// Credentials never travel in clear text: a server without STARTTLS hears none.
func TestPresetNeedsTLS(t *testing.T) {
	for _, s := range []string{"acs+smtp://u:p@HOST", "m365+smtp://u:p@HOST", "mailgun+smtp://u:p@HOST", "sendgrid+smtp://p@HOST"} {
		server := smtpfake.Start(t, smtpfake.Config{Users: map[string]string{"u": "p", "apikey": "p"}})
		_, err := openString(t, s, server).Send(t.Context(), newMessage(1))
		if !errors.Is(err, mailer.ErrTLSPolicy) || countVerb(server, "AUTH") != 0 || len(server.Messages()) != 0 {
			t.Errorf("%s: got %v\n%s", s, err, server.Transcript(1))
		}
	}
}

// A token in a file is read again: it lives for an hour or so.
func TestPresetTokenFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	write := func(token string) {
		if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("expired-token")
	server := startProvider(t, smtpfake.Config{}, "app@example.com", "fresh", "XOAUTH2")
	sender := openString(t, "m365+smtp://app@example.com:${file:"+file+"}@HOST?"+trusting(t), server)
	if _, err := sender.Send(t.Context(), newMessage(1)); !errors.Is(err, mailer.ErrUnauthorized) {
		t.Errorf("with the expired token: %v", err)
	}
	write("fresh")
	if _, err := sender.Send(t.Context(), newMessage(1)); err != nil || len(server.Messages()) != 1 {
		t.Errorf("with a fresh token: %v, %d messages", err, len(server.Messages()))
	}
}

// Row 16: ACS does not know the sender's domain. The message goes on to the next
// provider; later ones from that domain pass ACS over, and others do not.
func TestPresetsInComposite(t *testing.T) {
	acs := startProvider(t, smtpfake.Config{Hook: func(e *smtpfake.Event) smtpfake.Action {
		if e.Point == smtpfake.MAIL && strings.Contains(e.Arg, "@example.com>") {
			return smtpfake.Action{Reply: "501 5.1.7 The specified sender domain has not been linked"}
		}
		return smtpfake.Action{}
	}}, "contoso|a|t", "secret", "LOGIN")
	twilio := startProvider(t, smtpfake.Config{}, "apikey", "SG.key", "PLAIN")
	ca := trusting(t)
	sender := openString(t, "failover(acs+smtp://contoso|a|t:secret@HOST?name=acs&"+ca+" sendgrid+smtp://SG.key@HOST?name=sendgrid&"+ca+")?start_limit=off", acs, twilio)

	other := newMessage(1)
	other.From.Address = "ann@linked.example"
	for i, c := range []struct {
		msg   *mailer.Message
		route string
		mails int // heard by ACS so far
	}{{newMessage(1), "sendgrid", 1}, {newMessage(1), "sendgrid", 1}, {other, "acs", 2}} {
		receipt, err := sender.Send(t.Context(), c.msg)
		if err != nil || receipt.Route != c.route || countVerb(acs, "MAIL") != c.mails {
			t.Fatalf("message %d: %v, %+v, ACS has heard %d MAIL", i+1, err, receipt, countVerb(acs, "MAIL"))
		}
		if a := receipt.Attempts[0]; i == 0 && (a.Route != "acs" || a.Outcome != mailer.NotAccepted || a.Scope != mailer.ScopeSender || a.Code != 501) {
			t.Errorf("the first attempt is %+v", a)
		}
	}
	if len(acs.Messages()) != 1 || len(twilio.Messages()) != 2 {
		t.Errorf("ACS has %d messages, SendGrid %d; want 1 and 2", len(acs.Messages()), len(twilio.Messages()))
	}
}

// The same for a sender without a router: the verdict says that another provider may take it.
func TestPresetUnlinkedSender(t *testing.T) {
	server := startProvider(t, smtpfake.Config{Hook: smtpfake.On(smtpfake.MAIL, smtpfake.Action{
		Reply: "501 5.1.7 The specified sender domain has not been linked",
	})}, "u", "p", "LOGIN")
	_, err := openString(t, "acs+smtp://u:p@HOST?"+trusting(t), server).Send(t.Context(), newMessage(2))
	e := mailer.AsSendError(err)
	if e == nil || e.Outcome != mailer.NotAccepted || e.Scope != mailer.ScopeSender || !e.Elsewhere || e.Temporary ||
		e.EnhancedCode != "5.1.7" || !errors.Is(err, mailer.ErrSenderRefused) {
		t.Errorf("got %+v", e)
	}
	if len(server.Messages()) != 0 {
		t.Error("the server has the message")
	}
}

// TestPresetsAreSilent is P18 for connection strings with a secret in every place.
func TestPresetsAreSilent(t *testing.T) {
	opened, refused := 0, 0
	for _, s := range []string{
		"sendgrid+smtp://PASS@default", "sendgrid+smtp://PASS@default?region=eu", "acs+smtp://r|a|t:PASS@default", "m365+smtp://u@example.com:PASS@default",
		"mailgun+smtp://u:PASS@default", "sendgrid+smtp://PASS", "sendgrid+smtp://apikey:PASS@default", "sendgrid+smtp://PASS:x@default",
		"sendgrid+smtp://PASS@default:25", "sendgrid+smtp://PASS@h?region=eu", "sendgrid+smtp://PASS@default?region=PASS", "sendgrid+smtp://PASS@default?nonsense=1",
		"m365+smtp://PASS@default", "m365+smtp://u:PASS@default?auth=PASS", "acs+smtp://r|a|t:PASS@default?region=eu", "acs+smtp://PASS@default?auth=xoauth2",
		"mailgun+smtp://u:PASS@default:25", "mailgun+smtp://u:PASS@default?max_conns=-1",
		"failover(sendgrid+smtp://PASS@default acs+smtp://PASS@default)", "failover(sendgrid+smtp://PASS@default mailgun+smtp://u:PASS@default)",
	} {
		sender, err := dsn.Mux{smtp.Schemes}.Open(t.Context(), strings.ReplaceAll(s, "PASS", canary))
		if err != nil {
			refused++
			for e := err; e != nil; e = errors.Unwrap(e) {
				wantSilent(t, s, e)
			}
			continue
		}
		opened++
		wantSilent(t, s, sender)
		_ = sender.(mailer.Closer).Close(t.Context())
	}
	if opened != 6 || refused != 14 {
		t.Errorf("%d opened, %d refused", opened, refused)
	}
}

// What a server repeats of a key does not come back in an error.
func TestPresetEcho(t *testing.T) {
	server := startProvider(t, smtpfake.Config{
		Hook: smtpfake.On(smtpfake.AUTH, smtpfake.Action{Reply: "535 5.7.8 the key " + canary + " is not known"}),
	}, "apikey", canary, "PLAIN")
	sender := openString(t, "sendgrid+smtp://"+canary+"@HOST?"+trusting(t), server)
	receipt, err := sender.Send(t.Context(), newMessage(1))
	if !errors.Is(err, mailer.ErrUnauthorized) {
		t.Errorf("got %v", err)
	}
	silentAccount(t, receipt, err)
}

// The names are a contract: deployed connection strings have them. What is shown as a
// scheme's form is of that scheme.
func TestPresetNames(t *testing.T) {
	var names []string
	for _, scheme := range smtp.Schemes {
		names = append(names, scheme.Name)
		if !strings.HasPrefix(scheme.Form, scheme.Name+"://") {
			t.Errorf("%s: the form is %s", scheme.Name, scheme.Form)
		}
	}
	if want := []string{"smtp", "smtps", "smtp+plaintext", "acs+smtp", "m365+smtp", "mailgun+smtp", "sendgrid+smtp"}; !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
}
