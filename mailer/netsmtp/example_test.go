package netsmtp_test

import (
	"errors"
	"fmt"
	"net"
	"net/textproto"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/mailertest"
	smtp "github.com/mailkeel/mailkeel/mailer/netsmtp"
)

func ExampleSendMail() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	server := smtpfake.New(smtpfake.Config{Hook: smtpfake.OnNth(smtpfake.RCPT, 2, smtpfake.Action{Reply: "550 5.1.1 no such user"})})
	defer server.Close()
	go func() { _ = server.Serve(l) }()

	msg := []byte("From: ann@example.com\r\nTo: bob@example.net\r\nSubject: Hi\r\n\r\nHello\r\n")
	for range 2 {
		err := smtp.SendMail(l.Addr().String(), nil, "ann@example.com", []string{"bob@example.net"}, msg)
		var refused *textproto.Error
		switch {
		case err == nil:
			fmt.Println("accepted")
		case errors.Is(err, mailer.ErrUnknownOutcome):
			fmt.Println("it may have been accepted: do not send it again without a thought")
		case errors.As(err, &refused):
			fmt.Println("refused:", refused.Code, refused.Msg)
		default:
			fmt.Println("not sent:", err)
		}
	}
	// Output:
	// accepted
	// refused: 550 5.1.1 no such user
}

func ExampleSetSender() {
	recorder := new(mailertest.Recorder) // or what providers.Open returns
	smtp.SetSender(recorder)
	defer smtp.SetSender(nil)

	// Somewhere in the program:
	err := smtp.SendMail("mail.example.com:25", nil, "ann@example.com", []string{"bob@example.net"}, []byte("Subject: Hi\r\n\r\nHello\r\n"))
	fmt.Println(err, recorder.Last().Recipients())
	// Output: <nil> [bob@example.net]
}
