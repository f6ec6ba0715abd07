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
		body, err := encode(m, cfg)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := body.WriteTo(io.Discard); err != nil {
			b.Fatal(err)
		}
		body.Release()
	}
}

// BenchmarkString is what long texts cost in JSON.
func BenchmarkString(b *testing.B) {
	line := strings.Repeat("Thank you for your order. ", 3)
	for _, c := range []struct{ name, text string }{
		{"paragraphs", strings.Repeat(strings.Repeat(line, 6)+"\r\n\r\n", 128)},
		{"lines", strings.Repeat(line+"\r\n", 1024)},
		{"html", strings.Repeat(`<td style="padding: 4px">`+line+"</td>\n", 768)},
		{"umlauts", strings.Repeat(strings.ReplaceAll(line, "ou", "\u00f6\u00fc")+"\r\n", 1024)},
	} {
		b.Run(c.name, func(b *testing.B) {
			to := make([]byte, 0, 2*len(c.text))
			b.SetBytes(int64(len(c.text)))
			b.ReportAllocs()
			for b.Loop() {
				to = appendString(to[:0], c.text)
			}
		})
	}
}
