package main

import (
	"io"
	"os"
	"runtime"
	"time"

	"github.com/mailkeel/mailkeel/internal/bench/contender"
)

// The quantities of G9: microseconds and kilobytes for each message.
const (
	buildTime = "time"
	buildKB   = "kb"
)

// building is G9: writing MIME, to nowhere.
func (r *run) building() error {
	dir, err := os.MkdirTemp("", "bench-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	full, err := contender.Full(dir)
	if err != nil {
		return err
	}
	simple, err := r.buildTable("G9: building MIME, 1 KB text", contender.Small())
	if err != nil {
		return err
	}
	rich, err := r.buildTable("G9: building MIME, text + 8 KB HTML + 20 KB inline image + 100 KB attachment", full)
	if err != nil {
		return err
	}
	verdicts("G9: goals", buildGoals(simple, rich)).print(r.out)
	return nil
}

func buildGoals(simple, rich results) []verdict {
	faster := func(what, name string, limit float64, res results, rival string) verdict {
		return atLeast(what+", "+name, limit, res.ratio(rival, name, buildTime))
	}
	return []verdict{
		atMost("simple, µs, "+contender.BuildPrepared, 1.2, simple.figure(contender.BuildPrepared, buildTime)),
		atMost("simple, allocations, "+contender.BuildPrepared, 3, simple.figure(contender.BuildPrepared, allocs)),
		faster("simple, times the best peer (gomail.v2)", contender.BuildPrepared, 6, simple, "gomail.v2"),
		faster("simple, times the best peer (gomail.v2)", contender.BuildMailkeel, 6, simple, "gomail.v2"),
		faster("simple, times go-mail", contender.BuildPrepared, 15, simple, contender.GoMail),
		faster("simple, times go-mail", contender.BuildMailkeel, 15, simple, contender.GoMail),
		faster("full, times the best peer (gomail.v2)", contender.BuildPrepared, 5, rich, "gomail.v2"),
		faster("full, times the best peer (gomail.v2)", contender.BuildMailkeel, 5, rich, "gomail.v2"),
		faster("full, times go-mail", contender.BuildPrepared, 10, rich, contender.GoMail),
		faster("full, times go-mail", contender.BuildMailkeel, 10, rich, contender.GoMail),
		atMost("full, allocations, "+contender.BuildPrepared, 12, rich.figure(contender.BuildPrepared, allocs)),
	}
}

func (r *run) buildTable(title string, m *contender.Mail) (results, error) {
	builders, err := contender.Builders(m)
	if err != nil {
		return nil, err
	}
	byName := make(map[string]contender.Builder)
	var order []string
	for _, b := range builders {
		byName[b.Name] = b
		order = append(order, b.Name)
	}
	res, err := repeat(r.reps, r.rng, order, func(name string) (sample, error) {
		return buildFor(r.plan.building, byName[name], m)
	})
	if err != nil {
		return nil, err
	}
	t := &table{title: title, heads: []string{"writer", "CPU µs (min–max)", "time to go-mail's", "go-mail's time to it", "allocs", "KB allocated"}}
	for _, name := range order {
		t.row(name, res.figure(name, buildTime).spread(), res.ratio(name, contender.GoMail, buildTime).times(),
			res.ratio(contender.GoMail, name, buildTime).times(),
			number(res.figure(name, allocs).median), number(res.figure(name, buildKB).median))
	}
	t.print(r.out)
	return res, nil
}

// buildFor builds m for the span, in rounds between which the clock is looked at. What is reported is
// CPU time, the garbage collector's included, where the system tells it: it is the same however busy
// the machine is.
func buildFor(span time.Duration, b contender.Builder, m *contender.Mail) (sample, error) {
	const round = 16
	if err := b.Build(m, io.Discard); err != nil {
		return nil, err
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	used, begin, n := ownCPUTime(), time.Now(), 0
	for time.Since(begin) < span {
		for range round {
			if err := b.Build(m, io.Discard); err != nil {
				return nil, err
			}
		}
		n += round
	}
	took := time.Since(begin)
	if cpu := ownCPUTime() - used; cpu > 0 {
		took = cpu
	}
	runtime.ReadMemStats(&after)
	return sample{
		buildTime: float64(took.Nanoseconds()) / 1000 / float64(n),
		allocs:    float64(after.Mallocs-before.Mallocs) / float64(n),
		buildKB:   float64(after.TotalAlloc-before.TotalAlloc) / float64(n) / 1024,
	}, nil
}
