package smtpwire

import "time"

// Alive reports whether an idle connection still looks usable: nothing has arrived,
// not its end, and not a 421 either. It does not wait, and asks the server nothing.
func (c *Conn) Alive(now time.Time) bool {
	if c.isAborted() || c.r.Buffered() > 0 {
		return false
	}
	if !c.limit.IsZero() && !now.Before(c.limit) {
		c.setLimit(time.Time{}) // the last operation's has passed
	}
	return c.isQuiet()
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
