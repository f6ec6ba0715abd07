package acs_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/mailkeel/mailkeel/providers/acs"
	"github.com/mailkeel/mailkeel/providers/acs/acstest"
)

// TestConcurrent: what a thousand goroutines send through one client is what arrives, each once, over no
// more connections than there may be.
func TestConcurrent(t *testing.T) {
	const n, conns = 1000, 16
	server, client := start(t, acstest.Config{}, func(c *acs.Config) { c.MaxConns = conns })
	ids := make([]string, n)
	var running sync.WaitGroup
	for i := range n {
		running.Go(func() {
			receipt, err := client.Send(t.Context(), numbered(i))
			if err != nil {
				t.Errorf("%d: %v", i, err)
				return
			}
			ids[i] = receipt.ProviderMessageID
		})
	}
	running.Wait()
	all := held(t, server)
	if got := contents(all); !slices.Equal(got, sent(n)) {
		t.Errorf("%d messages were sent, and %d others arrived", n, len(got))
	}
	for _, m := range all {
		if !slices.Contains(ids, m.OperationID) {
			t.Errorf("no receipt names %s", m.OperationID)
		}
	}
	if used := server.Stats().Conns; used > conns {
		t.Errorf("%d connections, at most %d are allowed", used, conns)
	}
	if len(server.Denials()) > 0 || server.Repeats() > 0 {
		t.Errorf("denied %q, repeated %d", server.Denials(), server.Repeats())
	}
}
