package main

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// A table is printed as Markdown: the first column to the left, the others to the right.
type table struct {
	title string
	heads []string
	rows  [][]string
	notes []string
}

func (t *table) row(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) print(w io.Writer) {
	fmt.Fprintf(w, "### %s\n\n", t.title)
	if len(t.heads) > 0 {
		line(w, t.heads)
		line(w, append([]string{"---"}, strings.Split(strings.Repeat("---: ", len(t.heads)-1)+"---:", " ")[:len(t.heads)-1]...))
		for _, row := range t.rows {
			line(w, row)
		}
		fmt.Fprintln(w)
	}
	for _, note := range t.notes {
		fmt.Fprintf(w, "%s\n\n", note)
	}
}

func line(w io.Writer, cells []string) { fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | ")) }

// number prints v with three significant digits, small ones with four decimals.
func number(v float64) string {
	switch abs := math.Abs(v); {
	case abs >= 100 || v == math.Trunc(v) && abs < 1e15:
		return fmt.Sprintf("%.0f", v)
	case abs >= 10:
		return fmt.Sprintf("%.1f", v)
	case abs < 0.01:
		return fmt.Sprintf("%.4f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}

// spread prints a figure with its range.
func (f figure) spread() string {
	return fmt.Sprintf("%s (%s–%s)", number(f.median), number(f.lowest), number(f.highest))
}

func (f figure) times() string { return number(f.median) + "x" }

// A verdict is a goal's figure beside what was measured.
type verdict struct {
	what  string
	limit string
	got   figure
	met   bool
}

func atLeast(what string, limit float64, got figure) verdict {
	return verdict{what, ">= " + number(limit), got, got.median >= limit}
}

func atMost(what string, limit float64, got figure) verdict {
	return verdict{what, "<= " + number(limit), got, got.median <= limit}
}

func verdicts(title string, list []verdict) *table {
	t := &table{title: title, heads: []string{"goal", "figure", "measured (min–max)", "met"}}
	for _, v := range list {
		met := "**no**"
		if v.met {
			met = "yes"
		}
		t.row(v.what, v.limit, v.got.spread(), met)
	}
	return t
}
