package main

import (
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/internal/bench/contender"
	"github.com/mailkeel/mailkeel/internal/bench/outage"
)

// TestMain lets the test's binary be the other processes too, which start themselves anew.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && (os.Args[1] == asServer || os.Args[1] == asAttachment) {
		main()
		return
	}
	os.Exit(m.Run())
}

// miniature is next to nothing of everything.
func miniature() plan {
	return plan{
		reps: 1, counted: 2, distant: 1, span: time.Millisecond, warm: time.Millisecond,
		attachmentBytes: 256 << 10, large: 1, building: time.Millisecond, passing: time.Millisecond,
		outage: outage.Plan{Messages: 4, Every: 10 * time.Millisecond, Limit: time.Second, SlowReply: 1500 * time.Millisecond},
	}
}

// TestGoals measures next to nothing and expects every table with every contender. It
// asserts no time.
func TestGoals(t *testing.T) {
	overAPIs := []string{
		"| Mailkeel, SendGrid |", "| Mailkeel, Mailgun |", "| Mailkeel, ACS |", "| sendgrid-go |", "| mailgun-go |", "| azcore |",
		"| limit: SendGrid, ", "| limit: Mailgun, ", "| limit: ACS, ", "rate to azcore",
	}
	rows := map[string][]string{
		"G5": overAPIs, "G6": overAPIs,
		"G7":    {"| Mailkeel router, 3 routes, no limits |", "| Mailkeel router, 3 routes, default |", "| sony/gobreaker |", "| failsafe-go retry + breaker |", "| direct call |"},
		"Parse": {"| Mailkeel: Parse, every attachment read once |", "| net/mail + mime/multipart |", "| emersion/go-message |", "| jhillyerd/enmime |"},
		"G8":    {"| Mailkeel router |", "| sequential, no memory |", "| dead mark, 60 s |", "| gobreaker, 5 failures |"},
	}
	server, err := startServer()
	if err != nil {
		t.Fatal(err)
	}
	defer server.stop()
	for _, g := range goals {
		t.Run(g.name, func(t *testing.T) {
			var out strings.Builder
			r := &run{rng: rand.New(rand.NewPCG(1, 0)), server: server, out: &out, plan: miniature()}
			if err := r.all([]goal{g}); err != nil {
				t.Fatal(err)
			}
			wanted := []string{"| Mailkeel", "| go-mail |"}
			if some, ok := rows[g.name]; ok {
				wanted = some
			}
			if g.name != "Parse" { // which is measured against peers only
				wanted = append(wanted, "### "+g.name+": goals")
			}
			for _, want := range append(wanted, "### "+g.name+": ") {
				if !strings.Contains(out.String(), want) {
					t.Errorf("no %q in\n%s", want, out.String())
				}
			}
		})
	}
}

// TestMeasuredAPICounts: connections and messages are the server's to count.
func TestMeasuredAPICounts(t *testing.T) {
	server, err := startServer()
	if err != nil {
		t.Fatal(err)
	}
	defer server.stop()
	target, err := server.target(encryptedAPI)
	if err != nil {
		t.Fatal(err)
	}
	r := &run{server: server, plan: plan{span: 20 * time.Millisecond}}
	for _, name := range []string{"limit: SendGrid, raw HTTP/1.1 socket", "limit: Mailgun, raw HTTP/1.1 socket"} {
		c, _ := contender.Named(name)
		before, err := server.counts()
		if err != nil {
			t.Fatal(err)
		}
		sessions, err := c.Open(target, 2)
		if err != nil {
			t.Fatal(err)
		}
		defer contender.CloseAll(sessions)
		after, err := server.counts()
		if err != nil {
			t.Fatal(err)
		}
		if opened := after.Connections - before.Connections; opened != 2 {
			t.Errorf("%s: %d connections were opened, want 2", name, opened)
		}
		got, err := r.measuredAPI(name, sessions, contender.Small())
		if err != nil {
			t.Fatal(err)
		}
		if got[connections] != 0 || got[messages] < 1 {
			t.Errorf("%s: %v connections a message for %v messages, want none for some", name, got[connections], got[messages])
		}
	}
	if _, err := r.measuredAPI("nobody", []contender.Session{idler{}}, contender.Small()); err == nil {
		t.Error("messages that never came are taken for sent")
	}
}

// An idler says that it has sent and has not.
type idler struct{}

func (idler) Send(*contender.Mail) error { return nil }
func (idler) Close() error               { return nil }

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
	if _, err := parse([]string{"-only", "G10"}); err == nil {
		t.Error("G10 is taken for a goal")
	}
	if all, err := named(""); err != nil || len(all) != len(goals) {
		t.Errorf("no name: %d goals, %v", len(all), err)
	}
}
