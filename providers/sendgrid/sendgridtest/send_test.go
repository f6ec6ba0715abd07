package sendgridtest

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// many returns n values made of format and their number, joined by commas.
func many(n int, format string) string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf(format, i)
	}
	return strings.Join(all, ",")
}

func TestAccepted(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s := Start(t, Config{Now: func() time.Time { return now }, VerifiedSenders: []string{"Ann@example.com", "example.net"}})
	for _, tt := range []struct{ name, top, personalization string }{
		{"plain", ``, ``},
		{"all bodies", `"content":[{"type":"text/plain","value":"a"},{"type":"text/html","value":"b"},{"type":"text/calendar","value":"c"}]`, ``},
		{"html alone", `"content":[{"type":"text/html","value":"b"}]`, ``},
		{"a verified domain", `"from":{"email":"who@EXAMPLE.net","name":"a, b; c"}`, ``},
		{"from of a personalization", ``, `"from":{"email":"ANN@example.com"}`},
		{"subject of a personalization", `"subject":null`, `"subject":"mine"`},
		{"template without subject and content", `"subject":null,"content":null,"template_id":"d-1"`, `"dynamic_template_data":{"a":[1,{"b":null}]}`},
		{"old template", `"template_id":"abc","sections":{"%a%":"b"}`, `"substitutions":{"%x%":"y"}`},
		{"a quoted name", ``, `"cc":[{"email":"c@example.org","name":"\"Doe, \\\"J\\\"\""}]`},
		{"send_at", `"send_at":1772625600`, ``}, // 72 hours after now
		{"send_at in the past", `"send_at":1`, ``},
		{"headers", `"headers":{"List-Unsubscribe":"<https://example.com/u>","X-A":"ü"}`, `"headers":{"x-a":"b"}`},
		{"attachments", `"attachments":[{"content":"aGk=","filename":"a.txt","type":"text/plain","disposition":"inline","content_id":"c"}]`, ``},
		{"categories", `"categories":["a","A"]`, ``},
		{"reply_to_list", `"reply_to_list":[{"email":"a@example.com"},{"email":"b@example.com","name":"B"}]`, ``},
		{"asm", `"asm":{"group_id":1,"groups_to_display":[1,2]},"ip_pool_name":"pool"`, ``},
		{"settings", `"mail_settings":{"bypass_list_management":{"enable":true},"footer":{"enable":true,"text":"t","html":"h"}},
			"tracking_settings":{"click_tracking":{"enable":false,"enable_text":false},"ganalytics":{"enable":true,"utm_term":"x"}}`, ``},
		{"1000 recipients", ``, `"to":[` + many(600, `{"email":"to%d@example.org"}`) + `],"bcc":[` + many(400, `{"email":"bcc%d@example.org"}`) + `]`},
		{"custom_args", `"custom_args":{"k":"` + strings.Repeat("v", 10_000-len(`{"k":""}`)) + `"}`, ``},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := len(s.Messages())
			body := with(t, tt.top, tt.personalization)
			if g := send(t, s, body); g.status != http.StatusAccepted || g.body != "" || len(g.header.Get("X-Message-Id")) != 22 {
				t.Fatalf("%d %v %s", g.status, g.header, g.body)
			}
			if n := len(s.Messages()) - before; n != 1 {
				t.Errorf("%d messages are held", n)
			}
		})
	}
	if v := s.Violations(); len(v) > 0 {
		t.Errorf("violations: %q", v)
	}
}

func TestRefused(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s := Start(t, Config{Now: func() time.Time { return now }})
	for _, tt := range []struct{ name, top, personalization, field string }{
		{"unknown field", `"x":1`, ``, "x"},
		{"unknown field within", `"from":{"email":"a@example.com","mail":"x"}`, ``, "from.mail"},
		{"unknown field of a personalization", ``, `"categories":["a"]`, "personalizations.0.categories"},
		{"setting that is gone", `"mail_settings":{"spam_check":{"enable":true}}`, ``, "mail_settings.spam_check"},
		{"null", `"personalizations":[{"to":[{"email":"b@example.org"}],"cc":null}]`, ``, "personalizations.0.cc"},
		{"no from", `"from":null`, ``, "from"},
		{"from is a string", `"from":"a@example.com"`, ``, "from"},
		{"from without email", `"from":{"name":"A"}`, ``, "from.email"},
		{"from not ASCII", `"from":{"email":"ä@example.com"}`, ``, "from.email"},
		{"no personalizations", `"personalizations":null`, ``, "personalizations"},
		{"empty personalizations", `"personalizations":[]`, ``, "personalizations"},
		{"1001 personalizations", `"personalizations":[` + many(1001, `{"to":[{"email":"b%d@example.org"}]}`) + `]`, ``, "personalizations"},
		{"no to", ``, `"to":null,"cc":[{"email":"c@example.org"}]`, "personalizations.0.to"},
		{"empty to", ``, `"to":[]`, "personalizations.0.to"},
		{"empty cc", ``, `"cc":[]`, "personalizations.0.cc"},
		{"bad address", ``, `"to":[{"email":"b@example.org"},{"email":"B <c@example.org>"}]`, "personalizations.0.to.1.email"},
		{"address twice", ``, `"cc":[{"email":"BOB@example.org"}]`, "personalizations.0.cc.0.email"},
		{"1001 recipients", ``, `"to":[` + many(1001, `{"email":"b%d@example.org"}`) + `]`, "personalizations"},
		{"comma in a name", ``, `"to":[{"email":"b@example.org","name":"Doe, J"}]`, "personalizations.0.to.0.name"},
		{"semicolon in a name", ``, `"bcc":[{"email":"c@example.org","name":"a;b"}]`, "personalizations.0.bcc.0.name"},
		{"half a quoted name", ``, `"to":[{"email":"b@example.org","name":"\"Doe\", \"J\""}]`, "personalizations.0.to.0.name"},
		{"line break in a name", `"from":{"email":"a@example.com","name":"a\nb"}`, ``, "from.name"},
		{"from of another domain", ``, `"from":{"email":"ann@example.org"}`, "personalizations.0.from.email"},
		{"no subject", `"subject":null`, ``, "subject"},
		{"empty subject", `"subject":""`, ``, "subject"},
		{"line break in the subject", `"subject":"a\r\nBcc: x"`, ``, "subject"},
		{"no content", `"content":null`, ``, "content"},
		{"empty value", `"content":[{"type":"text/plain","value":""}]`, ``, "content.0.value"},
		{"html first", `"content":[{"type":"text/html","value":"b"},{"type":"text/plain","value":"a"}]`, ``, "content.1.type"},
		{"calendar first", `"content":[{"type":"text/calendar","value":"b"},{"type":"text/html","value":"a"}]`, ``, "content.1.type"},
		{"plain twice", `"content":[{"type":"text/plain","value":"b"},{"type":"text/plain","value":"a"}]`, ``, "content.1.type"},
		{"charset", `"content":[{"type":"text/plain; charset=utf-8","value":"b"}]`, ``, "content.0.type"},
		{"attachment without a name", `"attachments":[{"content":"aGk="}]`, ``, "attachments.0.filename"},
		{"not base64", `"attachments":[{"content":"aGk","filename":"a"}]`, ``, "attachments.0.content"},
		{"base64 with line breaks", `"attachments":[{"content":"aG\r\nk=","filename":"a"}]`, ``, "attachments.0.content"},
		{"empty attachment", `"attachments":[{"content":"","filename":"a"}]`, ``, "attachments.0.content"},
		{"semicolon in a filename", `"attachments":[{"content":"aGk=","filename":"a;b"}]`, ``, "attachments.0.filename"},
		{"parameter in a type", `"attachments":[{"content":"aGk=","filename":"a","type":"text/plain;charset=x"}]`, ``, "attachments.0.type"},
		{"line break in a content id", `"attachments":[{"content":"aGk=","filename":"a","content_id":"x\ny"}]`, ``, "attachments.0.content_id"},
		{"disposition", `"attachments":[{"content":"aGk=","filename":"a","disposition":"other"}]`, ``, "attachments.0.disposition"},
		{"reserved header", `"headers":{"REPLY-TO":"x@example.com"}`, ``, "headers.REPLY-TO"},
		{"reserved header of a personalization", ``, `"headers":{"dkim-signature":"x"}`, "personalizations.0.headers.dkim-signature"},
		{"header with a space", `"headers":{"X A":"x"}`, ``, "headers.X A"},
		{"header twice", `"headers":{"X-A":"x","x-a":"y"}`, ``, "headers.x-a"},
		{"number in a header", `"headers":{"X-A":1}`, ``, "headers.X-A"},
		{"line break in a header", `"headers":{"X-A":"a\nBcc: b"}`, ``, "headers.X-A"},
		{"11 categories", `"categories":[` + many(11, `"c%d"`) + `]`, ``, "categories"},
		{"category twice", `"categories":["a","a"]`, ``, "categories.1"},
		{"category not ASCII", `"categories":["ä"]`, ``, "categories.0"},
		{"long category", `"categories":["` + strings.Repeat("c", 256) + `"]`, ``, "categories.0"},
		{"custom_args is a string", `"custom_args":"x"`, ``, "custom_args"},
		{"number in custom_args", `"custom_args":{"a":1}`, ``, "custom_args.a"},
		{"large custom_args", `"custom_args":{"k":"` + strings.Repeat("v", 10_000) + `"}`, ``, "custom_args"},
		{"large custom_args together", `"custom_args":{"a":"` + strings.Repeat("v", 5_000) + `"}`, `"custom_args":{"b":"` + strings.Repeat("v", 5_000) + `"}`, "personalizations.0.custom_args"},
		{"large substitutions", `"template_id":"a"`, `"substitutions":{"b":"` + strings.Repeat("v", 10_000) + `"}`, "personalizations.0.substitutions"},
		{"151 substitutions", ``, `"substitutions":{` + many(151, `"s%d":""`) + `}`, "personalizations.0.substitutions"},
		{"send_at too late", `"send_at":1772625601`, ``, "send_at"},
		{"send_at in milliseconds", ``, `"send_at":1772366400000`, "personalizations.0.send_at"},
		{"send_at with a fraction", `"send_at":1.5`, ``, "send_at"},
		{"send_at is a string", `"send_at":"1"`, ``, "send_at"},
		{"unknown batch", `"batch_id":"x"`, ``, "batch_id"},
		{"two kinds of reply_to", `"reply_to":{"email":"a@example.com"},"reply_to_list":[{"email":"b@example.com"}]`, ``, "reply_to_list"},
		{"reply_to_list with one twice", `"reply_to_list":[{"email":"b@example.com"},{"email":"B@example.com"}]`, ``, "reply_to_list.1.email"},
		{"dynamic data without a template", ``, `"dynamic_template_data":{}`, "personalizations.0.dynamic_template_data"},
		{"substitutions with a dynamic template", `"template_id":"d-1"`, `"substitutions":{"a":"b"}`, "personalizations.0.substitutions"},
		{"asm without a group", `"asm":{"groups_to_display":[1]}`, ``, "asm.group_id"},
		{"26 groups", `"asm":{"group_id":1,"groups_to_display":[` + many(26, `%d`) + `]}`, ``, "asm.groups_to_display"},
		{"short pool name", `"ip_pool_name":"x"`, ``, "ip_pool_name"},
		{"bypasses together", `"mail_settings":{"bypass_list_management":{"enable":true},"bypass_spam_management":{"enable":true}}`, ``, "mail_settings.bypass_spam_management"},
		{"enable is a string", `"tracking_settings":{"open_tracking":{"enable":"true"}}`, ``, "tracking_settings.open_tracking.enable"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := send(t, s, with(t, tt.top, tt.personalization))
			if fields := g.fields(t); g.status != http.StatusBadRequest || !slices.Equal(fields, []string{tt.field}) {
				t.Errorf("%d, fields %q, want 400 for %q: %s", g.status, fields, tt.field, g.body)
			}
		})
	}
	if held := s.Messages(); len(held) > 0 {
		t.Errorf("%d refused messages are held", len(held))
	}
}

func TestRefusedJSON(t *testing.T) {
	s := Start(t, Config{})
	deep := strings.Repeat(`{"a":`, 100) + `1` + strings.Repeat(`}`, 100)
	for _, tt := range []struct{ name, body, field string }{
		{"empty", ``, "<null>"},
		{"no object", `[]`, "<null>"},
		{"cut", plain[:len(plain)-1], "<null>"},
		{"two values", plain + plain, "<null>"},
		{"not UTF-8", strings.Replace(plain, "hello", "h\xffllo", 1), "<null>"},
		{"key twice", strings.Replace(plain, `"subject"`, `"subject":"a","subject"`, 1), "subject"},
		{"key twice within", strings.Replace(plain, `"email"`, `"email":"a@example.com","email"`, 1), "email"},
		{"deep", with(t, `"template_id":"d-1"`, `"dynamic_template_data":`+deep), "<null>"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := send(t, s, tt.body)
			if fields := g.fields(t); g.status != http.StatusBadRequest || !slices.Equal(fields, []string{tt.field}) {
				t.Errorf("%d, fields %q, want 400 for %q", g.status, fields, tt.field)
			}
		})
	}
}

func TestSeveralErrors(t *testing.T) {
	s := Start(t, Config{})
	g := send(t, s, with(t, `"subject":null`, `"to":[{"email":"x"}]`))
	if want := []string{"personalizations.0.to.0.email", "subject"}; !slices.Equal(g.fields(t), want) {
		t.Errorf("fields %q, want %q", g.fields(t), want)
	}
}

func TestRoundTrip(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s := Start(t, Config{Now: func() time.Time { return now }})
	g := send(t, s, `{
		"from": {"email": "ann@example.com", "name": "Ann Ö"},
		"reply_to": {"email": "reply@example.com"},
		"subject": "for all",
		"content": [{"type": "text/plain", "value": "a\nb"}, {"type": "text/html", "value": "<b>&amp;</b>"}],
		"attachments": [{"content": "AAH+/w==", "filename": "a.bin"}],
		"headers": {"X-A": "1", "X-B": "1"}, "custom_args": {"id": "7", "who": "all"},
		"categories": ["c"], "send_at": 1772366460,
		"asm": {"group_id": 12},
		"personalizations": [
			{"to": [{"email": "b@example.org", "name": "\"B, \\\"b\\\"\""}], "cc": [{"email": "c@example.org"}], "bcc": [{"email": "d@example.org"}],
			 "subject": "for b", "headers": {"x-b": "2"}, "custom_args": {"who": "b"}},
			{"to": [{"email": "e@example.org"}], "from": {"email": "other@example.com"}, "send_at": 1}
		]}`)
	if g.status != http.StatusAccepted {
		t.Fatalf("%d %s", g.status, g.body)
	}
	held := s.Messages()
	if len(held) != 2 {
		t.Fatalf("%d messages", len(held))
	}
	if asm, ok := held[0].Rest["asm"].(map[string]any); !ok || fmt.Sprint(asm["group_id"]) != "12" {
		t.Errorf("Rest %v", held[0].Rest)
	}
	if held[0].Header("X-B") != "2" || held[1].Header("x-b") != "1" || held[0].Header("X-C") != "" {
		t.Errorf("headers %v, %v", held[0].Headers, held[1].Headers)
	}
	held[0].Rest, held[1].Rest = nil, nil
	first := Message{
		ID: g.header.Get("X-Message-Id"), From: Address{"ann@example.com", "Ann Ö"}, Time: now,
		To: []Address{{"b@example.org", `B, "b"`}}, Cc: []Address{{"c@example.org", ""}}, Bcc: []Address{{"d@example.org", ""}},
		ReplyTo: []Address{{"reply@example.com", ""}}, Subject: "for b",
		Contents:    []Content{{"text/plain", "a\nb"}, {"text/html", "<b>&amp;</b>"}},
		Attachments: []Attachment{{Filename: "a.bin", Disposition: "attachment", Content: []byte{0, 1, 0xfe, 0xff}}},
		Headers:     map[string]string{"X-A": "1", "x-b": "2"}, CustomArgs: map[string]string{"id": "7", "who": "b"},
		Categories: []string{"c"}, SendAt: time.Unix(1772366460, 0), Substitutions: map[string]string{},
	}
	if !reflect.DeepEqual(held[0], first) {
		t.Errorf("got  %+v\nwant %+v", held[0], first)
	}
	second := first
	second.Index, second.From, second.Subject = 1, Address{"other@example.com", ""}, "for all"
	second.To, second.Cc, second.Bcc, second.SendAt = []Address{{"e@example.org", ""}}, nil, nil, time.Time{}
	second.Headers, second.CustomArgs = map[string]string{"X-A": "1", "X-B": "1"}, map[string]string{"id": "7", "who": "all"}
	if !reflect.DeepEqual(held[1], second) {
		t.Errorf("got  %+v\nwant %+v", held[1], second)
	}
}

func TestSandbox(t *testing.T) {
	s := Start(t, Config{})
	const on = `"mail_settings":{"sandbox_mode":{"enable":true}}`
	if g := send(t, s, with(t, on, ``)); g.status != http.StatusOK || g.header.Get("X-Message-Id") != "" {
		t.Errorf("%d %v", g.status, g.header)
	}
	if g := send(t, s, with(t, on+`,"subject":null`, ``)); g.status != http.StatusBadRequest {
		t.Errorf("%d: what is invalid is so in the sandbox", g.status)
	}
	if len(s.Messages()) != 0 || len(s.Sandboxed()) != 1 || !s.Sandboxed()[0].Sandbox {
		t.Errorf("held %v, sandboxed %v", s.Messages(), s.Sandboxed())
	}
}

func TestSenders(t *testing.T) {
	s := Start(t, Config{VerifiedSenders: []string{"example.net", "ann@example.com"}})
	for email, want := range map[string]int{"ann@example.com": 202, "bob@example.com": 403, "x@example.net": 202, "x@sub.example.net": 403} {
		if g := send(t, s, with(t, `"from":{"email":"`+email+`"}`, ``)); g.status != want {
			t.Errorf("%s: %d, want %d", email, g.status, want)
		}
	}
	if g := send(t, s, with(t, ``, `"from":{"email":"bob@example.com"}`)); g.status != http.StatusForbidden || g.fields(t)[0] != "from" {
		t.Errorf("from of a personalization: %d %s", g.status, g.body)
	}
}

func TestCredits(t *testing.T) {
	s := Start(t, Config{Credits: 3})
	two := with(t, ``, `"cc":[{"email":"c@example.org"}]`)
	for i, tt := range []struct {
		body string
		want int
	}{{two, 202}, {two, 401}, {plain, 202}, {plain, 401}} {
		if g := send(t, s, tt.body); g.status != tt.want {
			t.Errorf("%d: %d, want %d", i, g.status, tt.want)
		}
	}
}

func TestTooLarge(t *testing.T) {
	s := Start(t, Config{MaxMessageBytes: int64(len(plain)) + 1})
	if g := send(t, s, plain); g.status != http.StatusAccepted {
		t.Errorf("one byte below: %d", g.status)
	}
	if g := send(t, s, plain+" "); g.status != http.StatusRequestEntityTooLarge || g.header.Get("Content-Type") != "text/html" {
		t.Errorf("at the limit: %d %v", g.status, g.header)
	}
	if s.Stats().Whole != 1 {
		t.Errorf("%d bodies were read", s.Stats().Whole)
	}
}

func TestBatch(t *testing.T) {
	s := Start(t, Config{})
	g := call(t, s, http.MethodPost, "/v3/mail/batch", "", nil)
	id := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(g.body), `{"batch_id":"`), `"}`)
	if g.status != http.StatusCreated || id == "" {
		t.Fatalf("%d %s", g.status, g.body)
	}
	if g := call(t, s, http.MethodGet, "/v3/mail/batch/"+id, "", nil); g.status != http.StatusOK || !strings.Contains(g.body, id) {
		t.Errorf("%d %s", g.status, g.body)
	}
	if g := call(t, s, http.MethodGet, "/v3/mail/batch/x", "", nil); g.status != http.StatusBadRequest {
		t.Errorf("%d %s", g.status, g.body)
	}
	if g := send(t, s, with(t, `"batch_id":"`+id+`"`, ``)); g.status != http.StatusAccepted || s.Messages()[0].BatchID != id {
		t.Errorf("%d %s", g.status, g.body)
	}
}
