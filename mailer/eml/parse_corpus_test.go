package eml_test

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml"
)

// A rawLeaf is a part as the standard library alone reads it, its charset left as it is.
type rawLeaf struct {
	kind   string
	params map[string]string
	octets []byte
}

// rawLeaves walks through a message with net/mail and mime/multipart. An error says that they cannot read it.
func rawLeaves(b []byte) ([]rawLeaf, *mail.Message, error) {
	m, err := mail.ReadMessage(bytes.NewReader(b))
	if err != nil {
		return nil, nil, err
	}
	leaves, err := leavesOf(m.Header.Get, m.Body)
	return leaves, m, err
}

func leavesOf(header func(string) string, body io.Reader) ([]rawLeaf, error) {
	kind, params := "text/plain", map[string]string{}
	if value := header("Content-Type"); value != "" {
		var err error
		if kind, params, err = mime.ParseMediaType(value); err != nil {
			return nil, err
		}
	}
	if strings.HasPrefix(kind, "multipart/") {
		return multipartLeaves(multipart.NewReader(body, params["boundary"]))
	}
	encoding, _, _ := strings.Cut(strings.ToLower(header("Content-Transfer-Encoding")), " ")
	switch encoding {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	octets, err := io.ReadAll(body)
	return []rawLeaf{{kind, params, octets}}, err
}

func multipartLeaves(r *multipart.Reader) ([]rawLeaf, error) {
	var all []rawLeaf
	for {
		p, err := r.NextRawPart()
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		leaves, err := leavesOf(p.Header.Get, p)
		if err != nil {
			return nil, err
		}
		all = append(all, leaves...)
	}
}

// TestParseAgreesWithStandardLibrary compares the corpus with a walk that shares nothing with Parse: the
// octets of every part are in the Message, and nothing else is.
func TestParseAgreesWithStandardLibrary(t *testing.T) {
	compared := 0
	for _, file := range corpus(t) {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		m, err := eml.Parse(mailer.Bytes(raw))
		if err != nil {
			continue
		}
		leaves, std, err := rawLeaves(raw)
		if err != nil {
			t.Logf("%s: the standard library cannot read it: %v", filepath.Base(file), err)
			continue
		}
		compared++
		t.Run(filepath.Base(file), func(t *testing.T) { compareWithLeaves(t, m, std, leaves) })
	}
	if compared < 35 {
		t.Errorf("%d messages compared", compared)
	}
}

// compareWithLeaves compares attachments octet by octet and texts by their ASCII, since the walk knows no
// charsets. Parts of white space alone do not count.
func compareWithLeaves(t *testing.T, m *mailer.Message, std *mail.Message, leaves []rawLeaf) {
	t.Helper()
	checkHeaders(t, m, std)
	var want, got, texts []string
	for _, l := range leaves {
		if octets := withLF(l.octets); strings.TrimSpace(octets) != "" {
			want = append(want, octets)
		}
	}
	texts = append(texts, m.Text, m.HTML)
	for _, a := range m.Alternatives {
		texts = append(texts, withLF(contentOf(t, a.Content)))
	}
	for _, a := range m.Attachments {
		octets := withLF(contentOf(t, a.Content))
		if i := slices.Index(want, octets); i >= 0 {
			want = slices.Delete(want, i, i+1)
		} else if strings.TrimSpace(octets) != "" {
			t.Errorf("attachment %q is not among the parts", octets)
		}
	}
	texts = slices.DeleteFunc(texts, func(s string) bool { return strings.TrimSpace(s) == "" })
	if len(texts) != len(want) {
		t.Errorf("%d texts, the standard library has %d", len(texts), len(want))
	}
	if slices.ContainsFunc(leaves, func(l rawLeaf) bool { return !isASCIICompatible(l.params["charset"]) }) {
		return // what it says is compared by TestParseCorpus
	}
	for _, s := range texts {
		got = append(got, onlyASCII(s))
	}
	for i := range want {
		want[i] = onlyASCII(want[i])
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("texts %q\nwant %q", got, want)
	}
}

func withLF(octets []byte) string { return strings.ReplaceAll(string(octets), "\r\n", "\n") }

// isASCIICompatible reports the charsets in which an ASCII octet is that character, whatever stands before.
func isASCIICompatible(charset string) bool {
	c := strings.ToLower(charset)
	return slices.Contains([]string{"", "utf-8", "us-ascii", "ansi_x3.4-1968", "koi8-r"}, c) ||
		strings.HasPrefix(c, "iso-8859") || strings.HasPrefix(c, "windows-125")
}

func onlyASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= utf8.RuneSelf {
			return -1
		}
		return r
	}, s)
}

// checkHeaders compares what net/mail makes of the header.
func checkHeaders(t *testing.T, m *mailer.Message, std *mail.Message) {
	t.Helper()
	for name := range std.Header {
		if strings.ContainsAny(name, " \t") { // before a colon, which net/mail does not know
			return
		}
	}
	if raw := std.Header.Get("Subject"); raw != "" && !strings.Contains(raw, "=?") && oneSpace(m.Subject) != oneSpace(raw) {
		t.Errorf("Subject %q, net/mail has %q", m.Subject, raw)
	}
	if id := std.Header.Get("Message-Id"); id != "" && oneSpace(id) != oneSpace(m.MessageID) {
		t.Errorf("MessageID %q, net/mail has %q", m.MessageID, id)
	}
	if date, err := std.Header.Date(); err == nil && !date.Equal(m.Date) && !strings.HasSuffix(std.Header.Get("Date"), "T") {
		t.Errorf("Date %v, net/mail has %v", m.Date, date)
	}
	for _, f := range []struct {
		name string
		list []mailer.Address
	}{{"From", []mailer.Address{m.From}}, {"To", m.To}, {"Cc", m.Cc}, {"Bcc", m.Bcc}, {"Reply-To", m.ReplyTo}} {
		if len(std.Header[f.name]) != 1 || strings.Trim(std.Header.Get(f.name), " \t,") == "" {
			continue
		}
		list, err := std.Header.AddressList(f.name)
		if err != nil {
			continue
		}
		same := slices.EqualFunc(list, f.list, func(a *mail.Address, b mailer.Address) bool { return a.Address == b.Address })
		if !same {
			t.Errorf("%s: %v, net/mail has %v", f.name, f.list, list)
		}
	}
}

func oneSpace(s string) string { return strings.Join(strings.Fields(s), " ") }

// TestRenderOfParsed renders what was read from the corpus and reads it again: it is the same.
func TestRenderOfParsed(t *testing.T) {
	rendered := 0
	for _, file := range corpus(t) {
		m, err := eml.Parse(mailer.File(file))
		if err != nil {
			continue
		}
		rendered++
		t.Run(filepath.Base(file), func(t *testing.T) {
			if m.From.Address == "" {
				m.From.Address = "envelope@example.com"
			}
			p := prepare(t, m)
			for _, o := range []eml.Options{{}, {EightBit: true}} {
				_, b := render(t, p, o)
				again, err := eml.Parse(mailer.Bytes(b))
				if err != nil {
					t.Fatal(err)
				}
				again.Bcc = p.Bcc // which is not written
				if got, want := alike(t, again), alike(t, p); got != want {
					t.Errorf("got\n%s\nwant\n%s", got, want)
				}
			}
		})
	}
	if rendered < 40 {
		t.Errorf("%d messages rendered", rendered)
	}
}

// alike describes m without what Render is free in: the place of inline attachments, the line end of
// the last line, and whether a priority is a field of its own.
func alike(tb testing.TB, m *mailer.Message) string {
	tb.Helper()
	c := *m
	c.Text, c.HTML = lines(c.Text), lines(c.HTML)
	c.Subject = strings.Trim(c.Subject, " \t")
	c.Date = c.Date.UTC()
	c.Headers = nil
	c.Attachments, c.Alternatives = slices.Clone(m.Attachments), slices.Clone(m.Alternatives)
	loneFile(tb, &c)
	for _, f := range append(slices.Clone(m.Headers), eml.ExtraFields(m)...) {
		c.Headers.Add(f.Name, strings.Trim(f.Value, " \t"))
	}
	slices.SortStableFunc(c.Attachments, func(a, b mailer.Attachment) int { return rank(a) - rank(b) })
	for i := range c.Attachments {
		c.Attachments[i].ContentType = mediaTypeOf(tb, c.Attachments[i].ContentType)
	}
	slices.SortStableFunc(c.Alternatives, func(a, b mailer.Alternative) int { return rankForm(a) - rankForm(b) })
	for i := range c.Alternatives {
		c.Alternatives[i].ContentType = mediaTypeOf(tb, c.Alternatives[i].ContentType)
	}
	return describe(tb, &c, nil)
}

// loneFile makes a named form that is alone an attachment: without another form beside it, it is read as one.
func loneFile(tb testing.TB, m *mailer.Message) {
	tb.Helper()
	if m.Text+m.HTML != "\n\n" || len(m.Alternatives) != 1 {
		return
	}
	a := m.Alternatives[0]
	kind, params, err := mime.ParseMediaType(a.ContentType)
	if err != nil || params["name"] == "" || kind == "text/calendar" {
		return
	}
	m.Alternatives = nil
	m.Attachments = append([]mailer.Attachment{{Name: params["name"], ContentType: a.ContentType, Content: a.Content}}, m.Attachments...)
}

func rank(a mailer.Attachment) int {
	if a.ContentID != "" {
		return 0
	}
	return 1
}

func rankForm(a mailer.Alternative) int {
	if strings.HasPrefix(strings.ToLower(a.ContentType), "text/x-amp-html") {
		return 0
	}
	return 1
}

// lines is s with LF for every line end and one at the end.
func lines(s string) string {
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	return strings.TrimSuffix(s, "\n") + "\n"
}

// mediaTypeOf is s in one spelling, without a name; a text without a charset is UTF-8.
func mediaTypeOf(tb testing.TB, s string) string {
	tb.Helper()
	kind, params, err := mime.ParseMediaType(s)
	if err != nil {
		tb.Fatalf("%q: %v", s, err)
	}
	delete(params, "name")
	if strings.HasPrefix(kind, "text/") && (params["charset"] == "" || strings.EqualFold(params["charset"], "utf-8")) {
		params["charset"] = "utf-8"
	}
	return mime.FormatMediaType(kind, params)
}
