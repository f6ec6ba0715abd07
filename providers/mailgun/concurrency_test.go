package mailgun_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/mailgun"
	"github.com/mailkeel/mailkeel/providers/mailgun/mailguntest"
)

// TestConcurrent: what a thousand goroutines send through one client is what arrives, each once, over no
// more connections than there may be.
func TestConcurrent(t *testing.T) {
	const n, conns = 1000, 16
	r := newRig(t, mailguntest.Config{}, func(c *mailgun.Config) { c.MaxConns = conns })
	var wg sync.WaitGroup
	want := make([]string, n)
	for i := range n {
		m := simple()
		m.Subject = fmt.Sprintf("message %04d", i)
		m.To = []mailer.Address{{Address: fmt.Sprintf("r%d@example.com", i)}}
		m.Metadata = map[string]string{"n": m.Subject}
		if i%3 == 0 {
			m.Template = &mailer.Template{ID: "welcome", Data: map[string]any{"n": i}}
		}
		want[i] = m.Subject + " " + m.To[0].Address + " " + m.Subject
		wg.Go(func() {
			if _, err := r.client.Send(context.Background(), m); err != nil {
				t.Errorf("%s: %v", m.Subject, err)
			}
		})
	}
	wg.Wait()
	var got []string
	for _, m := range r.held() {
		got = append(got, m.Subject+" "+m.Recipients[0]+" "+m.Variables["n"])
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("sent %d messages, and %d others arrived", len(want), len(got))
	}
	if used := r.server.Stats().Conns; used > conns {
		t.Errorf("%d connections, at most %d are allowed", used, conns)
	}
}
