//go:build unix

package main

import (
	"os"
	"syscall"
	"testing"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/mailer"
)

// A signal gives the send up; its verdict is still computed and printed.
func TestSignals(t *testing.T) {
	for _, c := range []struct {
		name    string
		sig     os.Signal
		at      smtpfake.Point
		exit    int
		outcome mailer.Outcome
		copies  int
	}{
		{"SIGINT before the boundary", syscall.SIGINT, smtpfake.MAIL, 1, mailer.NotAccepted, 0},
		{"SIGTERM before the boundary", syscall.SIGTERM, smtpfake.Greeting, 1, mailer.NotAccepted, 0},
		{"SIGTERM after the boundary", syscall.SIGTERM, smtpfake.Content, 3, mailer.Unknown, 1},
		{"SIGINT after the boundary", syscall.SIGINT, smtpfake.Content, 3, mailer.Unknown, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			reached := make(chan struct{}, 1)
			server := smtpfake.Start(t, secure(smtpfake.Config{Hook: func(e *smtpfake.Event) smtpfake.Action {
				if e.Point != c.at {
					return smtpfake.Action{}
				}
				reached <- struct{}{}
				return silent
			}}))
			cmd, wait := start(t, urlOf("smtp", server.Addr()), "text", append(envelope("bob@example.org"), "-json")...)
			<-reached
			if err := cmd.Process.Signal(c.sig); err != nil {
				t.Fatal(err)
			}
			got := wait()
			a := got.account(t)
			if got.code != c.exit || a.Outcome != c.outcome || a.Attempts[0].Scope != mailer.ScopeCaller {
				t.Errorf("exit status %d, %+v", got.code, a)
			}
			server.WaitIdle() // reached comes before the server has taken the message
			if n := len(server.Messages()); n != c.copies {
				t.Errorf("the server has %d copies, want %d", n, c.copies)
			}
		})
	}
}
