package main

import (
	"io"
	"strconv"
	"testing"

	"github.com/mailkeel/mailkeel/internal/bench/contender"
	"github.com/mailkeel/mailkeel/internal/bench/sink"
	"github.com/mailkeel/mailkeel/internal/testcert"
)

// nearby starts the server in this process: rates and allocations include its share.
func nearby(b *testing.B) ports {
	b.Helper()
	certs := testcert.Must(b)
	p := ports{RootsPEM: certs.RootsPEM}
	listeners, err := p.open(testcert.Server(certs.Valid), new(sink.Tally))
	for _, l := range listeners {
		b.Cleanup(l.Close)
	}
	if err != nil {
		b.Fatal(err)
	}
	return p
}

func benchmarkSend(b *testing.B, list []contender.Contender, w way, n int, m *contender.Mail, size int64) {
	target, err := nearby(b).target(w)
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range list {
		b.Run(c.Name, func(b *testing.B) {
			sessions, err := c.Open(target, n)
			if err != nil {
				b.Fatal(err)
			}
			defer contender.CloseAll(sessions)
			if _, err := sendCounted(sessions, m, 1); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.SetBytes(size)
			b.ResetTimer()
			if _, err := sendCounted(sessions, m, (b.N+n-1)/n); err != nil {
				b.Fatal(err)
			}
		})
	}
}

func BenchmarkSmall(b *testing.B) {
	for _, w := range []way{plain, encrypted} {
		for _, n := range callers {
			b.Run(string(w)+"/c="+strconv.Itoa(n), func(b *testing.B) { benchmarkSend(b, contender.All(), w, n, contender.Small(), 1<<10) })
		}
	}
}

func BenchmarkDistant(b *testing.B) {
	benchmarkSend(b, contender.All(), distant, 1, contender.Small(), 1<<10)
}

func BenchmarkAttachment(b *testing.B) {
	const size = 10 << 20
	m, err := contender.Large(b.TempDir(), size)
	if err != nil {
		b.Fatal(err)
	}
	for _, w := range []way{plain, encrypted} {
		b.Run(string(w), func(b *testing.B) { benchmarkSend(b, contender.All(), w, 1, m, size) })
	}
}

func BenchmarkAPISmall(b *testing.B) {
	for _, s := range contender.Services() {
		for _, n := range callers {
			b.Run(s.Name+"/c="+strconv.Itoa(n), func(b *testing.B) {
				benchmarkSend(b, but(s, contender.LargeOnly), encryptedAPI, n, contender.Small(), 1<<10)
			})
		}
	}
}

func BenchmarkAPIAttachment(b *testing.B) {
	const size = 10 << 20
	m, err := contender.Large(b.TempDir(), size)
	if err == nil {
		err = m.Load()
	}
	if err != nil {
		b.Fatal(err)
	}
	for _, s := range contender.Services() {
		benchmarkSend(b, but(s, contender.SmallOnly), api, 1, m, size)
	}
}

func BenchmarkBuild(b *testing.B) {
	full, err := contender.Full(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	for name, m := range map[string]*contender.Mail{"simple": contender.Small(), "full": full} {
		builders, err := contender.Builders(m)
		if err != nil {
			b.Fatal(err)
		}
		for _, builder := range builders {
			b.Run(name+"/"+builder.Name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := builder.Build(m, io.Discard); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
