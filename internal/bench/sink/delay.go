package sink

import (
	"net"
	"strconv"
	"sync"
	"time"
)

// ListenDelayed opens a port of 127.0.0.1 that leads to the given one by a long way: each direction
// takes delay longer, without a limit on the rate.
func ListenDelayed(port int, delay time.Duration) (*Listener, error) {
	return listen(func(near net.Conn) {
		far, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			return
		}
		var wg sync.WaitGroup
		wg.Go(func() { carry(far, near, delay) })
		wg.Go(func() { carry(near, far, delay) })
		wg.Wait()
	})
}

// maxUnderway is how many reads may be on the way at once.
const maxUnderway = 4096

type parcel struct {
	due  time.Time
	data []byte
}

// carry brings what comes from src to dst, each piece a delay later, and closes both when one ends.
func carry(dst, src net.Conn, delay time.Duration) {
	underway := make(chan parcel, maxUnderway)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { _ = dst.Close() }()
		failed := false
		for p := range underway {
			if failed {
				continue
			}
			time.Sleep(time.Until(p.due))
			if _, err := dst.Write(p.data); err != nil {
				failed = true
				_ = src.Close()
			}
		}
	}()
	buf := make([]byte, 64<<10)
	for {
		n, err := src.Read(buf)
		if n > 0 {
			underway <- parcel{time.Now().Add(delay), append([]byte(nil), buf[:n]...)}
		}
		if err != nil {
			break
		}
	}
	close(underway)
	<-done
}
