package overhead

import (
	"context"
	"runtime"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
)

func BenchmarkRouterUnlimited(b *testing.B) { benchmark(b, RouterUnlimited) }
func BenchmarkRouterDefault(b *testing.B)   { benchmark(b, RouterDefault) }
func BenchmarkGoBreaker(b *testing.B)       { benchmark(b, GoBreaker) }
func BenchmarkDirect(b *testing.B)          { benchmark(b, Direct) }

// BenchmarkRouterDefaultParallel is several callers at once.
func BenchmarkRouterDefaultParallel(b *testing.B) { benchmarkParallel(b, RouterDefault) }

// BenchmarkRouterUnlimitedParallel is several callers at once.
func BenchmarkRouterUnlimitedParallel(b *testing.B) { benchmarkParallel(b, RouterUnlimited) }

func benchmark(b *testing.B, name string) {
	defer runtime.KeepAlive(Heap())
	s, msg := open(b, name)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Send(context.Background(), msg); err != nil {
			b.Fatal(err)
		}
	}
}

func benchmarkParallel(b *testing.B, name string) {
	defer runtime.KeepAlive(Heap())
	s, msg := open(b, name)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.Send(context.Background(), msg); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func open(tb testing.TB, name string) (mailer.Sender, *mailer.Message) {
	tb.Helper()
	msg, err := Message()
	if err != nil {
		tb.Fatal(err)
	}
	for _, c := range All() {
		if c.Name != name {
			continue
		}
		s, err := c.Open()
		if err != nil {
			tb.Fatal(err)
		}
		if closer, ok := mailer.Find[mailer.Closer](s); ok {
			tb.Cleanup(func() { _ = closer.Close(context.Background()) })
		}
		return s, msg
	}
	tb.Fatalf("nobody is called %q", name)
	return nil, nil
}
