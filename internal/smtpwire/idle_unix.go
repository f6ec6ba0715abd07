//go:build unix

package smtpwire

import (
	"net"
	"syscall"
)

// isQuiet looks into the socket's buffer without taking anything out of it.
func isQuiet(nc net.Conn) bool {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return isQuietByReading(nc)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	quiet := false
	err = raw.Read(func(fd uintptr) bool {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT) //nolint:gosec // a file descriptor
		quiet = err == syscall.EAGAIN || err == syscall.EWOULDBLOCK                         //nolint:errorlint // an errno
		return true
	})
	return err == nil && quiet
}
