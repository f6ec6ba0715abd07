package smtpwire

import (
	"errors"
	"io"
	"time"

	"github.com/mailkeel/mailkeel/internal/netconn"
	"github.com/mailkeel/mailkeel/mailer"
)

// Limits are the limits in time of a transaction. ctx, bound to the connection, comes first in each.
type Limits struct {
	// Envelope is until when the server may take to let the content come.
	Envelope time.Time
	// Step is how long the server may take for each reply before that, within Envelope; zero
	// means as long as there is.
	Step time.Duration
	// Commit is until when the last byte must be released; zero means no limit.
	Commit time.Time
	// Stall is how long the content may make no progress.
	Stall time.Duration
	// Patience is how long the reply to the content is waited for.
	Patience time.Duration
	// Committed means that the gate agreed already, over a connection that turned out Stale.
	Committed bool
}

// Body is the content: SizeBytes of the Envelope, the same at every call, CRLF at each
// line end and at its own end.
type Body interface {
	WriteTo(w io.Writer) (int64, error)
}

// A Result is what became of a transaction.
type Result struct {
	// Rcpt has a reply for each recipient that the server answered, in order. It is
	// valid until the next transaction on the connection.
	Rcpt []Reply
	// Final is the reply to the content. With a code, it decides about the accepted recipients.
	Final Reply
	// Released means that the last byte that the server needs has left us.
	Released bool
	// Committed means that the gate agreed to that.
	Committed bool
	// Err is what ended the transaction when no Final reply did.
	Err *Error
	// Stale means that a connection that had been idle turned out dead: nothing was
	// answered and nothing released. The message may be sent on another.
	Stale bool
	// Reusable means that the connection can take another transaction.
	Reusable bool
}

// transaction is one message on its way over a Conn.
type transaction struct {
	*Conn
	env     *Envelope
	body    Body
	gate    *mailer.Gate
	limits  Limits
	res     Result
	heard   bool // some reply was read
	refused bool // some recipient was
	atOdds  bool // something succeeded although MAIL was refused: the replies answer other commands

	block  netconn.Block // what is sent of the content
	dots   dotWriter
	octets countWriter
}

// Transact sends one message. ctx must have been bound. Unless the result says
// Reusable, the connection has been closed.
func (c *Conn) Transact(env *Envelope, body Body, gate *mailer.Gate, limits Limits) Result {
	t := &c.tx
	*t = transaction{Conn: c, env: env, body: body, gate: gate, limits: limits}
	c.replies = c.replies[:0]
	wasUsed := c.used
	t.run()
	c.used = true
	t.res.Rcpt = c.replies
	t.res.Stale = wasUsed && t.isStale()
	if t.res.Reusable = t.isReusable(); !t.res.Reusable {
		c.Abort()
	}
	res := t.res
	*t = transaction{} // let go of the message
	return res
}

func (t *transaction) run() {
	if err := t.checkEnvelope(); err != nil {
		t.res.Err = err
		return
	}
	t.SetLimit(t.stepLimit())
	t.gate.Mark(mailer.PhaseEnvelope)
	var err *Error
	switch {
	case t.oneFlight():
		err = t.sendAtOnce()
	case t.chunking():
		err = t.sendChunk()
	default:
		err = t.sendData()
	}
	t.res.Err = err
}

// stepLimit is until when the server may take for its next reply to the envelope.
func (t *transaction) stepLimit() time.Time {
	limit := t.limits.Envelope
	if t.limits.Step > 0 {
		if step := time.Now().Add(t.limits.Step); limit.IsZero() || step.Before(limit) {
			return step
		}
	}
	return limit
}

func (t *transaction) checkEnvelope() *Error {
	if !t.env.valid() {
		return &Error{Stage: StageMail, Err: ErrArgument}
	}
	return nil
}

func (t *transaction) chunking() bool { return t.ext.Chunking && !t.env.DisableChunking }

func (t *transaction) oneFlight() bool {
	return t.env.OneFlight && t.ext.Pipelining && t.chunking() && !t.env.AllOrNone && len(t.env.To) <= maxFlightRecipients
}

// refusal makes a reply that is not positive an error.
func (t *transaction) refusal(stage Stage, reply Reply) *Error {
	switch {
	case reply.OK():
		return nil
	case reply.Refused():
		return &Error{Stage: stage, Reply: reply}
	}
	return &Error{Stage: stage, Err: ErrReply}
}

// isRefusal tells a command that was refused, after which the conversation goes on,
// from one that ended it.
func (e *Error) isRefusal() bool { return e.Err == nil && e.Reply.Code != 421 }

// goAhead reports whether there is somebody to send the content to; the error says
// why not: all refused, or one with AllOrNone.
func (t *transaction) goAhead() *Error {
	accepted := 0
	var refused *Error
	for i := range t.replies {
		if t.replies[i].OK() {
			accepted++
		} else if refused == nil {
			refused = &Error{Stage: StageRcpt, Reply: t.replies[i]}
		}
	}
	if refused != nil && (accepted == 0 || t.env.AllOrNone) {
		return refused
	}
	return nil
}

// read reads one reply. A server that says 421 is closing (RFC 5321 section 3.8).
func (t *transaction) read(stage Stage) (Reply, *Error) {
	reply, err := t.readReply(stage == StageReply)
	if err != nil {
		return Reply{}, t.fail(stage, err)
	}
	if t.limits.Step > 0 && !t.res.Released {
		t.SetLimit(t.stepLimit())
	}
	if reply.Code == 421 && stage != StageReply {
		return Reply{}, &Error{Stage: stage, Reply: reply}
	}
	t.heard = true
	return reply, nil
}

// readFinal reads the reply that decides.
func (t *transaction) readFinal() *Error {
	reply, err := t.read(StageReply)
	if err != nil {
		return err
	}
	t.res.Final = reply
	t.gate.Mark(mailer.PhaseDone)
	if !reply.OK() && !reply.Refused() {
		return &Error{Stage: StageReply, Err: ErrReply}
	}
	t.unclean = false
	return nil
}

// awaitFinal lets the wait for the final reply begin.
func (t *transaction) awaitFinal() {
	limit := time.Time{}
	if _, ok := t.Context().Deadline(); !ok {
		limit = time.Now().Add(t.limits.Patience)
	}
	t.SetLimit(limit)
}

// isStale: the first thing that happened on a used connection was its end.
func (t *transaction) isStale() bool {
	err := t.res.Err
	if err == nil || t.heard || t.res.Released || t.Context().Err() != nil {
		return false
	}
	if err.Stage == StageContent {
		// In one flight, writing everything comes before the first reply.
		return t.oneFlight() && isTransportError(err.Err)
	}
	return err.Reply.Code == 421 || isTransportError(err.Err)
}

// isTransportError tells a connection that ended from a server that spoke nonsense,
// from limits that ran out and from what went wrong on our side.
func isTransportError(err error) bool {
	for _, other := range [...]error{ErrTimeout, ErrReply, ErrCancelled, ErrSource, ErrArgument, io.ErrUnexpectedEOF} {
		if errors.Is(err, other) {
			return false
		}
	}
	return err != nil
}

// isReusable: every reply that is due was read, nothing else was said, and what was
// said leaves no doubt.
func (t *transaction) isReusable() bool {
	if t.Aborted() || t.R.Buffered() > 0 || t.res.Final.Code == 421 {
		return false
	}
	if err := t.res.Err; err != nil {
		return err.isRefusal() && err.Stage < StageContent // later, a part of the content is out
	}
	return !(t.chunking() && t.res.Final.IsUnknownCommand()) // the octets are being read as commands
}
