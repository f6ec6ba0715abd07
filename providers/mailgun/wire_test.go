package mailgun_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml"
	"github.com/mailkeel/mailkeel/providers/mailgun"
	"github.com/mailkeel/mailkeel/providers/mailgun/mailguntest"
)

// rich has what messages tend to have, and names that are hard to write.
func rich() *mailer.Message {
	return &mailer.Message{
		From: mailer.Address{Name: `Müller, "Shop" \ Söhne`, Address: "shop@mg.example.com"},
		To: []mailer.Address{
			{Name: "Ann, of Green Gables", Address: "ann@example.com"}, {Name: "李雷", Address: "li@example.com"}, {Address: "plain@example.com"},
		},
		Cc:      []mailer.Address{{Name: `O"Brien`, Address: "ob@example.com"}, {Address: "cc@bücher.example"}},
		Bcc:     []mailer.Address{{Name: "Geheim", Address: "secret@example.com"}, {Address: "auditor@example.com"}},
		ReplyTo: []mailer.Address{{Name: "Hilfe, schnell", Address: "help@example.com"}, {Address: "desk@example.com"}},
		Subject: "Ihre Bestellung über 4711 € — 注文",
		Text:    "Grüße\n\nzweite Zeile\n", HTML: `<p>Grüße <img src="cid:logo@shop"></p>`,
		Attachments: []mailer.Attachment{
			{Name: `Rechnung "März", 2026.pdf`, Content: mailer.Bytes([]byte("%PDF\r\n--boundary\r\n\x00\xff"))},
			{Name: "納品書.csv", ContentType: "text/csv; charset=utf-8", Content: mailer.Bytes([]byte("a;b\n1;2\n"))},
			{Name: "logo.png", ContentID: "logo@shop", Content: mailer.Bytes([]byte("\x89PNG\r\n\x1a\n"))},
		},
		Headers:  mailer.Header{{Name: "X-Entity-Ref-ID", Value: "4711"}},
		Priority: mailer.PriorityHigh,
		Unsubscribe: mailer.Unsubscribe{
			URL: "https://example.com/u?id=1", Mailto: "unsubscribe@example.com", OneClick: true,
		},
		Tags: []string{"order", "test"}, Metadata: map[string]string{"customer": "4711", "note": "a=b & c"},
		TrackOpens: mailer.Off, TrackClicks: mailer.On,
	}
}

// checkRich compares what the service understood with what was said.
func checkRich(t *testing.T, m *mailer.Message, got *mailguntest.Message) {
	t.Helper()
	equal(t, "From", got.From, m.From)
	equal(t, "To", got.To, m.To)
	equal(t, "Cc", got.Cc, m.Cc)
	equal(t, "ReplyTo", got.ReplyTo, m.ReplyTo)
	equal(t, "Recipients", got.Recipients, m.Recipients())
	equal(t, "Subject", got.Subject, m.Subject)
	equal(t, "Text", strings.ReplaceAll(got.Text, "\r\n", "\n"), m.Text)
	equal(t, "HTML", strings.TrimRight(got.HTML, "\n"), m.HTML)
	equal(t, "MessageID", got.MessageID, m.MessageID)
	equal(t, "Tags", got.Tags, m.Tags)
	variables := maps.Clone(m.Metadata)
	variables["mailkeel_message_id"], variables["mailkeel_key"] = m.MessageID, m.IdempotencyKey
	variables["mailkeel_envelope"] = httpapi.EnvelopeID(m.Recipients())
	equal(t, "Variables", got.Variables, variables)
	equal(t, "Options", got.Options, map[string]string{
		"tracking-opens": "no", "tracking-clicks": "yes", "suppress-headers": "X-Mailgun-Variables",
	})
	for _, f := range []struct{ name, value string }{
		{"X-Entity-Ref-ID", "4711"}, {"X-Priority", "1"}, {"Importance", "high"}, {"Priority", "urgent"},
		{"List-Unsubscribe", "<https://example.com/u?id=1>, <mailto:unsubscribe@example.com>"},
		{"List-Unsubscribe-Post", "List-Unsubscribe=One-Click"},
	} {
		equal(t, f.name, got.Header(f.name), f.value)
	}
}

func checkFiles(t *testing.T, m *mailer.Message, got *mailguntest.Message, inlineName string) {
	t.Helper()
	var files []string
	for _, a := range slices.Concat(got.Attachments, got.Inlines) {
		files = append(files, fmt.Sprintf("%s|%s|%q", a.Name, a.ContentID, a.Data))
	}
	equal(t, "files", files, []string{
		m.Attachments[0].Name + `||"%PDF\r\n--boundary\r\n\x00\xff"`,
		m.Attachments[1].Name + `||"a;b\n1;2\n"`,
		inlineName + `|logo@shop|"\x89PNG\r\n\x1a\n"`,
	})
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func TestRoundTripMIME(t *testing.T) {
	r := newRig(t, mailguntest.Config{}, nil)
	m := prepared(t, rich())
	receipt, got := r.accepted(m)
	equal(t, "Endpoint", got.Endpoint, "messages.mime")
	checkRich(t, m, &got)
	checkFiles(t, m, &got, "logo.png")
	equal(t, "ProviderMessageID", receipt.ProviderMessageID, got.ID)
	if bytes.Contains(got.MIME, []byte("secret@")) || got.Header("Bcc") != "" {
		t.Error("the MIME shows a blind recipient")
	}
}

func TestRoundTripMessages(t *testing.T) {
	r := newRig(t, mailguntest.Config{}, nil)
	given := rich()
	given.HTML, given.Sender = "", mailer.Address{Name: "Sekretär", Address: "sec@mg.example.com"}
	given.Alternatives = []mailer.Alternative{{ContentType: "text/x-amp-html; charset=utf-8", Content: mailer.Bytes([]byte("<html ⚡4email></html>"))}}
	given.Template = &mailer.Template{ID: "welcome", Version: "v2", Data: map[string]any{"name": "Änn", "n": 3.0, "list": []any{"a", true}}}
	m := prepared(t, withOptions(given, mailgun.Options{TemplateText: true}))
	_, got := r.accepted(m)
	equal(t, "Endpoint", got.Endpoint, "messages")
	checkRich(t, m, &got)
	checkFiles(t, m, &got, "logo@shop")
	equal(t, "Bcc", got.Bcc, m.Bcc)
	equal(t, "Sender", got.Header("Sender"), `"Sekretär" <sec@mg.example.com>`)
	equal(t, "AMP", got.AMPHTML, "<html ⚡4email></html>")
	equal(t, "Template", got.Template+" "+got.TemplateVersion, "welcome v2")
	equal(t, "TemplateVariables", got.TemplateVariables, given.Template.Data)
	equal(t, "ContentType", got.Attachments[1].ContentType, "text/csv; charset=utf-8")
}

// TestGolden: the bytes posted are those of package eml, which SMTP sends as well. SMTP lets text of
// eight bits stand where the server takes it; of ASCII text the bytes are the same.
func TestGolden(t *testing.T) {
	ascii := rich()
	ascii.Text, ascii.HTML = "Dear Ann,\nthank you.\n", "<p>thank you</p>"
	raw := &mailer.Message{
		From: mailer.Address{Address: "shop@mg.example.com"}, To: []mailer.Address{{Address: "ann@example.com"}},
		Raw: mailer.Bytes([]byte("From: shop@mg.example.com\nMessage-ID: <raw@example.com>\nBcc: x@example.com\nSubject: raw\n\nGr\xfc\xdfe\n")),
	}
	for name, tt := range map[string]struct {
		m    *mailer.Message
		same []eml.Options
	}{
		"rich":  {rich(), []eml.Options{{}}},
		"ascii": {ascii, []eml.Options{{}, {EightBit: true}}},
		"raw":   {raw, []eml.Options{{EightBit: true}}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, mailguntest.Config{}, nil)
			m := prepared(t, tt.m)
			_, got := r.accepted(m)
			for _, o := range tt.same {
				body, err := eml.Render(m, o)
				if err != nil {
					t.Fatal(err)
				}
				var want bytes.Buffer
				if _, err := body.WriteTo(&want); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got.MIME, want.Bytes()) {
					t.Errorf("%+v: got\n%q\nwant\n%q", o, got.MIME, want.Bytes())
				}
			}
		})
	}
}

// TestSameBytes: every attempt with a prepared message is the same request, but for the form's boundary.
func TestSameBytes(t *testing.T) {
	r := newRig(t, mailguntest.Config{}, nil)
	m := prepared(t, rich())
	r.accepted(m)
	r.accepted(m)
	requests := r.server.Requests()
	for i := range requests {
		_, boundary, _ := strings.Cut(requests[i].Header.Get("Content-Type"), "boundary=")
		requests[i].Body = bytes.ReplaceAll(requests[i].Body, []byte(boundary), []byte("b"))
	}
	if len(requests) != 2 || !bytes.Equal(requests[0].Body, requests[1].Body) {
		t.Errorf("two attempts are %d requests that differ", len(requests))
	}
}

func TestBatch(t *testing.T) {
	r := newRig(t, mailguntest.Config{}, nil)
	m := simple()
	m.To = []mailer.Address{{Name: "Ann", Address: "ann@example.com"}, {Address: "bob@bücher.example"}, {Address: "cid@example.com"}}
	m.Text, m.HTML = "Dear %recipient.name%", "<p>Dear %recipient.name%"
	_, got := r.accepted(withOptions(m, mailgun.Options{RecipientVariables: map[string]map[string]any{
		"ann@EXAMPLE.com": {"name": "Ann"}, "bob@bücher.example": {"name": "Böb", "id": 2.0},
	}}))
	equal(t, "Endpoint", got.Endpoint, "messages")
	equal(t, "HTML", got.HTML, m.HTML)
	equal(t, "RecipientVariables", got.RecipientVariables, map[string]map[string]any{
		"ann@example.com": {"name": "Ann"}, "bob@xn--bcher-kva.example": {"name": "Böb", "id": 2.0}, "cid@example.com": {},
	})
}

func TestDegraded(t *testing.T) {
	ask := func(m *mailer.Message) {
		m.Tags = []string{"one", "täg", strings.Repeat("x", 129), "two", "three", "four"}
		m.Metadata = map[string]string{"plain": "1", `quo"te`: "2"}
	}
	r := newRig(t, mailguntest.Config{MaxTags: 3}, func(c *mailgun.Config) { c.MaxTags = 3 })
	m := simple()
	ask(m)
	receipt, got := r.accepted(m)
	equal(t, "Degraded", receipt.Degraded, []string{"tags", "metadata"})
	equal(t, "Tags", got.Tags, []string{"one", "two", "three"})
	equal(t, "Variables", len(got.Variables), 4)

	strict := newRig(t, mailguntest.Config{}, func(c *mailgun.Config) { c.Strict = true })
	_, err := strict.client.Send(strict.context(), m)
	badForUs.check(t, nil, err)
	if !errors.Is(err, mailer.ErrUnsupported) || strict.server.Stats().Requests != 0 {
		t.Errorf("strict: got %v and %d requests", err, strict.server.Stats().Requests)
	}
}

// TestUnsupported: what cannot be carried is refused before anything is sent.
func TestUnsupported(t *testing.T) {
	template := func(m *mailer.Message) { m.Template = &mailer.Template{ID: "welcome"} }
	batch := mailgun.Options{RecipientVariables: map[string]map[string]any{}}
	for name, tt := range map[string]struct {
		o      mailgun.Options
		change func(*mailer.Message)
	}{
		"return path":          {change: func(m *mailer.Message) { m.ReturnPath = "b@example.com" }},
		"author outside ASCII": {change: func(m *mailer.Message) { m.From.Address = "jürgen@mg.example.com" }},
		"too far ahead":        {change: func(m *mailer.Message) { m.SendAt = time.Now().Add(73 * time.Hour) }},
		"reserved metadata":    {change: func(m *mailer.Message) { m.Metadata = map[string]string{"mailkeel_key": "x"} }},
		"other options":        {change: func(m *mailer.Message) { m.ProviderOptions = map[string]any{"mailgun": map[string]any{}} }},
		"16 KB of metadata":    {change: func(m *mailer.Message) { m.Metadata = fourTimes(strings.Repeat("x", 4<<10)) }},
		"16 KB of template data": {change: func(m *mailer.Message) {
			template(m)
			m.Template.Data = map[string]any{"x": strings.Repeat("x", 16<<10)}
		}},
		"template and HTML":  {change: func(m *mailer.Message) { template(m); m.HTML = "<p>" }},
		"template to nobody": {change: func(m *mailer.Message) { template(m); m.Cc, m.To = m.To, nil }},
		"template and calendar": {change: func(m *mailer.Message) {
			template(m)
			m.Alternatives = []mailer.Alternative{{ContentType: "text/calendar", Content: mailer.Bytes(nil)}}
		}},
		"template and AMP in latin1": {change: func(m *mailer.Message) {
			template(m)
			m.Alternatives = []mailer.Alternative{{ContentType: "text/x-amp-html; charset=iso-8859-1", Content: mailer.Bytes(nil)}}
		}},
		"template and fields twice": {change: func(m *mailer.Message) {
			template(m)
			m.Headers = mailer.Header{{Name: "X-A", Value: "1"}, {Name: "x-a", Value: "2"}}
		}},
		"template and quoted field": {change: func(m *mailer.Message) { template(m); m.Headers = mailer.Header{{Name: `X-"A"`, Value: "1"}} }},
		"template and cid as a path": {change: func(m *mailer.Message) {
			template(m)
			m.Attachments = []mailer.Attachment{{ContentID: "a/b", Content: mailer.Bytes(nil)}}
		}},
		"text of no template":        {o: mailgun.Options{TemplateText: true}},
		"text of no template, batch": {o: mailgun.Options{TemplateText: true, RecipientVariables: batch.RecipientVariables}},
		"batch with Cc":              {o: batch, change: func(m *mailer.Message) { m.Cc = []mailer.Address{{Address: "c@example.com"}} }},
		"batch with Bcc":             {o: batch, change: func(m *mailer.Message) { m.Bcc = []mailer.Address{{Address: "c@example.com"}} }},
		"batch without a body":       {o: batch, change: func(m *mailer.Message) { m.Text = "" }},
		"batch of a raw message":     {o: batch, change: func(m *mailer.Message) { m.Raw, m.Subject, m.Text = mailer.Bytes([]byte("A: b\n\n")), "", "" }},
		"batch, not a recipient":     {o: mailgun.Options{RecipientVariables: map[string]map[string]any{"x@example.com": {}}}},
		"batch, not an address":      {o: mailgun.Options{RecipientVariables: map[string]map[string]any{"x": {}}}},
		"batch, one address twice":   {o: mailgun.Options{RecipientVariables: map[string]map[string]any{"ann@example.com": {"a": 1}, "ann@EXAMPLE.com": {"a": 2}}}},
		"deliver within":             {o: mailgun.Options{DeliverWithin: time.Minute}},
		"deliver within, seconds":    {o: mailgun.Options{DeliverWithin: 6*time.Minute + time.Second}},
		"optimize period":            {o: mailgun.Options{DeliveryTimeOptimizePeriod: 25*time.Hour + 1}},
		"time zone":                  {o: mailgun.Options{TimeZoneLocalize: "3 o'clock"}},
		"secondary DKIM":             {o: mailgun.Options{SecondaryDKIM: "example.com"}},
		"public DKIM alone":          {o: mailgun.Options{SecondaryDKIMPublic: "example.com/s1"}},
		"archive":                    {o: mailgun.Options{ArchiveTo: "ftp://example.com"}},
		"switch":                     {o: mailgun.Options{DKIM: 7}},
		"raw with 8-bit header": {change: func(m *mailer.Message) {
			m.Raw, m.Subject, m.Text = mailer.Bytes([]byte("Subject: \xc3\xbc\n\n")), "", ""
		}},
		"25 MiB": {change: func(m *mailer.Message) { m.Text = strings.Repeat("x", 60) + strings.Repeat("\n", 13<<20) }},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, mailguntest.Config{}, nil)
			m := withOptions(simple(), tt.o)
			if tt.change != nil {
				tt.change(m)
			}
			_, err := r.client.Send(r.context(), m)
			if badForUs.check(t, nil, err); !errors.Is(err, mailer.ErrUnsupported) {
				t.Errorf("got %v", err)
			}
			if n := r.server.Stats().Conns; n != 0 {
				t.Errorf("%d connections were made", n)
			}
		})
	}
}

// TestTooLarge: where the message is not limited, the request is.
func TestTooLarge(t *testing.T) {
	r := newRig(t, mailguntest.Config{}, func(c *mailgun.Config) { c.MaxMessageBytes = -1 })
	m := simple()
	m.Raw, m.Subject, m.Text = mailer.Bytes([]byte("Subject: large\n"+strings.Repeat("\n", 27<<20))), "", ""
	if _, err := r.client.Send(r.context(), m); !errors.Is(err, mailer.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
	if got := r.client.Capabilities().MaxMessageBytes; got != 0 {
		t.Errorf("MaxMessageBytes: got %d", got)
	}
}

// TestSourceGone: where a file lies is not told.
func TestSourceGone(t *testing.T) {
	for _, template := range []*mailer.Template{nil, {ID: "welcome"}} {
		path := filepath.Join(t.TempDir(), "hidden.bin")
		if err := os.WriteFile(path, []byte("123"), 0o600); err != nil {
			t.Fatal(err)
		}
		r := newRig(t, mailguntest.Config{}, nil)
		m := simple()
		m.Template, m.Attachments = template, []mailer.Attachment{{Content: mailer.File(path)}}
		m = prepared(t, m)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		_, err := r.client.Send(r.context(), m)
		verdict{outcome: mailer.NotAccepted, scope: mailer.ScopeCaller, is: os.ErrNotExist}.check(t, nil, err)
		if strings.Contains(err.Error(), "hidden") {
			t.Errorf("got %v", err)
		}
	}
}

func fourTimes(value string) map[string]string {
	return map[string]string{"a": value, "b": value, "c": value, "d": value}
}

// TestTraps are the things that Mailgun does in silence.
func TestTraps(t *testing.T) {
	r := newRig(t, mailguntest.Config{}, nil)
	m := simple()
	m.Template, m.Subject, m.Text = &mailer.Template{ID: "welcome"}, "", ""
	m.Attachments = []mailer.Attachment{
		{Content: mailer.Bytes([]byte("nameless"))}, {ContentID: "pic", Name: "photo.jpg", Content: mailer.Bytes([]byte("jpg"))},
	}
	_, got := r.accepted(m)
	equal(t, "nameless", got.Attachments[0].Name, "attachment1")
	equal(t, "inline", got.Inlines[0].ContentID, "pic")
	if bytes.Contains(r.server.Requests()[0].Body, []byte(`name="subject"`)) {
		t.Error("the empty subject overrules that of the template")
	}
	past := simple()
	past.SendAt = time.Now().Add(-time.Minute)
	if _, got := r.accepted(past); got.Options["deliverytime"] != "" {
		t.Errorf("a time that has passed is sent: %q", got.Options["deliverytime"])
	}
	if _, got := r.accepted(withOptions(simple(), mailgun.Options{ShowVariables: true})); got.Options != nil {
		t.Errorf("got options %q", got.Options)
	}
}

// TestSourceFails: a source that fails or has another size ends the request before its end.
func TestSourceFails(t *testing.T) {
	for name, content := range map[string]mailer.Content{
		"fewer bytes": changed(10, "123"), "more bytes": changed(3, "1234567890"), "fails": failing(10),
	} {
		for _, template := range []*mailer.Template{nil, {ID: "welcome"}} {
			t.Run(fmt.Sprintf("%s/template %t", name, template != nil), func(t *testing.T) {
				r := newRig(t, mailguntest.Config{}, nil)
				m := simple()
				m.Template = template
				m.Attachments = []mailer.Attachment{{Name: "a.bin", Content: content}}
				_, err := r.client.Send(r.context(), m)
				verdict{outcome: mailer.NotAccepted, scope: mailer.ScopeCaller, is: eml.ErrSource}.check(t, nil, err)
				if got := len(r.held()); got != 0 || r.server.Stats().Whole != 0 {
					t.Errorf("the server holds %d copies", got)
				}
			})
		}
	}
}
