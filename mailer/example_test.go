package mailer_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// A message that is prepared once keeps its identity, however often and through
// whomever it is sent.
func ExamplePrepare() {
	prepared, err := mailer.Prepare(&mailer.Message{
		From:      mailer.Address{Name: "Shop", Address: "orders@example.com"},
		To:        []mailer.Address{{Address: "ann@bücher.example"}},
		Subject:   "Your order",
		Text:      "It is on its way.\n",
		MessageID: "<order-7@example.com>", // minted when empty
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	again, _ := mailer.Prepare(prepared)
	fmt.Println(prepared.Recipients(), prepared.IdempotencyKey, again == prepared)
	// Output: [ann@xn--bcher-kva.example] order-7@example.com true
}

// What is wrong is named, and never repeated.
func ExamplePrepare_invalid() {
	_, err := mailer.Prepare(&mailer.Message{
		From:    mailer.Address{Address: "orders@example.com"},
		To:      []mailer.Address{{Address: "ann@example.org"}},
		Subject: "Hello\r\nBcc: everyone@example.org",
	})
	fmt.Println(err)
	fmt.Println(errors.Is(err, mailer.ErrInvalidMessage))
	// Output:
	// invalid message: Subject has a control character
	// true
}

func ExampleAddresses() {
	list, err := mailer.Addresses(`"Smith, Ann" <ann@example.org>, bob@bücher.example`)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, a := range list {
		fmt.Printf("%q %s\n", a.Name, a.Address)
	}
	// Output:
	// "Smith, Ann" ann@example.org
	// "" bob@xn--bcher-kva.example
}

// busy is a Sender whose provider asks to wait.
type busy struct{}

func (busy) Send(context.Context, *mailer.Message) (*mailer.Receipt, error) {
	return nil, &mailer.SendError{
		Receipt: &mailer.Receipt{Provider: "smtp", Outcome: mailer.NotAccepted},
		Outcome: mailer.NotAccepted, Scope: mailer.ScopeRate, Protocol: "smtp", Code: 451, EnhancedCode: "4.7.1",
		Temporary: true, Elsewhere: true, RetryAfter: 90 * time.Second, Err: errors.New("too many messages"),
	}
}

// What to do next follows from the verdict.
func ExampleSendError() {
	_, err := busy{}.Send(context.Background(), &mailer.Message{})

	var failed *mailer.SendError
	switch {
	case err == nil:
		fmt.Println("accepted")
	case errors.Is(err, mailer.ErrUnknownOutcome):
		fmt.Println("may have been sent: ask before sending again")
	case errors.Is(err, mailer.ErrRateLimited) && errors.As(err, &failed):
		fmt.Println("send again in", failed.RetryAfter)
	default:
		fmt.Println("not sent")
	}
	fmt.Println(err)
	// Output:
	// send again in 1m30s
	// smtp: 451 4.7.1 too many messages (retry in 1m30s)
}

func ExampleSecret() {
	config := struct {
		User     string
		Password mailer.Secret
	}{"ann", mailer.NewSecret("correct horse")}
	fmt.Printf("%v %+v\n", config, config)
	fmt.Println(len(config.Password.Reveal()))
	// Output:
	// {ann [redacted]} {User:ann Password:[redacted]}
	// 13
}

func ExampleCapabilities_Fit() {
	provider := mailer.Capabilities{Features: mailer.FeatureAttachments | mailer.FeatureHeaders}
	degraded, err := provider.Fit(&mailer.Message{Tags: []string{"receipt"}}, false)
	fmt.Println(degraded, err)
	_, err = provider.Fit(&mailer.Message{SendAt: time.Now().Add(time.Hour)}, false)
	fmt.Println(err)
	// Output:
	// [tags] <nil>
	// unsupported: the message needs schedule
}
