package netconn

import "time"

// Alive reports whether an idle connection still looks usable: nothing has arrived,
// and not its end either. It does not wait, and asks the server nothing.
func (c *Conn) Alive(now time.Time) bool {
	if !c.isWritable() || c.R.Buffered() > 0 {
		return false
	}
	if c.isTLS {
		more := c.HasMoreBy(longAgo) // a record that came along with the last one
		c.SetLimit(time.Time{})
		return !more && c.isQuiet()
	}
	if !c.limit.IsZero() && !now.Before(c.limit) {
		c.SetLimit(time.Time{}) // the last operation's has passed
	}
	return c.isQuiet()
}

// HasMore reports whether the server has said something that was not read yet, as far
// as that shows without waiting. Nothing is lost by looking. What is in the socket may
// be a message of TLS itself, which reading gets out of the way. A limit is to be set anew.
func (c *Conn) HasMore() bool {
	switch {
	case c.R.Buffered() > 0:
		return true
	case c.hasUnread():
		return c.HasMoreBy(time.Now().Add(Probe))
	}
	return c.isTLS && c.HasMoreBy(longAgo)
}

// HasMoreBy waits for a byte until limit.
func (c *Conn) HasMoreBy(limit time.Time) bool {
	_ = c.raw.SetReadDeadline(limit)
	_, err := c.R.Peek(1)
	return err == nil
}

// Probe is how long a transport that cannot be looked at without waiting is waited for.
const Probe = time.Millisecond

// isQuietByReading reads what should not be there. A byte that is read is lost, but
// the connection with it.
func isQuietByReading(nc deadlineReader) bool {
	if nc.SetReadDeadline(time.Now().Add(Probe)) != nil {
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
