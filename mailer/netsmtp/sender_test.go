package netsmtp_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/mailertest"
	"github.com/mailkeel/mailkeel/mailer/netsmtp"
)

// setSender sets s for the rest of the test.
func setSender(t *testing.T, s mailer.Sender) {
	t.Helper()
	netsmtp.SetSender(s)
	t.Cleanup(func() { netsmtp.SetSender(nil) })
}

// TestSetSender: Difference 14. The message goes through the Sender as it is, but for Bcc, to the
// envelope's recipients, and nobody connects to addr.
func TestSetSender(t *testing.T) {
	server := smtpfake.Start(t, smtpfake.Config{})
	recorder := new(mailertest.Recorder)
	setSender(t, recorder)
	msg := "From: Ann <ann@example.com>\r\nTo: bob@example.net\r\nBcc: cid@example.net\r\n\r\nHello\r\n"
	if err := netsmtp.SendMail(server.Addr(), logIn, "bounces@example.com", both, []byte(msg)); err != nil {
		t.Fatal(err)
	}
	m := recorder.Last()
	if m == nil || m.EnvelopeFrom() != "bounces@example.com" || !slices.Equal(m.Recipients(), both) || !m.AllOrNone {
		t.Fatalf("got %+v", m)
	}
	if raw := read(t, m.Raw); raw != strings.Replace(msg, "Bcc: cid@example.net\r\n", "", 1) {
		t.Errorf("got %q", raw)
	}
	if server.Stats().Conns != 0 {
		t.Error("addr was connected to")
	}

	netsmtp.SetSender(nil)
	if err := netsmtp.SendMail(server.Addr(), nil, from, both, message); err != nil || server.Stats().Conns != 1 {
		t.Errorf("without a Sender again: %v", err)
	}
}

func read(t *testing.T, c mailer.Content) string {
	t.Helper()
	r, err := c.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	all, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(all)
}

// TestSenderWithoutRaw: what a Sender lacks is no reason to keep the message from it; it
// parses it, or refuses it.
func TestSenderWithoutRaw(t *testing.T) {
	recorder := &mailertest.Recorder{Profile: mailertest.Profile{Lacks: mailer.FeatureRaw}}
	setSender(t, recorder)
	if err := netsmtp.SendMail("", nil, from, both, message); !errors.Is(err, mailer.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
}

// TestSenderNullPath: bounces have no return path, and an author in the header.
func TestSenderNullPath(t *testing.T) {
	recorder := new(mailertest.Recorder)
	setSender(t, recorder)
	if err := netsmtp.SendMail("", nil, "", both, message); err != nil {
		t.Fatal(err)
	}
	if m := recorder.Last(); m.EnvelopeFrom() != "" || m.From.Address != from {
		t.Errorf("from %q, %v", m.EnvelopeFrom(), m.From)
	}
	for _, header := range []string{"Subject: nobody's", "From:", "From: ,", "From: Nightly Monitor Robot:;", "From", ""} {
		err := netsmtp.SendMail("", nil, "", both, []byte(header+"\r\n\r\n"))
		if e := sendError(t, err); e.Scope != mailer.ScopeCaller || !errors.Is(err, mailer.ErrInvalidMessage) {
			t.Errorf("%q: %v", header, err)
		}
	}
}

type senderFunc func(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error)

func (f senderFunc) Send(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
	return f(ctx, msg)
}

// TestSenderErrors: the Sender's account is SendMail's; an error without one means that nothing is known.
func TestSenderErrors(t *testing.T) {
	refused := &mailer.SendError{Receipt: &mailer.Receipt{}, Outcome: mailer.NotAccepted, Scope: mailer.ScopeRate}
	plain := errors.New("some error")
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, "ours")
	for _, given := range []error{nil, refused, plain} {
		setSender(t, senderFunc(func(ctx context.Context, _ *mailer.Message) (*mailer.Receipt, error) {
			if ctx.Value(key{}) != "ours" {
				t.Error("ctx is not passed on")
			}
			return nil, given
		}))
		err := netsmtp.SendMailContext(ctx, "", nil, from, both, message)
		if !errors.Is(err, given) || errors.Is(err, mailer.ErrUnknownOutcome) != (given == plain) {
			t.Errorf("of %v: %v", given, err)
		}
		if err := netsmtp.SendMailContext(ctx, "", nil, from+"\r\n", both, message); sendError(t, err).Outcome != mailer.NotAccepted {
			t.Errorf("an address with a line end: %v", err)
		}
	}
}

// TestSetSenderWhileSending: the Sender may be set at any time.
func TestSetSenderWhileSending(t *testing.T) {
	setSender(t, new(mailertest.Recorder))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				if err := netsmtp.SendMail("", nil, from, both, message); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for range 50 {
				netsmtp.SetSender(new(mailertest.Recorder))
			}
		})
	}
	wg.Wait()
}
