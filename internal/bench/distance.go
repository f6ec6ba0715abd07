package main

import (
	"strconv"
	"time"

	"github.com/mailkeel/mailkeel/internal/bench/contender"
)

// callers is how many send at once, one after another and many.
var callers = []int{1, 16}

// rate is messages a second.
const rate = "rate"

// distance is G2: a round trip of 20 ms.
func (r *run) distance() error {
	t := &table{title: "G2: 20 ms round trip, 1 KB text"}
	t.heads = []string{"contender"}
	cells := make(map[string][]string)
	var list []verdict
	for _, n := range callers {
		res, err := r.distanceOf(n)
		if err != nil {
			return err
		}
		t.heads = append(t.heads, "c="+strconv.Itoa(n)+" msg/s (min–max)", "ratio to go-mail")
		for _, c := range steady() {
			cells[c.Name] = append(cells[c.Name], res.figure(c.Name, rate).spread(), res.ratio(c.Name, contender.GoMail, rate).times())
		}
		list = append(list, distanceGoals(res, n)...)
	}
	for _, c := range steady() {
		t.row(append([]string{label(c)}, cells[c.Name]...)...)
	}
	t.notes = []string{"Nodemailer, which is not written in Go, needs 2 round trips for a message, as the limit \"raw pipelined\" does."}
	t.print(r.out)
	verdicts("G2: goals", list).print(r.out)
	return nil
}

func distanceGoals(res results, n int) []verdict {
	at := ", c=" + strconv.Itoa(n)
	best, name := worstRatio(res, contender.Mailkeel, rate, isPeer)
	return []verdict{
		atLeast("Mailkeel to go-mail"+at, 3.4, res.ratio(contender.Mailkeel, contender.GoMail, rate)),
		atLeast("Mailkeel to the best Go peer ("+name+")"+at, 1.9, best),
		atLeast("Mailkeel, one flight, to go-mail"+at, 6.8, res.ratio(contender.MailkeelOneFlight, contender.GoMail, rate)),
	}
}

// distanceOf sends a fixed number of messages for each caller. The connections of all contenders are
// opened once, and one message goes over each beforehand.
func (r *run) distanceOf(n int) (results, error) {
	target, err := r.server.target(distant)
	if err != nil {
		return nil, err
	}
	open := make(map[string][]contender.Session)
	defer func() {
		for _, sessions := range open {
			contender.CloseAll(sessions)
		}
	}()
	m := contender.Small()
	for _, c := range steady() {
		if open[c.Name], err = c.Open(target, n); err != nil {
			return nil, err
		}
		if _, err := sendCounted(open[c.Name], m, 1); err != nil {
			return nil, err
		}
	}
	return repeat(r.reps, r.rng, names(steady()), func(name string) (sample, error) {
		took, err := sendCounted(open[name], m, r.distant)
		return sample{rate: float64(n*r.distant) / took.Seconds()}, err
	})
}

// sendCounted sends count messages over each session at the same time.
func sendCounted(sessions []contender.Session, m *contender.Mail, count int) (time.Duration, error) {
	errs := make(chan error, len(sessions))
	begin := time.Now()
	for _, s := range sessions {
		go func() {
			var err error
			for i := 0; i < count && err == nil; i++ {
				err = s.Send(m)
			}
			errs <- err
		}()
	}
	var first error
	for range sessions {
		if err := <-errs; err != nil && first == nil {
			first = err
		}
	}
	return time.Since(begin), first
}

func names(list []contender.Contender) []string {
	var all []string
	for _, c := range list {
		all = append(all, c.Name)
	}
	return all
}

func isPeer(name string) bool {
	c, ok := contender.Named(name)
	return ok && c.Kind == contender.Peer
}

// isBuilder reports a peer that builds MIME for every message.
func isBuilder(name string) bool {
	c, ok := contender.Named(name)
	return ok && c.Kind == contender.Peer && !c.Raw
}

// worstRatio finds the contender against which name looks worst, the best of its rivals.
func worstRatio(res results, name, quantity string, rival func(string) bool) (worst figure, best string) {
	for other := range res {
		if !rival(other) {
			continue
		}
		if ratio := res.ratio(name, other, quantity); best == "" || ratio.median < worst.median {
			worst, best = ratio, other
		}
	}
	return worst, best
}
