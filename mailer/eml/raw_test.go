package eml_test

import (
	"bytes"
	"errors"
	"io"
	"net/mail"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml"
)

func rawMessage(s string) *mailer.Message {
	m := envelope()
	m.Raw = mailer.Bytes([]byte(s))
	return m
}

func TestRaw(t *testing.T) {
	const head = "From: a@example.com\r\nSubject: x\r\n"
	long := strings.Repeat("x", 998)
	tests := []struct{ name, raw, want string }{
		{"as it is", head + "\r\nHello\r\n", head + "\r\nHello\r\n"},
		{"LF", "From: a@example.com\nSubject: x\n\nHello\n", head + "\r\nHello\r\n"},
		{"mixed line ends", "From: a@example.com\r\nSubject: x\n\r\na\r\n\nb\n", head + "\r\na\r\n\r\nb\r\n"},
		{"no line end at the end", head + "\r\nHello", head + "\r\nHello\r\n"},
		{"no body", head + "\r\n", head + "\r\n"},
		{"only a header", head, head},
		{"only a header without a line end", "Subject: x", "Subject: x\r\n"},
		{"dots", head + "\r\n.\r\n..\r\n.", head + "\r\n.\r\n..\r\n.\r\n"},
		{"longest line", head + "\r\n" + long + "\r\n" + long, head + "\r\n" + long + "\r\n" + long + "\r\n"},
		{"odd but legal header", "X-A:b\r\nX-B:\r\n c\r\nSubject : obsolete\r\n\r\n", "X-A:b\r\nX-B:\r\n c\r\nSubject : obsolete\r\n\r\n"},
		{"Bcc", "Bcc: b@example.com\r\n" + head + "\r\nHello\r\n", head + "\r\nHello\r\n"},
		{"folded Bcc", "From: a@example.com\nbCC: b@example.com,\n c@example.com,\n\td@example.com\nSubject: x\n\n", head + "\r\n"},
		{"several Bcc", "Bcc:\r\nFrom: a@example.com\r\nBcc : b@example.com\r\nBCC:\tb\r\n c\r\nSubject: x\r\nBcc: e\r\n\r\nx\r\n", head + "\r\nx\r\n"},
		{"Bcc at the end", head + "Bcc: b", head},
		{"Bcc in the body", head + "\r\nBcc: b@example.com\r\n", head + "\r\nBcc: b@example.com\r\n"},
		{"names like Bcc", head + "X-Bcc: b\r\nBccc: b\r\nResent-Bcc: b\r\n\r\n", head + "X-Bcc: b\r\nBccc: b\r\nResent-Bcc: b\r\n\r\n"},
		{"large", head + "\r\n" + strings.Repeat("some words\n", 10000), head + "\r\n" + strings.Repeat("some words\r\n", 10000)},
		{"only LF", head + "\r\n" + strings.Repeat("\n", 50000), head + "\r\n" + strings.Repeat("\r\n", 50000)},
		{"large Bcc", head + "Bcc: a" + strings.Repeat(",\r\n b@example.com", 5000) + "\r\n\r\nx\r\n", head + "\r\nx\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body, got := render(t, prepare(t, rawMessage(tt.raw)), eml.Options{})
			if string(got) != tt.want {
				t.Errorf("got\n%.200q, want\n%.200q", got, tt.want)
			}
			if err := checkWire(got); err != nil {
				t.Error(err)
			}
			if body.EightBit() || body.UTF8() {
				t.Errorf("EightBit = %v, UTF8 = %v", body.EightBit(), body.UTF8())
			}
			r := body.Reader()
			if again, err := io.ReadAll(r); err != nil || !bytes.Equal(again, got) {
				t.Errorf("the second read differs, %v", err)
			}
			_ = r.Close()
		})
	}
}

func TestRawRefused(t *testing.T) {
	const head = "From: a@example.com\r\nSubject: x\r\n"
	long := strings.Repeat("x", 999)
	for name, raw := range map[string]string{
		"empty":                 "",
		"only line ends":        "\r\n\r\n",
		"no header":             "\r\nHello\r\n",
		"only Bcc":              "Bcc: b@example.com\r\n\r\nHello\r\n",
		"text":                  "Hello\r\n",
		"mbox":                  "From a@example.com Thu Jan  1 00:00:00 1970\n" + head,
		"folded first line":     " folded\r\n" + head,
		"no name":               ": x\r\n" + head,
		"name with space":       "My Subject: x\r\n\r\n",
		"line without colon":    head + "no colon here\r\n\r\n",
		"lone CR in the header": "From: a@example.com\rBcc: b\r\n\r\n",
		"lone CR in the body":   head + "\r\na\rb\r\n",
		"CR CR LF":              head + "\r\na\r\r\n",
		"CR at the end":         head + "\r\na\r",
		"CR dot CR":             head + "\r\na\r.\r\n",
		"NUL in the header":     "Subject: \x00\r\n\r\n",
		"NUL in the body":       head + "\r\na\x00b\r\n",
		"lone CR in Bcc":        "Bcc: a\rb\r\n" + head,
		"long header line":      "X: " + long + "\r\n" + head,
		"long line":             head + "\r\n" + long + "\r\n",
		"long last line":        head + "\r\n" + long,
		"long line with CR":     head + "\r\n" + long + "\r",
		"endless line":          head + "\r\n" + strings.Repeat("x", 1<<20),
	} {
		for _, eightBit := range []bool{false, true} {
			m, err := mailer.Prepare(rawMessage(raw))
			if err == nil {
				_, err = eml.Render(m, eml.Options{EightBit: eightBit})
			}
			want := mailer.ErrInvalidMessage
			if strings.Contains(name, "long") || name == "endless line" { // who takes parts may carry it
				want = mailer.ErrUnsupported
			}
			if !errors.Is(err, want) || errors.Is(err, mailer.ErrUnsupported) != (want == mailer.ErrUnsupported) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestRawEightBit(t *testing.T) {
	tests := []struct {
		name, raw      string
		eightBit, utf8 bool
	}{
		{"body", "Subject: x\r\n\r\nGrüße\r\n", true, false},
		{"latin-1", "Subject: x\r\n\r\nGr\xfc\xdfe\r\n", true, false},
		{"header", "Subject: Grüße\r\n\r\n", true, true},
		{"Bcc, which is removed", "Subject: x\r\nBcc: jörg@example.com\r\n\r\n", false, false},
	}
	for _, tt := range tests {
		m := prepare(t, rawMessage(tt.raw))
		body, b := render(t, m, eml.Options{EightBit: true})
		if body.EightBit() != tt.eightBit || body.UTF8() != tt.utf8 {
			t.Errorf("%s: EightBit = %v, UTF8 = %v", tt.name, body.EightBit(), body.UTF8())
		}
		if _, err := mail.ReadMessage(bytes.NewReader(b)); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if _, err := eml.Render(m, eml.Options{}); errors.Is(err, mailer.ErrUnsupported) != tt.eightBit {
			t.Errorf("%s in seven bits: %v", tt.name, err)
		}
	}
}

func TestRawMustBeSpooled(t *testing.T) {
	m := envelope()
	m.Raw = mailer.Reader(strings.NewReader("Subject: x\n\n"))
	if _, err := eml.Render(m, eml.Options{}); !errors.Is(err, mailer.ErrInvalidMessage) {
		t.Error(err)
	}
	spooled, release, err := mailer.Spool(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if _, b := render(t, spooled, eml.Options{}); string(b) != "Subject: x\r\n\r\n" {
		t.Errorf("got %q", b)
	}
}

// TestRawChanged gives the second pass other octets of the same number.
func TestRawChanged(t *testing.T) {
	const first = "Subject: x\n\nHello, this is a message\n"
	for name, second := range map[string]string{
		"more line ends":   "Subject: x\n\nHello,\nthis is a message\n",
		"fewer line ends":  "Subject: x\r\nHello, this is a message\n",
		"not ascii":        "Subject: x\n\nHello, this is ä message"[:len(first)-1] + "\n",
		"NUL":              strings.Replace(first, "H", "\x00", 1),
		"lone CR":          strings.Replace(first, "H", "\r", 1),
		"Bcc":              strings.Replace(first, "Subject", "Bcc\t  \t", 1),
		"not a header":     strings.Replace(first, "Subject:", "Subject ", 1),
		"no end of header": strings.ReplaceAll(first, "\n\n", "\n "),
	} {
		if len(second) != len(first) {
			t.Fatalf("%s: %d octets, want %d", name, len(second), len(first))
		}
		text := first
		m := envelope()
		m.Raw = mailer.Opener(int64(len(first)), func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil })
		body, _ := render(t, prepare(t, m), eml.Options{})
		text = second
		var got bytes.Buffer
		if _, err := body.WriteTo(&got); !errors.Is(err, eml.ErrSource) || int64(got.Len()) >= body.Size() {
			t.Errorf("%s: wrote %d of %d, %v", name, got.Len(), body.Size(), err)
		}
	}
}

func TestRawSourceFailsAtOnce(t *testing.T) {
	for name, open := range faults([]byte("Subject: x\n\nHello\n"), 3) {
		m := envelope()
		m.MessageID = "<given@example.com>" // so that Prepare does not read for it
		m.Raw = mailer.Opener(18, open)
		if _, err := eml.Render(m, eml.Options{}); !errors.Is(err, eml.ErrSource) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
