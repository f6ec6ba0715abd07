package smtpwire

import (
	"strconv"
	"strings"
	"time"

	"github.com/mailkeel/mailkeel/internal/netconn"
)

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
		return t.refusedAtOnce(refused)
	}
	if err := t.readFinal(); err != nil {
		return err
	}
	if t.goAhead() != nil && t.res.Final.OK() || t.hasExtraReply() {
		return t.outOfStep() // accepted for nobody, or one reply too many
	}
	return nil
}

// hasExtraReply reports whether more was said than was asked for, other than that the
// server is closing, as far as that shows without waiting.
func (t *transaction) hasExtraReply() bool {
	if !t.HasMore() {
		return false
	}
	t.SetLimit(time.Now().Add(netconn.Probe))
	next, err := t.R.Peek(3)
	return err == nil && string(next) != "421"
}

// refusedAtOnce is MAIL refused with everything behind it under way already. The refusal
// holds only if nothing that came after it was granted.
func (t *transaction) refusedAtOnce(refused *Error) *Error {
	reply, err := t.read(StageReply)
	if t.atOdds || err == nil && reply.OK() {
		return t.outOfStep()
	}
	if err != nil || !reply.Refused() || reply.Code == 421 || reply.IsUnknownCommand() {
		t.Abort()
	}
	return refused
}

// outOfStep: no reply can be taken for the answer to the command it stands opposite to.
func (t *transaction) outOfStep() *Error {
	t.replies = t.replies[:0]
	return &Error{Stage: StageReply, Err: ErrReply}
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
	if err := t.readReset(); err != nil {
		return err
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
	if first && t.unclean {
		if err := t.readReset(); err != nil {
			return err
		}
	}
	if first {
		if err := t.readMail(); err != nil {
			if err.isRefusal() {
				return t.readInVain(group, err)
			}
			return err
		}
	}
	for range group {
		reply, err := t.read(StageRcpt)
		if err == nil {
			err = t.refusal(StageRcpt, reply)
		}
		if err != nil && !err.isRefusal() {
			return err
		}
		t.replies = append(t.replies, t.kept(reply))
	}
	return nil
}

// kept is what stays in memory of a reply to RCPT, of which there may be any number: all of the
// first refusal, which may end the message, and no more than a reason of the others.
func (t *transaction) kept(reply Reply) Reply {
	switch {
	case reply.OK():
		reply.Text = ""
	case t.refused && len(reply.Text) > maxReason:
		reply.Text = strings.Clone(reply.Text[:maxReason])
	}
	t.refused = t.refused || reply.Refused()
	return reply
}

func (t *transaction) readReset() *Error {
	reply, err := t.read(StageMail)
	if err == nil && !reply.OK() {
		err = &Error{Stage: StageMail, Err: ErrReply}
	}
	return err
}

func (t *transaction) readMail() *Error {
	reply, err := t.read(StageMail)
	if err != nil {
		return err
	}
	t.unclean = true // until the content has been answered
	return t.refusal(StageMail, reply)
}

// readInVain reads the replies to n RCPT that came along with a refused MAIL. The
// refusal stands if the server hangs up meanwhile; in one flight, where only the further
// replies show that it was the answer to MAIL, it does not.
func (t *transaction) readInVain(n int, refused *Error) *Error {
	for range n {
		reply, err := t.read(StageRcpt)
		switch {
		case err != nil && (t.oneFlight() || t.Context().Err() != nil):
			return err
		case err != nil:
			t.Abort()
			return refused
		}
		t.atOdds = t.atOdds || reply.OK()
	}
	return refused
}

// drain reads the reply to what was sent along with a refused MAIL, and must be a refusal too.
func (t *transaction) drain(refused *Error) *Error {
	if reply, err := t.read(StageData); err != nil || !reply.Refused() {
		t.Abort()
	}
	return refused
}
