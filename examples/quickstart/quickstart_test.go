package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/mailer"
)

func environment(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

func mustStart(t *testing.T) *servers {
	t.Helper()
	s, err := startServers()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s
}

// With MAILER_URL, a message goes through what it names: one provider, or all three.
func TestForReal(t *testing.T) {
	s := mustStart(t)
	for i, url := range []string{s.primary.url, s.url()} {
		var out bytes.Buffer
		err := run(t.Context(), &out, environment(map[string]string{
			"MAILER_URL": url, "MAILER_FROM": "Ann <ann@example.com>", "MAILER_TO": "b@example.org, c@example.org",
		}))
		if err != nil {
			t.Fatal(err)
		}
		messages := s.primary.Messages()
		if len(messages) != i+1 || messages[i].Sender != "ann@example.com" || strings.Join(messages[i].Recipients(), " ") != "b@example.org c@example.org" {
			t.Errorf("the primary has %+v", messages)
		}
		if got := out.String(); strings.Count(got, "  recipient  ") != 2 || !strings.Contains(got, "outcome    accepted") ||
			strings.Contains(got, s.primary.Key()) || strings.Contains(got, s.backup.Key()) || strings.Contains(got, "secret@") {
			t.Errorf("printed\n%s", got)
		}
	}
	if b, r := s.backup.Messages(), s.relay.Messages(); len(b)+len(r) != 0 {
		t.Errorf("the backup has %+v, the relay %+v", b, r)
	}
}

func TestForRealRefused(t *testing.T) {
	s := mustStart(t)
	var out bytes.Buffer
	err := run(t.Context(), &out, environment(map[string]string{
		"MAILER_URL": s.relay.url, "MAILER_FROM": "ann@example.com", "MAILER_TO": unknownRecipient,
	}))
	if !errors.Is(err, mailer.ErrRecipientRefused) || !strings.Contains(out.String(), "nobody@example.org  not_accepted") {
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
	s := mustStart(t)
	if err := run(t.Context(), new(bytes.Buffer), environment(map[string]string{
		"MAILER_URL": s.relay.url, "MAILER_FROM": ann.Address, "MAILER_TO": bob.Address,
	})); err != nil {
		t.Fatal(err)
	}
	msg.Attachments[1].Content = mailer.Bytes([]byte("another"))
	err := printMessage(new(bytes.Buffer), s.relay.Messages()[0].Data, msg.Attachments)
	if err == nil || !strings.Contains(err.Error(), "order-4711.csv did not arrive as it was sent") {
		t.Errorf("got %v", err)
	}
}

// A relay leaves those alone whom nothing is to befall.
func TestWell(t *testing.T) {
	for point := smtpfake.Greeting; point <= smtpfake.Other; point++ {
		e := &smtpfake.Event{Point: point, Arg: "TO:<bob@example.org>", Recipients: []smtpfake.Recipient{{Address: "bob@example.org"}}}
		if got := misbehave(e); got != (smtpfake.Action{}) {
			t.Errorf("point %d: %+v", point, got)
		}
	}
}
