package acs_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/mailkeel/mailkeel/providers/acs/acstest"
)

// TestSecondClose: it does nothing. The first one waits for a send that waits for its token, and the send
// is accepted.
func TestSecondClose(t *testing.T) {
	l := newLab(t, acstest.Config{})
	l.run(func(t *testing.T) {
		hold := make(chan struct{})
		l.Credential().Next(acstest.TokenFault{Hold: hold})
		client := l.clientWith(t, l.credential(), nil)
		var running sync.WaitGroup
		running.Go(func() {
			if _, err := client.Send(t.Context(), simple()); err != nil {
				t.Errorf("Send: %v", err)
			}
		})
		synctest.Wait()
		running.Go(func() {
			if err := client.Close(context.Background()); err != nil {
				t.Errorf("the first Close: %v", err)
			}
		})
		synctest.Wait()
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := client.Close(ended); err != nil {
			t.Errorf("the second Close: %v", err)
		}
		close(hold)
		running.Wait()
	})
	wantCopies(t, l.held(), 1)
}
