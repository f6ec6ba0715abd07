package mailguntest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/mail"
	"net/textproto"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/providers/mailgun/mailguntest"
)

// A formPart is a field, or where it has a filename a file.
type formPart struct{ name, value, filename, contentType string }

// post sends a form as a program with net/http would, and returns the id of the reply.
func post(t testing.TB, srv *mailguntest.Server, path string, parts []formPart) string {
	t.Helper()
	res := tryPost(t, srv, path, parts)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	var reply struct{ ID, Message string }
	if err != nil || json.Unmarshal(body, &reply) != nil || res.StatusCode != http.StatusOK || reply.ID == "" {
		t.Fatalf("got %d %s, %v", res.StatusCode, body, err)
	}
	return reply.ID
}

func tryPost(t testing.TB, srv *mailguntest.Server, path string, parts []formPart) *http.Response {
	t.Helper()
	res, err := http.DefaultClient.Do(newPost(t, srv, path, parts))
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func newPost(t testing.TB, srv *mailguntest.Server, path string, parts []formPart) *http.Request {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for _, p := range parts {
		h := textproto.MIMEHeader{"Content-Disposition": {fmt.Sprintf("form-data; name=%q", p.name)}}
		if p.filename != "" {
			h.Set("Content-Disposition", multipart.FileContentDisposition(p.name, p.filename))
			h.Set("Content-Type", p.contentType)
		}
		pw, err := w.CreatePart(h)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = pw.Write([]byte(p.value)) // to memory
	}
	_ = w.Close()
	req, err := http.NewRequest(http.MethodPost, srv.URL()+"/v3/"+mailguntest.DefaultDomain+"/"+path, &body)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("api", srv.Key())
	req.Header.Set("Content-Type", w.FormDataContentType())
	return req
}

func get(t testing.TB, srv *mailguntest.Server, url string, into any) int {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("api", srv.Key())
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(into); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode
}

const pixel = "\x89PNG\r\n\x1a\n\x00\xff"

var (
	ann   = mail.Address{Name: "Änn", Address: "ann@example.com"}
	bob   = mail.Address{Name: "Bob", Address: "bob@example.org"}
	carol = mail.Address{Address: "carol@example.org"}
	dan   = mail.Address{Address: "dan@example.org"}
)

func TestRoundTripOfMessages(t *testing.T) {
	srv := mailguntest.Start(t, mailguntest.Config{})
	when := time.Now().Add(time.Hour).Truncate(time.Second)
	id := post(t, srv, "messages", []formPart{
		{name: "from", value: ann.String()}, {name: "to", value: bob.String()}, {name: "to", value: "BOB@example.org"},
		{name: "cc", value: "carol@example.org"}, {name: "bcc", value: "dan@example.org"},
		{name: "subject", value: "grüße"}, {name: "text", value: "hi\r\nthere"}, {name: "html", value: "<img src=cid:logo.png>"}, {name: "amp-html", value: "<!doctype html>"},
		{name: "h:Message-Id", value: "<one@example.com>"}, {name: "h:Reply-To", value: "dan@example.org"}, {name: "h:X-A", value: "1"}, {name: "h:X-A", value: "2"},
		{name: "o:tag", value: "welcome"}, {name: "o:tag", value: "first"}, {name: "o:tracking", value: "no"},
		{name: "o:testmode", value: "yes"}, {name: "o:deliverytime", value: when.Format(time.RFC1123Z)}, {name: "v:user", value: "7"},
		{name: "recipient-variables", value: `{"bob@example.org":{"n":1}}`},
		{name: "attachment", value: "a,b\r\n", filename: "täble.csv", contentType: "text/csv"},
		{name: "inline", value: pixel, filename: "logo.png", contentType: "image/png"},
	})
	want := mailguntest.Message{
		ID: "<one@example.com>", Endpoint: "messages", Domain: mailguntest.DefaultDomain,
		Recipients: []string{"bob@example.org", "carol@example.org", "dan@example.org"},
		From:       ann, To: []mail.Address{bob, {Address: "BOB@example.org"}}, Cc: []mail.Address{carol}, Bcc: []mail.Address{dan}, ReplyTo: []mail.Address{dan},
		Subject: "grüße", Text: "hi\r\nthere", HTML: "<img src=cid:logo.png>", AMPHTML: "<!doctype html>", MessageID: "<one@example.com>",
		Headers: []mailguntest.Header{
			{Name: "Message-Id", Value: "<one@example.com>"}, {Name: "Reply-To", Value: "dan@example.org"},
			{Name: "X-A", Value: "1"}, {Name: "X-A", Value: "2"},
		},
		Attachments:        []mailguntest.Attachment{{Name: "täble.csv", ContentType: "text/csv", Data: []byte("a,b\r\n")}},
		Inlines:            []mailguntest.Attachment{{Name: "logo.png", ContentType: "image/png", ContentID: "logo.png", Data: []byte(pixel)}},
		Tags:               []string{"welcome", "first"},
		Options:            map[string]string{"tracking": "no", "testmode": "yes", "deliverytime": when.Format(time.RFC1123Z)},
		Variables:          map[string]string{"user": "7"},
		RecipientVariables: map[string]map[string]any{"bob@example.org": {"n": 1.0}},
		TestMode:           true,
	}
	got := onlyMessage(t, srv)
	if !got.DeliveryTime.Equal(when) {
		t.Errorf("got delivery time %v, want %v", got.DeliveryTime, when)
	}
	got.DeliveryTime = time.Time{}
	wantMessage(t, got, want)
	if id != want.ID {
		t.Errorf("got id %q, want %q", id, want.ID)
	}
}

// wantMessage compares field by field.
func wantMessage(t *testing.T, got, want mailguntest.Message) {
	t.Helper()
	g, w := reflect.ValueOf(got), reflect.ValueOf(want)
	for i := range g.NumField() {
		if a, b := g.Field(i).Interface(), w.Field(i).Interface(); !reflect.DeepEqual(a, b) {
			t.Errorf("%s: got %+v, want %+v", g.Type().Field(i).Name, a, b)
		}
	}
}

// onlyMessage returns the one message that is held, without the time.
func onlyMessage(t *testing.T, srv *mailguntest.Server) mailguntest.Message {
	t.Helper()
	messages := srv.Messages()
	if v := srv.Violations(); len(v) > 0 || len(messages) != 1 {
		t.Fatalf("got %d messages and the violations %q", len(messages), v)
	}
	if age := time.Since(messages[0].AcceptedAt); age < 0 || age > time.Minute {
		t.Errorf("accepted %v ago", age)
	}
	messages[0].AcceptedAt = time.Time{}
	return messages[0]
}

var richMIME = strings.ReplaceAll(`From: =?utf-8?q?=C3=84nn?= <ann@example.com>
To: Bob <bob@example.org>
Cc: carol@example.org
Reply-To: dan@example.org
Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?=
 =?utf-8?q?_an_alle?=
Message-ID: <one@example.com>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=outer

--outer
Content-Type: multipart/alternative; boundary=inner

--inner
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

gr=C3=BC=C3=9Fe
second line
--inner
Content-Type: text/html; charset=iso-8859-1
Content-Transfer-Encoding: base64

PGltZyBzcmM9Y2lkOmxvZ28+/A==
--inner
Content-Type: text/x-amp-html; charset=utf-8

<!doctype html>
--inner--
--outer
Content-Type: image/png
Content-ID: <logo>
Content-Disposition: inline; filename=logo.png
Content-Transfer-Encoding: base64

iVBORw0K
GgoA/w==
--outer
Content-Type: text/plain
Content-Disposition: attachment; filename*=utf-8''n%C3%B6te.txt

note
--outer--
`, "\n", "\r\n")

func TestRoundTripOfMIME(t *testing.T) {
	srv := mailguntest.Start(t, mailguntest.Config{})
	id := post(t, srv, "messages.mime", []formPart{
		{name: "to", value: "bob@example.org, carol@example.org"}, {name: "to", value: "dan@example.org"},
		{name: "message", value: richMIME, filename: "message.mime", contentType: "message/rfc2822"},
		{name: "o:tag", value: "welcome"}, {name: "v:user", value: "7"}, {name: "h:X-A", value: "1"},
		{name: "template", value: "w"}, {name: "t:version", value: "v2"}, {name: "t:variables", value: `{"n":1}`},
	})
	got := onlyMessage(t, srv)
	want := mailguntest.Message{
		ID: "<one@example.com>", Endpoint: "messages.mime", Domain: mailguntest.DefaultDomain,
		Recipients: []string{"bob@example.org", "carol@example.org", "dan@example.org"},
		From:       ann, To: []mail.Address{bob}, Cc: []mail.Address{carol}, ReplyTo: []mail.Address{dan},
		Subject: "grüße an alle", Text: "grüße\nsecond line", HTML: "<img src=cid:logo>ü", AMPHTML: "<!doctype html>",
		MessageID: "<one@example.com>",
		Headers: []mailguntest.Header{
			{Name: "From", Value: "=?utf-8?q?=C3=84nn?= <ann@example.com>"}, {Name: "To", Value: "Bob <bob@example.org>"},
			{Name: "Cc", Value: "carol@example.org"}, {Name: "Reply-To", Value: "dan@example.org"},
			{Name: "Subject", Value: "=?utf-8?q?gr=C3=BC=C3=9Fe?= =?utf-8?q?_an_alle?="}, {Name: "Message-ID", Value: "<one@example.com>"},
			{Name: "MIME-Version", Value: "1.0"}, {Name: "Content-Type", Value: "multipart/mixed; boundary=outer"}, {Name: "X-A", Value: "1"},
		},
		Attachments: []mailguntest.Attachment{{Name: "nöte.txt", ContentType: "text/plain", Data: []byte("note")}},
		Inlines:     []mailguntest.Attachment{{Name: "logo.png", ContentType: "image/png", ContentID: "logo", Data: []byte(pixel)}},
		MIME:        []byte(richMIME),
		Tags:        []string{"welcome"}, Variables: map[string]string{"user": "7"},
		Template: "w", TemplateVersion: "v2", TemplateVariables: map[string]any{"n": 1.0},
	}
	wantMessage(t, got, want)
	if id != want.ID {
		t.Errorf("got id %q, want %q", id, want.ID)
	}
	if got.Header("x-a") != "1" || got.Header("X-B") != "" {
		t.Errorf("got headers %q and %q", got.Header("x-a"), got.Header("X-B"))
	}
}

// TestMintedID: without a Message-ID of its own, the message gets one.
func TestMintedID(t *testing.T) {
	srv := mailguntest.Start(t, mailguntest.Config{})
	ids := map[string]bool{}
	for range 2 {
		ids[post(t, srv, "messages", smallest("hello"))] = true
		ids[post(t, srv, "messages.mime", []formPart{
			{name: "to", value: "bob@example.org"}, {name: "message", value: "From: ann@example.com\n\nhi\n", filename: "m"},
		})] = true
	}
	for id := range ids {
		if !strings.HasPrefix(id, "<") || !strings.HasSuffix(id, "@"+mailguntest.DefaultDomain+">") {
			t.Errorf("got id %q", id)
		}
	}
	for _, m := range srv.Messages() {
		if !ids[m.ID] || m.MessageID != "" || m.Text != "hi" && m.Text != "hi\n" {
			t.Errorf("got %+v", m)
		}
	}
	if len(ids) != 4 || len(srv.Messages()) != 4 {
		t.Errorf("got ids %v of %d messages", ids, len(srv.Messages()))
	}
}

func smallest(subject string) []formPart {
	return []formPart{
		{name: "from", value: "ann@example.com"}, {name: "to", value: "bob@example.org"},
		{name: "subject", value: subject}, {name: "text", value: "hi"},
	}
}
