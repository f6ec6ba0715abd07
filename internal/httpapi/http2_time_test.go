package httpapi_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/mailer"
)

// quiet is a fault after which the server says nothing more to the request. It reads on.
func quiet(*call, uint32) bool { return false }

// deaf is one after which it reads nothing any more.
func deaf(v *call, _ uint32) bool {
	v.over = true
	<-v.gone
	return false
}

// limited has limits that are easy to tell apart.
func limited(c *httpapi.Config) {
	c.Timeout, c.StallTimeout, c.ReplyTimeout = 5*time.Second, 7*time.Second, 11*time.Second
}

// TestHTTP2Limits: every wait ends when its limit says, and with the verdict of the one to blame.
func TestHTTP2Limits(t *testing.T) {
	for name, c := range map[string]struct {
		at      moment
		fault   func(*call, uint32) bool
		size    int
		commit  time.Duration // of the gate
		ctx     time.Duration // of the caller
		after   time.Duration
		verdict ledger.Verdict
	}{
		"no settings":                        {atSettings, deaf, 1000, 0, 0, 5 * time.Second, ledger.ProviderDown},
		"no settings, gate":                  {atSettings, deaf, 1000, time.Second, 0, time.Second, ledger.ProviderDown},
		"no settings, caller":                {atSettings, deaf, 1000, 0, time.Second, time.Second, ledger.CallerFault},
		"no room for the body":               {atBody, quiet, 1000, 0, 0, 7 * time.Second, ledger.ProviderDown},
		"no room for a large body":           {atBody, quiet, 200_000, 0, 0, 7 * time.Second, ledger.ProviderDown},
		"no room, gate":                      {atBody, quiet, 1000, 2 * time.Second, 0, 2 * time.Second, ledger.ProviderDown},
		"no room, gate, long ctx":            {atBody, quiet, 1000, 2 * time.Second, time.Hour, 2 * time.Second, ledger.ProviderDown},
		"no room, caller":                    {atBody, quiet, 1000, 0, 3 * time.Second, 3 * time.Second, ledger.CallerFault},
		"reads nothing":                      {atHead, deaf, 200_000, 0, 0, 7 * time.Second, ledger.ProviderDown},
		"reads nothing, caller":              {atHead, deaf, 200_000, 0, 3 * time.Second, 3 * time.Second, ledger.CallerFault},
		"no reply":                           {atEnd, quiet, 1000, 0, 0, 11 * time.Second, ledger.Unknown},
		"no reply, gate":                     {atEnd, quiet, 1000, time.Second, 0, 11 * time.Second, ledger.Unknown},
		"no reply, caller":                   {atEnd, quiet, 1000, 0, 3 * time.Second, 3 * time.Second, ledger.UnknownByCaller},
		"no reply, patient caller":           {atEnd, quiet, 1000, 0, time.Minute, time.Minute, ledger.UnknownByCaller},
		"no reply, and the connection dead":  {atEnd, deaf, 1000, 0, time.Hour, 12 * time.Second, ledger.Unknown},
		"no body of the reply":               {atReplyHead, quiet, 1000, 0, 0, 11 * time.Second, ledger.Unknown},
		"no end of the reply's body":         {atReplyBody, quiet, 1000, 0, 0, 11 * time.Second, ledger.Unknown},
		"no end of the reply's body, caller": {atReplyBody, quiet, 1000, 0, time.Second, time.Second, ledger.UnknownByCaller},
		"no end of an early reply": {atBody, func(v *call, id uint32) bool {
			v.head(id, false, ":status", "413")
			return false
		}, 1000, 0, 0, 250 * time.Millisecond, ledger.MessageUnfit},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &framer{at: c.at, fault: c.fault}
				if c.size < 1<<16 && c.at <= atBody {
					f.window = 100
				}
				r := newHTTP2Rig(t, f, f.pipe, limited)
				defer r.close()
				ctx, a, start := context.Background(), &ledger.Attempt{}, time.Now()
				if c.commit > 0 {
					a.Gate = &mailer.Gate{CommitBy: start.Add(c.commit)}
				}
				if c.ctx > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, c.ctx)
					defer cancel()
				}
				v := r.post(ctx, a, text(c.size))
				if took := time.Since(start); took != c.after {
					t.Errorf("it took %v, want %v", took, c.after)
				}
				if v.Verdict != c.verdict {
					t.Errorf("got %+v (%v), want %+v", v.Verdict, v.err, c.verdict)
				}
				if caller := c.verdict == ledger.CallerFault || c.verdict == ledger.UnknownByCaller; caller != errors.Is(v.err, context.DeadlineExceeded) {
					t.Errorf("the error is %v", v.err)
				}
			})
		})
	}
}

// TestHTTP2Mute: a server that reads nothing after the handshake holds nobody up for longer
// than a connection may take.
func TestHTTP2Mute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &framer{mute: true}
		r := newHTTP2Rig(t, f, f.pipe, limited)
		defer r.close()
		start := time.Now()
		r.send(context.Background(), 10).is(t, ledger.ProviderDown, 0)
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// TestHTTP2Cancelled: the caller's end of ctx is ctx's error, whatever cause he gave for it.
func TestHTTP2Cancelled(t *testing.T) {
	for m, want := range map[moment]ledger.Verdict{atHead: ledger.CallerFault, atEnd: ledger.UnknownByCaller, atReplyBody: ledger.UnknownByCaller} {
		synctest.Test(t, func(t *testing.T) {
			f := &framer{at: m, fault: quiet}
			r := newHTTP2Rig(t, f, f.pipe, limited)
			defer r.close()
			ctx, cancel := context.WithCancelCause(context.Background())
			time.AfterFunc(time.Second, func() { cancel(errors.New("of my own")) })
			v := r.send(ctx, 200_000)
			if v.Verdict != want || !errors.Is(v.err, context.Canceled) {
				t.Errorf("%v: got %+v (%v)", m, v.Verdict, v.err)
			}
		})
	}
}

// slow is a content that comes at its own pace.
type slow struct {
	text
	pause time.Duration
}

func (s slow) WriteTo(w io.Writer) (done int64, err error) {
	for done < int64(s.text) {
		time.Sleep(s.pause)
		n, err := io.WriteString(w, content[done%26:][:min(int64(s.text)-done, 20_000)])
		if done += int64(n); err != nil {
			return done, err
		}
	}
	return done, nil
}

// TestHTTP2SlowContent: the content's own pace is nobody's stall. What goes wrong meanwhile
// shows when it comes back to us, as over HTTP/1.1.
func TestHTTP2SlowContent(t *testing.T) {
	for name, c := range map[string]struct {
		fault   func(*call, uint32) bool
		verdict ledger.Verdict
		code    int
	}{
		"accepted": {nil, ledger.Accepted, 202},
		"reset":    {reset(2), ledger.ProviderDown, 0},
		"refused":  {reset(7), ledger.Accepted, 202},
		"cut":      {cutLink(true), ledger.ProviderDown, 0},
		"replied": {func(v *call, id uint32) bool {
			v.head(id, true, ":status", "413")
			return false
		}, ledger.MessageUnfit, 413},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &framer{at: atHead, fault: c.fault}
				r := newHTTP2Rig(t, f, f.pipe, limited)
				defer r.close()
				ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
				defer cancel()
				r.post(ctx, &ledger.Attempt{}, slow{100_000, time.Minute}).is(t, c.verdict, c.code)
			})
		})
	}
}

// TestHTTP2DeadConnection: the connection of a request that timed out is not used again, and
// holds up nobody who comes after, not even who waits for it to be written to.
func TestHTTP2DeadConnection(t *testing.T) {
	for name, fault := range map[string]func(*call, uint32) bool{"quiet": quiet, "deaf": deaf} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &framer{at: atHead, fault: fault}
				r := newHTTP2Rig(t, f, f.pipe, limited)
				defer r.close()
				r.send(context.Background(), 200_000).is(t, ledger.ProviderDown, 0)
				start := time.Now()
				r.send(context.Background(), 200_000).is(t, ledger.Accepted, 202)
				if took := time.Since(start); took > time.Second {
					t.Errorf("it took %v", took)
				}
				time.Sleep(30 * time.Second)
				if n := r.wires.open(); n != 1 {
					t.Errorf("%d connections are open", n)
				}
			})
		})
	}
}

// TestHTTP2Waiting: who waits for a connection that somebody else opens keeps to his own limits.
func TestHTTP2Waiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &framer{at: atSettings, fault: deaf}
		r := newHTTP2Rig(t, f, f.pipe, limited)
		defer r.close()
		first := make(chan verdict)
		go func() { first <- r.send(context.Background(), 10) }()
		synctest.Wait()
		start := time.Now()
		gate := &mailer.Gate{CommitBy: start.Add(time.Second)}
		r.post(context.Background(), &ledger.Attempt{Gate: gate}, text(10)).is(t, ledger.ProviderDown, 0)
		if took := time.Since(start); took != time.Second {
			t.Errorf("the gate's took %v", took)
		}
		ctx, cancel := context.WithCancelCause(context.Background())
		time.AfterFunc(time.Second, func() { cancel(errors.New("of my own")) })
		r.post(ctx, &ledger.Attempt{}, text(10)).is(t, ledger.CallerFault, 0)
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("the caller's took %v", took)
		}
		r.send(context.Background(), 10).is(t, ledger.Accepted, 202) // when the first one has given up
		(<-first).is(t, ledger.ProviderDown, 0)
	})
}

// TestHTTP2HeldUp: a request that the server does not read holds up nobody else on the
// connection for longer than his own limits. Locks of the framing are held meanwhile, which
// virtual time does not pass.
func TestHTTP2HeldUp(t *testing.T) {
	f := &framer{at: atHead, fault: deaf}
	r := newHTTP2Rig(t, f, f.pipe)
	defer r.close()
	ctx, cancel := context.WithCancel(context.Background())
	first := make(chan verdict)
	go func() { first <- r.send(ctx, 200_000) }()
	for !f.struck.Load() {
		time.Sleep(time.Millisecond)
	}
	start := time.Now()
	gate := &mailer.Gate{CommitBy: start.Add(200 * time.Millisecond)}
	r.post(context.Background(), &ledger.Attempt{Gate: gate}, text(10)).is(t, ledger.ProviderDown, 0)
	r.send(context.Background(), 10).is(t, ledger.Accepted, 202) // over another one
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("they took %v", took)
	}
	cancel()
	if v := <-first; v.Verdict != ledger.CallerFault || !errors.Is(v.err, context.Canceled) {
		t.Errorf("got %+v (%v)", v.Verdict, v.err)
	}
}

// TestHTTP2Close: Close waits for what is under way while its ctx lasts, and then cuts it
// off, whatever it waits for.
func TestHTTP2Close(t *testing.T) {
	for name, c := range map[string]struct {
		at      moment
		fault   func(*call, uint32) bool
		verdict ledger.Verdict
	}{
		"connecting":  {atSettings, deaf, ledger.CallerFault},
		"sending":     {atBody, quiet, ledger.CallerFault},
		"not read":    {atHead, deaf, ledger.CallerFault},
		"waiting":     {atEnd, quiet, ledger.UnknownByCaller},
		"in a reply":  {atReplyHead, quiet, ledger.UnknownByCaller},
		"as it ought": {atEnd, func(*call, uint32) bool { time.Sleep(500 * time.Millisecond); return true }, ledger.Accepted},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &framer{at: c.at, fault: c.fault}
				r := newHTTP2Rig(t, f, f.pipe, limited)
				defer r.close()
				senders := 2
				if name == "not read" {
					senders = 1 // as in TestHTTP2HeldUp
				}
				sent := make(chan verdict, senders)
				for range senders {
					go func() { sent <- r.send(context.Background(), 200_000) }()
				}
				synctest.Wait()
				ctx, cancel := context.WithTimeout(context.Background(), time.Second)
				defer cancel()
				start := time.Now()
				err := r.client.Close(ctx)
				if (err == nil) != (c.verdict == ledger.Accepted) || time.Since(start) > 1200*time.Millisecond {
					t.Errorf("Close took %v: %v", time.Since(start), err)
				}
				for range senders {
					v := <-sent
					if v.Verdict != c.verdict && v.Verdict != ledger.Accepted && v.Verdict != ledger.CallerFault {
						t.Errorf("got %+v (%v), want %+v", v.Verdict, v.err, c.verdict)
					}
					if v.Outcome == mailer.NotAccepted && !errors.Is(v.err, mailer.ErrClosed) {
						t.Error(v.err)
					}
				}
				v := r.send(context.Background(), 10)
				if v.is(t, ledger.CallerFault, 0); !errors.Is(v.err, mailer.ErrClosed) || r.wires.open() != 0 {
					t.Errorf("after Close: %v, %d connections", v.err, r.wires.open())
				}
			})
		})
	}
}

// TestHTTP2Idle: a connection is kept for the idle timeout, and for no time where that is negative.
func TestHTTP2Idle(t *testing.T) {
	for idle, open := range map[time.Duration][2]int{0: {1, 0}, -1: {0, 0}} {
		synctest.Test(t, func(t *testing.T) {
			f := new(framer)
			r := newHTTP2Rig(t, f, f.pipe, func(c *httpapi.Config) { c.IdleTimeout = idle })
			defer r.close()
			for range 3 {
				r.send(context.Background(), 1000).is(t, ledger.Accepted, 202)
				time.Sleep(time.Second)
			}
			for i, pause := range []time.Duration{40 * time.Second, 10 * time.Second} {
				time.Sleep(pause)
				if got := r.wires.open(); got != open[i] {
					t.Errorf("%v: %d connections are open, want %d", idle, got, open[i])
				}
			}
		})
	}
}
