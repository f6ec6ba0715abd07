package mailgun

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/internal/exact"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml"
)

// parts reads a form as a server does, and returns its values by name.
func parts(t *testing.T, f *form) map[string][]string {
	t.Helper()
	var buf bytes.Buffer
	n, err := f.WriteTo(&buf)
	if err != nil || n != f.Size() || n != int64(buf.Len()) {
		t.Fatalf("WriteTo = %d, %v; wrote %d, Size is %d", n, err, buf.Len(), f.Size())
	}
	_, params, err := mime.ParseMediaType(f.fields()[0].Value)
	if err != nil {
		t.Fatal(err)
	}
	values, r := map[string][]string{}, multipart.NewReader(&buf, params["boundary"])
	for {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return values
		}
		if err != nil {
			t.Fatal(err)
		}
		value, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		_, params, err := mime.ParseMediaType(p.Header.Get("Content-Disposition"))
		if err != nil {
			t.Fatal(err)
		}
		values[params["name"]] = append(values[params["name"]], params["filename"]+"="+string(value))
	}
}

func TestFormEscapes(t *testing.T) {
	f := newForm("messages")
	f.field("v:a", "x\ty")
	f.lines("t:variables", "{\r\n}")
	f.text("text", "one\r\n\r\ntwo")
	f.file("attachment", `a "b" \ ü.pdf`, "application/pdf", "", mailer.Bytes([]byte("123")))
	f.finish()
	if f.err != nil {
		t.Fatal(f.err)
	}
	got := parts(t, f)
	for name, want := range map[string]string{
		"v:a": "=x\ty", "t:variables": "={\r\n}", "text": "=one\r\n\r\ntwo", "attachment": `a "b" \ ü.pdf=123`,
	} {
		if len(got[name]) != 1 || got[name][0] != want {
			t.Errorf("%s: got %q, want %q", name, got[name], want)
		}
	}
	if f.counted != len("v:a")+3+len("t:variables")+4 {
		t.Errorf("%d octets of parameters", f.counted)
	}
}

// TestFormRefuses: nothing that would make another part, or another header field of one, gets in.
func TestFormRefuses(t *testing.T) {
	c := mailer.Bytes(nil)
	for name, add := range map[string]func(*form){
		"line end in a value":     func(f *form) { f.field("h:X", "a\r\nBcc: x") },
		"NUL in a value":          func(f *form) { f.field("v:x", "\x00") },
		"C1 in a value":           func(f *form) { f.field("v:x", "\u0085") },
		"line end in a name":      func(f *form) { f.field("h:X\r\nA", "a") },
		"quote in a name":         func(f *form) { f.field(`v:a"; filename="x`, "a") },
		"no name":                 func(f *form) { f.field("", "a") },
		"line end in a file name": func(f *form) { f.file("attachment", "a\nb", "text/plain", "", c) },
		"no file name":            func(f *form) { f.file("attachment", "", "text/plain", "", c) },
		"line end in a type":      func(f *form) { f.file("attachment", "a", "text/plain\r\nX: y", "", c) },
		"size not known":          func(f *form) { f.file("attachment", "a", "text/plain", "", mailer.Reader(strings.NewReader(""))) },
	} {
		f := newForm("messages")
		if add(f); !errors.Is(f.err, mailer.ErrInvalidMessage) {
			t.Errorf("%s: got %v", name, f.err)
		}
	}
}

// A closing is a reader whose Close returns err.
type closing struct {
	io.Reader
	err error
}

func (c closing) Close() error { return c.err }

// TestFormSource: of a content that is not what it was, whole blocks are written and never the
// last one.
func TestFormSource(t *testing.T) {
	const size, block = 40_000, 32 << 10
	errClose := &fs.PathError{Op: "close", Path: "/home/ann", Err: fs.ErrClosed}
	for name, c := range map[string]struct {
		actual  int
		closing error
		is      error
	}{
		"short":          {actual: size - 1, is: exact.ErrShort},
		"long":           {actual: size + 1, is: exact.ErrLong},
		"fails to close": {actual: size, closing: errClose, is: fs.ErrClosed},
	} {
		f := newForm("messages")
		f.file("attachment", "a", "text/plain", "HTML", mailer.Opener(size, func() (io.ReadCloser, error) {
			return closing{strings.NewReader(strings.Repeat("~", c.actual)), c.closing}, nil
		}))
		f.finish()
		var got bytes.Buffer
		n, err := f.WriteTo(&got)
		if !errors.Is(err, eml.ErrSource) || !errors.Is(err, c.is) || !strings.Contains(err.Error(), "HTML") || strings.Contains(err.Error(), "/home") {
			t.Errorf("%s: got error %v, want %v", name, err, c.is)
		}
		if written := strings.Count(got.String(), "~"); written != block || n != int64(got.Len()) {
			t.Errorf("%s: wrote %d bytes of the content, want %d; WriteTo = %d of %d", name, written, block, n, got.Len())
		}
	}
}

// TestBoundary: whoever has seen one request of a message cannot write a part of the next.
func TestBoundary(t *testing.T) {
	m, cfg := small(t), testConfig(t)
	seen := make(map[string]bool)
	for range 100 {
		f, err := encode(m, cfg, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if seen[f.boundary] || strings.Contains(f.boundary, m.Boundary()) || len(f.boundary) > 70 {
			t.Fatalf("boundary %q", f.boundary)
		}
		seen[f.boundary] = true
		f.Release()
	}
}

// TestMemory: an attachment or a text of 10 MB costs what a small one does.
func TestMemory(t *testing.T) {
	cfg, lines := testConfig(t), strings.Repeat("line\n", 2<<20)
	content := mailer.Bytes([]byte(lines))
	attachments := []mailer.Attachment{{Name: "a.bin", Content: content}}
	batch := map[string]any{provider: Options{RecipientVariables: map[string]map[string]any{}}}
	for name, m := range map[string]*mailer.Message{
		"messages.mime": {Attachments: attachments},
		"messages":      {Attachments: attachments, Template: &mailer.Template{ID: "x"}},
		"text":          {Text: lines, ProviderOptions: batch},
		"AMP":           {Alternatives: []mailer.Alternative{{ContentType: "text/x-amp-html", Content: content}}, ProviderOptions: batch},
	} {
		m.From, m.To = mailer.Address{Address: "a@example.com"}, []mailer.Address{{Address: "b@example.com"}}
		m, err := mailer.Prepare(m)
		if err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f, err := encode(m, cfg, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if n, err := f.WriteTo(io.Discard); err != nil || n != f.Size() {
			t.Fatalf("%s: wrote %d of %d, %v", name, n, f.Size(), err)
		}
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > 100_000 {
			t.Errorf("%s: %d bytes were allocated, at most 100,000 are wanted", name, got)
		}
	}
}
