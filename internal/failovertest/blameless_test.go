package failovertest

import (
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/router"
	"github.com/mailkeel/mailkeel/providers/acs/acstest"
	"github.com/mailkeel/mailkeel/providers/mailgun/mailguntest"
	"github.com/mailkeel/mailkeel/providers/sendgrid/sendgridtest"
)

// many is more than it takes to rest a route whose provider fails.
const many = 3 * enough

// A provider is a primary that takes good messages, and refuses the next one with reply when asked to.
type provider struct {
	url    string
	refuse func()
	copies func() int
}

// refusing is an SMTP server that refuses what holds the marker at one point.
func refusing(t *testing.T, p smtpfake.Point, marker, reply string) *provider {
	t.Helper()
	server := smtpfake.Start(t, smtpfake.Config{Hook: func(e *smtpfake.Event) smtpfake.Action {
		if e.Point == p && strings.Contains(e.Arg+string(e.Data), marker) {
			return smtpfake.Action{Reply: reply}
		}
		return smtpfake.Action{}
	}})
	return &provider{smtpAt(server.Addr()), func() {}, func() int { return len(server.Messages()) }}
}

func sendgridRefusing(t *testing.T, cfg sendgridtest.Config, replies ...sendgridtest.Answer) *provider {
	t.Helper()
	server := sendgridtest.Start(t, cfg)
	refuse := func() {
		for _, a := range replies {
			server.Next(sendgridtest.Reply(a))
		}
	}
	return &provider{sendgridAt(server, unprotected), refuse, func() int { return len(server.Messages()) }}
}

func mailgunRefusing(t *testing.T, reply mailguntest.Answer) *provider {
	t.Helper()
	server := mailguntest.Start(t, mailguntest.Config{})
	refuse := func() { server.Next(mailguntest.Fault{Kind: mailguntest.Replace, Answer: reply}) }
	return &provider{mailgunAt(server, unprotected), refuse, func() int { return len(server.Messages()) }}
}

const marker = "marked"

func badText(m *mailer.Message)      { m.Text = marker }
func badRecipient(m *mailer.Message) { m.To = []mailer.Address{{Address: marker + "@example.org"}} }
func foreignFrom(m *mailer.Message)  { m.From = mailer.Address{Address: foreign} }

// Whoever is to blame, it is not the route: messages and recipients that are refused, however
// many, do not rest it, and the next good message takes it.
func TestBlameless(t *testing.T) {
	for _, c := range []struct {
		name  string
		start func(*testing.T) *provider
		bad   func(*mailer.Message)
		scope mailer.Scope
	}{
		{"message, SMTP", func(t *testing.T) *provider { return refusing(t, smtpfake.Content, marker, "550 5.7.1 spam") }, badText, mailer.ScopeMessage},
		{"message, SendGrid", func(t *testing.T) *provider {
			return sendgridRefusing(t, sendgridtest.Config{}, sendgridtest.BadRequest("subject"))
		}, badText, mailer.ScopeMessage},
		{"message, Mailgun", func(t *testing.T) *provider { return mailgunRefusing(t, mailguntest.ParameterMissing("subject")) }, badText, mailer.ScopeMessage},
		{"message, ACS", func(t *testing.T) *provider {
			return acsRefusing(t, acstest.Config{}, acstest.BadRequest("content.subject"))
		}, badText, mailer.ScopeMessage},
		{"address, ACS", func(t *testing.T) *provider {
			return acsRefusing(t, acstest.Config{}, acstest.InvalidEmail("recipients.to[0].address"))
		}, badRecipient, mailer.ScopeMessage},
		{"recipient", func(t *testing.T) *provider { return refusing(t, smtpfake.RCPT, marker, "550 5.1.1 who") }, badRecipient, mailer.ScopeRecipient},
		{"recipient for now", func(t *testing.T) *provider { return refusing(t, smtpfake.RCPT, marker, "450 4.2.1 full") }, badRecipient, mailer.ScopeRecipient},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := c.start(t)
			r := open(t, p.url, "rest=1h")
			for range many {
				p.refuse()
				receipt, e := r.send(t, c.bad)
				if e == nil || e.Outcome != mailer.NotAccepted || e.Scope != c.scope || receipt.Route != "primary" {
					t.Fatalf("error %v\n%s", e, told(receipt))
				}
				r.wantState(t, router.Closed)
			}
			r.accepted(t, "primary")
			if n := p.copies(); n != 1 || len(r.backup.Messages()) != 0 {
				t.Errorf("%d copies at the primary and %d at the backup, want 1 and 0", n, len(r.backup.Messages()))
			}
		})
	}
}

// An author that is not the account's goes over the backup, and later messages from there do not
// try again; the route stays as it was for everybody else.
func TestForeignFrom(t *testing.T) {
	for name, start := range map[string]func(*testing.T) *provider{
		"SMTP": func(t *testing.T) *provider { return refusing(t, smtpfake.MAIL, foreign, "550 5.7.1 not yours") },
		"SendGrid": func(t *testing.T) *provider {
			return sendgridRefusing(t, sendgridtest.Config{VerifiedSenders: []string{"example.com"}})
		},
		"ACS": func(t *testing.T) *provider {
			return acsRefusing(t, acstest.Config{LinkedDomains: []string{"example.com"}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t)
			r := open(t, p.url, "rest=1h")
			for i := range many {
				receipt, e := r.send(t, foreignFrom)
				if e != nil || receipt.Route != "backup" {
					t.Fatalf("error %v\n%s", e, told(receipt))
				}
				if tried(receipt) != (i == 0) || passed(receipt) == (i == 0) {
					t.Errorf("message %d: attempts\n%s", i+1, told(receipt))
				}
				r.wantState(t, router.Closed)
			}
			r.accepted(t, "primary")
			if n := p.copies(); n != 1 || len(r.backup.Messages()) != many {
				t.Errorf("%d copies at the primary and %d at the backup, want 1 and %d", n, len(r.backup.Messages()), many)
			}
		})
	}
}
