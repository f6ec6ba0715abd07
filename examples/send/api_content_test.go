package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/internal/testcert"
	"github.com/mailkeel/mailkeel/mailer"
)

// serveTLS starts a fake that takes messages over TLS.
func serveTLS(t *testing.T, a *api) *apiServer {
	t.Helper()
	return a.serve(t, &setting{tls: testcert.Server(certs.Valid)})
}

// atEach runs a test at each of the APIs.
func atEach(t *testing.T, test func(*testing.T, *api)) {
	t.Helper()
	for _, a := range apis {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			test(t, a)
		})
	}
}

const (
	fullText = "Grüße,\n\n.a line with a dot\nFrom here on\n" + `{"not": "JSON"} --boundary` + "\n"
	fullHTML = `<p>Grüße &amp; <img src="cid:logo@1"> "quotes" ` + "\\ and\ttabs</p>\n"
)

// Everything that flags can say arrives as it was said.
func TestAPIFullMessage(t *testing.T) {
	pdf := writeFile(t, "report 1.pdf", "%PDF\x00\xff\r\n--")
	png := writeFile(t, "logo.png", "PNG\n")
	html := writeFile(t, "body.html", fullHTML)
	args := []string{
		"-from", `"Ünal, Ann \"Annie\"" <ann@example.com>`, "-subject", `Grüße, "Bob"; 100 % €`,
		"-to", `"Müller, Bob; \"Bobby\"" <bob@example.org>`, "-to", "Eve 李 <eve@example.org>, plain@example.org",
		"-cc", "Cäcilie <cc1@example.org>", "-cc", "cc2@example.org", "-bcc", `"Blind, One" <bcc1@example.org>`, "-bcc", "bcc2@example.org",
		"-reply-to", `"Desk, Help" <help@example.com>`, "-reply-to", "second@example.com",
		"-header", "X-Order: 4711", "-header", `X-Name: Zoë, "Q"`, "-header", "List-Id: <news.example.com>",
		"-attach", pdf, "-inline", "logo@1=" + png, "-html", html,
		"-tag", "welcome", "-tag", "two words", "-meta", "user=4711", "-meta", "name=Zoë=1", "-idempotency-key", "order/4711+1", "-json",
	}
	want := delivered{
		from: mailer.Address{Name: `Ünal, Ann "Annie"`, Address: "ann@example.com"},
		to: []mailer.Address{
			{Name: `Müller, Bob; "Bobby"`, Address: "bob@example.org"}, {Name: "Eve 李", Address: "eve@example.org"}, {Address: "plain@example.org"},
		},
		cc:      []mailer.Address{{Name: "Cäcilie", Address: "cc1@example.org"}, {Address: "cc2@example.org"}},
		bcc:     []string{"bcc1@example.org", "bcc2@example.org"},
		replyTo: []mailer.Address{{Name: "Desk, Help", Address: "help@example.com"}, {Address: "second@example.com"}},
		subject: `Grüße, "Bob"; 100 % €`, text: fullText, html: fullHTML,
		files: []deliveredFile{{"report 1.pdf", "", "%PDF\x00\xff\r\n--"}, {"logo.png", "logo@1", "PNG\n"}},
		tags:  []string{"welcome", "two words"}, metadata: map[string]string{"user": "4711", "name": "Zoë=1"}, key: "order/4711+1",
	}
	atEach(t, func(t *testing.T, a *api) {
		server := serveTLS(t, a)
		_, wait := start(t, server.url(), fullText, args...)
		got := wait()
		account := got.account(t)
		if got.code != exitAccepted || (got.stderr == "") != (len(a.degrades) == 0) {
			t.Fatalf("exit status %d, %+v\n%s", got.code, account, got.stderr)
		}
		sameStrings(t, "left out", account.Degraded, a.degrades...)
		m, arrives := server.only(t), want
		a.lacks(&arrives)
		m.check(t, &arrives)
		for name, value := range map[string]string{"X-Order": "4711", "X-Name": `Zoë, "Q"`, "List-Id": "<news.example.com>", "Message-ID": account.MessageID} {
			if got := m.header(name); got != value {
				t.Errorf("%s: got %q, want %q", name, got, value)
			}
		}
		if m.messageID != account.MessageID || m.id != account.ProviderMessageID {
			t.Errorf("the provider has %q as %q, printed was %+v", m.messageID, m.id, account)
		}
		if len(account.Recipients) != 7 {
			t.Errorf("recipients %+v", account.Recipients)
		}
	})
}

// Every bit of a large attachment arrives.
func TestAPILargeAttachment(t *testing.T) {
	atEach(t, func(t *testing.T, a *api) {
		content, err := os.ReadFile(*a.large)
		if err != nil {
			t.Fatal(err)
		}
		server := serveTLS(t, a)
		_, wait := start(t, server.url(), "text", append(envelope("bob@example.org"), "-attach", *a.large)...)
		if got := wait(); got.code != exitAccepted {
			t.Fatalf("exit status %d: %s", got.code, got.stderr)
		}
		if files := server.only(t).files; len(files) != 1 || files[0].name != filepath.Base(*a.large) || files[0].content != string(content) {
			t.Errorf("%d files, or another content", len(files))
		}
	})
}

// Without -idempotency-key the key is made of the Message-ID.
func TestAPIIdentity(t *testing.T) {
	atEach(t, func(t *testing.T, a *api) {
		server := serveTLS(t, a)
		_, wait := start(t, server.url(), "text", append(envelope("bob@example.org"), "-json")...)
		id := wait().account(t).MessageID
		want := delivered{key: strings.Trim(id, "<>")}
		a.lacks(&want)
		if m := server.only(t); m.messageID != id || m.key != want.key {
			t.Errorf("Message-ID %q and key %q at the provider, %q printed; want key %q", m.messageID, m.key, id, want.key)
		}
	})
}

const rawMessage = "From: x@example.com\nTo: Somebody <s@example.net>\nMessage-ID: <raw@example.com>\nSubject: raw\nX-Odd:  two  spaces\n\n.dot\n"

func TestRawThroughMailgun(t *testing.T) {
	t.Parallel()
	server := serveTLS(t, mailgunAPI)
	raw := writeFile(t, "m.eml", rawMessage)
	_, wait := start(t, server.url(), "not read", "-from", "ann@example.com", "-to", "bob@example.org", "-bcc", "eve@example.org", "-raw", raw, "-json")
	got := wait()
	if got.code != exitAccepted || got.account(t).MessageID != "<raw@example.com>" || got.account(t).ProviderMessageID != "<raw@example.com>" {
		t.Fatalf("exit status %d, stdout %s, stderr %s", got.code, got.stdout, got.stderr)
	}
	m := server.only(t)
	sameStrings(t, "envelope", m.bcc, "bob@example.org", "eve@example.org")
	if want := strings.ReplaceAll(rawMessage, "\n", "\r\n"); m.raw != want {
		t.Errorf("got  %q\nwant %q", m.raw, want)
	}
}

// The other APIs take no raw messages: they get its parts.
func TestRawInParts(t *testing.T) {
	raw := writeFile(t, "m.eml", rawMessage)
	for _, a := range []*api{sendgridAPI, acsAPI} {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			server := serveTLS(t, a)
			_, wait := start(t, server.url(), "not read", "-from", "x@example.com", "-to", "s@example.net", "-bcc", "eve@example.org", "-raw", raw, "-json")
			got := wait()
			if got.code != exitAccepted || got.account(t).MessageID != "<raw@example.com>" {
				t.Fatalf("exit status %d, stdout %s, stderr %s", got.code, got.stdout, got.stderr)
			}
			m := server.only(t)
			sameStrings(t, "blind copies", m.bcc, "eve@example.org")
			sameAddresses(t, "To", m.to, []mailer.Address{{Name: "Somebody", Address: "s@example.net"}})
			if m.subject != "raw" || m.header("X-Odd") != "two  spaces" || !strings.HasPrefix(m.text, ".dot") || m.messageID != "<raw@example.com>" {
				t.Errorf("got %+v", m)
			}
		})
	}
}

// An unfit message is one that an API cannot carry: nobody has it, and nobody was asked.
type unfitCase struct {
	name string
	api  *api
	args []string
	want string
}

func TestAPIUnsupported(t *testing.T) {
	raw := writeFile(t, "m.eml", rawMessage)
	signed := writeFile(t, "signed.eml", "DKIM-Signature: v=1\n"+rawMessage)
	big := writeFile(t, "big.bin", strings.Repeat("x", 27<<20))
	over := writeFile(t, "over.pdf", strings.Repeat("x", 7_500_001))
	program := writeFile(t, "setup.exe", "MZ")
	for _, c := range []unfitCase{
		{"raw, to others than its header", sendgridAPI, []string{"-from", "ann@example.com", "-to", "bob@example.org", "-raw", raw}, "envelope"},
		{"raw, signed", sendgridAPI, []string{"-raw", signed}, "signature"},
		{"no To", sendgridAPI, []string{"-from", "ann@example.com", "-bcc", "bob@example.org", "-subject", "S"}, "To"},
		{"no subject", sendgridAPI, []string{"-from", "ann@example.com", "-to", "bob@example.org"}, "Subject"},
		{"repeated header", sendgridAPI, append(envelope("bob@example.org"), "-header", "X-A: 1", "-header", "X-A: 2"), "X-A"},
		{"raw, to others than its header", acsAPI, []string{"-from", "ann@example.com", "-to", "bob@example.org", "-raw", raw}, "envelope"},
		{"raw, signed", acsAPI, []string{"-raw", signed}, "signature"},
		{"no To", acsAPI, []string{"-from", "ann@example.com", "-bcc", "bob@example.org", "-subject", "S"}, "To"},
		{"no subject", acsAPI, []string{"-from", "ann@example.com", "-to", "bob@example.org"}, "Subject"},
		{"repeated header", acsAPI, append(bare("bob@example.org"), "-header", "X-A: 1", "-header", "X-A: 2"), "X-A"},
		{"header that steers the service", acsAPI, append(bare("bob@example.org"), "-header", "X-MS-AcsEmail-Suppress-Invalid-Attachment: true"), "steer"},
		{"too large", acsAPI, append(bare("bob@example.org"), "-attach", over), "bytes"},
		{"address outside ASCII", acsAPI, append(bare("bob@example.org"), "-cc", "zoë@example.org"), "utf8"},
		{"type of attachment", acsAPI, append(bare("bob@example.org"), "-attach", program), ".exe"},
		{"too many recipients", acsAPI, append(bare("bob@example.org"), "-cc", manyAddresses(50)), "50"},
		{"too large", sendgridAPI, append(envelope("bob@example.org"), "-attach", big), "bytes"},
		{"too large", mailgunAPI, append(envelope("bob@example.org"), "-attach", big), "bytes"},
		{"address outside ASCII", sendgridAPI, append(envelope("bob@example.org"), "-cc", "zoë@example.org"), "utf8"},
		{"address outside ASCII", mailgunAPI, append(envelope("bob@example.org"), "-cc", "zoë@example.org"), "utf8"},
	} {
		t.Run(c.api.name+" "+c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t)
		})
	}
}

// manyAddresses is a list of n of them.
func manyAddresses(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("user%d@example.org", i)
	}
	return strings.Join(list, ",")
}

func (c *unfitCase) run(t *testing.T) {
	server := serveTLS(t, c.api)
	_, wait := start(t, server.url(), canary, append(c.args, "-json")...)
	got := wait()
	a := got.account(t)
	if got.code != exitNotAccepted || a.Outcome != mailer.NotAccepted || len(a.Attempts) != 1 || a.Attempts[0].Scope != mailer.ScopeMessage {
		t.Errorf("exit status %d, %+v", got.code, a)
	}
	if !strings.HasPrefix(got.stderr, "send: "+c.api.name+": unsupported: ") || !strings.Contains(got.stderr, c.want) {
		t.Errorf("standard error %q, want %q", got.stderr, c.want)
	}
	if n := server.Stats().Conns; n != 0 {
		t.Errorf("%d connections", n)
	}
	server.checkSilent(t, got, "bob@example.org")
}

// A message without To goes through Mailgun, whose envelope stands beside it.
func TestBlindCopiesThroughMailgun(t *testing.T) {
	t.Parallel()
	server := serveTLS(t, mailgunAPI)
	_, wait := start(t, server.url(), "text", "-from", "ann@example.com", "-bcc", "bob@example.org", "-bcc", "eve@example.org")
	if got := wait(); got.code != exitAccepted {
		t.Fatalf("exit status %d: %s", got.code, got.stderr)
	}
	sameStrings(t, "blind copies", server.only(t).bcc, "bob@example.org", "eve@example.org")
}
