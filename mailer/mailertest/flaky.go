package mailertest

import (
	"context"
	"errors"
	"hash/fnv"
	"math/rand/v2"
	"sync"

	"github.com/mailkeel/mailkeel/mailer"
)

var errChance = errors.New("failed by chance")

// Flaky is a Sender that fails by chance and knows the truth. What becomes of an
// attempt depends on Seed, the Message-ID, and how many attempts that message had here
// before, and on nothing else: not on the order in which goroutines come. For runs
// that can be repeated, give messages a MessageID instead of having one minted. The zero Flaky never fails.
type Flaky struct {
	Profile
	// Seed chooses the sequence of chances.
	Seed uint64
	// NotAccepted is the chance, between 0 and 1, that the provider cannot be reached: ScopeProvider.
	NotAccepted float64
	// PartlyAccepted is the chance that one recipient, also chosen by chance, is
	// refused. When there is only one, that is NotAccepted with ScopeRecipient.
	PartlyAccepted float64
	// UnknownKept is the chance that the message is accepted and the reply lost.
	UnknownKept float64
	// UnknownLost is the chance that the connection is lost after the boundary and the
	// message with it. What the chances leave of 1 is acceptance; they are taken in
	// this order, as far as they go.
	UnknownLost float64

	mu       sync.Mutex
	attempts map[string]int // by Message-ID
	life     life
	ledger   ledger
}

var (
	_ mailer.Sender  = (*Flaky)(nil)
	_ mailer.Closer  = (*Flaky)(nil)
	_ mailer.Capable = (*Flaky)(nil)
	_ mailer.Checker = (*Flaky)(nil)
	_ mailer.Named   = (*Flaky)(nil)
)

// Send makes one attempt at chance.
func (f *Flaky) Send(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
	return send(ctx, msg, f.Profile, &f.life, func(a *attempt) *mailer.SendError {
		return a.play(f.chance(a.msg), &f.ledger)
	})
}

// Attempts returns how many attempts the message with that Message-ID had, apart from
// those refused at once.
func (f *Flaky) Attempts(messageID string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.attempts[messageID]
}

// Copies returns how many copies of the message with that Message-ID the pretended
// provider has, whatever the verdicts said.
func (f *Flaky) Copies(messageID string) int { return f.ledger.count(messageID) }

// Kept returns all copies that the pretended provider has, in order.
func (f *Flaky) Kept() []Copy { return f.ledger.all() }

// Close implements [mailer.Closer].
func (f *Flaky) Close(ctx context.Context) error { return f.life.close(ctx) }

// chance draws what becomes of the next attempt of m.
func (f *Flaky) chance(m *mailer.Message) Step {
	f.mu.Lock()
	if f.attempts == nil {
		f.attempts = make(map[string]int)
	}
	n := f.attempts[m.MessageID]
	f.attempts[m.MessageID]++
	f.mu.Unlock()

	name := fnv.New64a()
	_, _ = name.Write([]byte(m.MessageID))
	random := rand.New(rand.NewPCG(f.Seed, name.Sum64()+uint64(n))) //nolint:gosec // chance that can be repeated is the purpose
	x := random.Float64()
	for _, c := range [...]struct {
		chance float64
		step   func() Step
	}{
		{f.NotAccepted, unreachable},
		{f.PartlyAccepted, func() Step { return refuse(m.Recipients()[random.IntN(len(m.Recipients()))]) }},
		{f.UnknownKept, func() Step { return lost(true) }},
		{f.UnknownLost, func() Step { return lost(false) }},
	} {
		if x < c.chance {
			return c.step()
		}
		x -= c.chance
	}
	return Step{}
}

func unreachable() Step {
	return Step{Verdict: &mailer.SendError{
		Outcome: mailer.NotAccepted, Scope: mailer.ScopeProvider, Elsewhere: true, Temporary: true, Err: errChance,
	}}
}

func refuse(address string) Step {
	return Step{Recipients: map[string]*mailer.SendError{address: {
		Outcome: mailer.NotAccepted, Scope: mailer.ScopeRecipient, Protocol: "smtp", Code: 550, EnhancedCode: "5.1.1", Err: errChance,
	}}}
}

func lost(kept bool) Step {
	return Step{Kept: kept, Verdict: &mailer.SendError{Outcome: mailer.Unknown, Scope: mailer.ScopeProvider, Err: errChance}}
}
