package acs

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// origin has no monotonic reading, so that tests can set the clock back.
var origin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// burst takes calls at now until it must wait, and returns how many it got.
func burst(m *meter, now time.Time, spare int) (taken int) {
	for taken < 10_000 && m.take(now, spare) == 0 {
		taken++
	}
	return taken
}

// checkExact reports a wait that is longer or shorter than it must be. It leaves m as it is.
func checkExact(t *testing.T, m *meter, now time.Time, spare int, wait time.Duration) {
	t.Helper()
	if early := clone(m).take(now.Add(wait-1), spare); early != 1 {
		t.Fatalf("told to wait %v, but 1ns before the wait is %v", wait, early)
	}
	if late := clone(m).take(now.Add(wait), spare); late != 0 {
		t.Fatalf("told to wait %v, but then the wait is %v", wait, late)
	}
}

func clone(m *meter) *meter {
	return &meter{minute: m.minute, hour: m.hour, closed: m.closed, epoch: m.epoch, latest: m.latest}
}

func TestBurst(t *testing.T) {
	for _, tt := range []struct {
		name         string
		quota        Quota
		share, spare int
		want         int
		then         int // a minute and a slot later
	}{
		{"defaults", Quota{}, 1, 0, 30, 30},
		{"share below one", Quota{}, -1, 0, 30, 30},
		{"raised", Quota{PerMinute: 300, PerHour: 450}, 1, 0, 300, 150},
		{"hour less than minute", Quota{PerMinute: 20, PerHour: 7}, 1, 0, 7, 0},
		{"no limit a minute", Quota{PerMinute: -1}, 1, 0, 100, 0},
		{"no limit an hour", Quota{PerHour: -1}, 1, 0, 30, 30},
		{"a third", Quota{}, 3, 0, 10, 10},
		{"a share is rounded down", Quota{}, 4, 0, 7, 7},
		{"less than one call a window", Quota{PerMinute: -1, PerHour: 2}, 5, 0, 1, 0},
		{"half kept free", Quota{}, 1, 50, 15, 15},
		{"what is kept free is rounded up", Quota{PerMinute: 9}, 1, 50, 4, 4},
		{"all kept free", Quota{}, 1, 100, 1, 0},
		{"a single call", Quota{PerMinute: 1}, 1, 90, 1, 1},
		{"more than all", Quota{}, 1, 300, 1, 0},
		{"less than none", Quota{}, 1, -300, 30, 30},
		{"the largest quota", Quota{PerMinute: math.MaxInt, PerHour: math.MaxInt}, 1, 99, 10_000, 10_000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := newMeter(tt.quota, tt.share)
			if got := burst(m, origin, tt.spare); got != tt.want {
				t.Errorf("got %d calls at once, want %d", got, tt.want)
			}
			if got := burst(m, origin.Add(61*time.Second), tt.spare); got != tt.then {
				t.Errorf("got %d calls more a minute later, want %d", got, tt.then)
			}
		})
	}
}

// What is kept free of some calls is there for the others.
func TestSpareIsFree(t *testing.T) {
	m := newMeter(Quota{PerMinute: 20, PerHour: -1}, 1)
	low := burst(m, origin, 25)
	if high := burst(m, origin, 0); low != 15 || high != 5 {
		t.Errorf("got %d and then %d, want 15 and 5", low, high)
	}
	wait := m.take(origin, 25)
	checkExact(t, m, origin, 25, wait)
}

func TestWait(t *testing.T) {
	const longest = math.MaxInt
	for _, tt := range []struct {
		name  string
		quota Quota
		share int
		want  time.Duration
	}{
		{"a minute and a slot", Quota{PerHour: -1}, 1, 61 * time.Second},
		{"an hour and a slot", Quota{PerMinute: -1}, 1, 61 * time.Minute},
		{"the longer of both", Quota{PerMinute: 5, PerHour: 5}, 1, 61 * time.Minute},
		{"a call in five hours", Quota{PerMinute: -1, PerHour: 2}, 10, 305 * time.Minute},
		{"not a whole number of hours", Quota{PerMinute: -1, PerHour: 7}, 10, 61 * divideUp(divideUp(10*time.Hour, 7), 60)},
		{"the largest share", Quota{PerMinute: -1, PerHour: 1}, longest, 61 * maxShare * time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := newMeter(tt.quota, tt.share)
			burst(m, origin, 0)
			got := m.take(origin, 0)
			if got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
			checkExact(t, m, origin, 0, got)
		})
	}
}

func TestNoLimit(t *testing.T) {
	m := newMeter(Quota{PerMinute: -1, PerHour: math.MinInt}, 3)
	if got := burst(m, origin, 50); got != 10_000 {
		t.Errorf("only %d calls", got)
	}
	m.end(origin, origin, false)
	m.closeUntil(origin.Add(time.Hour))
	if got := m.take(origin, 0); got != 0 {
		t.Errorf("a limit of the service's is for others to heed here: got a wait of %v", got)
	}
}

func TestGiveBack(t *testing.T) {
	at := func(seconds int) time.Time { return origin.Add(time.Duration(seconds) * time.Second) }
	m := newMeter(Quota{PerMinute: 3, PerHour: -1}, 1)
	for _, seconds := range []int{0, 10, 20} {
		m.take(at(seconds), 0)
	}
	m.end(at(-5), at(-5), false) // before all
	m.end(at(15), at(15), false) // nothing was taken then
	m.end(at(61), at(61), false) // after all, where slot 0 will have been
	m.end(at(3600), at(3600), false)
	if got := burst(m, at(20), 0); got != 0 {
		t.Fatalf("got %d calls for nothing given back", got)
	}
	m.end(at(10), at(10), false)
	m.end(at(10), at(10), false)
	if got := burst(m, at(25), 0); got != 1 {
		t.Fatalf("got %d calls for one given back", got)
	}
	m.take(at(3600), 0)
	m.end(at(20), at(20), false) // long gone
	if got := burst(m, at(3600), 0); got != 2 {
		t.Errorf("got %d calls, want 2", got)
	}
}

// A call that is given back is given back to both windows, and only where it still counts.
func TestGiveBackToBoth(t *testing.T) {
	m := newMeter(Quota{PerMinute: 1, PerHour: 2}, 1)
	m.take(origin, 0)
	m.end(origin, origin, false)
	later := origin.Add(2 * time.Minute)
	m.take(origin, 0)
	m.take(later, 0)
	if wait := m.take(later.Add(2*time.Minute), 0); wait != 57*time.Minute {
		t.Fatalf("got a wait of %v, want 57m", wait)
	}
	m.end(origin, origin, false)
	if got := burst(m, later.Add(2*time.Minute), 0); got != 1 {
		t.Errorf("got %d calls, want 1", got)
	}
}

func TestCloseUntil(t *testing.T) {
	m := newMeter(Quota{PerMinute: 1, PerHour: -1}, 1)
	m.closeUntil(origin.Add(90 * time.Second))
	m.closeUntil(origin.Add(30 * time.Second))
	m.closeUntil(time.Time{})
	wait := m.take(origin, 0)
	if wait != 90*time.Second {
		t.Errorf("got %v, want 90s", wait)
	}
	checkExact(t, m, origin, 0, wait)
	m.take(origin.Add(wait), 0)
	if got := m.take(origin.Add(wait), 0); got < 60*time.Second {
		t.Errorf("a window that is full counts as well: got %v", got)
	}
}

func TestCloseUntilIsCapped(t *testing.T) {
	m := newMeter(Quota{}, 1)
	m.closeUntil(origin.Add(30 * 24 * time.Hour))
	for _, passed := range []time.Duration{0, time.Hour, 23 * time.Hour, 24*time.Hour - 1} {
		if got, want := m.take(origin.Add(passed), 0), 24*time.Hour-passed; got != want {
			t.Errorf("after %v: got %v, want %v", passed, got, want)
		}
	}
	if got := m.take(origin.Add(24*time.Hour), 0); got != 0 {
		t.Errorf("after a day: got %v", got)
	}
}

// A clock that is set back neither opens a full meter nor keeps it full until the clock has
// caught up.
func TestClockSetBack(t *testing.T) {
	for _, back := range []time.Duration{time.Nanosecond, time.Second, time.Minute, time.Minute + 1, time.Hour, 20 * 365 * 24 * time.Hour} {
		m := newMeter(Quota{PerMinute: 5, PerHour: 10}, 1)
		now := origin.Add(100 * time.Minute)
		m.take(origin, 0)
		burst(m, now, 0)
		now = now.Add(-back)
		wait := m.take(now, 0)
		if wait < time.Minute || wait > 2*time.Minute+time.Second {
			t.Errorf("set back by %v: got a wait of %v", back, wait)
		}
		checkExact(t, m, now, 0, wait)
		m.end(now, now, false)
		if got := burst(m, now.Add(wait), 0); got != 5 {
			t.Errorf("set back by %v: got %d calls after the wait, want 5", back, got)
		}
		m.closeUntil(now.Add(wait + time.Hour))
		if got := m.take(now.Add(-back), 0); got > maxClosed {
			t.Errorf("set back by %v: closed for %v", back, got)
		}
	}
}

// A clock that is set back little by little is set back all the same.
func TestClockCreepsBack(t *testing.T) {
	m, now := newMeter(Quota{PerMinute: 5, PerHour: -1}, 1), origin
	burst(m, now, 0)
	for range 100 {
		now = now.Add(-59 * time.Second)
		if wait := m.take(now, 0); wait < time.Minute || wait > 2*time.Minute+time.Second {
			t.Fatalf("set back by %v: got a wait of %v", origin.Sub(now), wait)
		}
	}
}

// Callers whose times are a little out of order do not slow the meter's time.
func TestDisorder(t *testing.T) {
	m, now := newMeter(Quota{PerMinute: 5, PerHour: -1}, 1), origin
	burst(m, now, 0)
	for range 60 {
		now = now.Add(time.Second)
		m.take(now, 0)
		m.take(now.Add(-time.Second), 0)
	}
	if wait := m.take(now, 0); wait != time.Second {
		t.Errorf("got a wait of %v, want 1s", wait)
	}
}

// The first caller's time may be later than the second's.
func TestBeforeTheFirst(t *testing.T) {
	m := newMeter(Quota{PerMinute: 2, PerHour: -1}, 1)
	m.take(origin, 0)
	before := origin.Add(-time.Second)
	if got := burst(m, before, 0); got != 1 {
		t.Fatalf("got %d calls, want 1", got)
	}
	wait := m.take(before, 0)
	checkExact(t, m, before, 0, wait)
}

// TestNeverOverLimit compares the meter with the times of its calls: no stretch of a
// window's length holds more than the limit, each wait is exact, and what the windows allow
// is used.
func TestNeverOverLimit(t *testing.T) {
	for seed := range uint64(24) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			q := Quota{PerMinute: 1 + r.IntN(40), PerHour: 1 + r.IntN(200)}
			m := newMeter(q, 1)
			calls := drive(t, r, m, pace(r))
			for i, at := range calls {
				checkWindow(t, calls[i:], at.Add(time.Minute), q.PerMinute)
				checkWindow(t, calls[i:], at.Add(time.Hour), q.PerHour)
			}
		})
	}
}

// pace returns the mean time between the calls of one run, from busy to idle.
func pace(r *rand.Rand) time.Duration {
	return time.Duration(float64(10*time.Millisecond) * math.Pow(10, 4*r.Float64()))
}

// drive takes calls at random times, gives some back, and returns when the others were.
func drive(t *testing.T, r *rand.Rand, m *meter, mean time.Duration) (calls []time.Time) {
	t.Helper()
	now := origin
	for range 3000 {
		now = now.Add(time.Duration(r.ExpFloat64() * float64(mean)))
		spare := r.IntN(2) * r.IntN(100)
		wait := m.take(now, spare)
		if wait == 0 {
			calls = append(calls, now)
		} else {
			checkExact(t, m, now, spare, wait)
			if r.IntN(4) == 0 {
				now = now.Add(wait)
			}
		}
		if len(calls) > 0 && r.IntN(10) == 0 {
			i := len(calls) - 1 - r.IntN(min(20, len(calls)))
			m.end(calls[i], calls[i], false)
			calls = slices.Delete(calls, i, i+1)
		}
	}
	return calls
}

// checkWindow fails where more than limit of calls are not after end.
func checkWindow(t *testing.T, calls []time.Time, end time.Time, limit int) {
	t.Helper()
	if len(calls) > limit && !calls[limit].After(end) {
		t.Fatalf("more than %d calls from %v to %v", limit, calls[0], end)
	}
}

// A client that calls as soon as it may gets at least 95 of 100 calls that the quota allows.
func TestCapacityIsUsed(t *testing.T) {
	for _, q := range []Quota{{}, {PerMinute: 5, PerHour: 10}, {PerMinute: 600, PerHour: 30_000}, {PerMinute: 1, PerHour: -1}} {
		m := newMeter(q, 1)
		taken, now, end := 0, origin, origin.Add(10*time.Hour)
		for now.Before(end) {
			wait := m.take(now, 0)
			if wait == 0 {
				taken++
			}
			now = now.Add(wait)
		}
		q = q.withDefaults()
		allowed := q.PerMinute * 60
		if q.PerHour > 0 {
			allowed = min(allowed, q.PerHour)
		}
		if allowed *= 10; taken*100 < allowed*95 {
			t.Errorf("%+v: took %d of %d", q, taken, allowed)
		}
	}
}

// TestHeed: a limit without a time lasts as long as the shorter window.
func TestHeed(t *testing.T) {
	for wait, want := range map[time.Duration]time.Duration{0: time.Minute, time.Second: time.Second, time.Hour: time.Hour} {
		m := newMeter(Quota{}, 1)
		m.heed(origin, wait)
		if got := m.take(origin, 0); got != want {
			t.Errorf("%v: got a wait of %v, want %v", wait, got, want)
		}
	}
}

func TestTakeConcurrently(t *testing.T) {
	m := newMeter(Quota{PerMinute: 100, PerHour: 100}, 1)
	var taken atomic.Int64
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for i := range 50 {
				if now := time.Now(); m.take(now, 0) == 0 {
					taken.Add(1)
				}
				if i == 25 {
					m.closeUntil(origin)
				}
			}
		})
	}
	group.Wait()
	if got := taken.Load(); got != 100 {
		t.Errorf("took %d, want 100", got)
	}
}

func TestMeterAllocatesNothing(t *testing.T) {
	q, now := newQuotas(Quota{}, 1), origin
	if got := testing.AllocsPerRun(1000, func() {
		now = now.Add(time.Second)
		m := q.send("shop@contoso.example")
		if m.take(now, 10) == 0 {
			m.end(now, now, false)
		}
		m.closeUntil(now)
	}); got != 0 {
		t.Errorf("got %v allocations", got)
	}
}

func TestQuotas(t *testing.T) {
	const most = math.MaxInt
	for _, tt := range []struct {
		name  string
		quota Quota
		share int
		want  [4]Quota // custom sends and reads, managed sends and reads; here zero is no limit
	}{
		{"defaults", Quota{}, 0, [4]Quota{{30, 100}, {60, 200}, {5, 10}, {10, 20}}},
		{"raised", Quota{50, 1000}, 1, [4]Quota{{50, 1000}, {100, 2000}, {5, 10}, {10, 20}}},
		{"raised as far as it goes", Quota{most, most}, 1, [4]Quota{{maxLimit, maxLimit}, {maxLimit, maxLimit}, {5, 10}, {10, 20}}},
		{"one of two", Quota{}, 2, [4]Quota{{15, 50}, {30, 100}, {2, 5}, {5, 10}}},
		{"no limit a minute", Quota{PerMinute: -1}, 1, [4]Quota{{0, 100}, {0, 200}, {0, 10}, {0, 20}}},
		{"no limit an hour", Quota{PerHour: math.MinInt}, 1, [4]Quota{{30, 0}, {60, 0}, {5, 0}, {10, 0}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := newQuotas(tt.quota, tt.share)
			got := [4]Quota{
				limits(q.send("a@contoso.example")), limits(q.read("a@contoso.example")),
				limits(q.send("a@1234.azurecomm.net")), limits(q.read("a@1234.azurecomm.net")),
			}
			if got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func limits(m *meter) Quota { return Quota{PerMinute: m.minute.limit, PerHour: m.hour.limit} }

func TestIsManaged(t *testing.T) {
	for _, tt := range []struct {
		address string
		want    bool
	}{
		{"DoNotReply@1b2c3d4e.azurecomm.net", true},
		{"DoNotReply@1B2C3D4E.AzureComm.NET", true},
		{"donotreply@1b2c3d4e.us2.azurecomm.net", true},
		{"a@azurecomm.net.example.com", false},
		{"a@notazurecomm.net", false},
		{"a@contoso.com", false},
		{"net", false},
		{"", false},
	} {
		if got := isManaged(tt.address); got != tt.want {
			t.Errorf("%s: got %v", tt.address, got)
		}
	}
}

// An address that is not known is the managed domain's once the client has sent from one.
func TestQuotasOfUnknownSender(t *testing.T) {
	q := newQuotas(Quota{}, 1)
	q.read("a@1234.azurecomm.net")
	if q.read("") != q.customReads || q.send("") != q.customSends {
		t.Error("managed before anything was sent")
	}
	q.send("a@1234.azurecomm.net")
	q.send("a@contoso.example")
	if q.read("") != q.managedReads || q.send("") != q.managedSends {
		t.Error("custom after sending from a managed domain")
	}
	if q.read("a@contoso.example") != q.customReads {
		t.Error("a custom domain's reads count as managed")
	}
}

func BenchmarkTake(b *testing.B) {
	for _, tt := range []struct {
		name  string
		quota Quota
		step  time.Duration
	}{
		{"room", Quota{PerMinute: math.MaxInt, PerHour: math.MaxInt}, time.Microsecond},
		{"full", Quota{}, time.Microsecond},
		{"idle", Quota{}, time.Hour},
		{"none", Quota{PerMinute: -1, PerHour: -1}, time.Microsecond},
	} {
		b.Run(tt.name, func(b *testing.B) {
			m, now := newMeter(tt.quota, 1), origin
			b.ReportAllocs()
			for b.Loop() {
				now = now.Add(tt.step)
				m.take(now, 0)
			}
		})
	}
}
