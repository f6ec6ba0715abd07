package smtpfake

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
)

// readWriter reads from one and writes to the other.
type readWriter struct {
	io.Reader
	io.Writer
}

// readDotted returns what dotted makes of in, and the bytes after the terminator.
func readDotted(r io.Reader) (content, rest []byte, err error) {
	w := newWire(readWriter{r, io.Discard}, new(atomic.Int64))
	err = w.dotted(func(p []byte) { content = append(content, p...) })
	rest = slices.Clone(w.buf[w.r:w.n])
	return content, rest, err
}

// undot is a second, simple reader of RFC 5321 section 4.5.2.
func undot(in []byte) (content []byte, ok bool) {
	text := "\r\n" + string(in)
	head, _, ok := strings.Cut(text, "\r\n.\r\n")
	if !ok {
		return nil, false
	}
	return []byte(strings.ReplaceAll(head+"\r\n", "\r\n.", "\r\n")[2:]), true
}

func FuzzDotted(f *testing.F) {
	for _, seed := range []string{
		".\r\n", "a\r\n.\r\n", "..\r\n.\r\n", "\r\n.\r\n", "a\n.\nb\r\n.\r\n", "a\r.\r\n.\r\n", ".\r.\r\n\r\n.\r\n",
		"a\r\n.\r", "a\r\n.", "\r\n\r\n..\r\n.\r\nrest", ".x\r\n.\r\n", "\r\r\n.\r\n", "....\r\n...\r\n.\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		want, ok := undot(in)
		for name, r := range map[string]io.Reader{
			"whole": bytes.NewReader(in), "bytewise": iotest.OneByteReader(bytes.NewReader(in)),
		} {
			got, _, err := readDotted(r)
			switch {
			case !ok && !errors.Is(err, io.EOF):
				t.Errorf("%s: %q has no terminator, err %v", name, in, err)
			case ok && (err != nil || !bytes.Equal(got, want)):
				t.Errorf("%s: %q gave %q, %v; want %q", name, in, got, err, want)
			}
		}
	})
}

func TestDottedLeavesTheRest(t *testing.T) {
	_, rest, err := readDotted(strings.NewReader("a\r\n.\r\nQUIT\r\n"))
	if string(rest) != "QUIT\r\n" || err != nil {
		t.Errorf("rest %q, err %v", rest, err)
	}
}

func FuzzBodyCheck(f *testing.F) {
	f.Add([]byte("a\r\nb\rc\nd\r\r\n"), uint8(3))
	f.Add([]byte("\n"), uint8(1))
	f.Add([]byte("a\r"), uint8(1))
	f.Fuzz(func(t *testing.T, in []byte, step uint8) {
		var b body
		for piece := range slices.Chunk(in, int(step)+1) {
			b.add(piece)
		}
		b.finish()
		bare := strings.ReplaceAll(string(in), "\r\n", "")
		if got, want := b.bareCR, strings.Contains(bare, "\r"); got != want {
			t.Errorf("bare CR in %q: %v, want %v", in, got, want)
		}
		if got, want := b.bareLF, strings.Contains(bare, "\n"); got != want {
			t.Errorf("bare LF in %q: %v, want %v", in, got, want)
		}
		if got, want := b.eightBit, strings.ContainsFunc(string(in), func(r rune) bool { return r >= 0x80 }); got != want {
			t.Errorf("8 bit in %q: %v, want %v", in, got, want)
		}
	})
}
