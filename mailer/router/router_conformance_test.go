package router_test

import (
	"context"
	"fmt"
	"io"
	"net/mail"
	"sync"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/mailertest"
	"github.com/mailkeel/mailkeel/mailer/router"
	"github.com/mailkeel/mailkeel/mailer/sendertest"
)

// A router that makes one attempt keeps the rules of every Sender. It has many routes to the same
// provider, so that no message meets one that rests because of the message before.
func TestConformance(t *testing.T) {
	for name, c := range map[string]struct {
		cfg   router.Config
		route func(t testing.TB, i int, s *mailertest.Script) router.Route
	}{
		"usual":          {router.Config{}, direct},
		"without limits": {router.Config{CommitLimit: -1, MinSlice: -1, StartLimit: -1, ReplyLimit: -1, DoubtLimit: -1}, direct},
		"nested":         {router.Config{}, inside},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sendertest.Run(t, func(t testing.TB) sendertest.Harness {
				p, cfg := newMemory(t), c.cfg
				for i := range 32 {
					cfg.Routes = append(cfg.Routes, c.route(t, i, p.script))
				}
				return sendertest.Harness{Sender: single(t, cfg), Provider: p}
			})
		})
	}
}

func direct(_ testing.TB, i int, s *mailertest.Script) router.Route {
	return router.Route{Name: fmt.Sprintf("route %d", i), Sender: s, MaxInFlight: 64 * (i % 2)}
}

func inside(t testing.TB, i int, s *mailertest.Script) router.Route {
	return router.Route{Name: fmt.Sprintf("inner %d", i), Sender: single(t, router.Config{Routes: []router.Route{{Sender: s}}}).Router}
}

// A plain router leaves out of its accounts the routes that were passed over, which are no attempts,
// and which of the routes it was, which are all the same.
type plain struct{ *router.Router }

func (p plain) Send(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
	receipt, err := p.Router.Send(ctx, msg)
	account := receipt
	if err != nil {
		account = mailer.AsSendError(err).Receipt
	}
	account.Attempts = tried(account)
	if len(account.Attempts) > 0 {
		account.Route, account.Attempts[0].Route = "memory", "memory"
	}
	for i := range account.Recipients {
		account.Recipients[i].Route = account.Route
	}
	return receipt, err
}

// single returns a router that makes one attempt a message.
func single(t testing.TB, cfg router.Config) plain {
	t.Helper()
	cfg.MaxAttempts, cfg.Policy = 1, router.RoundRobin
	r, err := router.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close(context.Background()) })
	return plain{r}
}

// A memory is a provider without a network: its faults are steps of a Script.
type memory struct {
	script *mailertest.Script

	mu              sync.Mutex
	quit            chan struct{} // ends the silences that are kept
	contacts, whole int
}

func newMemory(t testing.TB) *memory {
	p := &memory{quit: make(chan struct{})}
	p.script = &mailertest.Script{Rest: &mailertest.Step{Before: p.count(&p.contacts), After: p.count(&p.whole)}}
	t.Cleanup(p.end)
	return p
}

func (p *memory) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.quit)
	p.quit = make(chan struct{})
}

// count counts who comes by.
func (p *memory) count(n *int) mailertest.Wait {
	return func(context.Context) error {
		p.mu.Lock()
		defer p.mu.Unlock()
		*n++
		return nil
	}
}

// said are the refusals.
var said = map[sendertest.Fault]*mailer.SendError{
	sendertest.MessageRefused:     refusal(mailer.ScopeMessage, 0, 554),
	sendertest.RecipientRefused:   refusal(mailer.ScopeRecipient, 0, 550),
	sendertest.RecipientsRefused:  refusal(mailer.ScopeRecipient, 0, 550),
	sendertest.SenderRefused:      refusal(mailer.ScopeSender, elsewhere, 553),
	sendertest.CredentialsRefused: refusal(mailer.ScopeAccount, elsewhere, 535),
	sendertest.RateLimited:        refusal(mailer.ScopeRate, elsewhere|temporary, 450),
	sendertest.RateLimitedFor:     refusal(mailer.ScopeRate, elsewhere|temporary, 450),
	sendertest.Unavailable:        refusal(mailer.ScopeProvider, elsewhere|temporary, 451),
}

// Meet implements sendertest.Provider.
func (p *memory) Meet(step sendertest.Step) <-chan struct{} {
	reached := make(chan struct{})
	there := func(context.Context) error { close(reached); return nil }
	broken := func(context.Context) error { return errReset }
	s := mailertest.Step{Before: p.count(&p.contacts), After: inTurn(p.count(&p.whole), there)}
	switch f := step.Fault; f {
	case sendertest.NoFault, sendertest.NoiseAfter:
		if step.Hold != nil {
			s.After = inTurn(s.After, p.silence(step.Hold))
		}
	case sendertest.ConnectionRefused:
		s.Before = inTurn(there, broken)
	case sendertest.LostInContent:
		s.Before = inTurn(s.Before, there, broken)
	case sendertest.SilentBefore:
		s.Before, s.After = inTurn(s.Before, there, p.silence(step.Hold)), p.count(&p.whole)
	case sendertest.SilentAfter:
		s.After = inTurn(s.After, p.silence(nil))
	case sendertest.ReplyLost, sendertest.ReplyCut, sendertest.LostAfterContent:
		s.Verdict = &mailer.SendError{Scope: mailer.ScopeProvider, Err: errReset}
		s.Kept = f != sendertest.LostAfterContent
	default:
		verdict := *said[f]
		verdict.RetryAfter = step.RetryAfter
		if s.Verdict = &verdict; step.Recipient != "" {
			s.Verdict, s.Recipients = nil, map[string]*mailer.SendError{step.Recipient: &verdict}
		}
	}
	p.script.Add(s)
	return reached
}

func inTurn(waits ...mailertest.Wait) mailertest.Wait {
	return func(ctx context.Context) error {
		for _, w := range waits {
			if err := w(ctx); err != nil {
				return err
			}
		}
		return nil
	}
}

// silence lasts until hold is closed; one without a hold ends with a broken connection.
func (p *memory) silence(hold <-chan struct{}) mailertest.Wait {
	if hold != nil {
		return mailertest.Until(hold)
	}
	return func(ctx context.Context) error {
		p.mu.Lock()
		quit := p.quit
		p.mu.Unlock()
		if err := mailertest.Until(quit)(ctx); err != nil {
			return err
		}
		return errReset
	}
}

// Truth implements sendertest.Provider.
func (p *memory) Truth(context.Context) sendertest.Truth {
	p.end()
	p.mu.Lock()
	defer p.mu.Unlock()
	truth := sendertest.Truth{Contacts: p.contacts, Whole: p.whole}
	for _, c := range p.script.Kept() {
		truth.Copies = append(truth.Copies, sendertest.Copy{
			Subject: subjectOf(c.Message), Recipients: c.Recipients,
			MessageID: c.Message.MessageID, IdempotencyKey: c.Message.IdempotencyKey,
		})
	}
	return truth
}

// subjectOf returns the Subject by which the suite knows its messages.
func subjectOf(m *mailer.Message) string {
	if m.Raw.IsZero() {
		return m.Subject
	}
	r, err := m.Raw.Open()
	if err != nil {
		return ""
	}
	defer r.Close()
	parsed, err := mail.ReadMessage(io.LimitReader(r, 1<<20))
	if err != nil {
		return ""
	}
	return parsed.Header.Get("Subject")
}
