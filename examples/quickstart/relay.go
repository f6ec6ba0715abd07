package main

import (
	"net"
	"slices"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/internal/testcert"
	"github.com/mailkeel/mailkeel/mailer/dsn"
)

// The recipients with whom the relay shows what can go wrong with one message.
const (
	unknownRecipient = "nobody@example.org" // is refused
	unluckyRecipient = "kim@example.org"    // gets the message, but the reply is lost
)

// A relay is an SMTP server on this machine, and its connection string.
type relay struct {
	*smtpfake.Server
	url string
}

// startRelay starts a server with STARTTLS and a login, both required. Its certificate is
// checked by what caFile is going to hold.
func startRelay(certs *testcert.Set, caFile string) (*relay, error) {
	r := &relay{Server: smtpfake.New(smtpfake.Config{
		Extensions: smtpfake.AllExtensions(),
		TLS:        testcert.Server(certs.Valid), RequireTLS: true,
		Users: map[string]string{"app": "secret"}, RequireAuth: true,
		Hook: misbehave,
	})}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go func() { _ = r.Serve(l) }()
	r.url = "smtp://app:secret@" + l.Addr().String() + "?name=relay&ca_file=" + dsn.Escape(caFile)
	return r, nil
}

// copies returns how many messages the server took for address.
func (r *relay) copies(address string) int {
	n := 0
	for _, m := range r.Messages() {
		if slices.Contains(m.Addresses(), address) {
			n++
		}
	}
	return n
}

// misbehave is what befalls single messages.
func misbehave(e *smtpfake.Event) smtpfake.Action {
	switch e.Point {
	case smtpfake.RCPT:
		if e.Arg == "TO:<"+unknownRecipient+">" {
			return smtpfake.Action{Reply: "550 5.1.1 no such user"}
		}
	case smtpfake.Content:
		if slices.ContainsFunc(e.Recipients, func(r smtpfake.Recipient) bool { return r.Address == unluckyRecipient }) {
			return smtpfake.Action{Decision: smtpfake.Accept, Silent: true, Then: smtpfake.FIN}
		}
	}
	return smtpfake.Action{}
}
