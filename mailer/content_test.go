package mailer_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/mailkeel/mailkeel/mailer"
)

func readAll(t *testing.T, c mailer.Content) string {
	t.Helper()
	r, err := c.Open()
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func tempFile(t *testing.T, data string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.txt")
	if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// opened counts how often a source is opened, and gives data each time.
func opened(count *int, data string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) {
		*count++
		return io.NopCloser(strings.NewReader(data)), nil
	}
}

func TestContent(t *testing.T) {
	fsys := fstest.MapFS{"a/b.txt": {Data: []byte("from a file system")}, "empty": {}}
	n := 0
	tests := []struct {
		name    string
		content mailer.Content
		want    string
		size    int64
		once    bool
	}{
		{"bytes", mailer.Bytes([]byte("hello")), "hello", 5, false},
		{"no bytes", mailer.Bytes(nil), "", 0, false},
		{"file", mailer.File(tempFile(t, "from a file")), "from a file", 11, false},
		{"empty file", mailer.File(tempFile(t, "")), "", 0, false},
		{"file system", mailer.FileFS(fsys, "a/b.txt"), "from a file system", 18, false},
		{"empty in file system", mailer.FileFS(fsys, "empty"), "", 0, false},
		{"opener", mailer.Opener(4, opened(&n, "data")), "data", 4, false},
		{"opener of unknown size", mailer.Opener(-1, opened(&n, "data")), "data", -1, false},
		{"reader", mailer.Reader(strings.NewReader("once")), "once", -1, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.content.IsZero() {
				t.Error("IsZero of something")
			}
			if size, err := tt.content.Size(); err != nil || size != tt.size {
				t.Errorf("size %d, %v, want %d", size, err, tt.size)
			}
			if got := readAll(t, tt.content); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if tt.once {
				if _, err := tt.content.Open(); err == nil {
					t.Error("opened twice")
				}
			} else if got := readAll(t, tt.content); got != tt.want {
				t.Errorf("the second time got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestContentZeroIsNotEmpty(t *testing.T) {
	var c mailer.Content
	if !c.IsZero() || mailer.Bytes(nil).IsZero() {
		t.Error("absent and empty are confused")
	}
	if _, err := c.Open(); err == nil {
		t.Error("Open: no error")
	}
	if _, err := c.Size(); err == nil {
		t.Error("Size: no error")
	}
}

func TestContentErrors(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	fsys := fstest.MapFS{"dir/file": {}}
	for name, c := range map[string]mailer.Content{
		"directory":              mailer.File(t.TempDir()),
		"directory, file system": mailer.FileFS(fsys, "dir"),
		"missing":                mailer.File(missing),
		"missing, file system":   mailer.FileFS(fsys, "missing"),
		"path that climbs":       mailer.FileFS(fsys, "../dir/file"),
	} {
		if size, err := c.Size(); err == nil {
			t.Errorf("%s: size %d, want an error", name, size)
		}
	}
	if _, err := mailer.File(missing).Size(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: got %v", err)
	}
	for name, c := range map[string]mailer.Content{
		"opener without a function": mailer.Opener(1, nil), "nil reader": mailer.Reader(nil),
	} {
		if _, err := c.Open(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	refused := errors.New("bucket is gone")
	c := mailer.Opener(1, func() (io.ReadCloser, error) { return nil, refused })
	if _, err := c.Open(); err != refused {
		t.Errorf("got %v, want the function's error", err)
	}
}

func TestContentStringHasNoBytes(t *testing.T) {
	for _, c := range []mailer.Content{
		{}, mailer.Bytes([]byte(canary)), mailer.Reader(strings.NewReader(canary)), mailer.File("/" + canary),
		mailer.FileFS(fstest.MapFS{}, canary), mailer.Opener(1, opened(new(int), canary)),
	} {
		if got := c.String(); got == "" || strings.Contains(got, canary) {
			t.Errorf("got %q", got)
		}
	}
}

// Every way of giving content ends in the message with its size settled.
func TestPrepareSettlesSizes(t *testing.T) {
	path := tempFile(t, "12345")
	msg := simple()
	msg.Attachments = []mailer.Attachment{
		{Content: mailer.File(path)}, {Content: mailer.Bytes([]byte("123"))}, {Content: mailer.Reader(strings.NewReader("x"))},
	}
	m := mustPrepare(t, msg)
	if err := os.WriteFile(path, []byte("longer than before"), 0o600); err != nil {
		t.Fatal(err)
	}
	for i, want := range []int64{5, 3, -1} {
		if size, err := m.Attachments[i].Content.Size(); err != nil || size != want {
			t.Errorf("attachment %d: size %d, %v, want %d: that of Prepare", i, size, err, want)
		}
	}
}

func TestPrepareContentErrors(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]mailer.Content{
		"absent": {}, "directory": mailer.File(dir), "missing": mailer.File(filepath.Join(dir, canary)),
	} {
		attached, alternative, raw := simple(), simple(), simple()
		attached.Attachments = []mailer.Attachment{{Name: "a", Content: c}}
		alternative.Alternatives = []mailer.Alternative{{ContentType: "text/calendar", Content: c}}
		raw.Text, raw.Subject, raw.Raw = "", "", c
		for field, msg := range map[string]*mailer.Message{"Attachments[0]": attached, "Alternatives[0]": alternative, "Raw": raw} {
			if field == "Raw" && c.IsZero() {
				continue
			}
			err := refused(t, msg)
			if !strings.Contains(err.Error(), field) {
				t.Errorf("%s, %s: %v does not name the field", name, field, err)
			}
			if strings.Contains(err.Error(), dir) || strings.Contains(err.Error(), canary) {
				t.Errorf("%s, %s: %v shows where files lie", name, field, err)
			}
		}
	}
}

func TestBytesAreReadSideBySide(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789"), 1000)
	c := mailer.Bytes(data)
	race(8, func(int) {
		if got := readAll(t, c); got != string(data) {
			t.Errorf("got %d bytes, want %d", len(got), len(data))
		}
	})
}
