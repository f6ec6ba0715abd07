package main

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/internal/testcert"
	"github.com/mailkeel/mailkeel/mailer/dsn"
)

// The recipients with whom the primary shows what can go wrong with one message.
const (
	unknownRecipient = "nobody@example.org" // is refused
	unluckyRecipient = "kim@example.org"    // gets the message, but the reply is lost
)

// A mood is how a server does as a whole.
type mood int32

const (
	well     mood = iota
	down          // every connection ends at once
	flapping      // every other message is refused for the moment
)

// A primary is an SMTP server on this machine, and its connection string.
type primary struct {
	*smtpfake.Server
	url   string
	mood  atomic.Int32
	asked atomic.Int32 // how often it was asked to take a message while flapping
}

// startPrimary starts a server with STARTTLS and a login, both required. Its certificate is
// checked by what caFile is going to hold.
func startPrimary(certs *testcert.Set, caFile string) (*primary, error) {
	p := &primary{}
	p.Server = smtpfake.New(smtpfake.Config{
		Extensions: smtpfake.AllExtensions(),
		TLS:        testcert.Server(certs.Valid), RequireTLS: true,
		Users: map[string]string{"app": "secret"}, RequireAuth: true,
		Hook: p.misbehave,
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go func() { _ = p.Serve(l) }()
	p.url = "smtp://app:secret@" + l.Addr().String() + "?name=primary&ca_file=" + dsn.Escape(caFile)
	return p, nil
}

func (p *primary) set(m mood) { p.mood.Store(int32(m)) }

// copies returns how many messages the server took for address.
func (p *primary) copies(address string) int {
	n := 0
	for _, m := range p.Messages() {
		if slices.Contains(m.Addresses(), address) {
			n++
		}
	}
	return n
}

func (p *primary) misbehave(e *smtpfake.Event) smtpfake.Action {
	switch mood(p.mood.Load()) {
	case down:
		return smtpfake.Action{Silent: true, Then: smtpfake.RST}
	case flapping:
		if e.Point == smtpfake.Content && p.asked.Add(1)%2 == 0 {
			return smtpfake.Action{Reply: "451 4.3.0 try again later"}
		}
	case well:
		return misbehaveFor(e)
	}
	return smtpfake.Action{}
}

// misbehaveFor is what befalls single messages.
func misbehaveFor(e *smtpfake.Event) smtpfake.Action {
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

// writeRoots stores the authority of certs in folder, as connection strings need it.
func writeRoots(certs *testcert.Set, folder string) (caFile string, err error) {
	caFile = filepath.Join(folder, "ca.pem")
	return caFile, os.WriteFile(caFile, certs.RootsPEM, 0o600)
}
