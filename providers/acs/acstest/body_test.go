package acstest

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// many returns n values made of format and their number, joined by commas.
func many(n int, format string) string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf(format, i)
	}
	return strings.Join(all, ",")
}

const bob = `"to":[{"address":"bob@example.org"}]`

func TestAccepted(t *testing.T) {
	s := Start(t, Config{})
	for name, members := range map[string]string{
		"plain":              ``,
		"html alone":         `"content":{"subject":"s","html":"<p>hi</p>"}`,
		"html with no text":  `"content":{"subject":"s","html":"<p>hi</p>","plainText":""}`,
		"both":               `"content":{"subject":"s","html":"<p>hi</p>","plainText":"hi"}`,
		"50 recipients":      `"recipients":{"to":[` + many(20, `{"address":"to%d@example.org"}`) + `],"cc":[` + many(20, `{"address":"cc%d@example.org"}`) + `],"bcc":[` + many(10, `{"address":"bcc%d@example.org","displayName":"ü"}`) + `]}`,
		"empty cc":           `"recipients":{` + bob + `,"cc":[],"bcc":[]}`,
		"several reply-to":   `"replyTo":[{"address":"a@example.com"},{"address":"b@example.com","displayName":"Doe, J"}]`,
		"headers":            `"headers":{"X-A":"ü","List-Unsubscribe":"<https://example.com/u>","In-Reply-To":"x"}`,
		"tracking off":       `"userEngagementTrackingDisabled":true`,
		"tracking on":        `"userEngagementTrackingDisabled":false`,
		"control in no case": `"headers":{"X-MS-ACSEMAIL-SUPPRESS-INVALID-ATTACHMENT":"True"}`,
		"no attachments":     `"attachments":[]`,
		"long address":       `"recipients":{"to":[{"address":"` + strings.Repeat("b", 308) + `@example.org"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			before := len(s.Messages())
			if g := send(t, s, with(t, members)); g.status != http.StatusAccepted {
				t.Fatalf("%d %s", g.status, g.body)
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
	s := Start(t, Config{})
	const to = "recipients.to"
	for _, tt := range []struct{ name, members, target string }{
		{"unknown member", `"x":1`, "x"},
		{"member in another case", `"Headers":{}`, "Headers"},
		{"unknown member of the content", `"content":{"subject":"s","plainText":"t","amp":"x"}`, "content.amp"},
		{"unknown member of the recipients", `"recipients":{` + bob + `,"x":[]}`, "recipients.x"},
		{"unknown member of an address", `"recipients":{"to":[{"address":"b@example.org","name":"B"}]}`, to + "[0].name"},
		{"no sender", `"senderAddress":null`, "senderAddress"},
		{"sender is an object", `"senderAddress":{"address":"ann@example.com"}`, "senderAddress"},
		{"empty sender", `"senderAddress":""`, "senderAddress"},
		{"sender with a name", `"senderAddress":"Ann <ann@example.com>"`, "senderAddress"},
		{"sender in brackets", `"senderAddress":"<ann@example.com>"`, "senderAddress"},
		{"sender not ASCII", `"senderAddress":"änn@example.com"`, "senderAddress"},
		{"no content", `"content":null`, "content"},
		{"content is a string", `"content":"hi"`, "content"},
		{"no subject", `"content":{"plainText":"t"}`, "content.subject"},
		{"empty subject", `"content":{"subject":" ","plainText":"t"}`, "content.subject"},
		{"subject is a number", `"content":{"subject":1,"plainText":"t"}`, "content.subject"},
		{"line break in the subject", `"content":{"subject":"a\r\nBcc: b","plainText":"t"}`, "content.subject"},
		{"no text", `"content":{"subject":"s"}`, "content.plainText"},
		{"empty texts", `"content":{"subject":"s","plainText":"","html":" "}`, "content.plainText"},
		{"html is an array", `"content":{"subject":"s","plainText":"t","html":["x"]}`, "content.html"},
		{"no recipients", `"recipients":null`, "recipients"},
		{"no to", `"recipients":{"cc":[{"address":"b@example.org"}]}`, to},
		{"empty to", `"recipients":{"to":[],"cc":[{"address":"b@example.org"}]}`, to},
		{"to is an object", `"recipients":{"to":{"address":"b@example.org"}}`, to},
		{"to is a string", `"recipients":{"to":["b@example.org"]}`, to + "[0]"},
		{"no address", `"recipients":{"to":[{"displayName":"B"}]}`, to + "[0].address"},
		{"address with a name", `"recipients":{"to":[{"address":"b@example.org"},{"address":"B <c@example.org>"}]}`, to + "[1].address"},
		{"address without a domain", `"recipients":{"to":[{"address":"b"}]}`, to + "[0].address"},
		{"address not ASCII", `"recipients":{"to":[{"address":"b@exämple.org"}]}`, to + "[0].address"},
		{"long address", `"recipients":{"to":[{"address":"` + strings.Repeat("b", 309) + `@example.org"}]}`, to + "[0].address"},
		{"line break in a name", `"recipients":{"to":[{"address":"b@example.org","displayName":"a\nb"}]}`, to + "[0].displayName"},
		{"bad cc", `"recipients":{` + bob + `,"cc":[{"address":"c"}]}`, "recipients.cc[0].address"},
		{"bad bcc", `"recipients":{` + bob + `,"bcc":[{"address":"c"}]}`, "recipients.bcc[0].address"},
		{"51 recipients", `"recipients":{` + bob + `,"bcc":[` + many(50, `{"address":"b%d@example.org"}`) + `]}`, "recipients"},
		{"bad reply-to", `"replyTo":[{"address":"c@"}]`, "replyTo[0].address"},
		{"reply-to is one", `"replyTo":{"address":"c@example.org"}`, "replyTo"},
		{"tracking is a string", `"userEngagementTrackingDisabled":"true"`, "userEngagementTrackingDisabled"},
		{"headers are an array", `"headers":[]`, "headers"},
		{"header is an array", `"headers":{"X-A":["x"]}`, "headers.X-A"},
		{"header twice", `"headers":{"X-A":"x","x-a":"y"}`, "headers.x-a"},
		{"header with a space", `"headers":{"X A":"x"}`, "headers.X A"},
		{"header with a colon", `"headers":{"X:A":"x"}`, "headers.X:A"},
		{"header of a colon", `"headers":{":":"x"}`, "headers.:"},
		{"header not ASCII", `"headers":{"X-Ä":"x"}`, "headers.X-Ä"},
		{"header without a name", `"headers":{"":"x"}`, "headers."},
		{"line break in a header", `"headers":{"X-A":"a\nBcc: b"}`, "headers.X-A"},
		{"reserved header", `"headers":{"REPLY-TO":"x@example.com"}`, "headers.REPLY-TO"},
		{"control that is no boolean", `"headers":{"x-ms-acsemail-validate-message-id":"1"}`, "headers.x-ms-acsemail-validate-message-id"},
		{"misspelled control", `"headers":{"X-MS-ACSEmail-Validate-MessageID":"true"}`, "headers.X-MS-ACSEmail-Validate-MessageID"},
		{"guard without an id", `"headers":{"x-ms-acsemail-validate-message-id":"true"}`, "headers.Message-ID"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := send(t, s, with(t, tt.members))
			if targets := g.targets(t); g.status != http.StatusBadRequest || !slices.Equal(targets, []string{tt.target}) {
				t.Errorf("%d %s, want %s", g.status, g.body, tt.target)
			}
		})
	}
	if len(s.Messages()) != 0 {
		t.Error("a message is held")
	}
}

func TestNotJSON(t *testing.T) {
	s := Start(t, Config{})
	for _, body := range []string{
		``, `{`, `[]`, `null`, `"x"`, plain + `{}`, `{"senderAddress":}`, strings.Replace(plain, "hi", "\xff", 1),
		strings.Replace(plain, `"subject"`, `"subject": "first", "subject"`, 1),
		strings.Replace(plain, `"subject"`, `"x": `+strings.Repeat("[", 100)+strings.Repeat("]", 100)+`, "subject"`, 1),
	} {
		g := call(t, s, http.MethodPost, sendTarget, body, map[string]string{"Content-Type": "application/json"})
		if g.status != http.StatusBadRequest || g.failure(t).Code != "BadRequest" {
			t.Errorf("%q: %d %s", body, g.status, g.body)
		}
	}
}

// TestNames: a message calls what it is about by its name.
func TestNames(t *testing.T) {
	s := Start(t, Config{})
	for body, want := range map[string]string{
		`[]`:                            "The body should be an object.",
		with(t, `"content":"hi"`):       "content should be an object.",
		with(t, `"recipients":{}`):      "recipients.to is required.",
		with(t, `"replyTo":[{}]`):       "replyTo[0].address is required.",
		with(t, `"headers":{"X-A":[]}`): "headers.X-A should be a string.",
	} {
		if got := send(t, s, body).failure(t).Message; got != want {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
}

// TestAllProblems: the code is that of the first, and all are in the details.
func TestAllProblems(t *testing.T) {
	s := Start(t, Config{})
	g := send(t, s, with(t, `"senderAddress":"x","recipients":{"to":[{"address":"y"}]},"zzz":1`))
	want := []string{"recipients.to[0].address", "senderAddress", "zzz"}
	if e := g.failure(t); e.Code != "InvalidEmailAddress" || !slices.Equal(g.targets(t), want) {
		t.Errorf("%s", g.body)
	}
}

func TestRequestSize(t *testing.T) {
	filled := func(bytes int) string {
		body := with(t, `"content":{"subject":"s","plainText":"@"}`)
		return strings.Replace(body, "@", strings.Repeat("x", bytes-len(body)+1), 1)
	}
	s := Start(t, Config{MaxRequestBytes: 1000})
	for bytes, want := range map[int]int{1000: http.StatusAccepted, 1001: http.StatusRequestEntityTooLarge} {
		if g := send(t, s, filled(bytes)); g.status != want {
			t.Errorf("%d bytes: %d, want %d", bytes, g.status, want)
		}
	}
	if d := (Config{}).withDefaults(); d.MaxRequestBytes != 10_000_000 || d.MaxRecipients != 50 {
		t.Errorf("defaults %+v", d)
	}
}

func TestHeldMessage(t *testing.T) {
	c := newClock()
	s := Start(t, Config{Now: c.now})
	body := `{
		"headers": {"X-Tag": "a", "Message-ID": "<1@example.com>"},
		"senderAddress": "ann@example.com",
		"content": {"subject": "sub", "plainText": "text", "html": "<p>html</p>"},
		"recipients": {
			"to": [{"address": "to@example.org", "displayName": "To, T"}],
			"cc": [{"address": "cc@example.org"}],
			"bcc": [{"address": "bcc@example.org"}]
		},
		"replyTo": [{"address": "reply@example.com", "displayName": "R"}],
		"attachments": [{"name": "a.txt", "contentType": "text/plain", "contentInBase64": "aGk=", "contentId": "c1"}],
		"userEngagementTrackingDisabled": true
	}`
	if g := sendAs(t, s, id1, body); g.status != http.StatusAccepted {
		t.Fatalf("%d %s", g.status, g.body)
	}
	want := Message{
		OperationID: id1, MessageID: "<1@example.com>", Sender: "ann@example.com",
		To: []Address{{"to@example.org", "To, T"}}, Cc: []Address{{"cc@example.org", ""}}, Bcc: []Address{{"bcc@example.org", ""}},
		ReplyTo: []Address{{"reply@example.com", "R"}}, Subject: "sub", Text: "text", HTML: "<p>html</p>",
		Attachments:      []Attachment{{"a.txt", "text/plain", "c1", []byte("hi")}},
		Headers:          map[string]string{"X-Tag": "a", "Message-ID": "<1@example.com>"},
		TrackingDisabled: true, APIVersion: "2025-09-01", Time: c.now(),
	}
	got := s.Messages()[0]
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if all := got.Recipients(); !slices.Equal(all, []string{"to@example.org", "cc@example.org", "bcc@example.org"}) {
		t.Errorf("recipients %q", all)
	}
	if got.Header("x-tag") != "a" || got.Header("x") != "" {
		t.Errorf("headers %v", got.Headers)
	}
}

func TestSender(t *testing.T) {
	s := Start(t, Config{LinkedDomains: []string{"example.com", "example.net"}, SenderUsers: []string{"Ann"}})
	for _, tt := range []struct {
		sender string
		status int
		code   string
	}{
		{"ann@example.com", 202, ""},
		{"ANN@EXAMPLE.net", 202, ""},
		{"ann@mail.example.com", 404, "DomainNotLinked"},
		{"bob@example.org", 404, "DomainNotLinked"},
		{"bob@example.com", 400, "InvalidSenderUserName"},
	} {
		g := send(t, s, with(t, `"senderAddress":"`+tt.sender+`"`))
		if g.status != tt.status || tt.code != "" && g.failure(t).Code != tt.code {
			t.Errorf("%s: %d %s", tt.sender, g.status, g.body)
		}
	}
}
