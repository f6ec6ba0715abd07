package main

import (
	"io"
	"runtime"

	"github.com/mailkeel/mailkeel/internal/bench/contender"
)

// adapterAllocs is what sending allocates beside preparing the message and building its MIME.
func (r *run) adapterAllocs() (figure, error) {
	target, err := r.server.target(plain)
	if err != nil {
		return figure{}, err
	}
	c, _ := contender.Named(contender.Mailkeel)
	sessions, err := c.Open(target, 1)
	if err != nil {
		return figure{}, err
	}
	defer contender.CloseAll(sessions)
	m := contender.Small()
	builders, err := contender.Builders(m)
	if err != nil {
		return figure{}, err
	}
	var own []float64
	for range r.reps {
		sending, err := allocsOf(func() error { return sessions[0].Send(m) })
		if err != nil {
			return figure{}, err
		}
		building, err := allocsOf(func() error { return builders[0].Build(m, io.Discard) })
		if err != nil {
			return figure{}, err
		}
		own = append(own, sending-building)
	}
	return summarize(own), nil
}

// allocsOf is how often f allocates, on average.
func allocsOf(f func() error) (float64, error) {
	const n = 500
	if err := f(); err != nil {
		return 0, err
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range n {
		if err := f(); err != nil {
			return 0, err
		}
	}
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / n, nil
}
