package main

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/internal/realmail"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/dsn"
)

// TestRealServer takes the program through Postfix and Dovecot.
func TestRealServer(t *testing.T) {
	servers := realmail.Start(t)
	for i, scheme := range []string{"smtp", "smtps"} {
		t.Run(scheme+" content", func(t *testing.T) { testRealContent(t, servers, scheme, realmail.Recipient(i)) })
	}
	t.Run("mechanisms", func(t *testing.T) { testRealMechanisms(t, servers) })
	t.Run("odd password", func(t *testing.T) {
		args := append(envelope(realmail.Recipient(3)), "-json")
		checkRealDelivery(t, servers, realURL(servers, "smtp", realmail.Odd.Name, realmail.Odd.Password, ""), realmail.Recipient(3), args)
	})
	t.Run("partly", func(t *testing.T) { testRealPartly(t, servers) })
	t.Run("refused", func(t *testing.T) { testRealRefused(t, servers) })
}

func realURL(s *realmail.Servers, scheme, name, secret, auth string) string {
	addr := map[string]string{"smtp": s.STARTTLSAddr, "smtps": s.ImplicitAddr}[scheme]
	url := scheme + "://" + dsn.Escape(name) + ":" + dsn.Escape(secret) + "@" + addr + "?timeout=10s&ca_file=" + dsn.Escape(s.CAFile)
	if auth != "" {
		url += "&auth=" + auth
	}
	return url
}

func appURL(s *realmail.Servers, scheme string) string {
	return realURL(s, scheme, realmail.App.Name, realmail.App.Password, "")
}

// sendReal runs the program and checks its exit status.
func sendReal(t *testing.T, url, text string, exit int, args []string) account {
	t.Helper()
	_, wait := start(t, url, text, args...)
	got := wait()
	if got.code != exit {
		t.Fatalf("exit status %d, want %d: %s", got.code, exit, got.stderr)
	}
	return got.account(t)
}

func checkRealDelivery(t *testing.T, s *realmail.Servers, url, to string, args []string) {
	t.Helper()
	if a := sendReal(t, url, "Hello\n", exitAccepted, args); a.ProviderMessageID == "" {
		t.Errorf("no queue id: %+v", a)
	}
	s.Maildir(t, to, 1)
}

// What is read back from the mailbox is what was sent, whoever reads it.
func testRealContent(t *testing.T, s *realmail.Servers, scheme, to string) {
	parsers := realmail.ExternalParsers(t)
	subject := "Grüße:" + strings.Repeat(" sehr lang", 20)
	text := "Grüße,\n.a line that begins with a dot\n..and two\n\n" + strings.Repeat("long ", 300) + "\nFrom here\n"
	html := "<p>Grüße <img src=\"cid:logo\"></p>\n.\n"
	blob := slices.Concat([]byte("\r\n.\r\n\x00\xff"), []byte(strings.Repeat("binär\r\n.", 20_000)))
	dir := t.TempDir()
	files := map[string][]byte{"Übersicht 2026.pdf": blob, "logo.png": blob[:999], "body.html": []byte(html)}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a := sendReal(t, appURL(s, scheme), text, exitAccepted, []string{
		"-json", "-from", "Jörg Müller <ann@example.com>", "-to", "Bob <" + to + ">", "-cc", realmail.Recipient(9),
		"-subject", subject, "-html", filepath.Join(dir, "body.html"),
		"-attach", filepath.Join(dir, "Übersicht 2026.pdf"), "-inline", "logo=" + filepath.Join(dir, "logo.png"),
	})
	stored := s.Maildir(t, to, 1)[0]
	if !strings.Contains(string(stored), "Message-ID: "+a.MessageID) {
		t.Errorf("Message-ID %s is not in the mailbox", a.MessageID)
	}
	for _, p := range parsers {
		got := p.Parse(t, stored)
		if got.Subject != subject {
			t.Errorf("%s: subject %q", p.Name, got.Subject)
		}
		if !slices.Equal(got.From, []mailer.Address{{Name: "Jörg Müller", Address: "ann@example.com"}}) {
			t.Errorf("%s: from %v", p.Name, got.From)
		}
		checkPart(t, p.Name, got, "text/plain", "", "", []byte(text))
		checkPart(t, p.Name, got, "text/html", "", "", []byte(html))
		checkPart(t, p.Name, got, "application/pdf", "Übersicht 2026.pdf", "", blob)
		checkPart(t, p.Name, got, "image/png", "logo.png", "logo", blob[:999])
	}
}

func checkPart(t *testing.T, parser string, got realmail.Parsed, contentType, name, contentID string, content []byte) {
	t.Helper()
	digest := sha256.Sum256(content)
	if !slices.ContainsFunc(got.Parts, func(p realmail.Part) bool {
		return p.ContentType == contentType && p.Filename == name && p.ContentID == contentID && p.SHA256 == hex.EncodeToString(digest[:])
	}) {
		t.Errorf("%s: no part %s %q as it was sent among %+v", parser, contentType, name, got.Parts)
	}
}

// testRealMechanisms logs in by every mechanism that the server offers and the client
// knows. With a wrong password, which the server answers slowly, it tries over one way only.
func testRealMechanisms(t *testing.T, s *realmail.Servers) {
	to := realmail.Recipient(2)
	for _, scheme := range []string{"smtp", "smtps"} {
		for _, mechanism := range realmail.Mechanisms {
			if mechanism == "OAUTHBEARER" { // offered, but not among what the client speaks
				continue
			}
			secret := realmail.App.Password
			if mechanism == "XOAUTH2" {
				secret = realmail.Token(realmail.App.Name, time.Hour)
			}
			t.Run(scheme+" "+mechanism, func(t *testing.T) {
				checkRealDelivery(t, s, realURL(s, scheme, realmail.App.Name, secret, mechanism), to, append(envelope(to), "-json"))
			})
			if scheme == "smtps" {
				continue
			}
			t.Run(mechanism+" refused", func(t *testing.T) {
				a := sendReal(t, realURL(s, scheme, realmail.App.Name, "wrong", mechanism), "", exitNotAccepted, append(envelope(to), "-json"))
				if a.Attempts[0].Scope != mailer.ScopeAccount || a.Attempts[0].Code != 535 {
					t.Errorf("attempt %+v", a.Attempts[0])
				}
			})
		}
	}
	s.Maildir(t, to, 0)
}

func testRealPartly(t *testing.T, s *realmail.Servers) {
	first, last := realmail.Recipient(4), realmail.Recipient(5)
	a := sendReal(t, appURL(s, "smtp"), "Hello\n", exitPartly, append(envelope(first, realmail.Nobody, last), "-json"))
	sameVerdicts(t, a.Recipients, []recipientAccount{
		{Address: first, Outcome: mailer.Accepted, Code: 250},
		{Address: realmail.Nobody, Outcome: mailer.NotAccepted, Scope: mailer.ScopeRecipient, Code: 550},
		{Address: last, Outcome: mailer.Accepted, Code: 250},
	})
	s.Maildir(t, first, 1)
	s.Maildir(t, last, 1)
}

func testRealRefused(t *testing.T, s *realmail.Servers) {
	to := realmail.Recipient(6)
	for _, c := range []struct {
		name  string
		args  []string
		scope mailer.Scope
		code  int
	}{
		{"recipient unknown", envelope(realmail.Nobody), mailer.ScopeRecipient, 550},
		{"mailbox full", envelope(realmail.Full), mailer.ScopeRecipient, 452},
		{"no relaying", envelope(realmail.Foreign), mailer.ScopeAccount, 554},
		{"sender refused", []string{"-from", realmail.Impostor, "-to", to}, mailer.ScopeSender, 553},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := sendReal(t, appURL(s, "smtps"), "Hello\n", exitNotAccepted, append(c.args, "-json"))
			if a.Attempts[0].Scope != c.scope || a.Attempts[0].Code != c.code {
				t.Errorf("got %+v, want scope %v, code %d", a.Attempts[0], c.scope, c.code)
			}
		})
	}
	s.Maildir(t, to, 0)
}
