package sendgrid_test

import (
	"errors"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/sendgrid"
	"github.com/mailkeel/mailkeel/providers/sendgrid/sendgridtest"
)

// TestNarrowed: SendGrid makes the header of those it sends to. What must show others is
// refused before it is asked, and may go elsewhere.
func TestNarrowed(t *testing.T) {
	fake, client := start(t, sendgridtest.Config{}, nil)
	m := simple()
	m.To = append(m.To, mailer.Address{Address: "bob@example.com"})
	m.Bcc = []mailer.Address{{Address: "cid@example.com"}}
	narrow := must(mailer.Narrow(m, []string{"ann@example.com", "bob@example.com"}))
	receipt, err := client.Send(t.Context(), narrow)
	e := mailer.AsSendError(err)
	if receipt != nil || !errors.Is(err, mailer.ErrUnsupported) || e.Outcome != mailer.NotAccepted || e.Scope != mailer.ScopeMessage || !e.Elsewhere {
		t.Errorf("got %v, %+v", receipt, e)
	}
	if n := len(e.Receipt.Recipients); n != 2 {
		t.Errorf("the receipt has %d recipients, want the 2 that are left", n)
	}
	if stats := fake.Stats(); stats.Conns != 0 || len(fake.Messages()) != 0 {
		t.Errorf("SendGrid saw %+v", stats)
	}
	// A copy that shows those alone asks for nothing that SendGrid lacks.
	portion := *narrow
	portion.Bcc = nil
	if _, err := client.Send(t.Context(), &portion); err != nil {
		t.Error(err)
	}
	if held := fake.Messages(); len(held) != 1 || len(held[0].Recipients()) != 2 {
		t.Errorf("SendGrid has %+v", held)
	}
}

// TestNames: a Client calls itself what its receipts do.
func TestNames(t *testing.T) {
	for name, want := range map[string]string{"": "127.0.0.1", "primary": "primary"} {
		_, client := start(t, sendgridtest.Config{}, func(c *sendgrid.Config) { c.Name = name })
		receipt, err := client.Send(t.Context(), simple())
		if err != nil {
			t.Fatal(err)
		}
		provider, route := client.Names()
		if provider != "sendgrid" || route != want || provider != receipt.Provider || route != receipt.Route {
			t.Errorf("it is %q, %q, and in receipts %q, %q", provider, route, receipt.Provider, receipt.Route)
		}
	}
}
