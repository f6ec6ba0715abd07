package acstest

import (
	"net/http"
	"testing"
	"time"
)

func TestQuota(t *testing.T) {
	c := newClock()
	s := Start(t, Config{Now: c.now, SendQuota: Quota{PerMinute: 2, PerHour: 4}, StatusQuota: Quota{PerMinute: 1}})
	for i, step := range []struct {
		pass       time.Duration // before it
		retryAfter string        // "" where it is accepted
	}{
		{0, ""},
		{30 * time.Second, ""},
		{10 * time.Second, "50"},   // at 40 s: until 30 s leaves the minute
		{49 * time.Second, "11"},   // at 89 s: until 40 s does, which was refused
		{60 * time.Second, "3481"}, // at 149 s, alone in its minute: until 30 s leaves the hour
		{3450 * time.Second, "41"}, // at 3599 s: until 40 s does
		{time.Hour, ""},            // all have left
	} {
		c.pass(step.pass)
		g := send(t, s, plain)
		want := http.StatusAccepted
		if step.retryAfter != "" {
			want = http.StatusTooManyRequests
		}
		if g.status != want || step.retryAfter != "" && g.header.Get("Retry-After") != step.retryAfter {
			t.Errorf("step %d: %d, Retry-After %q", i, g.status, g.header.Get("Retry-After"))
		}
	}
	if got, want := s.SendUsage(), (Usage{Minute: 1, Hour: 1, Total: 7, Throttled: 4}); got != want {
		t.Errorf("usage %+v, want %+v", got, want)
	}
	if got := s.StatusUsage(); got != (Usage{}) {
		t.Errorf("status usage %+v", got)
	}
	for i, want := range []int{http.StatusNotFound, http.StatusTooManyRequests} {
		if g := status(t, s, id1); g.status != want {
			t.Errorf("read %d: %d", i, g.status)
		}
	}
	if got, want := s.StatusUsage(), (Usage{Minute: 2, Hour: 2, Total: 2, Throttled: 1}); got != want {
		t.Errorf("status usage %+v, want %+v", got, want)
	}
}

// TestUnauthorizedIsFree: who is not known has no quota.
func TestUnauthorizedIsFree(t *testing.T) {
	s := Start(t, Config{SendQuota: Quota{PerMinute: 1}})
	call(t, s, http.MethodPost, sendTarget, plain, map[string]string{"Authorization": ""})
	if g := send(t, s, plain); g.status != http.StatusAccepted {
		t.Errorf("%d", g.status)
	}
}
