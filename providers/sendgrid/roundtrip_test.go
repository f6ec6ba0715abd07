package sendgrid_test

import (
	"bytes"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/sendgrid"
	"github.com/mailkeel/mailkeel/providers/sendgrid/sendgridtest"
)

// rich is a message with everything that SendGrid can carry at once.
func rich() *mailer.Message {
	address := func(name, spec string) mailer.Address { return mailer.Address{Name: name, Address: spec} }
	return &mailer.Message{
		From:    address("Jürgen, der “Händler”", "shop@example.com"),
		To:      []mailer.Address{address("Doe, Jane", "jane@example.com"), address("李四", "li@example.com"), address(`Ann "A; B" \C`, "ann@example.com")},
		Cc:      []mailer.Address{address("Émile Zola; père", "emile@example.com"), address("", "plain@example.com")},
		Bcc:     []mailer.Address{address("Никто", "nobody@bücher.example"), address("x, y", "xy@example.com")},
		ReplyTo: []mailer.Address{address("Müller, Antworten", "reply@example.com"), address("", "second@example.com")},
		Subject: "Grüße & <Küsse> 🎉", Text: "Guten Tag,\n\"Zitat\" \\ \u2028 <b>\n", HTML: `<p>Ä&amp;Ö <img src="cid:logo@shop"></p>`,
		Alternatives: []mailer.Alternative{{ContentType: "text/x-amp-html", Content: mailer.Bytes([]byte("<html ⚡4email></html>"))}},
		Attachments: []mailer.Attachment{
			{Name: "Übersicht 2026.pdf", Content: mailer.Bytes(bytes.Repeat([]byte{0, 1, 2, 0xff}, 50_000))},
			{Name: "logo.png", ContentID: "logo@shop", Content: mailer.Bytes([]byte("\x89PNG\r\n\x1a\n"))},
			{Name: "data.csv", ContentType: "text/csv; charset=utf-8", Content: mailer.Bytes([]byte("a;b\n"))},
		},
		Headers: mailer.Header{{Name: "In-Reply-To", Value: "<0@example.com>"}, {Name: "X-Note", Value: "Grüße"}},
		Tags:    []string{"order", "de"}, Metadata: map[string]string{"order": "4711", "größe": "„XL“"},
		TrackOpens: mailer.Off, TrackClicks: mailer.On, Priority: mailer.PriorityHigh,
		Unsubscribe: mailer.Unsubscribe{URL: "https://example.com/u", OneClick: true},
		SendAt:      time.Now().Add(time.Hour).Truncate(time.Second),
	}
}

// TestRoundTrip: what the service holds is what was sent, in every part.
func TestRoundTrip(t *testing.T) {
	server, client := start(t, sendgridtest.Config{}, nil)
	m := prepared(t, rich())
	receipt, err := client.Send(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	held := server.Messages()
	if len(held) != 1 || receipt.ProviderMessageID != held[0].ID || len(receipt.Degraded) != 0 {
		t.Fatalf("got %d messages and %+v", len(held), receipt)
	}
	got := held[0]
	same := func(what string, got, want any) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s\ngot  %+v\nwant %+v", what, got, want)
		}
	}
	same("From", got.From, sendgridtest.Address{Name: m.From.Name, Email: m.From.Address})
	same("To", got.To, heldAddresses(m.To))
	same("Cc", got.Cc, heldAddresses(m.Cc))
	same("Bcc", got.Bcc, heldAddresses(m.Bcc))
	same("ReplyTo", got.ReplyTo, heldAddresses(m.ReplyTo))
	same("Subject", got.Subject, m.Subject)
	same("Contents", got.Contents, []sendgridtest.Content{
		{Type: "text/plain", Value: strings.ReplaceAll(m.Text, "\n", "\r\n")}, {Type: "text/html", Value: m.HTML}, {Type: "text/x-amp-html", Value: "<html ⚡4email></html>"},
	})
	same("Attachments", got.Attachments, []sendgridtest.Attachment{
		{Filename: "Übersicht 2026.pdf", Type: "application/pdf", Disposition: "attachment", Content: bytes.Repeat([]byte{0, 1, 2, 0xff}, 50_000)},
		{Filename: "logo.png", Type: "image/png", Disposition: "inline", ContentID: "logo@shop", Content: []byte("\x89PNG\r\n\x1a\n")},
		{Filename: "data.csv", Type: "text/csv", Disposition: "attachment", Content: []byte("a;b\n")},
	})
	same("Headers", got.Headers, map[string]string{
		"Message-ID": m.MessageID, "In-Reply-To": "<0@example.com>", "X-Note": "Grüße", "X-Priority": "1", "Importance": "high", "Priority": "urgent",
		"List-Unsubscribe": "<https://example.com/u>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
	})
	same("Categories", got.Categories, m.Tags)
	args := maps.Clone(m.Metadata)
	args["mailkeel_message_id"], args["mailkeel_key"] = m.MessageID, m.IdempotencyKey
	args["mailkeel_envelope"] = httpapi.EnvelopeID(m.Recipients())
	same("CustomArgs", got.CustomArgs, args)
	same("SendAt", got.SendAt.Unix(), m.SendAt.Unix())
}

func heldAddresses(list []mailer.Address) (held []sendgridtest.Address) {
	for _, a := range list {
		held = append(held, sendgridtest.Address{Name: a.Name, Email: a.Address})
	}
	return held
}

// TestSandbox: a message that was only checked is accepted, without a name, and not sent.
func TestSandbox(t *testing.T) {
	for name, c := range map[string]struct {
		cfg func(*sendgrid.Config)
		msg func(*mailer.Message)
	}{
		"config": {func(c *sendgrid.Config) { c.Sandbox = true }, func(*mailer.Message) {}},
		"options": {nil, func(m *mailer.Message) {
			m.ProviderOptions = map[string]any{"sendgrid": sendgrid.Options{Sandbox: true}}
		}},
	} {
		server, client := start(t, sendgridtest.Config{}, c.cfg)
		m := simple()
		c.msg(m)
		receipt, err := client.Send(t.Context(), m)
		if err != nil || receipt.ProviderMessageID != "" || len(server.Messages()) != 0 || len(server.Sandboxed()) != 1 {
			t.Errorf("%s: got %+v, %v; sent %d, checked %d", name, receipt, err, len(server.Messages()), len(server.Sandboxed()))
		}
	}
}

// TestDegraded: tags that cannot all be carried are named, and refused with Strict.
func TestDegraded(t *testing.T) {
	m := simple()
	m.Tags, m.DSN = []string{"a", "ü"}, mailer.DSN{Notify: mailer.NotifyFailure}
	server, client := start(t, sendgridtest.Config{}, nil)
	receipt, err := client.Send(t.Context(), m)
	if err != nil || !slices.Equal(receipt.Degraded, []string{"dsn", "tags"}) || !slices.Equal(server.Messages()[0].Categories, []string{"a"}) {
		t.Errorf("got %+v, %v", receipt, err)
	}
}

// TestConcurrent: a thousand messages at once over one client arrive, each once, with what
// belongs to it.
func TestConcurrent(t *testing.T) {
	const messages = 1000
	server, client := start(t, sendgridtest.Config{}, nil)
	var all sync.WaitGroup
	for i := range messages {
		all.Go(func() {
			if _, err := client.Send(t.Context(), numbered(i)); err != nil {
				t.Errorf("message %d: %v", i, err)
			}
		})
	}
	all.Wait()
	seen := make(map[string]bool)
	for _, m := range server.Messages() {
		var i int
		if _, err := fmt.Sscanf(m.Subject, "message %d", &i); err != nil || seen[m.Subject] {
			t.Fatalf("got %q, twice: %t", m.Subject, seen[m.Subject])
		}
		seen[m.Subject] = true
		want := numbered(i)
		content, attached := want.Text, fmt.Sprintf("file %d", i)
		if m.To[0].Email != want.To[0].Address || m.Contents[0].Value != content || m.CustomArgs["n"] != want.Metadata["n"] ||
			(len(m.Attachments) == 1) != (i%3 == 0) || i%3 == 0 && string(m.Attachments[0].Content) != attached {
			t.Fatalf("message %d came as %+v", i, m)
		}
	}
	if len(seen) != messages || server.Stats().Conns > 32 {
		t.Errorf("got %d messages over %d connections, want %d over at most 32", len(seen), server.Stats().Conns, messages)
	}
}

func numbered(i int) *mailer.Message {
	m := simple()
	m.Subject, m.Text = fmt.Sprintf("message %d", i), fmt.Sprintf("text of message %d", i)
	m.To[0].Address = fmt.Sprintf("ann%d@example.com", i)
	m.Metadata = map[string]string{"n": fmt.Sprint(i)}
	if i%3 == 0 {
		m.Attachments = []mailer.Attachment{{Name: "a.txt", Content: mailer.Bytes(fmt.Appendf(nil, "file %d", i))}}
	}
	return m
}
