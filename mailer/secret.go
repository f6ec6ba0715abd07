package mailer

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
)

const redacted = "[redacted]"

// A Secret is a password, key or token that no formatting verb, encoder or logger
// prints. The zero Secret is empty. Two Secrets are compared with [Secret.Equal].
type Secret struct {
	// A pointer, because fmt prints unexported strings of nested structs by
	// reflection, past every method, but of a nested pointer only its address.
	p *string
}

// NewSecret returns a Secret that holds value.
func NewSecret(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{&value}
}

// Reveal returns the value. Call it where the value goes onto the wire and nowhere else.
func (s Secret) Reveal() string {
	if s.p == nil {
		return ""
	}
	return *s.p
}

// IsZero reports whether s is empty.
func (s Secret) IsZero() bool { return s.p == nil }

// Equal reports whether s and t hold the same value.
func (s Secret) Equal(t Secret) bool { return s.Reveal() == t.Reveal() }

// Secret returns s itself, so that a fixed Secret is a [SecretSource].
func (s Secret) Secret(context.Context) (Secret, error) { return s, nil }

// String returns a placeholder.
func (s Secret) String() string {
	if s.p == nil {
		return ""
	}
	return redacted
}

// GoString returns a placeholder.
func (s Secret) GoString() string { return "mailer.Secret{" + s.String() + "}" }

// Format writes a placeholder, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText returns a placeholder.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON returns a placeholder.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// LogValue returns a placeholder.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// A SecretSource yields the current value of a credential. It is asked whenever a
// connection or request needs the value, from several goroutines, so that a
// credential can rotate while the program runs. A [Secret] is a source of itself.
//
// Its errors make a send [NotAccepted], of [ScopeAccount]; one that wraps [ErrUnavailable], and a source that
// takes longer than the adapter has, of [ScopeProvider]: then the credential may be as good as ever.
//
// A source that caches may also have a method Refresh(); it is called after the
// provider refused the value, and the source is then asked once more.
type SecretSource interface {
	Secret(ctx context.Context) (Secret, error)
}

// A Refresher is a [SecretSource] that can be told that its value was refused.
type Refresher interface{ Refresh() }

// SecretFunc makes a function a [SecretSource].
type SecretFunc func(ctx context.Context) (Secret, error)

// Secret calls f.
func (f SecretFunc) Secret(ctx context.Context) (Secret, error) { return f(ctx) }

// maxSecretFileBytes bounds what SecretFile reads; OAuth tokens stay well under it.
const maxSecretFileBytes = 64 << 10

// SecretFile returns a source that reads the file at path, without line ends at its
// end, and reads it again when another file took its place, its size or modification
// time changed, and after Refresh. Mounted secrets are such files.
func SecretFile(path string) SecretSource { return &secretFile{path: path} }

type secretFile struct {
	path string

	mu    sync.Mutex
	value Secret
	read  os.FileInfo // of the file that value was read from
}

func (f *secretFile) Refresh() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.value = Secret{}
}

func (f *secretFile) Secret(context.Context) (Secret, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	info, err := os.Stat(f.path)
	if err != nil {
		return Secret{}, fmt.Errorf("secret file: %w", err)
	}
	if !f.value.IsZero() && sameFile(info, f.read) {
		return f.value, nil
	}
	data, err := readSecretFile(f.path)
	if err != nil {
		return Secret{}, fmt.Errorf("secret file: %w", err)
	}
	value := NewSecret(strings.TrimRight(string(data), "\r\n"))
	if value.IsZero() {
		return Secret{}, fmt.Errorf("secret file: %s is empty", f.path)
	}
	f.value, f.read = value, info
	return f.value, nil
}

// sameFile reports whether nothing about the file has changed. A file renamed over
// the first one may have its size and time.
func sameFile(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// readSecretFile bounds what it reads by what comes, because a pipe has no size.
func readSecretFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.LimitReader(file, maxSecretFileBytes+1))
	if err == nil && len(data) > maxSecretFileBytes {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxSecretFileBytes)
	}
	return data, err
}
