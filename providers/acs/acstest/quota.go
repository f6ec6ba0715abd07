package acstest

import "time"

// A Quota limits calls, those that are refused for it included ("Service limits for Azure
// Communication Services"). Zero means no limit.
type Quota struct{ PerMinute, PerHour int }

// Usage says how many calls came.
type Usage struct {
	// Minute and Hour are those of the last minute and hour.
	Minute, Hour int
	// Total is that of all, Throttled that of those which the quota refused.
	Total, Throttled int
}

// A meter counts the calls of one endpoint by their age. That the service's windows slide is
// UNVERIFIED.
type meter struct {
	quota            Quota
	calls            []time.Time // of the last hour
	total, throttled int
}

// take counts a call. When it is one too many it returns how long it will be, without
// further calls, until one is not.
func (m *meter) take(now time.Time) (wait time.Duration, ok bool) {
	m.calls = append(m.calls[len(m.calls)-m.within(now, time.Hour):], now)
	m.total++
	wait = max(m.excess(now, m.quota.PerMinute, time.Minute), m.excess(now, m.quota.PerHour, time.Hour))
	if wait > 0 {
		m.throttled++
	}
	return wait, wait == 0
}

// within counts the calls that are younger than age.
func (m *meter) within(now time.Time, age time.Duration) int {
	for i, call := range m.calls {
		if now.Sub(call) < age {
			return len(m.calls) - i
		}
	}
	return 0
}

// excess returns zero while the last call is within the limit, else when the call leaves the
// window that makes room for another.
func (m *meter) excess(now time.Time, limit int, window time.Duration) time.Duration {
	if limit == 0 || m.within(now, window) <= limit {
		return 0
	}
	return m.calls[len(m.calls)-limit].Add(window).Sub(now)
}

func (m *meter) usage(now time.Time) Usage {
	return Usage{Minute: m.within(now, time.Minute), Hour: m.within(now, time.Hour), Total: m.total, Throttled: m.throttled}
}

// SendUsage counts the requests to send that were authorized.
func (s *Server) SendUsage() Usage { return s.usage(&s.sends) }

// StatusUsage counts the requests for a status that were authorized.
func (s *Server) StatusUsage() Usage { return s.usage(&s.reads) }

func (s *Server) usage(m *meter) Usage {
	s.mu.Lock()
	defer s.mu.Unlock()
	return m.usage(s.cfg.Now())
}

// throttle counts a call and refuses it when it is one too many.
func (s *Server) throttle(m *meter) (refusal Answer, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if wait, ok := m.take(s.cfg.Now()); !ok {
		return RateLimitedFor(wait), false
	}
	return Answer{}, true
}
