package mailer_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
)

// The spool file has no name from the start, so that a crash leaves nothing behind,
// and nobody but its owner may read it.
func TestSpoolFileIsPrivate(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	previous := syscall.Umask(0)
	defer syscall.Umask(previous)

	named := func() []os.DirEntry {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		return entries
	}
	var during []os.DirEntry
	reader := readerFunc(func([]byte) (int, error) { during = append(during, named()...); return 0, nil })
	s, release, err := mailer.Spool(t.Context(), attach(mailer.Reader(&limited{reader, "content"})))
	if err != nil {
		t.Fatal(err)
	}
	if len(during) != 0 || len(named()) != 0 {
		t.Errorf("the spool file has a name: %v while it is written, %v after", during, named())
	}
	if mode := openSpoolFiles(t); len(mode) != 1 || mode[0] != 0o600 {
		t.Errorf("open spool files have the modes %v, want one of 0600", mode)
	}
	if got := readAll(t, s.Attachments[0].Content); got != "content" {
		t.Errorf("got %q", got)
	}
	release()
	if mode := openSpoolFiles(t); len(mode) != 0 {
		t.Errorf("%d spool files are open after release", len(mode))
	}
}

// openSpoolFiles returns the permissions of the spool files this process has open.
func openSpoolFiles(t *testing.T) []fs.FileMode {
	t.Helper()
	const dir = "/proc/self/fd"
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var modes []fs.FileMode
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		target, err := os.Readlink(path)
		if err != nil || !strings.Contains(target, "mailkeel-") {
			continue
		}
		if info, err := os.Stat(path); err == nil {
			modes = append(modes, info.Mode().Perm())
		}
	}
	return modes
}
