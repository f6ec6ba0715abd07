package smtp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/internal/faultconn"
	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/smtp"
)

// A shape is a conversation that the cut rig breaks in every place.
type shape struct {
	name   string
	server smtpfake.Config
	client func(*smtp.Config)
	msg    func(*mailer.Message)
	to     int // recipients; zero means one
	before int // messages sent over the same connection before the one that is judged
}

// A cut is one fault at one byte of the shape's first connection.
type cut struct {
	faultconn.Fault
	// atClient wraps the client's end of the pipe instead of the server's. The fault is
	// still named from the server's side.
	atClient bool
	// within is the time that ctx allows; zero leaves it to the client's own limits.
	within time.Duration
}

func (c cut) String() string {
	side := "from the client"
	if c.Dir == faultconn.Outbound {
		side = "from the server"
	}
	return fmt.Sprintf("%s after %d bytes %s, limit %v", kindNames[c.Kind], c.After, side, c.within)
}

var kindNames = map[faultconn.Kind]string{
	faultconn.FIN: "FIN", faultconn.RST: "RST", faultconn.Hang: "hang",
	faultconn.HalfClose: "half-close", faultconn.Drip: "drip", faultconn.Insert: "garbage byte",
}

// A trial is what came of one send, and the truth about it.
type trial struct {
	msg      *mailer.Message
	receipt  *mailer.Receipt
	err      error
	took     time.Duration
	cut      cut
	messages []smtpfake.Message // what the server took of msg, and nothing else
	decided  atomic.Bool        // the server read all of it and decided
	open     int                // connections that the client left open after Close
	in, out  int64              // bytes that passed on the first connection
	mark     [2]int64           // the same before the judged message
}

// A bug makes a correct sender a wrong one; see TestPlantedBugs.
type bug struct {
	sender func(mailer.Sender) mailer.Sender
	wire   func(net.Conn) net.Conn
}

// play sends the message of s with fault c and returns what came of it. It runs inside a
// bubble and ends everything it began.
func (s *shape) play(t *testing.T, msg *mailer.Message, c cut, b bug) *trial {
	t.Helper()
	tr := &trial{msg: msg, cut: c}
	var first *faultconn.Conn // at the server's end
	cfg := s.server
	cfg.Hook = tr.watch(cfg.Hook)
	cfg.Wrap = func(number int, conn net.Conn) net.Conn {
		if number == 1 && !c.atClient {
			first = faultconn.Wrap(conn, c.faults()...)
			return first
		}
		return conn
	}
	server := smtpfake.New(cfg)
	var wires opened
	client := s.newClient(t, tr.dialer(pipeTo(server), &wires, b))
	for range s.before {
		if _, err := client.Send(t.Context(), newMessage(1)); err != nil {
			t.Fatalf("a message before the one to judge: %v", err)
		}
		synctest.Wait()
		if first != nil {
			tr.mark[0], tr.mark[1] = first.Counts()
		}
	}
	tr.decided.Store(false)
	tr.send(t, client, b)
	synctest.Wait()
	closeAll(t, client, server)
	tr.open = wires.open()
	tr.messages = slices.DeleteFunc(server.Messages(), func(m smtpfake.Message) bool {
		return !bytes.Contains(m.Data, []byte(msg.MessageID)) && len(m.Data) > 0
	})
	if first != nil {
		tr.in, tr.out = first.Counts()
	}
	return tr
}

// dialer puts what the trial needs at the client's end of each connection.
func (tr *trial) dialer(dial func(context.Context, string, string) (net.Conn, error), wires *opened, b bug) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if tr.cut.atClient && wires.dialled.Load() == 0 {
			conn = faultconn.Wrap(conn, tr.cut.faults()...)
		}
		conn = wires.add(conn)
		if b.wire != nil {
			conn = b.wire(conn)
		}
		return conn, err
	}
}

func (s *shape) newClient(t *testing.T, dial func(context.Context, string, string) (net.Conn, error)) *smtp.Client {
	t.Helper()
	cfg := smtp.Config{Host: "localhost", Security: smtp.Plaintext, LocalName: "client.example.com"}
	if s.client != nil {
		s.client(&cfg)
	}
	cfg.Dial = dial
	client, err := smtp.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// send makes the send that is judged.
func (tr *trial) send(t *testing.T, client *smtp.Client, b bug) {
	t.Helper()
	ctx, cancel := t.Context(), context.CancelFunc(func() {})
	if tr.cut.within > 0 {
		ctx, cancel = context.WithTimeout(ctx, tr.cut.within)
	}
	defer cancel()
	var sender mailer.Sender = client
	if b.sender != nil {
		sender = b.sender(client)
	}
	start := time.Now()
	tr.receipt, tr.err = sender.Send(ctx, tr.msg)
	tr.took = time.Since(start)
}

// watch notes when the server has all of a message: at BDAT it has one that it refuses.
func (tr *trial) watch(hook smtpfake.Hook) smtpfake.Hook {
	return func(e *smtpfake.Event) smtpfake.Action {
		if e.Point == smtpfake.Content || e.Point == smtpfake.BDAT {
			tr.decided.Store(true)
		}
		if hook == nil {
			return smtpfake.Action{}
		}
		return hook(e)
	}
}

// faults names the fault as the wrapped end sees it.
func (c cut) faults() []faultconn.Fault {
	if c.Kind == 0 {
		return nil
	}
	f := c.Fault
	if c.atClient {
		f.Dir = map[faultconn.Direction]faultconn.Direction{
			faultconn.Inbound: faultconn.Outbound, faultconn.Outbound: faultconn.Inbound,
		}[f.Dir]
	}
	return []faultconn.Fault{f}
}

// opened counts the connections that a client dialled and has not closed.
type opened struct {
	dialled, closed atomic.Int64
	peak            atomic.Int64
}

func (o *opened) open() int { return int(o.dialled.Load() - o.closed.Load()) }

func (o *opened) add(conn net.Conn) net.Conn {
	o.dialled.Add(1)
	for now := int64(o.open()); ; {
		peak := o.peak.Load()
		if now <= peak || o.peak.CompareAndSwap(peak, now) {
			return &countedConn{Conn: conn, closed: sync.OnceFunc(func() { o.closed.Add(1) })}
		}
	}
}

type countedConn struct {
	net.Conn
	closed func()
}

func (c *countedConn) Close() error {
	c.closed()
	return c.Conn.Close()
}

// contradictions judges the trial by the server's truth. contents are the forms in which
// the whole message may arrive.
//
// Over a pipe a write returns what the other end has read and no more. So the last byte
// was released exactly if the server had it, and an Unknown about what the server never
// had in full is laziness: P2 holds without exception.
func (tr *trial) contradictions(contents ...[]byte) (found []string) {
	object := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	results, form := tr.account()
	if form != "" {
		object("%s", form)
	}
	if len(tr.messages) > 1 {
		object("%d copies", len(tr.messages))
	}
	for _, m := range tr.messages {
		if !slices.ContainsFunc(contents, func(content []byte) bool { return bytes.Equal(m.Data, content) }) {
			object("the server took %d bytes that are not the message", len(m.Data))
		}
	}
	if len(results) != len(tr.msg.Recipients()) {
		object("%d results for %d recipients", len(results), len(tr.msg.Recipients()))
	}
	for _, r := range results {
		if objection := tr.contradiction(r); objection != "" {
			object("%s: %s", r.Address, objection)
		}
	}
	if tr.open != 0 {
		object("%d connections left open", tr.open)
	}
	if limit := tr.limit(); tr.took > limit {
		object("took %v, more than %v", tr.took, limit)
	}
	return found
}

// limit is when Send has to have returned: P13, or else the client's own limits for what
// comes before the boundary and after it.
func (tr *trial) limit() time.Duration {
	const slack = 100 * time.Millisecond
	if tr.cut.within > 0 {
		return tr.cut.within + slack
	}
	return 30*time.Second + 2*time.Minute + slack
}

// contradiction compares one recipient's verdict with the truth.
func (tr *trial) contradiction(r mailer.RecipientResult) string {
	copies := 0
	for _, m := range tr.messages {
		if slices.Contains(m.Addresses(), r.Address) {
			copies++
		}
	}
	switch {
	case r.Outcome == mailer.Accepted && copies == 1, r.Outcome == mailer.NotAccepted && copies == 0:
		return ""
	case r.Outcome == mailer.Unknown && copies <= 1 && tr.decided.Load():
		return ""
	}
	return fmt.Sprintf("%v, but the server took %d copies, having read everything: %v", r.Outcome, copies, tr.decided.Load())
}

// account returns the verdicts of the send, and what is wrong with the form of its answer.
func (tr *trial) account() (results []mailer.RecipientResult, wrong string) {
	if tr.err == nil {
		switch {
		case tr.receipt == nil:
			return nil, "neither receipt nor error"
		case tr.receipt.Outcome != mailer.Accepted || mailer.RollUp(tr.receipt.Recipients) != mailer.Accepted:
			wrong = fmt.Sprintf("no error, but %v, %+v", tr.receipt.Outcome, tr.receipt.Recipients)
		case len(tr.receipt.Attempts) != 1:
			wrong = fmt.Sprintf("%d attempts", len(tr.receipt.Attempts))
		}
		return tr.receipt.Recipients, wrong
	}
	var e *mailer.SendError
	if !errors.As(tr.err, &e) || e.Receipt == nil {
		return nil, fmt.Sprintf("%v is no complete *SendError", tr.err)
	}
	switch {
	case e.Outcome == mailer.Accepted || e.Outcome != mailer.RollUp(e.Receipt.Recipients) || e.Outcome != e.Receipt.Outcome:
		wrong = fmt.Sprintf("an error that says %v of %+v", e.Outcome, e.Receipt.Recipients)
	case (tr.receipt == e.Receipt) != (e.Outcome == mailer.PartlyAccepted):
		wrong = fmt.Sprintf("%v with receipt %p beside %p", e.Outcome, tr.receipt, e.Receipt)
	case len(e.Receipt.Attempts) != 1:
		wrong = fmt.Sprintf("%d attempts", len(e.Receipt.Attempts))
	}
	return e.Receipt.Recipients, wrong
}

// outcome is the verdict about the whole.
func (tr *trial) outcome() mailer.Outcome {
	if tr.err == nil {
		return mailer.Accepted
	}
	return mailer.AsSendError(tr.err).Outcome
}
