package jsontext

import (
	"strings"
	"testing"
)

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
				to = AppendString(to[:0], c.text)
			}
		})
	}
}
