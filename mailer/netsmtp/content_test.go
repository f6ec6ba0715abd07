package netsmtp_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/netsmtp"
)

// TestContent: what arrives of a message, octet by octet. Differences 10 and 11; decision 10.
func TestContent(t *testing.T) {
	long := strings.Repeat("x", 5000)
	for _, c := range []struct{ name, msg, want string }{
		{"as it is", "A: b\r\n\r\nc\r\n", "A: b\r\n\r\nc\r\n"},
		{"LF alone", "A: b\n\nc\nd\n", "A: b\r\n\r\nc\r\nd\r\n"},
		{"both ends", "A: b\r\n\nc\r\nd\n\r\n\n", "A: b\r\n\r\nc\r\nd\r\n\r\n\r\n"},
		{"no line end", "A: b\r\n\r\nc", "A: b\r\n\r\nc\r\n"},
		{"nothing", "", "\r\n"},
		{"no header", "dummy message", "dummy message\r\n"},
		{"dots", ".\n..\n.a\n\n.\n", ".\r\n..\r\n.a\r\n\r\n.\r\n"},
		{"dots, no line end", "A: b\r\n\r\n.", "A: b\r\n\r\n.\r\n"},
		{"long lines", "A: " + long + "\r\n\r\n" + long, "A: " + long + "\r\n\r\n" + long + "\r\n"},

		{"Bcc", "A: b\r\nBcc: x@y\r\nC: d\r\n\r\nBcc: e\r\n", "A: b\r\nC: d\r\n\r\nBcc: e\r\n"},
		{"Bcc, folded", "bcc : x@y,\n\tz@y\nA: b\n\n", "A: b\r\n\r\n"},
		{"Bcc twice", "BCC:\nA: b\nBcc: c\n", "A: b\r\n"},
		{"Bcc alone", "Bcc: c\n\nd", "\r\nd\r\n"},
		{"Bcc behind what is no field", "A: b\nno field\nBcc: c\n\n", "A: b\r\nno field\r\n\r\n"},
		{"Bcc out of a mailbox", "From ann Mon Jan  2 15:04:05 2006\n>From bob\nBcc: c\nA: b\n\nBcc: d\n", "From ann Mon Jan  2 15:04:05 2006\r\n>From bob\r\nA: b\r\n\r\nBcc: d\r\n"},
		{"Bcc in a text that says From", "From here on:\nhello\nBcc: x\n", "From here on:\r\nhello\r\nBcc: x\r\n"},
		{"other names", "Bccc: a\nX-Bcc: b\n\n", "Bccc: a\r\nX-Bcc: b\r\n\r\n"},
		{"Bcc in a text", "Hello,\nBcc: means blind copy\n", "Hello,\r\nBcc: means blind copy\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := smtpfake.Start(t, smtpfake.Config{})
			msg := []byte(c.msg)
			if err := netsmtp.SendMail(server.Addr(), nil, from, []string{bob}, msg); err != nil {
				t.Fatal(err)
			}
			server.WaitIdle()
			if m := server.Messages(); len(m) != 1 || string(m[0].Data) != c.want {
				t.Errorf("got %q, want %q", m[0].Data, c.want)
			}
			if string(msg) != c.msg {
				t.Errorf("what was given is now %q", msg)
			}
			for _, v := range server.Violations() {
				if v.Rule != smtpfake.RuleLineLength {
					t.Error(v)
				}
			}
		})
	}
}

// TestSmuggling: Difference 10, P17. Of all that can stand around a line end nothing but CRLF reaches
// the wire, and never a second message.
func TestSmuggling(t *testing.T) {
	octets := []byte{'\r', '\n', 0, '.', 'x'}
	server := smtpfake.Start(t, smtpfake.Config{})
	accepted := 0
	for n := range len(octets) * len(octets) * len(octets) * len(octets) {
		msg := []byte("A: b\r\n\r\nc")
		for range 4 {
			msg = append(msg, octets[n%len(octets)])
			n /= len(octets)
		}
		msg = append(msg, "MAIL FROM:<eve@example.com>\r\n"...)
		err := netsmtp.SendMail(server.Addr(), nil, from, []string{bob}, msg)
		bad := bytes.IndexByte(msg, 0) >= 0 || bytes.Contains(bytes.ReplaceAll(msg, []byte("\r\n"), nil), []byte("\r"))
		if bad != (err != nil) || bad != errors.Is(err, mailer.ErrInvalidMessage) {
			t.Fatalf("%q: %v", msg, err)
		}
		if err == nil {
			accepted++
		}
	}
	server.WaitIdle()
	if n := len(server.Messages()); n != accepted || accepted == 0 || len(server.Violations()) > 0 {
		t.Errorf("%d messages of %d, %v", n, accepted, server.Violations())
	}
}

// TestEightBit: Difference 12.
func TestEightBit(t *testing.T) {
	body, header := []byte("A: b\n\nGrüße\n"), []byte("Subject: Grüße\n\nc\n")
	for _, c := range []struct {
		name           string
		msg            []byte
		ext            smtpfake.Extensions
		eightBit, utf8 bool
		refused        bool
	}{
		{"seven", message, smtpfake.AllExtensions(), false, false, false},
		{"body", body, smtpfake.AllExtensions(), true, false, false},
		{"header", header, smtpfake.AllExtensions(), true, true, false},
		{"header, no SMTPUTF8", header, smtpfake.Extensions{EightBitMIME: true}, true, false, false},
		{"header in another charset", []byte("Subject: Gr\xfc\xdfe\n\n"), smtpfake.AllExtensions(), true, false, false},
		{"body, no 8BITMIME", body, smtpfake.Extensions{SMTPUTF8: true}, false, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := smtpfake.Start(t, smtpfake.Config{Extensions: c.ext})
			err := netsmtp.SendMail(server.Addr(), nil, from, []string{bob}, c.msg)
			wantTruth(t, server, err)
			if c.refused != errors.Is(err, mailer.ErrUnsupported) || c.refused != (err != nil) || len(server.Violations()) > 0 {
				t.Fatalf("got %v, %v", err, server.Violations())
			}
			if c.refused {
				return
			}
			m := server.Messages()[0]
			if m.Params.Has("SMTPUTF8") != c.utf8 || m.Params.Has("BODY") != c.eightBit || m.Params.Has("SIZE") != (c.ext.SizeLimit != 0) {
				t.Errorf("MAIL had %v", m.Params)
			}
		})
	}
}
