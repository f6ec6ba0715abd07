package acs_test

import (
	"context"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/internal/testcert"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/acs"
	"github.com/mailkeel/mailkeel/providers/acs/acstest"
)

// patience bounds whatever a broken client could make wait for ever.
const patience = 20 * time.Second

var certs = must(testcert.New())

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// start returns a fake of the service, over TLS, and a client of it that has the access key.
func start(t testing.TB, server acstest.Config, change func(*acs.Config)) (*acstest.Server, *acs.Client) {
	t.Helper()
	if server.TLS == nil {
		server.TLS = testcert.Server(certs.Valid)
	}
	fake := serve(t, server)
	return fake, newClient(t, withKey(fake), change)
}

// startWithToken is start with the server's Credential in place of the key.
func startWithToken(t testing.TB, server acstest.Config, change func(*acs.Config)) (*acstest.Server, *acs.Client) {
	t.Helper()
	if server.TLS == nil {
		server.TLS = testcert.Server(certs.Valid)
	}
	fake := serve(t, server)
	return fake, newClient(t, withToken(fake), change)
}

// serve starts a fake of the service, over plain HTTP unless cfg has TLS. The test fails if a
// client breaks HTTP.
func serve(t testing.TB, cfg acstest.Config) *acstest.Server {
	t.Helper()
	fake := acstest.Start(t, cfg)
	t.Cleanup(func() {
		for _, v := range fake.Violations() {
			t.Errorf("the client broke HTTP: %s", v)
		}
	})
	return fake
}

// withKey is the Config of a client of fake that has the primary key. There is no local
// quota, so that tests may send as often as they like.
func withKey(fake *acstest.Server) acs.Config {
	cfg := configFor(fake)
	cfg.Key = mailer.NewSecret(fake.Key())
	return cfg
}

// withToken is withKey with the server's Credential in place of the key.
func withToken(fake *acstest.Server) acs.Config {
	cfg := configFor(fake)
	cfg.Credential = fake.Credential()
	return cfg
}

func configFor(fake *acstest.Server) acs.Config {
	return acs.Config{
		Endpoint: fake.Endpoint(), AllowPlaintext: true, TLSConfig: certs.Client("localhost"),
		Quota: acs.Quota{PerMinute: -1, PerHour: -1},
	}
}

// newClient returns a client with cfg, which change may change. It is closed at the end of the test.
func newClient(t testing.TB, cfg acs.Config, change func(*acs.Config)) *acs.Client {
	t.Helper()
	if change != nil {
		change(&cfg)
	}
	client, err := acs.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(context.Background()) })
	return client
}

// held returns what the server holds once nothing is on its way to it.
func held(t testing.TB, fake *acstest.Server) []acstest.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	fake.EndSilences()
	if err := fake.WaitIdle(ctx); err != nil {
		t.Fatalf("the server is not idle: %v", err)
	}
	return fake.Messages()
}

// simple is a message that the service takes and nothing is left out of.
func simple() *mailer.Message {
	return &mailer.Message{
		From: mailer.Address{Address: "shop@example.com"}, To: []mailer.Address{{Name: "Ann", Address: "ann@example.org"}},
		Subject: "Your order", Text: "Thank you.\r\n",
	}
}
