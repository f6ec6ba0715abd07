package router_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/mailertest"
	"github.com/mailkeel/mailkeel/mailer/router"
)

// unreachable stands for a provider that has a bad hour.
func unreachable() *mailertest.Script {
	return &mailertest.Script{Rest: &mailertest.Step{Verdict: &mailer.SendError{
		Outcome: mailer.NotAccepted, Scope: mailer.ScopeProvider, Temporary: true, Elsewhere: true,
		Err: errors.New("connection refused"),
	}}}
}

func order() *mailer.Message {
	return &mailer.Message{
		From:    mailer.Address{Name: "Shop", Address: "orders@shop.example"},
		To:      []mailer.Address{{Address: "ann@example.net"}},
		Subject: "Your order", Text: "It is on its way.",
	}
}

// The primary is down, so the message leaves through the backup. In a program the Senders are
// those of the providers' packages.
func Example() {
	r, err := router.New(router.Config{Routes: []router.Route{
		{Name: "primary", Sender: unreachable()},
		{Name: "backup", Sender: new(mailertest.Recorder)},
	}})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close(context.Background())

	receipt, err := r.Send(context.Background(), order())
	if err != nil {
		log.Fatal(err)
	}
	for _, a := range receipt.Attempts {
		fmt.Printf("%s: %s, %s\n", a.Route, a.Outcome, a.Decision)
	}
	fmt.Println("accepted by", receipt.Route)
	// Output:
	// primary: not_accepted, next route
	// backup: accepted, done
	// accepted by backup
}

// After five messages that failed the primary rests, and no further message loses time with it.
func ExampleRouter_Health() {
	r, err := router.New(router.Config{Routes: []router.Route{
		{Name: "primary", Sender: unreachable()},
		{Name: "backup", Sender: new(mailertest.Recorder)},
	}})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close(context.Background())

	for range 6 {
		if _, err := r.Send(context.Background(), order()); err != nil {
			log.Fatal(err)
		}
	}
	for _, h := range r.Health() {
		fmt.Println(h.Name, h.State, h.Cause)
	}
	// Output:
	// primary open provider
	// backup closed
}

// The connection broke after the last byte: the provider may have the message. It does not go to the
// backup, because it might arrive twice. A message for which that does not matter says so.
func ExampleRouter_Send_unknown() {
	broken := &mailertest.Script{Rest: &mailertest.Step{
		Verdict: &mailer.SendError{Outcome: mailer.Unknown, Err: errors.New("connection lost")},
	}}
	r, err := router.New(router.Config{Routes: []router.Route{
		{Name: "primary", Sender: broken},
		{Name: "backup", Sender: new(mailertest.Recorder)},
	}})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close(context.Background())

	msg := order()
	_, err = r.Send(context.Background(), msg)
	if errors.Is(err, mailer.ErrUnknownOutcome) {
		fmt.Println(err)
	}

	msg.Delivery = mailer.AtLeastOnce
	receipt, err := r.Send(context.Background(), msg)
	if err == nil {
		fmt.Println("accepted by", receipt.Route)
	}
	// Output:
	// mailertest: connection lost (outcome unknown: the provider may have the message)
	// accepted by backup
}
