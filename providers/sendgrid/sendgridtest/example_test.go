package sendgridtest_test

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/mailkeel/mailkeel/providers/sendgrid/sendgridtest"
)

// notifier is a program that mails through SendGrid. Its base URL is what a test replaces.
type notifier struct{ baseURL, key string }

func (n notifier) welcome(email string) error {
	body := fmt.Sprintf(`{
		"personalizations": [{"to": [{"email": %q}]}],
		"from": {"email": "hello@example.com"},
		"subject": "Welcome",
		"content": [{"type": "text/plain", "value": "It is good to have you."}]
	}`, email)
	req, err := http.NewRequest(http.MethodPost, n.baseURL+"/v3/mail/send", strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+n.key)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted {
		return fmt.Errorf("not accepted: %s", resp.Status)
	}
	return nil
}

// In a test, Start takes the place of New and Close.
func Example() {
	fake, err := sendgridtest.New(sendgridtest.Config{VerifiedSenders: []string{"example.com"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer fake.Close()
	n := notifier{fake.URL(), fake.Key()}

	fmt.Println(n.welcome("bob@example.org"))
	fmt.Println(n.welcome("not an address"))
	fake.Next(sendgridtest.Reply(sendgridtest.RateLimited()))
	fmt.Println(n.welcome("carol@example.org"))

	for _, m := range fake.Messages() {
		fmt.Println(m.From.Email, "->", m.Recipients(), m.Subject)
	}
	// Output:
	// <nil>
	// not accepted: 400 Bad Request
	// not accepted: 429 Too Many Requests
	// hello@example.com -> [bob@example.org] Welcome
}
