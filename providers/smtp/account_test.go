package smtp_test

import (
	"errors"
	"net/textproto"
	"testing"
	"testing/synctest"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/smtp"
)

// TestRefusalAfterRefusal: the reply that decided about the message says more than the one
// about a recipient, whichever recipient that was.
func TestRefusalAfterRefusal(t *testing.T) {
	for nth := 1; nth <= 3; nth++ {
		for _, p := range []smtpfake.Point{smtpfake.DATA, smtpfake.Content} {
			synctest.Test(t, func(t *testing.T) {
				server := smtpfake.New(smtpfake.Config{Extensions: relay, Hook: func(e *smtpfake.Event) smtpfake.Action {
					switch {
					case e.Point == smtpfake.RCPT && e.SeenHere == nth:
						return smtpfake.Action{Reply: "550 5.1.1 who"}
					case e.Point == p:
						return smtpfake.Action{Reply: "451 4.3.0 no"}
					}
					return smtpfake.Action{}
				}})
				client := must(smtp.New(plaintext(pipeTo(server))))
				defer closeAll(t, client, server)
				_, err := client.Send(t.Context(), newMessage(3))
				e := mailer.AsSendError(err)
				var reply *textproto.Error
				if e.Scope != provider || e.Code != 451 || !errors.As(err, &reply) || reply.Code != 451 {
					t.Errorf("recipient %d: got %v, scope %v, code %d; want the 451", nth, err, e.Scope, e.Code)
				}
			})
		}
	}
}

// TestEndAfterRefusal: where a recipient was refused and the conversation ended later, the
// error speaks of its end, which the refusal says nothing about: the provider's health and the
// caller's ctx hang on it. The refused recipient keeps the reply it got.
func TestEndAfterRefusal(t *testing.T) {
	for _, c := range []struct {
		name   string
		hook   smtpfake.Hook
		client func(*smtp.Config)
		msg    func(*mailer.Message)
		scope  mailer.Scope
		is     error
	}{
		{name: "lost at DATA", hook: smtpfake.On(smtpfake.DATA, fin), scope: provider, is: mailer.ErrUnavailable},
		{name: "no answer to DATA", hook: smtpfake.On(smtpfake.DATA, hang), scope: provider, is: mailer.ErrUnavailable},
		{name: "lost at the last byte", client: cutBeforeLastByte, scope: provider, is: mailer.ErrUnavailable},
		{name: "source fails", msg: failing, scope: caller},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := smtpfake.New(smtpfake.Config{Extensions: relay, Hook: func(e *smtpfake.Event) smtpfake.Action {
					if c.hook == nil || e.Point == smtpfake.RCPT {
						return refuseCid(e)
					}
					return c.hook(e)
				}})
				cfg := plaintext(pipeTo(server))
				if c.client != nil {
					c.client(&cfg)
				}
				client := must(smtp.New(cfg))
				defer closeAll(t, client, server)
				msg := newMessage(3)
				if c.msg != nil {
					c.msg(msg)
				}
				_, err := client.Send(t.Context(), msg)
				e := mailer.AsSendError(err)
				if e.Outcome != mailer.NotAccepted || e.Scope != c.scope || e.Code != 0 || c.is != nil && !errors.Is(err, c.is) {
					t.Errorf("got %v: %v, scope %v, code %d; want scope %v, no code", e.Outcome, err, e.Scope, e.Code, c.scope)
				}
				refused := e.Receipt.Recipients[1]
				if refused.Scope != recipient || refused.Code != 550 || refused.Outcome != mailer.NotAccepted {
					t.Errorf("the refused recipient: %+v", refused)
				}
			})
		})
	}
}
