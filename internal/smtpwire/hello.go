package smtpwire

import (
	"crypto/tls"
	"strconv"
	"strings"
	"time"
)

// Extensions is what the server offered in its last reply to EHLO.
type Extensions struct {
	StartTLS, Pipelining, Chunking, EightBit, UTF8, DSN, Size bool
	// MaxBytes is the largest message; zero means that the server did not say.
	MaxBytes int64
	// Auth is the SASL mechanisms, in upper case.
	Auth []string
	// MaxRecipients and MaxMessages are RCPTMAX and MAILMAX of RFC 9422; zero means not said.
	MaxRecipients, MaxMessages int
}

// Extensions returns what the server offered.
func (c *Conn) Extensions() Extensions { return c.ext }

// Greet waits for the server's greeting until limit.
func (c *Conn) Greet(limit time.Time) *Error {
	c.SetLimit(limit)
	reply, err := c.readReply(false)
	if err != nil {
		return c.fail(StageGreeting, err)
	}
	if reply.Code != 220 {
		return &Error{Stage: StageGreeting, Reply: reply}
	}
	return c.inStep(StageGreeting)
}

// inStep makes sure that the server has said nothing it was not asked for. What it
// says ahead of time would be taken for the answer to something else.
func (c *Conn) inStep(stage Stage) *Error {
	if c.R.Buffered() > 0 {
		return &Error{Stage: stage, Err: ErrReply}
	}
	return nil
}

// Hello sends EHLO, and HELO where EHLO is refused and helo allows it.
func (c *Conn) Hello(name string, helo bool, limit time.Time) *Error {
	if !isWord(name) {
		return &Error{Stage: StageHello, Err: ErrArgument}
	}
	c.SetLimit(limit)
	c.out = append(append(append(c.out, "EHLO "...), name...), "\r\n"...)
	reply, err := c.roundTrip(StageHello, true)
	if err != nil {
		return err
	}
	c.ext = Extensions{}
	if helo && reply.Code/100 == 5 {
		c.out = append(append(append(c.out, "HELO "...), name...), "\r\n"...)
		if reply, err = c.roundTrip(StageHello, false); err != nil {
			return err
		}
	} else if reply.OK() {
		c.ext = parseExtensions(reply.Text)
	}
	if !reply.OK() {
		return &Error{Stage: StageHello, Reply: reply}
	}
	return c.inStep(StageHello)
}

// parseExtensions reads the lines of a reply to EHLO after the first, which greets.
func parseExtensions(text string) Extensions {
	var e Extensions
	_, text, _ = strings.Cut(text, "\n")
	for line := range strings.Lines(text) {
		words := strings.Fields(strings.ToUpper(line))
		if len(words) == 0 {
			continue
		}
		keyword, args := words[0], words[1:]
		// Quirk: old servers write "AUTH=LOGIN" for a client that knew no better.
		if mechanism, found := strings.CutPrefix(keyword, "AUTH="); found {
			keyword, args = "AUTH", append([]string{mechanism}, args...)
		}
		e.add(keyword, args)
	}
	return e
}

func (e *Extensions) add(keyword string, args []string) {
	switch keyword {
	case "STARTTLS":
		e.StartTLS = true
	case "PIPELINING":
		e.Pipelining = true
	case "CHUNKING":
		e.Chunking = true
	case "8BITMIME":
		e.EightBit = true
	case "SMTPUTF8":
		e.UTF8 = true
	case "DSN":
		e.DSN = true
	case "AUTH":
		e.Auth = append(e.Auth, args...)
	case "SIZE":
		e.Size = true
		if len(args) > 0 {
			if n, err := strconv.ParseInt(args[0], 10, 64); err == nil && n > 0 {
				e.MaxBytes = n
			}
		}
	case "LIMITS":
		e.addLimits(args)
	}
}

func (e *Extensions) addLimits(args []string) {
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		n, err := strconv.Atoi(value)
		if err != nil || n <= 0 {
			continue
		}
		switch name {
		case "RCPTMAX":
			e.MaxRecipients = n
		case "MAILMAX":
			e.MaxMessages = n
		}
	}
}

// Handshake makes the connection a TLS one, before the greeting (RFC 8314) or
// within [Conn.StartTLS].
func (c *Conn) Handshake(config *tls.Config, limit time.Time) *Error {
	if err := c.Conn.Handshake(config, limit); err != nil {
		return c.fail(StageTLS, err)
	}
	return nil
}

// StartTLS asks for TLS and makes the connection one. What the server offered
// before is forgotten; Hello must follow (RFC 3207 section 4.2).
func (c *Conn) StartTLS(config *tls.Config, limit time.Time) *Error {
	if !c.ext.StartTLS {
		return &Error{Stage: StageStartTLS, Err: ErrNoStartTLS}
	}
	c.SetLimit(limit)
	c.out = append(c.out, "STARTTLS\r\n"...)
	reply, err := c.roundTrip(StageStartTLS, false)
	switch {
	case err != nil:
		return err
	case reply.Code != 220:
		return &Error{Stage: StageStartTLS, Reply: reply}
	case c.R.Buffered() > 0:
		return &Error{Stage: StageStartTLS, Err: ErrInjected}
	}
	c.ext = Extensions{}
	return c.Handshake(config, limit)
}
