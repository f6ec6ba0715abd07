package speccheck

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/sendgrid"
	"github.com/mailkeel/mailkeel/providers/sendgrid/sendgridtest"
)

// sendGridSpec names the file: tsg_mail_v3.json of twilio/sendgrid-oai.
const sendGridSpec = "MAILKEEL_SENDGRID_SPEC"

// mailSend compiles the schema of the body of POST /v3/mail/send.
func mailSend(t *testing.T) *jsonschema.Schema {
	t.Helper()
	file := os.Getenv(sendGridSpec)
	if file == "" {
		t.Skipf("%s does not name SendGrid's description of Mail Send (tsg_mail_v3.json)", sendGridSpec)
	}
	schema, err := compile(file, "/components/requestBodies/PostMailSend/content/application~1json/schema",
		// The description calls it a string; the service's documents and libraries an object of strings.
		correction{
			path: []string{"components", "requestBodies", "PostMailSend", "content", "application/json", "schema", "properties", "custom_args"},
			with: map[string]any{"type": "object", "additionalProperties": map[string]any{"type": "string"}},
		})
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func address(name, spec string) mailer.Address { return mailer.Address{Name: name, Address: spec} }

// messages are as many shapes of message as SendGrid can carry.
func messages() map[string]mailer.Message {
	from, to := address("Ann", "ann@example.com"), []mailer.Address{address("", "bob@example.net")}
	plain := mailer.Message{From: from, To: to, Subject: "Hello", Text: "Hi."}
	with := func(change func(m *mailer.Message)) mailer.Message {
		m := plain
		change(&m)
		return m
	}
	file := func(name, cid string) mailer.Attachment {
		return mailer.Attachment{Name: name, ContentID: cid, ContentType: "image/png", Content: mailer.Bytes([]byte("\x89PNG\r\n"))}
	}
	return map[string]mailer.Message{
		"text": plain,
		"html": with(func(m *mailer.Message) { m.Text, m.HTML = "", "<p>Hi.</p>" }),
		"both": with(func(m *mailer.Message) { m.HTML = "<p>Hi & <bye>.</p>" }),
		"names": with(func(m *mailer.Message) {
			m.To = []mailer.Address{address("Zoë, \"the\" Ünïcode; Ltd", "zoe@example.net"), address("山田", "yamada@example.net")}
			m.Cc = []mailer.Address{address("Carl", "carl@example.org"), address("", "dora@example.org")}
			m.Bcc = []mailer.Address{address("Eve", "eve@example.org")}
		}),
		"same address twice": with(func(m *mailer.Message) {
			m.Cc = []mailer.Address{address("", "BOB@example.net"), address("", "carl@example.org")}
		}),
		"one reply-to": with(func(m *mailer.Message) { m.ReplyTo = []mailer.Address{address("R", "r@example.com")} }),
		"several reply-to": with(func(m *mailer.Message) {
			m.ReplyTo = []mailer.Address{address("R", "r@example.com"), address("", "s@example.com")}
		}),
		"attachments": with(func(m *mailer.Message) {
			m.HTML = `<img src="cid:logo">`
			m.Attachments = []mailer.Attachment{file("résumé \"1\".png", ""), file("logo.png", "logo")}
		}),
		"headers": with(func(m *mailer.Message) {
			m.Headers.Add("X-Ticket", "42")
			m.Headers.Add("In-Reply-To", "<1@example.com>")
			m.Unsubscribe = mailer.Unsubscribe{URL: "https://example.com/u", OneClick: true}
			m.Priority = mailer.PriorityHigh
		}),
		"tags and metadata": with(func(m *mailer.Message) {
			m.Tags, m.Metadata = []string{"welcome", "eu"}, map[string]string{"user": "17"}
		}),
		"schedule": with(func(m *mailer.Message) { m.SendAt = time.Now().Add(time.Hour) }),
		"tracking": with(func(m *mailer.Message) { m.TrackOpens, m.TrackClicks = mailer.On, mailer.Off }),
		"template": {From: from, To: to, Template: &mailer.Template{
			ID: "d-0123456789abcdef0123456789abcdef", Data: map[string]any{"name": "Bob", "items": []any{1, "two", nil}},
		}},
		"options": with(func(m *mailer.Message) { m.ProviderOptions = map[string]any{"sendgrid": options()} }),
	}
}

// TestSendGridRequests validates what the adapter sends for every shape of message.
func TestSendGridRequests(t *testing.T) {
	schema := mailSend(t)
	for name, msg := range messages() {
		t.Run(name, func(t *testing.T) {
			if err := validate(schema, sent(t, &msg)); err != nil {
				t.Error(err)
			}
		})
	}
}

// sent returns the body of the request that carries msg, which the fake accepts.
func sent(t *testing.T, msg *mailer.Message) []byte {
	t.Helper()
	server := sendgridtest.Start(t, sendgridtest.Config{})
	client, err := sendgrid.New(sendgrid.Config{Key: mailer.NewSecret(server.Key()), BaseURL: server.URL(), AllowPlaintext: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(context.Background()) })
	if _, err := client.Send(t.Context(), msg); err != nil {
		t.Fatal(err)
	}
	requests := server.Requests()
	if len(requests) != 1 {
		t.Fatalf("%d requests, want 1", len(requests))
	}
	return requests[0].Body
}

// TestSchemaRefuses makes sure that the validator can fail.
func TestSchemaRefuses(t *testing.T) {
	schema := mailSend(t)
	for name, body := range map[string]string{
		"nothing":           `{}`,
		"unknown member":    `{"personalizations":[{"to":[{"email":"a@example.com"}]}],"from":{"email":"b@example.com"},"text":"x"}`,
		"custom_args":       `{"personalizations":[{"to":[{"email":"a@example.com"}]}],"from":{"email":"b@example.com"},"custom_args":"x"}`,
		"from is a string":  `{"personalizations":[{"to":[{"email":"a@example.com"}]}],"from":"b@example.com"}`,
		"empty subject":     `{"personalizations":[{"to":[{"email":"a@example.com"}]}],"from":{"email":"b@example.com"},"subject":""}`,
		"eleven categories": `{"personalizations":[{"to":[{"email":"a@example.com"}]}],"from":{"email":"b@example.com"},"categories":["1","2","3","4","5","6","7","8","9","10","11"]}`,
	} {
		if validate(schema, []byte(body)) == nil {
			t.Errorf("%s: valid, want an error", name)
		}
	}
}

// TestFakeIsAsStrict spoils a request that says everything in every place, and wants the
// fake to refuse whatever the description refuses.
func TestFakeIsAsStrict(t *testing.T) {
	schema := mailSend(t)
	all := messages()["options"]
	for _, m := range messages() {
		merge(&all, &m)
	}
	var body any
	if err := json.Unmarshal(sent(t, &all), &body); err != nil {
		t.Fatal(err)
	}
	server := sendgridtest.Start(t, sendgridtest.Config{})
	spoiled := 0
	for place, text := range spoil(body) {
		if validate(schema, text) == nil {
			continue
		}
		spoiled++
		if status := post(t, server, text); status != http.StatusBadRequest {
			t.Errorf("%s: the fake answers %d, want 400", place, status)
		}
	}
	if spoiled < 100 {
		t.Errorf("only %d requests were spoiled", spoiled)
	}
	if n := len(server.Messages()); n != 0 {
		t.Errorf("the fake holds %d messages, want none", n)
	}
}

// merge gives all what m has beside it.
func merge(all, m *mailer.Message) {
	if m.Template != nil {
		return // it takes the place of the content
	}
	all.Cc, all.Bcc = append(all.Cc, m.Cc...), append(all.Bcc, m.Bcc...)
	all.Attachments = append(all.Attachments, m.Attachments...)
	all.Headers = append(all.Headers, m.Headers...)
	all.Tags = append(all.Tags, m.Tags...)
	if len(m.ReplyTo) > 1 {
		all.ReplyTo = m.ReplyTo
	}
	if m.Metadata != nil {
		all.Metadata = m.Metadata
	}
	if m.HTML != "" {
		all.HTML = m.HTML
	}
	if !m.SendAt.IsZero() {
		all.SendAt = m.SendAt
	}
}

func post(t *testing.T, server *sendgridtest.Server, body []byte) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL()+"/v3/mail/send", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+server.Key())
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	return resp.StatusCode
}

// TestSpecIsThere fails where CI has promised the file.
func TestSpecIsThere(t *testing.T) {
	if file := os.Getenv(sendGridSpec); file != "" {
		text, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(text), "/v3/mail/send") {
			t.Errorf("%s is not SendGrid's description of Mail Send: %v", file, err)
		}
	}
}

// options asks for everything that only SendGrid knows.
func options() sendgrid.Options {
	return sendgrid.Options{
		UnsubscribeGroup: 7, GroupsToDisplay: []int{7, 8}, IPPool: "transactional",
		BypassSpamManagement: true, BypassBounceManagement: true, BypassUnsubscribeManagement: true,
		Footer:               sendgrid.Footer{Enable: mailer.On, Text: "Bye.", HTML: "<p>Bye.</p>"},
		SubscriptionTracking: sendgrid.SubscriptionTracking{Enable: mailer.On, Text: "Leave: <% %>", HTML: "<% %>", Tag: "-leave-"},
		GoogleAnalytics:      sendgrid.GoogleAnalytics{Enable: mailer.Off, Source: "mail"},
		ClickTrackingInText:  mailer.Off, OpenTrackingTag: "-open-",
		Substitutions: map[string]string{"-name-": "Bob"},
	}
}
