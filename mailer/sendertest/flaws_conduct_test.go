package sendertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// These flaws do something wrong.

func sendsAgain(inner mailer.Sender) send {
	return func(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
		r, err := inner.Send(ctx, msg)
		if errors.Is(err, mailer.ErrUnknownOutcome) {
			return inner.Send(ctx, msg)
		}
		return r, err
	}
}

func notAllOrNone(ctx context.Context, msg *mailer.Message) (context.Context, *mailer.Message) {
	return ctx, changed(msg, func(m *mailer.Message) { m.AllOrNone = false })
}

// changed returns a copy of msg to which change was done.
func changed(msg *mailer.Message, change func(*mailer.Message)) *mailer.Message {
	c := *msg
	change(&c)
	return &c
}

func changesMessage(ctx context.Context, msg *mailer.Message) (context.Context, *mailer.Message) {
	if msg.MessageID == "" {
		msg.MessageID = "<4711@example.com>"
	}
	return ctx, msg
}

func appends(ctx context.Context, msg *mailer.Message) (context.Context, *mailer.Message) {
	all := append(msg.To, msg.Cc...)
	return ctx, changed(msg, func(m *mailer.Message) { m.To, m.Cc = all, nil })
}

// changesAttachment writes into the memory that the reader of Bytes hands to a Writer.
func changesAttachment(ctx context.Context, msg *mailer.Message) (context.Context, *mailer.Message) {
	for _, a := range msg.Attachments {
		if r, err := a.Content.Open(); err == nil {
			_, _ = r.(io.WriterTo).WriteTo(scribbler{})
		}
	}
	return ctx, msg
}

// scribbler breaks the rule of io.Writer that what it is given stays as it is.
type scribbler struct{}

func (scribbler) Write(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func mixesUp(inner mailer.Sender) send {
	var (
		mu   sync.Mutex
		last *mailer.Message
	)
	return func(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
		mu.Lock()
		last = msg
		mu.Unlock()
		time.Sleep(time.Millisecond) // virtual time: all others have come by
		mu.Lock()
		mixed := last
		mu.Unlock()
		return inner.Send(ctx, mixed)
	}
}

func ignoresCtx(ctx context.Context, msg *mailer.Message) (context.Context, *mailer.Message) {
	return context.WithoutCancel(ctx), msg
}

func ignoresGate(ctx context.Context, msg *mailer.Message) (context.Context, *mailer.Message) {
	return mailer.WithGate(ctx, nil), msg
}

func commitsTwice(inner mailer.Sender) send {
	return func(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
		if gate := mailer.GateFrom(ctx); gate != nil {
			gate.Commit()
		}
		return inner.Send(ctx, msg)
	}
}

// commitsEarly is commitsTwice that does not heed the second answer.
func commitsEarly(inner mailer.Sender) send {
	return func(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
		mailer.GateFrom(ctx).Commit()
		return inner.Send(mailer.WithGate(ctx, nil), msg)
	}
}

func commitsLate(inner mailer.Sender) send {
	return func(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
		r, err := inner.Send(mailer.WithGate(ctx, nil), msg)
		mailer.GateFrom(ctx).Commit()
		return r, err
	}
}

func ignoresCommitBy(ctx context.Context, msg *mailer.Message) (context.Context, *mailer.Message) {
	return mailer.WithGate(ctx, new(mailer.Gate)), msg
}

func commitByIsDeadline(ctx context.Context, msg *mailer.Message) (context.Context, *mailer.Message) {
	if gate := mailer.GateFrom(ctx); gate != nil && !gate.CommitBy.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, gate.CommitBy)
		context.AfterFunc(ctx, cancel)
	}
	return ctx, msg
}

func dropsSchedule(ctx context.Context, msg *mailer.Message) (context.Context, *mailer.Message) {
	return ctx, changed(msg, func(m *mailer.Message) { m.SendAt = time.Time{} })
}

func sendsUnsupported(inner mailer.Sender) send {
	return func(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
		r, err := inner.Send(ctx, msg)
		if errors.Is(err, mailer.ErrUnsupported) {
			_, _ = inner.Send(ctx, changed(msg, func(m *mailer.Message) { m.Headers = nil }))
		}
		return r, err
	}
}

// openSender holds its key as a string.
type openSender struct {
	broken
	Key string
}

func printsSecret(inner mailer.Sender) mailer.Sender {
	return &openSender{broken{inner, inner.Send}, password}
}

func mintsAnew(ctx context.Context, msg *mailer.Message) (context.Context, *mailer.Message) {
	return ctx, changed(msg, func(m *mailer.Message) { m.MessageID, m.IdempotencyKey = "", "" })
}

func cleansUp(ctx context.Context, msg *mailer.Message) (context.Context, *mailer.Message) {
	return ctx, changed(msg, func(m *mailer.Message) {
		m.Subject = m.Subject[:slices.Index([]byte(m.Subject+"\r"), '\r')]
	})
}

func truncates(ctx context.Context, msg *mailer.Message) (context.Context, *mailer.Message) {
	return ctx, changed(msg, func(m *mailer.Message) {
		for range m.Attachments {
			m.Attachments = []mailer.Attachment{{Name: "notes.txt", Content: mailer.Bytes([]byte("half"))}}
		}
	})
}

// closing is a broken sender with a Close of its own.
type closing struct {
	broken
	close func() error
}

func (c closing) Close(context.Context) error { return c.close() }

func neverCloses(inner mailer.Sender) mailer.Sender {
	return closing{broken{inner, inner.Send}, func() error { return nil }}
}

// closesAtOnce refuses new sends and leaves the others to themselves.
func closesAtOnce(inner mailer.Sender) mailer.Sender {
	return closing{broken{inner, inner.Send}, func() error {
		go func() { _ = inner.(mailer.Closer).Close(context.Background()) }()
		return nil
	}}
}

func failsSecondClose(inner mailer.Sender) mailer.Sender {
	var calls atomic.Int32
	return closing{broken{inner, inner.Send}, func() error {
		if n := calls.Add(1); n > 1 {
			return fmt.Errorf("closed %d times", n)
		}
		return nil
	}}
}

// copiesArchive sends to one more and does not say so.
func copiesArchive(inner mailer.Sender) send {
	return func(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
		r, err := inner.Send(ctx, changed(msg, func(m *mailer.Message) {
			m.Bcc = append(slices.Clone(m.Bcc), mailer.Address{Address: "archive@example.net"})
		}))
		if r != nil {
			r.Recipients = r.Recipients[:len(r.Recipients)-1]
		}
		return r, err
	}
}

// smuggles does what a server does that takes a bare line feed for the end of a line.
func smuggles(inner mailer.Sender) send {
	return func(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
		r, err := inner.Send(ctx, msg)
		if strings.Contains(msg.Text, "\n.\nMAIL FROM:") {
			_, _ = inner.Send(ctx, changed(msg, func(m *mailer.Message) { m.Subject = "smuggled" }))
		}
		return r, err
	}
}

func namesAlike(ctx context.Context, msg *mailer.Message) (context.Context, *mailer.Message) {
	return ctx, changed(msg, func(m *mailer.Message) { m.MessageID, m.IdempotencyKey = "<1@example.com>", "1" })
}

// cancelsAll has one connection for all, which whoever leaves takes along.
func cancelsAll(inner mailer.Sender) send {
	shared, leave := context.WithCancel(context.Background())
	return func(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
		context.AfterFunc(ctx, leave)
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(shared, cancel)()
		return inner.Send(ctx, msg)
	}
}

func commitsByNow(ctx context.Context, msg *mailer.Message) (context.Context, *mailer.Message) {
	return mailer.WithGate(ctx, &mailer.Gate{CommitBy: time.Now().Add(time.Millisecond)}), msg
}

// losesRival and losesParent hand on a gate of their own making.
func losesRival(ctx context.Context, msg *mailer.Message) (context.Context, *mailer.Message) {
	if g := mailer.GateFrom(ctx); g != nil {
		ctx = mailer.WithGate(ctx, &mailer.Gate{CommitBy: g.CommitBy, Parent: g.Parent})
	}
	return ctx, msg
}

func losesParent(ctx context.Context, msg *mailer.Message) (context.Context, *mailer.Message) {
	if g := mailer.GateFrom(ctx); g != nil {
		ctx = mailer.WithGate(ctx, &mailer.Gate{CommitBy: g.CommitBy, Rival: g.Rival})
	}
	return ctx, msg
}

// commitsParent commits the parent before it begins, and sends nothing when that was done before.
func commitsParent(inner mailer.Sender) send {
	return func(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
		if g := mailer.GateFrom(ctx); g != nil && g.Parent != nil && !g.Parent.Commit() {
			g.Cancel()
		}
		return inner.Send(ctx, msg)
	}
}
