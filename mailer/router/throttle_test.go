package router

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

func smtp(code int) *mailer.SendError {
	return &mailer.SendError{Receipt: new(mailer.Receipt), Outcome: mailer.NotAccepted, Protocol: "smtp", Code: code}
}

func status(code int) *mailer.SendError {
	return &mailer.SendError{Receipt: new(mailer.Receipt), Outcome: mailer.NotAccepted, Protocol: "http", Code: code}
}

// waiting gives e a time to wait.
func waiting(e *mailer.SendError, d time.Duration) *mailer.SendError {
	e.RetryAfter = d
	return e
}

// TestThrottle limits one message after the other and compares for how long each keeps the
// others waiting. Each comes when the limit of the one before is over.
func TestThrottle(t *testing.T) {
	type hit struct {
		key  string
		e    *mailer.SendError
		want time.Duration
	}
	const (
		s = time.Second
		m = time.Minute
	)
	for _, c := range []struct {
		name string
		hits []hit
	}{
		{"as long as the provider says (HTTP row 24)", []hit{
			{"a", waiting(status(429), 90*s), 90 * s}, {"a", waiting(status(429), 1), 1}, {"b", waiting(smtp(451), 7*s), 7 * s},
		}},
		{"a day at most", []hit{
			{"a", waiting(status(429), 24*time.Hour), 24 * time.Hour}, {"b", waiting(status(429), 24*time.Hour+1), 24 * time.Hour},
			{"c", waiting(smtp(421), 1000*time.Hour), 24 * time.Hour},
		}},
		{"doubling where it says nothing", []hit{
			{"a", status(429), s}, {"b", status(429), 2 * s}, {"c", status(429), 4 * s}, {"d", status(429), 8 * s},
			{"e", status(429), 16 * s}, {"f", status(429), 32 * s}, {"g", status(429), m}, {"h", status(429), m},
			{"i", status(429), m}, {"j", status(429), m}, {"k", status(429), m}, {"l", status(429), m},
		}},
		{"the same message counts with an API", []hit{{"a", status(429), s}, {"a", status(429), 2 * s}}},
		{"out of credits (HTTP row 17)", []hit{{"a", status(http.StatusPaymentRequired), 10 * m}, {"b", status(402), 10 * m}, {"c", status(429), s}}},
		{"out of credits until then", []hit{{"a", waiting(status(402), 3*s), 3 * s}}},
		{"402 is no quota of SMTP", []hit{{"a", smtp(402), 0}, {"b", smtp(402), s}}},
		{"one message of SMTP proves nothing (SMTP row 32)", []hit{
			{"a", smtp(450), 0}, {"a", smtp(450), 0}, {"b", smtp(450), s}, {"c", smtp(452), 2 * s}, {"a", smtp(450), 0}, {"b", smtp(450), 4 * s},
		}},
		{"a time of SMTP is one", []hit{{"a", waiting(smtp(450), 5*s), 5 * s}, {"b", smtp(450), 0}, {"c", smtp(450), s}}},
		{"a time does not double what follows", []hit{{"a", waiting(status(429), 5*s), 5 * s}, {"b", status(429), s}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var th throttle
			now := epoch
			for i, h := range c.hits {
				th.limit(h.e, h.key, now)
				if got := max(0, th.until.Sub(now)); got != h.want {
					t.Fatalf("hit %d: waits %v, want %v", i, got, h.want)
				}
				now = now.Add(h.want)
			}
		})
	}
}

// TestThrottleIsNotShortened: the longest of what messages under way were told counts.
func TestThrottleIsNotShortened(t *testing.T) {
	var th throttle
	th.limit(waiting(status(429), time.Minute), "a", epoch)
	th.limit(waiting(status(429), time.Second), "b", at(time.Second))
	if !th.until.Equal(at(time.Minute)) {
		t.Errorf("until %v", th.until.Sub(epoch))
	}
	th.limit(waiting(status(429), time.Minute), "c", at(time.Second))
	if !th.until.Equal(at(time.Minute + time.Second)) {
		t.Errorf("not extended: until %v", th.until.Sub(epoch))
	}
}

// TestThrottleLifts: a message that was under way when the limit began proves nothing.
func TestThrottleLifts(t *testing.T) {
	var th throttle
	th.limit(status(429), "a", epoch)
	if th.lift(at(time.Second - 1)); !th.until.Equal(at(time.Second)) || th.level != 1 {
		t.Fatalf("lifted while it lasts: %+v", th)
	}
	if th.lift(at(time.Second)); th != (throttle{}) {
		t.Fatalf("%+v is left when it is over", th)
	}
	th.limit(smtp(450), "a", epoch)
	th.lift(epoch)
	th.limit(smtp(450), "b", epoch)
	if !th.until.IsZero() {
		t.Errorf("a message was taken in between, and another proves a limit: %+v", th)
	}
}

// TestThrottleOfMessagesUnderWay: what began before the limit was known says nothing new.
func TestThrottleOfMessagesUnderWay(t *testing.T) {
	var th throttle
	for i := range 10 {
		th.limit(status(429), fmt.Sprint(i), epoch)
	}
	if got := th.until.Sub(epoch); got != time.Second {
		t.Errorf("ten messages at once that run into a limit keep the route shut for %v, want 1s", got)
	}
}
