package main

import (
	"bytes"
	"context"
	"io"
	"net/mail"
	"os"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/mailer"
)

func TestTextFromStandardInput(t *testing.T) {
	t.Parallel()
	server := smtpfake.Start(t, secure(smtpfake.Config{}))
	got := call(t, urlOf("smtp", server.Addr()), "one\ntwo\n", append(envelope("bob@example.org"), "-tag", "t", "-header", "X-A: b")...)
	if got.code != 0 || strings.Count(got.stdout, "\n") != 2 || !strings.Contains(got.stderr, "left out, in whole or in part, for the provider has no place for it: tags\n") {
		t.Errorf("exit status %d\nstdout: %s\nstderr: %s", got.code, got.stdout, got.stderr)
	}
	m, err := mail.ReadMessage(bytes.NewReader(onlyMessage(t, server).Data))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(m.Body)
	if err != nil || string(body) != "one\r\ntwo\r\n" || m.Header.Get("X-A") != "b" || m.Header.Get("Subject") != "Test" {
		t.Errorf("header %v, body %q, %v", m.Header, body, err)
	}
}

// A raw message goes out as it is, and the flags are its envelope.
func TestRaw(t *testing.T) {
	t.Parallel()
	server := smtpfake.Start(t, secure(smtpfake.Config{}))
	raw := writeFile(t, "m.eml", "From: x@example.com\nMessage-ID: <raw@example.com>\nSubject: raw\n\n.dot\n")
	got := call(t, urlOf("smtp", server.Addr()), "not read", "-from", "ann@example.com", "-bcc", "bob@example.org", "-raw", raw, "-json")
	if got.code != 0 || got.account(t).MessageID != "<raw@example.com>" {
		t.Errorf("exit status %d, stdout %s, stderr %s", got.code, got.stdout, got.stderr)
	}
	m := onlyMessage(t, server)
	sameStrings(t, "recipients", m.Addresses(), "bob@example.org")
	const want = "From: x@example.com\r\nMessage-ID: <raw@example.com>\r\nSubject: raw\r\n\r\n.dot\r\n"
	if m.From != "ann@example.com" || string(m.Data) != want {
		t.Errorf("from %q, got %q, want %q", m.From, m.Data, want)
	}
}

func TestRawStandsAlone(t *testing.T) {
	raw := writeFile(t, "m.eml", "Subject: raw\n\ntext\n")
	for flag, value := range map[string]string{"-subject": "S", "-html": raw, "-attach": raw, "-header": "X: y", "-reply-to": "r@example.com"} {
		got := call(t, "smtp://127.0.0.1:1", "", "-from", "ann@example.com", "-to", "bob@example.org", "-raw", raw, flag, value)
		if got.code != exitNotAccepted || !strings.Contains(got.stderr, "is set beside Raw") {
			t.Errorf("%s: exit status %d, stderr %s", flag, got.code, got.stderr)
		}
	}
}

func TestUnreadableText(t *testing.T) {
	r, w := io.Pipe()
	_ = w.CloseWithError(io.ErrUnexpectedEOF)
	var out bytes.Buffer
	_, err := new(options).message(t.Context(), r, &output{stderr: &out})
	if err == nil || err.Error() != "standard input: unexpected EOF" {
		t.Errorf("got %v", err)
	}
}

// Whoever interrupts while the text is being typed has sent nothing.
func TestInterruptedText(t *testing.T) {
	r, w := io.Pipe()
	defer func() { _ = w.Close() }()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	code := run(ctx, append(envelope("bob@example.org"), "-json", "-url", "smtp://127.0.0.1:1"), r, &stdout, &stderr, noEnv)
	a := result{stdout: stdout.String()}.account(t)
	if code != exitNotAccepted || a.Outcome != mailer.NotAccepted || a.Error != "standard input: context canceled" {
		t.Errorf("exit status %d, %+v", code, a)
	}
}

func TestIsTerminal(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = null.Close() }()
	file, err := os.Open(writeFile(t, "x", ""))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	for name, r := range map[string]io.Reader{"null device": null, "file": file, "reader": strings.NewReader("")} {
		if isTerminal(r) {
			t.Errorf("%s is taken for a terminal", name)
		}
	}
}
