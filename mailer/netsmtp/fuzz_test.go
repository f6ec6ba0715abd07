package netsmtp_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/netsmtp"
)

// FuzzAddresses: whatever stands in from and to, the server hears one MAIL and one RCPT, of exactly
// that, or nothing.
func FuzzAddresses(f *testing.F) {
	for _, s := range []string{
		bob, "", "b@x>\r\nDATA", "b@x> NOTIFY=NEVER", `"b\" b"@x`, "b@x\x00", "jörg@example.net", "<b@x>", "@a,@b:c@d", "b@[IPv6:::1]", "b@x\u2028", "b\x7f@x", "\xff@x",
	} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, sender, to string) {
		if len(sender)+len(to) > 2000 {
			return
		}
		server := smtpfake.New(smtpfake.Config{Extensions: smtpfake.AllExtensions()})
		defer server.Close()
		err := netsmtp.Rig{Dial: pipeTo(server)}.SendMail(t.Context(), "localhost:25", nil, sender, []string{to}, message)
		wantTruth(t, server, err)
		if n := len(server.Messages()); n == 1 && (server.Messages()[0].From != sender || len(server.Messages()[0].Recipients) != 1) {
			t.Errorf("from %q to %q came as %+v", sender, to, server.Messages())
		}
		want := []string{"EHLO localhost", "MAIL FROM:<" + sender + "> SIZE=", "RCPT TO:<" + to + ">", "DATA", "QUIT"}
		for i, c := range server.Commands() {
			if i >= len(want) || !strings.HasPrefix(c.Line, want[i]) && c.Line != "QUIT" {
				t.Errorf("command %d: %q of %q and %q", i, c.Line, sender, to)
			}
		}
	})
}

// FuzzContent: what is sent of a message is what was given, with CRLF at the end of each line and
// no Bcc in the header, whatever its octets; or nothing is sent.
func FuzzContent(f *testing.F) {
	for _, s := range []string{
		string(message), "", ".", "\n", "\r", "\r\n.\r\n", "a\n.\nb", "Bcc: a\n b\nC: d\n\n.", "a\r.\r\nb", "A: b\n\nBcc: c\n..\n", "\x00", "Bcc:\n\n", "A:\xff\n\n\xff",
		"From a\n>From b\nBcc: c\n\nBcc: d\n", "From a\nb\nBcc: c\n", "From : a\nb\nBcc: c\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		given := bytes.Clone(msg)
		server := smtpfake.New(smtpfake.Config{Extensions: smtpfake.Extensions{EightBitMIME: true}})
		defer server.Close()
		err := netsmtp.Rig{Dial: pipeTo(server)}.SendMail(t.Context(), "localhost:25", nil, from, []string{bob}, msg)
		wantTruth(t, server, err)
		if !bytes.Equal(msg, given) {
			t.Fatalf("%q became %q", given, msg)
		}
		rest := bytes.ReplaceAll(msg, []byte("\r\n"), []byte("\n"))
		if bad := bytes.ContainsAny(rest, "\r\x00"); bad != (err != nil) {
			// The Bcc field that is taken out may have been what was bad.
			if !bad || !bytes.Contains(bytes.ToLower(msg), []byte("bcc")) {
				t.Fatalf("%q: %v", msg, err)
			}
		}
		for _, m := range server.Messages() {
			if want := expected(rest); !bytes.Equal(m.Data, want) {
				t.Errorf("%q came as %q, want %q", msg, m.Data, want)
			}
		}
		for _, v := range server.Violations() {
			if v.Rule != smtpfake.RuleLineLength {
				t.Errorf("%q: %v", msg, v)
			}
		}
	})
}

// expected takes lines that end in LF, and goes about it line by line.
func expected(msg []byte) []byte {
	lines := bytes.Split(bytes.TrimSuffix(msg, []byte("\n")), []byte("\n"))
	isField := func(line []byte) bool {
		name, _, found := strings.Cut(string(line), ":")
		name = strings.TrimRight(name, " \t")
		return found && name != "" && !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' })
	}
	var out []byte
	for len(lines) > 0 && strings.HasPrefix(strings.TrimLeft(string(lines[0]), ">"), "From ") && !isField(lines[0]) { // a mailbox's
		out, lines = append(append(out, lines[0]...), "\r\n"...), lines[1:]
	}
	inHeader, dropping := len(lines) > 0 && isField(lines[0]), false
	for _, line := range lines {
		inHeader = inHeader && len(line) > 0
		if !inHeader {
			dropping = false
		} else if line[0] != ' ' && line[0] != '\t' {
			name, _, found := strings.Cut(string(line), ":")
			dropping = found && strings.EqualFold(strings.TrimRight(name, " \t"), "bcc")
		}
		if !dropping {
			out = append(append(out, line...), "\r\n"...)
		}
	}
	if len(out) == 0 {
		out = []byte("\r\n")
	}
	return out
}

// FuzzReplies: whatever a server says, SendMail and the Client of Dial end, having taken in no
// more than they may, and SendMail has an account.
func FuzzReplies(f *testing.F) {
	for _, s := range []string{
		"220 x\r\n250-x\r\n250 AUTH PLAIN\r\n235 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n221 bye\r\n",
		"220 x\r\n250 x\r\n250 a\r\n250 b\r\n354 c\r\n", "220", "220-x\r\n220", "554 5.3.2 no\r\n", "220 x\r\n250-STARTTLS\r\n250 STARTTLS\r\n220 go\r\n250 injected\r\n",
		"220 x\r\n250 AUTH=LOGIN\r\n334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n535 5.7.8 no\r\n", "\x00\x00\n", "220 x\r\n421 later\r\n", "220 x\r\n250 x\r\n550-5.1.1 a\r\n550 5.1.1 b\r\n",
	} {
		f.Add([]byte(s), true)
		f.Add([]byte(s), false)
	}
	f.Fuzz(func(t *testing.T, replies []byte, loggingIn bool) {
		var auth netsmtp.Auth
		if loggingIn {
			auth = netsmtp.LoginAuth("ann", "s3cret-pass", "localhost")
		}
		dial := loopback(func(context.Context, string, string) (net.Conn, error) { return newTape(replies), nil })
		err := netsmtp.Rig{Dial: dial}.SendMail(t.Context(), "localhost:25", auth, from, both, message)
		if err != nil {
			e := sendError(t, err)
			if e.Outcome == mailer.Accepted || strings.ContainsAny(err.Error(), "\r\n\x00") || hasSecret([]byte(err.Error())) {
				t.Errorf("%q: %v", replies, err)
			}
		}
		if err == nil && !bytes.Contains(replies, []byte("354")) {
			t.Errorf("accepted upon %q", replies)
		}
		tape := newTape(replies)
		if _, err := netsmtp.NewClient(netsmtp.Guard(tape), "localhost"); err == nil && !bytes.HasPrefix(replies, []byte("220")) {
			t.Errorf("greeted with %q", replies)
		}
	})
}

// A tape is a connection to somebody who says the same whatever he is told, line by line, and then hangs up.
type tape struct{ rest []byte }

func newTape(replies []byte) *tape { return &tape{replies} }

func (c *tape) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		return 0, io.EOF
	}
	line := c.rest
	if i := bytes.IndexByte(line, '\n'); i >= 0 {
		line = line[:i+1]
	}
	n := copy(p, line)
	c.rest = c.rest[n:]
	return n, nil
}

func (c *tape) Write(p []byte) (int, error)      { return len(p), nil }
func (c *tape) Close() error                     { return nil }
func (c *tape) LocalAddr() net.Addr              { return nil }
func (c *tape) RemoteAddr() net.Addr             { return nil }
func (c *tape) SetDeadline(time.Time) error      { return nil }
func (c *tape) SetReadDeadline(time.Time) error  { return nil }
func (c *tape) SetWriteDeadline(time.Time) error { return nil }
