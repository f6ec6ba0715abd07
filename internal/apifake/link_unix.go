//go:build unix

package apifake

import (
	"errors"
	"syscall"
)

// A looker is what pending needs where the network cannot be asked.
type looker struct{}

func (looker) worked() {}

// await waits until there is something to read, the client's end included, and leaves it
// where it is: until the connection counts as working, pending must see it.
func (l *link) await() {
	_ = l.raw.Read(func(fd uintptr) bool {
		return !isEmpty(fd)
	})
}

// pending reports whether something has arrived that was not read: bytes or an end.
func (l *link) pending() (there bool) {
	err := l.raw.Control(func(fd uintptr) {
		there = !isEmpty(fd)
	})
	return there && err == nil
}

// isEmpty reports whether a read would have to wait.
func isEmpty(fd uintptr) bool {
	var one [1]byte
	for {
		_, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		if !errors.Is(err, syscall.EINTR) {
			return errors.Is(err, syscall.EAGAIN)
		}
	}
}
