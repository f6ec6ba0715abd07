package httpapi_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/mailer"
)

// pattern returns n bytes that differ from place to place.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	return b
}

// opener is a content of size bytes, as it says, that reads r.
func opener(size int64, r func() io.Reader) mailer.Content {
	return mailer.Opener(size, func() (io.ReadCloser, error) { return io.NopCloser(r()), nil })
}

func insert(marker string, c mailer.Content) httpapi.Insert {
	return httpapi.Insert{Marker: marker, Content: c, Label: "Attachments[0]"}
}

// TestSplice: contents of every size around the blocks come out as the standard library
// encodes them, between the texts, and Size says how many bytes that is.
func TestSplice(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 4, 24575, 24576, 24577, 49152, 49153, 100_000} {
		content, other := pattern(n), pattern(n/2+1)
		s, err := httpapi.Splice([]byte(`{"a":"<1>","b":"<2>"}`), []httpapi.Insert{
			insert("<1>", mailer.Bytes(content)),
			insert("<2>", opener(int64(len(other)), func() io.Reader { return iotest.HalfReader(bytes.NewReader(other)) })),
		})
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf(`{"a":"%s","b":"%s"}`, base64.StdEncoding.EncodeToString(content), base64.StdEncoding.EncodeToString(other))
		for range 2 { // a body is written anew for every attempt
			var b bytes.Buffer
			written, err := s.WriteTo(&b)
			if err != nil || written != int64(len(want)) || s.Size() != written || b.String() != want {
				t.Errorf("%d bytes: wrote %d, size %d, error %v; want %d bytes, and they are equal: %t",
					n, written, s.Size(), err, len(want), b.String() == want)
			}
		}
		s.Release()
	}
}

func TestSpliceEdges(t *testing.T) {
	for text, want := range map[string]string{"": "", "text": "text", "<1>": "YQ==", "<1>>": "YQ==>", "<<1>": "<YQ=="} {
		var inserts []httpapi.Insert
		if strings.Contains(text, "1") {
			inserts = append(inserts, insert("<1>", mailer.Bytes([]byte("a"))))
		}
		s, err := httpapi.Splice([]byte(text), inserts)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if _, err := s.WriteTo(&b); err != nil || b.String() != want || s.Size() != int64(len(want)) {
			t.Errorf("%q: got %q, size %d, error %v; want %q", text, &b, s.Size(), err, want)
		}
	}
}

// TestSpliceMarkers: a marker that does not stand in the text once is an error, and not
// a body with a marker in it.
func TestSpliceMarkers(t *testing.T) {
	one := mailer.Bytes([]byte("a"))
	for name, c := range map[string]struct {
		text    string
		markers []string
	}{
		"missing": {"text", []string{"<1>"}}, "twice": {"<1><1>", []string{"<1>"}}, "empty": {"text", []string{""}},
		"order": {"<1><2>", []string{"<2>", "<1>"}}, "same": {"<1>", []string{"<1>", "<1>"}},
		"overlap": {"<1<1>1>", []string{"<1<1>", "<1>"}},
	} {
		var inserts []httpapi.Insert
		for _, m := range c.markers {
			inserts = append(inserts, insert(m, one))
		}
		if _, err := httpapi.Splice([]byte(c.text), inserts); !errors.Is(err, httpapi.ErrRequest) {
			t.Errorf("%s: got %v, want %v", name, err, httpapi.ErrRequest)
		}
	}
}

// TestSpliceSources: a content that fails, or is not what it was, makes a body that ends
// before the content does, with an error that names it and nothing of where it lies.
func TestSpliceSources(t *testing.T) {
	errBroken := errors.New("broken")
	for name, c := range map[string]struct {
		content mailer.Content
		is      error
	}{
		"short":       {opener(30_000, func() io.Reader { return bytes.NewReader(pattern(29_999)) }), nil},
		"long":        {opener(30_000, func() io.Reader { return bytes.NewReader(pattern(30_001)) }), nil},
		"long by far": {opener(3, func() io.Reader { return bytes.NewReader(pattern(100_000)) }), nil},
		"not empty":   {opener(0, func() io.Reader { return bytes.NewReader(pattern(1)) }), nil},
		"fails":       {opener(30_000, func() io.Reader { return io.MultiReader(bytes.NewReader(pattern(100)), iotest.ErrReader(errBroken)) }), errBroken},
		"fails last":  {opener(100, func() io.Reader { return io.MultiReader(bytes.NewReader(pattern(100)), iotest.ErrReader(errBroken)) }), errBroken},
		"unexpected":  {opener(100, func() io.Reader { return iotest.ErrReader(io.ErrUnexpectedEOF) }), io.ErrUnexpectedEOF},
		"not opened": {mailer.Opener(1, func() (io.ReadCloser, error) {
			return nil, &fs.PathError{Op: "open", Path: "/home/ann", Err: fs.ErrNotExist}
		}), fs.ErrNotExist},
		"nothing":    {opener(5, func() io.Reader { return silent{} }), io.ErrNoProgress},
		"impossible": {opener(5, func() io.Reader { return liar{} }), nil},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := httpapi.Splice([]byte(`{"a":"<1>"}`), []httpapi.Insert{insert("<1>", c.content)})
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			written, err := s.WriteTo(&b)
			if !errors.Is(err, httpapi.ErrSource) || c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("got %v, want %v and %v", err, httpapi.ErrSource, c.is)
			}
			if !strings.Contains(fmt.Sprint(err), "Attachments[0]") || strings.Contains(fmt.Sprint(err), "/home") {
				t.Errorf("the text is %q", err)
			}
			if written > s.Size()-2 || written != int64(b.Len()) || strings.Contains(b.String(), `"}`) {
				t.Errorf("wrote %d of %d bytes: %.40q", written, s.Size(), b.String())
			}
		})
	}
}

// silent reads nothing, and never ends.
type silent struct{}

func (silent) Read([]byte) (int, error) { return 0, nil }

// liar says that it read more than there was room for.
type liar struct{}

func (liar) Read(p []byte) (int, error) { return len(p) + 1, nil }

func TestSpliceUnreadable(t *testing.T) {
	for name, c := range map[string]mailer.Content{
		"unknown size": mailer.Reader(strings.NewReader("a")), "absent": {}, "missing": mailer.File(t.TempDir() + "/none"),
	} {
		if _, err := httpapi.Splice([]byte("<1>"), []httpapi.Insert{insert("<1>", c)}); !errors.Is(err, httpapi.ErrSource) {
			t.Errorf("%s: got %v, want %v", name, err, httpapi.ErrSource)
		}
	}
}

// TestSpliceWriter: an error of the writer comes back as it is, after however many bytes, and
// the content is closed.
func TestSpliceWriter(t *testing.T) {
	for _, room := range []int{0, 3, 7, 8, 20_000, 32_776, 40_000, 66_674} {
		opened, closed := 0, 0
		s, err := httpapi.Splice([]byte(`{"a":"<1>"}`), []httpapi.Insert{insert("<1>", mailer.Opener(50_000, func() (io.ReadCloser, error) {
			opened++
			return &closeCounter{bytes.NewReader(pattern(50_000)), &closed}, nil
		}))})
		if err != nil {
			t.Fatal(err)
		}
		written, err := s.WriteTo(&fullWriter{room})
		if !errors.Is(err, errFull) || errors.Is(err, httpapi.ErrSource) || written != int64(room) || opened != closed {
			t.Errorf("room for %d of %d bytes: wrote %d, error %v, opened %d times, closed %d times", room, s.Size(), written, err, opened, closed)
		}
	}
}

type closeCounter struct {
	io.Reader
	n *int
}

func (c *closeCounter) Close() error { *c.n++; return nil }

var errFull = errors.New("full")

// fullWriter takes so many bytes.
type fullWriter struct{ room int }

func (w *fullWriter) Write(p []byte) (int, error) {
	n := min(len(p), w.room)
	w.room -= n
	if n < len(p) {
		return n, errFull
	}
	return n, nil
}

// TestSpliceConcurrently: one body is written by several goroutines at once.
func TestSpliceConcurrently(t *testing.T) {
	s, err := httpapi.Splice([]byte(`{"a":"<1>"}`), []httpapi.Insert{insert("<1>", mailer.Bytes(pattern(200_000)))})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"a":"` + base64.StdEncoding.EncodeToString(pattern(200_000)) + `"}`
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			var b bytes.Buffer
			if _, err := s.WriteTo(&b); err != nil || b.String() != want {
				t.Errorf("error %v, equal: %t", err, b.String() == want)
			}
		})
	}
	all.Wait()
}

// TestSpliceMemory: 10 MB cost no more than the buffers.
func TestSpliceMemory(t *testing.T) {
	content := mailer.Bytes(pattern(10 << 20))
	least := uint64(math.MaxUint64) // others may allocate meanwhile
	for range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		writeSpliced(t, content)
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	if least > 100_000 {
		t.Errorf("%d bytes were allocated for 10 MB, want at most 100,000", least)
	}
}

func BenchmarkSplice(b *testing.B) {
	for _, size := range []int{1 << 10, 1 << 20, 10 << 20} {
		b.Run(fmt.Sprintf("%dKB", size>>10), func(b *testing.B) {
			content := mailer.Bytes(pattern(size))
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				writeSpliced(b, content)
			}
		})
	}
}

func writeSpliced(b testing.TB, content mailer.Content) {
	b.Helper()
	s, err := httpapi.Splice([]byte(`{"content":"0123456789abcdef"}`), []httpapi.Insert{insert("0123456789abcdef", content)})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := s.WriteTo(io.Discard); err != nil {
		b.Fatal(err)
	}
	s.Release()
}
