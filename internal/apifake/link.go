package apifake

import (
	"errors"
	"net"
	"os"
	"syscall"
	"time"
)

// aheadBytes is how much a server reads of what a client sends while it is silent, to
// notice that the client is gone. What the client sends beyond stays in the network.
const aheadBytes = 16 << 10

// A link is the server's end of a connection under TLS. It knows when it lies idle,
// and can watch for the client's end without losing what the client sends.
type link struct {
	net.Conn
	tcp    *net.TCPConn
	raw    syscall.RawConn
	become func(state)
	looker

	// awaiting says that the next read is for a new request, or the first byte of all.
	awaiting bool
	resting  bool   // the connection is new, and counts as idling already
	ahead    []byte // was read by watch, or await
	end      error  // met by them
}

func newLink(conn net.Conn, tcp *net.TCPConn, become func(state)) *link {
	raw, _ := tcp.SyscallConn() // fails only for no connection at all
	return &link{Conn: conn, tcp: tcp, raw: raw, become: become}
}

// Read is called by TLS, or by the reader of requests.
func (l *link) Read(p []byte) (int, error) {
	if l.awaiting && len(l.ahead) == 0 && l.end == nil {
		if !l.resting {
			l.become(idling)
		}
		l.resting = false
		l.await() // an error of it comes again below
		l.become(working)
		l.worked()
	}
	l.awaiting = false
	if len(l.ahead) > 0 {
		n := copy(p, l.ahead)
		l.ahead = l.ahead[n:]
		return n, nil
	}
	if l.end != nil {
		return 0, l.end
	}
	return l.Conn.Read(p)
}

// watch begins to look for the client's end. Gone is closed when it has come. Stop must be
// called before the next Read.
func (l *link) watch() (gone <-chan struct{}, stop func()) {
	left, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		if l.readAhead() {
			close(left)
		}
	}()
	return left, func() {
		_ = l.SetReadDeadline(time.Unix(1, 0))
		<-over
		_ = l.SetReadDeadline(time.Time{})
	}
}

// readAhead reads until the client's end, which it reports, or until there is too
// much, or until it is interrupted.
func (l *link) readAhead() (gone bool) {
	if l.end != nil {
		return true
	}
	for len(l.ahead) < aheadBytes {
		piece := make([]byte, aheadBytes-len(l.ahead))
		n, err := l.Conn.Read(piece)
		l.ahead = append(l.ahead, piece[:n]...)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return false
		case err != nil:
			l.end = err
			return true
		}
	}
	return false
}

// reset ends the connection with a reset.
func (l *link) reset() {
	_ = l.tcp.SetLinger(0)
	_ = l.Close()
}

// closeWrite says that nothing more will be said. Where that cannot be said alone, it
// ends the connection.
func (l *link) closeWrite() {
	half, ok := l.Conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		_ = l.Close()
	}
}
