package main

import (
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// The first argument by which this program starts itself as one of its other processes.
const (
	asServer     = "server"
	asAttachment = "attachment"
)

func main() {
	if err := start(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func start(args []string) error {
	if len(args) == 1 {
		switch args[0] {
		case asServer:
			return serve(os.Stdin, os.Stdout)
		case asAttachment:
			return attachmentProcess(os.Stdin, os.Stdout)
		}
	}
	return benchmarks(args, os.Stdout)
}

// A run is what the goals share.
type run struct {
	plan
	rng    *rand.Rand
	server *server
	out    io.Writer
}

// A goal is measured and printed.
type goal struct {
	name    string
	measure func(*run) error
}

var goals = []goal{
	{"G1", (*run).roundTrips}, {"G2", (*run).distance}, {"G3", (*run).smallMessages},
	{"G4", (*run).attachments}, {"G5", (*run).apiAttachments}, {"G6", (*run).apiMessages},
	{"G7", (*run).overhead}, {"G8", (*run).outages}, {"G9", (*run).building},
	{"Parse", (*run).parsing},
}

func benchmarks(args []string, out io.Writer) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	server, err := startServer()
	if err != nil {
		return err
	}
	defer server.stop()
	r := &run{plan: o.plan, rng: rand.New(rand.NewPCG(o.seed, 0)), server: server, out: out}
	fmt.Fprintf(out, "%s on %s/%s, %d CPUs; %d repetitions, seed %d\n\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), r.reps, o.seed)
	return r.all(o.goals)
}

func (r *run) all(goals []goal) error {
	for _, g := range goals {
		if err := g.measure(r); err != nil {
			return fmt.Errorf("%s: %w", g.name, err)
		}
	}
	return nil
}

// options is what the command line asks for.
type options struct {
	plan  plan
	goals []goal
	seed  uint64
}

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	quick := flags.Bool("quick", false, "see that everything works, in a minute at most")
	reps := flags.Int("reps", 0, "repetitions; 0 means 5, with -quick 1")
	only := flags.String("only", "", "the goals to measure, such as G1,G3,parse; empty means all")
	flags.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "of the order of contenders")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if o.plan = fullPlan(); *quick {
		o.plan = quickPlan()
	}
	if *reps > 0 {
		o.plan.reps = *reps
	}
	var err error
	o.goals, err = named(*only)
	return o, err
}

// named returns the goals of a list such as "G1,G3"; the empty list names all.
func named(list string) ([]goal, error) {
	if list == "" {
		return goals, nil
	}
	var some []goal
	for name := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(goals, func(g goal) bool { return strings.EqualFold(g.name, name) })
		if i < 0 {
			return nil, fmt.Errorf("no goal is called %q", name)
		}
		some = append(some, goals[i])
	}
	return some, nil
}
