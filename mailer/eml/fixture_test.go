package eml_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml"
)

// envelope is the least that a message needs.
func envelope() *mailer.Message {
	return &mailer.Message{
		From:      mailer.Address{Name: "Ann Example", Address: "ann@example.com"},
		To:        []mailer.Address{{Name: "Bob", Address: "bob@example.net"}},
		Date:      time.Date(2026, 3, 4, 5, 6, 7, 0, time.FixedZone("", 3600)),
		MessageID: "<1@example.com>",
	}
}

func message() *mailer.Message {
	m := envelope()
	m.Subject = "Your order 4711"
	return m
}

func prepare(tb testing.TB, m *mailer.Message) *mailer.Message {
	tb.Helper()
	p, err := mailer.Prepare(m)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// render returns the bytes of m, having seen that Size told their number.
func render(tb testing.TB, m *mailer.Message, o eml.Options) (*eml.Body, []byte) {
	tb.Helper()
	body, err := eml.Render(m, o)
	if err != nil {
		tb.Fatal(err)
	}
	var buf bytes.Buffer
	n, err := body.WriteTo(&buf)
	if err != nil || n != body.Size() || n != int64(buf.Len()) {
		tb.Fatalf("WriteTo = %d, %v; wrote %d, Size is %d", n, err, buf.Len(), body.Size())
	}
	return body, buf.Bytes()
}
