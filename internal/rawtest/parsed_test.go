package rawtest

import (
	"crypto/sha256"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
)

// unfitForSendGrid are the shapes that Parse reads and SendGrid's API has no place for.
var unfitForSendGrid = map[string]string{
	"base64-odd-lines":     "without a body",
	"calendar-alone":       `the parameter "method"`,
	"calendar-before-html": `the parameter "method"`,
	"cron":                 `"X-Cron-Env" more than once`,
	"empty-parts":          "without a body",
	"exchange-meeting":     `the parameter "method"`,
	"gmail-invite":         `the parameter "method"`,
	"headers-groups":       "without To recipients",
	"headers-long-folded":  `"X-Trace" more than once`,
	"html-before-plain":    "a second text/plain",
	"scanner-pdf-alone":    "without a body",
}

// unfitForACS are likewise those of ACS.
var unfitForACS = map[string]string{
	"amp":                  "alternatives",
	"base64-odd-lines":     "without a body",
	"calendar-alone":       "alternatives",
	"calendar-before-html": "alternatives",
	"cron":                 `"X-Cron-Env" more than once`,
	"empty-parts":          "without a body",
	"exchange-meeting":     "alternatives",
	"gmail-invite":         "alternatives",
	"headers-groups":       "without To recipients",
	"headers-long-folded":  "64 recipients",
	"html-before-plain":    "alternatives",
	"scanner-pdf-alone":    "without a body",
}

// unlistedForACS are those with files of types that Microsoft does not list.
var unlistedForACS = map[string]string{
	"bare-lf":             "the extension .vcf",
	"names-in-every-form": "the extension .bin",
	"outlook-winmail":     "the extension .dat",
	"thunderbird-related": "the extension .vcf",
}

// TestPartByPart: what takes no raw messages gets the same subject, addresses, bodies, files and inline images,
// or refuses the message with its reason before anything is sent.
func TestPartByPart(t *testing.T) {
	for name, open := range map[string]func(*testing.T) *api{
		"sendgrid": overSendGrid,
		"acs":      func(t *testing.T) *api { return overACS(t, false) },
	} {
		t.Run(name, func(t *testing.T) {
			carried := 0
			for _, s := range corpus(t) {
				t.Run(s.name, func(t *testing.T) {
					a := open(t)
					if why, refused := a.why(s); refused {
						a.checkUnfit(t, s.message(), why)
						return
					}
					a.checkCarried(t, s)
					carried++
				})
			}
			if carried < 30 {
				t.Errorf("%d messages carried", carried)
			}
		})
	}
}

// TestTypesLeftToACS: where the client is told not to look at the types of files, the service does.
func TestTypesLeftToACS(t *testing.T) {
	for _, s := range corpus(t) {
		if unlistedForACS[s.name] == "" {
			continue
		}
		a := overACS(t, true)
		_, err := a.sender.Send(t.Context(), s.message())
		if e := mailer.AsSendError(err); err == nil || e.Code != 400 || a.conns() == 0 || len(a.arrived()) != 0 {
			t.Errorf("%s: got %v", s.name, err)
		}
	}
}

// why returns the reason for which s is refused, if it is.
func (a *api) why(s *shape) (string, bool) {
	if s.err != nil {
		return s.reason(), true
	}
	why, refused := a.refuses[s.name]
	return why, refused
}

func (a *api) checkCarried(t *testing.T, s *shape) {
	t.Helper()
	m, err := mailer.Prepare(s.message())
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := a.sender.Send(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	if got := addressesIn(receipt.Recipients); receipt.MessageID != m.MessageID || !slices.Equal(got, m.Recipients()) {
		t.Errorf("the receipt is about %s to %q, want %s to %q", receipt.MessageID, got, m.MessageID, m.Recipients())
	}
	all := a.arrived()
	if len(all) != 1 {
		t.Fatalf("%d messages arrived", len(all))
	}
	got := &all[0]
	if got.messageID != m.MessageID {
		t.Errorf("Message-ID %s, want %s", got.messageID, m.MessageID)
	}
	a.checkAddresses(t, s, got)
	checkForms(t, s, got)
	checkFiles(t, s, got)
	checkFields(t, s, got)
	checkAgainstRaw(t, s.raw, got)
}

func addressesIn(results []mailer.RecipientResult) (all []string) {
	for _, r := range results {
		all = append(all, r.Address)
	}
	return all
}

func (a *api) checkAddresses(t *testing.T, s *shape, got *delivered) {
	t.Helper()
	from, blindOnes := s.read.From, append([]mailer.Address{{Address: blind}}, bare(s.read.Bcc)...)
	if from.Address == "" {
		from.Address = "envelope@example.com"
	}
	if a.nameless {
		from.Name = ""
	}
	if got.subject != s.read.Subject || got.from != from {
		t.Errorf("%q from %v, want %q from %v", got.subject, got.from, s.read.Subject, from)
	}
	for _, f := range []struct {
		name      string
		got, want []mailer.Address
	}{{"To", got.to, s.read.To}, {"Cc", got.cc, s.read.Cc}, {"Bcc", got.bcc, blindOnes}, {"Reply-To", got.replyTo, s.read.ReplyTo}} {
		if !slices.Equal(f.got, f.want) {
			t.Errorf("%s %v, want %v", f.name, f.got, f.want)
		}
	}
}

// bare is list without names, as an envelope has it.
func bare(list []mailer.Address) (all []mailer.Address) {
	for _, a := range list {
		all = append(all, mailer.Address{Address: a.Address})
	}
	return all
}

func checkForms(t *testing.T, s *shape, got *delivered) {
	t.Helper()
	var want []form
	for _, f := range []form{{"text/plain", s.read.Text}, {"text/html", s.read.HTML}} {
		if f.text != "" {
			want = append(want, f)
		}
	}
	for _, a := range s.read.Alternatives {
		want = append(want, form{bareType(a.ContentType), string(octetsOf(t, a.Content))})
	}
	for _, list := range [][]form{want, got.forms} {
		for i := range list {
			list[i].text = withLF(list[i].text)
		}
	}
	if !slices.Equal(got.forms, want) {
		t.Errorf("bodies %q\nwant %q", got.forms, want)
	}
}

func checkFiles(t *testing.T, s *shape, got *delivered) {
	t.Helper()
	if len(got.files) != len(s.read.Attachments) {
		t.Fatalf("%d files, want %d", len(got.files), len(s.read.Attachments))
	}
	for i, a := range s.read.Attachments {
		f := &got.files[i]
		name := a.Name[strings.LastIndexAny(a.Name, `/\`)+1:]
		if f.name != name && (name != "" || !strings.HasPrefix(f.name, "attachment")) {
			t.Errorf("a file called %q, want %q", f.name, name)
		}
		if f.kind != bareType(a.ContentType) || f.inline != a.ContentID {
			t.Errorf("%s: type %q and ContentID %q, want %q and %q", f.name, f.kind, f.inline, a.ContentType, a.ContentID)
		}
		if sha256.Sum256(f.octets) != sha256.Sum256(octetsOf(t, a.Content)) {
			t.Errorf("%s: %d other octets", f.name, len(f.octets))
		}
	}
}

// checkFields compares the other header fields. Nothing in them tells of blind recipients.
func checkFields(t *testing.T, s *shape, got *delivered) {
	t.Helper()
	for _, f := range s.read.Headers {
		if got.headers[f.Name] != f.Value {
			t.Errorf("field %s is %q, want %q", f.Name, got.headers[f.Name], f.Value)
		}
	}
	if n := len(got.headers); n != len(s.read.Headers)+1 { // and Message-ID
		t.Errorf("%d header fields, want %d: %v", n, len(s.read.Headers)+1, got.headers)
	}
}

func octetsOf(t *testing.T, c mailer.Content) []byte {
	t.Helper()
	r, err := c.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	octets, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return octets
}

func bareType(contentType string) string {
	kind, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(kind))
}

func withLF(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }
