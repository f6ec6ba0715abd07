package smtpwire

import (
	"net"
	"strings"
	"time"

	"github.com/mailkeel/mailkeel/internal/netconn"
)

// A Conn is one SMTP connection. It is used by one goroutine at a time; Abort and
// the end of the bound ctx may come from others.
type Conn struct {
	netconn.Conn
	out []byte // the flight being put together

	ext     Extensions
	used    bool // a transaction was begun on it
	unclean bool // the next transaction begins with RSET
	replies []Reply
	scrub   func(text string) string
	whole   bool        // see WholeText
	tx      transaction // the one under way, kept here to be used again
}

// NewConn returns a Conn that speaks over nc, and owns it.
func NewConn(nc net.Conn) *Conn {
	c := new(Conn)
	c.Init(nc, maxReplyLine)
	return c
}

// Scrub lets f change the text of every reply from now on, before anybody sees it: a
// server may repeat what it was sent.
func (c *Conn) Scrub(f func(text string) string) { c.scrub = f }

// WholeText keeps the text of every reply as the server sent it from now on, with the status
// codes in front of its lines and at any length. [Reply.Enhanced] says what it says without.
func (c *Conn) WholeText() { c.whole = true }

// readReply reads the next reply, scrubbed.
func (c *Conn) readReply(keepText bool) (Reply, error) {
	mode := refusalText
	switch {
	case c.whole:
		mode = wholeText
	case keepText:
		mode = plainText
	}
	reply, err := readReply(c.R, mode)
	if c.scrub != nil && reply.Text != "" {
		reply.Text = c.scrub(reply.Text)
	}
	if mode == refusalText && len(reply.Text) > maxReason { // scrubbed before it is cut
		reply.Text = strings.Clone(reply.Text[:maxReason])
	}
	return reply, err
}

// maxReason is how much of a refusal's text is kept: there may be one for each of a
// thousand recipients.
const maxReason = 512

// Alive reports whether an idle connection still looks usable: nothing has arrived,
// not its end, and not a 421 either. It does not wait, and asks the server nothing.
func (c *Conn) Alive(now time.Time) bool {
	c.used = true // from now on its end may be on the way
	return c.Conn.Alive(now)
}

func (c *Conn) fail(stage Stage, err error) *Error { return &Error{Stage: stage, Err: c.Cause(err)} }

// flush writes the flight. The number of bytes written is what the transport took.
func (c *Conn) flush() error {
	_, err := c.Write(c.out)
	c.out = c.out[:0]
	return err
}

// roundTrip sends one command line and reads its reply.
func (c *Conn) roundTrip(stage Stage, keepText bool) (Reply, *Error) {
	if err := c.flush(); err != nil {
		return Reply{}, c.fail(stage, err)
	}
	reply, err := c.readReply(keepText)
	if err != nil {
		return Reply{}, c.fail(stage, err)
	}
	return reply, nil
}

// Noop asks for a sign of life, within limit.
func (c *Conn) Noop(limit time.Time) *Error {
	c.SetLimit(limit)
	c.out = append(c.out, "NOOP\r\n"...)
	reply, err := c.roundTrip(StageHello, false)
	if err == nil && !reply.OK() {
		err = &Error{Stage: StageHello, Reply: reply}
	}
	return err
}

// Quit ends the conversation politely within limit and closes. Nothing depends on
// how that goes. It must not be called when a message may be half sent.
func (c *Conn) Quit(limit time.Time) {
	c.SetLimit(limit)
	c.out = append(c.out[:0], "QUIT\r\n"...)
	if c.flush() == nil {
		_, _ = readReply(c.R, refusalText)
	}
	c.Abort()
}

// Bye says QUIT without waiting for the answer, and closes.
func (c *Conn) Bye() {
	c.SetLimit(time.Now().Add(byeLimit))
	c.out = append(c.out[:0], "QUIT\r\n"...)
	_ = c.flush()
	c.Abort()
}

// byeLimit is how long a QUIT may take to leave; there is room for it in any socket's buffer.
const byeLimit = 100 * time.Millisecond
