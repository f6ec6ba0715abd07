package apifake

import (
	"errors"
	"io"
	"math"
	"net/http"
	"sync"
)

// serve reads one request, of which the first byte is there, and answers it.
func (c *conn) serve() error {
	h, err := c.readHead()
	if errors.Is(err, errHead) {
		return c.refuseHead()
	}
	if err != nil {
		return err
	}
	s := c.takeStep()
	defer s.reach()
	h.Number = c.srv.record.head()
	return c.receive(h, s)
}

// takeStep returns the fault that the request meets: that of the connection, for its first
// request, or the next one.
func (c *conn) takeStep() *step {
	if s := c.step; s.Kind != None {
		c.step = newStep(Fault{})
		return s
	}
	return c.srv.faults.take(false)
}

// receive reads the body, as far as s and the limit let it.
func (c *conn) receive(h *head, s *step) error {
	switch {
	case s.Kind == CutInBody:
		if err := c.receivePart(h, s.After); err != nil {
			return err
		}
		return c.end(s)
	case s.Kind == EarlyReply:
		if err := c.receivePart(h, s.After); err != nil {
			return err
		}
		return c.say(h, s, s.replacement(), math.MaxInt64)
	case h.length >= c.srv.cfg.MaxBodyBytes:
		return c.refuseBody(h, s)
	}
	c.sayContinue(h)
	whole, err := c.readBody(h, c.srv.cfg.MaxBodyBytes)
	if err != nil {
		return err
	}
	if !whole {
		return c.refuseBody(h, s)
	}
	c.srv.record.arrived(&h.Request, !c.srv.cfg.Forget)
	return c.answer(h, s)
}

// receivePart reads the first bytes of the body. When it is no longer, it has arrived.
func (c *conn) receivePart(h *head, bytes int64) error {
	if bytes > 0 {
		c.sayContinue(h)
	}
	whole, err := c.readBody(h, bytes)
	if whole {
		c.srv.record.arrived(&h.Request, !c.srv.cfg.Forget)
	}
	return err
}

// sayContinue is for clients that wait for it (RFC 9110 section 10.1.1).
func (c *conn) sayContinue(h *head) {
	if h.waiting {
		h.waiting = false
		_, _ = io.WriteString(c.stream, "HTTP/1.1 100 Continue\r\n\r\n")
	}
}

// refuseHead answers what is not HTTP.
func (c *conn) refuseHead() error {
	s := newStep(Fault{})
	return c.say(&head{last: true}, s, HTMLPage(http.StatusBadRequest), math.MaxInt64)
}

// refuseBody answers while the body is unread, and then reads on so that the client can
// read the answer: it would be lost in a reset.
func (c *conn) refuseBody(h *head, s *step) error {
	if err := c.write(h, c.srv.cfg.TooLarge, s, math.MaxInt64); err != nil {
		return err
	}
	c.become(parked)
	c.hangUp()
	s.reach()
	_, _ = io.CopyN(io.Discard, c.in, lingerBytes)
	return errOver
}

// lingerBytes is how much of a refused body is read at most.
const lingerBytes = 256 << 20

// answer asks the handler, and does with its answer what s says.
func (c *conn) answer(h *head, s *step) error {
	if c.in.Buffered() > 0 {
		c.violate("request %d: a further request came before the reply", h.Number)
	}
	a := c.ask(&h.Request)
	if s.accepts() && a.Commit != nil {
		a.Commit()
	}
	for _, reply := range s.Interim {
		if _, err := io.WriteString(c.stream, reply); err != nil {
			return err
		}
	}
	if s.delays() && !c.hold(s, s.Hold) {
		return errOver
	}
	return c.reply(h, s, a)
}

// ask calls the handler, and answers in its place if it panics.
func (c *conn) ask(r *Request) (a Answer) {
	defer func() {
		if p := recover(); p != nil {
			c.violate("request %d: the handler panicked: %v", r.Number, p)
			a = HTMLPage(http.StatusInternalServerError)
		}
	}()
	a = c.srv.cfg.Handler(r)
	if commit := a.Commit; commit != nil {
		a.Commit = sync.OnceFunc(commit)
	}
	return a
}

// accepts reports whether the handler's decision to accept a message stands.
func (s *step) accepts() bool {
	switch s.Kind {
	case Replace, Withhold, Silence, CutReply, Raw:
		return s.Accept
	}
	return true
}

// replacement returns the answer of the fault, after its own commit.
func (s *step) replacement() Answer {
	if s.Answer.Commit != nil {
		s.Answer.Commit()
	}
	return s.Answer
}

// delays reports whether s has a Hold before its reply.
func (s *step) delays() bool {
	switch s.Kind {
	case None, Replace, NoiseAfter:
		return s.Hold != nil
	}
	return false
}

// reply sends what s leaves of the handler's answer.
func (c *conn) reply(h *head, s *step, a Answer) error {
	switch s.Kind {
	case Replace:
		return c.say(h, s, s.replacement(), math.MaxInt64)
	case Withhold:
		return c.end(s)
	case Silence:
		c.hold(s, nil)
		return c.end(s)
	case CutReply:
		if s.Answer.Status != 0 {
			a = s.replacement()
		}
		return c.say(h, s, a, s.After)
	case NoiseAfter:
		return c.sayAndBreak(h, s, a)
	case Raw:
		if _, err := c.stream.Write(s.RawReply); err != nil {
			return err
		}
		return c.end(s)
	}
	return c.say(h, s, a, math.MaxInt64)
}

// noise is no reply to anything.
const noise = "\x00\x01 421 nonsense \xff\xfe\r\n\r\nHTTP/9.9 ???\r\n"

func (c *conn) sayAndBreak(h *head, s *step, a Answer) error {
	if err := c.write(h, a, s, math.MaxInt64); err != nil {
		return err
	}
	_, _ = io.WriteString(c.stream, noise)
	c.link.reset()
	return errOver
}

// say sends the first most bytes of a, and ends the connection where a, s or the
// client wants it ended. An error means that it is.
func (c *conn) say(h *head, s *step, a Answer, most int64) error {
	if s.Kind == EarlyReply || s.Kind == CutReply {
		h.last = true
	}
	if err := c.write(h, a, s, most); err != nil {
		return err
	}
	switch {
	case s.Kind == EarlyReply && !s.Reset:
		return c.park(s)
	case h.last || hasToken(a.Header, "Connection", "close"):
		return c.end(s)
	}
	return nil
}
