package eml_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml"
)

// These sizes lie around the limits of the writer: a line, a text beside the header, a block.
var borders = []int{0, 1, 2, 56, 57, 58, 75, 76, 77, 997, 998, 999, 4095, 4096, 4097, 16415, 16416, 16417, 22463, 22464, 22465, 50000}

func TestTextEncoding(t *testing.T) {
	long := strings.Repeat("x", 998)
	tests := []struct {
		name, text string
		eightBit   bool
		want       string
	}{
		{"ascii", "Hello", false, "7bit"},
		{"longest line", long + "\n" + long, false, "7bit"},
		{"longest line, CRLF", long + "\r\n" + long + "\r\n", false, "7bit"},
		{"longest line, lone CR", long + "\r" + long, false, "7bit"},
		{"too long a line", "a\n" + long + "x\nb", true, "quoted-printable"},
		{"too long a last line", "a\n" + long + "x", true, "quoted-printable"},
		{"8bit", "Grüße", true, "8bit"},
		{"8bit, too long a line", "Grüße" + long, true, "quoted-printable"},
		{"few characters outside ascii", "Grüße aus Köln: " + strings.Repeat("mild weather, ", 5), false, "quoted-printable"},
		{"many characters outside ascii", strings.Repeat("日本語", 20), false, "base64"},
		{"controls", "a\x01\x1b\x7fb", false, "7bit"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := message()
			m.Text = tt.text
			body, b := render(t, prepare(t, m), eml.Options{EightBit: tt.eightBit})
			e := parseStrict(t, b)
			if got := e.value("Content-Transfer-Encoding"); got != tt.want {
				t.Errorf("encoding is %q, want %q", got, tt.want)
			}
			if got, want := strings.TrimSuffix(string(e.body), "\r\n"), strings.TrimSuffix(crlf(tt.text), "\r\n"); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			if got, want := body.EightBit(), !allASCII(b); got != want {
				t.Errorf("EightBit = %v, want %v", got, want)
			}
		})
	}
}

// TestTextBorders puts texts of every kind of line end across every limit. In a multipart they
// come out exactly, each line end made CRLF.
func TestTextBorders(t *testing.T) {
	for name, unit := range map[string]string{
		"no line end": "x", "LF": "some words\n", "CRLF": "some words\r\n", "CR": "some words\r", "only LF": "\n", "only CR": "\r",
		"only CRLF": "\r\n", "CR CR LF": "\r\r\n", "LF CR": "\n\r", "space": "a \n \n\t\n b", "8bit": "größer\n", "wide": "日本", "equals": "=\n",
		"dots": ".\r.\n..\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			for _, size := range borders {
				m := message()
				m.HTML = strings.ToValidUTF8(strings.Repeat(unit, size/len(unit)+1)[:size], "")
				m.Text = "x"
				p := prepare(t, m)
				for _, eightBit := range []bool{true, false} {
					_, b := render(t, p, eml.Options{EightBit: eightBit})
					leaves := parseStrict(t, b).leaves()
					if got, want := string(leaves[len(leaves)-1].body), crlf(m.HTML); m.HTML != "" && got != want {
						t.Fatalf("%d octets, eightBit %v: got %d octets, want %d", size, eightBit, len(got), len(want))
					}
				}
			}
		})
	}
}

func TestTextWithNULIsEncoded(t *testing.T) {
	m := prepare(t, message())
	m.Text = "a\x00b" // Prepare would refuse it
	_, b := render(t, m, eml.Options{EightBit: true})
	if got := strings.TrimSuffix(string(parseStrict(t, b).body), "\r\n"); got != m.Text {
		t.Errorf("got %q", got)
	}
}

func TestBoundaryInText(t *testing.T) {
	m := message()
	m.HTML = "<p>"
	p := prepare(t, m)
	for _, text := range []string{"--=_a_" + p.Boundary() + "--\n", p.Boundary(), strings.Repeat("--=_a_"+p.Boundary()+"\r\n", 1000)} {
		p.Text = text
		_, b := render(t, p, eml.Options{})
		_, again := render(t, p, eml.Options{})
		if !bytes.Equal(b, again) {
			t.Error("the derived boundary differs from one time to the next")
		}
		if got := parseStrict(t, b).leaves(); len(got) != 2 || string(got[0].body) != crlf(text) {
			t.Errorf("%.40q has %d leaves", text, len(got))
		}
	}
}

// TestSameBytes reads one body in every way there is, and renders the message anew.
func TestSameBytes(t *testing.T) {
	m := prepare(t, fullMessage(t))
	body, want := render(t, m, eml.Options{})
	for name, wrap := range map[string]func(io.Reader) io.Reader{
		"whole":   func(r io.Reader) io.Reader { return r },
		"octets":  iotest.OneByteReader,
		"halves":  iotest.HalfReader,
		"to file": func(r io.Reader) io.Reader { return io.LimitReader(r, 1<<40) },
	} {
		r := body.Reader()
		got, err := io.ReadAll(wrap(r))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d octets, %v, want %d", name, len(got), err, len(want))
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, again := render(t, m, eml.Options{}); !bytes.Equal(again, want) {
		t.Error("rendered again, the message differs")
	}
	r := body.Reader()
	if err := iotest.TestReader(r, want); err != nil {
		t.Error(err)
	}
	_ = r.Close()
}

func TestConcurrentReads(t *testing.T) {
	body, want := render(t, fullMessage(t), eml.Options{EightBit: true})
	done := make(chan bool)
	for range 8 {
		go func() {
			var buf bytes.Buffer
			_, err := body.WriteTo(&buf)
			done <- err == nil && bytes.Equal(buf.Bytes(), want)
		}()
	}
	for range 8 {
		if !<-done {
			t.Error("a concurrent read got other bytes")
		}
	}
}

func TestAttachmentBorders(t *testing.T) {
	for _, size := range borders {
		data := bytes.Repeat([]byte{0, '\r', '\n', 0xff, '.', 'a', 7}, size/7+1)[:size]
		m := message()
		m.Attachments = []mailer.Attachment{{Name: "a.txt", Content: mailer.Bytes(data)}, {Name: "b", Content: mailer.Bytes(data)}}
		_, b := render(t, prepare(t, m), eml.Options{})
		for _, leaf := range parseStrict(t, b).leaves()[1:] {
			if !bytes.Equal(leaf.body, data) {
				t.Errorf("%d octets came out as %d", size, len(leaf.body))
			}
		}
	}
}
