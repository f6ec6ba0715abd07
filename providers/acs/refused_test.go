package acs_test

import (
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/acs/acstest"
)

// TestRefusedOnce: a 401 that could not be answered says little of the account: what counts is why there is no fresh
// token. Nobody has the message.
func TestRefusedOnce(t *testing.T) {
	l := newLab(t, acstest.Config{})
	for range 3 {
		l.Next(acstest.Reply(acstest.SpuriousUnauthorized()))
	}
	l.run(func(t *testing.T) {
		hold := make(chan struct{})
		defer close(hold)
		for i := range 3 {
			w := waiters(t)[i] // whose time begins now
			l.Credential().Next(acstest.TokenFault{})
			l.Credential().Next(acstest.TokenFault{Hold: hold})
			wait(t, l.clientWith(t, l.credential(), nil), []waiter{w})
		}
	})
	wantCopies(t, l.held(), 0)
}

// TestRefusedAndFailed: the credential that a 401 asks for again is judged as any other.
func TestRefusedAndFailed(t *testing.T) {
	server, client := startWithToken(t, acstest.Config{}, nil)
	server.Next(acstest.Reply(acstest.SpuriousUnauthorized()))
	server.Credential().Next(acstest.TokenFault{})
	server.Credential().Next(acstest.TokenFault{Err: mailer.ErrUnavailable})
	_, err := client.Send(t.Context(), simple())
	wantRefused(t, err, mailer.ScopeProvider, mailer.ErrUnavailable)
	wantCopies(t, held(t, server), 0)
}
