//go:build unix

package mailer_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
)

func fifo(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// feed writes data into the pipe at path once it is opened for reading.
func feed(t *testing.T, path, data string) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- os.WriteFile(path, []byte(data), 0o600) }()
	t.Cleanup(func() {
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// The size of a pipe is not known before it is read, and it is read once.
func TestPipeIsSpooled(t *testing.T) {
	path := fifo(t)
	msg := simple()
	msg.Attachments = []mailer.Attachment{{Name: "pipe", Content: mailer.File(path)}}
	if size, err := msg.Attachments[0].Content.Size(); err != nil || size >= 0 {
		t.Fatalf("size %d, %v, want a negative one", size, err)
	}
	m := mustPrepare(t, msg) // does not open the pipe, or it would hang
	feed(t, path, "through a pipe")
	s, release, err := mailer.Spool(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	for range 2 {
		if got := readAll(t, s.Attachments[0].Content); got != "through a pipe" {
			t.Errorf("got %q", got)
		}
	}
}

func TestRawPipeIsNotReadForItsMessageID(t *testing.T) {
	msg := envelope(mailer.File(fifo(t)))
	if m := mustPrepare(t, msg); m.MessageID == "" {
		t.Error("no Message-ID")
	}
}

// A named pipe has no size: what it gives is bounded all the same.
func TestSecretFileThatIsAPipeIsBounded(t *testing.T) {
	path := fifo(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = os.WriteFile(path, []byte(strings.Repeat("k", 65<<10)), 0o600) // fails when the reader leaves early
	}()
	if s, err := mailer.SecretFile(path).Secret(context.Background()); err == nil {
		t.Errorf("got a secret of %d bytes, want an error", len(s.Reveal()))
	}
	<-done
}
