package acstest_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/mailkeel/mailkeel/providers/acs/acstest"
)

// notifier is a program that mails through the service. Its endpoint and its credential
// are what a test replaces.
type notifier struct {
	endpoint   string
	credential azcore.TokenCredential
}

func (n notifier) welcome(ctx context.Context, email string) error {
	token, err := n.credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{"https://communication.azure.com/.default"}})
	if err != nil {
		return err
	}
	body := fmt.Sprintf(`{
		"senderAddress": "hello@example.com",
		"content": {"subject": "Welcome", "plainText": "It is good to have you."},
		"recipients": {"to": [{"address": %q}]}
	}`, email)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.endpoint+"/emails:send?api-version=2025-09-01", strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token.Token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted {
		return fmt.Errorf("not accepted: %s (%s)", resp.Status, resp.Header.Get("x-ms-error-code"))
	}
	return nil
}

// In a test, Start takes the place of New and Close.
func Example() {
	fake, err := acstest.New(acstest.Config{LinkedDomains: []string{"example.com"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer fake.Close()
	ctx := context.Background()
	n := notifier{fake.Endpoint(), fake.Credential()}

	fmt.Println(n.welcome(ctx, "bob@example.org"))
	fmt.Println(n.welcome(ctx, "not an address"))
	fake.Next(acstest.Reply(acstest.RateLimited()))
	fmt.Println(n.welcome(ctx, "carol@example.org"))

	for _, m := range fake.Messages() {
		fmt.Println(m.Sender, "->", m.Recipients(), m.Subject)
	}
	// Output:
	// <nil>
	// not accepted: 400 Bad Request (InvalidEmailAddress)
	// not accepted: 429 Too Many Requests (TooManyRequests)
	// hello@example.com -> [bob@example.org] Welcome
}
