package netconn

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/internal/testcert"
)

// TestStopWriting: a write that waits fails at once, the read beside it goes on, and no
// later limit lets writes through again.
func TestStopWriting(t *testing.T) {
	certs := testcert.Must(t)
	for name, open := range map[string]func(t *testing.T) (*Conn, net.Conn){
		"plain": newPipe,
		"TLS": func(t *testing.T) (*Conn, net.Conn) {
			return newTLS(t, certs, func(c net.Conn) net.Conn { return c }, net.Pipe)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, peer := open(t)
				c.SetLimit(time.Now().Add(time.Hour))
				read := make(chan error, 1)
				go func() { read <- readByte(c) }()
				time.AfterFunc(2*time.Second, c.StopWriting)
				failsAfter(t, c, writeByte, 2*time.Second, ErrTimeout)
				synctest.Wait()
				if len(read) != 0 {
					t.Fatalf("the read has ended as well: %v", <-read)
				}
				if _, err := peer.Write([]byte("y")); err != nil {
					t.Fatal(err)
				}
				if err := <-read; err != nil {
					t.Errorf("the read that was under way: %v", err)
				}
				c.SetLimit(time.Now().Add(time.Second))
				c.SetWriteLimit(time.Now().Add(time.Second))
				failsAfter(t, c, writeByte, 0, ErrTimeout)
				failsAfter(t, c, readByte, time.Second, ErrTimeout)
				if c.Alive(time.Now()) {
					t.Error("it counts as usable")
				}
			})
		})
	}
}

// TestSetWriteLimit: it limits writes, not beyond the deadline of ctx, and no read.
func TestSetWriteLimit(t *testing.T) {
	for _, c := range []struct {
		name            string
		limit, deadline time.Duration
		cause           error
	}{
		{"limit first", 2 * time.Second, 5 * time.Second, ErrTimeout},
		{"deadline first", 5 * time.Second, 2 * time.Second, context.DeadlineExceeded},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn, _ := newPipe(t)
				ctx, cancel := context.WithTimeout(t.Context(), c.deadline)
				defer cancel()
				conn.Bind(ctx)
				conn.SetWriteLimit(time.Now().Add(c.limit))
				failsAfter(t, conn, writeByte, 2*time.Second, c.cause)
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		c, _ := newPipe(t)
		c.SetLimit(time.Now().Add(7 * time.Second))
		c.SetWriteLimit(time.Now().Add(time.Second))
		failsAfter(t, c, readByte, 7*time.Second, ErrTimeout)
	})
}

// TestPut: a step may take as long as the stall limit says, all of it may take longer, and
// commit comes first.
func TestPut(t *testing.T) {
	const stall = 10 * time.Second
	for _, c := range []struct {
		name   string
		bytes  int
		pauses []time.Duration // before the peer takes each step; after the last it takes nothing
		commit time.Duration   // zero: none
		fails  time.Duration   // when; zero: it does not
	}{
		{name: "nothing"},
		{name: "one step", bytes: stepBytes, pauses: []time.Duration{9 * time.Second}},
		{name: "slow but steady", bytes: 2*stepBytes + 1, pauses: []time.Duration{9 * time.Second, 9 * time.Second, 9 * time.Second}},
		{name: "stalled", bytes: 1, fails: stall},
		{name: "stalled in the second step", bytes: 3 * stepBytes, pauses: []time.Duration{9 * time.Second}, fails: 19 * time.Second},
		{name: "commit first", bytes: 1, commit: 3 * time.Second, fails: 3 * time.Second},
		{name: "stall before commit", bytes: 1, commit: time.Minute, fails: stall},
		{name: "commit in the third step", bytes: 3 * stepBytes, pauses: []time.Duration{8 * time.Second, 8 * time.Second},
			commit: 20 * time.Second, fails: 20 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn, peer := newPipe(t)
				taken := make(chan int, 1)
				go func() { taken <- takeSteps(peer, c.pauses, c.bytes) }()
				var commit time.Time
				if c.commit > 0 {
					commit = time.Now().Add(c.commit)
				}
				put := func(conn *Conn) error { return conn.Put(make([]byte, c.bytes), stall, commit) }
				if c.fails > 0 {
					failsAfter(t, conn, put, c.fails, ErrTimeout)
					return
				}
				if err := put(conn); err != nil {
					t.Fatal(err)
				}
				if n := <-taken; n != c.bytes {
					t.Errorf("%d bytes arrived, want %d", n, c.bytes)
				}
			})
		})
	}
}

// takeSteps reads a step after each pause, n bytes at most.
func takeSteps(r io.Reader, pauses []time.Duration, n int) (taken int) {
	for _, pause := range pauses {
		time.Sleep(pause)
		m, err := io.ReadFull(r, make([]byte, min(stepBytes, n-taken)))
		taken += m
		if err != nil {
			break
		}
	}
	return taken
}

// shortWriter takes all but the last missing bytes, and fails with err.
type shortWriter struct {
	net.Conn
	missing int
	err     error
}

func (w *shortWriter) Write(p []byte) (int, error) { return len(p) - w.missing, w.err }

// TestRelease: the last byte has gone when the transport took everything, whatever else it
// says; where a count may be too low, a write that was stopped may have sent it too.
func TestRelease(t *testing.T) {
	reset := errors.New("reset")
	for _, c := range []struct {
		name     string
		missing  int
		err      error
		released bool
	}{
		{"taken", 0, nil, true},
		{"taken, with an error", 0, reset, true},
		{"taken, then stopped", 0, os.ErrDeadlineExceeded, true},
		{"all but one byte", 1, reset, false},
		{"nothing", 5, reset, false},
		{"all but one byte, then stopped", 1, &net.OpError{Op: "write", Err: os.ErrDeadlineExceeded}, !countsAreExact},
		{"nothing, closed", 5, net.ErrClosed, !countsAreExact},
	} {
		conn := new(Conn)
		conn.Init(&shortWriter{missing: c.missing, err: c.err}, 16)
		released, err := conn.Release([]byte("hello"))
		want := c.err
		if c.missing == 0 {
			want = nil // the next operation will say it
		}
		if released != c.released || !errors.Is(err, want) {
			t.Errorf("%s: released %v, %v; want %v, %v", c.name, released, err, c.released, want)
		}
	}
}

// eager takes everything it is given, and says that something went wrong.
type eager struct {
	net.Conn
	armed bool
}

func (c *eager) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if c.armed && err == nil {
		err = errors.New("an afterthought")
	}
	return n, err
}

// TestReleaseUnderTLS: a transport that took the whole of the last record has let the last byte go.
func TestReleaseUnderTLS(t *testing.T) {
	certs := testcert.Must(t)
	synctest.Test(t, func(t *testing.T) {
		var transport *eager
		c, peer := newTLS(t, certs, func(c net.Conn) net.Conn { return c }, func() (net.Conn, net.Conn) {
			ours, theirs := net.Pipe()
			transport = &eager{Conn: ours}
			return transport, theirs
		})
		transport.armed = true
		got := make(chan string, 1)
		go func() {
			b := make([]byte, 5)
			n, _ := io.ReadFull(peer, b)
			got <- string(b[:n])
		}()
		if released, err := c.Release([]byte("hello")); !released || err != nil || <-got != "hello" {
			t.Errorf("released %v, %v", released, err)
		}
	})
}

// TestPutProgress: what moves has not stalled, however slowly: a limit that passes in the middle of a
// write is none when part of it has gone.
func TestPutProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, peer := newPipe(t)
		const size = 3 * stepBytes
		read := make(chan int, 1)
		go func() {
			b, total := make([]byte, 4<<10), 0
			for total < size {
				time.Sleep(300 * time.Millisecond)
				n, err := peer.Read(b)
				if total += n; err != nil {
					break
				}
			}
			read <- total
		}()
		if err := c.Put(make([]byte, size), time.Second, time.Time{}); err != nil || <-read != size {
			t.Errorf("Put: %v", err)
		}
		c2, _ := newPipe(t)
		if err := c2.Put(make([]byte, size), time.Second, time.Time{}); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Put to nobody: %v", err)
		}
	})
}
