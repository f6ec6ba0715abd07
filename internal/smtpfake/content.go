package smtpfake

import (
	"strconv"
	"time"
)

// data answers DATA and takes the content (RFC 5321 section 4.1.1.4).
func (c *session) data(arg string) error {
	d := c.decide(DATA, arg, c.plain(arg, c.checkData()))
	if err := c.send(d); err != nil || !d.intermediate() {
		return err
	}
	if err := c.wire.await(); err != nil {
		return err
	}
	if !c.tx.open {
		c.tx.body.begin(c.cfg)
	}
	if err := c.wire.dotted(c.tx.body.add); err != nil {
		c.note('D', sized(c.tx.body.size)+" and no end")
		return err
	}
	c.note('D', sized(c.tx.body.size)+".")
	c.checkGroup("content", false)
	return c.deliver()
}

func (c *session) checkData() reply {
	switch {
	case c.tx.chunks > 0 || c.tx.broken:
		c.violate(RuleMixed, "DATA after BDAT")
		return say(503, "5.5.1", "content has begun with BDAT")
	case c.tx.params["BODY"] == "BINARYMIME":
		c.violate(RuleSequence, "DATA for BINARYMIME")
		return say(503, "5.5.1", "BINARYMIME needs BDAT")
	case !c.tx.open || len(c.tx.rcpts) == 0:
		if !c.tx.refused && !(c.tx.open && c.tx.tried) {
			c.violate(RuleSequence, "DATA before MAIL and RCPT")
		}
		return say(503, "5.5.1", "no valid recipients")
	}
	return say(354, "", "end with CR LF . CR LF")
}

// deliver decides about a complete message, records the truth, and replies.
func (c *session) deliver() error {
	own := c.checkContent()
	c.contents++
	id := strconv.Itoa(c.number) + "-" + strconv.Itoa(c.contents)
	if own.positive() {
		own.text = "queued as " + id
	}
	d := c.decide(Content, "", own)
	if d.accepts() && c.tx.open && len(c.tx.rcpts) > 0 {
		c.accept(id)
	}
	c.tx.reset()
	return c.send(d)
}

func (c *session) accept(id string) {
	t := &c.tx
	m := Message{
		ID: id, Conn: c.number, Helo: c.helo, From: t.from, Params: t.params, Recipients: t.rcpts, Chunks: t.chunks,
		Data: t.body.data, SizeBytes: t.body.size, SHA256: t.body.digest(),
		AuthUser: c.user, AuthMechanism: c.mech, AcceptedAt: time.Now(),
	}
	if c.tls != nil {
		m.TLS = c.tls.Version
	}
	c.srv.record.accept(&m)
}

// checkContent records what is wrong with the content and returns the server's reply to it.
func (c *session) checkContent() reply {
	b := &c.tx.body
	b.finish()
	binary := c.tx.params["BODY"] == "BINARYMIME"
	if len(c.tx.rcpts) == 0 && b.size > 0 && c.tx.chunks == 0 {
		c.violate(RuleNoRecipient, "%d bytes", b.size)
	}
	if !binary {
		c.checkText(b)
	}
	if declared := c.tx.params["SIZE"]; declared != "" && declared != sizeText(b.size) {
		c.violate(RuleSize, "declared %s, sent %d", declared, b.size)
	}
	switch {
	case len(c.tx.rcpts) == 0:
		return say(554, "5.5.1", "no valid recipients")
	case c.cfg.SizeLimit > 0 && b.size > c.cfg.SizeLimit:
		return say(552, "5.3.4", "message too big")
	case !binary && (b.bareCR || b.bareLF):
		return say(550, "5.6.0", "bare CR or LF in content")
	}
	return say(250, "2.0.0", "queued")
}

func (c *session) checkText(b *body) {
	if b.bareCR {
		c.violate(RuleBareCR, "in content")
	}
	if b.bareLF {
		c.violate(RuleBareLF, "in content")
	}
	if b.nul {
		c.violate(RuleNUL, "message of %d bytes", b.size)
	}
	if b.longLine {
		c.violate(RuleLineLength, "over %d bytes in content", maxTextLineBytes)
	}
	if b.eightBit && c.tx.params["BODY"] != "8BITMIME" {
		c.violate(RuleEightBit, "without BODY=8BITMIME")
	}
}

func sizeText(n int64) string { return strconv.FormatInt(n, 10) }
