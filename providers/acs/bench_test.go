package acs

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// smallMessage has a text of a kilobyte.
func smallMessage(tb testing.TB) *mailer.Message {
	tb.Helper()
	m, err := mailer.Prepare(&mailer.Message{
		From: mailer.Address{Address: "shop@example.com"}, To: []mailer.Address{{Name: "Ann", Address: "ann@example.org"}},
		Subject: "Your order", Text: strings.Repeat("Thank you for your order, dear customer.\r\n", 24),
	})
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

// largeMessage has an attachment of 7 MB beside it.
func largeMessage(tb testing.TB) *mailer.Message {
	tb.Helper()
	m := *smallMessage(tb)
	m.Attachments = []mailer.Attachment{{Name: "a.pdf", ContentType: "application/pdf", Content: mailer.Bytes(make([]byte, 7_000_000))}}
	p, err := mailer.Prepare(&m)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// signing is a key, and the request that it signs.
func signing(tb testing.TB) (*accessKey, *http.Request) {
	tb.Helper()
	key, err := newAccessKey(mailer.NewSecret(vectorKey))
	if err != nil {
		tb.Fatal(err)
	}
	r, err := http.NewRequestWithContext(tb.Context(), http.MethodPost, "https://"+vectorHost+"/emails:send?api-version=2025-09-01", nil)
	if err != nil {
		tb.Fatal(err)
	}
	return key, r
}

// BenchmarkEncode is what a message costs until its request is written down.
func BenchmarkEncode(b *testing.B) {
	cfg := configured(b, nil)
	for name, m := range map[string]*mailer.Message{"1KB": smallMessage(b), "7MB": largeMessage(b)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				body, err := encode(m, cfg)
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(body.Size())
				if _, err := io.Copy(io.Discard, body.reader); err != nil {
					b.Fatal(err)
				}
				body.Release()
			}
		})
	}
}

// BenchmarkSign is what a signature costs, the reading of the request included.
func BenchmarkSign(b *testing.B) {
	cfg := configured(b, nil)
	key, r := signing(b)
	for name, m := range map[string]*mailer.Message{"1KB": smallMessage(b), "7MB": largeMessage(b)} {
		b.Run(name, func(b *testing.B) {
			body, err := encode(m, cfg)
			if err != nil {
				b.Fatal(err)
			}
			defer body.Release()
			b.SetBytes(body.Size())
			b.ReportAllocs()
			for b.Loop() {
				if _, err := body.reader.Seek(0, io.SeekStart); err != nil {
					b.Fatal(err)
				}
				sum, err := contentHash(b.Context(), body.reader, body.Size())
				if err != nil {
					b.Fatal(err)
				}
				_ = key.authorization(r, time.Now().UTC().Format(http.TimeFormat), sum)
			}
		})
	}
}

func BenchmarkOperationID(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_ = OperationID("01a20173cf76.f45b05cf954ac499a25b@example.com")
	}
}
