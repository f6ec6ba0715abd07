package httpapi

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// MaxRetryAfter caps what a server may ask for: a day's quota is looked at again before the day is over.
const MaxRetryAfter = time.Hour

// RetryAfter returns how long the server asks to wait: the Retry-After field in seconds, or as
// a date in any of the forms of RFC 9110 section 5.6.7. Zero means that it does not ask,
// or that the time has passed.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.ParseFloat(value, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		return capped(seconds)
	}
	if at, err := http.ParseTime(value); err == nil {
		return Until(at, h, now)
	}
	return 0
}

// Until returns the time from now to at, at most MaxRetryAfter and not less than zero. Where
// the reply says what time it is at the server, that is now: clocks differ.
func Until(at time.Time, h http.Header, now time.Time) time.Duration {
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return capped(at.Sub(now).Seconds())
}

func capped(seconds float64) time.Duration {
	if math.IsNaN(seconds) || seconds <= 0 {
		return 0
	}
	return time.Duration(min(seconds, MaxRetryAfter.Seconds()) * float64(time.Second))
}
