package mailertest_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/mailertest"
)

// welcome is a function of an application.
func welcome(ctx context.Context, sender mailer.Sender, address string) error {
	_, err := sender.Send(ctx, &mailer.Message{
		From:    mailer.Address{Name: "Example", Address: "hello@example.com"},
		To:      []mailer.Address{{Address: address}},
		Subject: "Welcome",
		Text:    "Good to have you here.",
	})
	return err
}

func ExampleRecorder() {
	var sender mailertest.Recorder
	if err := welcome(context.Background(), &sender, "ann@example.org"); err != nil {
		fmt.Println(err)
	}
	for _, m := range sender.SentTo("ann@example.org") {
		fmt.Printf("%s: %s\n", m.Subject, m.Text)
	}
	// Output: Welcome: Good to have you here.
}

func ExampleScript() {
	sender := &mailertest.Script{Steps: []mailertest.Step{
		{Verdict: &mailer.SendError{Outcome: mailer.NotAccepted, Scope: mailer.ScopeRate, RetryAfter: time.Minute}},
		{Verdict: &mailer.SendError{Outcome: mailer.Unknown, Err: errors.New("reply lost")}, Kept: true},
		{},
	}}
	for range 3 {
		fmt.Println(welcome(context.Background(), sender, "ann@example.org"))
	}
	fmt.Println(len(sender.Kept()), "copies")
	// Output:
	// mailertest: not_accepted, scope rate (retry in 1m0s)
	// mailertest: reply lost (outcome unknown: the provider may have the message)
	// <nil>
	// 2 copies
}

// One recipient of a step may fare differently from the others.
func ExampleScript_recipients() {
	sender := &mailertest.Script{Steps: []mailertest.Step{{
		Recipients: map[string]*mailer.SendError{
			"gone@example.org": {Outcome: mailer.NotAccepted, Scope: mailer.ScopeRecipient, Protocol: "smtp", Code: 550},
		},
	}}}
	receipt, err := sender.Send(context.Background(), &mailer.Message{
		From: mailer.Address{Address: "hello@example.com"},
		To:   []mailer.Address{{Address: "ann@example.org"}, {Address: "gone@example.org"}},
	})
	fmt.Println(errors.Is(err, mailer.ErrPartlyAccepted))
	for _, r := range receipt.Recipients {
		fmt.Println(r.Address, r.Outcome, r.Code)
	}
	// Output:
	// true
	// ann@example.org accepted 0
	// gone@example.org not_accepted 550
}

// A caller that sends again until it is told of acceptance doubles what was lost on
// the way back; the double knows.
func ExampleFlaky() {
	sender := &mailertest.Flaky{Seed: 1, UnknownKept: 0.2}
	doubled := 0
	for i := range 100 {
		m := &mailer.Message{
			From:      mailer.Address{Address: "hello@example.com"},
			To:        []mailer.Address{{Address: "ann@example.org"}},
			MessageID: fmt.Sprintf("<%d@example.com>", i),
		}
		for {
			if _, err := sender.Send(context.Background(), m); err == nil {
				break
			}
		}
		if sender.Copies(m.MessageID) > 1 {
			doubled++
		}
	}
	fmt.Println(doubled, "of 100 messages were doubled")
	// Output: 15 of 100 messages were doubled
}

func ExampleSendError() {
	msg := &mailer.Message{
		From: mailer.Address{Address: "hello@example.com"},
		To:   []mailer.Address{{Address: "ann@example.org"}},
	}
	var err error = mailertest.SendError(msg, mailer.SendError{
		Outcome: mailer.NotAccepted, Scope: mailer.ScopeAccount, Protocol: "http", Code: 401,
	})
	fmt.Println(err)
	fmt.Println(errors.Is(err, mailer.ErrUnauthorized), mailer.AsSendError(err).Receipt.Recipients[0].Outcome)
	// Output:
	// mailertest: 401
	// true not_accepted
}
