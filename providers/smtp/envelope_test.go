package smtp_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/smtp"
)

// TestUTF8OutsideHeader: an address that only the envelope shows needs SMTPUTF8 as well
// (RFC 6531 section 3.4), and a server without it is not asked.
func TestUTF8OutsideHeader(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*mailer.Message)
	}{
		{"Bcc", func(m *mailer.Message) { m.Bcc = []mailer.Address{{Address: "bäb@example.net"}} }},
		{"ReturnPath", func(m *mailer.Message) { m.ReturnPath = "bäb@example.net" }},
		{"header in Raw", func(m *mailer.Message) {
			*m = mailer.Message{From: m.From, To: m.To, Raw: mailer.Bytes([]byte("From: ann@example.com\nSubject: Grüße\n\nx\n"))}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := smtpfake.New(smtpfake.Config{Extensions: relay})
				client := must(smtp.New(plaintext(pipeTo(server))))
				defer closeAll(t, client, server)
				m := newMessage(1)
				c.change(m)
				receipt, err := client.Send(t.Context(), m)
				notAccepted(message, other, 0).with(mailer.ErrUnsupported).check(t, receipt, err, len(server.Messages()))
				if n := countVerb(server, "MAIL"); n != 0 {
					t.Errorf("%d MAIL commands, want none", n)
				}
				if !strings.Contains(err.Error(), c.name) && c.name == "header in Raw" {
					t.Errorf("%q does not say what needs it", err)
				}
			})
		})
	}
}

// TestRefusedRecipients: what a refusal says about one recipient depends on what became
// of the others.
func TestRefusedRecipients(t *testing.T) {
	const (
		taken   = "accepted unknown  250" // the zero scope
		slow    = "not_accepted rate temporary elsewhere 452"
		tooMany = "not_accepted recipient temporary elsewhere 452"
		policy  = "not_accepted recipient  550"
		lost    = "not_accepted provider temporary elsewhere 0"
	)
	for _, c := range []struct {
		name string
		hook smtpfake.Hook
		want []string
	}{
		{"452 4.5.3 for the only one", smtpfake.On(smtpfake.RCPT, smtpfake.Action{Reply: "452 4.5.3 too many"}), []string{slow}},
		{"452 4.5.3 for all", smtpfake.On(smtpfake.RCPT, smtpfake.Action{Reply: "452 4.5.3 too many"}), []string{slow, slow, slow}},
		{"452 for all", smtpfake.On(smtpfake.RCPT, smtpfake.Action{Reply: "452 too many"}), []string{slow, slow, slow}},
		{"452 4.5.3 for one", refuseSecond("452 4.5.3 too many"), []string{taken, tooMany, taken}},
		{"452 for one", refuseSecond("452 too many"), []string{taken, tooMany, taken}},
		{"550 5.7.1 for the first, then the end", firstThenEnd, []string{policy, lost, lost}},
	} {
		for name, ext := range map[string]smtpfake.Extensions{"plain": {}, "pipelined": relay, "BDAT": smtpfake.AllExtensions()} {
			t.Run(c.name+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					server := smtpfake.New(smtpfake.Config{Extensions: ext, Hook: c.hook})
					client := must(smtp.New(plaintext(pipeTo(server))))
					defer closeAll(t, client, server)
					wantResults(t, client, server, c.want)
				})
			})
		}
	}
}

// firstThenEnd refuses the first recipient, and closes at the second.
func firstThenEnd(e *smtpfake.Event) smtpfake.Action {
	switch {
	case e.Point == smtpfake.RCPT && e.Seen == 1:
		return smtpfake.Action{Reply: "550 5.7.1 policy"}
	case e.Point == smtpfake.RCPT:
		return fin
	}
	return smtpfake.Action{}
}

// wantResults sends a message to as many recipients as there are results.
func wantResults(t *testing.T, client *smtp.Client, server *smtpfake.Server, want []string) {
	t.Helper()
	msg := prepared(t, newMessage(len(want)))
	tr := &trial{msg: msg}
	tr.send(t, client, bug{})
	synctest.Wait()
	tr.messages = server.Messages()
	results, wrong := tr.account()
	if wrong != "" || len(results) != len(want) {
		t.Fatalf("%d results, want %d: %s", len(results), len(want), wrong)
	}
	for i, r := range results {
		flags := strings.TrimSpace(map[bool]string{true: later}[r.Temporary] + " " + map[bool]string{true: other}[r.Elsewhere])
		if got := fmt.Sprintf("%v %v %s %d", r.Outcome, r.Scope, flags, r.Code); got != want[i] {
			t.Errorf("%s: got %q, want %q", r.Address, got, want[i])
		}
		if objection := tr.contradiction(r); objection != "" {
			t.Errorf("%s: %s", r.Address, objection)
		}
	}
}
