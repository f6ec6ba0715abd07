package smtp_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/smtp"
)

// TestRow37AfterLocalRefusal: a connection that no transaction was ever begun on, since
// its only message was too large for the server, is replaced in silence as well.
func TestRow37AfterLocalRefusal(t *testing.T) {
	for _, c := range []struct {
		name string
		end  smtpfake.Action
	}{
		{"421", smtpfake.Action{Reply: "421 4.4.2 idle for too long", Then: smtpfake.FIN}},
		{"FIN", fin},
		{"RST", smtpfake.Action{Silent: true, Then: smtpfake.RST}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ext := relay
				ext.SizeLimit = 2000
				server := smtpfake.New(smtpfake.Config{Extensions: ext, Hook: func(e *smtpfake.Event) smtpfake.Action {
					if e.Point == smtpfake.MAIL && e.Conn == 1 {
						return c.end
					}
					return smtpfake.Action{}
				}})
				client := must(smtp.New(plaintext(pipeTo(server))))
				defer closeAll(t, client, server)
				large := newMessage(1)
				big(large)
				receipt, err := client.Send(t.Context(), large)
				notAccepted(message, other, 0).check(t, receipt, err, len(server.Messages()))
				if got := wantTruth(t, client, server, prepared(t, newMessage(1)), synctest.Wait); got != mailer.Accepted {
					t.Errorf("the message after it: %v, want Accepted", got)
				}
				if n := server.Stats().Conns; n != 2 {
					t.Errorf("%d connections, want 2", n)
				}
			})
		})
	}
}

// TestCancelledBefore: a ctx that has ended already costs the message, not the connection.
func TestCancelledBefore(t *testing.T) {
	for name, ext := range bothWays {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := smtpfake.New(smtpfake.Config{Extensions: ext})
				client := must(smtp.New(plaintext(pipeTo(server))))
				defer closeAll(t, client, server)
				cancelled, cancel := context.WithCancel(t.Context())
				cancel()
				for range 3 {
					if _, err := client.Send(t.Context(), newMessage(1)); err != nil {
						t.Fatal(err)
					}
					_, err := client.Send(cancelled, newMessage(1))
					e := mailer.AsSendError(err)
					if e == nil || e.Outcome != mailer.NotAccepted || e.Scope != caller || !errors.Is(err, context.Canceled) {
						t.Errorf("under a cancelled ctx: %v, want NotAccepted, the caller's doing", err)
					}
				}
				synctest.Wait()
				if got := server.Stats(); got.Messages != 3 || got.Conns != 1 || countVerb(server, "MAIL") != 3 {
					t.Errorf("%d messages and %d MAIL over %d connections, want 3 and 3 over 1", got.Messages, countVerb(server, "MAIL"), got.Conns)
				}
			})
		})
	}
}

// TestDegradedOnce: what is left out is named once, although two connections lacked it.
func TestDegradedOnce(t *testing.T) {
	for _, c := range deadAtMail {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := smtpfake.New(smtpfake.Config{Extensions: relay, Hook: c.hook})
				client := must(smtp.New(plaintext(pipeTo(server))))
				defer closeAll(t, client, server)
				for i := range 2 {
					m := newMessage(1)
					m.DSN.ReturnFull = true
					receipt, err := client.Send(t.Context(), m)
					if err != nil {
						t.Fatalf("message %d: %v", i+1, err)
					}
					if !slices.Equal(receipt.Degraded, []string{"dsn"}) {
						t.Errorf("message %d: degraded %q, want dsn once", i+1, receipt.Degraded)
					}
				}
				if n := server.Stats().Conns; n != 2 {
					t.Errorf("%d connections, want 2", n)
				}
			})
		})
	}
}
