package smtp_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	stdmail "net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/smtp"
)

// goMailMessage returns a message as go-mail's users write it, changed by change.
func goMailMessage(change func(*mail.Msg)) *mail.Msg {
	m := mail.NewMsg()
	ok(m.FromFormat("Ann Ü. Author", "ann@example.com"))
	ok(m.To(`"Bob, the Builder" <bob@example.net>`, "cid@example.net"))
	m.Subject("Grüße: your order =2 is on its way, and this subject is longer than a line of a header may well be")
	m.SetBodyString(mail.TypeTextPlain, "Hello,\n.a line that begins with a dot = é\n\nFrom here\n")
	if change != nil {
		change(m)
	}
	return m
}

func ok(err error) {
	if err != nil {
		panic(err)
	}
}

// goMailShapes are messages that have to come through as go-mail itself sends them.
func goMailShapes(t *testing.T) map[string]func(*mail.Msg) {
	octets := strings.Repeat("\x00\xff\r\n.\r\nbinary", 5000)
	path := filepath.Join(t.TempDir(), "report.pdf")
	ok(os.WriteFile(path, []byte(octets), 0o600))
	files := fstest.MapFS{"logo.png": {Data: []byte("\x89PNG")}}
	html := func(m *mail.Msg) { m.AddAlternativeString(mail.TypeTextHTML, `<p>Hi é <img src="cid:logo.png"></p>`) }
	return map[string]func(*mail.Msg){
		"text": nil,
		"html alone": func(m *mail.Msg) {
			m.UnsetAllParts()
			m.SetBodyString(mail.TypeTextHTML, "<p>é</p>")
		},
		"alternatives": html,
		"text after html": func(m *mail.Msg) {
			m.SetBodyString(mail.TypeTextHTML, "<p>é</p>")
			m.AddAlternativeString(mail.TypeTextPlain, "é")
		},
		"invitation": func(m *mail.Msg) {
			html(m)
			m.AddAlternativeString("text/calendar; method=REQUEST", "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n")
		},
		"8bit": func(m *mail.Msg) { m.SetEncoding(mail.NoEncoding); m.SetBodyString(mail.TypeTextPlain, "é = é\r\n") },
		"ISO-8859-1": func(m *mail.Msg) {
			m.SetBodyString(mail.TypeTextPlain, "caf\xe9", mail.WithPartCharset(mail.CharsetISO88591))
		},
		"file":               func(m *mail.Msg) { m.AttachFile(path, mail.WithFileDescription("a report")) },
		"file with a name":   func(m *mail.Msg) { m.AttachFile(path, mail.WithFileName(`Übersicht "Q3".pdf`)) },
		"file with a type":   func(m *mail.Msg) { m.AttachFile(path, mail.WithFileContentType("application/x-special")) },
		"empty file":         func(m *mail.Msg) { ok(m.AttachReader("empty.txt", strings.NewReader(""))) },
		"file alone":         func(m *mail.Msg) { m.UnsetAllParts(); m.AttachFile(path) },
		"reader":             func(m *mail.Msg) { ok(m.AttachReader("a.txt", strings.NewReader("a text\nof LF"))) },
		"ReadSeeker":         func(m *mail.Msg) { m.AttachReadSeeker("b.bin", strings.NewReader(octets)) },
		"boundary":           func(m *mail.Msg) { m.SetBoundary("fixed"); html(m) },
		"importance":         func(m *mail.Msg) { m.SetImportance(mail.ImportanceHigh) },
		"bulk, organization": func(m *mail.Msg) { m.SetBulk(); m.SetOrganization("Küche & Söhne") },
		"unsubscribe": func(m *mail.Msg) {
			ok(m.SetListUnsubscribeOneClick("https://example.com/u?a=1,2", "mailto:u@example.com"))
		},
		"own agent": func(m *mail.Msg) { m.SetUserAgent("shop/1") },
		"header fields": func(m *mail.Msg) {
			m.SetGenHeader("References", "<a@example.com>", "<b@example.com>")
			m.SetGenHeader("X-Long", strings.Repeat("word ", 60)+"é")
			ok(m.RequestMDNTo("ann@example.com"))
		},
		"identity": func(m *mail.Msg) {
			m.SetMessageIDWithValue("own@example.com")
			m.SetDateWithValue(time.Date(2025, 3, 4, 5, 6, 7, 0, time.FixedZone("", 3600)))
		},
		"all addresses": func(m *mail.Msg) {
			ok(m.EnvelopeFrom("bounces@example.com"))
			ok(m.Cc("Dan é <dan@example.net>"))
			ok(m.Bcc("eve@example.net", "Fay <fay@example.net>"))
			ok(m.ReplyTo("answers@example.com"))
		},
		"embedded and attached": func(m *mail.Msg) {
			html(m)
			ok(m.EmbedFromIOFS("logo.png", fs.FS(files)))
			m.EmbedReadSeeker("x.png", strings.NewReader("\x89PNG2"), mail.WithFileContentID("<x@example.com>"))
			m.AttachFile(path)
			m.AttachFile(path, mail.WithFileEncoding(mail.NoEncoding), mail.WithFileName("again.pdf"))
		},
		"a middleware that leaves files alone": func(m *mail.Msg) {
			m.AttachFile(path)
			mail.WithMiddleware(middleware(func(m *mail.Msg) { m.Subject("[x] changed") }))(m)
		},
	}
}

type middleware func(*mail.Msg)

func (f middleware) Handle(m *mail.Msg) *mail.Msg { f(m); return m }
func (middleware) Type() mail.MiddlewareType      { return "test" }

// What the server has from Mailkeel is what it has from go-mail: envelope, header, forms, files and octets.
func TestFromGoMail(t *testing.T) {
	for name, change := range goMailShapes(t) {
		t.Run(name, func(t *testing.T) {
			msg := goMailMessage(change)
			m, err := smtp.FromGoMail(msg)
			if err != nil {
				t.Fatal(err)
			}
			ours, theirs := sentByUs(t, m), sentByGoMail(t, msg)
			if ours.From != theirs.From || !slices.Equal(ours.Addresses(), theirs.Addresses()) {
				t.Errorf("envelope %q %q, go-mail's is %q %q", ours.From, ours.Addresses(), theirs.From, theirs.Addresses())
			}
			compareShown(t, shownBy(t, ours.Data), shownBy(t, theirs.Data))
			if bytes.Contains(ours.Data, []byte("eve@")) || bytes.Contains(ours.Data, []byte("go-mail")) {
				t.Errorf("Bcc or go-mail is shown in\n%.2000s", ours.Data)
			}
			if again := sentByUs(t, m); !bytes.Equal(withoutBoundaries(again.Data), withoutBoundaries(ours.Data)) {
				t.Error("the second send has other content")
			}
		})
	}
}

// A message to Bcc recipients alone shows nobody, and reaches them.
func TestFromGoMailBccAlone(t *testing.T) {
	m := must(smtp.FromGoMail(goMailMessage(func(m *mail.Msg) {
		ok(m.To())
		ok(m.Bcc("eve@example.net"))
	})))
	sent := sentByUs(t, m)
	if !slices.Equal(sent.Addresses(), []string{"eve@example.net"}) || bytes.Contains(sent.Data, []byte("@example.net")) {
		t.Errorf("went to %q as\n%s", sent.Addresses(), sent.Data)
	}
}

func sentByUs(t *testing.T, m *mailer.Message) smtpfake.Message {
	t.Helper()
	server := smtpfake.New(smtpfake.Config{Extensions: smtpfake.AllExtensions()})
	client := must(smtp.New(smtp.Config{Host: "localhost", Security: smtp.Plaintext, AllowPlaintext: true, Dial: pipeTo(server)}))
	defer closeAll(t, client, server)
	if _, err := client.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	return server.Messages()[0]
}

func sentByGoMail(t *testing.T, m *mail.Msg) smtpfake.Message {
	t.Helper()
	server := smtpfake.New(smtpfake.Config{Extensions: smtpfake.AllExtensions()})
	defer server.Close()
	client := must(mail.NewClient("localhost", mail.WithTLSPolicy(mail.NoTLS), mail.WithDialContextFunc(pipeTo(server))))
	if err := client.DialAndSendWithContext(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	return server.Messages()[0]
}

// shown is what a reader shows of a message, as the standard library reads it.
type shown struct {
	fields map[string]string
	leaves []string
}

// wireFields are those that are about how a message is written, not what it says.
var wireFields = []string{"Content-Type", "Content-Transfer-Encoding", "Content-Disposition", "Content-Id", "Mime-Version"}

func shownBy(t *testing.T, data []byte) shown {
	t.Helper()
	m, err := stdmail.ReadMessage(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	s := shown{fields: make(map[string]string)}
	for name := range m.Header {
		value := fieldText(t, m.Header, name)
		if !slices.Contains(wireFields, name) && !strings.Contains(value, "go-mail") {
			s.fields[name] = value
		}
	}
	s.read(t, m.Header.Get, m.Body)
	return s
}

// read adds the leaves of a part: kind, file name, Content-ID where it is inline, and octets.
func (s *shown) read(t *testing.T, header func(string) string, body io.Reader) {
	t.Helper()
	kind, params, err := mime.ParseMediaType(header("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(kind, "multipart/") {
		for r := multipart.NewReader(body, params["boundary"]); ; {
			p, err := r.NextRawPart()
			if err == io.EOF {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			s.read(t, p.Header.Get, p)
		}
	}
	switch header("Content-Transfer-Encoding") {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	octets := string(must(io.ReadAll(body)))
	disposition, named, _ := mime.ParseMediaType(header("Content-Disposition"))
	if disposition == "" || named["filename"] == "" {
		octets = strings.TrimRight(strings.ReplaceAll(octets, "\r\n", "\n"), "\n")
		if strings.EqualFold(params["charset"], "ISO-8859-1") {
			octets = string(latin1(octets))
		}
	}
	name := must(new(mime.WordDecoder).DecodeHeader(named["filename"]))
	id := ""
	if disposition == "inline" {
		id = strings.Trim(header("Content-Id"), "<>")
	}
	s.leaves = append(s.leaves, strings.Join([]string{kind, params["method"], name, id, octets}, "|"))
}

func latin1(s string) []rune {
	var runes []rune
	for _, b := range []byte(s) {
		runes = append(runes, rune(b))
	}
	return runes
}

func compareShown(t *testing.T, got, want shown) {
	t.Helper()
	for name, value := range want.fields {
		if got.fields[name] != value {
			t.Errorf("%s is %q, go-mail's is %q", name, got.fields[name], value)
		}
	}
	for name, value := range got.fields {
		if _, there := want.fields[name]; !there {
			t.Errorf("%s %q is ours alone", name, value)
		}
	}
	if !slices.Equal(got.leaves, want.leaves) {
		t.Errorf("parts\n%.300q\ngo-mail's are\n%.300q", got.leaves, want.leaves)
	}
}

// fieldText returns what a field says, whichever way it is written.
func fieldText(t *testing.T, h stdmail.Header, name string) string {
	t.Helper()
	switch name {
	case "Date":
		return must(h.Date()).UTC().String()
	case "From", "To", "Cc", "Reply-To":
		return fmt.Sprintf("%q", must(h.AddressList(name)))
	}
	decoded := must(new(mime.WordDecoder).DecodeHeader(strings.Join(h[name], "\n")))
	return strings.Join(strings.Fields(decoded), " ")
}

// withoutBoundaries cuts what a message that is prepared anew has differently.
func withoutBoundaries(data []byte) []byte {
	var kept [][]byte
	for line := range bytes.Lines(data) {
		if !bytes.HasPrefix(line, []byte("--")) && !bytes.Contains(line, []byte("boundary=")) {
			kept = append(kept, line)
		}
	}
	return bytes.Join(kept, nil)
}
