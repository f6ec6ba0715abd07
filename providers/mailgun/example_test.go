package mailgun_test

import (
	"context"
	"fmt"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/mailgun"
	"github.com/mailkeel/mailkeel/providers/mailgun/mailguntest"
)

// A message with variables of each recipient: everybody gets a copy that shows nobody else.
func ExampleOptions() {
	server, err := mailguntest.New(mailguntest.Config{}) // in place of Mailgun
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	client, err := mailgun.New(mailgun.Config{
		Key: mailer.NewSecret(server.Key()), Domain: mailguntest.DefaultDomain,
		BaseURL: server.URL(), AllowPlaintext: true,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = client.Close(context.Background()) }()

	receipt, err := client.Send(context.Background(), &mailer.Message{
		From:    mailer.Address{Name: "Shop", Address: "shop@mg.example.com"},
		To:      []mailer.Address{{Address: "ann@example.com"}, {Address: "bob@example.com"}},
		Subject: "Hello %recipient.name%",
		Text:    "Your code is %recipient.code%.",
		ProviderOptions: map[string]any{"mailgun": mailgun.Options{
			RecipientVariables: map[string]map[string]any{
				"ann@example.com": {"name": "Ann", "code": 17},
				"bob@example.com": {"name": "Bob", "code": 4},
			},
		}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(receipt.Outcome, receipt.Route, len(server.Messages()[0].RecipientVariables))
	// Output: accepted 127.0.0.1 2
}
