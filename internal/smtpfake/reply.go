package smtpfake

import (
	"io"
	"strconv"
	"strings"

	"github.com/mailkeel/mailkeel/internal/faultconn"
)

// A reply is one reply of the server. Text holds lines parted by "\n".
type reply struct {
	code     int
	enhanced string // class.subject.detail, empty where none belongs (RFC 2034 section 4)
	text     string
	verbatim bool // text is complete, code included: a hook's
}

func say(code int, enhanced, text string) reply {
	return reply{code: code, enhanced: enhanced, text: text}
}

func (r reply) positive() bool     { return r.code/100 == 2 }
func (r reply) intermediate() bool { return r.code/100 == 3 }
func (r reply) none() bool         { return r.code == 0 && r.text == "" }

// verbatimReply takes the code from the last line, as a client does.
func verbatimReply(text string) reply {
	last := text[strings.LastIndexByte(text, '\n')+1:]
	code, err := strconv.Atoi(last[:min(3, len(last))])
	if err != nil {
		code = 0
	}
	return reply{code: code, text: text, verbatim: true}
}

// append writes r as it goes onto the wire.
func (r reply) append(b []byte, enhanced bool) []byte {
	for rest, more := r.text, true; more; {
		var line string
		line, rest, more = strings.Cut(rest, "\n")
		if !r.verbatim {
			b = strconv.AppendInt(b, int64(r.code), 10)
			if more {
				b = append(b, '-')
			} else {
				b = append(b, ' ')
			}
			if enhanced && r.enhanced != "" {
				b = append(append(b, r.enhanced...), ' ')
			}
		}
		b = append(append(b, line...), '\r', '\n')
	}
	return b
}

// A decision is what the server will do at a point, after the hook had its say.
type decision struct {
	reply
	Action
}

// accepts reports what becomes of the message at Content. Raw and Silent are faults
// that come after the decision, so they play no part.
func (d decision) accepts() bool {
	switch d.Decision {
	case Accept:
		return true
	case Refuse:
		return false
	}
	return d.positive()
}

// decide asks the hook about the server's own reply.
func (c *session) decide(p Point, arg string, own reply) decision {
	d := decision{reply: own}
	if c.cfg.Hook == nil {
		return d
	}
	c.seen[p]++
	e := Event{
		Point: p, Conn: c.number, Seen: c.srv.seen(p), SeenHere: c.seen[p], Arg: arg,
		From: c.tx.from, Recipients: c.tx.rcpts, Data: c.tx.body.data,
	}
	if !own.none() {
		e.Reply = strings.TrimSuffix(string(own.append(nil, c.enhanced())), "\r\n")
	}
	d.Action = c.cfg.Hook(&e)
	if d.Action.Reply != "" {
		d.reply = verbatimReply(d.Action.Reply)
	}
	return d
}

// answer is decide and send where nothing else depends on the reply.
func (c *session) answer(p Point, arg string, own reply) error {
	return c.send(c.decide(p, arg, own))
}

// send carries a decision out.
func (c *session) send(d decision) error {
	if d.Wait != nil {
		// What came before is not held back with this reply.
		if err := c.wire.flush(); err != nil {
			return err
		}
		select {
		case <-d.Wait:
		case <-c.srv.done:
			return errOver
		}
	}
	c.out = c.out[:0]
	switch {
	case d.Raw != "":
		c.out = append(c.out, d.Raw...)
	case !d.Silent && !d.reply.none():
		c.out = d.reply.append(c.out, c.enhanced())
	}
	c.wire.write(c.out)
	if !c.srv.record.quiet && len(c.out) > 0 {
		for text := range strings.SplitSeq(strings.TrimSuffix(string(c.out), "\r\n"), "\r\n") {
			c.note('S', text)
		}
	}
	return c.finish(d.Then)
}

// finish does what a hook ordered for after a reply.
func (c *session) finish(then Ending) error {
	if then == Continue {
		return nil
	}
	if err := c.wire.flush(); err != nil {
		return err
	}
	switch then {
	case FIN:
		c.closeInOrder()
	case RST:
		faultconn.Reset(c.conn)
	case Hang:
		_, _ = io.Copy(io.Discard, c.raw)
	}
	return errOver
}
