package main

import (
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mailkeel/mailkeel/internal/bench/contender"
)

// The quantities of G3 and G6 beside the rate: microseconds of CPU and allocations for each
// message, the client's and where it says so the server's; and how many messages were sent.
const (
	cpu       = "cpu"
	serverCPU = "server cpu"
	allocs    = "allocs"
	messages  = "messages"
)

// smallMessages is G3: what a message of 1 KB costs.
func (r *run) smallMessages() error {
	var list []verdict
	for _, w := range []way{plain, encrypted} {
		for _, n := range callers {
			res, err := r.small(w, n)
			if err != nil {
				return err
			}
			title := string(w) + ", c=" + strconv.Itoa(n)
			smallTable(res, title).print(r.out)
			list = append(list, smallGoals(res, title)...)
		}
	}
	own, err := r.adapterAllocs()
	if err != nil {
		return err
	}
	list = append(list, atMost("allocations of the adapter: Send less preparing and building", 12, own))
	verdicts("G3: goals", list).print(r.out)
	return nil
}

func smallTable(res results, title string) *table {
	t := &table{
		title: "G3: 1 KB text, " + title,
		heads: []string{"contender", "msg/s (min–max)", "ratio to go-mail", "Mailkeel's ratio to it", "client CPU µs (min–max)", "allocs", "server CPU µs"},
	}
	for _, c := range contender.All() {
		t.row(label(c), res.figure(c.Name, rate).spread(), res.ratio(c.Name, contender.GoMail, rate).times(),
			res.ratio(contender.Mailkeel, c.Name, rate).times(), res.figure(c.Name, cpu).spread(),
			number(res.figure(c.Name, allocs).median), number(res.figure(c.Name, serverCPU).median))
	}
	return t
}

func smallGoals(res results, title string) []verdict {
	alike, builder := worstRatio(res, contender.Mailkeel, rate, isBuilder)
	strict, peer := worstRatio(res, contender.Mailkeel, rate, isPeer)
	return []verdict{
		atLeast("rate to go-mail, "+title, 3, res.ratio(contender.Mailkeel, contender.GoMail, rate)),
		atLeast("rate to the best Go peer that builds MIME too ("+builder+"), "+title, 1.5, alike),
		atLeast("rate to the best Go peer, ready bytes included ("+peer+"), "+title, 1.5, strict),
		atMost("client CPU to raw pipelined, "+title, 1.3, res.ratio(contender.Mailkeel, contender.RawPipelined, cpu)),
	}
}

func (r *run) small(w way, n int) (results, error) {
	target, err := r.server.target(w)
	if err != nil {
		return nil, err
	}
	m := contender.Small()
	return repeat(r.reps, r.rng, names(contender.All()), func(name string) (sample, error) {
		c, _ := contender.Named(name)
		sessions, err := c.Open(target, n)
		if err != nil {
			return nil, err
		}
		defer contender.CloseAll(sessions)
		if _, err := sendFor(r.warm, sessions, m); err != nil {
			return nil, err
		}
		return r.measured(sessions, m)
	})
}

// measured sends for the plan's span and reads the clocks around it.
func (r *run) measured(sessions []contender.Session, m *contender.Mail) (sample, error) {
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	server, own, begin := cpuTime(r.server.cmd.Process.Pid), ownCPUTime(), time.Now()
	count, err := sendFor(r.span, sessions, m)
	took := time.Since(begin)
	own, server = ownCPUTime()-own, cpuTime(r.server.cmd.Process.Pid)-server
	runtime.ReadMemStats(&after)
	n := float64(max(count, 1))
	return sample{
		rate:      float64(count) / took.Seconds(),
		cpu:       float64(own.Microseconds()) / n,
		serverCPU: float64(server.Microseconds()) / n,
		allocs:    float64(after.Mallocs-before.Mallocs) / n,
		messages:  float64(count),
	}, err
}

// sendFor sends over all sessions at once until span is over, and counts.
func sendFor(span time.Duration, sessions []contender.Session, m *contender.Mail) (int64, error) {
	var (
		over  atomic.Bool
		count atomic.Int64
		wg    sync.WaitGroup
	)
	errs := make(chan error, len(sessions))
	timer := time.AfterFunc(span, func() { over.Store(true) })
	defer timer.Stop()
	for _, s := range sessions {
		wg.Go(func() {
			sent := int64(0)
			for !over.Load() {
				if err := s.Send(m); err != nil {
					errs <- err
					break
				}
				sent++
			}
			count.Add(sent)
		})
	}
	wg.Wait()
	select {
	case err := <-errs:
		return 0, err
	default:
		return count.Load(), nil
	}
}
