package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/mailer"
)

// toEve refuses one of the recipients, as long as others are with her when company is true.
func toEve(reply string, company bool) smtpfake.Hook {
	return func(e *smtpfake.Event) smtpfake.Action {
		if e.Point != smtpfake.RCPT || !strings.Contains(e.Arg, "eve@") || company && len(e.Recipients) == 0 {
			return smtpfake.Action{}
		}
		return smtpfake.Action{Reply: reply}
	}
}

// Of two recipients the primary refuses one. If that is the provider's doing, she and nobody
// else goes on.
func TestFailoverOfOneRecipient(t *testing.T) {
	overSMTP := func(t *testing.T) side { return smtpServer(t, "smtps") }
	overMailgun := func(t *testing.T) side { return serveTLS(t, mailgunAPI) }
	overSendGrid := func(t *testing.T) side { return serveTLS(t, sendgridAPI) }
	overACS := func(t *testing.T) side { return serveTLS(t, acsAPI) }
	for _, c := range []struct {
		name   string
		hook   smtpfake.Hook
		backup func(*testing.T) side
		exit   int
		// who is at whom in the end
		primary, atBackup []string
	}{
		{"too many, SMTP", toEve("452 4.5.3 too many", false), overSMTP, exitAccepted, []string{"bob"}, []string{"eve"}},
		{"too many, Mailgun", toEve("452 4.5.3 too many", false), overMailgun, exitAccepted, []string{"bob"}, []string{"eve"}},
		{"too many at once", toEve("452 4.5.3 too many", true), overSMTP, exitAccepted, []string{"bob", "eve"}, nil},
		{"system trouble, SMTP", toEve("451 4.3.0 trouble", false), overSMTP, exitAccepted, []string{"bob"}, []string{"eve"}},
		{"system trouble, Mailgun", toEve("451 4.3.0 trouble", false), overMailgun, exitAccepted, []string{"bob"}, []string{"eve"}},
		{"system trouble, and the backup's envelope is its header", toEve("451 4.3.0 trouble", false), overSendGrid, exitPartly, []string{"bob"}, nil},
		{"system trouble, and ACS's envelope is its header", toEve("451 4.3.0 trouble", false), overACS, exitPartly, []string{"bob"}, nil},
		{"unknown, SMTP", toEve("550 5.1.1 who", false), overSMTP, exitPartly, []string{"bob"}, nil},
		{"unknown, Mailgun", toEve("550 5.1.1 who", false), overMailgun, exitPartly, []string{"bob"}, nil},
		{"full for now", toEve("452 4.2.2 full", false), overSMTP, exitPartly, []string{"bob"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := smtpfake.Start(t, secure(smtpfake.Config{Hook: c.hook}))
			primary, backup := &smtpSide{server, urlOf("smtp", server.Addr())}, c.backup(t)
			_, wait := start(t, failover(primary, backup, ""), "Hello\n", append(envelope("bob@example.org", "eve@example.org"), "-json")...)
			got := wait()
			a := got.sends(t)
			if got.code != c.exit {
				t.Errorf("exit status %d, want %d\n%s", got.code, c.exit, got.stdout)
			}
			atPrimary, atBackup := primary.truth(t), backup.truth(t)
			atPrimary.checkContacts(t, "primary", &a)
			atBackup.checkContacts(t, "backup", &a)
			sameStrings(t, "at the primary", atPrimary.everybody(), c.primary...)
			sameStrings(t, "at the backup", atBackup.everybody(), c.atBackup...)
			checkRecipients(t, &a, map[string][]string{"primary": c.primary, "backup": c.atBackup})
		})
	}
}

// everybody lists who has a copy, once for each.
func (k *truth) everybody() []string {
	var names []string
	for _, c := range k.copies {
		for _, address := range c.recipients {
			name, _, _ := strings.Cut(address, "@")
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// checkRecipients compares the account with those who have a copy, by the route that has it.
func checkRecipients(t *testing.T, a *account, have map[string][]string) {
	t.Helper()
	for _, r := range a.Recipients {
		name, _, _ := strings.Cut(r.Address, "@")
		accepted := r.Outcome == mailer.Accepted && r.ProviderMessageID != "" && slices.Contains(have[r.Route], name)
		refused := r.Outcome == mailer.NotAccepted && !slices.Contains(slices.Concat(have["primary"], have["backup"]), name)
		if !accepted && !refused {
			t.Errorf("%+v, but copies are at %v", r, have)
		}
	}
	if len(a.Recipients) != 2 {
		t.Errorf("recipients %+v", a.Recipients)
	}
}

// A route that is tried again after a lost reply has two copies then, of which standard error warns.
func TestRetriedInDoubt(t *testing.T) {
	t.Parallel()
	lost := smtpfake.OnNth(smtpfake.Content, 1, smtpfake.Action{Decision: smtpfake.Accept, Silent: true, Then: smtpfake.RST})
	server := smtpfake.Start(t, secure(smtpfake.Config{Hook: lost}))
	_, wait := start(t, "failover("+urlOf("smtp", server.Addr())+")"+again, "Hello\n", append(envelope("bob@example.org"), "-json")...)
	got := wait()
	if n := len(server.Messages()); got.code != exitAccepted || n != 2 || !strings.Contains(got.stderr, "there may be a second copy") {
		t.Errorf("exit status %d, %d copies, standard error %q\n%s", got.code, n, got.stderr, got.stdout)
	}
}

// A route that cannot carry the message is passed over, and both forms of the account say why.
func TestPassedOver(t *testing.T) {
	raw := writeFile(t, "m.eml", "DKIM-Signature: v=1\n"+rawMessage)
	for _, flag := range []string{"-json", "-json=false"} {
		t.Run(flag, func(t *testing.T) {
			t.Parallel()
			primary, backup := serveTLS(t, sendgridAPI), smtpServer(t, "smtp")
			_, wait := start(t, failover(primary, backup, ""), "", "-from", "ann@example.com", "-to", "bob@example.org", "-raw", raw, flag)
			got := wait()
			if got.code != exitAccepted || got.stderr != "" {
				t.Errorf("exit status %d: %s", got.code, got.stderr)
			}
			if truth := primary.truth(t); truth.contacts != 0 {
				t.Errorf("%d connections to a provider that cannot keep a signature", truth.contacts)
			}
			if truth := backup.truth(t); len(truth.copies) != 1 {
				t.Errorf("the backup has %d copies", len(truth.copies))
			}
			checkPassedOver(t, got, flag == "-json")
		})
	}
}

func checkPassedOver(t *testing.T, r result, asJSON bool) {
	t.Helper()
	if !asJSON {
		if first, _, _ := strings.Cut(r.stdout, "\n"); !strings.Contains(first, "primary") || !strings.Contains(first, "skipped: ") || !strings.Contains(first, "signature") {
			t.Errorf("standard output\n%s", r.stdout)
		}
		return
	}
	a := r.account(t)
	if len(a.Attempts) != 2 || a.Attempts[0].Route != "primary" || !strings.Contains(a.Attempts[0].Skipped, "signature") || a.Attempts[1].Skipped != "" {
		t.Errorf("attempts %+v", a.Attempts)
	}
}
