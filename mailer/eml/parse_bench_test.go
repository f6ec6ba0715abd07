package eml_test

import (
	"bytes"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml"
)

func BenchmarkParseSmall(b *testing.B) {
	m := message()
	m.Text = string(bytes.Repeat([]byte("The quick brown fox jumps over the lazy dog.\n"), 23))
	benchmarkParse(b, m)
}

func BenchmarkParseLarge(b *testing.B) {
	m := message()
	m.Attachments = []mailer.Attachment{{Name: "a.zip", Content: mailer.Bytes(bytes.Repeat([]byte("0123456789"), 1<<20))}}
	benchmarkParse(b, m)
}

func benchmarkParse(b *testing.B, m *mailer.Message) {
	_, raw := render(b, prepare(b, m), eml.Options{})
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := eml.Parse(mailer.Bytes(raw)); err != nil {
			b.Fatal(err)
		}
	}
}
