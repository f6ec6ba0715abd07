package netsmtp_test

import (
	"context"
	"errors"
	"net"
	"net/textproto"
	"slices"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/netsmtp"
	"github.com/mailkeel/mailkeel/mailer/router"
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
	client := relayTo(t, server)
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
	server := mailguntest.Start(t, mailguntest.Config{})
	setSender(t, mailgunAt(t, server, server.Key()))
	err := netsmtp.SendMail("", nil, "ann@mg.example.com", both, []byte(lettered))
	if err != nil {
		t.Fatal(err)
	}
	messages := server.Messages()
	if len(messages) != 1 || string(messages[0].MIME) != arrived || !slices.Equal(messages[0].Recipients, both) {
		t.Errorf("got %+v", messages)
	}
}

func relayTo(t *testing.T, server *smtpfake.Server) *smtp.Client {
	t.Helper()
	addr := must(net.ResolveTCPAddr("tcp", server.Addr()))
	client, err := smtp.New(smtp.Config{Host: "127.0.0.1", Port: addr.Port, Security: smtp.Plaintext})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(context.Background()) })
	return client
}

func mailgunAt(t *testing.T, server *mailguntest.Server, key string) *mailgun.Client {
	t.Helper()
	client, err := mailgun.New(mailgun.Config{
		Key: mailer.NewSecret(key), Domain: mailguntest.DefaultDomain, BaseURL: server.URL(), AllowPlaintext: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(context.Background()) })
	return client
}

// TestErrorsOfSenders: what errors.As finds in the error of a Sender that speaks SMTP, alone and as the last route
// of several, and of one that speaks HTTP.
func TestErrorsOfSenders(t *testing.T) {
	server := smtpfake.Start(t, on(smtpfake.RCPT, smtpfake.Action{Reply: "550-5.1.1 <bob@example.net>\n550 5.1.1 no such user"}))
	relay := relayTo(t, server)
	api := mailguntest.Start(t, mailguntest.Config{})
	stranger := mailgunAt(t, api, "another-key")
	routes, err := router.New(router.Config{Routes: []router.Route{{Name: "api", Sender: stranger}, {Name: "relay", Sender: relay}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = routes.Close(context.Background()) })
	for name, c := range map[string]struct {
		sender   mailer.Sender
		protocol string
		code     int
	}{
		"SMTP": {relay, "smtp", 550}, "HTTP": {stranger, "http", 401}, "failover": {routes, "smtp", 550},
	} {
		setSender(t, c.sender)
		err := netsmtp.SendMail("", nil, "ann@mg.example.com", both, []byte(lettered))
		var said *textproto.Error
		if e := sendError(t, err); e.Outcome != mailer.NotAccepted || e.Protocol != c.protocol || e.Code != c.code || errors.As(err, &said) != (c.protocol == "smtp") {
			t.Errorf("%s: %v: %+v", name, err, e)
		}
		if said != nil && (said.Code != c.code || said.Msg != "<address> no such user") {
			t.Errorf("%s: %q", name, said)
		}
	}
	if n := len(server.Messages()) + len(api.Messages()); n != 0 {
		t.Errorf("%d messages were taken", n)
	}
}

// TestWhatRawLacks: what SendMail takes to a server of its own, and a Sender that takes raw messages does not.
func TestWhatRawLacks(t *testing.T) {
	server := smtpfake.Start(t, smtpfake.Config{})
	api := mailguntest.Start(t, mailguntest.Config{})
	for msg, reason := range map[string]error{
		"no header": mailer.ErrInvalidMessage, "Subject: long\n\n" + strings.Repeat("x", 999): mailer.ErrUnsupported,
	} {
		for _, s := range []mailer.Sender{relayTo(t, server), mailgunAt(t, api, api.Key())} {
			setSender(t, s)
			if err := netsmtp.SendMail("", nil, "ann@mg.example.com", both, []byte(msg)); !errors.Is(err, reason) || sendError(t, err).Outcome != mailer.NotAccepted {
				t.Errorf("%.20q: %v", msg, err)
			}
		}
		netsmtp.SetSender(nil)
		if err := netsmtp.SendMail(server.Addr(), nil, from, both, []byte(msg)); err != nil {
			t.Errorf("%.20q to a server: %v", msg, err)
		}
	}
	if n, m := len(server.Messages()), len(api.Messages()); n != 2 || m != 0 {
		t.Errorf("%d and %d messages were taken", n, m)
	}
}
