package smtp_test

import (
	"bytes"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/internal/faultconn"
	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml"
	"github.com/mailkeel/mailkeel/providers/smtp"
)

// cutShapes are the conversations of the rig. Those under TLS are cut below it.
var cutShapes = []shape{
	{name: "lock-step"},
	{name: "pipelined, three recipients", server: smtpfake.Config{Extensions: relay}, to: 3},
	{name: "one refused of three", server: smtpfake.Config{Extensions: relay, Hook: refuseCid}, to: 3},
	{name: "more than RCPTMAX", server: smtpfake.Config{Extensions: smtpfake.Extensions{Pipelining: true, EHLO: []string{"LIMITS RCPTMAX=2"}}}, to: 3},
	{name: "all refused", server: reply(smtpfake.RCPT, "550 5.1.1 who"), to: 2},
	{name: "sender refused", server: reply(smtpfake.MAIL, "550 5.7.1 no")},
	{name: "content refused", server: reply(smtpfake.Content, "550 5.7.1 no")},
	{name: "chunking, two flights", server: smtpfake.Config{Extensions: smtpfake.AllExtensions()}, to: 2},
	{name: "chunking, one flight", server: smtpfake.Config{Extensions: smtpfake.AllExtensions()}, msg: atLeastOnce, to: 2},
	{name: "one flight, one refused", server: smtpfake.Config{Extensions: smtpfake.AllExtensions(), Hook: refuseCid}, msg: atLeastOnce, to: 3},
	{name: "8-bit text and dots", server: smtpfake.Config{Extensions: relay}, msg: dots},
	{name: "AUTH PLAIN", server: withUsers(smtpfake.Config{Extensions: relay}), client: logIn},
	{name: "AUTH SCRAM", server: withScram(smtpfake.Config{Extensions: relay}), client: logIn},
	{name: "all or none, accepted", server: smtpfake.Config{Extensions: relay}, msg: allOrNone, to: 2},
	{name: "all or none, one refused", server: smtpfake.Config{Extensions: relay, Hook: refuseCid}, msg: allOrNone, to: 2},
	{name: "second message, DATA", server: smtpfake.Config{Extensions: relay}, before: 1},
	{name: "second message, two flights", server: smtpfake.Config{Extensions: smtpfake.AllExtensions()}, before: 1},
	{name: "second message, one flight", server: smtpfake.Config{Extensions: smtpfake.AllExtensions()}, msg: atLeastOnce, before: 1},
	{name: "STARTTLS", server: tickets(smtpfake.Config{Extensions: relay}), client: useTLS(smtp.STARTTLS)},
	{name: "implicit TLS, AUTH, one flight", server: tickets(withTLS(withUsers(smtpfake.Config{Extensions: smtpfake.AllExtensions()}), implicitTLS)),
		client: func(c *smtp.Config) { useTLS(smtp.ImplicitTLS)(c); logIn(c) }, msg: atLeastOnce},
}

func refuseCid(e *smtpfake.Event) smtpfake.Action {
	if e.Point == smtpfake.RCPT && strings.Contains(e.Arg, "cid@") {
		return smtpfake.Action{Reply: "550 5.1.1 who"}
	}
	return smtpfake.Action{}
}

func withScram(cfg smtpfake.Config) smtpfake.Config {
	cfg.AuthMechanisms = []string{"SCRAM-SHA-256"}
	return withUsers(cfg)
}

// tickets gives cfg TLS without session tickets, which a peer that only writes when it
// has something to say would leave unread in a pipe.
func tickets(cfg smtpfake.Config) smtpfake.Config {
	implicit := cfg.ImplicitTLS
	cfg = withTLS(cfg)
	cfg.ImplicitTLS, cfg.TLS.SessionTicketsDisabled = implicit, true
	return cfg
}

func atLeastOnce(m *mailer.Message) { m.Delivery = mailer.AtLeastOnce }
func allOrNone(m *mailer.Message)   { m.AllOrNone = true }

func dots(m *mailer.Message) {
	m.Subject = "Grüße"
	m.Text = ".\n..\nGrüße\n.\n\n.bye ö\n...\n.\n"
}

// prepare returns the message of s and the forms in which it may arrive: a fault can hide
// from the client that the server takes 8-bit text.
func (s *shape) prepare(t *testing.T) (msg *mailer.Message, contents [][]byte) {
	t.Helper()
	m := newMessage(max(1, s.to))
	if s.msg != nil {
		s.msg(m)
	}
	m, err := mailer.Prepare(m)
	if err != nil {
		t.Fatal(err)
	}
	contents = append(contents, render(t, m, eml.Options{}))
	if s.server.EightBitMIME {
		contents = append(contents, render(t, m, eml.Options{EightBit: true}))
	}
	return m, contents
}

func render(t *testing.T, m *mailer.Message, o eml.Options) []byte {
	t.Helper()
	body, err := eml.Render(m, o)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := body.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// tally counts what came out.
type tally struct {
	cases            int
	outcomes         [4]int
	honest, unknowns int
}

func (n *tally) add(tr *trial) {
	n.cases++
	o := tr.outcome()
	n.outcomes[o]++
	if o == mailer.Unknown {
		n.unknowns++
		if tr.decided.Load() {
			n.honest++
		}
	}
}

func (n *tally) merge(m tally) {
	n.cases, n.honest, n.unknowns = n.cases+m.cases, n.honest+m.honest, n.unknowns+m.unknowns
	for i := range m.outcomes {
		n.outcomes[i] += m.outcomes[i]
	}
}

func (n *tally) String() string {
	return fmt.Sprintf("%d cases: %d accepted, %d partly, %d not, %d unknown; the server had all of it in %d of those",
		n.cases, n.outcomes[mailer.Accepted], n.outcomes[mailer.PartlyAccepted], n.outcomes[mailer.NotAccepted], n.unknowns, n.honest)
}

// TestCuts is P1, P2, P6, P8 and P13 over pipes and virtual time: whatever breaks at
// whatever byte, the verdict about each recipient agrees with what the server took, no
// message is there twice and none truncated.
func TestCuts(t *testing.T) {
	var mu sync.Mutex
	var all tally
	t.Run("shapes", func(t *testing.T) {
		for _, s := range cutShapes {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				n := s.cutEverywhere(t)
				t.Log(&n)
				mu.Lock()
				defer mu.Unlock()
				all.merge(n)
			})
		}
	})
	t.Log("altogether", &all)
	if all.unknowns == 0 || all.outcomes[mailer.Accepted] == 0 || all.outcomes[mailer.NotAccepted] == 0 {
		t.Error("the cuts do not reach both sides of the boundary")
	}
	if all.honest*1000 < all.unknowns*999 {
		t.Errorf("P2: %d of %d unknown verdicts had a whole message behind them", all.honest, all.unknowns)
	}
}

// cutEverywhere records a clean run of s, and breaks each byte of it in every way.
func (s *shape) cutEverywhere(t *testing.T) (n tally) {
	t.Helper()
	msg, contents := s.prepare(t)
	clean := s.try(t, msg, cut{}, bug{})
	if found := clean.contradictions(contents...); len(found) > 0 {
		t.Fatalf("without any fault: %v (%v)", found, clean.err)
	}
	failures := 0
	for _, c := range cutsOf(clean, stride()) {
		if s.server.TLS != nil && c.Kind == faultconn.HalfClose {
			continue // a record cut is a record cut, and these shapes cost the most time
		}
		tr := s.try(t, msg, c, bug{})
		n.add(tr)
		for _, objection := range tr.contradictions(contents...) {
			t.Errorf("%v: %s\n\t%v", c, objection, tr.err)
			failures++
		}
		if failures > 10 {
			t.Fatal("and so on")
		}
	}
	return n
}

// stride leaves bytes out where time is short: under the race detector a sample will do.
func stride() int64 {
	if testing.Short() || raceDetector {
		return 7
	}
	return 1
}

// try plays one case in a bubble of its own, whose end shows what was left running.
func (s *shape) try(t *testing.T, msg *mailer.Message, c cut, b bug) (tr *trial) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			t.Fatalf("%v: %v\n%s", c, p, debug.Stack())
		}
	}()
	synctest.Test(t, func(t *testing.T) { tr = s.play(t, msg, c, b) })
	return tr
}

// cutsOf lists the faults for a conversation like the clean one.
func cutsOf(clean *trial, stride int64) []cut {
	var cuts []cut
	for dir, bytes := range [...]int64{faultconn.Inbound: clean.in, faultconn.Outbound: clean.out} {
		for at := clean.mark[dir]; at <= bytes; at += stride {
			f := faultconn.Fault{Dir: faultconn.Direction(dir), After: at}
			cuts = append(cuts, cutsAt(f, at == clean.mark[dir])...)
		}
	}
	return cuts
}

// cutsAt lists the faults at one byte. first says that the one before it still belongs to
// an earlier message.
func cutsAt(f faultconn.Fault, first bool) []cut {
	kind := func(k faultconn.Kind) faultconn.Fault { f.Kind = k; return f }
	cuts := []cut{
		{Fault: kind(faultconn.FIN)}, {Fault: kind(faultconn.HalfClose)},
		{Fault: kind(faultconn.Hang)}, {Fault: kind(faultconn.Hang), within: 5 * time.Second},
	}
	if f.Dir == faultconn.Outbound {
		f.Byte = 'x'
		cuts = append(cuts, cut{Fault: kind(faultconn.Insert)})
	}
	if !first || f.Dir == faultconn.Outbound || f.After == 0 {
		// Only the end itself can see a reset where there is no TCP. It happens with the write of the byte before.
		cuts = append(cuts, cut{Fault: kind(faultconn.RST), atClient: true})
	}
	return cuts
}
