package netconn

import (
	"errors"
	"io"
)

// ErrTooLong means that the server said more than it was allowed to.
var ErrTooLong = errors.New("reply too long")

// AllowRead lets n more bytes be read from the server before [ErrTooLong]. What R has
// buffered does not count. Without it there is no limit.
func (c *Conn) AllowRead(n int64) { c.in.left = n }

// A budget is a reader with a limit.
type budget struct {
	r    io.Reader
	left int64
}

func (b *budget) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, ErrTooLong
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
