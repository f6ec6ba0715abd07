package failovertest

import (
	"fmt"
	"net"
	"testing"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/dsn"
	"github.com/mailkeel/mailkeel/mailer/router"
	"github.com/mailkeel/mailkeel/providers/acs/acstest"
	"github.com/mailkeel/mailkeel/providers/mailgun/mailguntest"
	"github.com/mailkeel/mailkeel/providers/sendgrid/sendgridtest"
)

// enough good messages bring a dead route to rest.
const enough = 5

// exhaust sends them. Each of them tries the primary, and goes over the backup.
func (r *rig) exhaust(t *testing.T) {
	t.Helper()
	for range enough {
		r.wantState(t, router.Closed)
		receipt := r.accepted(t, "backup")
		a := receipt.Attempts[0]
		if len(receipt.Attempts) != 2 || a.Route != "primary" || a.Scope != mailer.ScopeProvider || a.Decision != "next route" {
			t.Fatalf("attempts\n%s", told(receipt))
		}
	}
	r.wantState(t, router.Open)
	if h := r.primary(); h.Cause != "provider" || h.Until.IsZero() {
		t.Errorf("health %+v", h)
	}
}

// passOver sends a good message, which must not try the primary, and has to say so.
func (r *rig) passOver(t *testing.T) {
	t.Helper()
	if receipt := r.accepted(t, "backup"); tried(receipt) || !passed(receipt) {
		t.Fatalf("attempts\n%s", told(receipt))
	}
}

// A dead provider rests after five good messages, and comes back by itself: it is checked, and
// then one message goes first. For a while that is one of which a second copy would do no harm.
func TestComesBack(t *testing.T) {
	for _, d := range []mailer.Delivery{mailer.AtMostOnce, mailer.AtLeastOnce} {
		t.Run(d.String(), func(t *testing.T) {
			t.Parallel()
			addr := freePort(t)
			r := open(t, smtpAt(addr), "rest=200ms&delivery="+d.String())
			r.exhaust(t)
			for range 2 * enough {
				r.passOver(t)
			}
			server := serve(t, addr, smtpfake.Config{})
			r.await(t, func() bool { return r.primary().State != router.Open })
			if n := begun(server); n != 0 || server.Stats().Conns == 0 {
				t.Errorf("%d messages were begun before the route was back, on %d connections", n, server.Stats().Conns)
			}
			if d == mailer.AtMostOnce {
				r.await(t, func() bool { receipt, e := r.send(t, nil); return e == nil && receipt.Route == "primary" })
			}
			r.accepted(t, "primary")
			r.wantState(t, router.Closed)
			if n := len(server.Messages()); n < 1 || n+len(r.backup.Messages()) != int(r.sent.Load()) {
				t.Errorf("%d messages at the primary and %d at the backup, sent were %d", n, len(r.backup.Messages()), r.sent.Load())
			}
		})
	}
}

// A dead provider answers nobody, but knows who comes.
type dead struct {
	url      string
	contacts func() int
}

func busySMTP(t *testing.T) *dead {
	t.Helper()
	later := smtpfake.On(smtpfake.Greeting, smtpfake.Action{Reply: "421 4.3.2 later", Then: smtpfake.FIN})
	server := smtpfake.Start(t, smtpfake.Config{Hook: later})
	return &dead{smtpAt(server.Addr()), func() int { return int(server.Stats().Conns) }}
}

// Over TLS a connection that ends at once leaves no doubt that nobody has the message.
func deadSendGrid(t *testing.T) *dead {
	t.Helper()
	config, params := certified(t)
	server := sendgridtest.Start(t, sendgridtest.Config{TLS: config, Wrap: hangUp})
	return &dead{sendgridAt(server, params), func() int { return server.Stats().Conns }}
}

func deadMailgun(t *testing.T) *dead {
	t.Helper()
	config, params := certified(t)
	server := mailguntest.Start(t, mailguntest.Config{TLS: config, Wrap: hangUp})
	return &dead{mailgunAt(server, params), func() int { return server.Stats().Conns }}
}

func deadACS(t *testing.T) *dead {
	t.Helper()
	config, params := certified(t)
	server := acstest.Start(t, acstest.Config{TLS: config, Wrap: hangUp})
	return &dead{acsAt(server, dsn.Escape(server.Key()), params), func() int { return server.Stats().Conns }}
}

func hangUp(_ int, conn net.Conn) net.Conn {
	_ = conn.Close()
	return conn
}

// atDead runs a test with each of them.
func atDead(t *testing.T, test func(*testing.T, *dead)) {
	t.Helper()
	for name, start := range map[string]func(*testing.T) *dead{"SMTP": busySMTP, "SendGrid": deadSendGrid, "Mailgun": deadMailgun, "ACS": deadACS} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, start(t))
		})
	}
}

// While a route rests nobody goes there.
func TestRestsUndisturbed(t *testing.T) {
	atDead(t, func(t *testing.T, primary *dead) {
		r := open(t, primary.url, "rest=1h")
		r.exhaust(t)
		before := primary.contacts()
		for range 2 * enough {
			r.passOver(t)
		}
		if n := primary.contacts(); n != before || before < enough {
			t.Errorf("%d contacts before, and %d after", before, n)
		}
	})
}

// When its rest is over a check finds out that it is still dead, and no message does.
func TestChecksPay(t *testing.T) {
	atDead(t, func(t *testing.T, primary *dead) {
		r := open(t, primary.url, "rest=100ms")
		r.exhaust(t)
		before := primary.contacts()
		r.await(t, func() bool {
			r.passOver(t)
			return primary.contacts() >= before+3
		})
		r.wantState(t, router.Open)
	})
}

// A provider that passes its check may still take no messages: one goes first, and all others
// go over the backup until that is known.
func TestOneGoesFirst(t *testing.T) {
	t.Parallel()
	known := make(chan struct{})
	server := smtpfake.Start(t, smtpfake.Config{Hook: func(e *smtpfake.Event) smtpfake.Action {
		a := smtpfake.Action{Reply: "421 4.3.2 later", Then: smtpfake.FIN}
		switch {
		case e.Point != smtpfake.MAIL:
			return smtpfake.Action{}
		case e.Seen > enough:
			a.Wait = known
		}
		return a
	}})
	r := open(t, smtpAt(server.Addr()), "rest=100ms&delivery=at-least-once")
	r.exhaust(t)
	r.await(t, func() bool { return r.primary().State == router.HalfOpen })
	routes := make(chan string, many)
	for range many {
		go func() {
			receipt, e := r.send(t, nil)
			routes <- fmt.Sprintf("%s, %v", receipt.Route, e == nil)
		}()
	}
	for i := range many {
		if i == many-1 {
			close(known)
		}
		if got := <-routes; got != "backup, true" {
			t.Errorf("message %d: route and success %q", i+1, got)
		}
	}
	if n := begun(server); n != enough+1 {
		t.Errorf("%d messages were begun at the primary, want %d", n, enough+1)
	}
	r.wantState(t, router.Open)
}

// A provider of which nobody can tell what it does with messages rests as well. Those that
// found out stay undecided.
func TestUndecidedRests(t *testing.T) {
	t.Parallel()
	server := sendgridtest.Start(t, sendgridtest.Config{Wrap: hangUp})
	r := open(t, sendgridAt(server, unprotected), "rest=1h")
	for range enough {
		r.wantState(t, router.Closed)
		if receipt, e := r.send(t, nil); e == nil || e.Outcome != mailer.Unknown || len(r.backup.Messages()) != 0 {
			t.Fatalf("error %v\n%s", e, told(receipt))
		}
	}
	r.wantState(t, router.Open)
	r.passOver(t)
}
