package main

import (
	"context"
	"math"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/mailkeel/mailkeel/internal/bench/overhead"
	"github.com/mailkeel/mailkeel/mailer"
)

// The quantities of G7: nanoseconds of CPU and allocations for each message, as measured and less those
// of the direct call in the same repetition.
const (
	sendTime  = "send time"
	ownTime   = "own time"
	ownAllocs = "own allocs"
)

// sharers is how many callers send through the same router.
var sharers = []int{1, 2}

// overhead is G7: what deciding where a message goes costs when all is well.
func (r *run) overhead() error {
	defer runtime.KeepAlive(overhead.Heap())
	var list []verdict
	for _, n := range sharers {
		res, err := r.overheadOf(n)
		if err != nil {
			return err
		}
		overheadTable(res, n).print(r.out)
		list = append(list, overheadGoals(res, n)...)
	}
	verdicts("G7: goals", list).print(r.out)
	return nil
}

func overheadTable(res results, n int) *table {
	t := &table{
		title: "G7: a successful send, " + callersText(n),
		heads: []string{"contender", "own CPU ns (min–max)", "to gobreaker's", "own allocs", "with the provider: CPU ns (min–max)", "allocs"},
		notes: []string{"Own is what is left after the direct call of the same repetition: the clock read twice, and the receipt with its attempt and its recipient, in one allocation."},
	}
	for _, c := range overhead.All() {
		t.row(c.Name, res.figure(c.Name, ownTime).spread(), res.ratio(c.Name, overhead.GoBreaker, ownTime).times(),
			number(res.figure(c.Name, ownAllocs).median), res.figure(c.Name, sendTime).spread(), number(res.figure(c.Name, allocs).median))
	}
	return t
}

func callersText(n int) string {
	if n == 1 {
		return "one caller"
	}
	return strconv.Itoa(n) + " callers at once"
}

func overheadGoals(res results, n int) []verdict {
	at := ", " + callersText(n)
	return []verdict{
		atMost("no limits, time to gobreaker's"+at, 0.75, res.ratio(overhead.RouterUnlimited, overhead.GoBreaker, ownTime)),
		atMost("no limits, own allocations"+at, 0, res.figure(overhead.RouterUnlimited, ownAllocs)),
		atMost("default, own ns"+at, 1000, res.figure(overhead.RouterDefault, ownTime)),
		atMost("default, own allocations"+at, 4, res.figure(overhead.RouterDefault, ownAllocs)),
	}
}

// passes is in how many parts each repetition measures a contender, the others in between. The
// quickest counts: tens of nanoseconds are to be told apart on a machine that does other things too.
const passes = 6

func (r *run) overheadOf(n int) (results, error) {
	msg, err := overhead.Message()
	if err != nil {
		return nil, err
	}
	open := make(map[string]mailer.Sender)
	defer func() {
		for _, s := range open {
			if closer, ok := mailer.Find[mailer.Closer](s); ok {
				_ = closer.Close(context.Background())
			}
		}
	}()
	var order []string
	for _, c := range overhead.All() {
		if open[c.Name], err = c.Open(); err != nil {
			return nil, err
		}
		if _, err := passFor(r.warm, n, open[c.Name], msg); err != nil {
			return nil, err
		}
		order = append(order, c.Name)
	}
	res, err := repeat(passes*r.reps, r.rng, order, func(name string) (sample, error) {
		return passFor(r.passing/passes, n, open[name], msg)
	})
	if err != nil {
		return nil, err
	}
	res.least(passes)
	res.less(overhead.Direct, sendTime, ownTime)
	res.less(overhead.Direct, allocs, ownAllocs)
	return res, nil
}

// least keeps the least of each n figures.
func (r results) least(n int) {
	for _, of := range r {
		for quantity, values := range of {
			var least []float64
			for part := range slices.Chunk(values, n) {
				least = append(least, slices.Min(part))
			}
			of[quantity] = least
		}
	}
}

// less adds a quantity: what another is above that of base, within each repetition. Hundredths are
// rounded, for the runtime itself allocates now and then.
func (r results) less(base, quantity, above string) {
	for name, of := range r {
		for i, value := range of[quantity] {
			of[above] = append(r[name][above], math.Round(100*(value-r[base][quantity][i]))/100+0)
		}
	}
}

// passFor sends the prepared message for the span from n callers, in rounds between which the clock is
// looked at. As with buildFor, CPU time is reported where the system tells it.
func passFor(span time.Duration, n int, s mailer.Sender, msg *mailer.Message) (sample, error) {
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	used, begin := ownCPUTime(), time.Now()
	counts, errs := make([]int, n), make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { counts[i], errs[i] = passRounds(begin.Add(span), s, msg) })
	}
	wg.Wait()
	took := time.Duration(n) * time.Since(begin)
	if cpu := ownCPUTime() - used; cpu > 0 {
		took = cpu
	}
	runtime.ReadMemStats(&after)
	total := 0
	for i := range n {
		if errs[i] != nil {
			return nil, errs[i]
		}
		total += counts[i]
	}
	return sample{
		sendTime: float64(took.Nanoseconds()) / float64(total),
		allocs:   float64(after.Mallocs-before.Mallocs) / float64(total),
	}, nil
}

func passRounds(until time.Time, s mailer.Sender, msg *mailer.Message) (int, error) {
	const round = 256
	ctx := context.Background()
	for sent := 0; ; sent += round {
		if sent > 0 && time.Now().After(until) {
			return sent, nil
		}
		for range round {
			if _, err := s.Send(ctx, msg); err != nil {
				return sent, err
			}
		}
	}
}
