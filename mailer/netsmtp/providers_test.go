package netsmtp_test

import (
	"net"
	"slices"
	"testing"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/netsmtp"
	"github.com/mailkeel/mailkeel/providers/mailgun"
	"github.com/mailkeel/mailkeel/providers/mailgun/mailguntest"
	"github.com/mailkeel/mailkeel/providers/smtp"
)

const (
	lettered = "From: Ann <ann@mg.example.com>\nTo: bob@example.net\nBcc: cid@example.net\nX-Odd:  two  spaces\nDate: Mon, 2 Jan 2006 15:04:05 +0000\nMessage-ID: <raw@example.com>\n\nHello\n.\n"
	arrived  = "From: Ann <ann@mg.example.com>\r\nTo: bob@example.net\r\nX-Odd:  two  spaces\r\nDate: Mon, 2 Jan 2006 15:04:05 +0000\r\nMessage-ID: <raw@example.com>\r\n\r\nHello\r\n.\r\n"
)

// TestThroughSMTP: through a Sender that takes raw messages the same arrives as without one.
func TestThroughSMTP(t *testing.T) {
	server := smtpfake.Start(t, smtpfake.Config{Extensions: smtpfake.AllExtensions()})
	addr := must(net.ResolveTCPAddr("tcp", server.Addr()))
	client, err := smtp.New(smtp.Config{Host: "127.0.0.1", Port: addr.Port, Security: smtp.Plaintext})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close(t.Context()) }()
	for _, s := range []mailer.Sender{nil, client} {
		setSender(t, s)
		if err := netsmtp.SendMail(server.Addr(), nil, "bounces@mg.example.com", both, []byte(lettered)); err != nil {
			t.Fatal(err)
		}
	}
	messages := server.Messages()
	if len(messages) != 2 {
		t.Fatalf("%d messages", len(messages))
	}
	for _, m := range messages {
		if m.From != "bounces@mg.example.com" || !slices.Equal(m.Addresses(), both) || string(m.Data) != arrived {
			t.Errorf("from %q to %q: %q", m.From, m.Addresses(), m.Data)
		}
	}
}

// TestThroughMailgun: the same through an API.
func TestThroughMailgun(t *testing.T) {
	server := mailguntest.Start(t, mailguntest.Config{Key: "key-0123456789"})
	client, err := mailgun.New(mailgun.Config{
		Key: mailer.NewSecret("key-0123456789"), Domain: mailguntest.DefaultDomain, BaseURL: server.URL(), AllowPlaintext: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close(t.Context()) }()
	setSender(t, client)
	err = netsmtp.SendMail("", nil, "ann@mg.example.com", both, []byte(lettered))
	if err != nil {
		t.Fatal(err)
	}
	messages := server.Messages()
	if len(messages) != 1 || string(messages[0].MIME) != arrived || !slices.Equal(messages[0].Recipients, both) {
		t.Errorf("got %+v", messages)
	}
}
