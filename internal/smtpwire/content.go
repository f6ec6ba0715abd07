package smtpwire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// A contentWriter takes the content and puts it onto the wire, holding back the last
// of it, without which the server has no message, for release.
type contentWriter interface {
	io.Writer
	// finish completes what is held back.
	finish() *Error
}

// sendContent sends the content and reads the reply to it.
func (t *transaction) sendContent(w contentWriter) *Error {
	if err := t.writeContent(w); err != nil {
		return err
	}
	t.awaitFinal()
	return t.readFinal()
}

// writeContent sends the content up to its end, asks the gate, and releases the rest.
func (t *transaction) writeContent(w contentWriter) *Error {
	t.block.Begin(&t.Conn.Conn, t.limits.Stall, t.limits.Commit)
	defer t.block.Free()
	t.block.Set(append(t.block.Append(), t.out...)) // a flight goes out with the first block
	t.out = t.out[:0]
	t.gate.Mark(mailer.PhaseContent)
	n, err := t.body.WriteTo(w)
	switch {
	case t.block.Err() != nil:
		return t.lostInContent(t.block.Err())
	case err != nil:
		return &Error{Stage: StageContent, Err: fmt.Errorf("%w: %w", ErrSource, err)}
	case n != t.env.SizeBytes:
		return &Error{Stage: StageContent, Err: fmt.Errorf("%w: %d bytes instead of %d", ErrSource, n, t.env.SizeBytes)}
	}
	if err := w.finish(); err != nil {
		return err
	}
	return t.release()
}

// release lets the last byte go, if the gate agrees.
func (t *transaction) release() *Error {
	if err := t.inStepBeforeRelease(); err != nil {
		return err
	}
	if ctxErr := t.Context().Err(); ctxErr != nil {
		return &Error{Stage: StageContent, Err: ctxErr}
	}
	if c := t.limits.Commit; !c.IsZero() && !time.Now().Before(c) {
		return &Error{Stage: StageContent, Err: ErrTimeout}
	}
	if t.res.Committed = t.limits.Committed || t.gate.Commit(); !t.res.Committed {
		return &Error{Stage: StageContent, Err: ErrCancelled}
	}
	var err error
	if t.res.Released, err = t.block.Release(); err != nil {
		if t.res.Released {
			return t.fail(StageReply, err)
		}
		return t.lostInContent(err)
	}
	return nil
}

// inStepBeforeRelease: a reply that came before the content was complete is not about
// it. In one flight the replies to the envelope may well be there already.
func (t *transaction) inStepBeforeRelease() *Error {
	if t.oneFlight() || !t.HasMore() {
		return nil
	}
	reply, err := t.readReply(true)
	if err != nil || !reply.Refused() {
		return &Error{Stage: StageContent, Err: ErrReply}
	}
	return &Error{Stage: StageContent, Reply: reply}
}

// lastWords is how long a server that broke off is listened to for the reason.
const lastWords = 250 * time.Millisecond

// lostInContent is a write that failed. The server may have said why before it closed.
func (t *transaction) lostInContent(cause error) *Error {
	lost := t.fail(StageContent, cause)
	if t.Context().Err() != nil || errors.Is(lost.Err, ErrTimeout) {
		return lost
	}
	if !t.oneFlight() {
		t.SetLimit(time.Now().Add(lastWords))
		if reply, err := t.readReply(true); err == nil && reply.Refused() {
			lost.Err, lost.Reply = nil, reply
		}
	}
	t.Abort()
	return lost
}

// A dotWriter is the content of DATA: a dot that begins a line is doubled (RFC 5321
// section 4.5.2), and what is held back is the lone dot.
type dotWriter struct {
	t    *transaction
	tail [2]byte // the last two bytes written
}

func (t *transaction) dotWriter() *dotWriter {
	t.dots = dotWriter{t, [2]byte{'\r', '\n'}}
	return &t.dots
}

func (w *dotWriter) Write(p []byte) (int, error) {
	block, n := &w.t.block, len(p)
	if n == 0 {
		return 0, block.Err()
	}
	if p[0] == '.' && w.tail[1] == '\n' {
		block.Write(dot)
	}
	last := [2]byte{w.tail[1], p[n-1]}
	if n > 1 {
		last[0] = p[n-2]
	}
	w.tail = last
	for {
		i := bytes.Index(p, lineDot)
		if i < 0 {
			break
		}
		block.Write(p[:i+2])
		block.Write(dot)
		p = p[i+2:]
	}
	block.Write(p)
	return n, block.Err()
}

var (
	dot     = []byte(".")
	lineDot = []byte("\n.")
)

func (w *dotWriter) finish() *Error {
	if w.tail != [2]byte{'\r', '\n'} {
		return &Error{Stage: StageContent, Err: fmt.Errorf("%w: it does not end in CRLF", ErrSource)}
	}
	w.t.block.Set(append(w.t.block.Append(), ".\r\n"...))
	return nil
}

// A countWriter is the content of BDAT: octets as they are, the last of them held back.
type countWriter struct {
	t    *transaction
	left int64
}

func (t *transaction) countWriter() *countWriter {
	t.octets = countWriter{t, t.env.SizeBytes}
	return &t.octets
}

func (w *countWriter) Write(p []byte) (int, error) {
	block, n := &w.t.block, len(p)
	if int64(n) > w.left {
		return 0, fmt.Errorf("more than %d bytes", w.t.env.SizeBytes)
	}
	if w.left -= int64(n); w.left > 0 || n == 0 {
		block.Write(p)
	} else {
		block.Last(p)
	}
	return n, block.Err()
}

func (w *countWriter) finish() *Error { return nil }
