package main

import (
	"bytes"
	"net/mail"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/mailer"
)

// A side is a provider in failover(primary backup), as its fake knows it.
type side interface {
	url() string
	// truth is to be asked for when the program has ended.
	truth(t *testing.T) truth
}

// A truth is what a provider knows in the end.
type truth struct {
	contacts int // connections, those of checks included
	begun    int // messages that it saw begin
	copies   []deliveredCopy
}

type deliveredCopy struct {
	id         string // the provider's name for it; empty where that is not known
	messageID  string
	recipients []string
}

// failover joins two sides, whose routes are called primary and backup.
func failover(primary, backup side, options string) string {
	return "failover(" + primary.url() + "&name=primary " + backup.url() + "&name=backup)" + options
}

// An smtpSide is a side that speaks SMTP.
type smtpSide struct {
	*smtpfake.Server
	at string // its connection string
}

// smtpServer is a healthy one.
func smtpServer(t *testing.T, scheme string) *smtpSide {
	t.Helper()
	server := smtpfake.Start(t, secure(smtpfake.Config{ImplicitTLS: scheme == "smtps"}))
	return &smtpSide{server, urlOf(scheme, server.Addr())}
}

func (s *smtpSide) url() string { return s.at }

func (s *smtpSide) truth(t *testing.T) truth {
	t.Helper()
	s.WaitIdle()
	checkViolations(t, s.Server)
	known := truth{contacts: int(s.Stats().Conns)}
	for _, c := range s.Commands() {
		if strings.HasPrefix(c.Line, "MAIL ") {
			known.begun++
		}
	}
	for _, m := range s.Messages() {
		parsed, err := mail.ReadMessage(bytes.NewReader(m.Data))
		if err != nil {
			t.Fatal(err)
		}
		known.copies = append(known.copies, deliveredCopy{"", parsed.Header.Get("Message-ID"), m.Addresses()})
	}
	return known
}

func (s *apiServer) truth(t *testing.T) truth {
	t.Helper()
	s.settle(t)
	known := truth{contacts: s.Stats().Conns}
	known.begun, _ = s.sends()
	for _, m := range s.messages() {
		known.copies = append(known.copies, deliveredCopy{m.id, m.messageID, m.envelope})
	}
	return known
}

// checkContacts: what a provider saw of a message is in the account of its attempts.
func (k *truth) checkContacts(t *testing.T, route string, a *account) {
	t.Helper()
	attempts := 0
	for i := range a.Attempts {
		if a.Attempts[i].Route == route && a.Attempts[i].Skipped == "" {
			attempts++
		}
	}
	if k.begun > attempts || k.contacts > 0 && attempts == 0 {
		t.Errorf("%s: %d contacts and %d messages begun, but %d attempts are told of", route, k.contacts, k.begun, attempts)
	}
	for _, c := range k.copies {
		if c.messageID != a.MessageID {
			t.Errorf("%s has Message-ID %q, printed was %q", route, c.messageID, a.MessageID)
		}
		if c.id != "" && a.Route == route && a.Outcome == mailer.Accepted && a.ProviderMessageID != c.id {
			t.Errorf("%s calls it %q, printed was %q", route, c.id, a.ProviderMessageID)
		}
	}
}
