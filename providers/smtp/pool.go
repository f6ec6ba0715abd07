package smtp

import "github.com/mailkeel/mailkeel/internal/smtpwire"

// pooled is a connection with what limits how long it serves.
type pooled struct {
	*smtpwire.Conn
	messages, maxMessages int
}

// Spent reports whether the connection has carried as many messages as the configuration
// or the server (MAILMAX of RFC 9422) lets it.
func (c *pooled) Spent() bool {
	if limit := c.Extensions().MaxMessages; limit > 0 && c.messages >= limit {
		return true
	}
	return c.maxMessages > 0 && c.messages >= c.maxMessages
}

// putBack returns conn to the pool after a message.
func (c *Client) putBack(conn *pooled, reusable bool) {
	conn.messages++
	c.pool.Put(conn, reusable)
}
