//go:build !unix

package smtpwire

// peeker is not there: the socket can only be read.
type peeker struct{}

func (*peeker) init(any) {}

func (c *Conn) isQuiet() bool { return isQuietByReading(c.raw) }
