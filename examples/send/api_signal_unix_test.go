//go:build unix

package main

import (
	"fmt"
	"os"
	"syscall"
	"testing"

	"github.com/mailkeel/mailkeel/internal/apifake"
	"github.com/mailkeel/mailkeel/mailer"
)

var signalCases = []signalCase{
	{"before the boundary", syscall.SIGINT, apifake.Fault{Kind: apifake.SilentOnAccept}, 1, mailer.NotAccepted, 0},
	{"before the boundary", syscall.SIGTERM, apifake.Fault{Kind: apifake.SilentOnAccept}, 1, mailer.NotAccepted, 0},
	{"after the boundary", syscall.SIGINT, apifake.Fault{Kind: apifake.Silence, Accept: true}, 3, mailer.Unknown, 1},
	{"after the boundary", syscall.SIGTERM, apifake.Fault{Kind: apifake.Silence, Accept: true}, 3, mailer.Unknown, 1},
}

// A signal gives a send through an API up. What counts is whether the last byte had left.
func TestAPISignals(t *testing.T) {
	atEach(t, func(t *testing.T, a *api) {
		for _, c := range signalCases {
			for transport, tls := range transports() {
				s := &setting{tls: tls}
				s.narrow()
				t.Run(fmt.Sprintf("%v %s, %s", c.sig, c.when, transport), func(t *testing.T) { c.run(t, a.serve(t, s)) })
			}
		}
	})
}

type signalCase struct {
	when    string // HTTP row 36
	sig     os.Signal
	fault   apifake.Fault
	exit    int
	outcome mailer.Outcome
	copies  int
}

// run gives a message that is not to leave whole an attachment that the buffers between the two
// programs do not hold.
func (c *signalCase) run(t *testing.T, server *apiServer) {
	reached := server.Next(c.fault)
	args := append(bare("bob@example.org"), "-json")
	if c.outcome == mailer.NotAccepted {
		args = append(args, "-attach", *server.api.large)
	}
	cmd, wait := start(t, server.url(), canary, args...)
	<-reached
	if err := cmd.Process.Signal(c.sig); err != nil {
		t.Fatal(err)
	}
	got := wait()
	a := got.account(t)
	if got.code != c.exit || a.Outcome != c.outcome || a.Attempts[0].Scope != mailer.ScopeCaller {
		t.Errorf("exit status %d, %+v", got.code, a)
	}
	server.checkSilent(t, got, "bob@example.org")
	server.settle(t)
	if n := len(server.messages()); n != c.copies {
		t.Errorf("the provider has %d copies, want %d", n, c.copies)
	}
}
