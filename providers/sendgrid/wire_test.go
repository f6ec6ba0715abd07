package sendgrid

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sendgrid/sendgrid-go/helpers/mail"

	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/mailer"
)

// request prepares a message that change has changed, and encodes it.
func request(t testing.TB, cfg Config, change func(m *mailer.Message)) ([]byte, error) {
	t.Helper()
	m := &mailer.Message{
		From: mailer.Address{Address: "shop@example.com"}, To: []mailer.Address{{Address: "ann@example.com"}},
		Subject: "Your order", Text: "Thanks", MessageID: "<1@example.com>",
	}
	if change != nil {
		change(m)
	}
	m, err := mailer.Prepare(m)
	if err != nil {
		t.Fatal(err)
	}
	b, err := encode(m, m, &cfg)
	if err != nil {
		return nil, err
	}
	defer b.Release()
	var text bytes.Buffer
	n, err := b.WriteTo(&text)
	if err != nil || n != b.Size() || int(n) != text.Len() {
		t.Fatalf("wrote %d bytes of %d: %v", n, b.Size(), err)
	}
	return text.Bytes(), nil
}

// at returns what stands in a JSON text at a path such as "personalizations.0.to", in the
// compact form; empty where there is nothing.
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

// TestWhole: the request of a plain message has nothing in it that was not asked for.
func TestWhole(t *testing.T) {
	got, err := request(t, Config{}, nil)
	want := `{"from":{"email":"shop@example.com"},"subject":"Your order","personalizations":[{"to":[{"email":"ann@example.com"}]}],` +
		`"content":[{"type":"text/plain","value":"Thanks"}],"headers":{"Message-ID":"<1@example.com>"},` +
		`"custom_args":{"mailkeel_envelope":"` + annEnvelope + `","mailkeel_key":"1@example.com","mailkeel_message_id":"<1@example.com>"}}`
	if string(got) != want || err != nil {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
}

// annEnvelope is the recipients' name where ann@example.com is the only one.
var annEnvelope = httpapi.EnvelopeID([]string{"ann@example.com"})

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

func alternativeOf(contentType, text string) []mailer.Alternative {
	return []mailer.Alternative{{ContentType: contentType, Content: mailer.Bytes([]byte(text))}}
}

func with(o Options) func(m *mailer.Message) {
	return func(m *mailer.Message) { m.ProviderOptions = map[string]any{"sendgrid": o} }
}

var inAnHour = time.Now().Add(time.Hour)

// TestFields: everything that a message can say stands where SendGrid wants it.
func TestFields(t *testing.T) {
	for _, c := range []struct {
		name, path, want string
		cfg              Config
		change           func(m *mailer.Message)
	}{
		{"from", "from", `{"email":"shop@example.com","name":"Jürgen, der Händler"}`, Config{}, func(m *mailer.Message) { m.From = named("Jürgen, der Händler", "shop@example.com")[0] }},
		{"to", "personalizations.0.to", `[{"email":"ann@example.com"},{"email":"bob@example.com","name":"李四"}]`, Config{}, func(m *mailer.Message) { m.To = append(m.To, named("李四", "bob@example.com")...) }},
		{"cc", "personalizations.0.cc", `[{"email":"bob@example.com"}]`, Config{}, func(m *mailer.Message) { m.Cc = list("bob@example.com") }},
		{"bcc", "personalizations.0.bcc", `[{"email":"bob@example.com"}]`, Config{}, func(m *mailer.Message) { m.Bcc = list("bob@example.com") }},
		{"comma", "personalizations.0.cc.0.name", `"\"Doe, Jane\""`, Config{}, func(m *mailer.Message) { m.Cc = named("Doe, Jane", "bob@example.com") }},
		{"semicolon", "personalizations.0.bcc.0.name", `"\"a;b\""`, Config{}, func(m *mailer.Message) { m.Bcc = named("a;b", "bob@example.com") }},
		{"comma and quotes", "personalizations.0.to.0.name", `"\"a, \\\"b\\\" \\\\\""`, Config{}, func(m *mailer.Message) { m.To = named(`a, "b" \`, "ann@example.com") }},
		{"quotes within", "personalizations.0.to.0.name", `"Ann \"A\" B"`, Config{}, func(m *mailer.Message) { m.To = named(`Ann "A" B`, "ann@example.com") }},
		{"quotes around", "personalizations.0.to.0.name", `"\"\\\"Ann\\\"\""`, Config{}, func(m *mailer.Message) { m.To = named(`"Ann"`, "ann@example.com") }},
		{"bare names", "personalizations.0.to.0.name", `"Doe, Jane"`, Config{BareNames: true}, func(m *mailer.Message) { m.To = named("Doe, Jane", "ann@example.com") }},
		{"twice in one list", "personalizations.0.to", `[{"email":"ann@example.com"}]`, Config{}, func(m *mailer.Message) { m.To = list("ann@example.com", "Ann@example.com") }},
		{"twice in two lists", "personalizations.0.cc", `[{"email":"bob@example.com"}]`, Config{}, func(m *mailer.Message) { m.Cc = list("ANN@Example.com", "bob@example.com") }},
		{"an emptied list", "personalizations.0.bcc", ``, Config{}, func(m *mailer.Message) { m.Bcc = list("ann@example.com") }},
		{"one reply-to", "reply_to", `{"email":"r@example.com","name":"R, S"}`, Config{}, func(m *mailer.Message) { m.ReplyTo = named("R, S", "r@example.com") }},
		{"one reply-to, twice", "reply_to", `{"email":"r@example.com"}`, Config{}, func(m *mailer.Message) { m.ReplyTo = list("r@example.com", "R@example.com") }},
		{"no list beside it", "reply_to_list", ``, Config{}, func(m *mailer.Message) { m.ReplyTo = list("r@example.com") }},
		{"several reply-to", "reply_to_list", `[{"email":"r@example.com"},{"email":"s@example.com"}]`, Config{}, func(m *mailer.Message) { m.ReplyTo = list("r@example.com", "s@example.com") }},
		{"no single one beside them", "reply_to", ``, Config{}, func(m *mailer.Message) { m.ReplyTo = list("r@example.com", "s@example.com") }},
		{"bodies", "content", `[{"type":"text/plain","value":"Thanks"},{"type":"text/html","value":"<b>&</b>"},{"type":"text/x-amp-html","value":"<html ⚡4email>"}]`, Config{}, func(m *mailer.Message) {
			m.HTML, m.Alternatives = "<b>&</b>", alternativeOf("text/x-amp-html; charset=utf-8", "<html ⚡4email>")
		}},
		{"line ends", "content", `[{"type":"text/plain","value":"\r\na\r\n\r\nb\r\n\r\n\r\n\"c\\\r\n"},{"type":"text/html","value":"\r\n<b>\r\n"},{"type":"text/calendar","value":"A\r\nB\r\n"}]`, Config{}, func(m *mailer.Message) {
			m.Text, m.HTML, m.Alternatives = "\ra\n\rb\r\n\n\r\"c\\\r\n", "\n<b>\r", alternativeOf("text/calendar", "A\nB\r")
		}},
		{"only HTML", "content", `[{"type":"text/html","value":"<b>"}]`, Config{}, func(m *mailer.Message) { m.Text, m.HTML = "", "<b>" }},
		{"attachment", "attachments", `[{"content":"ZmlsZQ==","disposition":"attachment","filename":"bill.pdf","type":"application/pdf"}]`, Config{}, func(m *mailer.Message) { m.Attachments = []mailer.Attachment{file("bill.pdf", "", "")} }},
		{"inline", "attachments", `[{"content":"ZmlsZQ==","content_id":"logo@x","disposition":"inline","filename":"l.png","type":"image/png"}]`, Config{}, func(m *mailer.Message) { m.Attachments = []mailer.Attachment{file("l.png", "", "logo@x")} }},
		{"type with name and charset", "attachments.0.type", `"text/csv"`, Config{}, func(m *mailer.Message) {
			m.Attachments = []mailer.Attachment{file("a.csv", `Text/CSV; name="a.csv"; charset=UTF-8`, "")}
		}},
		{"file name in the type", "attachments", `[{"content":"ZmlsZQ==","disposition":"attachment","filename":"Vertrag ü.pdf","type":"application/pdf"}]`, Config{}, func(m *mailer.Message) {
			m.Attachments = []mailer.Attachment{file("", "application/pdf; name*=utf-8''Vertrag%20%C3%BC.pdf", "")}
		}},
		{"no file name", "attachments.0.filename", `"attachment"`, Config{}, func(m *mailer.Message) { m.Attachments = []mailer.Attachment{file("", "", "")} }},
		{"unicode file name", "attachments.0.filename", `"Übersicht 李.pdf"`, Config{}, func(m *mailer.Message) { m.Attachments = []mailer.Attachment{file("Übersicht 李.pdf", "", "")} }},
		{"headers", "headers", `{"In-Reply-To":"<0@x>","Message-ID":"<1@example.com>","X-A-free":"Grüße"}`, Config{}, func(m *mailer.Message) {
			m.Headers = mailer.Header{{Name: "In-Reply-To", Value: "<0@x>"}, {Name: "X-A-free", Value: "Grüße"}}
		}},
		{"priority", "headers", `{"Importance":"high","Message-ID":"<1@example.com>","Priority":"urgent","X-Priority":"1"}`, Config{}, func(m *mailer.Message) { m.Priority = mailer.PriorityHigh }},
		{"unsubscribe", "headers.List-Unsubscribe", `"<https://example.com/u>, <mailto:u@example.com>"`, Config{}, func(m *mailer.Message) {
			m.Unsubscribe = mailer.Unsubscribe{URL: "https://example.com/u", Mailto: "u@example.com", OneClick: true}
		}},
		{"one click", "headers.List-Unsubscribe-Post", `"List-Unsubscribe=One-Click"`, Config{}, func(m *mailer.Message) {
			m.Unsubscribe = mailer.Unsubscribe{URL: "https://example.com/u", OneClick: true}
		}},
		{"tags", "categories", `["a","b"]`, Config{}, func(m *mailer.Message) { m.Tags = []string{"a", "b", "a"} }},
		{"metadata", "custom_args", `{"k":"v\"ü","mailkeel_envelope":"` + annEnvelope + `","mailkeel_key":"key","mailkeel_message_id":"<1@example.com>"}`, Config{}, func(m *mailer.Message) {
			m.Metadata, m.IdempotencyKey = map[string]string{"k": `v"ü`}, "key"
		}},
		{"schedule", "send_at", fmt.Sprint(inAnHour.Unix()), Config{}, func(m *mailer.Message) { m.SendAt = inAnHour }},
		{"a time that passed", "send_at", "", Config{}, func(m *mailer.Message) { m.SendAt = time.Unix(1, 0) }},
		{"dynamic template", "template_id", `"d-1"`, Config{}, dynamic},
		{"dynamic data", "personalizations.0.dynamic_template_data", `{"n":1,"names":["Ann"]}`, Config{}, dynamic},
		{"dynamic subject", "personalizations.0.subject", `"Your order"`, Config{}, dynamic},
		{"dynamic content", "content", ``, Config{}, dynamic},
		{"legacy template", "personalizations.0.substitutions", `{"-name-":"Ann"}`, Config{}, legacy},
		{"legacy subject", "subject", `"Your order"`, Config{}, legacy},
		{"template's own subject", "personalizations.0.subject", ``, Config{}, func(m *mailer.Message) { dynamic(m); m.Subject = "" }},
		{"tracking", "tracking_settings", `{"click_tracking":{"enable":true},"open_tracking":{"enable":false}}`, Config{}, func(m *mailer.Message) { m.TrackOpens, m.TrackClicks = mailer.Off, mailer.On }},
		{"tracking in text", "tracking_settings", `{"click_tracking":{"enable_text":false}}`, Config{}, with(Options{ClickTrackingInText: mailer.Off})},
		{"tracking tag", "tracking_settings", `{"open_tracking":{"substitution_tag":"%o%"}}`, Config{}, with(Options{OpenTrackingTag: "%o%"})},
		{"subscription", "tracking_settings", `{"subscription_tracking":{"enable":true,"html":"h","substitution_tag":"%s%","text":"t"}}`, Config{}, with(Options{SubscriptionTracking: SubscriptionTracking{mailer.On, "t", "h", "%s%"}})},
		{"analytics", "tracking_settings", `{"ganalytics":{"enable":true,"utm_campaign":"5","utm_content":"4","utm_medium":"2","utm_source":"1","utm_term":"3"}}`, Config{}, with(Options{GoogleAnalytics: GoogleAnalytics{mailer.On, "1", "2", "3", "4", "5"}})},
		{"analytics off", "tracking_settings", `{"ganalytics":{"enable":false}}`, Config{}, with(Options{GoogleAnalytics: GoogleAnalytics{Enable: mailer.Off}})},
		{"group", "asm", `{"group_id":7,"groups_to_display":[7,8]}`, Config{}, with(Options{UnsubscribeGroup: 7, GroupsToDisplay: []int{7, 8}})},
		{"pool", "ip_pool_name", `"fast"`, Config{}, with(Options{IPPool: "fast"})},
		{"batch", "batch_id", `"b1"`, Config{}, with(Options{BatchID: "b1"})},
		{"footer", "mail_settings", `{"footer":{"enable":true,"html":"h","text":"t"}}`, Config{}, with(Options{Footer: Footer{mailer.On, "t", "h"}})},
		{"footer off", "mail_settings", `{"footer":{"enable":false}}`, Config{}, with(Options{Footer: Footer{Enable: mailer.Off}})},
		{"bypass all", "mail_settings", `{"bypass_list_management":{"enable":true}}`, Config{}, with(Options{BypassListManagement: true})},
		{"bypass each", "mail_settings", `{"bypass_bounce_management":{"enable":true},"bypass_spam_management":{"enable":true},"bypass_unsubscribe_management":{"enable":true}}`, Config{}, with(Options{BypassSpamManagement: true, BypassBounceManagement: true, BypassUnsubscribeManagement: true})},
		{"sandbox by options", "mail_settings", `{"sandbox_mode":{"enable":true}}`, Config{}, with(Options{Sandbox: true})},
		{"sandbox by config", "mail_settings", `{"sandbox_mode":{"enable":true}}`, Config{Sandbox: true}, nil},
		{"substitutions", "personalizations.0.substitutions", `{"-a-":"b"}`, Config{}, with(Options{Substitutions: map[string]string{"-a-": "b"}})},
		{"pointer to options", "batch_id", `"b1"`, Config{}, func(m *mailer.Message) { m.ProviderOptions = map[string]any{"sendgrid": &Options{BatchID: "b1"}} }},
		{"nil options", "batch_id", ``, Config{}, func(m *mailer.Message) { m.ProviderOptions = map[string]any{"sendgrid": (*Options)(nil)} }},
		{"options of another", "batch_id", ``, Config{}, func(m *mailer.Message) { m.ProviderOptions = map[string]any{"mailgun": 1} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			text, err := request(t, c.cfg, c.change)
			if err != nil {
				t.Fatal(err)
			}
			if got := at(t, text, c.path); got != c.want {
				t.Errorf("%s\ngot  %s\nwant %s", c.path, got, c.want)
			}
		})
	}
}

// TestReserved: metadata that events cannot bring back is named, or refused with strict.
func TestReserved(t *testing.T) {
	for key, lost := range map[string]bool{
		"email": true, "event": true, "smtp-id": true, "url_offset": true, "asm_group_id": true, "useragent": true, "order": false, "Email": false, "emails": false,
	} {
		m := &mailer.Message{Metadata: map[string]string{"a": "b", key: "value"}, Tags: []string{"ü"}}
		degraded, err := fit(m, false)
		if err != nil || slices.Contains(degraded, "metadata") != lost || !slices.Contains(degraded, "tags") {
			t.Errorf("%q: degraded %q, %v", key, degraded, err)
		}
		m.Tags = nil
		if _, err := fit(m, true); errors.Is(err, mailer.ErrUnsupported) != lost {
			t.Errorf("%q: strict says %v", key, err)
		}
	}
}

// TestTags: tags that are no categories are left out and named, or refused with strict.
func TestTags(t *testing.T) {
	eleven := strings.Split("a b c d e f g h i j k", " ")
	for _, c := range []struct {
		tags, carried []string
		all           bool
	}{
		{nil, nil, true},
		{[]string{"a", "b", "a"}, []string{"a", "b"}, true},
		{eleven[:10], eleven[:10], true},
		{append(slices.Clone(eleven[:10]), "a"), eleven[:10], true},
		{eleven, eleven[:10], false},
		{[]string{"ü", "a"}, []string{"a"}, false},
	} {
		carried, all := categories(c.tags)
		if !reflect.DeepEqual(carried, c.carried) || all != c.all {
			t.Errorf("%q: got %q, %t; want %q, %t", c.tags, carried, all, c.carried, c.all)
		}
		m := &mailer.Message{Tags: c.tags}
		degraded, err := fit(m, false)
		if err != nil || slices.Contains(degraded, "tags") == c.all {
			t.Errorf("%q: degraded %q, %v", c.tags, degraded, err)
		}
		if _, err := fit(m, true); errors.Is(err, mailer.ErrUnsupported) == c.all {
			t.Errorf("%q: strict says %v", c.tags, err)
		}
	}
}

// TestReuse: nothing of a message shows in the next that has its memory.
func TestReuse(t *testing.T) {
	plain, err := request(t, Config{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		_, err := request(t, Config{Sandbox: true}, func(m *mailer.Message) {
			m.Cc, m.Bcc, m.ReplyTo = list("b@example.com"), list("c@example.com"), list("d@example.com", "e@example.com")
			m.Headers, m.Metadata, m.Tags = mailer.Header{{Name: "X-A", Value: "1"}}, map[string]string{"a": "b"}, []string{"t"}
			m.Attachments, m.HTML, m.SendAt = []mailer.Attachment{file("a", "", "")}, "<b>", inAnHour
			with(Options{BatchID: "b", UnsubscribeGroup: 1, Substitutions: maps.Clone(m.Metadata)})(m)
		})
		if err != nil {
			t.Fatal(err)
		}
		if again, err := request(t, Config{}, nil); err != nil || !bytes.Equal(again, plain) {
			t.Fatalf("got  %s, %v\nwant %s", again, err, plain)
		}
	}
}

// TestManyRecipients: a thousand, each named twice, are a thousand.
func TestManyRecipients(t *testing.T) {
	text, err := request(t, Config{}, func(m *mailer.Message) {
		m.To = nil
		for i := range 500 {
			m.To = append(m.To, list(fmt.Sprintf("r%d@example.com", i))...)
			m.Cc = append(m.Cc, list(fmt.Sprintf("R%d@example.com", i+250))...)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if to, cc := strings.Count(at(t, text, "personalizations.0.to"), "@"), strings.Count(at(t, text, "personalizations.0.cc"), "@"); to != 500 || cc != 250 {
		t.Errorf("got %d and %d recipients, want 500 and 250", to, cc)
	}
}

// TestMemory: an attachment of 10 MB costs no more than the buffers.
func TestMemory(t *testing.T) {
	m, err := mailer.Prepare(&mailer.Message{
		From: list("a@example.com")[0], To: list("b@example.com"), Subject: "s", Text: "t",
		Attachments: []mailer.Attachment{{Name: "a", Content: mailer.Bytes(make([]byte, 10<<20))}},
	})
	if err != nil {
		t.Fatal(err)
	}
	least := uint64(math.MaxUint64) // others may allocate meanwhile, and some things are made once
	for range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		b, err := encode(m, m, &Config{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.WriteTo(io.Discard); err != nil {
			t.Fatal(err)
		}
		b.Release()
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	if least > 100_000 {
		t.Errorf("%d bytes were allocated for 10 MB, want at most 100,000", least)
	}
}

// crlf returns s with every line end as CRLF.
func crlf(s string) string {
	return strings.NewReplacer("\r\n", "\r\n", "\r", "\r\n", "\n", "\r\n").Replace(s)
}

// FuzzEncode: whatever Prepare takes is a request that says the same.
func FuzzEncode(f *testing.F) {
	f.Add("Doe, Jane", "Subject", "text", "value", "a.txt")
	f.Add("\"\\\"", "\u2028\u2029", "<script>&\x7f", "\t=?utf-8?q?x?=", "ü{}[]\"\\.pdf")
	f.Fuzz(func(t *testing.T, name, subject, text, value, fileName string) {
		m, err := mailer.Prepare(&mailer.Message{
			From: mailer.Address{Name: name, Address: "a@example.com"}, To: list("b@example.com"), Subject: subject, Text: text,
			Headers: mailer.Header{{Name: "X-A", Value: value}}, Metadata: map[string]string{"k": value},
			Attachments: []mailer.Attachment{{Name: fileName, Content: mailer.Bytes([]byte(text + "x"))}},
		})
		if err != nil {
			return
		}
		b, err := encode(m, m, &Config{})
		if errors.Is(err, mailer.ErrUnsupported) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		defer b.Release()
		var written bytes.Buffer
		if n, err := b.WriteTo(&written); err != nil || n != b.Size() {
			t.Fatalf("wrote %d of %d bytes: %v", n, b.Size(), err)
		}
		var got mail.SGMailV3
		if err := json.Unmarshal(written.Bytes(), &got); err != nil {
			t.Fatalf("%v: %s", err, &written)
		}
		content, err := base64.StdEncoding.DecodeString(got.Attachments[0].Content)
		if err != nil || string(content) != text+"x" || got.From.Name != m.From.Name || got.Subject != m.Subject || got.Content[0].Value != crlf(text) ||
			got.Headers["X-A"] != value || got.CustomArgs["k"] != value || m.Attachments[0].Name != "" && got.Attachments[0].Filename != m.Attachments[0].Name {
			t.Errorf("got %+v from %+v", got, m)
		}
	})
}
