package sendgrid

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

func dynamic(m *mailer.Message) {
	m.Text, m.Template = "", &mailer.Template{ID: "d-1", Data: map[string]any{"n": 1, "names": []string{"Ann"}}}
}

func legacy(m *mailer.Message) {
	m.Template = &mailer.Template{ID: "13b8f94f", Data: map[string]any{"-name-": "Ann"}}
}

// TestUnsupported: what SendGrid cannot carry is refused, and another provider may take it.
func TestUnsupported(t *testing.T) {
	many := make(map[string]string)
	for i := range 151 {
		many[fmt.Sprintf("-%d-", i)] = "x"
	}
	files := func(a ...mailer.Attachment) func(m *mailer.Message) {
		return func(m *mailer.Message) { m.Attachments = a }
	}
	forms := func(a []mailer.Alternative) func(m *mailer.Message) {
		return func(m *mailer.Message) { m.Alternatives = a }
	}
	for _, c := range []struct {
		text   string // that the error names
		change func(m *mailer.Message)
	}{
		{"steer the service", func(m *mailer.Message) { m.Headers.Add("x-smtpapi", `{"to":["eve@example.com"]}`) }},
		{"To recipients", func(m *mailer.Message) { m.To, m.Cc = nil, list("ann@example.com") }},
		{"without a Subject", func(m *mailer.Message) { m.Subject = "" }},
		{"without a body", func(m *mailer.Message) { m.Text = "" }},
		{"without a body", func(m *mailer.Message) { m.Text, m.Attachments = "", []mailer.Attachment{file("a", "", "")} }},
		{`"method"`, forms(alternativeOf("text/calendar; method=REQUEST", "BEGIN"))},
		{`"charset"`, forms(alternativeOf("text/x-amp-html; charset=iso-8859-1", "<html>"))},
		{"not text", forms(alternativeOf("application/json", "{}"))},
		{"second text/html", forms(alternativeOf("TEXT/HTML", "<b>"))},
		{"second text/plain", forms(alternativeOf("text/plain", "b"))},
		{"without content", forms(alternativeOf("text/calendar", ""))},
		{"not UTF-8", forms(alternativeOf("text/calendar", "\xff"))},
		{"Alternatives[1]", forms(append(alternativeOf("text/calendar", "a"), alternativeOf("image/png", "b")...))},
		{"comma or a semicolon", files(file("a,b", "", ""))},
		{"comma or a semicolon", files(file("a;b", "", ""))},
		{"Attachments[1]", files(file("a", "", ""), file("a;b", "", ""))},
		{`"charset"`, files(file("a.txt", "text/plain; charset=utf-16", ""))},
		{`"method"`, files(file("a.ics", "text/calendar; method=REQUEST", ""))},
		{`"name"`, forms(alternativeOf("text/x-amp-html; name=a.html", "<html>"))},
		{"two file names", files(file("a.pdf", "application/pdf; name=b.pdf", ""))},
		{"comma or a semicolon", files(file("", `application/pdf; name="a;b.pdf"`, ""))},
		{"file name in a content type", files(file("", `application/pdf; name="../b.pdf"`, ""))},
		{"file name in a content type", files(file("", `application/pdf; name="..\\b.pdf"`, ""))},
		{"file name in a content type", files(file("", "application/pdf; name*=utf-8''a%E2%80%AEfdp.exe", ""))},
		{"file name in a content type", files(file("", "application/pdf; name*=utf-8''a%0Ab", ""))},
		{"file name in a content type", files(file("", "application/pdf; name*=utf-8''a%FFb", ""))},
		{"empty attachment", files(mailer.Attachment{Name: "a", Content: mailer.Bytes(nil)})},
		{"30000000", files(mailer.Attachment{Name: "a", Content: mailer.Opener(22_500_000, nil)})},
		{"more than once", func(m *mailer.Message) {
			m.Headers = mailer.Header{{Name: "X-A", Value: "1"}, {Name: "x-a", Value: "2"}}
		}},
		{`"X-SG-EID"`, func(m *mailer.Message) { m.Headers = mailer.Header{{Name: "X-SG-EID", Value: "1"}} }},
		{`"x-sg-id"`, func(m *mailer.Message) { m.Headers = mailer.Header{{Name: "x-sg-id", Value: "1"}} }},
		{"mailkeel_", func(m *mailer.Message) { m.Metadata = map[string]string{"mailkeel_x": "1"} }},
		{"bytes of Metadata", func(m *mailer.Message) {
			m.Metadata = map[string]string{"a": strings.Repeat("x", 4000), "b": strings.Repeat("x", 4000), "c": strings.Repeat(`"`, 1000)}
		}},
		{"72 hours", func(m *mailer.Message) { m.SendAt = time.Now().Add(72*time.Hour + time.Minute) }},
		{"Version", func(m *mailer.Message) { dynamic(m); m.Template.Version = "2" }},
		{"dynamic template", func(m *mailer.Message) { dynamic(m); m.Text = "Thanks" }},
		{"dynamic template", func(m *mailer.Message) { dynamic(m); m.HTML = "<b>" }},
		{"takes strings", func(m *mailer.Message) { legacy(m); m.Template.Data["-n-"] = 1 }},
		{"substitutions", func(m *mailer.Message) { legacy(m); m.Template.Data["-n-"] = strings.Repeat("x", 10_000) }},
		{"substitutions", with(Options{Substitutions: many})},
		{"together with a Template", func(m *mailer.Message) { dynamic(m); with(Options{Substitutions: map[string]string{"a": "b"}})(m) }},
		{"is a string", func(m *mailer.Message) { m.ProviderOptions = map[string]any{"sendgrid": "sandbox"} }},
		{"GroupsToDisplay", with(Options{GroupsToDisplay: []int{1}})},
		{"more than 25", with(Options{UnsubscribeGroup: 1, GroupsToDisplay: make([]int, 26)})},
		{"above zero", with(Options{UnsubscribeGroup: -1})},
		{"IPPool", with(Options{IPPool: "x"})},
		{"excludes", with(Options{BypassListManagement: true, BypassSpamManagement: true})},
	} {
		_, err := request(t, Config{}, c.change)
		if !errors.Is(err, mailer.ErrUnsupported) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("got %v, want %v about %s", err, mailer.ErrUnsupported, c.text)
		}
	}
}

// TestLimits: what is just within the limits is carried.
func TestLimits(t *testing.T) {
	for name, change := range map[string]func(m *mailer.Message){
		"72 hours": func(m *mailer.Message) { m.SendAt = time.Now().Add(72*time.Hour - time.Minute) },
		"metadata": func(m *mailer.Message) {
			m.Metadata = map[string]string{"a": strings.Repeat("x", 4000), "b": strings.Repeat("x", 4000), "c": strings.Repeat(`"`, 900)}
		},
		"25 groups": with(Options{UnsubscribeGroup: 1, GroupsToDisplay: make([]int, 25)}),
	} {
		if _, err := request(t, Config{}, change); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	m, err := mailer.Prepare(&mailer.Message{From: list("a@example.com")[0], To: list("b@example.com"), Subject: "s", Text: "t",
		Attachments: []mailer.Attachment{{Name: "a", Content: mailer.Opener(22_499_000, nil)}}})
	if err != nil {
		t.Fatal(err)
	}
	b, err := encode(m, m, &Config{})
	if err != nil || b.Size() > maxMessageBytes {
		t.Fatalf("22 MB: %v", err)
	}
	b.Release()
}

// TestCallersFault: what nobody can send is no matter of what SendGrid supports.
func TestCallersFault(t *testing.T) {
	missing := mailer.Attachment{Name: "a", Content: mailer.Opener(1, func() (io.ReadCloser, error) { return nil, errors.New("gone") })}
	for name, change := range map[string]func(m *mailer.Message){
		"data": func(m *mailer.Message) { dynamic(m); m.Template.Data["secret-name"] = func() {} },
		"alternative": func(m *mailer.Message) {
			m.Alternatives = []mailer.Alternative{{ContentType: "text/calendar", Content: missing.Content}}
		},
		"short": func(m *mailer.Message) {
			m.Alternatives = []mailer.Alternative{{ContentType: "text/calendar", Content: mailer.Opener(9, func() (io.ReadCloser, error) {
				return io.NopCloser(strings.NewReader("8 octets")), nil
			})}}
		},
	} {
		_, err := request(t, Config{}, change)
		if err == nil || errors.Is(err, mailer.ErrUnsupported) || strings.Contains(err.Error(), "secret-name") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestTooLarge: what is too large together is refused before anything of it is read.
func TestTooLarge(t *testing.T) {
	unread := func(size int64) mailer.Content {
		return mailer.Opener(size, func() (io.ReadCloser, error) {
			t.Errorf("a content of %d bytes is read", size)
			return nil, errors.New("gone")
		})
	}
	forms := func(sizes ...int64) (all []mailer.Alternative) {
		for _, size := range sizes {
			all = append(all, mailer.Alternative{ContentType: "text/calendar", Content: unread(size)})
		}
		return all
	}
	for name, change := range map[string]func(m *mailer.Message){
		"alternatives": func(m *mailer.Message) { m.Alternatives = forms(15_000_000, 15_000_001) },
		"one":          func(m *mailer.Message) { m.Alternatives = forms(math.MaxInt64, math.MaxInt64) },
		"with text":    func(m *mailer.Message) { m.Text, m.Alternatives = strings.Repeat("x", 15_000_000), forms(15_000_001) },
		"with HTML":    func(m *mailer.Message) { m.HTML, m.Alternatives = strings.Repeat("x", 15_000_000), forms(15_000_001) },
		"with an attachment": func(m *mailer.Message) {
			m.Attachments, m.Alternatives = []mailer.Attachment{{Content: unread(22_000_000)}}, forms(1_000_000)
		},
		"an attachment too far": func(m *mailer.Message) {
			m.Attachments, m.Alternatives = []mailer.Attachment{{Content: unread(math.MaxInt64)}}, forms(1)
		},
	} {
		if _, err := request(t, Config{}, change); !errors.Is(err, mailer.ErrUnsupported) || !strings.Contains(fmt.Sprint(err), "30000000") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
