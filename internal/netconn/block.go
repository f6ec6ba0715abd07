package netconn

import (
	"sync"
	"time"
)

// blockBytes is the size of the buffer that a [Block] gathers in.
const blockBytes = 32 << 10

// A Block gathers what is written to a connection into large writes, and lets what is
// large pass without a copy. The end of what was put with Last leaves with Release and
// not before.
type Block struct {
	conn   *Conn
	buf    *[]byte
	stall  time.Duration
	commit time.Time
	err    error
}

var blocks = sync.Pool{New: func() any {
	b := make([]byte, 0, blockBytes+blockBytes/2)
	return &b
}}

// Begin makes b gather for c, with the limits of [Conn.Put]. Free must follow.
func (b *Block) Begin(c *Conn, stall time.Duration, commit time.Time) {
	*b = Block{conn: c, buf: blocks.Get().(*[]byte), stall: stall, commit: commit} //nolint:errcheck // the pool holds nothing else
}

// Free gives the buffer back.
func (b *Block) Free() {
	*b.buf = (*b.buf)[:0]
	blocks.Put(b.buf)
	b.buf = nil
}

// Err returns the transport's error; after one, nothing is written any more.
func (b *Block) Err() error { return b.err }

// Write puts p behind what was written before. It keeps nothing of p.
func (b *Block) Write(p []byte) {
	if b.err != nil {
		return
	}
	if len(*b.buf)+len(p) <= blockBytes {
		*b.buf = append(*b.buf, p...)
		return
	}
	if n := len(*b.buf); n > 0 {
		fill := 0
		if len(p) < blockBytes {
			fill = blockBytes - min(n, blockBytes)
		}
		*b.buf = append(*b.buf, p[:fill]...)
		p = p[fill:]
		if b.err = b.conn.Put(*b.buf, b.stall, b.commit); b.err != nil {
			return
		}
		*b.buf = (*b.buf)[:0]
	}
	if len(p) < blockBytes {
		*b.buf = append(*b.buf, p...)
		return
	}
	b.err = b.conn.Put(p, b.stall, b.commit)
}

// heldBack is how much of a large last write waits for Release.
const heldBack = 1 << 10

// Last puts p, the end of what is sent, holding back some of it.
func (b *Block) Last(p []byte) {
	cut := max(0, len(p)-heldBack)
	b.Write(p[:cut])
	if b.err == nil {
		*b.buf = append(*b.buf, p[cut:]...)
	}
}

// Append returns the buffer to append to, for what is small; Set takes it back.
func (b *Block) Append() []byte { return *b.buf }

// Set is given the buffer of Append.
func (b *Block) Set(buf []byte) { *b.buf = buf }

// Release lets go of what is left; see [Conn.Release].
func (b *Block) Release() (released bool, err error) {
	b.conn.SetLimit(time.Now().Add(b.stall))
	return b.conn.Release(*b.buf)
}
