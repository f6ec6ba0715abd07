package router

import "sync/atomic"

// counts are the attempts at a route. What is under way is what is between them, so that
// an attempt costs two additions.
type counts struct {
	begun   atomic.Uint64
	goods   atomic.Uint64 // were accepted, at least in part
	bads    atomic.Uint64 // ended otherwise
	repeats atomic.Uint64 // of those begun: the message had been here before
}

// end counts one that has ended.
func (c *counts) end(good bool) {
	if good {
		c.goods.Add(1)
	} else {
		c.bads.Add(1)
	}
}

// inFlight may be off by what begins or ends meanwhile; zero is sure where nothing begins any more.
func (c *counts) inFlight() int {
	ended := c.goods.Load() + c.bads.Load()
	return int(c.begun.Load() - ended)
}

// firsts are the messages that came here.
func (c *counts) firsts() uint64 {
	repeats := c.repeats.Load()
	return c.begun.Load() - repeats
}
