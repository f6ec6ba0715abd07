package connpool

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// busy returns a pool of two connections: one is idle, one in use.
func busy(t *testing.T) (p *Pool[*fakeConn], idle, inUse *fakeConn) {
	t.Helper()
	idle, inUse = new(fakeConn), new(fakeConn)
	p = fill(2, idle)
	if err := p.Acquire(t.Context(), time.Now()); err != nil || !p.Track(inUse) {
		t.Fatalf("not open: %v", err)
	}
	return p, idle, inUse
}

// closing runs Close beside the test.
func closing(ctx context.Context, p *Pool[*fakeConn]) <-chan error {
	closed := make(chan error, 1)
	go func() { closed <- p.Close(ctx) }()
	synctest.Wait()
	return closed
}

// TestCloseWaits: Close ends what is idle, refuses what is new, and waits for what is under way.
func TestCloseWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, idle, inUse := busy(t)
		if err := p.Acquire(t.Context(), time.Now()); err != nil {
			t.Fatal(err)
		}
		waiting := make(chan error, 1)
		go func() { waiting <- p.Acquire(t.Context(), time.Time{}) }()
		synctest.Wait()

		closed := closing(t.Context(), p)
		wantEnds(t, "after Close", []*fakeConn{idle, inUse}, "bye", "")
		if err := <-waiting; !errors.Is(err, ErrClosed) {
			t.Errorf("who waited: %v, want ErrClosed", err)
		}
		if err := p.Acquire(t.Context(), time.Time{}); !errors.Is(err, ErrClosed) {
			t.Errorf("who came later: %v, want ErrClosed", err)
		}
		late := new(fakeConn)
		if !p.Track(late) {
			t.Error("what is under way may not connect")
		}
		p.Drop(late)
		time.Sleep(time.Hour)
		p.Release()
		if len(closed) != 0 || p.Cut().Err() != nil {
			t.Error("Close did not wait for the connection in use")
		}
		p.Put(inUse, true)
		p.Release()
		if err := <-closed; err != nil {
			t.Errorf("Close: %v", err)
		}
		wantEnds(t, "at the end", []*fakeConn{idle, inUse}, "bye", "bye")
		if p.Cut().Err() == nil {
			t.Error("Cut has not ended")
		}
		if p.Track(late) {
			t.Error("a connection that came too late is welcome")
		}
		if err := p.Close(t.Context()); err != nil {
			t.Errorf("the second Close: %v", err)
		}
	})
}

// TestCloseCutsOff: when ctx ends, Close cuts off what is under way, and gives it a moment
// to return.
func TestCloseCutsOff(t *testing.T) {
	for _, c := range []struct {
		name    string
		returns time.Duration // how long after the cut; zero: never
		took    time.Duration
	}{
		{"returns", 30 * time.Millisecond, 2*time.Second + 30*time.Millisecond},
		{"does not return", 0, 2*time.Second + cutGrace},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, idle, inUse := busy(t)
				context.AfterFunc(p.Cut(), func() {
					if c.returns > 0 {
						time.Sleep(c.returns)
						p.Put(inUse, false)
						p.Release()
					}
				})
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				defer cancel()
				start := time.Now()
				closed := closing(ctx, p)
				wantEnds(t, "before ctx ends", []*fakeConn{idle, inUse}, "bye", "")
				if err := <-closed; !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Close: %v, want ctx's error", err)
				}
				if took := time.Since(start); took != c.took {
					t.Errorf("Close took %v, want %v", took, c.took)
				}
				if inUse.ended() == "" || inUse.ends[0] != "abort" {
					t.Errorf("the connection in use ended by %q, want abort", inUse.ended())
				}
			})
		})
	}
}

// TestCloseStopsReaping: nothing is left behind that would act later.
func TestCloseStopsReaping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conns := newConns(2)
		p := fill(2, conns...)
		if err := p.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * idleTimeout)
		synctest.Wait()
		wantEnds(t, "long after Close", conns, "bye", "bye")
	})
}
