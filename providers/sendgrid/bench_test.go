package sendgrid

import (
	"io"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
)

// smallMessage has a text of a kilobyte.
func smallMessage(tb testing.TB) *mailer.Message {
	tb.Helper()
	m, err := mailer.Prepare(&mailer.Message{
		From: mailer.Address{Name: "Shop", Address: "shop@example.com"}, To: []mailer.Address{{Name: "Ann", Address: "ann@example.com"}},
		Subject: "Your order", Text: strings.Repeat("Thank you for your order, dear customer.\r\n", 24),
	})
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

// BenchmarkEncode is what a message of a kilobyte costs before it is sent.
func BenchmarkEncode(b *testing.B) {
	m, cfg := smallMessage(b), &Config{}
	b.ReportAllocs()
	for b.Loop() {
		body, err := encode(m, m, cfg)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := body.WriteTo(io.Discard); err != nil {
			b.Fatal(err)
		}
		body.Release()
	}
}
