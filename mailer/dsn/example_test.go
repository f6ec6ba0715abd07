package dsn_test

import (
	"context"
	"fmt"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/dsn"
)

// console is an adapter that prints instead of sending.
type console struct {
	title string
	width int
}

func (c console) Send(_ context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
	fmt.Printf("%s %.*s\n", c.title, c.width, msg.Subject)
	return &mailer.Receipt{Outcome: mailer.Accepted, Provider: "console"}, nil
}

// consoleSchemes is what the adapter's package would export as Schemes.
var consoleSchemes = dsn.Schemes{{
	Name:   "console",
	Form:   "console://default",
	Params: []string{"width"},
	Open: func(_ context.Context, u *dsn.URL) (mailer.Sender, error) {
		return console{title: u.Common().Name, width: u.Params().Int("width", 80)}, nil
	},
}}

func ExampleMux_Open() {
	ctx := context.Background()
	mux := dsn.Mux{consoleSchemes}

	sender, err := mux.Open(ctx, "console://default?name=local&width=5")
	if err != nil {
		fmt.Println(err)
		return
	}
	receipt, _ := sender.Send(ctx, &mailer.Message{Subject: "Hello, world"})
	fmt.Println(receipt.Outcome)

	_, err = mux.Open(ctx, "console://default?width=wide")
	fmt.Println(err)
	// Output:
	// local Hello
	// accepted
	// connection string: parameter "width": is not a whole number
}

func ExampleRedact() {
	fmt.Println(dsn.Redact("smtp://user:p@ss/word@mail.example.com:587?timeout=5s"))
	// Output: smtp://[redacted]@mail.example.com:587?timeout
}
