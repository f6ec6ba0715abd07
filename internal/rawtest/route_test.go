package rawtest

import (
	"context"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/dsn"
	"github.com/mailkeel/mailkeel/mailer/netsmtp"
	"github.com/mailkeel/mailkeel/providers"
	"github.com/mailkeel/mailkeel/providers/acs/acstest"
	"github.com/mailkeel/mailkeel/providers/mailgun/mailguntest"
	"github.com/mailkeel/mailkeel/providers/sendgrid/sendgridtest"
)

// TestFailover: the first route that can carry a raw message gets it, and nobody else is asked.
func TestFailover(t *testing.T) {
	azure, grid, relay := acstest.Start(t, acstest.Config{}), sendgridtest.Start(t, sendgridtest.Config{}), smtpfake.Start(t, smtpfake.Config{})
	s := "failover(acs://" + azure.Addr() + "?name=acs&quota=none&insecure=true&key=" + dsn.Escape(azure.Key()) +
		" sendgrid://" + grid.Key() + "@" + grid.Addr() + "?name=sendgrid&insecure=true smtp+plaintext://" + relay.Addr() + "?name=smtp)"
	sender, err := providers.Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sender.Close(context.Background()) })
	count := func() [3]int { return [3]int{len(azure.Messages()), len(grid.Messages()), len(relay.Messages())} }
	amp := "Content-Type: multipart/alternative; boundary=x\r\n\r\n--x\r\n\r\nplain\r\n--x\r\nContent-Type: text/x-amp-html\r\n\r\n<html>\r\n" +
		"--x\r\nContent-Type: text/html\r\n\r\n<p>\r\n--x--\r\n"
	for _, c := range []struct {
		name, route string
		change      func(string) string
		passed      []string // why
		want        [3]int
	}{
		{"plain", "acs", asItIs, nil, [3]int{1, 0, 0}},
		{"with AMP", "sendgrid", replace("\r\nHello\r\n", amp), []string{"alternatives"}, [3]int{1, 1, 0}},
		{"signed", "smtp", replace("Subject", "DKIM-Signature: v=1\r\nSubject"), []string{"is a signature", "is a signature"}, [3]int{1, 1, 1}},
		{"invalid", "smtp", replace("Subject", "Subject: B\r\nSubject"), []string{"stands there twice", "stands there twice"}, [3]int{1, 1, 2}},
	} {
		receipt, err := sender.Send(t.Context(), under(c.change, "bob@example.net"))
		if err != nil || receipt.Route != c.route || count() != c.want {
			t.Fatalf("%s: %v; messages at %v, want %v", c.name, err, count(), c.want)
		}
		for i, why := range c.passed {
			if a := receipt.Attempts[i]; !strings.Contains(a.Skipped, why) || a.Phase != mailer.PhaseNone {
				t.Errorf("%s: attempt %+v, want it passed over because %q", c.name, a, why)
			}
		}
	}
}

// TestLongLines: a message whose lines SMTP and Mailgun cannot carry as they are goes on to a provider that takes
// its parts.
func TestLongLines(t *testing.T) {
	gun, relay, grid := mailguntest.Start(t, mailguntest.Config{}), smtpfake.Start(t, smtpfake.Config{}), sendgridtest.Start(t, sendgridtest.Config{})
	sender, err := providers.Open(t.Context(), "failover(smtp+plaintext://"+relay.Addr()+"?name=smtp mailgun://"+gun.Key()+"@"+gun.Addr()+
		"?insecure=true&domain="+mailguntest.DefaultDomain+" sendgrid://"+grid.Key()+"@"+grid.Addr()+"?name=sendgrid&insecure=true)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sender.Close(context.Background()) })
	html := strings.Repeat("<p>Hello</p>", 500)
	receipt, err := sender.Send(t.Context(), under(replace("\r\nHello\r\n", "Content-Type: text/html\r\n\r\n"+html), "bob@example.net"))
	if err != nil || receipt.Route != "sendgrid" || len(relay.Messages())+len(gun.Messages()) != 0 {
		t.Fatalf("got %+v, %v", receipt, err)
	}
	if m := grid.Messages(); len(m) != 1 || m[0].Contents[0].Value != html {
		t.Errorf("got %+v", m)
	}
}

// TestSendMail: what programs hand to netsmtp.SendMail goes through the API, from and to being the envelope.
func TestSendMail(t *testing.T) {
	const text = "From: Ann <ann@example.com>\nTo: bob@example.net\nBcc: eve@example.org\nSubject: A letter\nX-Odd: 1\n\nHello\n.\n"
	atEach(t, func(t *testing.T, a *api) {
		netsmtp.SetSender(a.sender)
		defer netsmtp.SetSender(nil)
		to := []string{"eve@example.org", "bob@example.net"}
		if err := netsmtp.SendMail("mail.invalid:25", nil, "ann@example.com", to, []byte(text)); err != nil {
			t.Fatal(err)
		}
		got := a.arrived()[0]
		if got.subject != "A letter" || got.from.Address != "ann@example.com" || got.headers["X-Odd"] != "1" || withLF(got.forms[0].text) != "Hello\n.\n" ||
			strings.Join(specs(got.to), " ") != "bob@example.net" || strings.Join(specs(got.bcc), " ") != "eve@example.org" {
			t.Errorf("got %+v", got)
		}
		err := netsmtp.SendMail("mail.invalid:25", nil, "ann@example.com", to[:1], []byte(text))
		if e := mailer.AsSendError(err); err == nil || e.Outcome != mailer.NotAccepted || !strings.Contains(err.Error(), "envelope") || len(a.arrived()) != 1 {
			t.Errorf("to some of those in the header: %v", err)
		}
	})
}
