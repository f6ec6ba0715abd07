package smtpwire

import "time"

// Alive reports whether an idle connection still looks usable: nothing has arrived,
// not its end, and not a 421 either. It does not wait, and asks the server nothing.
func (c *Conn) Alive(now time.Time) bool {
	if c.isAborted() || c.r.Buffered() > 0 {
		return false
	}
	c.used = true // from now on its end may be on the way
	if c.hasTLS {
		more := c.hasMoreBy(longAgo) // a record that came along with the last one
		c.setLimit(time.Time{})
		return !more && c.isQuiet()
	}
	if !c.limit.IsZero() && !now.Before(c.limit) {
		c.setLimit(time.Time{}) // the last operation's has passed
	}
	return c.isQuiet()
}

// hasMore reports whether the server has said something that was not read yet, as far
// as that shows without waiting. Nothing is lost by looking. What is in the socket may
// be a message of TLS itself, which reading gets out of the way. A limit is to be set anew.
func (c *Conn) hasMore() bool {
	switch {
	case c.r.Buffered() > 0:
		return true
	case c.hasUnread():
		return c.hasMoreBy(time.Now().Add(probe))
	}
	return c.hasTLS && c.hasMoreBy(longAgo)
}

// hasMoreBy waits for a byte until limit.
func (c *Conn) hasMoreBy(limit time.Time) bool {
	_ = c.raw.SetReadDeadline(limit)
	_, err := c.r.Peek(1)
	return err == nil
}

// probe is how long a transport that cannot be looked at without waiting is waited for.
const probe = time.Millisecond

// isQuietByReading reads what should not be there. A byte that is read is lost, but
// the connection with it.
func isQuietByReading(nc deadlineReader) bool {
	if nc.SetReadDeadline(time.Now().Add(probe)) != nil {
		return false
	}
	var b [1]byte
	n, err := nc.Read(b[:])
	timeout, ok := err.(interface{ Timeout() bool })
	return n == 0 && ok && timeout.Timeout() && nc.SetReadDeadline(time.Time{}) == nil
}

type deadlineReader interface {
	Read(b []byte) (int, error)
	SetReadDeadline(t time.Time) error
}
