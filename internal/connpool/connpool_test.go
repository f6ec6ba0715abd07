package connpool

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// fakeConn is a connection that writes down how it ended.
type fakeConn struct {
	dead, spent bool

	mu   sync.Mutex
	ends []string
}

func (c *fakeConn) Alive(time.Time) bool { return !c.dead }
func (c *fakeConn) Spent() bool          { return c.spent }
func (c *fakeConn) Bye()                 { c.end("bye") }
func (c *fakeConn) Abort()               { c.end("abort") }

func (c *fakeConn) end(how string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ends = append(c.ends, how)
}

// ended returns "bye" or "abort", and the empty string while the connection is open.
func (c *fakeConn) ended() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(c.ends, ", ")
}

// wantEnds checks how each of conns has ended.
func wantEnds(t *testing.T, what string, conns []*fakeConn, want ...string) {
	t.Helper()
	got := make([]string, len(conns))
	for i, conn := range conns {
		got[i] = conn.ended()
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s: connections ended by %q, want %q", what, got, want)
	}
}

// newConns returns n connections that are in order.
func newConns(n int) []*fakeConn {
	conns := make([]*fakeConn, n)
	for i := range conns {
		conns[i] = new(fakeConn)
	}
	return conns
}

const idleTimeout = 20 * time.Second

// fill returns a pool of the given size in which conns are idle, the last of them used last.
func fill(size int, conns ...*fakeConn) *Pool[*fakeConn] {
	p := New[*fakeConn](size, idleTimeout)
	for _, conn := range conns {
		p.Track(conn)
		p.Put(conn, true)
	}
	return p
}

// TestAcquire: with all connections in use, Acquire waits until one is free or a limit is
// reached, and says which.
func TestAcquire(t *testing.T) {
	for _, c := range []struct {
		name            string
		limit, deadline time.Duration // zero: none
		free            time.Duration // when one is given back
		after           time.Duration
		want            error
	}{
		{"given back", time.Minute, 0, 5 * time.Second, 5 * time.Second, nil},
		{"given back, no limit", 0, 0, time.Hour, time.Hour, nil},
		{"limit", 7 * time.Second, 0, time.Hour, 7 * time.Second, ErrSaturated},
		{"limit before ctx", 7 * time.Second, time.Minute, time.Hour, 7 * time.Second, ErrSaturated},
		{"ctx", time.Minute, 3 * time.Second, time.Hour, 3 * time.Second, context.DeadlineExceeded},
		{"limit long past", -time.Second, 0, time.Hour, 0, ErrSaturated},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := New[*fakeConn](2, idleTimeout)
				for range 2 {
					if err := p.Acquire(t.Context(), time.Now()); err != nil {
						t.Fatalf("a free one: %v", err)
					}
				}
				ctx, limit := t.Context(), time.Time{}
				if c.limit != 0 {
					limit = time.Now().Add(c.limit)
				}
				if c.deadline != 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, c.deadline)
					defer cancel()
				}
				freed := time.AfterFunc(c.free, p.Release)
				start := time.Now()
				err := p.Acquire(ctx, limit)
				if !errors.Is(err, c.want) || time.Since(start) != c.after {
					t.Errorf("%v after %v, want %v after %v", err, time.Since(start), c.want, c.after)
				}
				freed.Stop()
			})
		})
	}
}

// TestAcquireAfterEnd: an ended ctx gets nothing, although there is something.
func TestAcquireAfterEnd(t *testing.T) {
	p := New[*fakeConn](1, idleTimeout)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Acquire(ctx, time.Time{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want ctx's error", err)
	}
	if err := p.Acquire(t.Context(), time.Now()); err != nil {
		t.Errorf("the connection is gone: %v", err)
	}
}

// TestTake: the connection used last comes first, and dead ones are dropped on the way.
func TestTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conns := newConns(4)
		p := fill(4, conns...)
		conns[3].dead, conns[1].dead = true, true
		if got := p.Take(time.Now()); got != conns[2] {
			t.Error("the first is not the last living one")
		}
		if got := p.Take(time.Now()); got != conns[0] {
			t.Error("the second is not the only living one")
		}
		if got := p.Take(time.Now()); got != nil {
			t.Error("there is a third")
		}
		wantEnds(t, "after Take", conns, "", "abort", "", "abort")
		if n := p.InUse(); n != 2 {
			t.Errorf("%d in use, want 2", n)
		}
	})
}

// TestTakeTooOld: what has been idle for as long as it may is not taken, reaped or not.
func TestTakeTooOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conns := newConns(2)
		p := fill(2, conns...)
		if got := p.Take(time.Now().Add(idleTimeout)); got != nil {
			t.Error("one was taken at the end of its time")
		}
		wantEnds(t, "at the end of their time", conns, "abort", "abort")
		p.Put(conns[0], true)
		if got := p.Take(time.Now().Add(idleTimeout - 1)); got != conns[0] {
			t.Error("one was not taken before the end of its time")
		}
	})
}

// TestPut: what is in order and not spent is kept, and the rest ended as it deserves.
func TestPut(t *testing.T) {
	for _, c := range []struct {
		name            string
		reusable, spent bool
		timeout         time.Duration
		idle            int // already, of 2
		ended           string
	}{
		{"kept", true, false, idleTimeout, 0, ""},
		{"last place", true, false, idleTimeout, 1, ""},
		{"no place", true, false, idleTimeout, 2, "bye"},
		{"spent", true, true, idleTimeout, 0, "bye"},
		{"not reusable", false, false, idleTimeout, 0, "abort"},
		{"spent and not reusable", false, true, idleTimeout, 0, "abort"},
		{"none kept", true, false, -1, 0, "bye"},
		{"none kept, by zero", true, false, 0, 0, "bye"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := New[*fakeConn](2, c.timeout)
				for _, conn := range newConns(c.idle) {
					p.Put(conn, true)
				}
				conn := &fakeConn{spent: c.spent}
				p.Track(conn)
				p.Put(conn, c.reusable)
				if got := conn.ended(); got != c.ended {
					t.Errorf("ended by %q, want %q", got, c.ended)
				}
				if n := p.InUse(); n != 0 {
					t.Errorf("%d in use, want none", n)
				}
				if kept := p.Take(time.Now()) == conn; kept != (c.ended == "") {
					t.Errorf("taken again: %v", kept)
				}
			})
		})
	}
}

// TestIdleTimeout: each idle connection is ended when its own time has come, and one that
// was used meanwhile starts anew.
func TestIdleTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conns := newConns(3)
		p := fill(3, conns[0]) // at 0 s
		after := func(seconds int, what string, want ...string) {
			t.Helper()
			time.Sleep(time.Duration(seconds) * time.Second)
			synctest.Wait()
			wantEnds(t, what, conns, want...)
		}
		after(5, "at 5 s", "", "", "")
		p.Put(conns[1], true)
		after(10, "at 15 s", "", "", "")
		p.Put(conns[2], true)
		after(4, "at 19 s", "", "", "")
		after(1, "at 20 s", "bye", "", "")
		if p.Take(time.Now()) != conns[2] {
			t.Fatal("the last one was not taken")
		}
		after(5, "at 25 s", "bye", "bye", "")
		p.Put(conns[2], true)
		after(19, "at 44 s", "bye", "bye", "")
		after(1, "at 45 s", "bye", "bye", "bye")
		if p.Take(time.Now()) != nil {
			t.Error("something is left")
		}
	})
}

// TestMakeRoom: the connection that has been idle longest makes room, where there is none.
func TestMakeRoom(t *testing.T) {
	for _, c := range []struct {
		name           string
		idle, acquired int // of 3
		want           []string
	}{
		{"nothing idle", 0, 3, []string{}},
		{"room left", 2, 1, []string{"", ""}},
		{"all idle", 3, 1, []string{"bye", "", ""}},
		{"some idle", 2, 2, []string{"bye", ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conns := newConns(c.idle)
				p := fill(3, conns...)
				for range c.acquired {
					if err := p.Acquire(t.Context(), time.Now()); err != nil {
						t.Fatal(err)
					}
				}
				p.MakeRoom()
				wantEnds(t, "after MakeRoom", conns, c.want...)
			})
		})
	}
}

// TestDrop: a dropped connection is closed and forgotten.
func TestDrop(t *testing.T) {
	p, conn := fill(1), new(fakeConn)
	if !p.Track(conn) || p.InUse() != 1 {
		t.Error("it is not counted as in use")
	}
	p.Drop(conn)
	if p.InUse() != 0 || conn.ended() != "abort" {
		t.Errorf("%d in use, ended by %q", p.InUse(), conn.ended())
	}
}

// TestManyUsers: no more connections than there are places, whoever wants them.
func TestManyUsers(t *testing.T) {
	const size = 3
	p := New[*fakeConn](size, idleTimeout)
	var open, peak atomic.Int64
	var group sync.WaitGroup
	for i := range 50 {
		group.Go(func() {
			for j := range 50 {
				if err := p.Acquire(t.Context(), time.Time{}); err != nil {
					t.Error(err)
					return
				}
				conn := p.Take(time.Now())
				if conn == nil {
					conn = new(fakeConn)
					p.Track(conn)
				}
				for n := open.Add(1); ; {
					if old := peak.Load(); n <= old || peak.CompareAndSwap(old, n) {
						break
					}
				}
				open.Add(-1)
				p.Put(conn, (i+j)%5 != 0)
				p.Release()
			}
		})
	}
	group.Wait()
	if n := peak.Load(); n > size || n == 0 {
		t.Errorf("%d connections in use at once, want 1 to %d", n, size)
	}
	if n := p.InUse(); n != 0 {
		t.Errorf("%d in use, want none", n)
	}
	if err := p.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
