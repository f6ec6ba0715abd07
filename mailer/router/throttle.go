package router

import (
	"net/http"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// How long a limit is taken to last where the provider does not say.
const (
	shortThrottle = time.Second // doubling
	longThrottle  = time.Minute
	quotaThrottle = 10 * time.Minute // credits are used up
	maxThrottle   = 24 * time.Hour
)

// A throttle keeps messages from a route for as long as a rate limit lasts. Its owner holds a lock.
type throttle struct {
	until time.Time
	level int
	first string // the message that was limited first, and by which nothing is proven yet
}

// limit begins or extends it, for the message with that key.
func (t *throttle) limit(e *mailer.SendError, key string, now time.Time) {
	wait := e.RetryAfter
	switch {
	case wait > 0:
	case e.Protocol == "http" && e.Code == http.StatusPaymentRequired:
		wait = quotaThrottle
	case e.Protocol != "http" && (t.first == "" || t.first == key):
		t.first = key // a reply of SMTP may be about the recipients of one message
		return
	case now.Before(t.until):
		return // it was under way when the limit began
	default:
		wait = min(shortThrottle<<min(t.level, 10), longThrottle)
		t.level++
	}
	if until := now.Add(min(wait, maxThrottle)); until.After(t.until) {
		t.until = until
	}
}

// lift: a message was taken.
func (t *throttle) lift(now time.Time) {
	if !now.Before(t.until) {
		*t = throttle{}
	}
}
