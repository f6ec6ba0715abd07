package main

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/mailkeel/mailkeel/internal/bench/contender"
)

// connections is how many are opened for each message.
const connections = "connections"

// An apiFigure is what the goals ask of Mailkeel with one service, as ratios to its peer.
type apiFigure struct {
	// large is G5's, shipped and tuned are G6's with the two transports.
	large, shipped, tuned float64
	// growth is G5's too: of the peak RSS, in MB.
	growth float64
}

var apiFigures = map[string]apiFigure{
	"SendGrid": {large: 5, shipped: 18, tuned: 1.2, growth: 2},
	"Mailgun":  {large: 3.3, shipped: 11, tuned: 1.1, growth: 2},
	"ACS":      {large: 3.2, shipped: 1.3, tuned: 1.3, growth: 3},
}

// apiMessages is G6: a message of 1 KB over a provider's API.
func (r *run) apiMessages() error {
	var list []verdict
	for _, s := range contender.Services() {
		for _, n := range callers {
			res, err := r.apiSmall(s, n)
			if err != nil {
				return err
			}
			apiSmallTable(s, res, n).print(r.out)
			if n > 1 {
				list = append(list, apiSmallGoals(s, res, n)...)
			}
		}
	}
	verdicts("G6: goals", list).print(r.out)
	return nil
}

// but is every contender of s but those of the sizes.
func but(s contender.Service, sizes contender.Sizes) []contender.Contender {
	return slices.DeleteFunc(slices.Clone(s.Contenders), func(c contender.Contender) bool { return c.Sizes == sizes })
}

func apiSmallTable(s contender.Service, res results, n int) *table {
	t := &table{
		title: "G6: 1 KB text, " + s.Name + ", " + string(encryptedAPI) + ", c=" + strconv.Itoa(n),
		heads: []string{"contender", "msg/s (min–max)", "ratio to " + s.Shipped, "Mailkeel's ratio to it", "connections a message",
			"client CPU µs (min–max)", "allocs", "server CPU µs"},
	}
	for _, c := range but(s, contender.LargeOnly) {
		t.row(c.Name, res.figure(c.Name, rate).spread(), res.ratio(c.Name, s.Shipped, rate).times(),
			res.ratio(s.Mailkeel, c.Name, rate).times(), number(res.figure(c.Name, connections).median),
			res.figure(c.Name, cpu).spread(), number(res.figure(c.Name, allocs).median), number(res.figure(c.Name, serverCPU).median))
	}
	t.notes = s.Notes
	return t
}

func apiSmallGoals(s contender.Service, res results, n int) []verdict {
	want, at := apiFigures[s.Name], ", c="+strconv.Itoa(n)
	return []verdict{
		atMost("connections a message, "+s.Mailkeel+at, 0.001, res.figure(s.Mailkeel, connections)),
		atLeast("rate to "+s.Shipped+" as shipped"+at, want.shipped, res.ratio(s.Mailkeel, s.Shipped, rate)),
		atLeast("rate to "+s.Tuned+at, want.tuned, res.ratio(s.Mailkeel, s.Tuned, rate)),
	}
}

// apiSmall sends with every contender of s. A few messages of each caller go before the clock runs, so that
// whoever keeps connections has them.
func (r *run) apiSmall(s contender.Service, n int) (results, error) {
	const before = 3
	target, err := r.server.target(encryptedAPI)
	if err != nil {
		return nil, err
	}
	m := contender.Small()
	return repeat(r.reps, r.rng, names(but(s, contender.LargeOnly)), func(name string) (sample, error) {
		c, _ := contender.Named(name)
		sessions, err := c.Open(target, n)
		if err != nil {
			return nil, err
		}
		defer contender.CloseAll(sessions)
		if _, err := sendCounted(sessions, m, before); err != nil {
			return nil, err
		}
		if _, err := sendFor(r.warm, sessions, m); err != nil {
			return nil, err
		}
		return r.measuredAPI(name, sessions, m)
	})
}

// measuredAPI is measured with what the server counted meanwhile.
func (r *run) measuredAPI(name string, sessions []contender.Session, m *contender.Mail) (sample, error) {
	begin, err := r.server.counts()
	if err != nil {
		return nil, err
	}
	s, err := r.measured(sessions, m)
	if err != nil {
		return nil, err
	}
	end, err := r.server.counts()
	if err != nil {
		return nil, err
	}
	if came := end.Requests - begin.Requests; float64(came) != s[messages] {
		return nil, fmt.Errorf("%s: %d requests came for %v messages", name, came, s[messages])
	}
	s[connections] = float64(end.Connections-begin.Connections) / max(s[messages], 1)
	return s, nil
}
