package sendgrid_test

import (
	"context"
	"testing"

	"github.com/mailkeel/mailkeel/internal/testcert"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/sendgrid"
	"github.com/mailkeel/mailkeel/providers/sendgrid/sendgridtest"
)

const secret = "SG.correct-horse-battery-staple"

var certs = must(testcert.New())

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// start returns a fake of the service and a client of it, which change may configure.
func start(t testing.TB, server sendgridtest.Config, change func(*sendgrid.Config)) (*sendgridtest.Server, *sendgrid.Client) {
	t.Helper()
	server.Key = secret
	if server.TLS == nil {
		server.TLS = testcert.Server(certs.Valid)
	}
	fake := sendgridtest.Start(t, server)
	cfg := sendgrid.Config{Key: mailer.NewSecret(secret), BaseURL: fake.URL(), TLSConfig: certs.Client("localhost")}
	if change != nil {
		change(&cfg)
	}
	client, err := sendgrid.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = client.Close(context.Background())
		for _, v := range fake.Violations() {
			t.Errorf("the client broke HTTP: %s", v)
		}
	})
	return fake, client
}

func simple() *mailer.Message {
	return &mailer.Message{
		From: mailer.Address{Name: "Shop", Address: "shop@example.com"}, To: []mailer.Address{{Address: "ann@example.com"}},
		Subject: "Your order", Text: "Thank you.\r\n",
	}
}
