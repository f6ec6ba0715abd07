package eml_test

import (
	"bytes"
	stdbase64 "encoding/base64"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	asmbase64 "github.com/segmentio/asm/base64"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml"
)

func benchmarkRender(b *testing.B, m *mailer.Message, o eml.Options) {
	b.Helper()
	m = prepare(b, m)
	body, err := eml.Render(m, o)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(body.Size())
	b.ReportAllocs()
	for b.Loop() {
		body, err := eml.Render(m, o)
		if err != nil {
			b.Fatal(err)
		}
		if n, err := body.WriteTo(io.Discard); err != nil || n != body.Size() {
			b.Fatal(n, err)
		}
	}
}

// lorem is n octets of ASCII text in lines of 72.
func lorem(n int) string {
	line := strings.Repeat("lorem ipsum dolor sit amet ", 3)[:71] + "\n"
	return strings.Repeat(line, n/len(line)+1)[:n]
}

func writeFile(tb testing.TB, name string, size int) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), name)
	if err := os.WriteFile(path, bytes.Repeat([]byte{0x89, 'P', 'N', 'G', 0, 0xff, 7}, size/7+1)[:size], 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

func BenchmarkSimple(b *testing.B) {
	m := message()
	m.Text = lorem(1 << 10)
	benchmarkRender(b, m, eml.Options{EightBit: true})
}

func fullMessage(tb testing.TB) *mailer.Message {
	tb.Helper()
	m := message()
	m.Text = lorem(1 << 10)
	m.HTML = strings.Repeat("<p class=\"x\">Grüße aus Köln, wie geht's?</p>\n", 8<<10/46)
	m.Attachments = []mailer.Attachment{
		{Name: "logo.png", ContentID: "logo@example.com", Content: mailer.File(writeFile(tb, "logo.png", 20<<10))},
		{Name: "invoice.pdf", Content: mailer.File(writeFile(tb, "invoice.pdf", 100<<10))},
	}
	return m
}

func BenchmarkFull(b *testing.B) {
	benchmarkRender(b, fullMessage(b), eml.Options{EightBit: true})
}

func BenchmarkFullSevenBit(b *testing.B) {
	benchmarkRender(b, fullMessage(b), eml.Options{})
}

func BenchmarkAttachment10MB(b *testing.B) {
	m := message()
	m.Text = "see attachment\n"
	m.Attachments = []mailer.Attachment{{Name: "a.bin", Content: mailer.File(writeFile(b, "a.bin", 10<<20))}}
	benchmarkRender(b, m, eml.Options{EightBit: true})
}

func BenchmarkRaw1MB(b *testing.B) {
	m := envelope()
	m.Raw = mailer.Bytes([]byte("From: a@example.com\r\nSubject: x\r\n\r\n" + strings.ReplaceAll(lorem(1<<20), "\n", "\r\n")))
	benchmarkRender(b, m, eml.Options{})
}

// The encoder beside the standard library's, for the row in internal/docs/design.md.
func BenchmarkBase64(b *testing.B) {
	in, out := make([]byte, blockBytes), make([]byte, stdbase64.StdEncoding.EncodedLen(blockBytes))
	for name, encode := range map[string]func(dst, src []byte){
		"asm": asmbase64.StdEncoding.Encode, "standard": stdbase64.StdEncoding.Encode,
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(blockBytes)
			for b.Loop() {
				encode(out, in)
			}
		})
	}
}

const blockBytes = 24 << 10
