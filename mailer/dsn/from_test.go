package dsn_test

import (
	"context"
	"reflect"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/dsn"
)

const fromURL = "x://h?from=Shop%20<noreply@example.net>"

func openSender(t *testing.T, s string, inner mailer.Sender) mailer.Sender {
	t.Helper()
	sender, err := adapter(func(*dsn.URL) (mailer.Sender, error) { return inner, nil }).Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return sender
}

func TestFrom(t *testing.T) {
	ann, shop := mailer.Address{Name: "Ann", Address: "ann@example.com"}, mailer.Address{Name: "Shop", Address: "noreply@example.net"}
	desk := []mailer.Address{{Address: "desk@example.com"}}
	for _, test := range []struct {
		name      string
		msg       mailer.Message
		from      mailer.Address
		wantReply []mailer.Address
	}{
		{"other author", mailer.Message{From: ann}, mailer.Address{Name: "Ann", Address: shop.Address}, []mailer.Address{ann}},
		{"no display name", mailer.Message{From: mailer.Address{Address: ann.Address}}, shop, []mailer.Address{{Address: ann.Address}}},
		{"no author", mailer.Message{}, shop, nil},
		{"same author", mailer.Message{From: mailer.Address{Address: "noreply@EXAMPLE.net"}}, shop, nil},
		{"own ReplyTo", mailer.Message{From: ann, ReplyTo: desk}, mailer.Address{Name: "Ann", Address: shop.Address}, desk},
		{"raw", mailer.Message{From: ann, Raw: mailer.Bytes([]byte("a: b\n\n"))}, mailer.Address{Name: "Ann", Address: shop.Address}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			inner, before := &recorder{}, test.msg
			receipt, err := openSender(t, fromURL, inner).Send(t.Context(), &test.msg)
			if err != nil || receipt.Outcome != mailer.Accepted {
				t.Fatal(receipt, err)
			}
			sent := inner.sent[0]
			if sent.From != test.from || !reflect.DeepEqual(sent.ReplyTo, test.wantReply) {
				t.Errorf("sent from %v with ReplyTo %v, want %v and %v", sent.From, sent.ReplyTo, test.from, test.wantReply)
			}
			if !reflect.DeepEqual(before, test.msg) {
				t.Errorf("the message was changed to %+v", test.msg)
			}
		})
	}
}

func TestFromKeepsIdentity(t *testing.T) {
	prepared, err := mailer.Prepare(&mailer.Message{
		From: mailer.Address{Address: "ann@example.com"}, To: []mailer.Address{{Address: "bob@example.org"}}, Text: "hi",
	})
	if err != nil {
		t.Fatal(err)
	}
	inner := &recorder{}
	if _, err := openSender(t, fromURL, inner).Send(t.Context(), prepared); err != nil {
		t.Fatal(err)
	}
	again, err := mailer.Prepare(inner.sent[0])
	if err != nil {
		t.Fatal(err)
	}
	if again.MessageID != prepared.MessageID || again.IdempotencyKey != prepared.IdempotencyKey ||
		again.Boundary() != prepared.Boundary() || !again.Date.Equal(prepared.Date) {
		t.Errorf("got another identity: %q, want %q", again.MessageID, prepared.MessageID)
	}
	if again.EnvelopeFrom() != "noreply@example.net" {
		t.Errorf("got the return path %s", again.EnvelopeFrom())
	}
}

type resolver struct {
	recorder
	asked mailer.Address
}

func (r *resolver) Resolve(_ context.Context, msg *mailer.Message) (mailer.Outcome, error) {
	r.asked = msg.From
	return mailer.Accepted, nil
}

// plain is a Sender and nothing else.
type plain struct{ mailer.Sender }

func TestFromForwards(t *testing.T) {
	inner := &resolver{}
	sender := openSender(t, fromURL, inner)
	if found, ok := mailer.Find[*resolver](sender); !ok || found != inner {
		t.Error("the inner Sender is not found through Unwrap")
	}
	r, ok := mailer.Find[mailer.Resolver](sender)
	if !ok {
		t.Fatal("the Resolver is not found")
	}
	if outcome, err := r.Resolve(t.Context(), &mailer.Message{}); err != nil || outcome != mailer.Accepted || inner.asked.Address != "noreply@example.net" {
		t.Errorf("got %v, %v, asked about a message from %v", outcome, err, inner.asked)
	}
	if err := sender.(mailer.Closer).Close(t.Context()); err != nil || inner.closed != 1 {
		t.Errorf("got %v and %d closes", err, inner.closed)
	}

	sender = openSender(t, fromURL, plain{&recorder{}})
	if _, ok := mailer.Find[mailer.Resolver](sender); ok {
		t.Error("found a Resolver where there is none")
	}
	if err := sender.(mailer.Closer).Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestFromPassesNil(t *testing.T) {
	inner := &recorder{}
	_, _ = openSender(t, fromURL, inner).Send(t.Context(), nil)
	if len(inner.sent) != 1 || inner.sent[0] != nil {
		t.Errorf("got %v, want one nil message", inner.sent)
	}
}

func TestWithoutFrom(t *testing.T) {
	inner := &recorder{}
	if got := openSender(t, "x://h", inner); got != mailer.Sender(inner) {
		t.Errorf("got %T, want the adapter's own Sender", got)
	}
}
