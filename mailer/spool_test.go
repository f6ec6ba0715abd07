package mailer_test

import (
	"context"
	"errors"
	"io"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
)

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// limited gives data, and calls the reader before each piece.
type limited struct {
	before io.Reader
	data   string
}

func (l *limited) Read(p []byte) (int, error) {
	if _, err := l.before.Read(nil); err != nil {
		return 0, err
	}
	if l.data == "" {
		return 0, io.EOF
	}
	n := copy(p[:1], l.data)
	l.data = l.data[n:]
	return n, nil
}

func attach(contents ...mailer.Content) *mailer.Message {
	m := simple()
	for _, c := range contents {
		m.Attachments = append(m.Attachments, mailer.Attachment{Content: c})
	}
	return m
}

// tempDir makes the temporary folder of the process an empty one and returns what lists it.
func tempDir(t *testing.T) func() []os.DirEntry {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("TMP", dir)
	return func() []os.DirEntry {
		t.Helper()
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		return entries
	}
}

func TestSpoolNothing(t *testing.T) {
	for name, msg := range map[string]*mailer.Message{
		"no content": simple(),
		"bytes":      attach(mailer.Bytes([]byte("x"))),
		"file":       attach(mailer.File(tempFile(t, "x"))),
		"opener":     attach(mailer.Opener(1, opened(new(int), "x"))),
	} {
		m := mustPrepare(t, msg)
		s, release, err := mailer.Spool(t.Context(), m)
		if err != nil || s != m {
			t.Errorf("%s: got %p, %v, want the prepared message itself", name, s, err)
		}
		release()
		release()
	}
}

func TestSpool(t *testing.T) {
	left := tempDir(t)
	large := strings.Repeat("0123456789abcdef", 10_000)
	opens := 0
	msg := attach(
		mailer.Reader(strings.NewReader(large)), mailer.Bytes([]byte("stays")),
		mailer.Opener(-1, opened(&opens, "opened")), mailer.Reader(strings.NewReader("")),
	)
	msg.Alternatives = []mailer.Alternative{{ContentType: "text/calendar", Content: mailer.Reader(strings.NewReader("BEGIN"))}}
	m := mustPrepare(t, msg)
	s, release, err := mailer.Spool(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	check := func(c mailer.Content, want string) {
		if size, err := c.Size(); err != nil || size != int64(len(want)) {
			t.Errorf("size %d, %v, want %d", size, err, len(want))
		}
		if got := readAll(t, c); got != want {
			t.Errorf("got %d bytes %.20q, want %d bytes %.20q", len(got), got, len(want), want)
		}
	}
	race(8, func(int) {
		for i, want := range []string{large, "stays", "opened", ""} {
			check(s.Attachments[i].Content, want)
		}
		check(s.Alternatives[0].Content, "BEGIN")
	})
	if opens != 1 {
		t.Errorf("the source was opened %d times, want once a message", opens)
	}
	release()
	if n := len(left()); n != 0 {
		t.Errorf("%d files are left", n)
	}
	if r, err := s.Attachments[0].Content.Open(); err == nil {
		if _, err = io.ReadAll(r); err == nil {
			t.Error("readable after release")
		}
	}
	release()
}

func TestSpoolRaw(t *testing.T) {
	tempDir(t)
	const raw = "Subject: x\r\n\r\nbody\r\n"
	s, release, err := mailer.Spool(t.Context(), envelope(mailer.Reader(strings.NewReader(raw))))
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if got := readAll(t, s.Raw); got != raw {
		t.Errorf("got %q", got)
	}
}

// What Prepare settled stays: it is the same message.
func TestSpoolKeepsPreparedState(t *testing.T) {
	tempDir(t)
	m := mustPrepare(t, attach(mailer.Reader(strings.NewReader("x"))))
	s, release, err := mailer.Spool(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if !s.IsPrepared() || s == m || mustPrepare(t, s) != s {
		t.Error("the spooled message is not a prepared one of its own")
	}
	if s.MessageID != m.MessageID || s.IdempotencyKey != m.IdempotencyKey || !s.Date.Equal(m.Date) ||
		s.Boundary() != m.Boundary() || s.EnvelopeFrom() != m.EnvelopeFrom() || len(s.Recipients()) != len(m.Recipients()) {
		t.Error("the identity changed")
	}
	if size, _ := m.Attachments[0].Content.Size(); size >= 0 {
		t.Error("the prepared message itself was changed")
	}
	again, releaseAgain, err := mailer.Spool(t.Context(), s)
	if err != nil || again != s {
		t.Errorf("spooled again: got %p, %v, want %p", again, err, s)
	}
	releaseAgain()
	if got := readAll(t, s.Attachments[0].Content); got != "x" {
		t.Errorf("after the inner release got %q: it must not take the file away", got)
	}
}

func TestSpoolReaderTwice(t *testing.T) {
	tempDir(t)
	m := mustPrepare(t, attach(mailer.Reader(strings.NewReader("x"))))
	_, release, err := mailer.Spool(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	release()
	_, _, err = mailer.Spool(t.Context(), m)
	e := wantNotAccepted(t, err)
	if !strings.Contains(e.Error(), "only once") {
		t.Errorf("got %v, want to be told to use another kind of content", e)
	}
}

// failing gives some bytes and then an error; closing it fails as well.
type failing struct{ err error }

func (f failing) Read(p []byte) (int, error) { return copy(p, "abc"), f.err }
func (f failing) Close() error               { return errors.New("close failed too") }

func TestSpoolSourceFails(t *testing.T) {
	left := tempDir(t)
	broken := errors.New("disk on fire")
	c := mailer.Opener(-1, func() (io.ReadCloser, error) { return failing{broken}, nil })
	s, release, err := mailer.Spool(t.Context(), attach(mailer.Reader(strings.NewReader("first")), c))
	e := wantNotAccepted(t, err)
	if s != nil || release != nil {
		t.Error("a message or a release beside the error")
	}
	if !errors.Is(e, broken) {
		t.Errorf("%v does not wrap the source's error", e)
	}
	if strings.Contains(e.Error(), "\n") {
		t.Errorf("%q is more than one line", e.Error())
	}
	if n := len(left()); n != 0 {
		t.Errorf("%d files are left", n)
	}
}

// A source that cannot be read now does not make the message invalid for ever: an
// outbox that sees ErrInvalidMessage throws the message away.
func TestSpoolFailureIsNotAnInvalidMessage(t *testing.T) {
	tempDir(t)
	c := mailer.Opener(-1, func() (io.ReadCloser, error) { return nil, errors.New("bucket is busy") })
	_, _, err := mailer.Spool(t.Context(), attach(c))
	if errors.Is(err, mailer.ErrInvalidMessage) {
		t.Errorf("%v is ErrInvalidMessage", err)
	}
	if e := wantNotAccepted(t, err); !e.Temporary {
		t.Error("not temporary")
	}
}

// A signed URL is a credential.
func TestSpoolErrorHidesURLs(t *testing.T) {
	tempDir(t)
	c := mailer.Opener(-1, func() (io.ReadCloser, error) {
		return nil, &url.Error{Op: "Get", URL: "https://bucket.example/f?sig=" + canary, Err: io.ErrUnexpectedEOF}
	})
	_, _, err := mailer.Spool(t.Context(), attach(c))
	e := wantNotAccepted(t, err)
	if findCanary(e.Error()) != "" || !errors.Is(e, io.ErrUnexpectedEOF) {
		t.Errorf("got %v, want the cause without the URL", e)
	}
}

func TestSpoolWithoutTemporaryFolder(t *testing.T) {
	t.Setenv("TMPDIR", "/nowhere/"+canary)
	t.Setenv("TMP", "/nowhere/"+canary)
	_, _, err := mailer.Spool(t.Context(), attach(mailer.Reader(strings.NewReader("x"))))
	if e := wantNotAccepted(t, err); strings.Contains(e.Error(), canary) {
		t.Errorf("%v shows a path", e)
	}
}

func TestSpoolPreparesFirst(t *testing.T) {
	_, _, err := mailer.Spool(t.Context(), &mailer.Message{})
	if !errors.Is(err, mailer.ErrInvalidMessage) {
		t.Errorf("got %v, want ErrInvalidMessage", err)
	}
	wantNotAccepted(t, err)
}

func wantNotAccepted(t *testing.T, err error) *mailer.SendError {
	t.Helper()
	var e *mailer.SendError
	if !errors.As(err, &e) {
		t.Fatalf("got %v (%T), want a *SendError", err, err)
	}
	if e.Outcome != mailer.NotAccepted || e.Scope != mailer.ScopeCaller || e.Receipt == nil || e.Receipt.Outcome != mailer.NotAccepted {
		t.Errorf("outcome %v, scope %v, receipt %+v, want not accepted by the caller's doing", e.Outcome, e.Scope, e.Receipt)
	}
	return e
}

// endless is a source without an end that ends its reader's ctx.
type endless struct{ cancel context.CancelFunc }

func (e endless) Read(p []byte) (int, error) {
	e.cancel()
	return len(p), nil
}

func TestSpoolEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, _, err := mailer.Spool(ctx, attach(mailer.Reader(endless{cancel})))
	e := mailer.AsSendError(err)
	if e.Outcome != mailer.NotAccepted || e.Scope != mailer.ScopeCaller || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, scope %v: %v", e.Outcome, e.Scope, err)
	}
}
