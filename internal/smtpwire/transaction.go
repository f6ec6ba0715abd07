package smtpwire

import (
	"errors"
	"io"
	"strconv"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// Limits are the limits in time of a transaction. ctx, bound to the connection, comes first in each.
type Limits struct {
	// Envelope is until when the server may take to let the content come.
	Envelope time.Time
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
	env    *Envelope
	body   Body
	gate   *mailer.Gate
	limits Limits
	res    Result
	heard  bool // some reply was read

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
	t.setLimit(t.limits.Envelope)
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

// sendData: MAIL, RCPT and DATA in one flight where the server pipelines, and the
// content once it said 354.
func (t *transaction) sendData() *Error {
	together := t.ext.Pipelining && !t.env.AllOrNone
	if err := t.envelope(together); err != nil {
		return err
	}
	if !together {
		if err := t.goAhead(); err != nil {
			return err
		}
		t.out = append(t.out, "DATA\r\n"...)
		if err := t.flush(); err != nil {
			return t.fail(StageData, err)
		}
	}
	reply, err := t.read(StageData)
	if err != nil {
		return err
	}
	if reply.Code != 354 {
		t.unclean = true
		return t.refusedData(reply)
	}
	if err := t.goAhead(); err != nil {
		// The server waits for content although nobody is to get it. A lone dot might be
		// taken for an empty message (RFC 2920 section 3.1); closing cannot.
		t.Abort()
		return err
	}
	if err := t.inStep(StageContent); err != nil {
		return err
	}
	return t.sendContent(t.dotWriter())
}

// refusedData is DATA answered by something else than 354.
func (t *transaction) refusedData(reply Reply) *Error {
	if err := t.goAhead(); err != nil && reply.Refused() {
		return err // what was said about the recipients says more
	}
	if !reply.Refused() {
		return &Error{Stage: StageData, Err: ErrReply}
	}
	return &Error{Stage: StageData, Reply: reply}
}

// sendChunk: MAIL and RCPT, then the content as one BDAT LAST, whose octets are counted.
func (t *transaction) sendChunk() *Error {
	if err := t.envelope(false); err != nil {
		return err
	}
	if err := t.goAhead(); err != nil {
		return err
	}
	t.appendBdat()
	return t.sendContent(t.countWriter())
}

// sendAtOnce: everything in one flight. What was replied to MAIL and RCPT is read when
// the content is out already.
func (t *transaction) sendAtOnce() *Error {
	t.appendEnvelope(t.env.To, true)
	t.appendBdat()
	if err := t.writeContent(t.countWriter()); err != nil {
		return err
	}
	t.awaitFinal()
	refused := t.readEnvelope(len(t.env.To), true)
	if refused != nil && !refused.isRefusal() {
		return refused
	}
	if refused != nil {
		return t.drain(refused)
	}
	return t.readFinal()
}

func (t *transaction) appendBdat() {
	t.out = strconv.AppendInt(append(t.out, "BDAT "...), t.env.SizeBytes, 10)
	t.out = append(t.out, " LAST\r\n"...)
}

// envelope sends MAIL and all RCPT, in flights where the server pipelines, with DATA
// at the end of the last if that is asked for, and reads the replies to MAIL and RCPT.
func (t *transaction) envelope(withData bool) *Error {
	if t.unclean && !t.ext.Pipelining {
		if err := t.reset(); err != nil {
			return err
		}
	}
	rest, first := t.env.To, true
	for len(rest) > 0 || first {
		group := rest[:t.groupSize(len(rest), first)]
		rest = rest[len(group):]
		t.appendEnvelope(group, first)
		if withData && len(rest) == 0 {
			t.out = append(t.out, "DATA\r\n"...)
		}
		if err := t.flush(); err != nil {
			return t.fail(t.stageOf(first), err)
		}
		if err := t.readEnvelope(len(group), first); err != nil {
			if err.isRefusal() && withData && len(rest) == 0 {
				return t.drain(err)
			}
			return err
		}
		first = false
	}
	return nil
}

// reset ends a transaction that was begun, where nothing may be sent along with RSET.
func (t *transaction) reset() *Error {
	t.out = append(t.out, "RSET\r\n"...)
	if err := t.flush(); err != nil {
		return t.fail(StageMail, err)
	}
	reply, err := t.read(StageMail)
	if err != nil {
		return err
	}
	if !reply.OK() {
		return &Error{Stage: StageMail, Err: ErrReply}
	}
	t.unclean = false
	return nil
}

func (t *transaction) groupSize(left int, first bool) int {
	switch {
	case t.ext.Pipelining:
		return min(left, maxFlightRecipients)
	case first:
		return 0 // MAIL alone
	}
	return 1
}

func (t *transaction) stageOf(first bool) Stage {
	if first {
		return StageMail
	}
	return StageRcpt
}

func (t *transaction) appendEnvelope(group []string, first bool) {
	if first {
		if t.unclean {
			t.out = append(t.out, "RSET\r\n"...)
		}
		t.appendMail(t.env)
	}
	for _, to := range group {
		t.appendRcpt(t.env, to)
	}
}

// readEnvelope reads the replies to what appendEnvelope wrote. A refusal of MAIL is
// returned once the replies to the commands sent along with it have been read too.
func (t *transaction) readEnvelope(group int, first bool) *Error {
	var refused *Error
	if first {
		if t.unclean {
			if reply, err := t.read(StageMail); err != nil {
				return err
			} else if !reply.OK() {
				return &Error{Stage: StageMail, Err: ErrReply}
			}
		}
		reply, err := t.read(StageMail)
		if err != nil {
			return err
		}
		t.unclean = true // until the content has been answered
		if refused = t.refusal(StageMail, reply); refused != nil && !refused.isRefusal() {
			return refused
		}
	}
	for range group {
		reply, err := t.read(StageRcpt)
		if err != nil {
			return err
		}
		if refused != nil {
			continue // nothing could come of it
		}
		if err := t.refusal(StageRcpt, reply); err != nil && !err.isRefusal() {
			return err
		}
		t.replies = append(t.replies, reply)
	}
	return refused
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

// drain reads the reply to what was sent along with a refused MAIL, and must be a refusal too.
func (t *transaction) drain(refused *Error) *Error {
	if reply, err := t.read(StageData); err != nil || !reply.Refused() {
		t.Abort()
	}
	return refused
}

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
	if _, ok := t.ctx.Deadline(); !ok {
		limit = time.Now().Add(t.limits.Patience)
	}
	t.setLimit(limit)
}

// isStale: the first thing that happened on a used connection was its end.
func (t *transaction) isStale() bool {
	err := t.res.Err
	if err == nil || t.heard || t.res.Released || t.ctx.Err() != nil {
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
	if t.isAborted() || t.r.Buffered() > 0 || t.res.Final.Code == 421 {
		return false
	}
	return t.res.Err == nil || t.res.Err.isRefusal()
}

func (c *Conn) isAborted() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.aborted
}
