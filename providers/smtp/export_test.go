package smtp

// InUse returns the number of connections that the pool counts as in use.
func (c *Client) InUse() int {
	c.pool.mu.Lock()
	defer c.pool.mu.Unlock()
	return len(c.pool.inUse)
}
