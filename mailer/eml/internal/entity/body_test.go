package entity

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/mailkeel/mailkeel/mailer"
)

// readers are ways in which a source may give its octets.
var readers = map[string]func(io.Reader) io.Reader{
	"at once": func(r io.Reader) io.Reader { return r }, "octet by octet": iotest.OneByteReader, "by halves": iotest.HalfReader,
	"with its end": iotest.DataErrReader,
}

func TestBase64Reader(t *testing.T) {
	long := bytes.Repeat([]byte("0123456789abcdef"), 4<<10)
	for _, c := range []struct {
		encoded, want string
		err           error
	}{
		{"", "", nil},
		{"\r\n \t\r\n", "", nil},
		{"aGVsbG8=", "hello", nil},
		{"aGVs\r\nbG8=\r\n", "hello", nil},
		{" a G\tVs\nbG8\n=", "hello", nil},
		{"aGVsbG8", "hel", errBase64},
		{"aGVsbG8=aGVs", "hello", errBase64},
		{"aGVsbG8=\r\n\r\nx", "hello", errBase64},
		{"aG!s", "", errBase64},
		{"aGVs====", "", errBase64},
		{"====", "", errBase64},
		{base64.StdEncoding.EncodeToString(long), string(long), nil},
		{strings.ReplaceAll(base64.StdEncoding.EncodeToString(long), "A", "A\r\n"), string(long), nil},
	} {
		for name, from := range readers {
			got, err := io.ReadAll(&base64Reader{r: from(strings.NewReader(c.encoded))})
			if !errors.Is(err, c.err) || err == nil && string(got) != c.want {
				t.Errorf("%.40q %s: %.40q, %v; want %.40q, %v", c.encoded, name, got, err, c.want, c.err)
			}
		}
	}
}

func TestCRLFReader(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "a": "a", "\n": "\r\n", "\r\n": "\r\n", "\n\n": "\r\n\r\n", "a\nb\r\nc\n\r\n": "a\r\nb\r\nc\r\n\r\n",
		strings.Repeat("x\n", 5000): strings.Repeat("x\r\n", 5000),
	} {
		for name, from := range readers {
			got, err := io.ReadAll(&crlfReader{r: from(strings.NewReader(in))})
			if err != nil || string(got) != want {
				t.Errorf("%.40q %s: %.40q, %v", in, name, got, err)
			}
			if got, err := io.ReadAll(iotest.OneByteReader(&crlfReader{r: from(strings.NewReader(in))})); err != nil || string(got) != want {
				t.Errorf("%.40q %s, read octet by octet: %.40q, %v", in, name, got, err)
			}
		}
	}
}

// TestLineReader: what a line is does not depend on where the buffer ends.
func TestLineReader(t *testing.T) {
	const head = "A: b\r\n\r\n"
	for n := lineBuffer - 20; n < lineBuffer+20; n++ {
		for _, c := range []struct {
			end string
			err error
		}{{"\r\n", nil}, {"\n", nil}, {"", nil}, {"\r", errLoneCR}, {"\rx", errLoneCR}, {"\x00\r\n", errNUL}} {
			raw := head + strings.Repeat("x", n) + c.end
			p, size, err := Scan(strings.NewReader(raw))
			if !errors.Is(err, c.err) {
				t.Errorf("%d octets and %q: error %v, want %v", n, c.end, err, c.err)
			}
			if err == nil && (size != int64(len(raw)) || p.end != size || p.bareLF != (c.end == "\n")) {
				t.Errorf("%d octets and %q: size %d of %d, %+v", n, c.end, size, len(raw), p)
			}
		}
	}
}

// FuzzBase64 says that what is read is what the standard library decodes, whatever the pieces it comes in.
func FuzzBase64(f *testing.F) {
	f.Add([]byte("aGVs\r\nbG8="), 3)
	f.Add([]byte("aGVsbG8"), 1)
	f.Fuzz(func(t *testing.T, encoded []byte, piece int) {
		r := io.Reader(bytes.NewReader(encoded))
		if piece%2 == 1 {
			r = iotest.OneByteReader(r)
		}
		got, err := io.ReadAll(&base64Reader{r: r})
		plain := strings.NewReplacer(" ", "", "\t", "", "\r", "", "\n", "").Replace(string(encoded))
		want, stdErr := base64.StdEncoding.DecodeString(plain)
		if (err == nil) != (stdErr == nil) || err == nil && !bytes.Equal(got, want) {
			t.Errorf("%q: %q, %v; want %q, %v", encoded, got, err, want, stdErr)
		}
		if err != nil && !errors.Is(err, mailer.ErrInvalidMessage) {
			t.Errorf("error %v", err)
		}
	})
}
