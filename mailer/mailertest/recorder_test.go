package mailertest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/mailertest"
)

func message(i int) *mailer.Message {
	return &mailer.Message{
		From:      mailer.Address{Address: "hello@example.com"},
		To:        []mailer.Address{{Address: "ann@example.org"}},
		Cc:        []mailer.Address{{Address: "bob@example.org"}},
		Subject:   fmt.Sprintf("message %d", i),
		MessageID: fmt.Sprintf("<%d@example.com>", i),
	}
}

func TestRecorderKeepsWhatItAccepts(t *testing.T) {
	var r mailertest.Recorder
	if r.Last() != nil || len(r.Messages()) != 0 {
		t.Error("a new Recorder has messages")
	}
	for i := range 3 {
		m := message(i)
		if i == 1 {
			m.Bcc = []mailer.Address{{Address: "Cid@Example.org"}}
		}
		receipt, err := r.Send(t.Context(), m)
		if err != nil || receipt.Outcome != mailer.Accepted || receipt.MessageID != m.MessageID || len(receipt.Attempts) != 1 {
			t.Fatalf("message %d: receipt %+v, error %v", i, receipt, err)
		}
	}
	if got := r.Messages(); len(got) != 3 || got[0].Subject != "message 0" || !got[2].IsPrepared() || r.Last() != got[2] {
		t.Errorf("messages %v, last %v", got, r.Last())
	}
	if got := r.SentTo("cid@example.org"); len(got) != 1 || got[0].Subject != "message 1" {
		t.Errorf("sent to cid: %v", got)
	}
	if got := r.SentTo("dan@example.org"); len(got) != 0 {
		t.Errorf("sent to dan: %v", got)
	}
	r.Reset()
	if len(r.Messages()) != 0 {
		t.Error("Reset keeps messages")
	}
}

func TestRecorderRefuses(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	shut := new(mailer.Gate)
	shut.Cancel()
	broken := message(0)
	broken.Attachments = []mailer.Attachment{{Name: "a", Content: mailer.Opener(9, func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader("short")), nil
	})}}
	tagged := message(0)
	tagged.SendAt = tagged.Date.AddDate(2030, 0, 0)
	for _, c := range []struct {
		name  string
		ctx   context.Context
		msg   *mailer.Message
		scope mailer.Scope
		is    error
	}{
		{"invalid", t.Context(), &mailer.Message{}, mailer.ScopeCaller, mailer.ErrInvalidMessage},
		{"unsupported", t.Context(), tagged, mailer.ScopeMessage, mailer.ErrUnsupported},
		{"ctx ended", ended, message(0), mailer.ScopeCaller, context.Canceled},
		{"gate shut", mailer.WithGate(t.Context(), shut), message(0), mailer.ScopeCaller, nil},
		{"content unreadable", t.Context(), broken, mailer.ScopeCaller, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := mailertest.Recorder{Profile: mailertest.Profile{Lacks: mailer.FeatureSchedule}}
			receipt, err := r.Send(c.ctx, c.msg)
			var e *mailer.SendError
			if !errors.As(err, &e) || receipt != nil || e.Outcome != mailer.NotAccepted || e.Scope != c.scope {
				t.Errorf("receipt %v, error %v", receipt, err)
			}
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("error %v is not %v", err, c.is)
			}
			if n := len(r.Messages()); n != 0 {
				t.Errorf("it recorded %d messages", n)
			}
		})
	}
}

func TestRecorderKeepsContentInMemory(t *testing.T) {
	var r mailertest.Recorder
	m := message(0)
	m.Attachments = []mailer.Attachment{{Name: "a.txt", Content: mailer.Reader(strings.NewReader("attached"))}}
	m.Alternatives = []mailer.Alternative{{ContentType: "text/calendar", Content: mailer.Reader(strings.NewReader("calendar"))}}
	if _, err := r.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	last := r.Last()
	for range 2 {
		if a, b := text(t, last.Attachments[0].Content), text(t, last.Alternatives[0].Content); a != "attached" || b != "calendar" {
			t.Errorf("contents are %q and %q", a, b)
		}
	}
	if last.MessageID != m.MessageID {
		t.Errorf("recorded as %s, sent as %s", last.MessageID, m.MessageID)
	}
}

func text(t *testing.T, c mailer.Content) string {
	t.Helper()
	r, err := c.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestRecorderNamesItself(t *testing.T) {
	r := mailertest.Recorder{Profile: mailertest.Profile{Provider: "smtp", Name: "primary", Lacks: mailer.FeatureTags}}
	m := message(0)
	m.Tags = []string{"welcome"}
	receipt, err := r.Send(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	a := receipt.Attempts[0]
	if receipt.Provider != "smtp" || receipt.Route != "primary" || a.Provider != "smtp" || a.Route != "primary" || a.Decision != "done" {
		t.Errorf("receipt %+v", receipt)
	}
	if len(receipt.Degraded) != 1 || receipt.Degraded[0] != "tags" {
		t.Errorf("degraded %q", receipt.Degraded)
	}
}

func TestRecorderAtOnce(t *testing.T) {
	const n = 50
	var (
		r  mailertest.Recorder
		wg sync.WaitGroup
	)
	for i := range n {
		wg.Go(func() {
			if _, err := r.Send(t.Context(), message(i)); err != nil {
				t.Error(err)
			}
			_ = r.SentTo("ann@example.org")
		})
	}
	wg.Wait()
	seen := make(map[string]bool)
	for _, m := range r.Messages() {
		seen[m.MessageID] = true
	}
	if len(seen) != n {
		t.Errorf("%d messages are recorded, want %d", len(seen), n)
	}
}

func TestRecorderClosed(t *testing.T) {
	var r mailertest.Recorder
	for range 2 {
		if err := r.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if _, err := r.Send(t.Context(), message(0)); !errors.Is(err, mailer.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}
