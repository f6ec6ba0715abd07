package acs

import (
	"cmp"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/mailer"
)

// A Quota is how many calls the service takes from a subscription, after Microsoft's page
// "Service limits for Azure Communication Services", section "Email". A call over the quota is
// answered with 429 and counts too, which is why a client holds it back instead.
//
// It speaks of messages from custom domains. Status requests may be twice as many, whatever
// the quota for messages was raised to (UNVERIFIED: the page shows it of the defaults). For
// Azure-managed domains the service's limits are fixed: 5 a minute and 10 an hour, and twice
// that for status requests. A negative field turns off the limit for all of them.
type Quota struct {
	// PerMinute is for any 60 seconds. Zero means 30; negative means no limit.
	PerMinute int
	// PerHour is for any 60 minutes. Zero means 100; negative means no limit.
	PerHour int
}

func (q Quota) withDefaults() Quota {
	if q.PerMinute == 0 {
		q.PerMinute = 30
	}
	if q.PerHour == 0 {
		q.PerHour = 100
	}
	return q
}

// without returns q without the limits that off turns off.
func (q Quota) without(off Quota) Quota {
	if off.PerMinute < 0 {
		q.PerMinute = -1
	}
	if off.PerHour < 0 {
		q.PerHour = -1
	}
	return q
}

func (q Quota) doubled() Quota {
	q = q.withDefaults()
	return Quota{PerMinute: double(q.PerMinute), PerHour: double(q.PerHour)}
}

func double(limit int) int { return 2 * max(-1, min(limit, maxLimit)) }

// quotas are the meters of one client. The service counts messages and status requests
// apart, and custom domains apart from Azure-managed ones.
type quotas struct {
	customSends, customReads   *meter
	managedSends, managedReads *meter
	managed                    atomic.Bool // a message from a managed domain came by
}

// newQuotas returns the meters of one of share clients that use the same subscription.
func newQuotas(q Quota, share int) *quotas {
	managed := Quota{PerMinute: 5, PerHour: 10}.without(q)
	return &quotas{
		customSends: newMeter(q, share), customReads: newMeter(q.doubled(), share),
		managedSends: newMeter(managed, share), managedReads: newMeter(managed.doubled(), share),
	}
}

// send returns the meter of messages from an address. An empty from is as in read.
func (q *quotas) send(from string) *meter {
	if q.isManaged(from) {
		q.managed.Store(true)
		return q.managedSends
	}
	return q.customSends
}

// read returns the meter of requests for the status of messages from an address. Where that
// is not known, and from is empty, it is the managed domains' if the client has had a message
// from one.
func (q *quotas) read(from string) *meter {
	if q.isManaged(from) {
		return q.managedReads
	}
	return q.customReads
}

func (q *quotas) isManaged(from string) bool {
	if from == "" {
		return q.managed.Load()
	}
	return isManaged(from)
}

const managedSuffix = ".azurecomm.net"

// isManaged reports whether the domain of an address is an Azure-managed one.
func isManaged(address string) bool {
	i := len(address) - len(managedSuffix)
	return i >= 0 && strings.EqualFold(address[i:], managedSuffix)
}

// maxClosed bounds how long a 429 may close a meter.
const maxClosed = 24 * time.Hour

// A meter lets calls through as long as a Quota has room for them. It is safe for concurrent
// use. Times are those at which calls begin, best with a monotonic reading.
type meter struct {
	mu           sync.Mutex
	minute, hour window
	closed       time.Time     // nothing is let through before
	epoch        time.Time     // what slots are counted from: the first call
	latest       time.Duration // the largest time since epoch
}

// newMeter returns the meter of one of share clients, or of the only one where share is less
// than 2. Each has the limit divided by share, rounded down. Where that would be none, each
// has one call in a time that is longer in proportion. All together then keep the limit
// in that longer time, but not in a shorter one, should they all call at once.
func newMeter(q Quota, share int) *meter {
	q = q.withDefaults()
	return &meter{
		minute: newWindow(q.PerMinute, time.Minute, share),
		hour:   newWindow(q.PerHour, time.Hour, share),
	}
}

// take takes one call at now and returns zero, or returns the least time after which it would
// if nobody else took any. spare is the percentage of each limit, 0 to 100, that
// stays free for more important calls; a window without any calls has room for one all the same.
func (m *meter) take(now time.Time, spare int) (wait time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	since := m.advance(now)
	wait = max(m.closedFor(now), m.minute.wait(since, spare), m.hour.wait(since, spare))
	if wait == 0 {
		m.add()
	}
	return wait
}

// end accounts for a call that is over now; at is the time that its take was given. One that the service
// has not counted is given back; where at was not the latest time then, it may stay counted. Any other it
// counted when it got there, which may be long after at: it counts as one of now. While it was
// under way it counted as one of at, so that one that took longer than a window was not counted to the end.
func (m *meter) end(at, now time.Time, counted bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.remove(at)
	if counted {
		m.advance(now)
		m.add()
	}
}

// hasCounted reports whether the service has counted the call that a made: it got there, and was let in.
// UNVERIFIED: that a 401 does not count. It proves no right to the quota, which anybody could use up otherwise.
func hasCounted(a *ledger.Attempt, err error) bool {
	e := mailer.AsSendError(err)
	return a.Phase >= mailer.PhaseCommitted && (e == nil || e.Code != http.StatusUnauthorized)
}

func (m *meter) add() {
	m.minute.add()
	m.hour.add()
}

func (m *meter) remove(at time.Time) {
	since := at.Sub(m.epoch)
	m.minute.remove(since)
	m.hour.remove(since)
}

// unsaid is how long a limit is taken to last that the service does not give a time for: the
// shorter of its windows. Calls before its end would count against it too.
const unsaid = time.Minute

// heed lets nothing through for wait, for the service itself said 429 now; zero means that it did not
// say for how long.
func (m *meter) heed(now time.Time, wait time.Duration) {
	m.closeUntil(now.Add(cmp.Or(wait, unsaid)))
}

// closeUntil lets nothing through before t. It never makes an earlier such time shorter. Where t is
// more than 24 hours after the next take, it ends 24 hours after that. It does nothing where there is no
// limit at all: then the service's limits are for others to heed.
func (m *meter) closeUntil(t time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t.After(m.closed) && (m.minute.limit != 0 || m.hour.limit != 0) {
		m.closed = t
	}
}

func (m *meter) closedFor(now time.Time) time.Duration {
	wait := max(0, m.closed.Sub(now))
	if wait > maxClosed {
		wait, m.closed = maxClosed, now.Add(maxClosed)
	}
	return wait
}

// maxDisorder is more than concurrent callers' times can be out of order.
const maxDisorder = time.Minute

// advance moves the windows to now, and returns the time since epoch. That is less than
// m.latest where another caller with a later time came first. If the clock was set back, time
// goes on from where it was, or the windows would stay full until the clock is there again.
func (m *meter) advance(now time.Time) time.Duration {
	if m.epoch.IsZero() {
		m.epoch = now
	}
	since := now.Sub(m.epoch)
	if back := m.latest - since; back > maxDisorder {
		m.epoch = m.epoch.Add(-back)
		since = m.latest
	}
	m.latest = max(m.latest, since)
	m.minute.advance(since)
	m.hour.advance(since)
	return since
}

const (
	// slots is in how many parts a window counts its calls. More are more exact.
	slots = 60
	// maxLimit keeps percentages within 32 bits; nobody makes so many calls.
	maxLimit = 10_000_000
	// maxShare keeps an hour for each client within what a Duration holds.
	maxShare = 1_000_000
)

// A window lets no more than limit calls into any stretch of its length, both ends included.
//
// That is the strictest reading of a quota of so many calls a minute or hour. Whether the
// service's windows slide, or begin anew at full minutes and hours, is UNVERIFIED.
//
// Calls are counted in slots, in constant memory. A call counts until its slot is over for
// the window's length, so up to one slot, or a sixtieth of the window, longer than it must.
type window struct {
	limit  int           // zero means none
	slot   time.Duration // length of a slot
	newest int64         // number of the slot that counts calls now
	total  int           // sum of counts
	counts [slots + 1]int32
}

func newWindow(limit int, length time.Duration, share int) window {
	if limit < 0 {
		return window{}
	}
	limit, share = min(limit, maxLimit), min(max(share, 1), maxShare)
	if limit < share {
		length = divideUp(length*time.Duration(share), time.Duration(limit))
		limit = share
	}
	return window{limit: limit / share, slot: divideUp(length, slots)}
}

func divideUp(d, by time.Duration) time.Duration { return (d + by - 1) / by }

// count is the place of a slot, which it shares with the slots that are gone by then.
func (w *window) count(slot int64) *int32 { return &w.counts[slot%int64(len(w.counts))] }

// advance forgets the slots that lie further back than the window, and makes room for new
// ones. A time that lies behind the newest changes nothing.
func (w *window) advance(since time.Duration) {
	if w.limit == 0 {
		return
	}
	now := int64(since / w.slot)
	for w.newest = max(w.newest, now-int64(len(w.counts))); w.newest < now; {
		w.newest++
		w.total -= int(*w.count(w.newest))
		*w.count(w.newest) = 0
	}
}

// wait returns how long after since there is room for one more call; see [meter.take].
func (w *window) wait(since time.Duration, spare int) (wait time.Duration) {
	if w.limit == 0 {
		return 0
	}
	usable := max(1, w.limit*(100-min(max(spare, 0), 100))/100)
	excess := w.total + 1 - usable
	for slot := max(0, w.newest-slots); excess > 0; slot++ {
		excess -= int(*w.count(slot))
		wait = time.Duration(slot+slots+1)*w.slot - since
	}
	return wait
}

func (w *window) add() {
	if w.limit > 0 {
		*w.count(w.newest)++
		w.total++
	}
}

func (w *window) remove(since time.Duration) {
	if w.limit == 0 || since < 0 {
		return
	}
	slot := int64(since / w.slot)
	if slot <= w.newest-int64(len(w.counts)) || slot > w.newest || *w.count(slot) == 0 {
		return
	}
	*w.count(slot)--
	w.total--
}
