package main

import (
	"os"
	"runtime"
	"time"

	"github.com/mailkeel/mailkeel/internal/bench/contender"
	"github.com/mailkeel/mailkeel/internal/bench/parsing"
)

// The quantities of parsing: microseconds of CPU and kilobytes allocated for each message.
const (
	parseTime = "time"
	parseKB   = "kb"
)

// parsing is what reading raw messages costs. It has no goal of its own.
func (r *run) parsing() error {
	dir, err := os.MkdirTemp("", "bench-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	full, err := contender.Full(dir)
	if err != nil {
		return err
	}
	large, err := contender.Large(dir, r.attachmentBytes)
	if err != nil {
		return err
	}
	for _, of := range []struct {
		what string
		m    *contender.Mail
	}{
		{"1 KB text", contender.Small()}, {"text + 8 KB HTML + 20 KB inline image + 100 KB attachment", full},
		{number(float64(r.attachmentBytes)/(1<<20)) + " MB attachment", large},
	} {
		if err := r.parseTable("Parse: "+of.what, of.m); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) parseTable(title string, m *contender.Mail) error {
	raw, err := parsing.Raw(m)
	if err != nil {
		return err
	}
	byName := make(map[string]parsing.Contender)
	var order []string
	for _, c := range parsing.All() {
		byName[c.Name] = c
		order = append(order, c.Name)
	}
	res, err := repeat(r.reps, r.rng, order, func(name string) (sample, error) {
		return parseFor(r.plan.building, byName[name], raw)
	})
	if err != nil {
		return err
	}
	t := &table{
		title: title,
		heads: []string{"parser", "CPU µs (min–max)", "time to net/mail's", "MB/s", "allocs", "KB allocated"},
		notes: []string{"The message lies in memory; KB are beside it. Peers keep attachments in memory, decoded, so that they can be sent more than once; Mailkeel decodes them anew whenever they are read."},
	}
	for _, name := range order {
		took := res.figure(name, parseTime)
		t.row(name, took.spread(), res.ratio(name, parsing.Standard, parseTime).times(), number(float64(len(raw))/took.median),
			number(res.figure(name, allocs).median), number(res.figure(name, parseKB).median))
	}
	t.print(r.out)
	return nil
}

// parseFor reads raw for the span. As with buildFor, CPU time is reported where the system tells it.
func parseFor(span time.Duration, c parsing.Contender, raw []byte) (sample, error) {
	if _, err := c.Read(raw); err != nil {
		return nil, err
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	used, begin, n := ownCPUTime(), time.Now(), 0
	for round := max(1, 16<<10/len(raw)); time.Since(begin) < span; n += round {
		for range round {
			if _, err := c.Read(raw); err != nil {
				return nil, err
			}
		}
	}
	took := time.Since(begin)
	if cpu := ownCPUTime() - used; cpu > 0 {
		took = cpu
	}
	runtime.ReadMemStats(&after)
	return sample{
		parseTime: float64(took.Nanoseconds()) / 1000 / float64(n),
		allocs:    float64(after.Mallocs-before.Mallocs) / float64(n),
		parseKB:   float64(after.TotalAlloc-before.TotalAlloc) / float64(n) / 1024,
	}, nil
}
