package smtpfake

// A transaction is what is known between MAIL and the end of content.
type transaction struct {
	open    bool // MAIL was accepted
	refused bool // MAIL was refused: RCPT and DATA in the same group do no wrong
	tried   bool // RCPT was seen
	from    string
	params  Params
	rcpts   []Recipient
	chunks  int
	broken  bool // a chunk was refused: only RSET helps (RFC 3030 section 2)
	body    body
}

func (t *transaction) reset() { *t = transaction{} }

// mail answers MAIL (RFC 5321 section 4.1.1.2).
func (c *session) mail(arg string) error {
	from, params, own := c.checkMail(arg)
	d := c.decide(MAIL, arg, own)
	switch {
	case d.positive():
		c.tx.reset()
		c.tx.open, c.tx.from, c.tx.params = true, from, params
		c.tx.body.begin(c.cfg)
	case !c.tx.open:
		c.tx.refused = true
	}
	return c.send(d)
}

func (c *session) checkMail(arg string) (from string, params Params, own reply) {
	switch {
	case c.helo == "":
		c.violate(RuleSequence, "MAIL before EHLO")
		return "", nil, say(503, "5.5.1", "EHLO first")
	case c.cfg.RequireAuth && c.user == "":
		return "", nil, say(530, "5.7.0", "authentication required")
	case c.tx.open:
		c.violate(RuleSequence, "MAIL inside a transaction")
		return "", nil, say(503, "5.5.1", "nested MAIL")
	}
	path, params, refusal := c.parsePath("FROM:", arg)
	if refusal.code == 0 {
		refusal = c.checkMailParams(params)
	}
	if refusal.code == 0 {
		refusal = c.checkUTF8(path, params.Has("SMTPUTF8"))
	}
	if refusal.code != 0 {
		return "", nil, refusal
	}
	return path, params, say(250, "2.1.0", "sender ok")
}

// rcpt answers RCPT (RFC 5321 section 4.1.1.3).
func (c *session) rcpt(arg string) error {
	to, params, own := c.checkRcpt(arg)
	d := c.decide(RCPT, arg, own)
	c.tx.tried = true
	if d.positive() && c.tx.open {
		c.tx.rcpts = append(c.tx.rcpts, Recipient{to, params})
	}
	return c.send(d)
}

func (c *session) checkRcpt(arg string) (to string, params Params, own reply) {
	switch {
	case !c.tx.open:
		if !c.tx.refused {
			c.violate(RuleSequence, "RCPT before MAIL")
		}
		return "", nil, say(503, "5.5.1", "MAIL first")
	case c.tx.chunks > 0:
		c.violate(RuleSequence, "RCPT after BDAT")
		return "", nil, say(503, "5.5.1", "content has begun")
	}
	path, params, refusal := c.parsePath("TO:", arg)
	if refusal.code == 0 {
		refusal = c.checkRcptParams(params)
	}
	if refusal.code == 0 {
		refusal = c.checkUTF8(path, c.tx.params.Has("SMTPUTF8"))
	}
	switch {
	case refusal.code != 0:
		return "", nil, refusal
	case c.cfg.MaxRecipients > 0 && len(c.tx.rcpts) >= c.cfg.MaxRecipients:
		return path, params, say(452, "4.5.3", "too many recipients")
	}
	return path, params, say(250, "2.1.5", "recipient ok")
}
