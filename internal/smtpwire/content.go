package smtpwire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// A contentWriter takes the content and puts it onto the wire, holding back the last
// of it, without which the server has no message, for release.
type contentWriter interface {
	io.Writer
	// finish completes what is held back in the flight's buffer.
	finish() *Error
	// failed returns the transport's error, nil if it was not the transport that failed.
	failed() error
}

const (
	// blockBytes is the size of the buffer that content is gathered in.
	blockBytes = 32 << 10
	// stepBytes is how much is written at once under one stall limit.
	stepBytes = 256 << 10
)

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
	block, _ := blocks.Get().(*[]byte)
	head := t.out // a flight that goes out with the first block
	t.out = append((*block)[:0], head...)
	defer func() {
		*block, t.out = t.out[:0], head[:0]
		blocks.Put(block)
	}()
	t.gate.Mark(mailer.PhaseContent)
	n, err := t.body.WriteTo(w)
	switch {
	case w.failed() != nil:
		return t.lostInContent(w.failed())
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

var blocks = sync.Pool{New: func() any {
	b := make([]byte, 0, blockBytes+blockBytes/2)
	return &b
}}

// release lets the last byte go, if the gate agrees.
func (t *transaction) release() *Error {
	if err := t.inStepBeforeRelease(); err != nil {
		return err
	}
	if ctxErr := t.ctx.Err(); ctxErr != nil {
		return &Error{Stage: StageContent, Err: ctxErr}
	}
	now := time.Now()
	if c := t.limits.Commit; !c.IsZero() && !now.Before(c) {
		return &Error{Stage: StageContent, Err: ErrTimeout}
	}
	if t.res.Committed = t.limits.Committed || t.gate.Commit(); !t.res.Committed {
		return &Error{Stage: StageContent, Err: ErrCancelled}
	}
	t.setLimit(now.Add(t.limits.Stall))
	n, err := t.nc.Write(t.out)
	// A writer that took everything has let the last byte go, whatever else it says.
	t.res.Released = n == len(t.out) || !countsAreExact && isCutShort(err)
	if err != nil {
		if t.res.Released {
			return t.fail(StageReply, err)
		}
		return t.lostInContent(err)
	}
	return nil
}

// isCutShort: the write was under way when it was stopped.
func isCutShort(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, net.ErrClosed)
}

// inStepBeforeRelease: a reply that came before the content was complete is not about
// it. In one flight the replies to the envelope may well be there already.
func (t *transaction) inStepBeforeRelease() *Error {
	if t.oneFlight() || !t.hasMore() {
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
	if t.ctx.Err() != nil || errors.Is(lost.Err, ErrTimeout) {
		return lost
	}
	if !t.oneFlight() {
		t.setLimit(time.Now().Add(lastWords))
		if reply, err := t.readReply(true); err == nil && reply.Refused() {
			lost.Err, lost.Reply = nil, reply
		}
	}
	t.Abort()
	return lost
}

// put writes p, with a limit on each step of it.
func (t *transaction) put(p []byte) error {
	for len(p) > 0 {
		limit := time.Now().Add(t.limits.Stall)
		if c := t.limits.Commit; !c.IsZero() && c.Before(limit) {
			limit = c
		}
		t.setLimit(limit)
		n, err := t.nc.Write(p[:min(len(p), stepBytes)])
		if err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// A blockWriter gathers small writes and lets large ones pass without a copy.
type blockWriter struct {
	t   *transaction
	err error
}

func (w *blockWriter) failed() error { return w.err }

func (w *blockWriter) write(p []byte) {
	t := w.t
	if w.err != nil {
		return
	}
	if len(t.out)+len(p) <= blockBytes {
		t.out = append(t.out, p...)
		return
	}
	if len(t.out) > 0 {
		fill := 0
		if len(p) < blockBytes {
			fill = blockBytes - min(len(t.out), blockBytes)
		}
		t.out = append(t.out, p[:fill]...)
		p = p[fill:]
		if w.err = t.put(t.out); w.err != nil {
			return
		}
		t.out = t.out[:0]
	}
	if len(p) < blockBytes {
		t.out = append(t.out, p...)
		return
	}
	w.err = t.put(p)
}

// A dotWriter is the content of DATA: a dot that begins a line is doubled (RFC 5321
// section 4.5.2), and what is held back is the lone dot.
type dotWriter struct {
	blockWriter
	tail [2]byte // the last two bytes written
}

func (t *transaction) dotWriter() *dotWriter {
	t.dots = dotWriter{blockWriter{t: t}, [2]byte{'\r', '\n'}}
	return &t.dots
}

func (w *dotWriter) Write(p []byte) (int, error) {
	n := len(p)
	if n == 0 {
		return 0, w.err
	}
	if p[0] == '.' && w.tail[1] == '\n' {
		w.write(dot)
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
		w.write(p[:i+2])
		w.write(dot)
		p = p[i+2:]
	}
	w.write(p)
	return n, w.err
}

var (
	dot     = []byte(".")
	lineDot = []byte("\n.")
)

func (w *dotWriter) finish() *Error {
	t := w.t
	if w.tail != [2]byte{'\r', '\n'} {
		return &Error{Stage: StageContent, Err: fmt.Errorf("%w: it does not end in CRLF", ErrSource)}
	}
	t.out = append(t.out, ".\r\n"...)
	return nil
}

// A countWriter is the content of BDAT: octets as they are, the last of them held back.
type countWriter struct {
	blockWriter
	left int64
}

func (t *transaction) countWriter() *countWriter {
	t.octets = countWriter{blockWriter{t: t}, t.env.SizeBytes}
	return &t.octets
}

// heldBack is how much of a large last write waits for the gate.
const heldBack = 1 << 10

func (w *countWriter) Write(p []byte) (int, error) {
	n := len(p)
	if int64(n) > w.left {
		return 0, fmt.Errorf("more than %d bytes", w.t.env.SizeBytes)
	}
	if w.left -= int64(n); w.left > 0 || n == 0 {
		w.write(p)
		return n, w.err
	}
	cut := max(0, n-heldBack)
	w.write(p[:cut])
	if w.err == nil {
		w.t.out = append(w.t.out, p[cut:]...)
	}
	return n, w.err
}

func (w *countWriter) finish() *Error { return nil }
