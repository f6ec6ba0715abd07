package eml_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml"
)

const rawHead = "From: ann@example.com\r\nTo: bob@example.net\r\nMIME-Version: 1.0\r\n"

func parse(tb testing.TB, raw string) *mailer.Message {
	tb.Helper()
	m, err := eml.Parse(mailer.Bytes([]byte(raw)))
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

// TestParseLimits: one more than the limit is refused, the limit is not.
func TestParseLimits(t *testing.T) {
	nested := func(n int) string {
		var b strings.Builder
		b.WriteString(rawHead)
		for i := range n {
			c := string(rune('A' + i))
			b.WriteString("Content-Type: multipart/mixed; boundary=" + c + "\r\n\r\n--" + c + "\r\n")
		}
		b.WriteString("\r\ntext\r\n")
		for i := range n {
			b.WriteString("--" + string(rune('A'+n-1-i)) + "--\r\n")
		}
		return b.String()
	}
	parts := func(n int) string {
		return rawHead + "Content-Type: multipart/mixed; boundary=x\r\n\r\n" +
			strings.Repeat("--x\r\nContent-Type: image/png; name=a\r\n\r\n", n) + "--x--\r\n"
	}
	field := func(line, lines int) string {
		return rawHead + "X-Long: a\r\n" + strings.Repeat(" "+strings.Repeat("a", line-1)+"\r\n", lines) + "\r\ntext\r\n"
	}
	headers := func(n int) string {
		part := "--x\r\nContent-Type: image/png; name=a\r\nX-Long: a\r\n" + strings.Repeat(" "+strings.Repeat("a", 9999)+"\r\n", 10) + "\r\n"
		return rawHead + "Content-Type: multipart/mixed; boundary=x\r\n\r\n" + strings.Repeat(part, n) + "--x--\r\n"
	}
	body := func(n int) string { return rawHead + "\r\n" + strings.Repeat("a", n) + "\r\n" }
	text := func(n int) string {
		return rawHead + "\r\n" + strings.Repeat(strings.Repeat("a", 998)+"\r\n", n/1000)
	}
	for _, c := range []struct {
		name             string
		within, exceeded string
		want             error
	}{
		{"depth", nested(16), nested(17), mailer.ErrInvalidMessage},
		{"parts", parts(1000), parts(1001), mailer.ErrInvalidMessage},
		{"header line", field(32000, 1), field(33000, 1), mailer.ErrInvalidMessage},
		{"header", field(1000, 250), field(1000, 270), mailer.ErrInvalidMessage},
		{"headers", headers(10), headers(11), mailer.ErrInvalidMessage},
		{"body line", body(1 << 20), body(1<<20 + 64<<10), mailer.ErrInvalidMessage},
		{"bodies", text(16 << 20), text(17 << 20), mailer.ErrUnsupported},
	} {
		t.Run(c.name, func(t *testing.T) {
			parse(t, c.within)
			if _, err := eml.Parse(mailer.Bytes([]byte(c.exceeded))); !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
		})
	}
}

// generated is a message of one attachment that is made while it is read, and its size.
func generated(lines int) mailer.Content {
	line := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{'x'}, 57)) + "\r\n"
	head := rawHead + "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nsee\r\n--x\r\n" +
		"Content-Type: application/zip; name=a.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"
	const tail = "--x--\r\n"
	size := int64(len(head) + lines*len(line) + len(tail))
	return mailer.Opener(size, func() (io.ReadCloser, error) {
		body := &repeated{text: line, left: lines * len(line)}
		return io.NopCloser(io.MultiReader(strings.NewReader(head), body, strings.NewReader(tail))), nil
	})
}

type repeated struct {
	text string
	at   int
	left int
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n := min(copy(p, r.text[r.at:]), r.left)
	r.at = (r.at + n) % len(r.text)
	r.left -= n
	return n, nil
}

// TestParseHoldsNoAttachment: however large an attachment is, reading it takes some tens of kilobytes.
func TestParseHoldsNoAttachment(t *testing.T) {
	const lines = 300_000 // 16 MiB
	src := generated(lines)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	m, err := eml.Parse(src)
	if err != nil {
		t.Fatal(err)
	}
	c := m.Attachments[0].Content
	if size, err := c.Size(); err != nil || size != lines*57 {
		t.Errorf("Size = %d, %v; want %d", size, err, lines*57)
	}
	r, err := c.Open()
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, onlyReader{r})
	_ = r.Close()
	runtime.ReadMemStats(&after)
	if err != nil || n != lines*57 {
		t.Errorf("read %d, %v", n, err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 512<<10 {
		t.Errorf("%d bytes were allocated", used)
	}
}

type onlyReader struct{ io.Reader }

// TestAttachmentsOutlast: what was parsed from a file gives its octets as often as it is opened, in reads of
// any size, and fails once the file has changed.
func TestAttachmentsOutlast(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.eml")
	raw := rawHead + "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain; name=a.txt\n\none\ntwo\n" +
		"--x\nContent-Type: text/plain; name=b.txt\nContent-Transfer-Encoding: quoted-printable\n\nthr=\nee\nfour\n--x--\n"
	if err := os.WriteFile(path, []byte(raw), 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := eml.Parse(mailer.File(path))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"one\r\ntwo", "three\r\nfour"} {
		for range 2 {
			if got := contentOf(t, m.Attachments[i].Content); string(got) != want {
				t.Errorf("%q, want %q", got, want)
			}
		}
		r, err := m.Attachments[i].Content.Open()
		if err != nil {
			t.Fatal(err)
		}
		var slow []byte
		for p := make([]byte, 1); err == nil; {
			var n int
			n, err = r.Read(p)
			slow = append(slow, p[:n]...)
		}
		if _ = r.Close(); err != io.EOF || string(slow) != want {
			t.Errorf("octet by octet: %q, %v", slow, err)
		}
	}
	if err := os.WriteFile(path, []byte(raw+"more\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Attachments[0].Content.Open(); err == nil {
		t.Error("a file that has changed is opened")
	}
}

// TestParseErrorsOfSources: what the source does is not the message's fault.
func TestParseErrorsOfSources(t *testing.T) {
	raw := []byte(rawHead + "Content-Transfer-Encoding: quoted-printable\r\n\r\n=\r\ntext\r\n")
	broken := errors.New("broken")
	opens := 0
	for name, open := range map[string]func() (io.ReadCloser, error){
		"cannot be opened": func() (io.ReadCloser, error) { return nil, broken },
		"fails": func() (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(bytes.NewReader(raw[:60]), failing{broken})), nil
		},
		"is shorter": func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(raw[:len(raw)-3])), nil },
		"is longer":  func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(append(raw, 'x'))), nil },
		"is shorter later": func() (io.ReadCloser, error) {
			opens++
			return io.NopCloser(bytes.NewReader(raw[:len(raw)-3*(opens-1)])), nil
		},
	} {
		_, err := eml.Parse(mailer.Opener(int64(len(raw)), open))
		if !errors.Is(err, eml.ErrSource) || errors.Is(err, mailer.ErrInvalidMessage) || errors.Is(err, io.EOF) {
			t.Errorf("a source that %s: error %v", name, err)
		}
	}
	if _, err := eml.Parse(mailer.Reader(bytes.NewReader(raw))); !errors.Is(err, mailer.ErrInvalidMessage) {
		t.Errorf("a source that was not spooled: error %v", err)
	}
	if _, err := eml.Parse(mailer.Content{}); err == nil {
		t.Error("no source: no error")
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestInlineAttachments: a Content-ID alone makes nothing inline.
func TestInlineAttachments(t *testing.T) {
	for _, c := range []struct {
		name, multipart, html, disposition, want string
	}{
		{"mixed, not referred to", "mixed", "none", "", ""},
		{"mixed, referred to", "mixed", "<img src=cid:a>", "", "a"},
		{"mixed, attachment, referred to", "mixed", `<img src="CID:a">`, "Content-Disposition: attachment\r\n", "a"},
		{"mixed, inline", "mixed", "none", "Content-Disposition: inline\r\n", "a"},
		{"related", "related", "none", "", "a"},
		{"related, attachment", "related", "cid:b", "Content-Disposition: attachment\r\n", ""},
		{"related, attachment, referred to", "related", "url(cid:%61)", "Content-Disposition: attachment\r\n", "a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := parse(t, rawHead+"Content-Type: multipart/"+c.multipart+"; boundary=x\r\n\r\n--x\r\nContent-Type: text/html\r\n\r\n"+c.html+
				"\r\n--x\r\nContent-Type: image/png; name=a.png\r\nContent-ID: <a>\r\n"+c.disposition+"\r\nPNG\r\n--x--\r\n")
			if len(m.Attachments) != 1 || m.Attachments[0].ContentID != c.want {
				t.Errorf("attachments %+v, want ContentID %q", m.Attachments, c.want)
			}
		})
	}
}

// TestExtendedCharset: a charset in a form of RFC 2231 is one too, and octets that look like ASCII are not.
func TestExtendedCharset(t *testing.T) {
	const japanese = "\x1b$B$3$s\x1b(B"
	for parameter, want := range map[string]string{
		"charset=iso-2022-jp":                    "\u3053\u3093",
		"charset*=us-ascii'en'iso-2022-jp":       "\u3053\u3093",
		"charset*0=iso-2022-; charset*1=jp; a=b": "\u3053\u3093",
	} {
		for _, kind := range []string{"plain", "calendar"} {
			m := parse(t, rawHead+"Content-Type: text/"+kind+"; "+parameter+"\r\n\r\n"+japanese)
			got := m.Text
			if kind == "calendar" {
				got = string(contentOf(t, m.Alternatives[0].Content))
				if c := m.Alternatives[0].ContentType; !strings.HasPrefix(c, "text/calendar; charset=utf-8") || strings.Count(c, "charset") != 1 {
					t.Errorf("%s: became %s", parameter, c)
				}
			}
			if got != want {
				t.Errorf("text/%s; %s: %q, want %q", kind, parameter, got, want)
			}
		}
	}
	_, err := eml.Parse(mailer.Bytes([]byte(rawHead + "Content-Type: text/html; charset*=''utf-7\r\n\r\n+ADw-b+AD4-")))
	if !errors.Is(err, mailer.ErrUnsupported) {
		t.Errorf("UTF-7: error %v", err)
	}
}

// TestExtendedBoundary: writers that fold at few columns, as Python's can be told to, cut a boundary in pieces.
func TestExtendedBoundary(t *testing.T) {
	for _, parameter := range []string{
		"boundary*0*=us-ascii''%3D%3D;\r\n boundary*1*=12; boundary*2=\"==\"", "boundary*=us-ascii''%3D%3D12%3D%3D", `boundary="==12=="; boundary*=''a`,
	} {
		m := parse(t, rawHead+"Content-Type: multipart/mixed; "+parameter+"\r\n\r\n--==12==\r\n\r\ntext\r\n--==12==--\r\n")
		if m.Text != "text" {
			t.Errorf("%s: %q", parameter, m.Text)
		}
	}
	m := parse(t, rawHead+"Content-Type: multipart/mixed; boundary=\"=?utf-8?q?a?=\"\r\n\r\n--=?utf-8?q?a?=\r\n\r\ntext\r\n--=?utf-8?q?a?=--\r\n")
	if m.Text != "text" {
		t.Errorf("a boundary like an encoded word: %q", m.Text)
	}
}

// TestKeptFields: of the fields that are about other bytes or another way, none is dropped in silence.
func TestKeptFields(t *testing.T) {
	for _, name := range []string{
		"Received", "DKIM-Signature", "X-Google-DKIM-Signature", "DomainKey-Signature", "ARC-Seal", "arc-message-signature",
		"Content-MD5", "Content-Length", "Content-Location", "Content-Base", "Resent-Bcc",
	} {
		if _, err := eml.Parse(mailer.Bytes([]byte(name + ": value\r\n" + rawHead + "\r\ntext\r\n"))); !errors.Is(err, mailer.ErrUnsupported) ||
			!strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	m := parse(t, "Resent-From: a@example.com\r\nX-Priority: 1\r\n"+rawHead+"List-Unsubscribe: <https://example.com/u>\r\nAuthentication-Results: x\r\n\r\ntext\r\n")
	var names []string
	for _, f := range m.Headers {
		names = append(names, f.Name)
	}
	if got := strings.Join(names, " "); got != "Resent-From X-Priority List-Unsubscribe Authentication-Results" {
		t.Errorf("Headers are %s", got)
	}
	if _, err := mailer.Prepare(m); err != nil {
		t.Error(err)
	}
}

// TestFieldsTwice: PHP scripts give Subject and From to mail(), and again among the further fields. What is the
// same both times is clear.
func TestFieldsTwice(t *testing.T) {
	const fields = "From: Ann <ann@example.com>\r\nSender: Eve <eve@example.com>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n" +
		"Date: Wed, 4 Mar 2026 05:06:07 +0100\r\nMessage-ID: <1@example.com>\r\n"
	once := parse(t, fields+"To: bob@example.net\r\n\r\ntext\r\n")
	twice := parse(t, fields+"To: bob@example.net\r\n"+"FROM"+fields[len("From"):]+"\r\ntext\r\n")
	if got, want := describe(t, twice, nil), describe(t, once, nil); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for _, other := range []string{"From: bob@example.com", "Sender: a@example.com", "Subject: x", "Date: Wed, 4 Mar 2026 05:06:08 +0100", "Message-ID: <2@example.com>"} {
		if _, err := eml.Parse(mailer.Bytes([]byte(fields + other + "\r\n\r\ntext\r\n"))); !errors.Is(err, mailer.ErrInvalidMessage) ||
			!strings.Contains(err.Error(), "twice") {
			t.Errorf("%s: error %v", other, err)
		}
	}
}

// TestEmptyFields: a field without a value is read as if it were not there.
func TestEmptyFields(t *testing.T) {
	got := parse(t, "From: ann@example.com\r\nSender:\r\nTo: bob@example.net\r\nCc: \r\nBcc:\r\nReply-To:\r\nSubject:\r\nDate: \r\nMessage-ID:\r\nContent-Type:\r\n\r\ntext\r\n")
	want := parse(t, "From: ann@example.com\r\nTo: bob@example.net\r\n\r\ntext\r\n")
	if got, want := describe(t, got, nil), describe(t, want, nil); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestStructuredFields: what stands in angle brackets would be within an encoded word, where nobody looks for it.
func TestStructuredFields(t *testing.T) {
	for _, value := range []string{
		"List-ID: =?utf-8?q?Gr=C3=BC=C3=9Fe?= <l.example.com>", "List-ID: Gr\u00fc\u00dfe <l.example.com>",
		"In-Reply-To: <a=?x@example.com> <c?=d@example.com>", "References: <a=?x@example.com>\r\n <c?=d@example.com>",
		"List-Unsubscribe: <https://example.com/?u=?utf-8?q?a?=>", "Resent-To: =?utf-8?q?B?= <bob@example.net>",
	} {
		_, err := eml.Parse(mailer.Bytes([]byte(value + "\r\n" + rawHead + "\r\ntext\r\n")))
		if !errors.Is(err, mailer.ErrUnsupported) {
			t.Errorf("%s: error %v", value, err)
		}
	}
	for _, name := range []string{
		"List-Archive", "List-Help", "List-Owner", "List-Post", "List-Subscribe", "Resent-From", "Resent-Sender", "Resent-Cc", "Resent-Reply-To",
		"Disposition-Notification-To", "Return-Receipt-To", "Errors-To", "Mail-Followup-To", "Mail-Reply-To", "Apparently-To", "X-Original-To",
		"Delivered-To",
	} {
		_, err := eml.Parse(mailer.Bytes([]byte(name + ": =?utf-8?q?B?= <bob@example.net>\r\n" + rawHead + "\r\ntext\r\n")))
		if !errors.Is(err, mailer.ErrUnsupported) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// TestFormsWithin: a form of the body may be a multipart, whose files are files wherever they stand, and to which
// all HTML may refer.
func TestFormsWithin(t *testing.T) {
	const image = "Content-Type: image/png; name=a.png\r\nContent-ID: <a>\r\n"
	m := parse(t, rawHead+"Content-Type: multipart/alternative; boundary=x\r\n\r\n--x\r\n\r\nplain\r\n"+
		"--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n"+image+"Content-Disposition: inline\r\n\r\nPNG\r\n"+
		"--y\r\nContent-Type: text/html\r\n\r\nhtml\r\n--y--\r\n--x--\r\n")
	if m.Text != "plain" || m.HTML != "html" || len(m.Attachments) != 1 || len(m.Alternatives) != 0 {
		t.Errorf("got %+v", m)
	}
	m = parse(t, rawHead+"Content-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n"+
		"Content-Type: multipart/alternative; boundary=x\r\n\r\n--x\r\nContent-Type: text/html\r\n\r\none\r\n"+
		"--x\r\nContent-Type: text/html\r\n\r\n<img src=cid:a>\r\n--x--\r\n--y\r\n"+image+"\r\nPNG\r\n--y--\r\n")
	if len(m.Alternatives) != 1 || len(m.Attachments) != 1 || m.Attachments[0].ContentID != "a" {
		t.Errorf("got %+v", m)
	}
	_, err := eml.Parse(mailer.Bytes([]byte(rawHead + "Content-Type: multipart/related; boundary=x\r\n\r\n--x\r\nContent-Type: text/html\r\n\r\nhtml\r\n" +
		"--x\r\nContent-Type: message/rfc822\r\nContent-ID: <a>\r\n\r\nSubject: a\r\n\r\nb\r\n--x--\r\n")))
	if !errors.Is(err, mailer.ErrUnsupported) {
		t.Errorf("a message within related: error %v", err)
	}
}

// TestHostileMessages: what is made of a few octets over and over costs memory in proportion to its size, and
// does not keep Parse busy, which a quadratic walk through it would for minutes.
func TestHostileMessages(t *testing.T) {
	fold := func(s string) string { // a quarter of a megabyte of s
		unit := strings.Repeat(s, 900/len(s)+1)
		return strings.Repeat(unit+"\r\n ", 250<<10/len(unit)) + "\r\n"
	}
	deep := ""
	for c := 'A'; c <= 'P'; c++ {
		boundary := strings.Repeat("a", 100) + string(c)
		deep += "Content-Type: multipart/mixed; boundary=" + boundary + "\r\n\r\n--" + boundary + "\r\n"
	}
	for name, raw := range map[string]string{
		"encoded words":            "To: " + fold("=?utf-8?q?b?= ") + "\r\n",
		"encoded local parts":      "To: " + fold("=?utf-8?q?b?=@x,") + "\r\n",
		"beginnings of words":      "Subject: " + fold("=?") + "\r\n",
		"words without an end":     "Subject: " + fold("=?a?q?") + "\r\n",
		"comments within comments": "To: " + fold("(") + "\r\n",
		"comments":                 "To: a@x " + fold("()") + "\r\n",
		"quotes":                   "To: " + fold(`""`) + "\r\n",
		"addresses":                "To: " + fold("a@x,") + "\r\n",
		"names without quotes":     "To: " + fold("@<>") + "\r\n",
		"domain literals":          "To: " + fold("a@[") + "\r\n",
		"parameters":               "Content-Type: text/plain" + fold(";a=b") + "\r\n",
		"comments in parameters":   "Content-Type: text/plain; a=" + fold("(") + "\r\n",
		"fields":                   strings.Repeat("A:b\r\n", 50_000) + "\r\n",
		"near delimiters":          deep + "\r\n" + strings.Repeat("--"+strings.Repeat("a", 100)+"\r\n", 20_000),
		"references": "Content-Type: multipart/related; boundary=x\r\n\r\n--x\r\nContent-Type: text/html\r\n\r\n" +
			strings.Repeat(strings.Repeat("cid:a", 190)+"\r\n", 2000) + "--x\r\nContent-ID: <b>\r\nContent-Type: image/png\r\n\r\n--x--\r\n",
		"soft line ends": "Content-Transfer-Encoding: quoted-printable\r\n\r\n" + strings.Repeat("=\r\n", 100_000),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := eml.Parse(mailer.Bytes([]byte(raw)))
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > uint64(100*len(raw)) {
			t.Errorf("%s: %d bytes were allocated for a message of %d (%v)", name, used, len(raw), err)
		}
	}
}
