package acs_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mailkeel/mailkeel/internal/testcert"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/acs"
	"github.com/mailkeel/mailkeel/providers/acs/acstest"
)

func addressed(name, spec string) mailer.Address { return mailer.Address{Name: name, Address: spec} }

// rich is a message with everything that the service can carry at once.
func rich() *mailer.Message {
	return &mailer.Message{
		From: addressed("", "shop@example.com"),
		To: []mailer.Address{
			addressed("Doe, Jane", "jane@example.com"), addressed("李四", "li@example.com"),
			addressed(`Ann "A; B" \C`, "ann@example.com"), addressed("Jane again", "jane@EXAMPLE.com"),
		},
		Cc:      []mailer.Address{addressed("Émile Zola; père", "emile@example.com"), addressed("", "plain@example.com"), addressed("", "li@example.com")},
		Bcc:     []mailer.Address{addressed("Никто", "nobody@bücher.example"), addressed("x, y", "xy@example.com")},
		ReplyTo: []mailer.Address{addressed("Müller, Antworten", "reply@example.com"), addressed("", "second@example.com")},
		Subject: "Grüße & <Küsse> 🎉", Text: "Guten Tag,\n\"Zitat\" \\ \u2028 <b>\r\n.\r\n\r", HTML: `<p>Ä&amp;Ö <img src="cid:logo@shop"></p>`,
		Attachments: []mailer.Attachment{
			{Name: "Übersicht 2026.pdf", Content: mailer.Bytes(bytes.Repeat([]byte{0, 1, 2, 0xff}, 500_000))},
			{Name: "logo.png", ContentID: "logo@shop", Content: mailer.Bytes([]byte("\x89PNG\r\n\x1a\n"))},
			{Name: "data.csv", ContentType: "text/csv; charset=utf-8", Content: mailer.Bytes([]byte("a;b\n"))},
		},
		Headers:    mailer.Header{{Name: "In-Reply-To", Value: "<0@example.com>"}, {Name: "X-Note", Value: "Grüße"}},
		TrackOpens: mailer.Off, TrackClicks: mailer.Off, Priority: mailer.PriorityHigh,
		Unsubscribe: mailer.Unsubscribe{URL: "https://example.com/u", OneClick: true},
	}
}

// TestRoundTrip: what the service holds is what was sent, in every part, however it is authorized.
func TestRoundTrip(t *testing.T) {
	t.Run("key", func(t *testing.T) { roundTrip(t, start) })
	t.Run("token", func(t *testing.T) { roundTrip(t, startWithToken) })
}

type starter func(testing.TB, acstest.Config, func(*acs.Config)) (*acstest.Server, *acs.Client)

func roundTrip(t *testing.T, start starter) {
	server, client := start(t, acstest.Config{}, guarded)
	m := must(mailer.Prepare(rich()))
	receipt, err := client.Send(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	all := held(t, server)
	if len(all) != 1 || receipt.ProviderMessageID != all[0].OperationID || len(receipt.Degraded) != 0 {
		t.Fatalf("got %d messages and %+v", len(all), receipt)
	}
	got := all[0]
	same := func(what string, got, want any) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s\ngot  %+v\nwant %+v", what, got, want)
		}
	}
	same("Sender", got.Sender, "shop@example.com")
	same("To", got.To, heldAddresses(m.To[:3]))
	same("Cc", got.Cc, heldAddresses(m.Cc[:2]))
	same("Bcc", got.Bcc, heldAddresses(m.Bcc))
	same("ReplyTo", got.ReplyTo, heldAddresses(m.ReplyTo))
	same("Subject", got.Subject, m.Subject)
	same("Text", got.Text, "Guten Tag,\r\n\"Zitat\" \\ \u2028 <b>\r\n.\r\n\r\n")
	same("HTML", got.HTML, m.HTML)
	same("Attachments", got.Attachments, []acstest.Attachment{
		{Name: "Übersicht 2026.pdf", ContentType: "application/pdf", Content: bytes.Repeat([]byte{0, 1, 2, 0xff}, 500_000)},
		{Name: "logo.png", ContentType: "image/png", ContentID: "logo@shop", Content: []byte("\x89PNG\r\n\x1a\n")},
		{Name: "data.csv", ContentType: "text/csv", Content: []byte("a;b\n")},
	})
	same("Headers", got.Headers, map[string]string{
		"Message-ID": m.MessageID, "In-Reply-To": "<0@example.com>", "X-Note": "Grüße", "X-Priority": "1", "Importance": "high", "Priority": "urgent",
		"List-Unsubscribe": "<https://example.com/u>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
		"x-ms-acsemail-validate-message-id": "true",
	})
	same("MessageID", got.MessageID, m.MessageID)
	same("TrackingDisabled", got.TrackingDisabled, true)
	same("Recipients", got.Recipients(), m.Recipients())
}

func heldAddresses(list []mailer.Address) (all []acstest.Address) {
	for _, a := range list {
		all = append(all, acstest.Address{Name: a.Name, Email: a.Address})
	}
	return all
}

// TestOldVersion: the old version takes all but inline images.
func TestOldVersion(t *testing.T) {
	server, client := start(t, acstest.Config{}, func(c *acs.Config) { c.APIVersion = "2023-03-31" })
	m := rich()
	receipt, err := client.Send(t.Context(), m)
	refused(message, other, 0, mailer.ErrUnsupported).check(t, receipt, err)
	m.Attachments[1].ContentID = ""
	if _, err := client.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if all := held(t, server); len(all) != 1 || all[0].APIVersion != "2023-03-31" || len(all[0].Attachments) != 3 {
		t.Errorf("got %+v", all)
	}
}

// TestDegraded: what is advisory and cannot be carried is named, and the rest goes out.
func TestDegraded(t *testing.T) {
	server, client := start(t, acstest.Config{}, nil)
	m := simple()
	m.From.Name, m.Tags, m.Metadata = "Shop", []string{"a"}, map[string]string{"order": "1"}
	m.DSN, m.TrackOpens, m.TrackClicks = mailer.DSN{Notify: mailer.NotifyFailure}, mailer.On, mailer.Off
	receipt, err := client.Send(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	got := slices.Sorted(slices.Values(receipt.Degraded))
	if want := []string{"dsn", "metadata", "sender_name", "tags", "tracking"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if all := held(t, server); len(all) != 1 || !all[0].TrackingDisabled {
		t.Errorf("held %+v", all)
	}
}

// TestAttachmentSizes: every length around the block size of the encoding arrives octet for octet.
func TestAttachmentSizes(t *testing.T) {
	const block = 24 << 10
	server, client := start(t, acstest.Config{}, nil)
	m := simple()
	for _, n := range []int{1, 2, 3, 4, block - 1, block, block + 1, 2*block - 1, 2 * block, 2*block + 1, 1_000_003} {
		content := make([]byte, n)
		for i := range content {
			content[i] = byte(i*7 + i>>8)
		}
		m.Attachments = append(m.Attachments, mailer.Attachment{Name: fmt.Sprint(n, ".txt"), Content: mailer.Bytes(content)})
	}
	if _, err := client.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	for i, a := range held(t, server)[0].Attachments {
		if want := must(io.ReadAll(must(m.Attachments[i].Content.Open()))); !bytes.Equal(a.Content, want) || a.Name != m.Attachments[i].Name {
			t.Errorf("%s: %d octets arrived, which differ", m.Attachments[i].Name, len(a.Content))
		}
	}
}

// TestLargest: a request of exactly the service's limit arrives, and one that is an octet larger is not begun.
func TestLargest(t *testing.T) {
	const limit = 10_000_000
	server, client := start(t, acstest.Config{MaxRequestBytes: limit}, nil)
	m := simple()
	m.Text, m.MessageID = "x", "<1@example.com>"
	m.Attachments = []mailer.Attachment{{Name: "a.pdf", Content: mailer.Bytes(bytes.Repeat([]byte("%PDF"), 1_850_000))}}
	if _, err := client.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	held(t, server)
	room := limit - len(server.Requests()[0].Body)
	m.Text, m.IdempotencyKey = strings.Repeat("x", 1+room), "largest"
	if _, err := client.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	m.Text, m.IdempotencyKey = m.Text+"x", "larger"
	receipt, err := client.Send(t.Context(), m)
	refused(message, other, 0, mailer.ErrUnsupported).check(t, receipt, err)
	all := held(t, server)
	if n := len(server.Requests()[1].Body); len(all) != 2 || len(server.Requests()) != 2 || n != limit {
		t.Errorf("%d messages, %d requests, the second of %d bytes", len(all), len(server.Requests()), n)
	}
}

// A reading is what opening a content once gives.
type reading struct {
	text string
	err  error // of Open
	fail error // after text
}

// inTurn is a content of a size that reads differently each time, the last over and over.
func inTurn(size int64, readings ...reading) mailer.Content {
	var opened atomic.Int32
	return mailer.Opener(size, func() (io.ReadCloser, error) {
		r := readings[min(int(opened.Add(1))-1, len(readings)-1)]
		if r.err != nil {
			return nil, r.err
		}
		var src io.Reader = strings.NewReader(r.text)
		if r.fail != nil {
			src = io.MultiReader(src, failing{r.fail})
		}
		return io.NopCloser(src), nil
	})
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestUnsteadyContents: a content that is not the same when it is sent as when it was signed is
// the caller's fault. The service accepts nothing, and refuses no signature.
func TestUnsteadyContents(t *testing.T) {
	gone := &fs.PathError{Op: "open", Path: "/secret/place", Err: fs.ErrNotExist}
	for name, size := range map[string]int{"small": 6, "of several blocks": 100_000, "large": 2_000_000} {
		good := reading{text: strings.Repeat("a", size)}
		for what, second := range map[string]reading{
			"changes":                {text: good.text[1:] + "b"},
			"changes at its start":   {text: "b" + good.text[1:]},
			"fails to open":          {err: gone},
			"fails at once":          {fail: gone},
			"fails before its end":   {text: good.text[1:], fail: gone},
			"fails at its end":       {text: good.text, fail: gone},
			"shrinks":                {text: good.text[1:]},
			"is empty":               {},
			"grows":                  {text: good.text + "a"},
			"ends like a connection": {text: good.text[1:], fail: io.ErrUnexpectedEOF},
		} {
			t.Run(name+"/"+what, func(t *testing.T) {
				server, client := start(t, acstest.Config{}, nil)
				m := simple()
				m.Attachments = []mailer.Attachment{
					{Name: "a.txt", Content: mailer.Bytes([]byte("steady"))},
					{Name: "b.txt", Content: inTurn(int64(size), good, second)},
					{Name: "c.txt", Content: mailer.Bytes([]byte("steady"))},
				}
				receipt, err := client.Send(t.Context(), m)
				wantUnread(t, server, receipt, err, "Attachments[1]")
			})
			if strings.HasPrefix(what, "changes") {
				continue // at first that is what it has to be
			}
			t.Run(name+"/"+what+" at first", func(t *testing.T) {
				server, client := start(t, acstest.Config{}, nil)
				m := simple()
				m.Attachments = []mailer.Attachment{{Name: "b.txt", Content: inTurn(int64(size), second)}}
				receipt, err := client.Send(t.Context(), m)
				wantUnread(t, server, receipt, err, "Attachments[0]")
			})
		}
	}
}

// wantUnread checks that a content could not be read, and that nothing else is to blame.
func wantUnread(t *testing.T, server *acstest.Server, receipt *mailer.Receipt, err error, which string) {
	t.Helper()
	refused(caller, stop, 0, nil).check(t, receipt, err)
	text := fmt.Sprint(err)
	if errors.Is(err, mailer.ErrUnauthorized) || errors.Is(err, mailer.ErrUnavailable) || strings.Contains(text, "secret") ||
		strings.Count(text, "content failed") != 1 || !strings.Contains(text, which) {
		t.Errorf("got %v", err)
	}
	if all, denials := held(t, server), server.Denials(); len(all) != 0 || len(denials) != 0 || server.Stats().Whole != 0 {
		t.Errorf("%d messages, %q, and %d whole requests", len(all), denials, server.Stats().Whole)
	}
}

// TestContentChangesBetweenRequests: also where a 401 has made a second request necessary, what is sent is
// what was signed first, or nothing.
func TestContentChangesBetweenRequests(t *testing.T) {
	a, b := reading{text: "aaaaaa"}, reading{text: "aaaaab"}
	for name, c := range map[string]struct {
		start    starter
		readings []reading
	}{
		"before the second signature":    {start, []reading{a, a, b}},
		"after the second signature":     {start, []reading{a, a, a, b}},
		"with a token, before the first": {startWithToken, []reading{a, b}},
	} {
		t.Run(name, func(t *testing.T) {
			server, client := c.start(t, acstest.Config{}, nil)
			server.Next(acstest.Reply(acstest.Denied()))
			m := simple()
			m.Attachments = []mailer.Attachment{{Name: "a.txt", Content: inTurn(6, c.readings...)}}
			receipt, err := client.Send(t.Context(), m)
			if e := mailer.AsSendError(err); receipt != nil || e == nil || e.Outcome != mailer.NotAccepted {
				t.Errorf("got %v, %v; want NotAccepted", receipt, err)
			}
			if all := held(t, server); len(all) != 0 || server.Stats().Whole != 1 {
				t.Errorf("%d messages, and %d whole requests", len(all), server.Stats().Whole)
			}
		})
	}
}

// TestHostileText: nothing that a message says gets out of its place.
func TestHostileText(t *testing.T) {
	server, client := start(t, acstest.Config{}, nil)
	for _, text := range []string{
		`"},"recipients":{"to":[{"address":"eve@example.org"}]},"x":{"y":"`, `\`, `\"`, `\u0022`, "</script><!--", "\u2028\u2029\u0085x",
		"a\u202eb", "\ufeff", "=?utf-8?q?=0D=0ABcc=3A_eve?=", "{{.}} ${HOME} %s %n", strings.Repeat("𐀀", 5000), "a\tb", "a\x7fb",
	} {
		m := simple()
		m.Subject, m.Text, m.HTML, m.To[0].Name = text, text, text, text
		m.Headers = mailer.Header{{Name: "X-A", Value: text}}
		m.Attachments = []mailer.Attachment{{Name: "a" + text + ".txt", Content: mailer.Bytes([]byte(text))}}
		p, err := mailer.Prepare(m)
		if err != nil {
			m.Subject, m.To[0].Name, m.Headers, m.Attachments[0].Name = "s", "n", nil, "a.txt" // what may not stand in a field
			p = must(mailer.Prepare(m))
		}
		if _, err := client.Send(t.Context(), p); err != nil {
			t.Errorf("%.40q: %v", text, err)
			continue
		}
		all := held(t, server)
		got := all[len(all)-1]
		if got.Subject != p.Subject || got.Text != p.Text || got.HTML != p.HTML || got.Header("X-A") != fieldValue(p.Headers) ||
			!reflect.DeepEqual(got.To, heldAddresses(p.To)) || len(got.Recipients()) != 1 ||
			got.Attachments[0].Name != p.Attachments[0].Name || string(got.Attachments[0].Content) != text {
			t.Errorf("%.40q: got %+v", text, got)
		}
	}
}

func fieldValue(h mailer.Header) string {
	if len(h) == 0 {
		return ""
	}
	return h[0].Value
}

// TestInjectionIsRefused: line ends that would begin another field never leave.
func TestInjectionIsRefused(t *testing.T) {
	server, client := start(t, acstest.Config{}, nil)
	for _, end := range []string{"\r\n", "\n", "\r", "\x00"} {
		evil := "x" + end + "Bcc: eve@example.org"
		for name, change := range map[string]func(*mailer.Message){
			"Subject": func(m *mailer.Message) { m.Subject = evil },
			"name":    func(m *mailer.Message) { m.To[0].Name = evil },
			"address": func(m *mailer.Message) { m.To[0].Address = evil },
			"field":   func(m *mailer.Message) { m.Headers = mailer.Header{{Name: "X-A", Value: evil}} },
			"name of a field": func(m *mailer.Message) {
				m.Headers = mailer.Header{{Name: "X-A: 1" + end + "Bcc", Value: "eve@example.org"}}
			},
			"MessageID": func(m *mailer.Message) { m.MessageID = "<" + evil + "@example.com>" },
			"file": func(m *mailer.Message) {
				m.Attachments = []mailer.Attachment{{Name: evil, Content: mailer.Bytes([]byte("x"))}}
			},
			"unsubscribe": func(m *mailer.Message) { m.Unsubscribe.URL = "https://example.com/" + evil },
		} {
			m := simple()
			change(m)
			if receipt, err := client.Send(t.Context(), m); !errors.Is(err, mailer.ErrInvalidMessage) || receipt != nil {
				t.Errorf("%s with %q: got %v, %v", name, end, receipt, err)
			}
		}
	}
	if got := server.Stats().Requests; got != 0 {
		t.Errorf("%d requests came", got)
	}
}

// TestChangedAfterPrepare: what somebody wrote into a prepared message is found, too.
func TestChangedAfterPrepare(t *testing.T) {
	server, client := start(t, acstest.Config{}, nil)
	for _, end := range []string{"\r\n", "\n", "\r", "\x00"} {
		evil := "1" + end + "Bcc: eve@example.org"
		for name, change := range map[string]func(*mailer.Message){
			"field":           func(m *mailer.Message) { m.Headers[0].Value = evil },
			"name of a field": func(m *mailer.Message) { m.Headers[0].Name = "X-A: " + evil },
			"Subject":         func(m *mailer.Message) { m.Subject = evil },
			"name":            func(m *mailer.Message) { m.To[0].Name = evil },
			"address":         func(m *mailer.Message) { m.To[0].Address = evil + "@example.org" },
			"file":            func(m *mailer.Message) { m.Attachments[0].Name = evil + ".txt" },
		} {
			m := simple()
			m.Headers = mailer.Header{{Name: "X-A", Value: "1"}}
			m.Attachments = []mailer.Attachment{{Name: "a.txt", Content: mailer.Bytes([]byte("x"))}}
			p := must(mailer.Prepare(m))
			change(p)
			t.Run(fmt.Sprintf("%s with %q", name, end), func(t *testing.T) {
				receipt, err := client.Send(t.Context(), p)
				refused(caller, stop, 0, mailer.ErrInvalidMessage).check(t, receipt, err)
			})
		}
	}
	if got := server.Stats().Requests; got != 0 {
		t.Errorf("%d requests came", got)
	}
}

// TestOneRequest: a send is one POST with the headers that the service asks for, and no others of
// azcore's.
func TestOneRequest(t *testing.T) {
	server, client := start(t, acstest.Config{}, nil)
	receipt, err := client.Send(t.Context(), simple())
	if err != nil {
		t.Fatal(err)
	}
	held(t, server)
	r := server.Requests()[0]
	names := slices.Sorted(maps.Keys(r.Header))
	want := []string{"Accept", "Accept-Encoding", "Authorization", "Content-Length", "Content-Type", "Host", "Operation-Id", "User-Agent", "X-Ms-Content-Sha256", "X-Ms-Date"}
	if r.Method != http.MethodPost || r.Path != "/emails:send" || r.Query != "api-version=2025-09-01" || !slices.Equal(names, want) {
		t.Errorf("%s %s?%s with %q", r.Method, r.Path, r.Query, names)
	}
	if got := r.Header.Get("Operation-Id"); got != receipt.ProviderMessageID || len(server.Requests()) != 1 {
		t.Errorf("Operation-Id %q of %d requests, want %q", got, len(server.Requests()), receipt.ProviderMessageID)
	}
}

// TestHTTP2: over HTTP/2 the request is the same, and its signature is one of what arrives.
func TestHTTP2(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := must(io.ReadAll(r.Body))
		sum := sha256.Sum256(body)
		if r.ProtoMajor != 2 || r.URL.RequestURI() != "/emails:send?api-version=2025-09-01" || len(body) < 2_000_000 ||
			r.Header.Get("X-Ms-Content-Sha256") != base64.StdEncoding.EncodeToString(sum[:]) {
			t.Errorf("got %s %s with %d bytes of another hash", r.Proto, r.URL, len(body))
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusAccepted)
		_, _ = fmt.Fprintf(w, `{"id":%q,"status":"Running"}`, r.Header.Get("Operation-Id"))
	}))
	server.TLS, server.EnableHTTP2 = testcert.Server(certs.Valid), true
	server.StartTLS()
	defer server.Close()
	client := newClient(t, acs.Config{
		Endpoint: server.URL, Key: mailer.NewSecret(accessKey), TLSConfig: certs.Client("localhost"), HTTP2: true,
	}, nil)
	receipt, err := client.Send(t.Context(), rich())
	accepted().check(t, receipt, err)
}

// FuzzRoundTrip: whatever the service takes is what the message says, and what it does not take is
// NotAccepted.
func FuzzRoundTrip(f *testing.F) {
	f.Add("Doe, Jane", "Subject", "text", "value", "a.txt", []byte("x"))
	f.Add("\"\\\"", "\u2028", "<script>&\x7f", "=?utf-8?q?x?=", "ü{}[]\"\\.pdf", []byte{0, 0xff})
	f.Add("", " ", "\r\n", "", "a/b.csv", []byte("-"))
	server, client := start(f, acstest.Config{}, nil)
	f.Fuzz(func(t *testing.T, name, subject, text, value, fileName string, content []byte) {
		m, err := mailer.Prepare(&mailer.Message{
			From: addressed("", "shop@example.com"), To: []mailer.Address{addressed(name, "ann@example.org")}, Subject: subject, Text: text,
			Headers:     mailer.Header{{Name: "X-A", Value: value}},
			Attachments: []mailer.Attachment{{Name: fileName, Content: mailer.Bytes(content)}},
		})
		if err != nil {
			return
		}
		before := len(server.Messages())
		_, err = client.Send(t.Context(), m)
		all := server.Messages()
		if err != nil {
			if e := mailer.AsSendError(err); e.Outcome != mailer.NotAccepted || len(all) != before {
				t.Errorf("%v, and %d messages more", err, len(all)-before)
			}
			return
		}
		got := all[len(all)-1]
		crlf := strings.NewReplacer("\r\n", "\r\n", "\r", "\r\n", "\n", "\r\n").Replace(text)
		if len(all) != before+1 || got.Subject != m.Subject || got.Text != crlf || got.To[0].Name != m.To[0].Name || got.Header("X-A") != value ||
			got.Attachments[0].Name != m.Attachments[0].Name || !bytes.Equal(got.Attachments[0].Content, content) {
			t.Errorf("got %+v from %+v", got, m)
		}
	})
}
