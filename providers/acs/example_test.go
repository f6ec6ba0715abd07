package acs_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/mailkeel/mailkeel/internal/testcert"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/acs"
	"github.com/mailkeel/mailkeel/providers/acs/acstest"
)

// exampleServer is a fake of the service with a domain that is linked.
func exampleServer() *acstest.Server {
	return must(acstest.New(acstest.Config{TLS: testcert.Server(certs.Valid), LinkedDomains: []string{"example.com"}}))
}

// A message with an access key, and one from a domain that the resource has not.
func ExampleClient_Send() {
	server := exampleServer()
	defer server.Close()
	client, err := acs.New(acs.Config{
		Endpoint:  server.Endpoint(),              // such as https://contoso.communication.azure.com
		Key:       mailer.NewSecret(server.Key()), // or mailer.SecretFile("/run/secrets/acs")
		TLSConfig: certs.Client("localhost"),      // of the test's server
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	defer func() { _ = client.Close(ctx) }()

	m := mailer.Message{
		From:    mailer.Address{Address: "donotreply@example.com"},
		To:      []mailer.Address{{Name: "Doe, Jane", Address: "jane@example.org"}},
		Subject: "Your order", Text: "It is on its way.",
	}
	receipt, err := client.Send(ctx, &m)
	fmt.Println(receipt.Outcome, err)

	m.From.Address = "donotreply@example.net"
	_, err = client.Send(ctx, &m)
	fmt.Println(err)
	fmt.Println(errors.Is(err, mailer.ErrSenderRefused))
	var azure *azcore.ResponseError
	if errors.As(err, &azure) {
		fmt.Println(azure.StatusCode, azure.ErrorCode)
	}
	// Output:
	// accepted <nil>
	// acs: 404 DomainNotLinked: The specified sender domain has not been linked.
	// true
	// 404 DomainNotLinked
}

// With a managed identity, or any other azcore.TokenCredential, and with what became of the message inside of
// the service.
func ExampleClient_Status() {
	server := exampleServer()
	defer server.Close()
	client, err := acs.New(acs.Config{
		Endpoint:   server.Endpoint(),
		Credential: server.Credential(), // or azidentity.NewManagedIdentityCredential(nil)
		TLSConfig:  certs.Client("localhost"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	defer func() { _ = client.Close(ctx) }()

	receipt, err := client.Send(ctx, &mailer.Message{
		From: mailer.Address{Address: "donotreply@example.com"}, To: []mailer.Address{{Address: "jane@example.org"}},
		Subject: "Your order", Text: "It is on its way.", IdempotencyKey: "order-4711",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(receipt.ProviderMessageID == acs.OperationID("order-4711"))
	operation, err := client.Status(ctx, receipt.ProviderMessageID)
	fmt.Println(operation.Status, operation.Outcome, err)
	// Output:
	// true
	// Succeeded accepted <nil>
}

// What the portal shows on the page "Keys" of a Communication Services resource.
func ExampleParseConnectionString() {
	endpoint, key, err := acs.ParseConnectionString(
		"endpoint=https://contoso.communication.azure.com/;accesskey=MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
	fmt.Println(endpoint, key, err)
	// Output:
	// https://contoso.communication.azure.com [redacted] <nil>
}
