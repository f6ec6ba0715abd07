package mailgun

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml"
)

// small is the message that most programs send most of the time, prepared.
func small(tb testing.TB) *mailer.Message {
	tb.Helper()
	m, err := mailer.Prepare(&mailer.Message{
		From:    mailer.Address{Name: "Shop", Address: "shop@mg.example.com"},
		To:      []mailer.Address{{Name: "Ann", Address: "ann@example.com"}},
		Subject: "Your order 4711",
		Text:    strings.Repeat("Dear Ann, thank you for your order.\r\n", 27),
		Tags:    []string{"order"}, Metadata: map[string]string{"order": "4711"},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

func testConfig(tb testing.TB) *Config {
	tb.Helper()
	cfg, err := Config{Key: mailer.NewSecret("key"), Domain: "mg.example.com"}.withDefaults()
	if err != nil {
		tb.Fatal(err)
	}
	return &cfg
}

// BenchmarkAdapter is what the adapter does for a small message by either endpoint, and that part
// of it which is eml's.
func BenchmarkAdapter(b *testing.B) {
	m, cfg, now := small(b), testConfig(b), time.Now()
	reply := &httpapi.Reply{Status: 200, Body: []byte(`{"id":"<20111114174239.25659.5817@example.org>","message":"Queued. Thank you."}`)}
	template := *m
	template.Template, template.Text = &mailer.Template{ID: "welcome", Data: map[string]any{"name": "Ann"}}, ""
	templated, err := mailer.Prepare(&template)
	if err != nil {
		b.Fatal(err)
	}
	for name, m := range map[string]*mailer.Message{"messages.mime": m, "messages": templated} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f, err := encode(m, cfg, now)
				if err != nil {
					b.Fatal(err)
				}
				_ = f.fields()
				if _, err := f.WriteTo(io.Discard); err != nil {
					b.Fatal(err)
				}
				f.Release()
				if _, ok := (replies{}).Accepted(reply); !ok {
					b.Fatal("not accepted")
				}
			}
		})
	}
	b.Run("eml", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			body, err := eml.Render(m, eml.Options{})
			if err != nil {
				b.Fatal(err)
			}
			if _, err := body.WriteTo(io.Discard); err != nil {
				b.Fatal(err)
			}
			body.Release()
		}
	})
}
