package acs

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
)

// given is a Config for New, which change may change.
func given(change func(*Config)) Config {
	cfg := Config{Endpoint: "https://" + vectorHost, Key: mailer.NewSecret(vectorKey)}
	if change != nil {
		change(&cfg)
	}
	return cfg
}

// configured is that with its defaults.
func configured(t testing.TB, change func(*Config)) *Config {
	t.Helper()
	cfg, err := given(change).withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	return &cfg
}

// encoded prepares a message that change has changed, and encodes it.
func encoded(t testing.TB, cfg *Config, change func(*mailer.Message)) ([]byte, error) {
	t.Helper()
	m := &mailer.Message{
		From: mailer.Address{Address: "shop@example.com"}, To: list("ann@example.org"),
		Subject: "Your order", Text: "Thanks", MessageID: "<1@example.com>",
	}
	if change != nil {
		change(m)
	}
	m, err := mailer.Prepare(m)
	if err != nil {
		t.Fatal(err)
	}
	b, err := encode(m, cfg)
	if err != nil {
		return nil, err
	}
	defer b.Release()
	return whole(t, b), nil
}

// whole reads b as a signature does, and again as the sending does.
func whole(t testing.TB, b *body) []byte {
	t.Helper()
	signed, err := io.ReadAll(b.reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.reader.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	sent, err := io.ReadAll(b.reader)
	if err != nil || !bytes.Equal(sent, signed) || int64(len(sent)) != b.Size() {
		t.Fatalf("signed %d bytes, sent %d of %d: %v", len(signed), len(sent), b.Size(), err)
	}
	return sent
}

// at returns what stands in a JSON text at a path such as "recipients.to.0", in the compact
// form; empty where there is nothing.
func at(t testing.TB, text []byte, path string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	for step := range strings.SplitSeq(path, ".") {
		switch parent := v.(type) {
		case map[string]any:
			v = parent[step]
		case []any:
			var i int
			if _, err := fmt.Sscan(step, &i); err != nil || i >= len(parent) {
				return ""
			}
			v = parent[i]
		}
	}
	if v == nil {
		return ""
	}
	var compact bytes.Buffer
	e := json.NewEncoder(&compact)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(compact.String())
}

func list(addresses ...string) (all []mailer.Address) {
	for _, s := range addresses {
		all = append(all, mailer.Address{Address: s})
	}
	return all
}

func named(name, address string) []mailer.Address {
	return []mailer.Address{{Name: name, Address: address}}
}

func file(name, contentType, id string) mailer.Attachment {
	return mailer.Attachment{Name: name, ContentType: contentType, ContentID: id, Content: mailer.Bytes([]byte("file"))}
}

func files(all ...mailer.Attachment) func(*mailer.Message) {
	return func(m *mailer.Message) { m.Attachments = all }
}

// TestGolden: whole requests, in which nothing stands that was not asked for.
func TestGolden(t *testing.T) {
	for _, c := range []struct {
		name   string
		cfg    func(*Config)
		change func(*mailer.Message)
		want   string
	}{
		{"plain", nil, nil, `{"senderAddress":"shop@example.com","content":{"subject":"Your order","plainText":"Thanks"},` +
			`"recipients":{"to":[{"address":"ann@example.org"}]},"headers":{"Message-ID":"<1@example.com>"}}`},
		{"all", func(c *Config) { c.GuardMessageID = true }, func(m *mailer.Message) {
			m.From.Name, m.HTML, m.Subject = "Shop", "<b>Thanks</b>\n", `"Grüße" & <b>`
			m.Cc, m.Bcc, m.ReplyTo = named("Bob", "bob@example.org"), list("eve@example.org"), named("Help, please", "help@example.com")
			m.Attachments = []mailer.Attachment{file("bill.pdf", "", ""), file("logo.png", "", "logo@shop")}
			m.Headers, m.TrackOpens = mailer.Header{{Name: "X-Order", Value: "4711"}}, mailer.Off
		}, `{"senderAddress":"shop@example.com","content":{"subject":"\"Grüße\" & <b>","plainText":"Thanks","html":"<b>Thanks</b>\r\n"},` +
			`"recipients":{"to":[{"address":"ann@example.org"}],"cc":[{"address":"bob@example.org","displayName":"Bob"}],"bcc":[{"address":"eve@example.org"}]},` +
			`"replyTo":[{"address":"help@example.com","displayName":"Help, please"}],` +
			`"attachments":[{"name":"bill.pdf","contentType":"application/pdf","contentInBase64":"ZmlsZQ=="},` +
			`{"name":"logo.png","contentType":"image/png","contentInBase64":"ZmlsZQ==","contentId":"logo@shop"}],` +
			`"headers":{"Message-ID":"<1@example.com>","x-ms-acsemail-validate-message-id":"true","X-Order":"4711"},` +
			`"userEngagementTrackingDisabled":true}`},
		{"the old version", func(c *Config) { c.APIVersion = oldVersion }, files(file("a.txt", "", "")),
			`{"senderAddress":"shop@example.com","content":{"subject":"Your order","plainText":"Thanks"},` +
				`"recipients":{"to":[{"address":"ann@example.org"}]},` +
				`"attachments":[{"name":"a.txt","contentType":"text/plain","contentInBase64":"ZmlsZQ=="}],` +
				`"headers":{"Message-ID":"<1@example.com>"}}`},
	} {
		got, err := encoded(t, configured(t, c.cfg), c.change)
		if string(got) != c.want || err != nil {
			t.Errorf("%s\ngot  %s, %v\nwant %s", c.name, got, err, c.want)
		}
	}
}

// TestFields: everything that a message can say stands where the service wants it.
func TestFields(t *testing.T) {
	anyType := func(c *Config) { c.AnyAttachmentType = true }
	for _, c := range []struct {
		name, path, want string
		cfg              func(*Config)
		change           func(*mailer.Message)
	}{
		{"from without its name", "senderAddress", `"shop@example.com"`, nil, func(m *mailer.Message) { m.From.Name = "The Shop" }},
		{"unicode domain", "recipients.to", `[{"address":"ann@xn--bcher-kva.example"}]`, nil, func(m *mailer.Message) { m.To = list("ann@bücher.example") }},
		{"to", "recipients.to", `[{"address":"ann@example.org"},{"address":"bob@example.org","displayName":"李四"}]`, nil, func(m *mailer.Message) { m.To = append(m.To, named("李四", "bob@example.org")...) }},
		{"cc", "recipients.cc", `[{"address":"bob@example.org"}]`, nil, func(m *mailer.Message) { m.Cc = list("bob@example.org") }},
		{"bcc", "recipients.bcc", `[{"address":"bob@example.org"}]`, nil, func(m *mailer.Message) { m.Bcc = list("bob@example.org") }},
		{"comma", "recipients.to.0.displayName", `"Doe, Jane"`, nil, func(m *mailer.Message) { m.To = named("Doe, Jane", "ann@example.org") }},
		{"quotes", "recipients.to.0.displayName", `"Ann \"A; B\" \\C <x>"`, nil, func(m *mailer.Message) { m.To = named(`Ann "A; B" \C <x>`, "ann@example.org") }},
		{"twice in one list", "recipients.to", `[{"address":"ann@example.org"}]`, nil, func(m *mailer.Message) { m.To = list("ann@example.org", "ann@EXAMPLE.org") }},
		{"twice in two lists", "recipients.cc", `[{"address":"bob@example.org"}]`, nil, func(m *mailer.Message) { m.Cc = list("ann@Example.org", "bob@example.org") }},
		{"local parts that differ", "recipients", `{"bcc":[{"address":"aNN@example.org"}],"cc":[{"address":"ANN@example.org"}],"to":[{"address":"ann@example.org"},{"address":"Ann@example.org"}]}`, nil, func(m *mailer.Message) {
			m.To, m.Cc, m.Bcc = list("ann@example.org", "Ann@example.org", "ann@EXAMPLE.org"), list("Ann@example.org", "ANN@example.org"), list("ann@example.org", "aNN@example.org")
		}},
		{"reply-to", "replyTo", `[{"address":"r@example.com","displayName":"R, S"},{"address":"s@example.com"}]`, nil, func(m *mailer.Message) {
			m.ReplyTo = append(named("R, S", "r@example.com"), list("s@example.com")...)
		}},
		{"line ends", "content", `{"html":"\r\n<b>\r\n","plainText":"\r\na\r\n\r\nb\r\n\r\n\r\n\"c\\\r\n","subject":"Your order"}`, nil, func(m *mailer.Message) {
			m.Text, m.HTML = "\ra\n\rb\r\n\n\r\"c\\\r\n", "\n<b>\r"
		}},
		{"only HTML", "content", `{"html":"<b>","subject":"Your order"}`, nil, func(m *mailer.Message) { m.Text, m.HTML = "", "<b>" }},
		{"type with name and charset", "attachments.0.contentType", `"text/csv"`, nil, files(file("a.csv", `Text/CSV; name="a.csv"; charset=UTF-8`, ""))},
		{"type by another name", "attachments.0.contentType", `"application/zip"`, nil, files(file("a.zip", "application/x-zip-compressed", ""))},
		{"file name in the type", "attachments.0.name", `"Vertrag ü.pdf"`, nil, files(file("", "application/pdf; name*=utf-8''Vertrag%20%C3%BC.pdf", ""))},
		{"unicode file name", "attachments.0.name", `"Übersicht 李.pdf"`, nil, files(file("Übersicht 李.pdf", "", ""))},
		{"any type", "attachments.0.contentType", `"application/x-msdownload"`, anyType, files(file("a.exe", "application/x-msdownload", ""))},
		{"inline", "attachments.0.contentId", `"logo@x"`, nil, files(file("l.png", "", "logo@x"))},
		{"header fields", "headers", `{"In-Reply-To":"<0@x>","Message-ID":"<1@example.com>","X-A":"Grüße <&>"}`, nil, func(m *mailer.Message) {
			m.Headers = mailer.Header{{Name: "In-Reply-To", Value: "<0@x>"}, {Name: "X-A", Value: "Grüße <&>"}}
		}},
		{"an empty header field", "headers.X-A", `""`, nil, func(m *mailer.Message) { m.Headers = mailer.Header{{Name: "X-A"}} }},
		{"priority", "headers", `{"Importance":"high","Message-ID":"<1@example.com>","Priority":"urgent","X-Priority":"1"}`, nil, func(m *mailer.Message) { m.Priority = mailer.PriorityHigh }},
		{"unsubscribe", "headers.List-Unsubscribe", `"<https://example.com/u>, <mailto:u@example.com>"`, nil, func(m *mailer.Message) {
			m.Unsubscribe = mailer.Unsubscribe{URL: "https://example.com/u", Mailto: "u@example.com"}
		}},
		{"one click", "headers.List-Unsubscribe-Post", `"List-Unsubscribe=One-Click"`, nil, func(m *mailer.Message) {
			m.Unsubscribe = mailer.Unsubscribe{URL: "https://example.com/u", OneClick: true}
		}},
		{"guard", "headers." + guardField, `"true"`, func(c *Config) { c.GuardMessageID = true }, nil},
		{"no guard", "headers." + guardField, ``, nil, nil},
		{"opens not tracked", "userEngagementTrackingDisabled", `true`, nil, func(m *mailer.Message) { m.TrackOpens = mailer.Off }},
		{"clicks not tracked", "userEngagementTrackingDisabled", `true`, nil, func(m *mailer.Message) { m.TrackOpens, m.TrackClicks = mailer.On, mailer.Off }},
		{"tracked", "userEngagementTrackingDisabled", ``, nil, func(m *mailer.Message) { m.TrackOpens, m.TrackClicks = mailer.On, mailer.On }},
	} {
		t.Run(c.name, func(t *testing.T) {
			text, err := encoded(t, configured(t, c.cfg), c.change)
			if err != nil {
				t.Fatal(err)
			}
			if got := at(t, text, c.path); got != c.want {
				t.Errorf("%s\ngot  %s\nwant %s", c.path, got, c.want)
			}
		})
	}
}

// TestEmptiedList: a list of which all recipients stand before is not there.
func TestEmptiedList(t *testing.T) {
	text, err := encoded(t, configured(t, nil), func(m *mailer.Message) { m.Cc, m.Bcc = m.To, m.To })
	if got := at(t, text, "recipients"); got != `{"to":[{"address":"ann@example.org"}]}` || err != nil {
		t.Errorf("got %s, %v", got, err)
	}
}

// TestManyRecipients: as many as may be, each named twice, are as many.
func TestManyRecipients(t *testing.T) {
	text, err := encoded(t, configured(t, nil), func(m *mailer.Message) {
		m.To = nil
		for i := range 25 {
			m.To = append(m.To, list(fmt.Sprintf("r%d@example.com", i))...)
			m.Cc = append(m.Cc, list(fmt.Sprintf("r%d@Example.com", i+12))...)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if to, cc := strings.Count(at(t, text, "recipients.to"), "@"), strings.Count(at(t, text, "recipients.cc"), "@"); to != 25 || cc != 12 {
		t.Errorf("got %d and %d recipients, want 25 and 12", to, cc)
	}
}

// TestReuse: nothing of a message shows in the next that has its memory.
func TestReuse(t *testing.T) {
	cfg := configured(t, nil)
	plain, err := encoded(t, cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		_, err := encoded(t, configured(t, func(c *Config) { c.GuardMessageID = true }), func(m *mailer.Message) {
			m.Cc, m.Bcc, m.ReplyTo = list("b@example.com"), list("c@example.com"), list("d@example.com", "e@example.com")
			m.Headers, m.HTML, m.TrackClicks = mailer.Header{{Name: "X-A", Value: "1"}}, "<b>", mailer.Off
			m.Attachments = []mailer.Attachment{file("a.txt", "", ""), file("b.txt", "", "b")}
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = encoded(t, cfg, files(file("a.txt", "", ""), file("b.exe", "", "")))
		if !errors.Is(err, mailer.ErrUnsupported) { // given up in the middle
			t.Fatal(err)
		}
		if again, err := encoded(t, cfg, nil); err != nil || !bytes.Equal(again, plain) {
			t.Fatalf("got  %s, %v\nwant %s", again, err, plain)
		}
	}
}

// TestMemory: an attachment of 7 MB costs no more than the buffers, to sign and to send.
func TestMemory(t *testing.T) {
	cfg := configured(t, nil)
	m, err := mailer.Prepare(&mailer.Message{
		From: list("a@example.com")[0], To: list("b@example.com"), Subject: "s", Text: "t",
		Attachments: []mailer.Attachment{{Name: "a.txt", Content: mailer.Bytes(make([]byte, 7<<20))}},
	})
	if err != nil {
		t.Fatal(err)
	}
	block, least := make([]byte, 32<<10), uint64(math.MaxUint64) // others may allocate meanwhile, and some things are made once
	for range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		b, err := encode(m, cfg)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := b.reader.Seek(0, io.SeekStart); err != nil {
				t.Fatal(err)
			}
			for err == nil {
				_, err = b.reader.Read(block)
			}
			if err != io.EOF {
				t.Fatal(err)
			}
		}
		b.Release()
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	if least > 100_000 {
		t.Errorf("%d bytes were allocated for 7 MB, want at most 100,000", least)
	}
}

// email is EmailMessage of the API's description.
type email struct {
	SenderAddress string
	Content       struct{ Subject, PlainText, HTML string }
	Recipients    struct {
		To, Cc, Bcc []struct{ Address, DisplayName string }
	}
	Attachments []struct{ Name, ContentType, ContentInBase64, ContentID string }
	Headers     map[string]string
}

// crlf returns s with every line end as CRLF.
func crlf(s string) string {
	return strings.NewReplacer("\r\n", "\r\n", "\r", "\r\n", "\n", "\r\n").Replace(s)
}

// FuzzEncode: whatever Prepare takes is a request that says the same to encoding/json.
func FuzzEncode(f *testing.F) {
	f.Add("Doe, Jane", "Subject", "text", "value", "a.txt")
	f.Add("\"\\\"", "\u2028\u2029", "<script>&\x7f", "\t=?utf-8?q?x?=", "ü{}[]\"\\.pdf")
	f.Add("\u202e", "\\u0041", "\\\"},{\"address\":\"x@y", "}}", "a\u200b.PNG. ")
	cfg := configured(f, nil)
	f.Fuzz(func(t *testing.T, name, subject, text, value, fileName string) {
		m, err := mailer.Prepare(&mailer.Message{
			From: list("a@example.com")[0], To: named(name, "b@example.com"), Subject: subject, Text: text,
			Headers:     mailer.Header{{Name: "X-A", Value: value}},
			Attachments: []mailer.Attachment{{Name: fileName, Content: mailer.Bytes([]byte(text + "x"))}},
		})
		if err != nil {
			return
		}
		b, err := encode(m, cfg)
		if errors.Is(err, mailer.ErrUnsupported) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		defer b.Release()
		var got email
		if err := json.Unmarshal(whole(t, b), &got); err != nil {
			t.Fatal(err)
		}
		to, attached := got.Recipients.To, got.Attachments
		if len(to) != 1 || to[0].Address != "b@example.com" || to[0].DisplayName != m.To[0].Name || len(attached) != 1 {
			t.Fatalf("got %+v from %+v", got, m)
		}
		content, err := base64.StdEncoding.DecodeString(attached[0].ContentInBase64)
		if err != nil || string(content) != text+"x" || attached[0].Name != m.Attachments[0].Name ||
			got.SenderAddress != "a@example.com" || got.Content.Subject != m.Subject || got.Content.PlainText != crlf(text) ||
			got.Headers["X-A"] != value || got.Headers["Message-ID"] != m.MessageID {
			t.Errorf("got %+v from %+v", got, m)
		}
	})
}
