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

// newPipe returns a connection in memory, where what one side has not read the other has
// not written, and its other end. Both are closed when the test ends.
func newPipe(t *testing.T) (*Conn, net.Conn) {
	t.Helper()
	ours, theirs := net.Pipe()
	return newConn(t, ours, theirs), theirs
}

// newConn returns a Conn over ours, and closes both ends when the test ends.
func newConn(t *testing.T, ours, theirs net.Conn) *Conn {
	t.Helper()
	c := new(Conn)
	c.Init(ours, 4<<10)
	t.Cleanup(func() {
		c.Abort()
		_ = theirs.Close()
	})
	return c
}

// A wait is an operation that a silent peer keeps waiting.
type wait func(c *Conn) error

func readByte(c *Conn) error  { _, err := c.R.ReadByte(); return err }
func writeByte(c *Conn) error { _, err := c.Write([]byte("x")); return err }

var waits = map[string]wait{"read": readByte, "write": writeByte}

// forEachWait runs test in a bubble of virtual time, once for a read and once for a write.
func forEachWait(t *testing.T, test func(t *testing.T, c *Conn, peer net.Conn, wait wait)) {
	t.Helper()
	for name, wait := range waits {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, peer := newPipe(t)
				test(t, c, peer, wait)
			})
		})
	}
}

// failsAfter checks when wait fails and what Cause says of that.
func failsAfter(t *testing.T, c *Conn, wait wait, after time.Duration, cause error) {
	t.Helper()
	start := time.Now()
	err := wait(c)
	if err == nil {
		t.Fatal("it succeeded")
	}
	if got := c.Cause(err); !errors.Is(got, cause) {
		t.Errorf("cause %v, want %v", got, cause)
	}
	if took := time.Since(start); took != after {
		t.Errorf("failed after %v, want %v", took, after)
	}
}

// TestEndOfContext: the end of the bound ctx ends what is being waited for, at once and
// for good.
func TestEndOfContext(t *testing.T) {
	for _, c := range []struct {
		name  string
		bound func(ctx context.Context) (context.Context, context.CancelFunc)
		cause error
	}{
		{"cancelled", func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(3*time.Second, cancel)
			return ctx, cancel
		}, context.Canceled},
		{"deadline", func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 3*time.Second)
		}, context.DeadlineExceeded},
	} {
		t.Run(c.name, func(t *testing.T) {
			forEachWait(t, func(t *testing.T, conn *Conn, _ net.Conn, wait wait) {
				ctx, cancel := c.bound(t.Context())
				defer cancel()
				conn.Bind(ctx)
				failsAfter(t, conn, wait, 3*time.Second, c.cause)
				synctest.Wait()
				conn.SetLimit(time.Now().Add(time.Hour))
				conn.SetWriteLimit(time.Now().Add(time.Hour))
				failsAfter(t, conn, wait, 0, c.cause)
				if !conn.Aborted() || conn.Alive(time.Now()) {
					t.Error("it still counts as usable")
				}
				if conn.Unbind() {
					t.Error("Unbind reports that ctx had not ended")
				}
			})
		})
	}
}

// TestUnbind: a ctx that ends after Unbind is nothing to the connection.
func TestUnbind(t *testing.T) {
	forEachWait(t, func(t *testing.T, c *Conn, _ net.Conn, wait wait) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		c.Bind(ctx)
		if c.Context() != ctx {
			t.Error("Context is not what was bound")
		}
		if !c.Unbind() {
			t.Error("Unbind reports that ctx had ended")
		}
		cancel()
		synctest.Wait()
		if c.Context().Done() != nil || c.Aborted() {
			t.Error("it is still bound")
		}
		c.SetLimit(time.Now().Add(2 * time.Minute))
		failsAfter(t, c, wait, 2*time.Minute, ErrTimeout)
	})
}

// TestUnbindWithoutEnd: a ctx that cannot end has not ended.
func TestUnbindWithoutEnd(t *testing.T) {
	c, _ := newPipe(t)
	if !c.Unbind() {
		t.Error("never bound: Unbind reports an end")
	}
	c.Bind(context.Background())
	if !c.Unbind() {
		t.Error("bound to Background: Unbind reports an end")
	}
}

// TestSetLimit: the limit and the deadline of ctx, of which the first counts and names itself.
func TestSetLimit(t *testing.T) {
	for _, c := range []struct {
		name            string
		limit, deadline time.Duration // zero: none
		after           time.Duration
		cause           error
	}{
		{"limit alone", 2 * time.Second, 0, 2 * time.Second, ErrTimeout},
		{"limit first", 2 * time.Second, 5 * time.Second, 2 * time.Second, ErrTimeout},
		{"deadline first", 5 * time.Second, 2 * time.Second, 2 * time.Second, context.DeadlineExceeded},
		{"no limit", 0, 2 * time.Second, 2 * time.Second, context.DeadlineExceeded},
	} {
		t.Run(c.name, func(t *testing.T) {
			forEachWait(t, func(t *testing.T, conn *Conn, _ net.Conn, wait wait) {
				ctx := t.Context()
				if c.deadline > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, c.deadline)
					defer cancel()
				}
				conn.Bind(ctx)
				var limit time.Time
				if c.limit > 0 {
					limit = time.Now().Add(c.limit)
				}
				conn.SetLimit(limit)
				failsAfter(t, conn, wait, c.after, c.cause)
			})
		})
	}
}

// TestNoLimit: a limit that was set is taken away by none, and then nothing ends a wait
// but the other side.
func TestNoLimit(t *testing.T) {
	forEachWait(t, func(t *testing.T, c *Conn, peer net.Conn, wait wait) {
		c.SetLimit(time.Now().Add(time.Second))
		c.SetLimit(time.Time{})
		time.AfterFunc(time.Hour, func() { _ = peer.Close() })
		start := time.Now()
		err := wait(c)
		if err == nil || !errors.Is(c.Cause(err), err) || time.Since(start) != time.Hour {
			t.Errorf("%v after %v, want the other side's end after an hour", err, time.Since(start))
		}
	})
}

// TestAbort: a connection that is aborted from elsewhere keeps nobody waiting.
func TestAbort(t *testing.T) {
	forEachWait(t, func(t *testing.T, c *Conn, peer net.Conn, wait wait) {
		time.AfterFunc(time.Second, c.Abort)
		failsAfter(t, c, wait, time.Second, io.ErrClosedPipe)
		if !c.Aborted() || c.Alive(time.Now()) {
			t.Error("it still counts as usable")
		}
		if _, err := peer.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("the other side: %v, want the end", err)
		}
	})
}

// late is a ctx whose deadline has passed although it has not ended yet.
type late struct{ context.Context }

func (late) Deadline() (time.Time, bool) { return time.Now().Add(-time.Millisecond), true }

func TestCause(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	reset := errors.New("reset")
	for _, c := range []struct {
		name      string
		ctx       context.Context
		err, want error
	}{
		{"other side's", t.Context(), reset, reset},
		{"limit", t.Context(), &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, ErrTimeout},
		{"limit of a handshake", t.Context(), context.DeadlineExceeded, ErrTimeout},
		{"ctx ended", cancelled, reset, context.Canceled},
		{"ctx ended, limit", cancelled, os.ErrDeadlineExceeded, context.Canceled},
		{"clock ahead of ctx", late{t.Context()}, os.ErrDeadlineExceeded, context.DeadlineExceeded},
		{"other side's, clock ahead of ctx", late{t.Context()}, reset, reset},
	} {
		conn, _ := newPipe(t)
		conn.Bind(c.ctx)
		if got := conn.Cause(c.err); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestErrTimeout: it is a timeout as package net has them, and no error of a ctx.
func TestErrTimeout(t *testing.T) {
	var timeout net.Error
	if !errors.As(ErrTimeout, &timeout) || !timeout.Timeout() {
		t.Error("it is not a timeout of package net")
	}
	if errors.Is(ErrTimeout, context.DeadlineExceeded) || errors.Is(ErrTimeout, context.Canceled) {
		t.Error("it says that a ctx ended")
	}
}

// TestHandshake: what is read and written is protected from then on.
func TestHandshake(t *testing.T) {
	certs := testcert.Must(t)
	synctest.Test(t, func(t *testing.T) {
		c, _ := newTLS(t, certs, func(c net.Conn) net.Conn { return c }, net.Pipe)
		state, ok := c.TLS()
		if !ok || !state.HandshakeComplete || state.ServerName != "localhost" {
			t.Errorf("state %v, %+v", ok, state)
		}
		c.SetLimit(time.Now().Add(time.Second))
		failsAfter(t, c, readByte, time.Second, ErrTimeout)
	})
}

// TestHandshakeLimit: a server that does not answer is waited for until the limit.
func TestHandshakeLimit(t *testing.T) {
	certs := testcert.Must(t)
	synctest.Test(t, func(t *testing.T) {
		c, peer := newPipe(t)
		go func() { _, _ = io.Copy(io.Discard, peer) }()
		failsAfter(t, c, func(c *Conn) error {
			return c.Handshake(certs.Client("localhost"), time.Now().Add(4*time.Second))
		}, 4*time.Second, ErrTimeout)
		if _, ok := c.TLS(); ok {
			t.Error("TLS reports a connection that there is none of")
		}
	})
}
