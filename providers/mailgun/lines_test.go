package mailgun

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/internal/exact"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml"
)

// FuzzLines: wherever a text is cut into blocks, the same comes of it, of the size that was counted.
func FuzzLines(f *testing.F) {
	f.Add("a\r\nb\nc\rd", 2)
	f.Add("\r\r\n\n\r", 3)
	f.Fuzz(func(t *testing.T, s string, cut int) {
		want := strings.NewReplacer("\r\n", "\r\n", "\r", "\r\n", "\n", "\r\n").Replace(s)
		cut = max(0, min(cut, len(s)))
		missing, afterCR := missingInLines(s[:cut], false)
		more, _ := missingInLines([]byte(s[cut:]), afterCR)
		got, between := appendLines(nil, []byte(s[:cut]), false)
		got, _ = appendLines(got, []byte(s[cut:]), between)
		if string(got) != want || missing+more != int64(len(want)-len(s)) || between != afterCR {
			t.Errorf("%q cut at %d: got %q, %d octets longer; want %q", s, cut, got, missing+more, want)
		}
	})
}

// TestLinesChange: a content whose line ends are others than before, of the same size, ends the form
// early, and never makes it longer than it said.
func TestLinesChange(t *testing.T) {
	for name, tt := range map[string]struct {
		then, now string
		is        error
	}{
		"more":           {"a\n......", "a\n\n.....", exact.ErrLong},
		"fewer":          {"a\n\n.....", "a\n......", exact.ErrShort},
		"fewer, as CRLF": {"a\n......", "a\r\n.....", exact.ErrShort},
	} {
		t.Run(name, func(t *testing.T) {
			opened := 0
			f := newForm(endpointForm)
			f.amp("AMP", mailer.Opener(int64(len(tt.then)), func() (io.ReadCloser, error) {
				text := tt.now
				if opened++; opened == 1 {
					text = tt.then
				}
				return io.NopCloser(strings.NewReader(text)), nil
			}))
			f.finish()
			var got bytes.Buffer
			n, err := f.WriteTo(&got)
			if !errors.Is(err, eml.ErrSource) || !errors.Is(err, tt.is) || n != int64(got.Len()) || n >= f.Size() {
				t.Errorf("WriteTo = %d of %d, %v; want %v", n, f.Size(), err, tt.is)
			}
		})
	}
}

// TestLinesUnread: a content that cannot be counted is not sent.
func TestLinesUnread(t *testing.T) {
	f := newForm(endpointForm)
	f.amp("AMP", mailer.Opener(3, func() (io.ReadCloser, error) { return nil, io.ErrNoProgress }))
	if !errors.Is(f.err, eml.ErrSource) || !errors.Is(f.err, io.ErrNoProgress) {
		t.Errorf("got %v", f.err)
	}
	f = newForm(endpointForm)
	f.amp("AMP", mailer.Reader(strings.NewReader("")))
	if !errors.Is(f.err, mailer.ErrInvalidMessage) {
		t.Errorf("of unknown size: got %v", f.err)
	}
}
