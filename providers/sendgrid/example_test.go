package sendgrid_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/mailkeel/mailkeel/internal/testcert"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/sendgrid"
	"github.com/mailkeel/mailkeel/providers/sendgrid/sendgridtest"
)

// A message, and one from a sender that the account has not verified.
func ExampleClient_Send() {
	server, err := sendgridtest.New(sendgridtest.Config{
		TLS: testcert.Server(certs.Valid), VerifiedSenders: []string{"example.com"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	client, err := sendgrid.New(sendgrid.Config{
		Key:     mailer.NewSecret(server.Key()),                     // or mailer.SecretFile("/run/secrets/sendgrid")
		BaseURL: server.URL(), TLSConfig: certs.Client("localhost"), // of the test's server
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	defer func() { _ = client.Close(ctx) }()

	m := mailer.Message{
		From:    mailer.Address{Name: "The Shop", Address: "shop@example.com"},
		To:      []mailer.Address{{Name: "Doe, Jane", Address: "jane@example.org"}},
		Subject: "Your order", Text: "It is on its way.",
		ProviderOptions: map[string]any{"sendgrid": sendgrid.Options{IPPool: "transactional"}},
	}
	receipt, err := client.Send(ctx, &m)
	fmt.Println(receipt.Outcome, err)

	m.From.Address = "shop@example.net"
	_, err = client.Send(ctx, &m)
	fmt.Println(err)
	fmt.Println(errors.Is(err, mailer.ErrSenderRefused))
	// Output:
	// accepted <nil>
	// sendgrid: 403 from: The from address does not match a verified Sender Identity.
	// true
}
