package mailer_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// writeSecret writes the file at path with a modification time of its own, as clocks are coarse.
func writeSecret(t *testing.T, path, value string, modified time.Time) {
	t.Helper()
	if err := os.WriteFile(path, []byte(value), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, modified, modified); err != nil {
		t.Fatal(err)
	}
}

func reveal(t *testing.T, source mailer.SecretSource) string {
	t.Helper()
	s, err := source.Secret(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return s.Reveal()
}

func TestSecretFileRotates(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	source := mailer.SecretFile(path)

	writeSecret(t, path, "first", at)
	if got := reveal(t, source); got != "first" {
		t.Errorf("got %q", got)
	}
	writeSecret(t, path, "other", at.Add(time.Second))
	if got := reveal(t, source); got != "other" {
		t.Errorf("got %q after the modification time changed", got)
	}
	writeSecret(t, path, "longer", at.Add(time.Second))
	if got := reveal(t, source); got != "longer" {
		t.Errorf("got %q after the size changed", got)
	}
}

// A file that looks the same is read again only upon Refresh.
func TestSecretFileRefresh(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	source := mailer.SecretFile(path)
	writeSecret(t, path, "first", at)
	reveal(t, source)
	writeSecret(t, path, "other", at)
	if got := reveal(t, source); got != "first" {
		t.Errorf("got %q, want the value that was kept", got)
	}
	source.(mailer.Refresher).Refresh()
	if got := reveal(t, source); got != "other" {
		t.Errorf("got %q after Refresh", got)
	}
}

// Orchestrators rotate a mounted secret by renaming a folder or a link, and the new
// file may well have the size and time of the old.
func TestSecretFileReplaced(t *testing.T) {
	dir := t.TempDir()
	path, next := filepath.Join(dir, "key"), filepath.Join(dir, "next")
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	source := mailer.SecretFile(path)
	writeSecret(t, path, "first", at)
	reveal(t, source)
	writeSecret(t, next, "other", at)
	if err := os.Rename(next, path); err != nil {
		t.Fatal(err)
	}
	if got := reveal(t, source); got != "other" {
		t.Errorf("got %q after another file took the place of the first", got)
	}
}

func TestSecretFileContent(t *testing.T) {
	for _, tt := range []struct{ content, want string }{
		{"key", "key"},
		{"key\n", "key"},
		{"key\r\n", "key"},
		{"key\n\n\r\n", "key"},
		{" key with spaces ", " key with spaces "},
		{"a\nb\n", "a\nb"},
		{strings.Repeat("k", 64<<10), strings.Repeat("k", 64<<10)},
	} {
		path := filepath.Join(t.TempDir(), "key")
		writeSecret(t, path, tt.content, time.Now())
		if got := reveal(t, mailer.SecretFile(path)); got != tt.want {
			t.Errorf("%.20q: got %.20q, want %.20q", tt.content, got, tt.want)
		}
	}
}

func TestSecretFileErrors(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct{ name, content, want string }{
		{"empty", "", "is empty"},
		{"line ends", "\r\n\n", "is empty"},
		{"large", canary + strings.Repeat("k", 64<<10), "larger than 65536 bytes"},
	} {
		path := filepath.Join(dir, tt.name)
		writeSecret(t, path, tt.content, time.Now())
		s, err := mailer.SecretFile(path).Secret(context.Background())
		if err == nil || !strings.Contains(err.Error(), tt.want) || !s.IsZero() {
			t.Errorf("%s: got %v, %v, want an error with %q", tt.name, s, err, tt.want)
		}
		if strings.Contains(fmt.Sprint(err), canary) {
			t.Errorf("%s: the error shows the content: %v", tt.name, err)
		}
	}
	if _, err := mailer.SecretFile(filepath.Join(dir, "none")).Secret(context.Background()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: got %v", err)
	}
	if _, err := mailer.SecretFile(dir).Secret(context.Background()); err == nil {
		t.Error("a directory: no error")
	}
}

// While a rotation is half done, the value of before is not handed out.
func TestSecretFileVanishes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	source := mailer.SecretFile(path)
	writeSecret(t, path, "first", time.Now())
	reveal(t, source)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if s, err := source.Secret(context.Background()); err == nil {
		t.Errorf("got %q of a file that is gone", s.Reveal())
	}
	writeSecret(t, path, "again", time.Now())
	if got := reveal(t, source); got != "again" {
		t.Errorf("got %q", got)
	}
}

func TestSecretFileConcurrently(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	source := mailer.SecretFile(path)
	writeSecret(t, path, "value", time.Now())
	race(8, func(i int) {
		if i%4 == 0 {
			source.(mailer.Refresher).Refresh()
		}
		if s, err := source.Secret(context.Background()); err != nil || s.Reveal() != "value" {
			t.Errorf("got %q, %v", s.Reveal(), err)
		}
	})
}

func TestSecretFilePrintsNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	source := mailer.SecretFile(path)
	writeSecret(t, path, canary, time.Now())
	reveal(t, source)
	for form, text := range renderings(source) {
		if hit := findCanary(text); hit != "" {
			t.Errorf("%s: the %s value is in %.200q", form, hit, text)
		}
	}
}
