package main

import (
	"os"

	"github.com/mailkeel/mailkeel/internal/bench/contender"
)

// apiAttachments is G5: a large attachment, already in memory, over a provider's API.
func (r *run) apiAttachments() error {
	dir, err := os.MkdirTemp("", "bench-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	first, err := contender.Large(dir, firstBytes)
	if err != nil {
		return err
	}
	m, err := contender.Large(dir, r.attachmentBytes)
	if err != nil {
		return err
	}
	var list []verdict
	for _, s := range contender.Services() {
		for _, w := range []way{api, encryptedAPI} {
			res, err := repeat(r.reps, r.rng, names(but(s, contender.SmallOnly)), func(name string) (sample, error) {
				return runErrand(errand{name, w, r.server.ports, first, m, r.attachmentBytes, r.large, true})
			})
			if err != nil {
				return err
			}
			r.apiLargeTable(s, res, w).print(r.out)
			list = append(list, apiLargeGoals(s, res, w)...)
		}
	}
	verdicts("G5: goals", list).print(r.out)
	return nil
}

func (r *run) apiLargeTable(s contender.Service, res results, w way) *table {
	t := &table{
		title: "G5: " + number(float64(r.attachmentBytes)/(1<<20)) + " MB attachment from memory, " + s.Name + ", " + string(w) + ", c=1",
		heads: []string{"contender", "MB/s (min–max)", "ratio to " + s.Shipped, "Mailkeel's ratio to it",
			"peak RSS growth MB (min–max)", "allocated MB a message", "client CPU ms"},
	}
	for _, c := range but(s, contender.SmallOnly) {
		t.row(c.Name, res.figure(c.Name, rate).spread(), res.ratio(c.Name, s.Shipped, rate).times(),
			res.ratio(s.Mailkeel, c.Name, rate).times(), res.figure(c.Name, peakMB).spread(),
			number(res.figure(c.Name, allocatedKB).median/1024), number(res.figure(c.Name, cpu).median/1000))
	}
	t.notes = s.Notes
	return t
}

// apiLargeGoals asks for the ratio where nothing is encrypted: with TLS the cipher, at both ends, bounds everybody.
func apiLargeGoals(s contender.Service, res results, w way) []verdict {
	want, at := apiFigures[s.Name], ", "+string(w)
	list := []verdict{atMost("peak RSS growth, MB, "+s.Mailkeel+at, want.growth, res.figure(s.Mailkeel, peakMB))}
	for _, peer := range []string{s.Shipped, s.Tuned} {
		if w == api && res[peer] != nil {
			list = append(list, atLeast("rate to "+peer+at, want.large, res.ratio(s.Mailkeel, peer, rate)))
		}
	}
	return list
}
