package eml_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml"
)

// corpus returns the messages of testdata/parse, written after the conventions of many programs.
func corpus(tb testing.TB) []string {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "parse", "*.eml"))
	if err != nil || len(files) < 40 {
		tb.Fatalf("%d messages, %v", len(files), err)
	}
	return files
}

// TestParseCorpus compares what is read from each message with the text beside it, which was checked by
// hand: the fields of the Message, or the reason why it is refused.
func TestParseCorpus(t *testing.T) {
	for _, file := range corpus(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			m, err := eml.Parse(mailer.File(file))
			got := describe(t, m, err)
			golden := strings.TrimSuffix(file, ".eml") + ".txt"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func describe(tb testing.TB, m *mailer.Message, err error) string {
	tb.Helper()
	var b strings.Builder
	if err != nil {
		return fmt.Sprintf("refused: %v\n", err)
	}
	line := func(name string, value any) { fmt.Fprintf(&b, "%s: %v\n", name, value) }
	lists := []struct {
		name string
		list []mailer.Address
	}{{"To", m.To}, {"Cc", m.Cc}, {"Bcc", m.Bcc}, {"ReplyTo", m.ReplyTo}}
	line("From", shownAddress(m.From))
	if m.Sender != (mailer.Address{}) {
		line("Sender", shownAddress(m.Sender))
	}
	for _, l := range lists {
		for _, a := range l.list {
			line(l.name, shownAddress(a))
		}
	}
	line("Subject", fmt.Sprintf("%q", m.Subject))
	line("Date", m.Date.Format(time.RFC3339))
	line("MessageID", m.MessageID)
	for _, f := range m.Headers {
		line("Headers", fmt.Sprintf("%s %q", f.Name, f.Value))
	}
	line("Text", shownText(m.Text))
	line("HTML", shownText(m.HTML))
	for _, a := range m.Alternatives {
		line("Alternative", a.ContentType+shownText(string(contentOf(tb, a.Content))))
	}
	for _, a := range m.Attachments {
		data := contentOf(tb, a.Content)
		line("Attachment", fmt.Sprintf("%q %s, %d bytes, sha256 %.8x", a.Name, a.ContentType, len(data), sha256.Sum256(data)))
		if a.ContentID != "" {
			line("  inline", a.ContentID)
		}
	}
	return b.String()
}

func shownAddress(a mailer.Address) string { return fmt.Sprintf("%q <%s>", a.Name, a.Address) }

// shownText is text as it stands, indented.
func shownText(s string) string {
	if s == "" {
		return "none"
	}
	var b strings.Builder
	for l := range strings.Lines(s) {
		fmt.Fprintf(&b, "\n  %q", l)
	}
	return b.String()
}

// contentOf reads c, and sees that its size was told.
func contentOf(tb testing.TB, c mailer.Content) []byte {
	tb.Helper()
	size, err := c.Size()
	if err != nil {
		tb.Fatal(err)
	}
	r, err := c.Open()
	if err != nil {
		tb.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if closeErr := r.Close(); err != nil || closeErr != nil || int64(len(data)) != size {
		tb.Fatalf("%d bytes of %d, %v, %v", len(data), size, err, closeErr)
	}
	return data
}
