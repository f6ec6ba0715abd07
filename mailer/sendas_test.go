package mailer_test

import (
	"reflect"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
)

func TestSendAs(t *testing.T) {
	ann, shop := mailer.Address{Name: "Ann", Address: "ann@example.com"}, mailer.Address{Name: "Shop", Address: "noreply@example.net"}
	annAsShop, desk := mailer.Address{Name: "Ann", Address: shop.Address}, []mailer.Address{{Address: "desk@example.com"}}
	for _, c := range []struct {
		name    string
		msg     mailer.Message
		from    mailer.Address
		replyTo []mailer.Address
	}{
		{"another author", mailer.Message{From: ann}, annAsShop, []mailer.Address{ann}},
		{"without a display name", mailer.Message{From: mailer.Address{Address: ann.Address}}, shop, []mailer.Address{{Address: ann.Address}}},
		{"without an author", mailer.Message{}, shop, nil},
		{"the same author", mailer.Message{From: mailer.Address{Address: "NoReply@EXAMPLE.net"}}, shop, nil},
		{"a ReplyTo of its own", mailer.Message{From: ann, ReplyTo: desk}, annAsShop, desk},
		{"raw", mailer.Message{From: ann, Raw: mailer.Bytes([]byte("a: b\n\n"))}, annAsShop, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := c.msg
			got := mailer.SendAs(&c.msg, shop)
			if got.From != c.from || !reflect.DeepEqual(got.ReplyTo, c.replyTo) {
				t.Errorf("from %v with ReplyTo %v, want %v and %v", got.From, got.ReplyTo, c.from, c.replyTo)
			}
			if got == &c.msg || !reflect.DeepEqual(before, c.msg) {
				t.Errorf("the message was changed to %+v", c.msg)
			}
		})
	}
	if got := mailer.SendAs(nil, shop); got != nil {
		t.Errorf("got %v of nil", got)
	}
}

// TestSendAsKeepsIdentity: what is sent under two authors is one message.
func TestSendAsKeepsIdentity(t *testing.T) {
	m := mustPrepare(t, simple())
	got := mailer.SendAs(m, mailer.Address{Address: "noreply@example.net"})
	if got.IsPrepared() {
		t.Error("a changed copy counts as prepared")
	}
	got = mustPrepare(t, got)
	if got.MessageID != m.MessageID || got.IdempotencyKey != m.IdempotencyKey || got.Boundary() != m.Boundary() || !got.Date.Equal(m.Date) {
		t.Errorf("got another identity: %q, want %q", got.MessageID, m.MessageID)
	}
	if got.EnvelopeFrom() != "noreply@example.net" {
		t.Errorf("got the return path %s", got.EnvelopeFrom())
	}
}
