//go:build !unix

package netconn

// countsAreExact is false on Windows, where a write that is cancelled may have sent more
// than it says. What would be NotAccepted is then Unknown.
const countsAreExact = false

// peeker is not there: the socket can only be read.
type peeker struct{}

func (*peeker) init(any) {}

// hasUnread cannot tell without reading.
func (c *Conn) hasUnread() bool { return false }

func (c *Conn) isQuiet() bool { return isQuietByReading(c.raw) }
