package router

import (
	"testing"
	"time"
)

// TestUsualStart: the longest counts, and is forgotten by and by.
func TestUsualStart(t *testing.T) {
	var u usual
	for i, c := range []struct{ took, want time.Duration }{
		{0, 0},
		{160 * time.Millisecond, 160 * time.Millisecond},
		{1600 * time.Millisecond, 1600 * time.Millisecond},
		{10 * time.Millisecond, 1500 * time.Millisecond},
		{1500 * time.Millisecond, 1500 * time.Millisecond},
		{0, 1406250 * time.Microsecond},
		{2 * time.Second, 2 * time.Second},
	} {
		if u.started(c.took); u.startTime() != c.want {
			t.Errorf("step %d, %v: usual is %v, want %v", i, c.took, u.startTime(), c.want)
		}
	}
	for range 100 {
		u.started(time.Millisecond)
	}
	if got := u.startTime(); got < time.Millisecond || got > 5*time.Millisecond {
		t.Errorf("after a hundred short ones it is %v", got)
	}
}

// TestUsualReply: the mean counts, so that one slow reply changes little.
func TestUsualReply(t *testing.T) {
	var u usual
	for i, c := range []struct{ took, want time.Duration }{
		{800 * time.Millisecond, 800 * time.Millisecond},
		{800 * time.Millisecond, 800 * time.Millisecond},
		{1600 * time.Millisecond, 900 * time.Millisecond},
		{100 * time.Millisecond, 800 * time.Millisecond},
		{0, 700 * time.Millisecond},
	} {
		if u.replied(c.took); u.replyTime() != c.want {
			t.Errorf("step %d, %v: usual is %v, want %v", i, c.took, u.replyTime(), c.want)
		}
	}
	var instant usual
	instant.replied(0)
	if instant.replyTime() != 1 {
		t.Errorf("a reply at once leaves it unknown: %v", instant.replyTime())
	}
	instant.replied(time.Second)
	if got := instant.replyTime(); got < 125*time.Millisecond || got > 125*time.Millisecond+1 {
		t.Errorf("a second after a reply at once: %v", got)
	}
}

func TestLimits(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		name                   string
		startLimit, replyLimit time.Duration
		usualStart, usualReply time.Duration
		start, reply           time.Duration
	}{
		{"nothing known", 250 * ms, 1000 * ms, 0, 0, 250 * ms, 1000 * ms},
		{"quicker than the limit", 250 * ms, 1000 * ms, 80 * ms, 333 * ms, 250 * ms, 1000 * ms},
		{"three times the usual", 250 * ms, 1000 * ms, 100 * ms, 400 * ms, 300 * ms, 1200 * ms},
		{"just within the range", 250 * ms, 1000 * ms, 999 * ms, 1666 * ms, 2997 * ms, 4998 * ms},
		{"never more than that", 250 * ms, 1000 * ms, 1001 * ms, 1667 * ms, 3000 * ms, 5000 * ms},
		{"never at all", 0, 0, time.Second, time.Second, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			rt := &route{r: &Router{cfg: Config{StartLimit: c.startLimit, ReplyLimit: c.replyLimit}}}
			rt.usual.start.Store(int64(c.usualStart))
			rt.usual.reply.Store(int64(c.usualReply))
			if got := rt.startLimit(); got != c.start {
				t.Errorf("slow to start after %v, want %v", got, c.start)
			}
			if got := rt.replyLimit(); got != c.reply {
				t.Errorf("overdue after %v, want %v", got, c.reply)
			}
			if got, want := (&send{r: rt.r}).firstLook(rt), sooner(c.start, c.reply); got != want {
				t.Errorf("looked at first after %v, want %v", got, want)
			}
		})
	}
	rt := &route{r: &Router{cfg: Config{ReplyLimit: time.Second}}}
	if got := (&send{r: rt.r}).firstLook(rt); got != time.Second {
		t.Errorf("with nothing alongside it is looked at first after %v", got)
	}
}
