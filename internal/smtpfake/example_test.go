package smtpfake_test

import (
	"fmt"
	"net"
	"net/smtp"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
)

func Example() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	srv := smtpfake.New(smtpfake.Config{Extensions: smtpfake.AllExtensions()})
	defer srv.Close()
	go func() { _ = srv.Serve(l) }()

	err = smtp.SendMail(l.Addr().String(), nil, "ann@example.com", []string{"bob@example.org"}, []byte("Subject: hello\r\n\r\nhi\r\n"))
	srv.WaitIdle()
	for _, m := range srv.Messages() {
		fmt.Printf("%s -> %s: %q\n", m.From, m.Addresses(), m.Data)
	}
	fmt.Println(err, srv.Violations())
	// Output:
	// ann@example.com -> [bob@example.org]: "Subject: hello\r\n\r\nhi\r\n"
	// <nil> []
}
