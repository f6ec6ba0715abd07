package httpapi_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/internal/faultconn"
	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/mailer"
)

// A shape is an exchange that the rig breaks in every place.
type shape struct {
	name   string
	size   int
	tls    bool
	reply  string // of a sink that accepts; empty means the usual one
	before int    // exchanges over the same connection before the one that is judged
	sparse int64  // every so manieth byte is broken; zero means each
}

var cutShapes = []shape{
	{name: "small", size: 1000},
	{name: "small, chunked reply", size: 1000, reply: chunkedReply},
	{name: "small, kept alive", size: 1000, before: 1},
	{name: "small, TLS", size: 1000, tls: true, sparse: 11},
	{name: "large", size: 200_000, sparse: 2003},
	{name: "large, kept alive", size: 200_000, before: 1, sparse: 3001},
	{name: "large, TLS", size: 200_000, tls: true, sparse: 9001},
}

// How the client's end of a connection breaks, beside what faultconn has.
const shortWrite faultconn.Kind = 100

// A cut is one fault at one byte of the shape's first connection.
type cut struct {
	faultconn.Fault
	// atClient puts it into the client's end. Directions stay those of the server.
	atClient bool
	// within is the time that ctx allows; zero leaves it to the client's own limits.
	within time.Duration
}

func (c cut) String() string {
	names := map[faultconn.Kind]string{
		faultconn.FIN: "FIN", faultconn.RST: "RST", faultconn.Hang: "hang", faultconn.HalfClose: "half-close",
		faultconn.Insert: "garbage byte", shortWrite: "short write",
	}
	return fmt.Sprintf("%s after %d bytes, direction %d, at client %v, limit %v", names[c.Kind], c.After, c.Dir, c.atClient, c.within)
}

// A trial is what came of one send, and the truth about it.
type trial struct {
	shape    *shape
	cut      cut
	verdict  verdict
	result   httpapi.Result // instead of the verdict, where only the exchange was made
	bare     bool
	took     time.Duration
	whole    []request
	accepted int
	open     int
	passed   [2]int64 // bytes on the first connection
	mark     [2]int64 // the same before the judged exchange
}

// TestCuts is P1, P2, P6, P7, P8 and P13 over pipes and virtual time: whatever breaks at
// whatever byte, the verdict agrees with what the server took (HTTP rows 4, 5, 8, 31 and 36).
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
	if all.unknown == 0 || all.accepted == 0 || all.not == 0 {
		t.Error("the cuts do not reach both sides of the boundary")
	}
	if all.honest*1000 < all.unknown*999 {
		t.Errorf("P2: %d of %d unknown verdicts had a whole request behind them", all.honest, all.unknown)
	}
}

// tally counts what came out.
type tally struct{ cases, accepted, not, unknown, honest, spoiled int }

func (n *tally) add(tr *trial) {
	n.cases++
	switch {
	case tr.bare:
	case tr.verdict.Outcome == mailer.Accepted:
		n.accepted++
	case tr.verdict.Outcome == mailer.NotAccepted:
		n.not++
	case tr.cut.Kind == faultconn.Insert && tr.cut.Dir == faultconn.Inbound:
		n.spoiled++ // all of it arrived, in a record that the server cannot read
	default:
		n.unknown++
		n.honest += min(len(tr.whole), 1)
	}
}

func (n *tally) merge(m tally) {
	n.cases, n.accepted, n.not = n.cases+m.cases, n.accepted+m.accepted, n.not+m.not
	n.unknown, n.honest, n.spoiled = n.unknown+m.unknown, n.honest+m.honest, n.spoiled+m.spoiled
}

func (n *tally) String() string {
	return fmt.Sprintf("%d cases: %d accepted, %d not, %d unknown; the server had all of it in %d of those",
		n.cases, n.accepted, n.not, n.unknown, n.honest)
}

// cutEverywhere records a clean run of s, and breaks it in every way.
func (s *shape) cutEverywhere(t *testing.T) (n tally) {
	t.Helper()
	clean := s.try(t, cut{}, false)
	if found := clean.contradictions(); len(found) > 0 || clean.verdict.Outcome != mailer.Accepted {
		t.Fatalf("without any fault: %v (%v)", found, clean.verdict.err)
	}
	failures := 0
	for i, c := range s.cuts(clean) {
		tr := s.try(t, c, i%5 == 4)
		n.add(tr)
		for _, objection := range tr.contradictions() {
			t.Errorf("%v: %s\n\t%v %+v", c, objection, tr.verdict.err, tr.result)
			failures++
		}
		if failures > 10 {
			t.Fatal("and so on")
		}
	}
	return n
}

// cuts lists the faults for an exchange like the clean one. The last bytes of either
// direction are all broken: the boundary is there.
func (s *shape) cuts(clean *trial) (cuts []cut) {
	const nearTheEnd = 40
	sparse := max(s.sparse, 1)
	if raceDetector {
		sparse = sparse*7 + 4 // a sample will do
	}
	for dir, passed := range clean.passed {
		for at := clean.mark[dir]; at <= passed; at++ {
			if (at-clean.mark[dir])%sparse == 0 || passed-at < nearTheEnd && (!raceDetector || at%9 == 0 || passed-at < 2) {
				cuts = append(cuts, s.cutsAt(faultconn.Fault{Dir: faultconn.Direction(dir), After: at, Byte: 'x'}, at == clean.mark[dir])...)
			}
		}
	}
	return cuts
}

// cutsAt lists the faults at one byte. first says that the one before it belongs to an earlier exchange.
func (s *shape) cutsAt(f faultconn.Fault, first bool) []cut {
	kind := func(k faultconn.Kind) faultconn.Fault { f.Kind = k; return f }
	cuts := []cut{
		{Fault: kind(faultconn.FIN)}, {Fault: kind(faultconn.HalfClose)}, {Fault: kind(faultconn.RST)},
		{Fault: kind(faultconn.Hang)}, {Fault: kind(faultconn.Hang), within: 5 * time.Second},
	}
	if f.Dir == faultconn.Outbound || s.tls {
		cuts = append(cuts, cut{Fault: kind(faultconn.Insert)})
	}
	if f.Dir == faultconn.Inbound && !first {
		cuts = append(cuts, cut{Fault: kind(shortWrite), atClient: true})
	}
	if !first || f.Dir == faultconn.Outbound || f.After == 0 {
		cuts = append(cuts, cut{Fault: kind(faultconn.RST), atClient: true})
	}
	return cuts
}

// try plays one case in a bubble of its own, whose end shows what was left running.
func (s *shape) try(t *testing.T, c cut, bare bool) (tr *trial) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			t.Fatalf("%v: %v\n%s", c, p, debug.Stack())
		}
	}()
	synctest.Test(t, func(t *testing.T) { tr = s.play(t, c, bare) })
	return tr
}

// play makes the exchange with fault c.
func (s *shape) play(t *testing.T, c cut, bare bool) *trial {
	t.Helper()
	tr := &trial{shape: s, cut: c, bare: bare}
	var first *faultconn.Conn // at the server's end
	server := &sink{tls: s.config(), script: s.script(), wrap: func(n int, conn net.Conn) net.Conn {
		if n == 1 && !c.atClient {
			first = faultconn.Wrap(conn, c.faults()...)
			return first
		}
		return conn
	}}
	r := newRig(t, server, tr.breakClient)
	for range s.before {
		if v := r.send(t.Context(), s.size); v.err != nil {
			t.Fatalf("an exchange before the one to judge: %v", v.err)
		}
		synctest.Wait()
		if first != nil {
			tr.mark[0], tr.mark[1] = first.Counts()
		}
	}
	server.forget()
	tr.send(t, r)
	synctest.Wait()
	r.close()
	tr.open = r.wires.open()
	tr.whole, _, tr.accepted = server.truth()
	if first != nil {
		tr.passed[0], tr.passed[1] = first.Counts()
	}
	return tr
}

func (s *shape) config() *tls.Config {
	if !s.tls {
		return nil
	}
	return serverTLS()
}

func (s *shape) script() func(*visit) {
	if s.reply == "" {
		return nil
	}
	return func(v *visit) {
		for v.take() {
			v.accept()
			if v.say(s.reply) != nil {
				return
			}
		}
	}
}

// send makes the exchange that is judged.
func (tr *trial) send(t *testing.T, r *rig) {
	t.Helper()
	ctx, cancel := t.Context(), context.CancelFunc(func() {})
	if tr.cut.within > 0 {
		ctx, cancel = context.WithTimeout(ctx, tr.cut.within)
	}
	defer cancel()
	start := time.Now()
	if tr.bare {
		tr.result = r.do(ctx, tr.shape.size)
	} else {
		tr.verdict = r.post(ctx, &ledger.Attempt{}, text(tr.shape.size))
	}
	tr.took = time.Since(start)
}

// breakClient puts the fault into the client's end of the first connection.
func (tr *trial) breakClient(cfg *httpapi.Config) {
	if !tr.cut.atClient {
		return
	}
	dial, dialled := cfg.Dial, false
	cfg.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if dialled {
			return conn, err
		}
		dialled = true
		if tr.cut.Kind == shortWrite {
			return &shortConn{Conn: conn, left: tr.cut.After}, err
		}
		return faultconn.Wrap(conn, tr.cut.faults()...), err
	}
}

// shortConn takes so many bytes and then says of the next write that it took less than it was given.
type shortConn struct {
	net.Conn
	left   int64
	silent bool // no error goes with it, against the contract of io.Writer
}

func (c *shortConn) Write(p []byte) (int, error) {
	if int64(len(p)) <= c.left {
		n, err := c.Conn.Write(p)
		c.left -= int64(n)
		return n, err
	}
	n, err := c.Conn.Write(p[:c.left])
	c.left -= int64(n)
	if err == nil && !c.silent {
		err = io.ErrShortWrite
	}
	return n, err
}

// faults names the fault as the wrapped end sees it.
func (c cut) faults() []faultconn.Fault {
	if c.Kind == 0 {
		return nil
	}
	f := c.Fault
	if c.atClient {
		f.Dir = faultconn.Outbound - c.Dir
	}
	return []faultconn.Fault{f}
}

// contradictions judges the trial by the sink's truth.
func (tr *trial) contradictions() (found []string) {
	object := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	for _, r := range tr.whole {
		if !isText(r.body, tr.shape.size) {
			object("the server took %d bytes that are not the body", len(r.body))
		}
	}
	if len(tr.whole) > 1 {
		object("P6: %d whole requests", len(tr.whole))
	}
	if tr.open != 0 {
		object("P19: %d connections left open", tr.open)
	}
	if tr.took > tr.limit() {
		object("P13: took %v", tr.took)
	}
	if tr.bare {
		return append(found, tr.exchangeContradictions()...)
	}
	return append(found, tr.verdictContradictions()...)
}

func (tr *trial) verdictContradictions() (found []string) {
	switch v := tr.verdict; {
	case v.Outcome == mailer.Accepted && tr.accepted != 1,
		v.Outcome == mailer.NotAccepted && tr.accepted != 0:
		found = append(found, fmt.Sprintf("%v, but the server accepted %d", v.Outcome, tr.accepted))
	case v.Outcome == mailer.PartlyAccepted:
		found = append(found, "partly accepted")
	case v.Outcome != mailer.Accepted && tr.cut.Dir == faultconn.Outbound && tr.cut.After >= tr.replyEnd():
		found = append(found, fmt.Sprintf("P8: %v, though the fault came after the reply", v.Outcome))
	}
	if errors.Is(tr.verdict.err, context.DeadlineExceeded) != (tr.verdict.Scope == mailer.ScopeCaller) {
		found = append(found, fmt.Sprintf("%v blames %v", tr.verdict.err, tr.verdict.Scope))
	}
	return found
}

// replyEnd is the offset behind the reply, where the shape has a simple one.
func (tr *trial) replyEnd() int64 {
	reply := int64(len(tr.shape.reply))
	if reply == 0 {
		reply = int64(len(accepted))
	}
	if tr.shape.tls {
		return 1 << 40
	}
	return reply * int64(tr.shape.before+1)
}

// exchangeContradictions is the same for a Result.
func (tr *trial) exchangeContradictions() (found []string) {
	r := tr.result
	if !r.Released && len(tr.whole) > 0 {
		found = append(found, "not released, but the server has the last byte")
	}
	if r.Reply != nil && r.Reply.Whole && !r.Reply.Early && !r.Released {
		found = append(found, "a reply to what was not released")
	}
	if (r.Err == nil) != (r.Reply != nil && r.Reply.Whole) {
		found = append(found, "neither an error nor a whole reply")
	}
	return found
}

// limit is when the attempt has to have returned: P13, or else the client's own limits for
// what comes before the boundary and after it.
func (tr *trial) limit() time.Duration {
	const slack = 100 * time.Millisecond
	if tr.cut.within > 0 {
		return tr.cut.within + slack
	}
	return 30*time.Second + 2*time.Minute + slack
}
