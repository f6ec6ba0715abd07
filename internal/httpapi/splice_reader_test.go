package httpapi_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/mailer"
)

// splicedOf returns a body with a text before, between and behind contents.
func splicedOf(t testing.TB, contents ...mailer.Content) *httpapi.Spliced {
	t.Helper()
	text := `{"a":["`
	var inserts []httpapi.Insert
	for i, c := range contents {
		marker := fmt.Sprintf("<%d>", i)
		text += marker + `","`
		inserts = append(inserts, httpapi.Insert{Marker: marker, Content: c, Label: fmt.Sprintf("Attachments[%d]", i)})
	}
	s, err := httpapi.Splice([]byte(text+`"]}`), inserts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// written is what WriteTo makes of s.
func written(t testing.TB, s *httpapi.Spliced) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := s.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// readBy reads r to its end, with room for as many bytes as next says each time.
func readBy(r io.Reader, next func() int) (all []byte, err error) {
	for {
		p := make([]byte, next())
		n, err := r.Read(p)
		if n < 0 || n > len(p) || n == 0 && err == nil && len(p) > 0 {
			return all, fmt.Errorf("Read of %d bytes: %d, %w", len(p), n, err)
		}
		all = append(all, p[:n]...)
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return all, err
		}
	}
}

func always(n int) func() int { return func() int { return n } }

// around are sizes of contents on both sides of what is encoded at once.
var around = []int{0, 1, 2, 3, 4, 24_575, 24_576, 24_577, 24_578, 49_151, 49_152, 49_153, 100_000}

// TestSplicedReader: whatever the room for each Read, what comes is what WriteTo writes, again and again.
func TestSplicedReader(t *testing.T) {
	for _, n := range around {
		s := splicedOf(t, mailer.Bytes(pattern(n)), mailer.Bytes(nil), opener(int64(n/2), func() io.Reader { return iotest.HalfReader(bytes.NewReader(pattern(n / 2))) }))
		want := written(t, s)
		if int64(len(want)) != s.Size() {
			t.Fatalf("%d bytes, not %d", len(want), s.Size())
		}
		r := s.Reader()
		for _, room := range []int{1, 2, 3, 4, 5, 1000, 32_767, 32 << 10, 32_769, 1 << 20} {
			for range 2 {
				got, err := readBy(r, always(room))
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("%d bytes, room for %d: %v, equal: %t", n, room, err, bytes.Equal(got, want))
				}
				if n, err := r.Read(make([]byte, 10)); n != 0 || err != io.EOF {
					t.Errorf("behind the end: %d, %v", n, err)
				}
				seek(t, r, io.SeekStart, 0)
			}
		}
		r.Release()
		s.Release()
	}
}

func seek(t testing.TB, r io.Seeker, whence int, want int64) {
	t.Helper()
	if at, err := r.Seek(0, whence); at != want || err != nil {
		t.Errorf("Seek(0, %d) = %d, %v; want %d", whence, at, err, want)
	}
}

// TestSplicedReaderRandom reads with random room, nothing among it, and goes back from random places.
func TestSplicedReaderRandom(t *testing.T) {
	seed := rand.Uint64()
	dice := rand.New(rand.NewPCG(seed, 1))
	rounds := 300
	if raceDetector {
		rounds = 60
	}
	for range rounds {
		var contents []mailer.Content
		for range dice.IntN(4) {
			contents = append(contents, mailer.Bytes(pattern(dice.IntN(2)*24_576+dice.IntN(60_000)>>dice.IntN(17))))
		}
		s := splicedOf(t, contents...)
		want := written(t, s)
		r := s.Reader()
		for range 3 {
			for range dice.IntN(3) {
				part, err := io.ReadAll(io.LimitReader(r, dice.Int64N(s.Size()+1)))
				if err != nil || !bytes.HasPrefix(want, part) {
					t.Fatalf("seed %d: a part of %d bytes is none, %v", seed, len(part), err)
				}
				seek(t, r, io.SeekStart, 0)
			}
			most := 1 + 70_000>>dice.IntN(17)
			got, err := readBy(r, func() int { return dice.IntN(most + 1) })
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("seed %d: %d of %d bytes, %v", seed, len(got), len(want), err)
			}
			seek(t, r, io.SeekStart, 0)
		}
		r.Release()
		s.Release()
	}
}

// TestSplicedReaderSeek: the size can be asked for, from anywhere, and nothing between the ends be sought.
func TestSplicedReaderSeek(t *testing.T) {
	s := splicedOf(t, mailer.Bytes(pattern(50_000)), mailer.Bytes(pattern(10)))
	want := written(t, s)
	r := s.Reader()
	defer r.Release()
	for _, at := range []int64{0, 1, 7, 8, 20_000, 32_775, 32_776, 40_000, s.Size() - 1, s.Size()} {
		part, err := io.ReadAll(io.LimitReader(r, at))
		if err != nil || !bytes.Equal(part, want[:at]) {
			t.Errorf("%d bytes: %v", at, err)
		}
		for _, c := range []struct {
			offset int64
			whence int
		}{{1, io.SeekStart}, {-1, io.SeekStart}, {1, io.SeekEnd}, {-1, io.SeekEnd}, {0, io.SeekCurrent}, {0, 3}} {
			if _, err := r.Seek(c.offset, c.whence); err == nil {
				t.Errorf("Seek(%d, %d) is possible", c.offset, c.whence)
			}
		}
		if more, err := readBy(r, always(1000)); err != nil || !bytes.Equal(more, want[at:]) {
			t.Errorf("Seek that failed has moved it from %d: %d bytes, %v", at, len(more), err)
		}
		seek(t, r, io.SeekStart, 0)
		if _, err := io.ReadAll(io.LimitReader(r, at)); err != nil {
			t.Error(err)
		}
		seek(t, r, io.SeekEnd, s.Size())
		if n, err := r.Read(make([]byte, 10)); n != 0 || err != io.EOF {
			t.Errorf("at the end: %d, %v", n, err)
		}
		seek(t, r, io.SeekStart, 0)
	}
}

// A changing content is another at each opening, of the same size.
func changing(versions ...[]byte) mailer.Content {
	opened := 0
	return opener(int64(len(versions[0])), func() io.Reader {
		v := versions[min(opened, len(versions)-1)]
		opened++
		return bytes.NewReader(v)
	})
}

// spoilt is b with another octet at that place.
func spoilt(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 1
	return b
}

// TestSplicedReaderChanges is P7: who signed a body does not send another, though it has the same
// size: the reading ends before the last octets of the content that changed.
func TestSplicedReaderChanges(t *testing.T) {
	for _, n := range []int{1, 2, 3, 24_575, 24_576, 24_577, 50_000} {
		for _, at := range []int{0, n / 2, n - 1} {
			for _, room := range []int{1, 7, 32 << 10, 1 << 20} {
				was := pattern(n)
				s := splicedOf(t, mailer.Bytes(pattern(5)), changing(was, spoilt(was, at), was))
				r := s.Reader()
				first, err := readBy(r, always(room))
				if err != nil || int64(len(first)) != s.Size() {
					t.Fatalf("%d bytes, %v", len(first), err)
				}
				seek(t, r, io.SeekStart, 0)
				got, err := readBy(r, always(room))
				behind := int64(len(`","`) + len(`"]}`)) // the text that follows the content
				last := int64(base64.StdEncoding.EncodedLen((n-1)%24_576 + 1))
				if !errors.Is(err, httpapi.ErrSource) || !strings.Contains(err.Error(), "Attachments[1]: the source has other bytes than before") {
					t.Errorf("%d bytes, octet %d, room for %d: %v", n, at, room, err)
				}
				if int64(len(got)) != s.Size()-behind-last || int64(len(got)) >= s.Size() {
					t.Errorf("%d bytes, octet %d, room for %d: %d of %d were given out", n, at, room, len(got), s.Size())
				}
				seek(t, r, io.SeekStart, 0)
				if got, err := readBy(r, always(room)); err != nil || !bytes.Equal(got, first) {
					t.Errorf("as it was at first: %d bytes, %v", len(got), err)
				}
				r.Release()
				s.Release()
			}
		}
	}
}

// TestSplicedReaderChangesPartly: each content is compared with its first whole reading, however far other readings got.
func TestSplicedReaderChangesPartly(t *testing.T) {
	was := pattern(30_000)
	now := spoilt(was, 3)
	for name, c := range map[string]struct {
		parts  []int64 // of readings before the last one
		first  mailer.Content
		second mailer.Content
		fails  string
	}{
		"never read whole":            {[]int64{20, 32_775}, changing(now, now, was), mailer.Bytes(was), ""},
		"first read whole":            {[]int64{41_000}, changing(was, now), mailer.Bytes(was), "Attachments[0]"},
		"first, though it came after": {[]int64{41_000, 1}, mailer.Bytes(was), changing(now, was), ""},
		"second":                      {[]int64{1 << 30, 100}, mailer.Bytes(was), changing(was, now), "Attachments[1]"},
		"both read, neither changed":  {[]int64{1 << 30, 100}, mailer.Bytes(was), mailer.Bytes(was), ""},
		"as the other was":            {[]int64{1 << 30}, changing(was, now), changing(now, was), "Attachments[0]"},
	} {
		s := splicedOf(t, c.first, c.second)
		r := s.Reader()
		for _, part := range c.parts {
			if _, err := io.ReadAll(io.LimitReader(r, part)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			seek(t, r, io.SeekStart, 0)
		}
		got, err := io.ReadAll(r)
		if (err != nil) != (c.fails != "") || err != nil && !strings.Contains(err.Error(), c.fails) {
			t.Errorf("%s: %v after %d bytes, want %q", name, err, len(got), c.fails)
		}
		r.Release()
	}
}

// TestSplicedReaderSources: a content that fails, or is not as long as it was, ends the reading before its last
// octets, as it ends writing; and nothing comes after that.
func TestSplicedReaderSources(t *testing.T) {
	errBroken := errors.New("broken")
	for name, c := range map[string]struct {
		content mailer.Content
		is      error
	}{
		"short":               {opener(30_000, func() io.Reader { return bytes.NewReader(pattern(29_999)) }), nil},
		"long":                {opener(30_000, func() io.Reader { return bytes.NewReader(pattern(30_001)) }), nil},
		"long by far":         {opener(3, func() io.Reader { return bytes.NewReader(pattern(100_000)) }), nil},
		"twice":               {opener(30_000, func() io.Reader { return bytes.NewReader(pattern(60_001)) }), nil},
		"not empty":           {opener(0, func() io.Reader { return bytes.NewReader(pattern(1)) }), nil},
		"fails":               {opener(30_000, func() io.Reader { return io.MultiReader(bytes.NewReader(pattern(25_000)), iotest.ErrReader(errBroken)) }), errBroken},
		"fails last":          {opener(100, func() io.Reader { return io.MultiReader(bytes.NewReader(pattern(100)), iotest.ErrReader(errBroken)) }), errBroken},
		"recovers":            {opener(100, func() io.Reader { return iotest.TimeoutReader(iotest.OneByteReader(bytes.NewReader(pattern(100)))) }), iotest.ErrTimeout},
		"an end that is none": {opener(100, func() io.Reader { return iotest.ErrReader(fmt.Errorf("page: %w", io.EOF)) }), io.ErrUnexpectedEOF},
		"closes with an error": {mailer.Opener(100, func() (io.ReadCloser, error) {
			return failingClose{bytes.NewReader(pattern(100))}, nil
		}), errClosing},
		"not opened": {mailer.Opener(1, func() (io.ReadCloser, error) {
			return nil, &fs.PathError{Op: "open", Path: "/home/ann", Err: fs.ErrNotExist}
		}), fs.ErrNotExist},
		"nothing":    {opener(5, func() io.Reader { return silent{} }), io.ErrNoProgress},
		"impossible": {opener(5, func() io.Reader { return liar{} }), nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := splicedOf(t, c.content)
			r := s.Reader()
			defer r.Release()
			for range 2 {
				got, err := readBy(r, always(1000))
				if !errors.Is(err, httpapi.ErrSource) || errors.Is(err, io.EOF) || c.is != nil && !errors.Is(err, c.is) {
					t.Errorf("got %v, want %v and %v", err, httpapi.ErrSource, c.is)
				}
				if !strings.Contains(fmt.Sprint(err), "Attachments[0]") || strings.Contains(fmt.Sprint(err), "/home") {
					t.Errorf("the text is %q", err)
				}
				if int64(len(got)) >= s.Size() || bytes.Contains(got, []byte(`"]}`)) {
					t.Errorf("%d of %d bytes: %.40q", len(got), s.Size(), got)
				}
				for range 3 {
					if n, err := r.Read(make([]byte, 1<<20)); n != 0 || err == nil || err == io.EOF {
						t.Errorf("after the error: %d, %v", n, err)
					}
				}
				seek(t, r, io.SeekStart, 0)
			}
		})
	}
}

var errClosing = errors.New("not closed")

type failingClose struct{ io.Reader }

func (failingClose) Close() error { return errClosing }

// TestSplicedReaderAfterChange: a content that changed stays changed, until it is read anew.
func TestSplicedReaderAfterChange(t *testing.T) {
	for _, n := range []int{5, 24_576, 30_000} {
		was := pattern(n)
		s := splicedOf(t, changing(was, spoilt(was, 1), was))
		r := s.Reader()
		if _, err := io.Copy(io.Discard, r); err != nil {
			t.Fatal(err)
		}
		seek(t, r, io.SeekStart, 0)
		given := 0
		for range 10 {
			p := make([]byte, 1<<20)
			got, err := r.Read(p)
			if given += got; err == io.EOF {
				t.Error("it came to its end")
			}
		}
		if int64(given) >= s.Size() {
			t.Errorf("%d of %d bytes were given out", given, s.Size())
		}
		r.Release()
	}
}

// TestSplicedReaderClose: contents are closed once, wherever the reading ended, and a reader that was closed can be rewound.
func TestSplicedReaderClose(t *testing.T) {
	for _, room := range []int64{0, 3, 7, 8, 20_000, 32_776, 40_000, 66_674, 66_676, 1 << 20} {
		for name, end := range map[string]func(*httpapi.SplicedReader){
			"Close":  func(r *httpapi.SplicedReader) { _ = r.Close() },
			"rewind": func(r *httpapi.SplicedReader) { _, _ = r.Seek(0, io.SeekStart) },
			"end":    func(r *httpapi.SplicedReader) { _, _ = r.Seek(0, io.SeekEnd) },
		} {
			opened, closed := 0, 0
			s := splicedOf(t, mailer.Opener(50_000, func() (io.ReadCloser, error) {
				opened++
				return &closeCounter{bytes.NewReader(pattern(50_000)), &closed}, nil
			}))
			r := s.Reader()
			if _, err := io.ReadAll(io.LimitReader(r, room)); err != nil {
				t.Error(err)
			}
			if end(r); opened != closed {
				t.Errorf("%s after %d bytes: opened %d times, closed %d times", name, room, opened, closed)
			}
			for range 2 {
				if err := r.Close(); err != nil {
					t.Error(err)
				}
				if n, err := r.Read(make([]byte, 10)); n != 0 || err == nil || err == io.EOF {
					t.Errorf("%s after %d bytes, and Close: read %d, %v", name, room, n, err)
				}
			}
			seek(t, r, io.SeekStart, 0)
			got, err := io.ReadAll(r)
			if err != nil || int64(len(got)) != s.Size() || opened != closed {
				t.Errorf("%s after %d bytes: %d bytes, %v; opened %d times, closed %d times", name, room, len(got), err, opened, closed)
			}
			seek(t, r, io.SeekStart, 0)
			_, _ = r.Read(make([]byte, 7))
			_, _ = r.Read(make([]byte, 7))
			if r.Release(); opened != closed {
				t.Errorf("%s after %d bytes: opened %d times, closed %d times after Release", name, room, opened, closed)
			}
		}
	}
}

// TestSplicedReaderConcurrently: readers of one body, and of others, whose memory is used again.
func TestSplicedReaderConcurrently(t *testing.T) {
	shared := splicedOf(t, mailer.Bytes(pattern(60_000)), mailer.Bytes(pattern(5)))
	wantShared := written(t, shared)
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 20 {
				own := splicedOf(t, mailer.Bytes(pattern(g*7_000+i)), mailer.Bytes(pattern(i)))
				for s, want := range map[*httpapi.Spliced][]byte{shared: wantShared, own: written(t, own)} {
					r := s.Reader()
					if i%3 == 0 {
						_, _ = r.Read(make([]byte, 100))
						_, _ = r.Seek(0, io.SeekStart)
					}
					for range 2 {
						got, err := readBy(r, always(20_000+g))
						if err != nil || !bytes.Equal(got, want) {
							t.Errorf("%d of %d bytes, %v", len(got), len(want), err)
						}
						_, _ = r.Seek(0, io.SeekStart)
					}
					_ = r.Close()
					r.Release()
				}
				own.Release()
			}
		})
	}
	all.Wait()
}

// TestSplicedReaderForgets: a reader that is used again knows nothing of the body before.
func TestSplicedReaderForgets(t *testing.T) {
	for i := range 50 {
		s := splicedOf(t, mailer.Bytes(spoilt(pattern(100), i)))
		r := s.Reader()
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, written(t, s)) {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
		r.Release()
		s.Release()
	}
}

// TestSplicedReaderAllocations: reading what was read before costs nothing, however large.
func TestSplicedReaderAllocations(t *testing.T) {
	most := 0.0
	if raceDetector {
		most = 12 // which makes pools forget
	}
	content := bytes.NewReader(pattern(1 << 20))
	closer := io.NopCloser(content)
	s := splicedOf(t, mailer.Opener(1<<20, func() (io.ReadCloser, error) {
		content.Reset(pattern1MB)
		return closer, nil
	}))
	p := make([]byte, 32<<10)
	got := testing.AllocsPerRun(20, func() {
		r := s.Reader()
		for range 2 {
			for {
				if _, err := r.Read(p); err != nil {
					break
				}
			}
			_, _ = r.Seek(0, io.SeekStart)
		}
		r.Release()
	})
	if got > most {
		t.Errorf("%v allocations for 1 MB, read twice", got)
	}
}

var pattern1MB = pattern(1 << 20)

// FuzzReader: contents and rooms of any size give what WriteTo gives, and a content of which any octet changed
// does not come to its end.
func FuzzReader(f *testing.F) {
	f.Add([]byte("abc"), uint16(0), uint16(1), uint16(7), uint16(0))
	f.Add([]byte(""), uint16(1), uint16(32<<10), uint16(3), uint16(0))
	f.Add([]byte("0123456789"), uint16(24_576), uint16(32<<10), uint16(30_000), uint16(24_575))
	f.Add([]byte("x"), uint16(49_153), uint16(100), uint16(1), uint16(49_000))
	f.Fuzz(func(t *testing.T, small []byte, size, room, part, at uint16) {
		was := pattern(int(size))
		now := was
		if size > 0 {
			now = spoilt(was, int(at%size))
		}
		s := splicedOf(t, mailer.Bytes(small), changing(was, was, was, now))
		want := written(t, s)
		r := s.Reader()
		defer r.Release()
		if _, err := io.ReadAll(io.LimitReader(r, int64(part))); err != nil {
			t.Error(err)
		}
		seek(t, r, io.SeekStart, 0)
		for range 4 { // as many as there are versions, however far the first reading got
			got, err := readBy(r, always(int(room)+1))
			if err != nil {
				if !errors.Is(err, httpapi.ErrSource) || len(got) >= len(want) || size == 0 {
					t.Errorf("%d of %d bytes, %v", len(got), len(want), err)
				}
				return
			}
			if !bytes.Equal(got, want) {
				t.Fatalf("%d bytes, not the %d that are written", len(got), len(want))
			}
			seek(t, r, io.SeekStart, 0)
		}
		if size > 0 {
			t.Error("it changed, and was read to its end")
		}
	})
}
