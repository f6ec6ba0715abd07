package smtp_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/smtp"
)

// A readFunc is a source of content that does as it likes.
type readFunc func(p []byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// attached returns a message with an attachment of five bytes that is read from f.
func attached(f readFunc) *mailer.Message {
	m := newMessage(1)
	m.Attachments = []mailer.Attachment{{Name: "a.bin", Content: mailer.Opener(5, func() (io.ReadCloser, error) {
		return io.NopCloser(f), nil
	})}}
	return m
}

// bothWays are the ways in which content goes over.
var bothWays = map[string]smtpfake.Extensions{"DATA": relay, "BDAT": smtpfake.AllExtensions()}

// TestCloseDespiteSource: a source of content that does not return holds up its own
// message, and not Close.
func TestCloseDespiteSource(t *testing.T) {
	for name, ext := range bothWays {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := smtpfake.New(smtpfake.Config{Extensions: ext})
				defer server.Close()
				var wires opened
				client := must(smtp.New(plaintext(counted(&wires, pipeTo(server)))))
				goOn, sent := make(chan struct{}), make(chan error, 1)
				overdue := time.AfterFunc(time.Hour, func() { close(goOn) }) // so that a Close that waits fails
				go func() {
					_, err := client.Send(t.Context(), attached(func([]byte) (int, error) { <-goOn; return 0, errors.New("disk gone") }))
					sent <- err
				}()
				synctest.Wait()
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				start := time.Now()
				err := client.Close(ctx)
				if took := time.Since(start); took > 1200*time.Millisecond || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Close took %v and returned %v; want at most 1.2s, and that ctx ended", took, err)
				}
				if wires.open() != 0 || len(sent) != 0 {
					t.Errorf("%d connections open, %d sends over; want the connection closed, and the send in its source", wires.open(), len(sent))
				}
				if overdue.Stop() {
					close(goOn)
				}
				if e := mailer.AsSendError(<-sent); e == nil || e.Outcome != mailer.NotAccepted {
					t.Errorf("the send: %v, want NotAccepted", e)
				}
				synctest.Wait()
				if n := len(server.Messages()); n != 0 || client.InUse() != 0 {
					t.Errorf("the server took %d messages, the pool counts %d connections in use; want none", n, client.InUse())
				}
			})
		})
	}
}

// TestSourcePanics: a panic in a source of content reaches the caller. It leaves behind no
// connection, and the client as good as before.
func TestSourcePanics(t *testing.T) {
	for name, ext := range bothWays {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := smtpfake.New(smtpfake.Config{Extensions: ext})
				var wires opened
				cfg := plaintext(counted(&wires, pipeTo(server)))
				cfg.MaxConns = 1
				client := must(smtp.New(cfg))
				defer closeAll(t, client, server)
				for range 3 {
					if got := panicOf(func() {
						_, _ = client.Send(t.Context(), attached(func([]byte) (int, error) { panic("the source's own") }))
					}); got != "the source's own" {
						t.Errorf("the caller recovered %v, want what the source panicked with", got)
					}
					if wires.open() != 0 || client.InUse() != 0 {
						t.Errorf("%d connections open, %d counted as in use; want none", wires.open(), client.InUse())
					}
				}
				synctest.Wait()
				if got := wantTruth(t, client, server, prepared(t, newMessage(1)), synctest.Wait); got != mailer.Accepted {
					t.Errorf("the next message: %v, want Accepted", got)
				}
				if got := server.Stats(); got.Messages != 1 || got.Conns != 4 {
					t.Errorf("%d messages over %d connections, want 1 over 4", got.Messages, got.Conns)
				}
			})
		})
	}
}

// panicOf returns what f panics with.
func panicOf(f func()) (value any) {
	defer func() { value = recover() }()
	f()
	return nil
}

// TestSlowSpooling: how long it takes to read content of unknown length says nothing
// about the server, and takes none of its time.
func TestSlowSpooling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := smtpfake.New(smtpfake.Config{Extensions: relay})
		client := must(smtp.New(plaintext(pipeTo(server))))
		defer closeAll(t, client, server)
		msg := newMessage(1)
		msg.Attachments = []mailer.Attachment{{Name: "a.bin", Content: mailer.Reader(readFunc(func([]byte) (int, error) {
			time.Sleep(40 * time.Second)
			return 0, io.EOF
		}))}}
		start := time.Now()
		receipt, err := client.Send(t.Context(), msg)
		if err != nil || receipt.Outcome != mailer.Accepted || len(server.Messages()) != 1 {
			t.Errorf("got %v, and the server took %d copies; want Accepted, 1", err, len(server.Messages()))
		}
		if took := time.Since(start); took < 40*time.Second {
			t.Errorf("took %v: the source was not waited for", took)
		}
	})
}
