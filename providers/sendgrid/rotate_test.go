package sendgrid_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/sendgrid"
	"github.com/mailkeel/mailkeel/providers/sendgrid/sendgridtest"
)

// rotating is a source that holds on to its first key until it is refreshed.
type rotating struct {
	keys      []string
	refreshed atomic.Int32
}

func (r *rotating) Refresh() { r.refreshed.Add(1) }

func (r *rotating) Secret(context.Context) (mailer.Secret, error) {
	return mailer.NewSecret(r.keys[min(int(r.refreshed.Load()), len(r.keys)-1)]), nil
}

// TestRotation: a key that was refused is asked for once more, and the message sent with the
// new one, once.
func TestRotation(t *testing.T) {
	for _, c := range []struct {
		name      string
		keys      []string
		requests  int
		refreshed int32
		ok        bool
	}{
		{"still good", []string{secret}, 1, 0, true},
		{"rotated", []string{"SG.old", secret}, 2, 1, true},
		{"revoked", []string{"SG.old"}, 1, 1, false},
		{"rotated to another bad one", []string{"SG.old", "SG.older", secret}, 2, 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			source := &rotating{keys: c.keys}
			server, client := start(t, sendgridtest.Config{}, func(cfg *sendgrid.Config) { cfg.Key = source })
			_, err := client.Send(t.Context(), simple())
			if (err == nil) != c.ok || !c.ok && !errors.Is(err, mailer.ErrUnauthorized) {
				t.Errorf("got %v", err)
			}
			if got := len(server.Requests()); got != c.requests || source.refreshed.Load() != c.refreshed {
				t.Errorf("got %d requests and %d refreshes, want %d and %d", got, source.refreshed.Load(), c.requests, c.refreshed)
			}
			if got := len(server.Messages()); got != map[bool]int{true: 1}[c.ok] {
				t.Errorf("got %d messages", got)
			}
		})
	}
}

// TestSecretFile: a key in a file is read again when the file changes.
func TestSecretFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	write := func(key string) {
		if err := os.WriteFile(path, []byte(key+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("SG.old")
	_, client := start(t, sendgridtest.Config{}, func(cfg *sendgrid.Config) { cfg.Key = mailer.SecretFile(path) })
	if _, err := client.Send(t.Context(), simple()); !errors.Is(err, mailer.ErrUnauthorized) {
		t.Fatalf("got %v, want %v", err, mailer.ErrUnauthorized)
	}
	write(secret)
	if _, err := client.Send(t.Context(), simple()); err != nil {
		t.Error(err)
	}
}
