package httpapi_test

import (
	"context"
	"net"
	"runtime/debug"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/internal/faultconn"
	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/mailer"
)

// TestPipelineCuts is TestCuts through azcore's pipeline: whatever breaks at whatever byte, the verdict
// agrees with what the server took, and azcore repeats nothing.
func TestPipelineCuts(t *testing.T) {
	p := azure(&again{credentials: []string{"old", "new"}})
	for _, s := range []shape{
		{name: "small", size: 200},
		{name: "small, chunked reply", size: 200, reply: chunkedReply},
		{name: "small, kept alive", size: 200, before: 1},
		{name: "small, TLS", size: 200, tls: true, sparse: 11},
		{name: "large", size: 200_000, sparse: 5003},
	} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			clean := s.tryBy(t, p, cut{})
			if found := clean.contradictions(); len(found) > 0 || clean.verdict.Outcome != mailer.Accepted {
				t.Fatalf("without any fault: %v (%v)", found, clean.verdict.err)
			}
			var n tally
			for _, c := range s.cuts(clean) {
				tr := s.tryBy(t, p, c)
				n.add(tr)
				if found := tr.contradictions(); len(found) > 0 {
					t.Fatalf("%v: %s\n\t%v", c, strings.Join(found, "; "), tr.verdict.err)
				}
			}
			t.Log(&n)
			if n.unknown == 0 || n.accepted == 0 || n.not == 0 {
				t.Error("the cuts do not reach both sides of the boundary")
			}
		})
	}
}

// tryBy plays one case in a bubble of its own, by p.
func (s *shape) tryBy(t *testing.T, p pipeline, c cut) (tr *trial) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			t.Fatalf("%v: %v\n%s", c, p, debug.Stack())
		}
	}()
	synctest.Test(t, func(t *testing.T) { tr = s.playBy(t, p, c) })
	return tr
}

// playBy makes an attempt with fault c by p.
func (s *shape) playBy(t *testing.T, p pipeline, c cut) *trial {
	t.Helper()
	tr := &trial{shape: s, cut: c}
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
		sendBy(t.Context(), r.api, &ledger.Attempt{}, p, words(s.size)).is(t, ledger.Accepted, 202)
		synctest.Wait()
		if first != nil {
			tr.mark[0], tr.mark[1] = first.Counts()
		}
	}
	server.forget()
	ctx, cancel := t.Context(), context.CancelFunc(func() {})
	if c.within > 0 {
		ctx, cancel = context.WithTimeout(ctx, c.within)
	}
	defer cancel()
	start := time.Now()
	tr.verdict = sendBy(ctx, r.api, &ledger.Attempt{}, p, words(s.size))
	tr.took = time.Since(start)
	synctest.Wait()
	r.close()
	tr.open = r.wires.open()
	tr.whole, _, tr.accepted = server.truth()
	if first != nil {
		tr.passed[0], tr.passed[1] = first.Counts()
	}
	return tr
}

// TestPipelineReplyIsCut is HTTP row 31: a reply of which a part is missing is given to no policy, and
// decides nothing. azcore would read it to its end, and has nothing to repeat.
func TestPipelineReplyIsCut(t *testing.T) {
	for _, reply := range []string{accepted, chunkedReply, replyOf(503, `{"errors":[]}`)} {
		for end := range len(reply) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, answering(reply[:end], hangUp))
				v := sendBy(t.Context(), r.api, &ledger.Attempt{}, azure(), words(10))
				if v.Outcome != mailer.Unknown {
					t.Errorf("%q: %+v", reply[:end], v)
				}
				r.close()
				if _, heads, _ := r.sink.truth(); heads != 1 || r.wires.open() != 0 {
					t.Errorf("%q: %d requests, %d connections left", reply[:end], heads, r.wires.open())
				}
			})
		}
	}
}
