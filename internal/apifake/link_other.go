//go:build !unix

package apifake

import (
	"errors"
	"os"
	"sync"
	"time"
)

// lookFor is how long pending looks for bytes that may be there already.
const lookFor = 20 * time.Millisecond

// A looker serves pending where the network cannot be asked whether something has arrived:
// the read that awaits it is interrupted, tried once more for a moment, and resumed.
type looker struct {
	mu     sync.Mutex
	found  bool      // await has found something, and the connection is about to count as working
	answer chan bool // what pending waits for; nil when nobody asks
}

// worked says that the connection counts as working.
func (k *looker) worked() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.found = false
}

func (k *looker) tell(found bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.found = found
	if k.answer != nil {
		k.answer <- found // there is room for one
		k.answer = nil
	}
}

// await waits until something was read, or the connection ended.
func (l *link) await() {
	piece := make([]byte, aheadBytes)
	n, err := l.Conn.Read(piece)
	for isInterrupted(n, err) {
		_ = l.SetReadDeadline(time.Now().Add(lookFor))
		n, err = l.Conn.Read(piece)
		_ = l.SetReadDeadline(time.Time{})
		if isInterrupted(n, err) {
			l.tell(false)
			n, err = l.Conn.Read(piece)
		}
	}
	l.ahead, l.end = piece[:n], err
	l.tell(true)
	_ = l.SetReadDeadline(time.Time{}) // pending may have interrupted what was over
}

func isInterrupted(n int, err error) bool { return n == 0 && errors.Is(err, os.ErrDeadlineExceeded) }

// pending reports whether something has arrived that was not read: bytes or an end. The
// connection counts as idling, so that its owner is in await, or about to be.
func (l *link) pending() bool {
	found, answer := l.ask()
	return found || <-answer
}

// ask interrupts await, unless it has found something.
func (l *link) ask() (found bool, answer <-chan bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.found {
		return true, nil
	}
	l.answer = make(chan bool, 1)
	_ = l.SetReadDeadline(time.Unix(1, 0))
	return false, l.answer
}
