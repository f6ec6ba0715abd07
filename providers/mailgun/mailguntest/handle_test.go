package mailguntest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/internal/apifake"
)

const (
	messagesPath = "/v3/" + DefaultDomain + "/messages"
	mimePath     = messagesPath + ".mime"
)

// part is a part of a form: a field, or where it has a filename a file.
type part struct{ name, value, filename, contentType string }

func fields(namesAndValues ...string) []part {
	var parts []part
	for i := 0; i < len(namesAndValues); i += 2 {
		parts = append(parts, part{name: namesAndValues[i], value: namesAndValues[i+1]})
	}
	return parts
}

// basic are the fields that every message needs, and further ones.
func basic(more ...string) []part {
	return append(fields("from", "Ann <ann@example.com>", "to", "bob@example.org", "subject", "hello", "text", "hi"), fields(more...)...)
}

// mimeForm is a form of messages.mime.
func mimeForm(raw string, more ...string) []part {
	return append(fields(append([]string{"to", "bob@example.org"}, more...)...), part{"message", raw, "message.mime", "message/rfc2822"})
}

func encode(t testing.TB, parts []part) (contentType string, body []byte) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, p := range parts {
		h := textproto.MIMEHeader{}
		disposition := fmt.Sprintf("form-data; name=%q", p.name)
		if p.filename != "" {
			disposition += fmt.Sprintf("; filename=%q", p.filename)
		}
		h.Set("Content-Disposition", disposition)
		if p.contentType != "" {
			h.Set("Content-Type", p.contentType)
		}
		pw, err := w.CreatePart(h)
		if err == nil {
			_, err = pw.Write([]byte(p.value))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), b.Bytes()
}

func request(method, path, key, contentType string, body []byte) *apifake.Request {
	h := http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte("api:"+key))}}
	if contentType != "" {
		h.Set("Content-Type", contentType)
	}
	path, query, _ := strings.Cut(path, "?")
	return &apifake.Request{Method: method, Path: path, Query: query, Header: h, Body: body}
}

// send posts the parts and commits what was accepted, as the server does.
func send(t testing.TB, s *service, path string, parts []part) Answer {
	t.Helper()
	contentType, body := encode(t, parts)
	return commit(s.handle(request(http.MethodPost, path, s.cfg.Key, contentType, body)))
}

func commit(a Answer) Answer {
	if a.Commit != nil {
		a.Commit()
	}
	return a
}

// textOf returns the message of a reply in JSON, or its whole text.
func textOf(a Answer) string {
	var reply struct{ Message string }
	if json.Unmarshal(a.Body, &reply) == nil {
		return reply.Message
	}
	return string(a.Body)
}

func wantReply(t *testing.T, a Answer, status int, text string) {
	t.Helper()
	if a.Status != status || !strings.Contains(textOf(a), text) {
		t.Errorf("got %d %s, want %d with %q", a.Status, a.Body, status, text)
	}
	if (status == http.StatusOK && strings.Contains(text, "Queued")) != (a.Commit != nil) {
		t.Errorf("got a message that is to be held: %v, with status %d", a.Commit != nil, status)
	}
}

const simpleMIME = "From: Ann <ann@example.com>\r\nTo: bob@example.org\r\nSubject: hello\r\nMessage-ID: <one@example.com>\r\n\r\nhi\r\n"

func TestMessages(t *testing.T) {
	const queued = "Queued. Thank you."
	soon := time.Now().Add(time.Hour).Format(time.RFC1123Z)
	late := time.Now().Add(100 * time.Hour).Format(time.RFC1123Z)
	without := func(name string) []part {
		var kept []part
		for _, p := range basic() {
			if p.name != name {
				kept = append(kept, p)
			}
		}
		return kept
	}
	for name, c := range map[string]struct {
		parts  []part
		status int
		text   string
	}{
		"smallest":                  {basic(), 200, queued},
		"all recipients":            {basic("to", "Carol <carol@example.org>, dan@example.org", "cc", "eve@example.org", "bcc", "fay@example.org"), 200, queued},
		"html and amp":              {basic("html", "<p>hi", "amp-html", "<!doctype html>"), 200, queued},
		"template only":             {fields("to", "bob@example.org", "template", "welcome", "t:version", "v2", "t:text", "yes", "t:variables", `{"name":"Bob"}`), 200, queued},
		"every option":              {basic("o:tag", "a", "o:tag", "b", "o:dkim", "yes", "o:secondary-dkim", "example.com/s1", "o:secondary-dkim-public", "example.com/p1", "o:deliverytime", soon, "o:deliver-within", "1h30m", "o:deliverytime-optimize-period", "24h", "o:time-zone-localize", "02:00PM", "o:testmode", "yes", "o:tracking", "htmlonly", "o:tracking-clicks", "htmlonly", "o:tracking-opens", "no", "o:require-tls", "true", "o:skip-verification", "false", "o:sending-ip", "192.0.2.1", "o:sending-ip-pool", "p1", "o:tracking-pixel-location-top", "htmlonly", "o:archive-to", "https://example.com/a", "o:suppress-headers", "all"), 200, queued},
		"scheduled in seconds":      {basic("o:deliverytime", fmt.Sprint(time.Now().Add(time.Hour).Unix())), 200, queued},
		"headers and variables":     {basic("h:X-One", "1", "h:X-One", "2", "v:id", "7"), 200, queued},
		"batch":                     {basic("recipient-variables", `{"bob@example.org":{"id":1}}`), 200, queued},
		"empty form":                {nil, 400, "from parameter is missing"},
		"no from":                   {without("from"), 400, "from parameter is missing"},
		"no to":                     {without("to"), 400, "to parameter is missing"},
		"no subject":                {without("subject"), 400, "subject parameter is missing"},
		"no body":                   {without("text"), 400, "Need at least one of 'text'"},
		"two in from":               {append(without("from"), part{name: "from", value: "a@example.com, b@example.com"}), 400, "from parameter is not a valid address"},
		"one bad of many":           {basic("to", "carol@example.org, not an address"), 400, "to parameter is not a valid address"},
		"empty cc":                  {basic("cc", ""), 400, "cc parameter is not a valid address"},
		"bad bcc":                   {basic("bcc", "x@"), 400, "bcc parameter is not a valid address"},
		"too many recipients":       {basic("bcc", manyAddresses(1000)), 400, "Too many recipients, max is 1000"},
		"as many as may be":         {basic("bcc", manyAddresses(999)), 200, queued},
		"repetitions do not count":  {basic("bcc", manyAddresses(999), "cc", manyAddresses(999)), 200, queued},
		"html and template":         {basic("html", "<p>", "template", "welcome"), 400, "Only one parameters 'html' or 'template' is allowed."},
		"version without template":  {basic("t:version", "v2"), 400, "t:version parameter needs template"},
		"variables no JSON":         {basic("template", "w", "t:variables", "{"), 400, "'t:variables' parameter is not a valid JSON"},
		"recipient variables null":  {basic("recipient-variables", "null"), 400, "'recipient-variables' parameter is not a valid JSON"},
		"recipient variables list":  {basic("recipient-variables", `["a"]`), 400, "'recipient-variables' parameter is not a valid JSON"},
		"recipient variables named": {basic("recipient-variables", `{"Bob <bob@example.org>":{}}`), 400, "'recipient-variables' parameter is not a valid JSON"},
		"unknown field":             {basic("sbuject", "x"), 400, "sbuject parameter is not known"},
		"unknown option":            {basic("o:unknown", "yes"), 400, "o:unknown parameter is not known"},
		"unknown template option":   {basic("t:unknown", "yes"), 400, "t:unknown parameter is not known"},
		"field of the other":        {basic("message", simpleMIME), 400, "message parameter is not known"},
		"variable without a name":   {basic("v:", "x"), 400, "v: parameter is not known"},
		"subject twice":             {basic("subject", "again"), 400, "subject parameter may come once only"},
		"unknown file":              {append(basic(), part{"file", "x", "a.txt", "text/plain"}), 400, "file parameter may not be a file"},
		"options too long":          {basic("v:a", strings.Repeat("x", 16<<10)), 400, "are limited to 16KB total"},
		"options just fit":          {basic("h:X-A", strings.Repeat("x", 16<<10-5)), 200, queued},
		"header name not ASCII":     {basic("h:X-Ä", "1"), 400, "Header name must be pure ASCII"},
		"header injection":          {basic("h:X-A", "1\r\nBcc: x@example.org"), 400, "line break"},
		"eleven tags":               {basic(repeat("o:tag", 11)...), 400, "limited to 10 tags"},
		"tag not ASCII":             {basic("o:tag", "ü"), 400, "o:tag parameter must be ASCII"},
		"tag too long":              {basic("o:tag", strings.Repeat("x", 129)), 400, "128 characters at most"},
		"date in another form":      {basic("o:deliverytime", "2026-01-02T15:04:05Z"), 400, "not an RFC-2822 compliant date"},
		"too far ahead":             {basic("o:deliverytime", late), 400, "invalid delivery time"},
		"deliver within a minute":   {basic("o:deliver-within", "1m"), 400, "o:deliver-within parameter has the invalid value"},
		"optimize in minutes":       {basic("o:deliverytime-optimize-period", "1500m"), 400, "invalid value"},
		"deliver within a while":    {basic("o:deliver-within", "a while"), 400, "invalid value"},
		"template text off":         {basic("template", "w", "t:text", "no"), 400, "t:text parameter has the invalid value"},
		"no time of day":            {basic("o:time-zone-localize", "25:00"), 400, "invalid value"},
		"opens htmlonly":            {basic("o:tracking-opens", "htmlonly"), 400, "o:tracking-opens parameter has the invalid value"},
		"test mode off":             {basic("o:testmode", "no"), 400, "invalid value"},
		"secondary dkim":            {basic("o:secondary-dkim", "s1"), 400, "not a valid secondary dkim domain name"},
		"public without private":    {basic("o:secondary-dkim-public", "example.com/s1"), 400, "needs o:secondary-dkim"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(Config{})
			wantReply(t, send(t, s, messagesPath, c.parts), c.status, c.text)
			if v := s.violated(); len(v) > 0 {
				t.Errorf("got violations %q", v)
			}
			if held := len(s.held()); held != map[bool]int{true: 1}[c.status == 200] {
				t.Errorf("got %d messages held", held)
			}
		})
	}
}

func manyAddresses(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("r%d@example.org", i)
	}
	return strings.Join(list, ",")
}

// repeat is the field n times, with another value each time.
func repeat(name string, n int) []string {
	var list []string
	for i := range n {
		list = append(list, name, fmt.Sprint(i))
	}
	return list
}

func TestMIME(t *testing.T) {
	const queued = "Queued. Thank you."
	for name, c := range map[string]struct {
		parts  []part
		status int
		text   string
	}{
		"smallest":              {mimeForm(simpleMIME), 200, queued},
		"with options":          {mimeForm(simpleMIME, "o:tag", "a", "v:id", "1", "h:X-A", "b", "recipient-variables", `{"bob@example.org":{}}`), 200, queued},
		"with a template":       {mimeForm(simpleMIME, "template", "w", "t:text", "yes"), 200, queued},
		"no to":                 {mimeForm(simpleMIME)[1:], 400, "to parameter is missing"},
		"no message":            {fields("to", "bob@example.org"), 400, "message parameter is missing"},
		"message twice":         {append(mimeForm(simpleMIME), mimeForm(simpleMIME)[1]), 400, "message parameter may come once only"},
		"field of messages":     {mimeForm(simpleMIME, "cc", "carol@example.org"), 400, "cc parameter is not known"},
		"bad address":           {mimeForm(simpleMIME, "to", "nobody"), 400, "to parameter is not a valid address"},
		"too many":              {mimeForm(simpleMIME, "to", manyAddresses(1000)), 400, "Too many recipients, max is 1000"},
		"no from":               {mimeForm("Subject: x\r\n\r\nhi\r\n"), 400, "from parameter is missing"},
		"no header":             {mimeForm("hello\r\n"), 400, "message is not MIME"},
		"folded from the first": {mimeForm(" From: a@example.com\r\n\r\n"), 400, "message is not MIME"},
		"header only":           {mimeForm("From: a@example.com\r\nSubject: =?x?q?\r\n"), 200, queued},
		"no boundary":           {mimeForm("From: a@example.com\r\nContent-Type: multipart/mixed\r\n\r\nhi\r\n"), 400, "message is not MIME"},
		"no closing boundary":   {mimeForm("From: a@example.com\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhi\r\n"), 400, "message is not MIME"},
		"bad base64":            {mimeForm("From: a@example.com\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!!\r\n"), 400, "message is not MIME"},
		"options too long":      {mimeForm(simpleMIME, "v:a", strings.Repeat("x", 16<<10)), 400, "are limited to 16KB total"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(Config{})
			wantReply(t, send(t, s, mimePath, c.parts), c.status, c.text)
			if v := s.violated(); len(v) > 0 {
				t.Errorf("got violations %q", v)
			}
		})
	}
}

// TestEncodings: what may carry the form, and what may not.
func TestEncodings(t *testing.T) {
	good := url.Values{"from": {"ann@example.com"}, "to": {"bob@example.org"}, "subject": {"hello"}, "text": {"a+b & c"}}.Encode()
	for name, c := range map[string]struct {
		path, contentType, body string
		status                  int
		text                    string
	}{
		"urlencoded":               {messagesPath, "application/x-www-form-urlencoded", good, 200, "Queued"},
		"urlencoded, bad escape":   {messagesPath, "application/x-www-form-urlencoded", "from=%zz", 400, "unable to parse request"},
		"urlencoded MIME":          {mimePath, "application/x-www-form-urlencoded", "to=bob@example.org", 400, "Expecting 'multipart/form-data'"},
		"nothing":                  {messagesPath, "", "", 400, "from parameter is missing"},
		"nothing, declared":        {messagesPath, "application/x-www-form-urlencoded", "", 400, "from parameter is missing"},
		"no type":                  {messagesPath, "", good, 400, "unable to parse request"},
		"JSON":                     {messagesPath, "application/json", "{}", 400, "unable to parse request"},
		"no boundary":              {messagesPath, "multipart/form-data", "--x--", 400, "malformed multipart"},
		"no closing boundary":      {messagesPath, "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=from\r\n\r\na@example.com\r\n", 400, "malformed multipart"},
		"cut in a header":          {messagesPath, "multipart/form-data; boundary=x", "--x\r\nContent-Dispo", 400, "malformed multipart"},
		"part without a name":      {messagesPath, "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data\r\n\r\na\r\n--x--\r\n", 400, "malformed multipart"},
		"part of another kind":     {messagesPath, "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: attachment; name=from\r\n\r\na\r\n--x--\r\n", 400, "malformed multipart"},
		"part without disposition": {messagesPath, "multipart/form-data; boundary=x", "--x\r\n\r\na\r\n--x--\r\n", 400, "malformed multipart"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(Config{})
			a := commit(s.handle(request(http.MethodPost, c.path, s.cfg.Key, c.contentType, []byte(c.body))))
			wantReply(t, a, c.status, c.text)
			if c.status == 200 && s.held()[0].Text != "a+b & c" {
				t.Errorf("got text %q", s.held()[0].Text)
			}
		})
	}
}

// TestDropped: what the service takes in silence and does not deliver as it was meant.
func TestDropped(t *testing.T) {
	for name, c := range map[string]struct {
		path  string
		parts []part
		want  string
	}{
		"attachment without a filename": {messagesPath, basic("attachment", "data"), "attachment has no filename and is dropped"},
		"inline without a filename":     {messagesPath, basic("inline", "data"), "inline has no filename and is dropped"},
		"non-ASCII sender":              {messagesPath, append(basic()[1:], part{name: "from", value: "jürgen@example.com"}), "from has a local part that is not ASCII"},
		"long variable":                 {messagesPath, basic("v:long", strings.Repeat("x", 5000)), "v:long is longer than 4 KB"},
		"Bcc in the MIME":               {mimePath, mimeForm("Bcc: eve@example.org\r\n" + simpleMIME), "Bcc header"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(Config{})
			wantReply(t, send(t, s, c.path, c.parts), 200, "Queued")
			if v := s.violated(); len(v) != 1 || !strings.Contains(v[0], c.want) {
				t.Errorf("got violations %q, want one with %q", v, c.want)
			}
			if m := s.held()[0]; len(m.Attachments)+len(m.Inlines) > 0 {
				t.Errorf("got files %v", m)
			}
		})
	}
}

// TestExtendedFilename: the form of RFC 2231 is for MIME.
func TestExtendedFilename(t *testing.T) {
	s := newService(Config{})
	body := "--x\r\nContent-Disposition: form-data; name=attachment; filename*=utf-8''%C3%A4.txt\r\n\r\nhi\r\n--x--\r\n"
	wantReply(t, s.handle(request(http.MethodPost, messagesPath, s.cfg.Key, "multipart/form-data; boundary=x", []byte(body))), 400, "from parameter is missing")
	if v := s.violated(); len(v) != 1 || !strings.Contains(v[0], "filename*") {
		t.Errorf("got violations %q", v)
	}
}

// TestEncodedPart: a form is not MIME, and what is encoded in it stays so (RFC 7578 section 4.7).
func TestEncodedPart(t *testing.T) {
	s := newService(Config{})
	body := "--x\r\nContent-Disposition: form-data; name=text\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na=3Db\r\n"
	for _, p := range basic()[:3] {
		body += fmt.Sprintf("--x\r\nContent-Disposition: form-data; name=%s\r\n\r\n%s\r\n", p.name, p.value)
	}
	a := commit(s.handle(request(http.MethodPost, messagesPath, s.cfg.Key, "multipart/form-data; boundary=x", []byte(body+"--x--\r\n"))))
	wantReply(t, a, 200, "Queued")
	if got := s.held()[0].Text; got != "a=3Db" {
		t.Errorf("got text %q", got)
	}
	if v := s.violated(); len(v) != 1 || !strings.Contains(v[0], "is not decoded") {
		t.Errorf("got violations %q", v)
	}
}

func TestLimitsOfTheAccount(t *testing.T) {
	s := newService(Config{MaxTags: 3, MaxSchedule: 7 * 24 * time.Hour})
	wantReply(t, send(t, s, messagesPath, basic(repeat("o:tag", 4)...)), 400, "limited to 3 tags")
	late := time.Now().Add(100 * time.Hour).Format(time.RFC1123Z)
	wantReply(t, send(t, s, messagesPath, basic("o:deliverytime", late)), 200, "Queued")
}
