package mailer_test

import (
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
)

func BenchmarkPrepare(b *testing.B) {
	many := simple()
	many.To = addresses(1000)
	for _, bb := range []struct {
		name string
		msg  *mailer.Message
	}{{"simple", simple()}, {"full", full()}, {"1000 recipients", many}} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := mailer.Prepare(bb.msg); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("prepared", func(b *testing.B) {
		m := mustPrepare(b, full())
		b.ReportAllocs()
		for b.Loop() {
			if again, err := mailer.Prepare(m); err != nil || again != m {
				b.Fatal(err)
			}
		}
	})
}
