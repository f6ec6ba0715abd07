package netsmtp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/internal/faultconn"
	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/netsmtp"
)

// A shape is a conversation that is broken at every byte.
type shape struct {
	name   string
	server smtpfake.Config
	auth   netsmtp.Auth
}

var shapes = []shape{
	{name: "step by step"},
	{name: "in flights", server: smtpfake.Config{Extensions: smtpfake.AllExtensions()}},
	{name: "AUTH", server: withUser(smtpfake.Config{Extensions: smtpfake.AllExtensions()}), auth: logIn},
	{name: "one refused", server: smtpfake.Config{Hook: smtpfake.OnNth(smtpfake.RCPT, 2, smtpfake.Action{Reply: "550 5.1.1 who"})}},
	{name: "content refused", server: on(smtpfake.Content, smtpfake.Action{Reply: "554 5.7.1 no"})},
	{name: "STARTTLS, AUTH", server: withTLS(withUser(smtpfake.Config{Extensions: smtpfake.AllExtensions()})), auth: logIn},
}

// A trial is what came of one SendMail, and the truth about it.
type trial struct {
	err      error
	took     time.Duration
	messages []smtpfake.Message
	decided  atomic.Bool  // the server read all of the message
	open     atomic.Int64 // connections that were not closed
	in, out  int64        // bytes that passed
}

// play sends the message over a connection with the faults, and ends everything it began.
func (s *shape) play(t *testing.T, within time.Duration, faults ...faultconn.Fault) *trial {
	t.Helper()
	tr := new(trial)
	cfg := s.server
	inner := cfg.Hook
	cfg.Hook = func(e *smtpfake.Event) smtpfake.Action {
		if e.Point == smtpfake.Content {
			tr.decided.Store(true)
		}
		if inner == nil {
			return smtpfake.Action{}
		}
		return inner(e)
	}
	if cfg.TLS != nil {
		cfg.TLS = cfg.TLS.Clone()
		cfg.TLS.SessionTicketsDisabled = true // nobody reads them where nothing else is to come
	}
	var wire *faultconn.Conn
	cfg.Wrap = func(_ int, conn net.Conn) net.Conn {
		wire = faultconn.Wrap(conn, faults...)
		return wire
	}
	server := smtpfake.New(cfg)
	dial := loopback(pipeTo(server))
	rig := netsmtp.Rig{Roots: certs.Roots, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		tr.open.Add(1)
		return &closing{Conn: conn, open: &tr.open}, err
	}}
	ctx, cancel := t.Context(), context.CancelFunc(func() {})
	if within > 0 {
		ctx, cancel = context.WithTimeout(ctx, within)
	}
	defer cancel()
	start := time.Now()
	tr.err = rig.SendMail(ctx, "127.0.0.1:587", s.auth, from, both, message)
	tr.took = time.Since(start)
	synctest.Wait()
	server.Close()
	tr.messages = server.Messages()
	if wire != nil {
		tr.in, tr.out = wire.Counts()
	}
	return tr
}

type closing struct {
	net.Conn
	open   *atomic.Int64
	closed atomic.Bool
}

func (c *closing) Close() error {
	if !c.closed.Swap(true) {
		c.open.Add(-1)
	}
	return c.Conn.Close()
}

// contradiction compares what SendMail said with what the server took. Over net.Pipe what was
// written has been read, so that there is no doubt about the last byte either.
func (tr *trial) contradiction(within time.Duration) string {
	var e *mailer.SendError
	if tr.err != nil && (!errors.As(tr.err, &e) || e.Receipt == nil || len(e.Receipt.Recipients) != 2 || mailer.RollUp(e.Receipt.Recipients) != e.Outcome) {
		return "no complete account"
	}
	limit := 8*time.Minute + quitTime
	if within > 0 {
		limit = within + quitTime
	}
	copies := len(tr.messages)
	switch {
	case copies > 1:
		return fmt.Sprintf("%d copies", copies)
	case copies == 1 && (!bytes.Equal(tr.messages[0].Data, message) || !slices.Equal(tr.messages[0].Addresses(), both)):
		return "the server took something else"
	case tr.err == nil && copies == 0, tr.err != nil && e.Outcome == mailer.NotAccepted && copies == 1:
		return fmt.Sprintf("the server took %d", copies)
	case tr.err != nil && e.Outcome == mailer.Unknown && !tr.decided.Load():
		return "unknown, though the server never had all of it"
	case tr.err != nil && (e.Outcome == mailer.Accepted || e.Outcome == mailer.PartlyAccepted):
		return "an error that says accepted"
	case tr.open.Load() != 0:
		return "the connection was left open"
	case tr.took > limit:
		return fmt.Sprintf("took %v", tr.took)
	}
	return ""
}

// quitTime is how long goodbyes may take.
const quitTime = 2*time.Second + 200*time.Millisecond

// TestCuts is P1, P2, P6, P8 and P13 for the drop-in: whatever breaks at whatever byte, 0 verdicts
// contradict the server.
func TestCuts(t *testing.T) {
	for _, s := range shapes {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			s.cutEverywhere(t)
		})
	}
}

func (s *shape) cutEverywhere(t *testing.T) {
	t.Helper()
	var clean *trial
	synctest.Test(t, func(t *testing.T) { clean = s.play(t, 0) })
	if objection := clean.contradiction(0); objection != "" {
		t.Fatalf("without any fault: %s: %v", objection, clean.err)
	}
	cases := 0
	tally := map[string]int{}
	for dir, n := range map[faultconn.Direction]int64{faultconn.Inbound: clean.in, faultconn.Outbound: clean.out} {
		for at := int64(0); at <= n; at += s.stride() {
			for _, f := range []faultconn.Fault{
				{Kind: faultconn.FIN}, {Kind: faultconn.RST}, {Kind: faultconn.HalfClose}, {Kind: faultconn.Hang}, {Kind: faultconn.Insert, Byte: 'x'},
			} {
				f.Dir, f.After = dir, at
				if f.Kind == faultconn.Insert && dir == faultconn.Inbound {
					continue // what the server reads would be another message
				}
				within := time.Duration(0)
				if at%2 == 1 {
					within = 5 * time.Second
				}
				var tr *trial
				synctest.Test(t, func(t *testing.T) { tr = s.play(t, within, f) })
				cases++
				tally[outcome(tr.err)]++
				if objection := tr.contradiction(within); objection != "" {
					t.Errorf("%+v, within %v: %s: %v", f, within, objection, tr.err)
				}
			}
		}
	}
	t.Log(cases, "cases:", tally)
	if tally["not accepted"] == 0 || !strings.HasSuffix(s.name, "refused") && tally["accepted"]*tally["unknown"] == 0 {
		t.Error("the cuts do not reach both sides of the boundary")
	}
}

func outcome(err error) string {
	switch {
	case err == nil:
		return "accepted"
	case errors.Is(err, mailer.ErrUnknownOutcome):
		return "unknown"
	}
	return "not accepted"
}

// stride leaves bytes out where time is short: of what TLS makes of them, and under the race detector, a sample will do.
func (s *shape) stride() int64 {
	stride := int64(1)
	if testing.Short() || raceDetector {
		stride = 11
	}
	if s.server.TLS != nil {
		stride *= 7
	}
	return stride
}
