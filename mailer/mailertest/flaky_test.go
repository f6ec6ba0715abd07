package mailertest_test

import (
	"errors"
	"maps"
	"sync"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/mailertest"
)

// history sends n messages, each twice, with workers at once, and returns all outcomes.
func history(t *testing.T, f *mailertest.Flaky, n, workers int) map[string][2]mailer.Outcome {
	t.Helper()
	var (
		mu   sync.Mutex
		all  = make(map[string][2]mailer.Outcome)
		wg   sync.WaitGroup
		next = make(chan int)
	)
	for range workers {
		wg.Go(func() {
			for i := range next {
				m := message(i)
				outcomes := [2]mailer.Outcome{outcome(f.Send(t.Context(), m)), outcome(f.Send(t.Context(), m))}
				mu.Lock()
				all[m.MessageID] = outcomes
				mu.Unlock()
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
	return all
}

func outcome(r *mailer.Receipt, err error) mailer.Outcome {
	if err != nil {
		return mailer.AsSendError(err).Outcome
	}
	return r.Outcome
}

func TestFlakyRepeatsItself(t *testing.T) {
	flaky := func(seed uint64) *mailertest.Flaky {
		return &mailertest.Flaky{Seed: seed, NotAccepted: 0.2, PartlyAccepted: 0.2, UnknownKept: 0.2, UnknownLost: 0.2}
	}
	alone, together := history(t, flaky(7), 200, 1), history(t, flaky(7), 200, 8)
	if !maps.Equal(alone, together) {
		t.Error("the same seed gave other outcomes with eight workers than with one")
	}
	if maps.Equal(alone, history(t, flaky(8), 200, 1)) {
		t.Error("another seed gave the same outcomes")
	}
	differ := 0
	for _, o := range alone {
		if o[0] != o[1] {
			differ++
		}
	}
	if differ == 0 {
		t.Error("no second attempt differs from the first")
	}
}

func TestFlakyKnowsTheTruth(t *testing.T) {
	f := &mailertest.Flaky{Seed: 3, NotAccepted: 0.2, PartlyAccepted: 0.2, UnknownKept: 0.2, UnknownLost: 0.2}
	seen := make(map[mailer.Outcome]int)
	var kept, lost int
	for i := range 1000 {
		m := message(i)
		o := outcome(f.Send(t.Context(), m))
		seen[o]++
		switch copies := f.Copies(m.MessageID); {
		case o == mailer.NotAccepted && copies != 0, (o == mailer.Accepted || o == mailer.PartlyAccepted) && copies != 1, copies > 1:
			t.Errorf("%s: %s with %d copies", m.MessageID, o, copies)
		case o == mailer.Unknown && copies == 1:
			kept++
		case o == mailer.Unknown:
			lost++
		}
		if f.Attempts(m.MessageID) != 1 {
			t.Errorf("%s: %d attempts, want 1", m.MessageID, f.Attempts(m.MessageID))
		}
	}
	// Each chance is 0.2 of 1,000: 120 is more than six deviations away.
	for name, n := range map[string]int{
		"accepted": seen[mailer.Accepted], "partly": seen[mailer.PartlyAccepted], "not": seen[mailer.NotAccepted], "kept": kept, "lost": lost,
	} {
		if n < 120 || n > 280 {
			t.Errorf("%s: %d of 1000, want about 200", name, n)
		}
	}
	if want := seen[mailer.Accepted] + seen[mailer.PartlyAccepted] + kept; len(f.Kept()) != want {
		t.Errorf("the provider has %d copies, want %d", len(f.Kept()), want)
	}
}

func TestFlakyExtremes(t *testing.T) {
	alone := message(0)
	alone.Cc = nil
	for _, c := range []struct {
		name  string
		flaky *mailertest.Flaky
		msg   *mailer.Message
		want  mailer.Outcome
		is    error
	}{
		{"never", &mailertest.Flaky{}, message(0), mailer.Accepted, nil},
		{"not accepted", &mailertest.Flaky{NotAccepted: 1}, message(0), mailer.NotAccepted, mailer.ErrUnavailable},
		{"partly", &mailertest.Flaky{PartlyAccepted: 1}, message(0), mailer.PartlyAccepted, mailer.ErrPartlyAccepted},
		{"partly of one", &mailertest.Flaky{PartlyAccepted: 1}, alone, mailer.NotAccepted, mailer.ErrRecipientRefused},
		{"kept", &mailertest.Flaky{UnknownKept: 1}, message(0), mailer.Unknown, mailer.ErrUnknownOutcome},
		{"lost", &mailertest.Flaky{UnknownLost: 1}, message(0), mailer.Unknown, mailer.ErrUnknownOutcome},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := c.flaky.Send(t.Context(), c.msg)
			if got := outcome(r, err); got != c.want || c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("%s (%v), want %s", got, err, c.want)
			}
			if err := c.flaky.Close(t.Context()); err != nil {
				t.Error(err)
			}
			if _, err := c.flaky.Send(t.Context(), c.msg); !errors.Is(err, mailer.ErrClosed) {
				t.Errorf("after Close: %v", err)
			}
		})
	}
}

func TestSendError(t *testing.T) {
	for _, c := range []struct {
		name string
		msg  *mailer.Message
		in   mailer.SendError
		want mailer.Outcome
		n    int
	}{
		{"refused", message(0), mailer.SendError{Outcome: mailer.NotAccepted, Scope: mailer.ScopeMessage}, mailer.NotAccepted, 2},
		{"zero", message(0), mailer.SendError{}, mailer.Unknown, 2},
		{"accepted", message(0), mailer.SendError{Outcome: mailer.Accepted}, mailer.Unknown, 2},
		{"partly", message(0), mailer.SendError{Outcome: mailer.PartlyAccepted}, mailer.Unknown, 2},
		{"invalid", &mailer.Message{}, mailer.SendError{}, mailer.NotAccepted, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := mailertest.SendError(c.msg, c.in)
			if e.Outcome != c.want || e.Receipt.Outcome != c.want || e.Scope == mailer.ScopeUnknown || len(e.Receipt.Recipients) != c.n {
				t.Errorf("error %+v, receipt %+v", e, e.Receipt)
			}
			if c.n > 0 && mailer.RollUp(e.Receipt.Recipients) != c.want {
				t.Errorf("recipients %+v", e.Receipt.Recipients)
			}
		})
	}
}
