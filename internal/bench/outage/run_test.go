package outage

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// The limit leaves room for a machine that is slow at TLS.
var small = Plan{Messages: 4, Every: 100 * time.Millisecond, Limit: 5 * time.Second, SlowReply: 7 * time.Second}

// runAll runs every contender in every scenario, each a little after the one before it.
func runAll(t *testing.T, p Plan) map[Scenario]map[string]*Account {
	t.Helper()
	var (
		mu sync.Mutex
		wg sync.WaitGroup
	)
	all := make(map[Scenario]map[string]*Account)
	for _, s := range Scenarios() {
		all[s] = make(map[string]*Account)
	}
	for i, s := range Scenarios() {
		for j, c := range All() {
			delay := time.Duration(i*len(All())+j) * p.Every
			wg.Go(func() {
				a, err := Run(s, c, p, delay)
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Errorf("%s, %s: %v", s, c.Name, err)
					a = &Account{}
				}
				all[s][c.Name] = a
			})
		}
	}
	wg.Wait()
	return all
}

// TestScenarios: what holds for each scenario, however slow the machine.
func TestScenarios(t *testing.T) {
	all := runAll(t, small)
	for name, a := range all[Healthy] {
		if a.AtPrimary != small.Messages || a.AtBackup != 0 || a.Tried != small.Messages || a.Unknown+a.Wrong != 0 {
			t.Errorf("healthy, %s: %+v", name, a)
		}
	}
	for _, s := range Scenarios() {
		for name, a := range all[s] {
			if !s.Dead() {
				break
			}
			if a.AtPrimary != 0 || a.AtBackup != small.Messages || a.Tried == 0 || a.Duplicates+a.Lost+a.Wrong != 0 {
				t.Errorf("%s, %s: %+v", s, name, a)
			}
		}
	}
	for name, a := range all[Slow] {
		if a.AtPrimary == 0 || a.Lost+a.Wrong != 0 {
			t.Errorf("slow, %s: %+v", name, a)
		}
	}
	if a := all[Slow]["sequential, no memory"]; a.Duplicates != small.Messages {
		t.Errorf("a time-out that sends again makes no duplicates: %+v", a)
	}
	for _, name := range []string{Mailkeel, MailkeelPatient} {
		if a := all[Slow][name]; a.Duplicates != 0 {
			t.Errorf("%s: %+v", name, a)
		}
	}
	if a := all[Slow][Mailkeel]; a.Unknown != a.AtPrimary {
		t.Errorf("who does not wait for the answer is not told so: %+v", a)
	}
	if a := all[Slow][MailkeelPatient]; a.Unknown != 0 || a.Waited != a.AtPrimary {
		t.Errorf("who waits for the answer does not get it: %+v", a)
	}
}

// A flaky route fails for as long as it is told to.
type flaky struct {
	err   error
	calls int
}

func (f *flaky) Send(context.Context, *mailer.Message) (*mailer.Receipt, error) {
	f.calls++
	return &mailer.Receipt{}, f.err
}

// TestPeersTurnAway: how often each tries a primary that is down, for ten messages.
func TestPeersTurnAway(t *testing.T) {
	for _, row := range []struct {
		name  string
		tries int
	}{
		{"sequential, no memory", 10}, {"dead mark, 60 s", 1}, {"gobreaker, 5 failures", failuresToOpen},
	} {
		all := All()
		i := slices.IndexFunc(all, func(c Contender) bool { return c.Name == row.name })
		primary, backup := &flaky{err: errNoRoute}, &flaky{}
		s, err := all[i].open([]mailer.Sender{primary, backup}, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			if _, err := s.Send(context.Background(), nil); err != nil {
				t.Errorf("%s: %v", row.name, err)
			}
		}
		if primary.calls != row.tries || backup.calls != 10 {
			t.Errorf("%s: primary %d times, backup %d, want %d and 10", row.name, primary.calls, backup.calls, row.tries)
		}
	}
}
