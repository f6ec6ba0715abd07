package smtp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml"
	"github.com/mailkeel/mailkeel/providers/smtp"
)

// TestManySenders is P22: one Client under a thousand goroutines. What was sent is what
// arrived, each message once, to whom it was accepted for, byte for byte.
func TestManySenders(t *testing.T) {
	sends := 20
	if raceDetector || testing.Short() {
		sends = 3
	}
	for name, ext := range map[string]smtpfake.Extensions{"DATA": relay, "BDAT": smtpfake.AllExtensions()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := smtpfake.Start(t, smtpfake.Config{Extensions: ext, Hook: refuseCid, Content: smtpfake.KeepContent})
			client := must(smtp.New(plaintext(tcpTo(server))))
			sent := new(ledger)
			var group sync.WaitGroup
			for i := range 1000 {
				group.Go(func() {
					for j := range sends {
						sent.send(t, client, mixed(t, i*sends+j))
					}
				})
			}
			group.Wait()
			closeClient(t, client)
			server.WaitIdle()
			sent.compare(t, server.Messages())
			for _, v := range server.Violations() {
				t.Errorf("violation: %v", v)
			}
		})
	}
}

// mixed returns message number i, prepared: one of several kinds.
func mixed(t *testing.T, i int) *mailer.Message {
	t.Helper()
	m := newMessage(1 + i%3)
	m.Subject = fmt.Sprintf("number %d", i)
	switch i % 7 {
	case 1:
		m.AllOrNone = true
	case 2:
		m.Delivery = mailer.AtLeastOnce
	case 3:
		dots(m)
	case 4:
		m.Attachments = []mailer.Attachment{{Name: "a.bin", Content: mailer.Bytes(bytes.Repeat([]byte{byte(i)}, 3000+i%5000))}}
	case 5:
		m.Text, m.HTML = strings.Repeat(fmt.Sprintf(".%d\n", i), 50), "<p>x</p>"
	}
	m, err := mailer.Prepare(m)
	if err != nil {
		t.Error(err)
	}
	return m
}

// ledger is what was sent, with what the sender said about it.
type ledger struct {
	mu      sync.Mutex
	entries map[string]entry // by Message-ID
	refused int
}

type entry struct {
	content  []byte
	accepted []string
}

func (l *ledger) send(t *testing.T, client *smtp.Client, msg *mailer.Message) {
	receipt, err := client.Send(t.Context(), msg)
	if receipt == nil {
		e := mailer.AsSendError(err)
		if e.Outcome != mailer.NotAccepted || e.Scope != mailer.ScopeRecipient {
			t.Errorf("%s: %v", msg.Subject, err)
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.refused++
		return
	}
	var accepted []string
	for _, r := range receipt.Recipients {
		if r.Outcome == mailer.Accepted {
			accepted = append(accepted, r.Address)
		}
	}
	content := render(t, msg, eml.Options{EightBit: true})
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.entries == nil {
		l.entries = make(map[string]entry)
	}
	l.entries[msg.MessageID] = entry{content, accepted}
}

// compare takes each message that arrived off the ledger.
func (l *ledger) compare(t *testing.T, arrived []smtpfake.Message) {
	t.Helper()
	t.Logf("%d arrived, %d refused", len(arrived), l.refused)
	if len(arrived) == 0 || l.refused == 0 {
		t.Error("not every kind of message was sent")
	}
	for i := range arrived {
		m := &arrived[i]
		id := messageIDOf(m.Data)
		want, ok := l.entries[id]
		if delete(l.entries, id); !ok {
			t.Errorf("%s arrived although it was not accepted, or twice", id)
		} else if !bytes.Equal(m.Data, want.content) || !slices.Equal(m.Addresses(), want.accepted) {
			t.Errorf("%s: %d bytes to %v, want %d to %v", id, len(m.Data), m.Addresses(), len(want.content), want.accepted)
		}
	}
	for id := range l.entries {
		t.Errorf("%s was accepted and did not arrive", id)
	}
}

func messageIDOf(data []byte) string {
	_, rest, _ := strings.Cut(string(data), "Message-ID: ")
	id, _, _ := strings.Cut(rest, "\r\n")
	return id
}

// slowConn takes some milliseconds for each write, so that there are instants between the steps.
type slowConn struct {
	net.Conn
	random *rand.Rand
}

func (c *slowConn) Write(p []byte) (int, error) {
	time.Sleep(time.Duration(c.random.Int64N(int64(9 * time.Millisecond))))
	n, err := c.Conn.Write(p)
	time.Sleep(time.Duration(c.random.Int64N(int64(9 * time.Millisecond))))
	return n, err
}

// instants is how many random instants each shape is interrupted at.
func instants() int {
	if testing.Short() || raceDetector {
		return 30
	}
	return 300
}

// interrupted plays every plaintext shape over a slow wire, often, with what wrap does to it
// at an instant of up to 120 ms, and judges it by the truth. after objects to what it sees besides.
func interrupted(t *testing.T, wrap func(s mailer.Sender, at time.Duration) mailer.Sender, after func(tr *trial) error) (n tally) {
	t.Helper()
	for _, s := range cutShapes {
		if s.server.TLS != nil || len(s.server.AuthMechanisms) > 0 {
			continue // these cost much time, and differ only before MAIL
		}
		msg, contents := s.prepare(t)
		for seed := range instants() {
			random := rand.New(rand.NewPCG(uint64(seed), 1))
			at := time.Duration(random.Int64N(int64(120 * time.Millisecond)))
			tr := s.try(t, msg, cut{}, bug{
				wire:   func(c net.Conn) net.Conn { return &slowConn{c, random} },
				sender: func(inner mailer.Sender) mailer.Sender { return wrap(inner, at) },
			})
			n.add(tr)
			for _, objection := range tr.contradictions(contents...) {
				t.Errorf("%s, seed %d, at %v: %s\n\t%v", s.name, seed, at, objection, tr.err)
			}
			if err := after(tr); err != nil {
				t.Errorf("%s, seed %d, at %v: %v\n\t%v", s.name, seed, at, err, tr.err)
			}
			if t.Failed() {
				t.FailNow()
			}
		}
	}
	t.Log(&n)
	if n.outcomes[mailer.Accepted] == 0 || n.outcomes[mailer.NotAccepted] == 0 {
		t.Error("the instants do not reach both sides of the boundary")
	}
	return n
}

// TestContextAtAnyInstant is P13: Send returns with ctx, and its verdict is true.
func TestContextAtAnyInstant(t *testing.T) {
	for name, end := range map[string]struct {
		err error
		ctx func(context.Context, time.Duration) (context.Context, context.CancelFunc)
	}{
		"deadline": {context.DeadlineExceeded, context.WithTimeout},
		"cancel": {context.Canceled, func(ctx context.Context, at time.Duration) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(at, cancel)
			return ctx, cancel
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var late time.Duration
			n := interrupted(t, func(s mailer.Sender, at time.Duration) mailer.Sender {
				return senderFunc(func(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
					ctx, cancel := end.ctx(ctx, at)
					defer cancel()
					start := time.Now()
					receipt, err := s.Send(ctx, msg)
					late = time.Since(start) - at
					return receipt, err
				})
			}, func(tr *trial) error {
				switch e := mailer.AsSendError(tr.err); {
				case late > 100*time.Millisecond:
					return fmt.Errorf("returned %v after the end of ctx", late)
				case errors.Is(tr.err, end.err) && e.Scope != mailer.ScopeCaller, tr.outcome() == mailer.Unknown && !errors.Is(tr.err, end.err):
					return fmt.Errorf("scope %v, want the caller's, with ctx's error", e.Scope)
				}
				return nil
			})
			if n.unknowns == 0 {
				t.Error("no instant was after the boundary")
			}
		})
	}
}

// TestGateAtAnyInstant: whoever comes first, Cancel or Commit, has the word. After a
// Cancel that was in time nobody has the message; the attempt still ends on its own.
func TestGateAtAnyInstant(t *testing.T) {
	var cancelled, committed bool
	early := 0
	n := interrupted(t, func(s mailer.Sender, at time.Duration) mailer.Sender {
		return senderFunc(func(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
			gate, asked := new(mailer.Gate), make(chan struct{})
			go func() {
				defer close(asked)
				time.Sleep(at)
				cancelled = gate.Cancel()
			}()
			receipt, err := s.Send(mailer.WithGate(ctx, gate), msg)
			<-asked
			committed = gate.Committed()
			return receipt, err
		})
	}, func(tr *trial) error {
		switch {
		case cancelled && committed:
			return errors.New("both cancelled and committed")
		case cancelled && tr.outcome() != mailer.NotAccepted:
			return fmt.Errorf("cancelled in time, but %v", tr.outcome())
		case !committed && len(tr.messages) > 0:
			return fmt.Errorf("%d copies without a commit", len(tr.messages))
		case cancelled:
			early++
		}
		return nil
	})
	t.Logf("cancelled in time %d times", early)
	if early == 0 || early == n.cases {
		t.Error("the instants do not reach both sides of the gate")
	}
}

// TestGatesShareOneCopy: of two attempts whose gates belong together at most one is accepted.
func TestGatesShareOneCopy(t *testing.T) {
	server := smtpfake.Start(t, smtpfake.Config{Extensions: relay})
	cfg := plaintext(tcpTo(server))
	clients := []*smtp.Client{must(smtp.New(cfg)), must(smtp.New(cfg))}
	const rounds = 300
	for i := range rounds {
		msg := mixed(t, 7*3*i) // one recipient, nothing special
		first := new(mailer.Gate)
		gates := []*mailer.Gate{first, {Rival: first}}
		accepted := make(chan bool, len(clients))
		for j, client := range clients {
			go func() {
				_, err := client.Send(mailer.WithGate(t.Context(), gates[j]), msg)
				if e := mailer.AsSendError(err); e != nil && (e.Outcome != mailer.NotAccepted || e.Scope != mailer.ScopeCaller) {
					t.Errorf("the one that lost: %v", err)
				}
				accepted <- err == nil
			}()
		}
		if <-accepted == <-accepted {
			t.Fatal("not exactly one was accepted")
		}
	}
	for _, client := range clients {
		closeClient(t, client)
	}
	if n := len(server.Messages()); n != rounds {
		t.Errorf("%d copies, want %d", n, rounds)
	}
}

// TestCommitBy: a gate's time limits what comes before the boundary, and nothing after it.
func TestCommitBy(t *testing.T) {
	for _, c := range []struct {
		name    string
		at      smtpfake.Point
		outcome mailer.Outcome
		took    time.Duration
	}{
		{"greeting", smtpfake.Greeting, mailer.NotAccepted, 4 * time.Second},
		{"MAIL", smtpfake.MAIL, mailer.NotAccepted, 4 * time.Second},
		{"DATA", smtpfake.DATA, mailer.NotAccepted, 4 * time.Second},
		{"content", smtpfake.Content, mailer.Unknown, 2 * time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := smtpfake.New(on(c.at, hang))
				client := must(smtp.New(plaintext(pipeTo(server))))
				defer closeAll(t, client, server)
				gate := &mailer.Gate{CommitBy: time.Now().Add(4 * time.Second)}
				start := time.Now()
				_, err := client.Send(mailer.WithGate(t.Context(), gate), newMessage(1))
				e := mailer.AsSendError(err)
				if e.Outcome != c.outcome || e.Scope != mailer.ScopeProvider || gate.Committed() != (c.outcome == mailer.Unknown) {
					t.Errorf("got %v, scope %v, committed %v", err, e.Scope, gate.Committed())
				}
				if took := time.Since(start); took < c.took || took > c.took+100*time.Millisecond {
					t.Errorf("took %v, want %v", took, c.took)
				}
			})
		})
	}
}
