package smtpfake

import (
	"strconv"
	"strings"
)

// bdat takes a chunk and answers BDAT (RFC 3030 section 2). The octets follow the
// command whatever becomes of it.
func (c *session) bdat(arg string) error {
	if !c.extended || !c.cfg.Chunking {
		c.violate(RuleUnknown, "BDAT, which is not offered")
		return c.answer(BDAT, arg, say(502, "5.5.1", "not offered"))
	}
	size, last, ok := parseChunk(arg)
	if !ok {
		c.violate(RuleSyntax, "BDAT %.80q", arg)
		return c.answer(BDAT, arg, say(501, "5.5.4", "BDAT takes a size, and LAST"))
	}
	usable := c.tx.open && len(c.tx.rcpts) > 0 && !c.tx.broken
	sink := func([]byte) {}
	if usable {
		sink = c.tx.body.add
		c.tx.chunks++
	}
	if err := c.wire.octets(size, sink); err != nil {
		return err
	}
	c.note('D', sized(size))
	c.checkGroup("BDAT", false)
	if !usable {
		return c.refuseChunk(arg)
	}
	if last {
		return c.deliver()
	}
	d := c.decide(BDAT, arg, say(250, "2.0.0", "chunk of "+sizeText(size)+" bytes ok"))
	c.tx.broken = !d.positive()
	return c.send(d)
}

func (c *session) refuseChunk(arg string) error {
	if !c.tx.refused && !c.tx.broken && !(c.tx.open && c.tx.tried) {
		c.violate(RuleSequence, "BDAT before MAIL and RCPT")
	}
	c.tx.broken = c.tx.open
	return c.answer(BDAT, arg, say(503, "5.5.1", "no valid recipients, or an earlier chunk was refused"))
}

// skipChunk consumes the octets of a BDAT that is refused unread.
func (c *session) skipChunk(arg string) error {
	size, _, ok := parseChunk(arg)
	if !ok {
		return nil
	}
	return c.wire.octets(size, func([]byte) {})
}

func parseChunk(arg string) (size int64, last, ok bool) {
	number, rest, more := strings.Cut(arg, " ")
	if more && !strings.EqualFold(rest, "LAST") {
		return 0, false, false
	}
	size, err := strconv.ParseInt(number, 10, 64)
	return size, more, err == nil && size >= 0
}
