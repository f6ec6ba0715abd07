package smtp

// InUse returns the number of connections that the pool counts as in use.
func (c *Client) InUse() int { return c.pool.InUse() }
