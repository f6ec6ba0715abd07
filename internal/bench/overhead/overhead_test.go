package overhead

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/internal/bench/contender"
	"github.com/mailkeel/mailkeel/mailer"
)

// TestEveryContenderSends: each returns the primary's receipt, with the attempt and its times.
func TestEveryContenderSends(t *testing.T) {
	for _, c := range All() {
		t.Run(c.Name, func(t *testing.T) {
			s, msg := open(t, c.Name)
			began := time.Now()
			r, err := s.Send(context.Background(), msg)
			if err != nil {
				t.Fatal(err)
			}
			if r.Outcome != mailer.Accepted || r.Route != "primary" || len(r.Recipients) != 1 || len(r.Attempts) != 1 {
				t.Fatalf("receipt %+v", r)
			}
			a := r.Attempts[0]
			if a.Route != "primary" || a.Provider != "stub" || a.Start.Before(began) || a.Duration <= 0 {
				t.Errorf("attempt %+v", a)
			}
			if c.Kind == contender.Ours && a.Decision != "done" {
				t.Errorf("decision %q, want done", a.Decision)
			}
		})
	}
}

// TestByHandGoesOn: a bound that did not fail over would be none.
func TestByHandGoesOn(t *testing.T) {
	calls := 0
	broken := sendFunc(func(context.Context, *mailer.Message) (*mailer.Receipt, error) {
		calls++
		return nil, errors.New("down")
	})
	b := newByHand([]mailer.Sender{broken, stub{"backup"}})
	msg, err := Message()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 * failuresToOpen {
		if r, err := b.Send(context.Background(), msg); err != nil || r.Route != "backup" {
			t.Fatalf("route %v, %v", r, err)
		}
	}
	if calls != failuresToOpen {
		t.Errorf("the broken route was tried %d times, want %d", calls, failuresToOpen)
	}
}

// TestStubHeedsTheGate: what the router under test pays for must be used.
func TestStubHeedsTheGate(t *testing.T) {
	msg, err := Message()
	if err != nil {
		t.Fatal(err)
	}
	var gate mailer.Gate
	ctx := mailer.WithGate(context.Background(), &gate)
	if _, err := (stub{"primary"}).Send(ctx, msg); err != nil || !gate.Committed() {
		t.Errorf("%v, committed %v", err, gate.Committed())
	}
	var failed *mailer.SendError
	if _, err := (stub{"primary"}).Send(ctx, msg); !errors.As(err, &failed) || failed.Outcome != mailer.NotAccepted {
		t.Errorf("with a gate that is taken: %v", err)
	}
}
