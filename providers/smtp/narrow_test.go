package smtp_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/smtp"
)

// TestNarrowed: whom one transaction left over gets the same message by another, which
// names nobody else to the server and still shows all of them in the header.
func TestNarrowed(t *testing.T) {
	for name, ext := range map[string]smtpfake.Extensions{"plain": {}, "pipelined": relay, "BDAT": smtpfake.AllExtensions()} {
		for _, delivery := range []mailer.Delivery{mailer.AtMostOnce, mailer.AtLeastOnce} {
			t.Run(name+", "+delivery.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					server := smtpfake.New(smtpfake.Config{Extensions: ext, Hook: refuseSecond("452 4.5.3 too many")})
					client := must(smtp.New(plaintext(pipeTo(server))))
					defer closeAll(t, client, server)
					m := newMessage(3)
					m.Delivery = delivery
					sendRest(t, client, server, prepared(t, m))
				})
			})
		}
	}
}

// sendRest sends m, of which the second recipient is left over, and then the rest of it.
func sendRest(t *testing.T, client *smtp.Client, server *smtpfake.Server, m *mailer.Message) {
	t.Helper()
	const rest = "cid@example.net"
	if receipt, err := client.Send(t.Context(), m); receipt == nil || receipt.Outcome != mailer.PartlyAccepted {
		t.Fatalf("the whole: %v, %v", receipt, err)
	}
	receipt, err := client.Send(t.Context(), must(mailer.Narrow(m, []string{rest})))
	if err != nil || len(receipt.Recipients) != 1 || receipt.Recipients[0].Address != rest || receipt.MessageID != m.MessageID {
		t.Fatalf("the rest: %+v, %v", receipt, err)
	}
	got := server.Messages()
	if len(got) != 2 || len(got[1].Recipients) != 1 || got[1].Recipients[0].Address != rest {
		t.Fatalf("the server has %+v", got)
	}
	if string(got[0].Data) != string(got[1].Data) {
		t.Errorf("the rest is another message:\n%s\nwant\n%s", got[1].Data, got[0].Data)
	}
	for _, to := range m.To {
		if !strings.Contains(string(got[1].Data), to.Address) {
			t.Errorf("the header does not show %s", to.Address)
		}
	}
}

// TestNames: a Client calls itself what its receipts do.
func TestNames(t *testing.T) {
	for name, want := range map[string]string{"": "localhost", "primary": "primary"} {
		synctest.Test(t, func(t *testing.T) {
			server := smtpfake.New(smtpfake.Config{})
			cfg := plaintext(pipeTo(server))
			cfg.Name = name
			client := must(smtp.New(cfg))
			defer closeAll(t, client, server)
			receipt, err := client.Send(t.Context(), newMessage(1))
			if err != nil {
				t.Fatal(err)
			}
			provider, route := client.Names()
			if provider != "smtp" || route != want || provider != receipt.Provider || route != receipt.Route {
				t.Errorf("it is %q, %q, and in receipts %q, %q", provider, route, receipt.Provider, receipt.Route)
			}
		})
	}
}
