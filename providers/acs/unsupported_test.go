package acs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// fitted asks a client whether it would send a message that change has changed, and encodes it.
func fitted(t *testing.T, cfg Config, change func(*mailer.Message)) error {
	t.Helper()
	client := opening(t, cfg)
	m := &mailer.Message{From: list("shop@example.com")[0], To: list("ann@example.org"), Subject: "Your order", Text: "Thanks"}
	change(m)
	m, err := mailer.Prepare(m)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.fit(m); err != nil {
		return err
	}
	b, err := encode(m, &client.cfg)
	if err == nil {
		b.Release()
	}
	return err
}

// opening returns a client that is closed at the end of the test.
func opening(t *testing.T, cfg Config) *Client {
	t.Helper()
	client, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(context.Background()) })
	return client
}

// headers is a list of fields in pairs.
func headers(fields ...string) func(*mailer.Message) {
	return func(m *mailer.Message) {
		for i := 0; i < len(fields); i += 2 {
			m.Headers = append(m.Headers, mailer.HeaderField{Name: fields[i], Value: fields[i+1]})
		}
	}
}

// many are n recipients.
func many(n int) func(*mailer.Message) {
	return func(m *mailer.Message) {
		m.To = nil
		for i := range n {
			address := mailer.Address{Address: fmt.Sprintf("r%d@example.org", i)}
			switch i % 3 {
			case 0:
				m.To = append(m.To, address)
			case 1:
				m.Cc = append(m.Cc, address)
			default:
				m.Bcc = append(m.Bcc, address)
			}
		}
	}
}

// TestUnsupported: what the service cannot carry is refused, and another provider may take it.
func TestUnsupported(t *testing.T) {
	unnamed := func(contentType string) mailer.Attachment { return file("", contentType, "") }
	for _, c := range []struct {
		text   string // that the error names
		change func(*mailer.Message)
	}{
		{"alternatives", func(m *mailer.Message) {
			m.Alternatives = []mailer.Alternative{{ContentType: "text/calendar", Content: mailer.Bytes([]byte("x"))}}
		}},
		{"sender", func(m *mailer.Message) { m.Sender = list("robot@example.com")[0] }},
		{"return_path", func(m *mailer.Message) { m.ReturnPath = "bounces@example.com" }},
		{"return_path", func(m *mailer.Message) { m.ReturnPath = "<>" }},
		{"utf8", func(m *mailer.Message) { m.To = list("jörg@example.org") }},
		{"utf8", func(m *mailer.Message) { m.From = list("händler@example.com")[0] }},
		{"schedule", func(m *mailer.Message) { m.SendAt = time.Now().Add(time.Hour) }},
		{"template", func(m *mailer.Message) { m.Template = &mailer.Template{ID: "welcome"} }},
		{"without To recipients", func(m *mailer.Message) { m.To, m.Cc = nil, m.To }},
		{"without To recipients", func(m *mailer.Message) { m.To, m.Bcc = nil, m.To }},
		{"without a Subject", func(m *mailer.Message) { m.Subject = "" }},
		{"without a Subject", func(m *mailer.Message) { m.Subject = " \t" }},
		{"without a body", func(m *mailer.Message) { m.Text = "" }},
		{"without a body", func(m *mailer.Message) { m.Text, m.HTML = "\r\n \t", " " }},
		{"without a body", func(m *mailer.Message) { m.Text, m.Attachments = "", []mailer.Attachment{file("a.txt", "", "")} }},
		{"50", many(51)},
		{"empty attachment", files(mailer.Attachment{Name: "a.txt", Content: mailer.Bytes(nil)})},
		{".exe", files(file("a.exe", "text/plain", ""))},
		{".exe", files(file("a.pdf.exe", "application/pdf", ""))},
		{"no extension", files(file("pdf", "application/pdf", ""))},
		{"application/octet-stream", files(file("a.txt", "application/octet-stream", ""))},
		{"text/html", files(file("a.txt", "text/html", ""))},
		{"no extension", files(unnamed("application/x-msdownload"))},
		{"Attachments[1]", files(file("a.txt", "", ""), file("a.exe", "text/plain", ""))},
		{`"charset"`, files(file("a.txt", "text/plain; charset=utf-16", ""))},
		{`"method"`, files(file("a.ics", "text/calendar; method=REQUEST", ""))},
		{"two file names", files(file("a.pdf", "application/pdf; name=b.pdf", ""))},
		{"file name in a content type", files(unnamed(`application/pdf; name="../b.pdf"`))},
		{"file name in a content type", files(unnamed("application/pdf; name*=utf-8''a%E2%80%AEfdp.exe"))},
		{".exe", files(unnamed("application/pdf; name=b.exe"))},
		{"ContentID", files(file("a.png", "", "logo"), file("b.png", "", "LOGO"))},
		{"more than once", headers("X-A", "1", "x-a", "2")},
		{"steer", headers("x-ms-acsemail-validate-message-id", "false")},
		{"steer", headers("X-MS-ACSEMAIL-suppress-invalid-attachment", "true")},
		{"steer", headers("X-Ms-AcsEmail-", "")},
		{"10000000", files(mailer.Attachment{Name: "a.txt", Content: mailer.Opener(7_500_001, nil)})},
		{"10000000", files(mailer.Attachment{Name: "a.txt", Content: mailer.Opener(math.MaxInt64, nil)})},
	} {
		err := fitted(t, given(nil), c.change)
		if !errors.Is(err, mailer.ErrUnsupported) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("got %v, want %v about %s", err, mailer.ErrUnsupported, c.text)
		}
	}
}

// TestSupported: what is just within the rules is carried.
func TestSupported(t *testing.T) {
	for _, c := range []struct {
		name   string
		cfg    func(*Config)
		change func(*mailer.Message)
	}{
		{"50 recipients", nil, many(50)},
		{"51, of which two are one", nil, func(m *mailer.Message) { many(50)(m); m.Bcc = append(m.Bcc, m.To[0]) }},
		{"100 recipients, raised", func(c *Config) { c.MaxRecipients = 100 }, many(100)},
		{"an attachment without a name", nil, files(file("", "application/pdf", ""))},
		{"an extension in capitals", nil, files(file("A.PDF", "", ""))},
		{"an image by another's type", nil, files(file("a.jpeg", "image/png", ""))},
		{"any type", func(c *Config) { c.AnyAttachmentType = true }, files(file("a.exe", "", ""), file("b", "", ""))},
		{"a field like a control", nil, headers("x-ms-acsemail", "1", "x-ms-other", "1")},
	} {
		if err := fitted(t, given(c.cfg), c.change); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestStrict: what is advisory counts.
func TestStrict(t *testing.T) {
	strict := func(c *Config) { c.Strict = true }
	for text, change := range map[string]func(*mailer.Message){
		"tags":           func(m *mailer.Message) { m.Tags = []string{"a"} },
		"metadata":       func(m *mailer.Message) { m.Metadata = map[string]string{"a": "b"} },
		"dsn":            func(m *mailer.Message) { m.DSN.Notify = mailer.NotifyFailure },
		"sender_name":    func(m *mailer.Message) { m.From.Name = "Shop" },
		"tracking":       func(m *mailer.Message) { m.TrackOpens = mailer.On },
		"needs tracking": func(m *mailer.Message) { m.TrackClicks, m.TrackOpens = mailer.On, mailer.Off },
	} {
		if err := fitted(t, given(nil), change); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if err := fitted(t, given(strict), change); !errors.Is(err, mailer.ErrUnsupported) || !strings.Contains(err.Error(), text) {
			t.Errorf("strict: got %v, want %v about %s", err, mailer.ErrUnsupported, text)
		}
	}
	for name, change := range map[string]func(*mailer.Message){
		"nothing": func(*mailer.Message) {}, "tracking off": func(m *mailer.Message) { m.TrackOpens = mailer.Off },
		"priority": func(m *mailer.Message) { m.Priority = mailer.PriorityHigh },
	} {
		if err := fitted(t, given(strict), change); err != nil {
			t.Errorf("strict, %s: %v", name, err)
		}
	}
}

// TestNarrowed: the service ties the envelope to the header, so a message for some of those whom its
// header shows is for others to carry.
func TestNarrowed(t *testing.T) {
	m, err := mailer.Prepare(&mailer.Message{
		From: list("shop@example.com")[0], To: list("ann@example.org", "bob@example.org"), Subject: "s", Text: "t",
	})
	if err != nil {
		t.Fatal(err)
	}
	m, err = mailer.Narrow(m, []string{"bob@example.org"})
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := opening(t, given(nil)).Send(t.Context(), m)
	e := mailer.AsSendError(err)
	if receipt != nil || !errors.Is(err, mailer.ErrUnsupported) || e.Outcome != mailer.NotAccepted || !e.Elsewhere || len(e.Receipt.Recipients) != 1 {
		t.Errorf("got %v, %v", receipt, err)
	}
}

// sized returns a message whose request has so many bytes.
func sized(t *testing.T, cfg *Config, bytes int64) *mailer.Message {
	t.Helper()
	build := func(text int) *mailer.Message {
		m, err := mailer.Prepare(&mailer.Message{
			From: list("shop@example.com")[0], To: list("ann@example.org"), Subject: "s", Text: strings.Repeat("x", text), MessageID: "<1@example.com>",
			Attachments: []mailer.Attachment{{Name: "a.txt", Content: mailer.Bytes(make([]byte, 7_400_000))}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	b, err := encode(build(1), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Release()
	return build(int(bytes-b.Size()) + 1)
}

// TestLargest: the largest request has as many bytes as may be, and not one more.
func TestLargest(t *testing.T) {
	for _, most := range []int64{10_000_000, 9_999_999, 10_000_001} {
		cfg := configured(t, func(c *Config) { c.MaxRequestBytes = most })
		b, err := encode(sized(t, cfg, most), cfg)
		if err != nil || b.Size() != most {
			t.Fatalf("%d bytes: %v", most, err)
		}
		b.Release()
		if _, err := encode(sized(t, cfg, most+1), cfg); !errors.Is(err, mailer.ErrUnsupported) || !strings.Contains(err.Error(), fmt.Sprint(most+1)) {
			t.Errorf("%d bytes and one more: got %v", most, err)
		}
	}
}

// TestTooLargeIsUnread: what is too large is refused before anything of it is read.
func TestTooLargeIsUnread(t *testing.T) {
	unread := func(size int64) mailer.Attachment {
		return mailer.Attachment{Name: "a.txt", Content: mailer.Opener(size, func() (io.ReadCloser, error) {
			t.Errorf("a content of %d bytes is read", size)
			return nil, errors.New("gone")
		})}
	}
	for name, change := range map[string]func(*mailer.Message){
		"one":         files(unread(7_500_001)),
		"several":     files(unread(4_000_000), unread(4_000_000)),
		"overflowing": files(unread(math.MaxInt64), unread(math.MaxInt64)),
		"with text": func(m *mailer.Message) {
			m.Text, m.Attachments = strings.Repeat("x", 5_000_000), []mailer.Attachment{unread(4_000_000)}
		},
		"text":         func(m *mailer.Message) { m.Text = strings.Repeat("x", 10_000_000) },
		"escaped":      func(m *mailer.Message) { m.HTML = strings.Repeat(`"`, 5_000_000) },
		"of line ends": func(m *mailer.Message) { m.Text = "x" + strings.Repeat("\n", 3_000_000) },
	} {
		if err := fitted(t, given(nil), change); !errors.Is(err, mailer.ErrUnsupported) || !strings.Contains(fmt.Sprint(err), "10000000") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestCapabilities: what the service lacks and what it limits.
func TestCapabilities(t *testing.T) {
	const always = mailer.FeatureRaw | mailer.FeatureAttachments | mailer.FeatureHeaders | mailer.FeaturePriority
	for _, c := range []struct {
		change func(*Config)
		want   mailer.Capabilities
	}{
		{nil, mailer.Capabilities{
			MaxRecipients: 50, MaxMessageBytes: 10_000_000, ReplayWindow: 5 * time.Minute, Features: always | mailer.FeatureInline,
		}},
		{func(c *Config) {
			c.APIVersion, c.MaxRecipients, c.MaxRequestBytes, c.ReplayWindow = oldVersion, 100, 30_000_000, -1
		}, mailer.Capabilities{MaxRecipients: 100, MaxMessageBytes: 30_000_000, Features: always}},
	} {
		if got := opening(t, given(c.change)).Capabilities(); got != c.want {
			t.Errorf("got %+v, want %+v", got, c.want)
		}
	}
}
