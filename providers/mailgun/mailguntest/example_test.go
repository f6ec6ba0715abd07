package mailguntest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/mailkeel/mailkeel/providers/mailgun/mailguntest"
)

// welcome is the code under test: it sends one message through the API at base.
func welcome(base, key, to string) error {
	form := url.Values{
		"from": {"Shop <shop@example.com>"}, "to": {to}, "subject": {"Welcome"}, "text": {"Good to have you."}, "o:tag": {"welcome"},
	}
	req, err := http.NewRequest(http.MethodPost, base+"/v3/mg.example.com/messages", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth("api", key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if reply, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusOK {
		return fmt.Errorf("%d: %s", res.StatusCode, strings.TrimSpace(string(reply)))
	}
	return nil
}

// A test of a program gives it the URL and the key of a server, and looks at what the
// server holds afterwards. In a test, Start takes the place of New.
func Example() {
	srv, err := mailguntest.New(mailguntest.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()

	fmt.Println("sent:", welcome(srv.URL(), srv.Key(), "bob@example.org"))
	fmt.Println("wrong address:", welcome(srv.URL(), srv.Key(), "bob"))

	srv.Next(mailguntest.Reply(mailguntest.InternalError()))
	fmt.Println("out of order:", welcome(srv.URL(), srv.Key(), "bob@example.org"))

	for _, m := range srv.Messages() {
		fmt.Printf("held: %s to %v, tags %v, text %q\n", m.Subject, m.Recipients, m.Tags, m.Text)
	}
	fmt.Println("violations:", srv.Violations())
	// Output:
	// sent: <nil>
	// wrong address: 400: {"message":"to parameter is not a valid address. please check documentation"}
	// out of order: 500: {"message":"Internal Server Error"}
	// held: Welcome to [bob@example.org], tags [welcome], text "Good to have you."
	// violations: []
}

// AddEvent plays what becomes of a message after it was taken.
func ExampleServer_AddEvent() {
	srv, err := mailguntest.New(mailguntest.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()
	if err := welcome(srv.URL(), srv.Key(), "bob@example.org"); err != nil {
		fmt.Println(err)
		return
	}
	id := srv.Messages()[0].ID
	fmt.Println(srv.AddEvent(mailguntest.Event{Type: "delivered", MessageID: id, Recipient: "bob@example.org"}))
	// Output: <nil>
}
