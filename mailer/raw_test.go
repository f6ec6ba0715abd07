package mailer_test

import (
	"errors"
	"io"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

func TestRawStandsAlone(t *testing.T) {
	raw := mailer.Bytes([]byte("Subject: x\r\n\r\nbody"))
	mustPrepare(t, envelope(raw))
	for name, set := range map[string]func(*mailer.Message){
		"Subject": func(m *mailer.Message) { m.Subject = "x" },
		"Text":    func(m *mailer.Message) { m.Text = "x" },
		"HTML":    func(m *mailer.Message) { m.HTML = "x" },
		"Alternatives": func(m *mailer.Message) {
			m.Alternatives = []mailer.Alternative{{ContentType: "text/calendar", Content: raw}}
		},
		"Attachments": func(m *mailer.Message) { m.Attachments = []mailer.Attachment{{Content: raw}} },
		"Headers":     func(m *mailer.Message) { m.Headers.Add("X", "y") },
		"ReplyTo":     func(m *mailer.Message) { m.ReplyTo = m.To },
		"Sender":      func(m *mailer.Message) { m.Sender = m.From },
		"Template":    func(m *mailer.Message) { m.Template = &mailer.Template{ID: "x"} },
		"Unsubscribe": func(m *mailer.Message) { m.Unsubscribe.Mailto = "u@example.com" },
		"Priority":    func(m *mailer.Message) { m.Priority = mailer.PriorityLow },
	} {
		msg := envelope(raw)
		set(msg)
		if e := refused(t, msg); !strings.Contains(e.Error(), name+" ") {
			t.Errorf("%s: %v does not name it", name, e)
		}
	}
}

// What concerns the envelope and the provider may stand beside a raw message.
func TestRawWithOptions(t *testing.T) {
	msg := envelope(mailer.Bytes([]byte("\r\n")))
	all := full()
	msg.Cc, msg.Bcc, msg.ReturnPath, msg.MessageID, msg.IdempotencyKey = all.Cc, all.Bcc, all.ReturnPath, all.MessageID, all.IdempotencyKey
	msg.Date, msg.Delivery, msg.AllOrNone, msg.SendAt, msg.Tags = all.Date, all.Delivery, all.AllOrNone, all.SendAt, all.Tags
	msg.Metadata, msg.TrackOpens, msg.DSN, msg.ProviderOptions = all.Metadata, all.TrackOpens, all.DSN, all.ProviderOptions
	if m := mustPrepare(t, msg); len(m.Recipients()) != 3 || m.EnvelopeFrom() != "bounce@example.com" {
		t.Errorf("envelope from %q to %v", m.EnvelopeFrom(), m.Recipients())
	}
}

func TestRawMessageID(t *testing.T) {
	tests := map[string]struct{ raw, want string }{ // want "": minted
		"found":               {"Subject: x\r\nMessage-ID: <a@b>\r\n\r\nbody", "<a@b>"},
		"line feeds alone":    {"Subject: x\nMessage-ID: <a@b>\n\nbody", "<a@b>"},
		"case":                {"MESSAGE-id:<a@b>\r\n\r\n", "<a@b>"},
		"folded":              {"Message-ID:\r\n\t<a@b>\r\nSubject: x\r\n\r\n", "<a@b>"},
		"space before colon":  {"Message-ID : <a@b>\r\n\r\n", "<a@b>"},
		"no body":             {"Message-ID: <a@b>", "<a@b>"},
		"the first of two":    {"Message-ID: <a@b>\r\nMessage-ID: <c@d>\r\n\r\n", "<a@b>"},
		"none":                {"Subject: x\r\n\r\n", ""},
		"in the body":         {"Subject: x\r\n\r\nMessage-ID: <a@b>\r\n", ""},
		"within another":      {"X-Message-ID: <a@b>\r\nSubject: x\r\n Message-ID: <c@d>\r\n\r\n", ""},
		"malformed":           {"Message-ID: a b@c\r\n\r\n", ""},
		"two in one":          {"Message-ID: <a@b> <c@d>\r\n\r\n", ""},
		"empty":               {"Message-ID:\r\n\r\n", ""},
		"nothing":             {"", ""},
		"beyond 64 KiB":       {strings.Repeat("X: y\r\n", 11_000) + "Message-ID: <a@b>\r\n\r\n", ""},
		"long line before it": {"X: " + strings.Repeat("y", 70<<10) + "\r\nMessage-ID: <a@b>\r\n\r\n", ""},
		"folded a lot":        {"Message-ID:" + strings.Repeat("\r\n ", 300) + "<a@b>\r\n\r\n", "<a@b>"},
	}
	for _, name := range slices.Sorted(maps.Keys(tests)) {
		t.Run(name, func(t *testing.T) {
			tt := tests[name]
			m := mustPrepare(t, envelope(mailer.Bytes([]byte(tt.raw))))
			if tt.want == "" && !mintedID.MatchString(m.MessageID) || tt.want != "" && m.MessageID != tt.want {
				t.Errorf("got %q, want %q", m.MessageID, tt.want)
			}
			if m.IdempotencyKey != strings.Trim(m.MessageID, "<>") {
				t.Errorf("key %q of Message-ID %q", m.IdempotencyKey, m.MessageID)
			}
		})
	}
}

// The name of a message is the one it bears: a receipt must not tell of another.
func TestRawMessageIDContradicted(t *testing.T) {
	msg := envelope(mailer.Bytes([]byte("Message-ID: <a@b>\r\n\r\n")))
	msg.MessageID = "<other@b>"
	if e := refused(t, msg); !strings.Contains(e.Error(), "MessageID") {
		t.Errorf("%v does not name the field", e)
	}
	msg.MessageID = "a@b"
	if m := mustPrepare(t, msg); m.MessageID != "<a@b>" {
		t.Errorf("got %q", m.MessageID)
	}
}

// A source that is read once is not read for its Message-ID, or nothing would be left to send.
func TestRawReaderIsNotConsumed(t *testing.T) {
	const raw = "Message-ID: <a@b>\r\n\r\nbody"
	m := mustPrepare(t, envelope(mailer.Reader(strings.NewReader(raw))))
	if got := readAll(t, m.Raw); got != raw {
		t.Errorf("got %q", got)
	}
}

// Once it is spooled, its Message-ID can be read.
func TestSpooledRawMessageID(t *testing.T) {
	tempDir(t)
	s, release, err := mailer.Spool(t.Context(), envelope(mailer.Reader(strings.NewReader("Message-ID: <a@b>\r\n\r\nbody"))))
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if s.MessageID != "<a@b>" {
		t.Errorf("got %q, want the one on the wire", s.MessageID)
	}
}

func TestRawThatCannotBeOpened(t *testing.T) {
	c := mailer.Opener(10, func() (io.ReadCloser, error) { return nil, errors.New("gone") })
	if m := mustPrepare(t, envelope(c)); !mintedID.MatchString(m.MessageID) {
		t.Errorf("got %q: whether it opens is settled by the attempt", m.MessageID)
	}
}

// A header of 64 KiB is read in linear time and space, however often it is folded.
func TestRawMessageIDSpace(t *testing.T) {
	raw := mailer.Bytes([]byte("Message-ID:" + strings.Repeat("\n x", 21_000) + "\n\n"))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	mustPrepare(t, envelope(raw))
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 4<<20 {
		t.Errorf("%d bytes allocated: every folded line copies all before it", n)
	}
}

// A source is opened as seldom as can be: once for the Message-ID, not at all when it is not raw.
func TestPrepareOpensRawOnce(t *testing.T) {
	opens := 0
	raw := "Message-ID: <a@b>\r\n\r\n"
	m := mustPrepare(t, envelope(mailer.Opener(int64(len(raw)), opened(&opens, raw))))
	mustPrepare(t, m)
	if opens != 1 {
		t.Errorf("opened %d times", opens)
	}
	mustPrepare(t, attach(mailer.Opener(3, opened(&opens, "abc"))))
	if opens != 1 {
		t.Error("an attachment was opened")
	}
}

// Every attempt carries the Date of Prepare.
func TestDateIsFrozen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := mustPrepare(t, simple())
		date := m.Date
		time.Sleep(time.Hour) // virtual
		if again := mustPrepare(t, m); !again.Date.Equal(date) {
			t.Errorf("got %v, want %v", again.Date, date)
		}
		c := *m
		if again := mustPrepare(t, &c); !again.Date.Equal(date) {
			t.Errorf("a copy: got %v, want %v", again.Date, date)
		}
	})
}
