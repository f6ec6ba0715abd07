package smtp_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/smtp"
)

// check runs Check against a server and returns its error and the commands it used.
func check(t *testing.T, server smtpfake.Config, client func(*smtp.Config)) (verbs string, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := smtpfake.New(server)
		var wires opened
		cfg := plaintext(nil)
		if client != nil {
			client(&cfg)
		}
		cfg.Dial = counted(&wires, pipeTo(s))
		c := must(smtp.New(cfg))
		err = c.Check(t.Context())
		if wires.open() != 0 {
			t.Errorf("%d connections left open", wires.open())
		}
		closeAll(t, c, s)
		for _, command := range s.Commands() {
			verb, _, _ := strings.Cut(command.Line, " ")
			verbs += verb + " "
		}
		for _, v := range s.Violations() {
			t.Errorf("violation: %v", v)
		}
		if n := len(s.Messages()); n != 0 {
			t.Errorf("%d messages", n)
		}
	})
	return strings.TrimSpace(verbs), err
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name   string
		server smtpfake.Config
		client func(*smtp.Config)
		scope  mailer.Scope
		is     error
		verbs  string
	}{
		{name: "plain", verbs: "EHLO NOOP QUIT"},
		{name: "STARTTLS and AUTH", server: withTLS(withUsers(smtpfake.Config{})), client: func(c *smtp.Config) { useTLS(smtp.STARTTLS)(c); logIn(c) },
			verbs: "EHLO STARTTLS EHLO AUTH NOOP QUIT"},
		{name: "wrong password", server: withUsers(smtpfake.Config{}), client: func(c *smtp.Config) { logIn(c); c.Password = mailer.NewSecret("wrong") },
			scope: account, is: mailer.ErrUnauthorized, verbs: "EHLO AUTH"},
		{name: "no STARTTLS", client: useTLS(smtp.STARTTLS), scope: provider, is: mailer.ErrTLSPolicy, verbs: "EHLO"},
		{name: "silent", server: on(smtpfake.Greeting, hang), scope: provider, is: mailer.ErrUnavailable},
		{name: "NOOP refused", server: reply(smtpfake.NOOP, "421 4.3.2 shutting down"), scope: provider, is: mailer.ErrUnavailable, verbs: "EHLO NOOP"},
		{name: "NOOP lost", server: on(smtpfake.NOOP, fin), scope: provider, is: mailer.ErrUnavailable, verbs: "EHLO NOOP"},
		{name: "QUIT lost", server: on(smtpfake.QUIT, fin), verbs: "EHLO NOOP QUIT"},
		{name: "QUIT refused", server: reply(smtpfake.QUIT, "500 what"), verbs: "EHLO NOOP QUIT"},
		{name: "throttled", server: reply(smtpfake.Greeting, "421 4.7.0 too many connections"), scope: rate, is: mailer.ErrRateLimited},
	} {
		t.Run(c.name, func(t *testing.T) {
			verbs, err := check(t, c.server, c.client)
			if verbs != c.verbs {
				t.Errorf("commands %q, want %q", verbs, c.verbs)
			}
			if c.is == nil {
				if err != nil {
					t.Errorf("got %v", err)
				}
				return
			}
			e := mailer.AsSendError(err)
			if e == nil || e.Outcome != mailer.NotAccepted || e.Scope != c.scope || !errors.Is(err, c.is) || len(e.Receipt.Recipients) != 0 {
				t.Errorf("got %v, %+v; want scope %v, %v", err, e, c.scope, c.is)
			}
		})
	}
}

// TestCheckObeysContext: an end of ctx is the caller's, and says nothing against the provider.
func TestCheckObeysContext(t *testing.T) {
	for _, p := range []smtpfake.Point{smtpfake.Greeting, smtpfake.EHLO, smtpfake.NOOP} {
		synctest.Test(t, func(t *testing.T) {
			server := smtpfake.New(on(p, hang))
			client := must(smtp.New(plaintext(pipeTo(server))))
			defer closeAll(t, client, server)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			start := time.Now()
			err := client.Check(ctx)
			e := mailer.AsSendError(err)
			if e == nil || e.Scope != mailer.ScopeCaller || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("silent at %d: got %v", p, err)
			}
			if took := time.Since(start); took > 1100*time.Millisecond {
				t.Errorf("silent at %d: took %v", p, took)
			}
		})
	}
}
