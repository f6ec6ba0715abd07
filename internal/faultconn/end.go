package faultconn

import (
	"crypto/tls"
	"io"
	"net"
)

// Finish ends conn in order: it tells the peer that nothing more will come, reads and
// drops what the peer still sends until that closes too, and closes conn. A close with
// bytes unread would be a reset. Closing conn from another goroutine, or a read
// deadline, ends the wait. A connection without CloseWrite is closed at once.
func Finish(conn net.Conn) {
	if closeWrite(conn) {
		_, _ = io.Copy(io.Discard, bottom(conn))
	}
	_ = conn.Close()
}

// Reset closes conn so that the peer sees a TCP reset; a connection that is not TCP
// underneath is closed plainly. TLS sends no alert.
func Reset(conn net.Conn) {
	raw := bottom(conn)
	if tcp, ok := raw.(interface{ SetLinger(sec int) error }); ok {
		_ = tcp.SetLinger(0)
	}
	_ = raw.Close()
	_ = conn.Close()
}

// closeWrite ends the outbound direction, TLS first, and reports whether conn could
// do so without closing altogether.
func closeWrite(conn net.Conn) bool {
	raw := bottom(conn)
	half, ok := raw.(interface{ CloseWrite() error })
	if !ok {
		_ = conn.Close()
		return false
	}
	if secure, ok := conn.(*tls.Conn); ok {
		_ = secure.CloseWrite()
	}
	_ = half.CloseWrite()
	return true
}

// bottom unwraps what has a NetConn method: *tls.Conn and [*Conn].
func bottom(conn net.Conn) net.Conn {
	for {
		wrapped, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			return conn
		}
		conn = wrapped.NetConn()
	}
}
