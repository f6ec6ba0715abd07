package sendertest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

const (
	// soon is how long what should happen at once may take on a slow machine.
	soon = 5 * time.Second
	// patience is how long an ordinary send may take there.
	patience = 30 * time.Second
	// allowance is the time that an attempt gets to come past the boundary, where it is
	// the end of that time that matters.
	allowance = time.Second
	// brief is the time that an attempt gets where it must not come past the boundary.
	brief = 200 * time.Millisecond
)

// A scene is one case at work: a test, a harness, and what was sent so far.
type scene struct {
	testing.TB
	Harness
	capabilities mailer.Capabilities // of Sender and Provider together
	named        mailer.Named        // nil when Sender does not say what receipts call it
	made         int                 // messages made
	sends        map[string]int      // sends by subject
	sentTo       map[string][]string // by subject, whom its sends were to
}

func newScene(t testing.TB, h Harness) *scene {
	t.Helper()
	if h.Sender == nil || h.Provider == nil {
		t.Fatalf("the harness has no Sender or no Provider")
	}
	for fault, reason := range h.NotApplicable {
		if fault.Core() || reason == "" {
			t.Fatalf("the harness declares %q not applicable; that needs a reason (got %q) and a fault that is not core", fault, reason)
		}
	}
	if h.From == (mailer.Address{}) {
		h.From.Address = "sender@example.com"
	}
	s := &scene{TB: t, Harness: h, sends: make(map[string]int), sentTo: make(map[string][]string)}
	s.capabilities = mailer.Capabilities{Features: mailer.Essential | mailer.Advisory}
	if c, ok := mailer.Find[mailer.Capable](h.Sender); ok {
		s.capabilities = c.Capabilities()
	}
	s.capabilities.Features &^= h.Lacks
	if n, ok := mailer.Find[mailer.Named](h.Sender); ok && !isSeveral(n) {
		s.named = n
	}
	return s
}

// isSeveral reports a router: its receipts name the route that decided.
func isSeveral(n mailer.Named) bool {
	_, several := n.(interface{ Unwrap() []mailer.Sender })
	return several
}

// broke reports that a rule, as quoted by [rule] or [quote], does not hold.
func (s *scene) broke(quoted, format string, args ...any) {
	s.Helper()
	s.Errorf("%s: %s", quoted, fmt.Sprintf(format, args...))
}

// meet sets a step, or skips the case where the protocol cannot have its fault.
func (s *scene) meet(step Step) (reached <-chan struct{}) {
	s.Helper()
	if reason, off := s.NotApplicable[step.Fault]; off {
		s.Skipf("%s is not applicable: %s", step.Fault, reason)
	}
	return s.Provider.Meet(step)
}

// hold returns a channel for [Step.Hold], which is closed by release, at the latest
// when the case ends.
func (s *scene) hold() (held <-chan struct{}, release func()) {
	ch := make(chan struct{})
	release = sync.OnceFunc(func() { close(ch) })
	s.Cleanup(release)
	return ch, release
}

// await waits until ch is closed, and fails the case when it is not.
func (s *scene) await(ch <-chan struct{}, what string) {
	s.Helper()
	select {
	case <-ch:
	case <-time.After(patience):
		s.Fatalf("%s: not within %v", what, patience)
	}
}

// truth asks the provider what really happened.
func (s *scene) truth() Truth {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return s.Provider.Truth(ctx)
}

// send sends msg and checks all that does not depend on the case, the truth included.
func (s *scene) send(ctx context.Context, msg *mailer.Message) *result {
	s.Helper()
	r := s.start(ctx, msg).wait(patience)
	s.verify(r)
	return r
}

// accept sends msg, which must be accepted.
func (s *scene) accept(ctx context.Context, msg *mailer.Message) *result {
	s.Helper()
	r := s.send(ctx, msg)
	if r.err != nil {
		s.broke(rule(1), "nothing was wrong, and Send returned %v", r.err)
	}
	return r
}

// start begins a send. Whatever else happens, wait is called on what it returns.
func (s *scene) start(ctx context.Context, msg *mailer.Message) *sending {
	return s.startAfter(ctx, msg, new(sync.WaitGroup))
}

// startAfter is start for sends that begin together, when ready is done.
func (s *scene) startAfter(ctx context.Context, msg *mailer.Message, ready *sync.WaitGroup) *sending {
	x := &sending{s: s, done: make(chan struct{}), before: takeSnapshot(msg)}
	x.result = result{msg: msg, subject: subjectOf(msg), started: ctx.Err() == nil, began: time.Now()}
	s.sends[x.subject]++
	go func() {
		defer close(x.done)
		ready.Wait()
		x.receipt, x.err = s.Sender.Send(ctx, msg)
		x.ended = time.Now()
	}()
	return x
}

// A sending is a send under way.
type sending struct {
	result
	s      *scene
	done   chan struct{}
	before snapshot
}

// wait returns the result when Send has returned, with everything checked but the
// truth, which must wait until no other send is under way.
func (x *sending) wait(limit time.Duration) *result {
	x.s.Helper()
	select {
	case <-x.done:
	case <-time.After(limit):
		x.s.Fatalf("%s: Send did not return within %v", rule(9), limit)
	}
	if diff := x.before.diff(x.msg); diff != "" {
		x.s.broke(rule(6), "it changed %s", diff)
	}
	x.s.checkShape(&x.result)
	x.s.checkAccount(&x.result)
	x.s.checkSecrets(&x.result)
	return &x.result
}
