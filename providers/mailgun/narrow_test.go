package mailgun_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/mailgun"
	"github.com/mailkeel/mailkeel/providers/mailgun/mailguntest"
)

// narrowed returns m narrowed to those recipients.
func narrowed(t *testing.T, m *mailer.Message, to ...string) *mailer.Message {
	t.Helper()
	narrow, err := mailer.Narrow(m, to)
	if err != nil {
		t.Fatal(err)
	}
	return narrow
}

// TestNarrowed: MIME goes with an envelope of its own, so that what is left of a message
// is the same message. Mailgun's log tells the two apart.
func TestNarrowed(t *testing.T) {
	r := newRig(t, mailguntest.Config{}, nil)
	m := prepared(t, rich())
	left := []string{"li@example.com", "cc@xn--bcher-kva.example", "auditor@example.com"}
	narrow := narrowed(t, m, left...)
	_, whole := r.accepted(m)
	receipt, got := r.accepted(narrow)
	equal(t, "Endpoint", got.Endpoint, "messages.mime")
	equal(t, "Recipients", got.Recipients, left)
	equal(t, "To", got.To, m.To)
	equal(t, "Cc", got.Cc, m.Cc)
	if !bytes.Equal(got.MIME, whole.MIME) {
		t.Errorf("it is another message:\n%s\nwant\n%s", got.MIME, whole.MIME)
	}
	equal(t, "Variables", got.Variables["mailkeel_envelope"], httpapi.EnvelopeID(left))
	if len(receipt.Recipients) != len(left) || receipt.Outcome != mailer.Accepted {
		t.Errorf("receipt %+v", receipt)
	}
}

// TestNarrowedTemplate: what Mailgun makes goes to all whom it shows, and is refused
// before Mailgun is asked; another provider may take it.
func TestNarrowedTemplate(t *testing.T) {
	template, batch := simple(), withOptions(simple(), mailgun.Options{RecipientVariables: map[string]map[string]any{}})
	template.Template, template.Text = &mailer.Template{ID: "welcome"}, ""
	for name, m := range map[string]*mailer.Message{"template": template, "batch": batch} {
		t.Run(name, func(t *testing.T) {
			m.To = append(m.To, mailer.Address{Address: "bob@example.com"})
			r := newRig(t, mailguntest.Config{}, nil)
			receipt, err := r.client.Send(r.context(), narrowed(t, m, "bob@example.com"))
			badForUs.check(t, receipt, err)
			if !errors.Is(err, mailer.ErrUnsupported) || r.server.Stats().Conns != 0 {
				t.Errorf("got %v and %d connections", err, r.server.Stats().Conns)
			}
			if _, got := r.accepted(m); len(got.Recipients) != 2 {
				t.Errorf("the whole went to %q", got.Recipients)
			}
		})
	}
}

// TestNames: a Client calls itself what its receipts do.
func TestNames(t *testing.T) {
	for name, want := range map[string]string{"": "127.0.0.1", "primary": "primary"} {
		r := newRig(t, mailguntest.Config{}, func(c *mailgun.Config) { c.Name = name })
		receipt, _ := r.accepted(simple())
		provider, route := r.client.Names()
		if provider != "mailgun" || route != want || provider != receipt.Provider || route != receipt.Route {
			t.Errorf("it is %q, %q, and in receipts %q, %q", provider, route, receipt.Provider, receipt.Route)
		}
	}
}
