package main

import (
	"fmt"
	"testing"

	"github.com/mailkeel/mailkeel/internal/apifake"
	"github.com/mailkeel/mailkeel/internal/testcert"
	"github.com/mailkeel/mailkeel/mailer"
)

// again is for messages of which a second copy is better than none. The answer to one is not
// waited for as long as usual, so that the tests are short; and a busy machine is not slow to start.
const again = "?delivery=at-least-once&doubt_limit=300ms&start_limit=1s"

// TestFailoverFromSMTP has every fault of SMTP at the primary, and SendGrid as the backup.
func TestFailoverFromSMTP(t *testing.T) {
	for _, c := range faultCases {
		atDeliveries(t, c.name, c.verdict(), c.slow, func(t *testing.T, options string, want fate) {
			server := c.serve(t)
			primary, backup := &smtpSide{server, c.url(server)}, serveTLS(t, sendgridAPI)
			_, wait := start(t, failover(primary, backup, options), canary+"\n", c.arguments()...)
			got := wait()
			want.check(t, got, primary.truth(t), backup.truth(t))
			backup.checkSilent(t, got)
		})
	}
}

// verdict is what the message comes to at that server alone.
func (c *faultCase) verdict() apiVerdict {
	return apiVerdict{outcome: c.outcome, scope: c.scope, code: c.code, copies: c.copies}
}

// impatient is for providers that are asked about messages which they do not have: it may show late that
// they do, and they are asked for longer.
const impatient = "ask_limit=100ms"

// TestFailoverFromAPIs has every fault of the APIs at the primary, over plain HTTP and TLS, and SMTP as the backup.
func TestFailoverFromAPIs(t *testing.T) {
	elsewhere := apifake.Start(t, apifake.Config{Handler: func(*apifake.Request) apifake.Answer { return apifake.Answer{Status: 202} }})
	t.Cleanup(func() {
		if n := elsewhere.Stats().Conns; n != 0 {
			t.Errorf("a redirect was followed: %d connections", n)
		}
	})
	for _, c := range apiCases(elsewhere.URL()) {
		for _, a := range apis {
			if !c.isAt(a) {
				continue
			}
			c.failOverAt(t, a)
		}
	}
}

// failOverAt runs a case over TLS and, once, over plain HTTP. Large messages take their time, and
// go over plain HTTP alone. To ACS all others go over TLS alone; for plain HTTP there is TestDoubtAtACS.
func (c *apiCase) failOverAt(t *testing.T, a *api) {
	t.Helper()
	name, alone := fmt.Sprintf("%s row %d %s", a.name, c.row, c.name), c.want.at(a)
	alone.remembered = a.remembers
	https := func(t *testing.T, options string, want fate) {
		c.failOver(t, c.serve(t, a, testcert.Server(certs.Valid)), smtpServer(t, "smtps"), options, want)
	}
	http := func(t *testing.T, options string, want fate) {
		c.failOver(t, c.serve(t, a, nil), smtpServer(t, "smtp"), options, want)
	}
	if c.large {
		atDeliveries(t, name+", http", alone, false, http)
		return
	}
	atDeliveries(t, name+", https", alone, c.isSlow(), https)
	if !c.tlsOnly && !a.remembers {
		inParallel(t, name+", http", "", alone.fate(mailer.AtMostOnce), http)
	}
}

// isSlow: a handshake with nobody takes its time.
func (c *apiCase) isSlow() bool { return c.fault.sendgrid.Kind == apifake.SilentOnAccept }

func (c *apiCase) failOver(t *testing.T, primary *apiServer, backup *smtpSide, options string, want fate) {
	args := c.arguments(primary.api, "-json")
	if want.slow { // what is left of the time has to suffice for the backup
		args = append(args, "-timeout", "20s")
	}
	_, wait := start(t, failover(primary, backup, options), canary+"\n", args...)
	got := wait()
	want.check(t, got, primary.truth(t), backup.truth(t))
	primary.checkSilent(t, got, "bob@example.org", "eve@example.org")
}

// atDeliveries runs a case with what a router does by default and, where it ends in doubt then,
// as at least once. What is sent to the same provider again is so for either.
func atDeliveries(t *testing.T, name string, alone apiVerdict, slow bool, test func(t *testing.T, options string, want fate)) {
	t.Helper()
	want := alone.fate(mailer.AtMostOnce)
	if slow {
		want = want.alongside()
	}
	switch {
	case want.repeated:
		inParallel(t, name, "?"+impatient, want, test)
	case alone.outcome == mailer.Unknown:
		inParallel(t, name+", at least once", again, alone.fate(mailer.AtLeastOnce), test)
		fallthrough
	default:
		inParallel(t, name, "", want, test)
	}
}

func inParallel(t *testing.T, name, options string, want fate, test func(t *testing.T, options string, want fate)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		test(t, options, want)
	})
}
