package netsmtp

import (
	"bytes"
	"errors"
	"net"
	"sync"
	"time"
)

// Bounds of one answer, which is what is read between two writes. TLS adds to what is said.
const (
	maxAnswerBytes = 128 << 10
	maxLineBytes   = 4 << 10
)

// errAnswer means that the server said more than it may.
var errAnswer = errors.New("smtp: the server's answer is too long")

// A guarded is a connection on which every wait ends and every answer does. An owner's
// own deadlines hold where they are earlier. One goroutine may read while another writes.
type guarded struct {
	net.Conn
	mu     sync.Mutex
	answer answer
	read   time.Time // the owner's deadlines; zero for none
	write  time.Time
	isTLS  bool
}

// An answer is what the server says at a time.
type answer struct {
	until time.Time // zero while it is not waited for
	bytes int
	line  int
	limit time.Duration
}

// guard returns conn, over which nothing has been said, with limits.
func guard(conn net.Conn) net.Conn {
	return &guarded{Conn: conn, answer: answer{limit: stepLimit}}
}

// Read waits as long as is left of the answer's time.
func (g *guarded) Read(p []byte) (int, error) {
	if err := g.await(); err != nil {
		return 0, err
	}
	n, err := g.Conn.Read(p[:min(len(p), maxLineBytes)])
	if tooLong := g.heard(p[:n]); tooLong != nil {
		return 0, tooLong
	}
	return n, err
}

func (g *guarded) await() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := &g.answer
	if a.bytes > maxAnswerBytes || a.line > maxLineBytes {
		return errAnswer
	}
	if a.until.IsZero() {
		a.until = time.Now().Add(a.limit)
	}
	return g.Conn.SetReadDeadline(earlier(a.until, g.read))
}

func (g *guarded) heard(p []byte) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := &g.answer
	a.bytes += len(p)
	if !g.isTLS {
		longest := a.line
		for line := range bytes.Lines(p) {
			longest = max(longest, a.line+len(line))
			if a.line += len(line); line[len(line)-1] == '\n' {
				a.line = 0
			}
		}
		if longest > maxLineBytes {
			a.line = longest
		}
	}
	if a.bytes > maxAnswerBytes || a.line > maxLineBytes {
		return errAnswer
	}
	return nil
}

// writeBytes is how much has a deadline of its own.
const writeBytes = 64 << 10

// Write begins the wait for another answer.
func (g *guarded) Write(p []byte) (int, error) {
	written := 0
	for {
		piece := p[written:min(len(p), written+writeBytes)]
		if err := g.say(piece); err != nil {
			return written, err
		}
		n, err := g.Conn.Write(piece)
		written += n
		if err != nil || written >= len(p) {
			return written, err
		}
	}
}

func (g *guarded) say(p []byte) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	const handshake = 22 // the first byte of TLS (RFC 8446 section 5.1); no command begins with it
	g.isTLS = g.isTLS || len(p) > 0 && p[0] == handshake
	g.answer = answer{limit: replyLimit}
	return g.Conn.SetWriteDeadline(earlier(time.Now().Add(stepLimit), g.write))
}

// SetDeadline, SetReadDeadline and SetWriteDeadline set the owner's deadlines.
func (g *guarded) SetDeadline(t time.Time) error {
	return errors.Join(g.SetReadDeadline(t), g.SetWriteDeadline(t))
}

// SetReadDeadline implements [net.Conn].
func (g *guarded) SetReadDeadline(t time.Time) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.read = t
	return g.Conn.SetReadDeadline(earlier(g.answer.until, t))
}

// SetWriteDeadline implements [net.Conn].
func (g *guarded) SetWriteDeadline(t time.Time) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.write = t
	return g.Conn.SetWriteDeadline(t)
}

// earlier ignores what is zero.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
