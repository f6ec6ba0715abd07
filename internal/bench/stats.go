package main

import (
	"math/rand/v2"
	"slices"
)

// results holds the measurements of a goal: by contender, then by quantity, one for each repetition.
type results map[string]map[string][]float64

// A sample is what one run of one contender measured, by quantity.
type sample map[string]float64

// repeat runs every contender once in each repetition, in random order.
func repeat(reps int, rng *rand.Rand, names []string, run func(name string) (sample, error)) (results, error) {
	r := make(results)
	for range reps {
		for _, i := range rng.Perm(len(names)) {
			s, err := run(names[i])
			if err != nil {
				return nil, err
			}
			r.add(names[i], s)
		}
	}
	return r, nil
}

func (r results) add(name string, s sample) {
	if r[name] == nil {
		r[name] = make(map[string][]float64)
	}
	for quantity, value := range s {
		r[name][quantity] = append(r[name][quantity], value)
	}
}

// A figure is a median with its range.
type figure struct{ median, lowest, highest float64 }

func (r results) figure(name, quantity string) figure { return summarize(r[name][quantity]) }

// ratio compares a with b within each repetition.
func (r results) ratio(a, b, quantity string) figure {
	over, under := r[a][quantity], r[b][quantity]
	ratios := make([]float64, 0, len(over))
	for i := range min(len(over), len(under)) {
		if under[i] != 0 {
			ratios = append(ratios, over[i]/under[i])
		}
	}
	return summarize(ratios)
}

func summarize(values []float64) figure {
	if len(values) == 0 {
		return figure{}
	}
	s := slices.Sorted(slices.Values(values))
	median := s[len(s)/2]
	if len(s)%2 == 0 {
		median = (s[len(s)/2-1] + median) / 2
	}
	return figure{median, s[0], s[len(s)-1]}
}
