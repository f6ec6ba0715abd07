package smtp_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"

	"github.com/wneessen/go-mail"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/internal/testcert"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/smtp"
)

// One recipient of two does not exist. The other one has the message, and the receipt
// says which is which.
func ExampleClient_Send() {
	host, port, stop := exampleServer()
	defer stop()
	client, err := smtp.New(smtp.Config{
		Host: host, Port: port,
		Username: "app", Password: mailer.NewSecret("correct-horse"), // or mailer.SecretFile("/run/secrets/smtp")
		TLSConfig: certs.Client("localhost"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	defer func() { _ = client.Close(ctx) }()

	receipt, err := client.Send(ctx, &mailer.Message{
		From:    mailer.Address{Name: "The Shop", Address: "shop@example.com"},
		To:      []mailer.Address{{Address: "ann@example.org"}, {Address: "nobody@example.org"}},
		Subject: "Your order",
		Text:    "It is on its way.",
	})
	fmt.Println(err)
	if errors.Is(err, mailer.ErrPartlyAccepted) {
		for _, r := range receipt.Recipients {
			fmt.Println(r.Address, r.Outcome, r.Code)
		}
	}
	// Output:
	// smtp: 550 5.1.1 RCPT: "no such user" (partly accepted)
	// ann@example.org accepted 250
	// nobody@example.org not_accepted 550
}

// exampleServer is a server on this machine that knows everybody but nobody.
func exampleServer() (host string, port int, stop func()) {
	l := must(net.Listen("tcp", "127.0.0.1:0"))
	server := smtpfake.New(smtpfake.Config{
		Extensions: smtpfake.AllExtensions(), TLS: testcert.Server(certs.Valid), RequireTLS: true,
		Users: map[string]string{"app": "correct-horse"}, RequireAuth: true,
		Hook: func(e *smtpfake.Event) smtpfake.Action {
			if e.Point == smtpfake.RCPT && e.Arg == "TO:<nobody@example.org>" {
				return smtpfake.Action{Reply: "550 5.1.1 no such user"}
			}
			return smtpfake.Action{}
		},
	})
	go func() { _ = server.Serve(l) }()
	host, digits, _ := net.SplitHostPort(l.Addr().String())
	return host, must(strconv.Atoi(digits)), server.Close
}

// A message of go-mail's is sent with a verdict for each recipient.
func ExampleFromGoMail() {
	msg := mail.NewMsg()
	_ = msg.From("shop@example.com")
	_ = msg.To("ann@example.org", "nobody@example.org")
	msg.Subject("Your order")
	msg.SetBodyString(mail.TypeTextPlain, "It is on its way.")

	m, err := smtp.FromGoMail(msg)
	if err != nil {
		fmt.Println(err)
		return
	}
	host, port, stop := exampleServer()
	defer stop()
	client, err := smtp.New(smtp.Config{
		Host: host, Port: port, Username: "app", Password: mailer.NewSecret("correct-horse"), TLSConfig: certs.Client("localhost"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	defer func() { _ = client.Close(ctx) }()
	_, err = client.Send(ctx, m)
	for _, r := range mailer.AsSendError(err).Receipt.Recipients {
		fmt.Println(r.Address, r.Outcome)
	}
	// Output:
	// ann@example.org accepted
	// nobody@example.org not_accepted
}
