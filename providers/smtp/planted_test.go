package smtp_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// senderFunc makes a function a Sender.
type senderFunc func(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error)

func (f senderFunc) Send(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
	return f(ctx, msg)
}

// judged makes a bug of a function that changes what a correct sender said.
func judged(change func(r *mailer.Receipt, e *mailer.SendError) (*mailer.Receipt, error)) bug {
	return bug{sender: func(s mailer.Sender) mailer.Sender {
		return senderFunc(func(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
			receipt, err := s.Send(ctx, msg)
			return change(receipt, mailer.AsSendError(err))
		})
	}}
}

// repeated makes a bug of a function that says when a message is sent once more.
func repeated(again func(e *mailer.SendError) bool) bug {
	return bug{sender: func(s mailer.Sender) mailer.Sender {
		return senderFunc(func(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
			receipt, err := s.Send(ctx, msg)
			if again(mailer.AsSendError(err)) {
				return s.Send(ctx, msg)
			}
			return receipt, err
		})
	}}
}

// all gives every recipient the same verdict.
func all(r *mailer.Receipt, o mailer.Outcome) *mailer.Receipt {
	changed := *r
	changed.Outcome, changed.Recipients = o, slices.Clone(r.Recipients)
	for i := range changed.Recipients {
		changed.Recipients[i].Outcome = o
	}
	return &changed
}

func failed(r *mailer.Receipt, o mailer.Outcome) error {
	r = all(r, o)
	return &mailer.SendError{Receipt: r, Outcome: o, Err: errors.New("planted")}
}

func answer(r *mailer.Receipt, e *mailer.SendError) (*mailer.Receipt, error) {
	if e == nil {
		return r, nil
	}
	return r, e
}

// plantedBugs are mistakes that other clients make, and some that only one with verdicts can.
var plantedBugs = []struct {
	name string
	bug  bug
}{
	{"a lost reply is a refusal", judged(func(r *mailer.Receipt, e *mailer.SendError) (*mailer.Receipt, error) {
		if e != nil && e.Outcome == mailer.Unknown {
			return nil, failed(e.Receipt, mailer.NotAccepted)
		}
		return answer(r, e)
	})},
	{"a lost reply is an acceptance", judged(func(r *mailer.Receipt, e *mailer.SendError) (*mailer.Receipt, error) {
		if e != nil && e.Outcome == mailer.Unknown && !errors.Is(e, context.DeadlineExceeded) {
			return all(e.Receipt, mailer.Accepted), nil
		}
		return answer(r, e)
	})},
	{"every error is unknown", judged(func(r *mailer.Receipt, e *mailer.SendError) (*mailer.Receipt, error) {
		if e != nil && e.Outcome == mailer.NotAccepted {
			return nil, failed(e.Receipt, mailer.Unknown)
		}
		return answer(r, e)
	})},
	{"noise after acceptance is an error", judged(func(r *mailer.Receipt, e *mailer.SendError) (*mailer.Receipt, error) {
		if e == nil {
			return nil, failed(r, mailer.NotAccepted)
		}
		return answer(r, e)
	})},
	{"unknown after acceptance, with an error that speaks of acceptance", judged(func(r *mailer.Receipt, e *mailer.SendError) (*mailer.Receipt, error) {
		if e == nil {
			return nil, failed(r, mailer.Accepted)
		}
		return answer(r, e)
	})},
	{"a refused recipient is hidden by the others", judged(func(r *mailer.Receipt, e *mailer.SendError) (*mailer.Receipt, error) {
		if e != nil && e.Outcome == mailer.PartlyAccepted {
			return all(r, mailer.Accepted), nil
		}
		return answer(r, e)
	})},
	{"a refused recipient refuses all", judged(func(r *mailer.Receipt, e *mailer.SendError) (*mailer.Receipt, error) {
		if e != nil && e.Outcome == mailer.PartlyAccepted {
			return nil, failed(r, mailer.NotAccepted)
		}
		return answer(r, e)
	})},
	{"errors without a verdict", judged(func(r *mailer.Receipt, e *mailer.SendError) (*mailer.Receipt, error) {
		if e != nil {
			return nil, errors.New("send failed")
		}
		return r, nil
	})},
	{"success without a receipt", judged(func(_ *mailer.Receipt, e *mailer.SendError) (*mailer.Receipt, error) { return answer(nil, e) })},
	{"results for some recipients only", judged(func(r *mailer.Receipt, e *mailer.SendError) (*mailer.Receipt, error) {
		if e == nil && len(r.Recipients) > 1 {
			r.Recipients = r.Recipients[:1]
		}
		return answer(r, e)
	})},
	{"an attempt that is not in the account", judged(func(r *mailer.Receipt, e *mailer.SendError) (*mailer.Receipt, error) {
		if e == nil {
			r.Attempts = nil
		}
		return answer(r, e)
	})},
	{"sends again when the reply was lost", repeated(func(e *mailer.SendError) bool { return e != nil && e.Outcome == mailer.Unknown })},
	{"sends again after success", repeated(func(e *mailer.SendError) bool { return e == nil })},
	{"sends to all again when some were refused", repeated(func(e *mailer.SendError) bool {
		return e != nil && e.Outcome == mailer.PartlyAccepted
	})},
	{"returns late", bug{sender: func(s mailer.Sender) mailer.Sender {
		return senderFunc(func(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
			receipt, err := s.Send(ctx, msg)
			if ctx.Err() != nil {
				time.Sleep(time.Second)
			}
			return receipt, err
		})
	}}},
	{"ends the content when it closes", bug{wire: func(c net.Conn) net.Conn { return terminatingConn{c} }}},
	{"spoils the content", bug{wire: func(c net.Conn) net.Conn {
		return &editedConn{c, func(p []byte) []byte { return bytes.ReplaceAll(p, []byte("..a line"), []byte(".a line")) }}
	}}},
	{"loses a line of the content", bug{wire: func(c net.Conn) net.Conn {
		return &editedConn{c, func(p []byte) []byte {
			if i := bytes.Index(p, []byte("Bye\r\n")); i >= 0 {
				return append(slices.Clone(p[:i]), p[i+len("Bye\r\n"):]...)
			}
			return p
		}}
	}}},
	{"leaves connections open", bug{wire: func(c net.Conn) net.Conn { return unclosedConn{c} }}},
}

// TestPlantedBugs makes sure that the rig sees what it is there for.
func TestPlantedBugs(t *testing.T) {
	var shapes []*shape
	for i := range cutShapes {
		switch cutShapes[i].name {
		case "pipelined, three recipients", "one refused of three", "second message, DATA", "chunking, one flight":
			shapes = append(shapes, &cutShapes[i])
		}
	}
	for _, c := range plantedBugs {
		t.Run(c.name, func(t *testing.T) {
			caught := 0
			for _, s := range shapes {
				caught += s.catch(t, c.bug)
			}
			if caught == 0 {
				t.Error("the rig saw nothing")
			}
			t.Logf("caught %d times", caught)
		})
	}
}

// catch returns how often b came to light in s.
func (s *shape) catch(t *testing.T, b bug) (caught int) {
	t.Helper()
	msg, contents := s.prepare(t)
	clean := s.try(t, msg, cut{}, bug{})
	for _, c := range cutsOf(clean, 10+stride()) {
		if len(s.try(t, msg, c, b).contradictions(contents...)) > 0 {
			caught++
		}
	}
	return caught
}

// terminatingConn ends whatever is under way with a dot, as a deferred Close of a content writer does.
type terminatingConn struct{ net.Conn }

func (c terminatingConn) Close() error {
	_ = c.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = c.Write([]byte("\r\n.\r\n"))
	return c.Conn.Close()
}

// unclosedConn forgets to close.
type unclosedConn struct{ net.Conn }

func (c unclosedConn) Close() error { return c.SetDeadline(time.Unix(1, 0)) }

// editedConn changes what is written.
type editedConn struct {
	net.Conn
	edit func(p []byte) []byte
}

func (c *editedConn) Write(p []byte) (int, error) {
	if _, err := c.Conn.Write(c.edit(p)); err != nil {
		return 0, err
	}
	return len(p), nil
}
