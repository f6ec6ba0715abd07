package dsn_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/dsn"
	"github.com/mailkeel/mailkeel/mailer/mailertest"
	"github.com/mailkeel/mailkeel/mailer/observe"
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

// fax is a second adapter, which is out of paper.
type fax struct{}

func (fax) Send(_ context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
	return nil, mailertest.SendError(msg, mailer.SendError{
		Outcome: mailer.NotAccepted, Scope: mailer.ScopeProvider, Elsewhere: true, Err: errors.New("out of paper"),
	})
}

var faxSchemes = dsn.Schemes{{
	Name: "fax", Form: "fax://default",
	Open: func(context.Context, *dsn.URL) (mailer.Sender, error) { return fax{}, nil },
}}

func ExampleMux_Open_failover() {
	ctx := context.Background()
	mux := dsn.Mux{consoleSchemes, faxSchemes}
	sender, err := mux.Open(ctx, "failover(fax://default?name=main console://default?name=backup)?max_attempts=2")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = sender.(mailer.Closer).Close(ctx) }()

	receipt, err := sender.Send(ctx, &mailer.Message{
		From:    mailer.Address{Address: "shop@example.com"},
		To:      []mailer.Address{{Address: "ann@example.org"}},
		Subject: "Your order", Text: "It is on its way.",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, a := range receipt.Attempts {
		fmt.Printf("%s: %s, %s\n", a.Route, a.Outcome, a.Decision)
	}
	// Output:
	// backup Your order
	// main: not_accepted, next route
	// backup: accepted, done
}

// printer is an observer of all routers that a string describes.
type printer struct{}

func (printer) ObserveAttempt(_ context.Context, a observe.Attempt) {
	fmt.Printf("%s: %s by %s\n", a.Router, a.Outcome, a.Route)
}

func ExampleMux_OpenWith() {
	ctx := context.Background()
	mux := dsn.Mux{consoleSchemes}
	sender, err := mux.OpenWith(ctx, "failover(console://default?name=local)?name=mail", dsn.Options{Observer: printer{}})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = sender.Send(ctx, &mailer.Message{
		From:    mailer.Address{Address: "shop@example.com"},
		To:      []mailer.Address{{Address: "ann@example.org"}},
		Subject: "Your order", Text: "It is on its way.",
	})
	if err == nil {
		err = sender.(mailer.Closer).Close(ctx)
	}
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// local Your order
	// mail: accepted by local
}

func ExampleRedact() {
	fmt.Println(dsn.Redact("smtp://user:p@ss/word@mail.example.com:587?timeout=5s"))
	fmt.Println(dsn.Redact("weighted(3*sendgrid://KEY@default ${BACKUP})?max_attempts=2"))
	// Output:
	// smtp://[redacted]@mail.example.com:587?timeout
	// weighted(3*sendgrid://[redacted]@default [redacted])?max_attempts
}
