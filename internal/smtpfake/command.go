package smtpfake

import (
	"net"
	"strings"
)

// command answers one command line.
func (c *session) command(line string) error {
	verb, arg, _ := strings.Cut(line, " ")
	verb = strings.ToUpper(verb)
	if verb != "BDAT" { // whose content comes first
		c.checkGroup(verb, endsGroup(verb))
	}
	if c.closed && verb != "QUIT" { // RFC 5321 section 3.1
		return c.answer(Other, arg, say(503, "5.5.1", "no service here"))
	}
	if c.cfg.RequireTLS && c.tls == nil && !allowedInClear(verb) {
		return c.refuseInClear(verb, arg)
	}
	switch verb {
	case "EHLO", "HELO":
		return c.hello(verb, arg)
	case "STARTTLS":
		return c.startTLS(arg)
	case "AUTH":
		return c.auth(arg)
	case "MAIL":
		return c.mail(arg)
	case "RCPT":
		return c.rcpt(arg)
	case "DATA":
		return c.data(arg)
	case "BDAT":
		return c.bdat(arg)
	case "RSET":
		c.tx.reset()
		return c.answer(RSET, arg, c.plain(arg, say(250, "2.0.0", "ok")))
	case "NOOP":
		return c.answer(NOOP, arg, say(250, "2.0.0", "ok"))
	case "QUIT":
		return c.quit(arg)
	case "VRFY":
		return c.answer(Other, arg, say(252, "2.5.0", "send some mail and see"))
	case "HELP":
		return c.answer(Other, arg, say(214, "2.0.0", "see RFC 5321"))
	case "EXPN", "TURN":
		c.violate(RuleUnknown, "%s", verb)
		return c.answer(Other, arg, say(502, "5.5.1", "not implemented"))
	}
	c.violate(RuleUnknown, "%.80q", line)
	return c.answer(Other, arg, say(500, "5.5.1", "unknown command"))
}

// endsGroup lists what RFC 2920 section 3.1, RFC 3207 section 4 and RFC 4954 section 4
// allow only at the end of a group.
func endsGroup(verb string) bool {
	switch verb {
	case "EHLO", "HELO", "DATA", "VRFY", "EXPN", "TURN", "QUIT", "NOOP", "STARTTLS", "AUTH":
		return true
	}
	return false
}

// allowedInClear lists what RFC 3207 section 4 has to allow before a required STARTTLS.
func allowedInClear(verb string) bool {
	switch verb {
	case "EHLO", "HELO", "STARTTLS", "NOOP", "RSET", "QUIT":
		return true
	}
	return false
}

func (c *session) refuseInClear(verb, arg string) error {
	point, refusal := Other, say(530, "5.7.0", "STARTTLS first")
	switch verb {
	case "AUTH":
		c.violate(RuleClearAuth, "AUTH %.20q", arg)
		point, refusal = AUTH, say(538, "5.7.11", "encryption required")
	case "MAIL":
		point = MAIL
	case "RCPT":
		point = RCPT
	case "DATA":
		point = DATA
	case "BDAT":
		if err := c.skipChunk(arg); err != nil {
			return err
		}
		point = BDAT
	}
	return c.answer(point, arg, refusal)
}

// plain returns r, or a refusal when a command that takes no argument has one.
func (c *session) plain(arg string, r reply) reply {
	if arg == "" {
		return r
	}
	c.violate(RuleSyntax, "unexpected argument %.80q", arg)
	return say(501, "5.5.4", "no argument allowed")
}

func (c *session) hello(verb, arg string) error {
	point, own := EHLO, reply{code: 250, text: c.cfg.name()}
	if verb == "HELO" {
		point = HELO
	}
	if !validDomain(arg) {
		c.violate(RuleSyntax, "%s %.80q", verb, arg)
		own = say(501, "5.5.4", "a domain or an address literal is needed")
	} else if point == EHLO {
		own.text = c.capabilities()
	}
	d := c.decide(point, arg, own)
	if d.positive() {
		c.tx.reset()
		c.helo, c.extended = arg, point == EHLO
		d.enhanced = ""
	}
	return c.send(d)
}

// sendNow is send where no read follows that would flush.
func (c *session) sendNow(d decision) error {
	if err := c.send(d); err != nil {
		return err
	}
	return c.wire.flush()
}

// capabilities returns the lines of the reply to EHLO.
func (c *session) capabilities() string {
	x := &c.cfg.Extensions
	lines := []string{c.cfg.name()}
	add := func(offered bool, keyword string) {
		if offered {
			lines = append(lines, keyword)
		}
	}
	add(x.Pipelining, "PIPELINING")
	add(x.SizeLimit < 0, "SIZE")
	add(x.SizeLimit > 0, "SIZE "+sizeText(x.SizeLimit))
	add(x.EightBitMIME, "8BITMIME")
	add(x.SMTPUTF8, "SMTPUTF8")
	add(x.Chunking, "CHUNKING")
	add(x.Chunking && x.BinaryMIME, "BINARYMIME")
	add(x.DSN, "DSN")
	add(x.EnhancedCodes, "ENHANCEDSTATUSCODES")
	add(c.cfg.TLS != nil && c.tls == nil, "STARTTLS")
	mechs := c.offeredMechanisms()
	add(len(mechs) > 0, "AUTH "+strings.Join(mechs, " "))
	return strings.Join(append(lines, x.EHLO...), "\n")
}

// validDomain reports whether s is a domain or address literal (RFC 5321 section 4.1.2).
func validDomain(s string) bool {
	if inner, ok := strings.CutPrefix(s, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		inner = strings.TrimPrefix(inner, "IPv6:")
		return ok && net.ParseIP(inner) != nil
	}
	if s == "" || len(s) > 255 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if !validLabel(label) {
			return false
		}
	}
	return true
}

// validLabel takes letters, digits, inner hyphens, and UTF-8 (RFC 6531 section 3.3).
func validLabel(s string) bool {
	if s == "" || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := range len(s) {
		b := s[i]
		if !(b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '-' || b >= 0x80) {
			return false
		}
	}
	return true
}

func (c *session) quit(arg string) error {
	if n := c.wire.buffered(); n > 0 {
		c.violate(RuleAfterQuit, "%d bytes", n)
	}
	d := c.decide(QUIT, arg, c.plain(arg, say(221, "2.0.0", "bye")))
	if err := c.sendNow(d); err != nil || !d.positive() {
		return err
	}
	c.closeInOrder()
	return errOver
}
