package smtpfake

import (
	"crypto/tls"
	"errors"
	"net"
	"strconv"
	"strings"
)

// errOver ends a session whose connection has been dealt with.
var errOver = errors.New("session over")

// A session is one conversation.
type session struct {
	srv    *Server
	cfg    *Config
	number int
	raw    net.Conn // under TLS
	conn   net.Conn // raw, or TLS over it
	wire   *wire
	out    []byte // scratch for replies
	seen   [numPoints]int

	closed     bool // the greeting refused service
	tls        *tls.ConnectionState
	helo       string
	extended   bool // EHLO, not HELO
	user, mech string
	tx         transaction
	contents   int // complete contents so far
}

func newSession(s *Server, number int, conn net.Conn) *session {
	return &session{
		srv: s, cfg: &s.cfg, number: number, raw: conn, conn: conn,
		wire: newWire(conn, &s.record.flights),
	}
}

// enhanced reports whether replies carry enhanced status codes.
func (c *session) enhanced() bool { return c.cfg.EnhancedCodes && c.extended }

// end closes what is left of the connection.
func (c *session) end() {
	_ = c.raw.Close()
	c.wire.settle()
}

func (c *session) run() {
	if c.cfg.ImplicitTLS {
		if err := c.handshake(); err != nil {
			return
		}
	}
	if err := c.greet(); err != nil {
		return
	}
	for {
		if err := c.next(); err != nil {
			return
		}
	}
}

func (c *session) greet() error {
	d := c.decide(Greeting, "", reply{code: 220, text: c.cfg.name() + " ESMTP"})
	if d.Wait != nil && c.wire.readEarly(d.Wait, c.srv.done) {
		c.violate(RuleEarlyTalk, "%d bytes", c.wire.buffered())
	}
	c.closed = !d.positive()
	return c.send(d)
}

// next reads one command and answers it.
func (c *session) next() error {
	line, err := c.readLine(0)
	switch {
	case errors.Is(err, errLineLong):
		return c.answer(Other, line, say(500, "5.5.6", "line too long"))
	case errors.Is(err, errBareLF), errors.Is(err, errBareCR):
		return c.answer(Other, line, say(500, "5.5.2", "a line ends with CR LF"))
	case err != nil:
		return err
	}
	return c.command(line)
}

// maxCommandBytes is the limit of RFC 5321 section 4.5.3.1.4, line end included, as
// widened for each command by RFC 1870, 3461, 4954, 6152 and 6531.
func maxCommandBytes(line string) int {
	switch verb, _, _ := strings.Cut(line, " "); strings.ToUpper(verb) {
	case "MAIL":
		return 512 + 26 + 120 + 500 + 17 + 10
	case "RCPT":
		return 512 + 500
	case "AUTH":
		return 12288
	}
	return 512
}

// readLine reads a command, or with limit above zero an AUTH response of at most so many bytes.
func (c *session) readLine(limit int) (string, error) {
	if err := c.wire.await(); err != nil {
		return "", err
	}
	b, err := c.wire.line()
	if err != nil && !isLineError(err) {
		return "", err
	}
	line := string(b)
	c.srv.record.commands.Add(1)
	c.note('C', line)
	if limit == 0 {
		limit = maxCommandBytes(line)
	}
	if err == nil && len(line)+2 > limit {
		err = errLineLong
	}
	switch {
	case errors.Is(err, errBareLF):
		c.violate(RuleBareLF, "%.80q", line)
	case errors.Is(err, errBareCR):
		c.violate(RuleBareCR, "%.80q", line)
	case errors.Is(err, errLineLong):
		c.violate(RuleLineLength, "over %d bytes: %.80q", limit, line)
	}
	return line, err
}

func isLineError(err error) bool {
	return errors.Is(err, errBareLF) || errors.Is(err, errBareCR) || errors.Is(err, errLineLong)
}

// note adds to the transcript.
func (c *session) note(kind byte, text string) {
	if !c.srv.record.quiet {
		c.srv.record.line(kind, Command{c.number, text, c.tls != nil})
	}
}

// checkGroup looks for commands that arrived before the reply to this one was sent
// (RFC 2920 section 3.1). A command that must end its group may have none behind it.
func (c *session) checkGroup(verb string, endsGroup bool) {
	switch n := c.wire.buffered(); {
	case n == 0:
	case !c.extended || !c.cfg.Pipelining:
		c.violate(RulePipelining, "%d bytes after %s, which was not answered yet; pipelining is not offered", n, verb)
	case endsGroup:
		c.violate(RulePipelining, "%d bytes after %s, which ends a group", n, verb)
	}
}

// sized is a note about content.
func sized(n int64) string { return "[" + strconv.FormatInt(n, 10) + " bytes]" }
