//go:build unix

package netconn

import "syscall"

// countsAreExact: a write that is stopped says how much of it went out.
const countsAreExact = true

// peeker looks into a socket's buffer without taking anything out of it.
type peeker struct {
	raw   syscall.RawConn // nil where the transport is no socket
	look  func(fd uintptr)
	quiet bool
}

func (p *peeker) init(transport any) {
	sc, ok := transport.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return
	}
	p.raw = raw
	p.look = func(fd uintptr) {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		p.quiet = err == syscall.EAGAIN || err == syscall.EWOULDBLOCK
	}
}

// hasUnread reports whether something waits in the socket. It looks past a limit that
// has run out, which Read of a [syscall.RawConn] would not.
func (c *Conn) hasUnread() bool {
	if c.peeker.raw == nil {
		return false
	}
	return c.peeker.raw.Control(c.peeker.look) == nil && !c.peeker.quiet
}

func (c *Conn) isQuiet() bool {
	if c.peeker.raw == nil {
		return isQuietByReading(c.raw)
	}
	return c.peeker.raw.Control(c.peeker.look) == nil && c.peeker.quiet
}
