package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
)

const injection = "\r\nBcc: victim@example.net\r\n\r\n"

// Whatever a flag holds that would end a line or a command, nobody is connected to and one line says why.
func TestHostileValues(t *testing.T) {
	file := writeFile(t, "x.txt", "x")
	for _, c := range []struct {
		name string
		args []string
	}{
		{"subject", []string{"-subject", "S" + injection}},
		{"subject, LF", []string{"-subject", "S\nX: y"}},
		{"subject, NUL", []string{"-subject", "S\x00"}},
		{"subject, not UTF-8", []string{"-subject", "S\xff"}},
		{"header value", []string{"-header", "X: y" + injection}},
		{"header value that ends in a line end", []string{"-header", "X: y\r\n"}},
		{"header name", []string{"-header", "X\r\nY: z"}},
		{"header name with a space", []string{"-header", "X Y: z"}},
		{"header that a field writes", []string{"-header", "Bcc: victim@example.net"}},
		{"header of the writer", []string{"-header", "Content-Type: text/evil"}},
		{"recipient", []string{"-to", "b@example.com" + injection}},
		{"recipient with a command", []string{"-to", "b@example.com> NOTIFY=NEVER"}},
		{"recipient with a quoted local part", []string{"-to", `"b@example.com> ORCPT=x"@example.com`}},
		{"recipient's name", []string{"-to", "Bob" + injection + " <b@example.com>"}},
		{"recipient's encoded name", []string{"-to", "=?utf-8?q?Bob=0D=0ABcc:_x@example.net?= <b@example.com>"}},
		{"copy", []string{"-cc", "b@example.com" + injection}},
		{"blind copy", []string{"-bcc", "b@example.com" + injection}},
		{"reply-to", []string{"-reply-to", "b@example.com" + injection}},
		{"author", []string{"-from", "Ann" + injection + " <ann@example.com>"}},
		{"content ID", []string{"-inline", "a\r\nX: y=" + file}},
		{"content ID with a bracket", []string{"-inline", "a><b=" + file}},
		{"tag", []string{"-tag", "t" + injection}},
		{"metadata key", []string{"-meta", "k" + injection + "=v"}},
		{"metadata value", []string{"-meta", "k=v" + injection}},
		{"idempotency key", []string{"-idempotency-key", "K" + injection}},
		{"file that does not exist", []string{"-attach", "x" + injection}},
		{"flag", []string{"-x" + injection}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			args := c.args
			if args[0] != "-from" {
				args = append([]string{"-from", "ann@example.com"}, args...)
			}
			checkHostile(t, append([]string{"-to", "bob@example.org"}, args...))
		})
	}
}

func TestHostileFileName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a\r\nX: y.pdf")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Skipf("this system takes no line end in a file name: %v", err)
	}
	checkHostile(t, append(envelope("bob@example.org"), "-attach", path))
	checkHostile(t, append(envelope("bob@example.org"), "-inline", "cid="+path))
}

func checkHostile(t *testing.T, args []string) {
	t.Helper()
	server := smtpfake.Start(t, secure(smtpfake.Config{}))
	checkHostileAt(t, urlOf("smtp", server.Addr()), args)
	conns := int(server.Stats().Conns)
	for _, a := range apis {
		server := serveTLS(t, a)
		checkHostileAt(t, server.url(), args)
		conns += server.Stats().Conns
	}
	if conns != 0 {
		t.Errorf("%d connections", conns)
	}
}

func checkHostileAt(t *testing.T, url string, args []string) {
	t.Helper()
	got := call(t, url, "text", args...)
	if got.code != exitNotAccepted && got.code != exitUsage {
		t.Errorf("exit status %d", got.code)
	}
	if got.stderr == "" || strings.ContainsAny(got.stderr, "\r\x00") {
		t.Errorf("standard error %q", got.stderr)
	}
	for line := range strings.Lines(got.stderr) {
		if !strings.HasPrefix(line, "send: ") {
			t.Errorf("a line of somebody else's on standard error: %q", line)
		}
	}
}

// A connection string with a line end opens nothing.
func TestHostileConnectionString(t *testing.T) {
	server := smtpfake.Start(t, secure(smtpfake.Config{}))
	got := call(t, urlOf("smtp", server.Addr())+"\r\nX: y", "text", envelope("bob@example.org")...)
	if got.code != exitUsage || server.Stats().Conns != 0 {
		t.Errorf("exit status %d, %d connections", got.code, server.Stats().Conns)
	}
}
