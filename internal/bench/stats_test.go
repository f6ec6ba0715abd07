package main

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestSummarize(t *testing.T) {
	for _, row := range []struct {
		name   string
		values []float64
		want   figure
	}{
		{"none", nil, figure{}},
		{"one", []float64{3}, figure{3, 3, 3}},
		{"odd", []float64{9, 1, 4}, figure{4, 1, 9}},
		{"even", []float64{1, 2, 4, 9}, figure{3, 1, 9}},
	} {
		if got := summarize(row.values); got != row.want {
			t.Errorf("%s: %v, want %v", row.name, got, row.want)
		}
	}
}

// TestRatioIsPaired: the machine slows down by half in each repetition, and no ratio shows it.
func TestRatioIsPaired(t *testing.T) {
	r := results{"a": {rate: {80, 40, 20}}, "b": {rate: {40, 20, 10}}}
	if got := r.ratio("a", "b", rate); got != (figure{2, 2, 2}) {
		t.Errorf("ratio %v, want 2", got)
	}
	r["c"] = map[string][]float64{rate: {60, 30, 15}}
	if _, best := worstRatio(r, "a", rate, func(name string) bool { return name != "a" }); best != "c" {
		t.Errorf("best rival %q, want c", best)
	}
}

func TestRepeatRunsEachOnceInARepetition(t *testing.T) {
	var ran []string
	res, err := repeat(3, rand.New(rand.NewPCG(1, 0)), []string{"a", "b", "c"}, func(name string) (sample, error) {
		ran = append(ran, name)
		return sample{rate: float64(len(ran))}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(ran); i += 3 {
		if round := slices.Sorted(slices.Values(ran[i : i+3])); !slices.Equal(round, []string{"a", "b", "c"}) {
			t.Errorf("repetition ran %v", round)
		}
	}
	if n := len(res["b"][rate]); n != 3 {
		t.Errorf("%d figures of b, want 3", n)
	}
}

func TestVerdicts(t *testing.T) {
	var b strings.Builder
	verdicts("goals", []verdict{
		atLeast("high", 3, figure{2.994, 2, 4}), atLeast("low", 1.5, figure{1.5, 1, 2}),
		atMost("over", 12, figure{12.5, 12, 13}), atMost("under", 12, figure{12, 12, 13}),
	}).print(&b)
	const want = `### goals

| goal | figure | measured (min–max) | met |
| --- | ---: | ---: | ---: |
| high | >= 3 | 2.99 (2–4) | **no** |
| low | >= 1.50 | 1.50 (1–2) | yes |
| over | <= 12 | 12.5 (12–13) | **no** |
| under | <= 12 | 12 (12–13) | yes |

`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}
