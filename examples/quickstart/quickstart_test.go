package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/mailer"
)

func environment(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

// unsteady is what differs from run to run, from one system to another, and from one
// version of Go to the next, which may compress a picture otherwise.
var unsteady = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`connect: dial .*`), "connect: REFUSED"},
	{regexp.MustCompile(`after [0-9.µmns]+`), "after TIME"},
	{regexp.MustCompile(`127\.0\.0\.1:[0-9]+`), "SERVER"},
	{regexp.MustCompile(`sha256 [0-9a-f]{8}`), "sha256 DIGEST"},
	{regexp.MustCompile(`image/png, [0-9]+ bytes`), "image/png, SIZE"},
}

const wantOutput = `1. A message through a server on this machine: smtp://[redacted]@SERVER?ca_file
   outcome    accepted
   attempt    127.0.0.1 (smtp)  accepted  250 2.0.0  done after TIME
   recipient  bob@example.org   accepted  250 2.0.0  1-1

2. What the recipient reads
   Subject: Grüße: your order 4711 is on its way ✓
   From:    Ann Müller <ann@example.com>
   To:      Bob <bob@example.org>
   text/plain, 59 bytes
      | Hello,
      |
      | your order 4711 has left. The list is attached.
   text/html, 67 bytes
      | <p><img src="cid:logo" alt=""> Your order <b>4711</b> has left.</p>
   image/png, SIZE, inline logo.png, cid:logo, sha256 DIGEST..., as it was sent
   text/csv, 30 bytes, attachment order-4711.csv, sha256 DIGEST..., as it was sent

3. One recipient of two is refused: the other one has the message
   outcome    partly_accepted
   attempt    127.0.0.1 (smtp)    partly_accepted  recipient 550 5.1.1  stop after TIME
   recipient  eve@example.org     accepted         250 2.0.0            1-2
   recipient  nobody@example.org  not_accepted     recipient 550 5.1.1  no such user
   error      smtp: 550 5.1.1 RCPT: "no such user" (partly accepted)
   in truth   the server has the message for eve@example.org
   in truth   the server has no message for nobody@example.org

4. The server takes the message, and its reply is lost: sent again, it might arrive twice
   outcome    unknown
   attempt    127.0.0.1 (smtp)  unknown  provider  stop after TIME
   recipient  kim@example.org   unknown  provider
   error      smtp: reply to the content: EOF (outcome unknown: the provider may have the message)
   in truth   the server has the message for kim@example.org

5. The server is gone: nobody has the message, and it may be sent elsewhere
   outcome    not_accepted
   attempt    127.0.0.1 (smtp)  not_accepted  provider  stop after TIME
   recipient  lee@example.org   not_accepted  provider
   error      smtp: connect: REFUSED
   in truth   the server has no message for lee@example.org
`

func TestEmbedded(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out, environment(nil)); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	got := out.String()
	for _, u := range unsteady {
		got = u.pattern.ReplaceAllString(got, u.instead)
	}
	if got != wantOutput {
		t.Errorf("got\n%s\nwant\n%s", got, wantOutput)
	}
}

// With MAILER_URL, the same message goes through the server that it names.
func TestForReal(t *testing.T) {
	server, err := startServer()
	if err != nil {
		t.Fatal(err)
	}
	defer server.close()
	var out bytes.Buffer
	err = run(t.Context(), &out, environment(map[string]string{
		"MAILER_URL": server.url, "MAILER_FROM": "Ann <ann@example.com>", "MAILER_TO": "b@example.org, c@example.org",
	}))
	if err != nil {
		t.Fatal(err)
	}
	messages := server.Messages()
	if len(messages) != 1 || messages[0].From != "ann@example.com" || strings.Join(messages[0].Addresses(), " ") != "b@example.org c@example.org" {
		t.Errorf("the server has %+v", messages)
	}
	if got := out.String(); strings.Count(got, "  recipient  ") != 2 || !strings.Contains(got, "outcome    accepted") || strings.Contains(got, "secret@") {
		t.Errorf("printed\n%s", got)
	}
}

func TestForRealRefused(t *testing.T) {
	server, err := startServer()
	if err != nil {
		t.Fatal(err)
	}
	defer server.close()
	var out bytes.Buffer
	err = run(t.Context(), &out, environment(map[string]string{
		"MAILER_URL": server.url, "MAILER_FROM": "ann@example.com", "MAILER_TO": unknownRecipient,
	}))
	if !errors.Is(err, mailer.ErrRecipientRefused) || !strings.Contains(out.String(), "outcome    not_accepted") {
		t.Errorf("got %v\n%s", err, out.String())
	}
}

func TestEnvironmentErrors(t *testing.T) {
	for _, c := range []struct{ url, from, to, want string }{
		{"smtp://h", "", "b@example.org", "MAILER_FROM"},
		{"smtp://h", "a@example.com, b@example.com", "b@example.org", "MAILER_FROM"},
		{"smtp://h", "a@example.com", "", "MAILER_TO"},
		{"what://h", "a@example.com", "b@example.org", "unknown scheme"},
	} {
		err := run(t.Context(), new(bytes.Buffer), environment(map[string]string{"MAILER_URL": c.url, "MAILER_FROM": c.from, "MAILER_TO": c.to}))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got %v", c, err)
		}
	}
}

// Nothing is left behind, whether the run ends well or is interrupted.
func TestInterrupted(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(ctx, new(bytes.Buffer), environment(nil)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A file that changed on the way is an error, not a line in the output.
func TestChangedFile(t *testing.T) {
	msg := newMessage(ann, bob)
	server, err := startServer()
	if err != nil {
		t.Fatal(err)
	}
	defer server.close()
	if err := run(t.Context(), new(bytes.Buffer), environment(map[string]string{
		"MAILER_URL": server.url, "MAILER_FROM": ann.Address, "MAILER_TO": bob.Address,
	})); err != nil {
		t.Fatal(err)
	}
	msg.Attachments[1].Content = mailer.Bytes([]byte("another"))
	err = printMessage(new(bytes.Buffer), server.Messages()[0].Data, msg.Attachments)
	if err == nil || !strings.Contains(err.Error(), "order-4711.csv did not arrive as it was sent") {
		t.Errorf("got %v", err)
	}
}

func TestMisbehaveLeavesOthersAlone(t *testing.T) {
	for point := smtpfake.Greeting; point <= smtpfake.Other; point++ {
		e := &smtpfake.Event{Point: point, Arg: "TO:<bob@example.org>", Recipients: []smtpfake.Recipient{{Address: "bob@example.org"}}}
		if got := misbehave(e); got != (smtpfake.Action{}) {
			t.Errorf("point %d: %+v", point, got)
		}
	}
}
