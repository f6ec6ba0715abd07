package main

import (
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"
)

// TestMain lets the test's binary be the other processes too, which start themselves anew.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && (os.Args[1] == asServer || os.Args[1] == asAttachment) {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestGoals measures next to nothing and expects every table with every contender. It
// asserts no time.
func TestGoals(t *testing.T) {
	server, err := startServer()
	if err != nil {
		t.Fatal(err)
	}
	defer server.stop()
	for _, g := range goals {
		t.Run(g.name, func(t *testing.T) {
			var out strings.Builder
			r := &run{rng: rand.New(rand.NewPCG(1, 0)), server: server, out: &out, plan: plan{
				reps: 1, counted: 2, distant: 1, span: time.Millisecond, warm: time.Millisecond,
				attachmentBytes: 256 << 10, large: 1, building: time.Millisecond,
			}}
			if err := r.all([]goal{g}); err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{"### " + g.name + ": ", "| Mailkeel", "| go-mail |", "### " + g.name + ": goals"} {
				if !strings.Contains(out.String(), want) {
					t.Errorf("no %q in\n%s", want, out.String())
				}
			}
		})
	}
}

// TestRoundTripsAreExact: G1 depends on no clock and so is asserted.
func TestRoundTripsAreExact(t *testing.T) {
	want := map[string]float64{
		"Mailkeel": 2, "Mailkeel, DATA": 2, "Mailkeel, one flight": 1, "go-mail": 7, "go-mail, tuned": 4,
		"gomail.v2": 4, "emersion/go-smtp": 4, "net/smtp": 4, "limit: raw pipelined": 2, "limit: raw BDAT, one flight": 1,
	}
	for _, c := range steady() {
		for _, w := range []way{plain, encrypted} {
			got, err := countTrips(c, w, 5)
			if err != nil {
				t.Fatal(err)
			}
			if got[trips] != want[c.Name] {
				t.Errorf("%s, %s: %v round trips for each message, want %v", c.Name, w, got[trips], want[c.Name])
			}
		}
	}
}

func TestParse(t *testing.T) {
	o, err := parse([]string{"-quick", "-reps", "3", "-only", "g3,G1", "-seed", "7"})
	if err != nil {
		t.Fatal(err)
	}
	if o.plan.reps != 3 || o.plan.span != quickPlan().span || o.seed != 7 ||
		len(o.goals) != 2 || o.goals[0].name != "G3" || o.goals[1].name != "G1" {
		t.Errorf("got %+v", o)
	}
	if _, err := parse([]string{"-only", "G5"}); err == nil {
		t.Error("G5 is taken for a goal")
	}
	if all, err := named(""); err != nil || len(all) != len(goals) {
		t.Errorf("no name: %d goals, %v", len(all), err)
	}
}
