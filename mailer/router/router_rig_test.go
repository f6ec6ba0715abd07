package router_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/mailertest"
	"github.com/mailkeel/mailkeel/mailer/router"
)

// A provider is a Script that remembers how it was called.
type provider struct {
	*mailertest.Script
	name   string // of its route
	mended atomic.Bool

	mu     sync.Mutex
	calls  []call
	checks []time.Time
	closed int
}

// A call is one Send as the provider saw it.
type call struct {
	at       time.Time
	took     time.Duration
	msg      *mailer.Message
	commitBy time.Time // of its gate, or ctx's deadline where that is all there is
}

// scripted returns a provider with those steps, after which it must not be called.
func scripted(name string, steps ...mailertest.Step) *provider {
	return &provider{name: name, Script: &mailertest.Script{
		Profile: mailertest.Profile{Provider: name + "-mail"}, Steps: steps,
	}}
}

// always returns a provider that does the same with every message.
func always(name string, step mailertest.Step) *provider {
	p := scripted(name)
	p.Rest = &step
	return p
}

func healthy(name string) *provider { return always(name, mailertest.Step{}) }

// lacking returns p without those features.
func (p *provider) lacking(f mailer.Feature) *provider {
	p.Lacks = f
	return p
}

func (p *provider) Send(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
	c := call{at: time.Now(), msg: msg}
	c.commitBy, _ = ctx.Deadline()
	if g := mailer.GateFrom(ctx); g != nil && !g.CommitBy.IsZero() {
		c.commitBy = g.CommitBy
	}
	p.mu.Lock()
	n := len(p.calls)
	p.calls = append(p.calls, c)
	p.mu.Unlock()
	receipt, err := p.Script.Send(ctx, msg)
	p.mu.Lock()
	p.calls[n].took = time.Since(c.at)
	p.mu.Unlock()
	return receipt, err
}

func (p *provider) Check(ctx context.Context) error {
	p.mu.Lock()
	p.checks = append(p.checks, time.Now())
	p.mu.Unlock()
	return p.Script.Check(ctx)
}

func (p *provider) Close(ctx context.Context) error {
	p.mu.Lock()
	p.closed++
	p.mu.Unlock()
	return p.Script.Close(ctx)
}

// seen returns the calls so far.
func (p *provider) seen() []call {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.calls)
}

func (p *provider) checked() []time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.checks)
}

func (p *provider) spy() *provider { return p }

// copies returns how many copies the provider has for that recipient.
func (p *provider) copies(messageID, address string) int {
	n := 0
	for _, c := range p.Kept() {
		if c.Message.MessageID == messageID && slices.Contains(c.Recipients, address) {
			n++
		}
	}
	return n
}

// A spied Sender is a provider or wraps one.
type spied interface {
	mailer.Sender
	spy() *provider
}

func through(s spied) router.Route { return router.Route{Name: s.spy().name, Sender: s} }

// A mailing is a router whose every verdict is compared with what its providers have.
type mailing struct {
	*router.Router
	t *testing.T
	// loose leaves out the comparison of attempts with calls, where routes of several
	// routers share names or an attempt never got to its Sender.
	loose bool
}

// start returns a router with cfg, and with routes through those providers if there are any.
func start(t *testing.T, cfg router.Config, senders ...spied) *mailing {
	t.Helper()
	for _, s := range senders {
		cfg.Routes = append(cfg.Routes, through(s))
	}
	r, err := router.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close(context.Background()) })
	return &mailing{Router: r, t: t}
}

// spies returns all providers behind r.
func spies(r *router.Router) []*provider {
	var all []*provider
	for _, s := range r.Unwrap() {
		switch s := s.(type) {
		case spied:
			all = append(all, s.spy())
		case *router.Router:
			all = append(all, spies(s)...)
		}
	}
	return all
}

// send sends msg and compares what comes back with the truth. It returns the account
// of the send, and the error, nil when there is none.
func (m *mailing) send(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, *mailer.SendError) {
	m.t.Helper()
	receipt, err := m.Send(ctx, msg)
	e := mailer.AsSendError(err)
	account := m.contract(receipt, err)
	m.truth(account, msg)
	return account, e
}

// must is send for a message that is accepted.
func (m *mailing) must(ctx context.Context, msg *mailer.Message) *mailer.Receipt {
	m.t.Helper()
	account, e := m.send(ctx, msg)
	if e != nil {
		m.t.Fatalf("not accepted: %v", e)
	}
	return account
}

// contract checks the form of what Send returns, and returns the account in it.
func (m *mailing) contract(receipt *mailer.Receipt, err error) *mailer.Receipt {
	m.t.Helper()
	if err == nil {
		if receipt == nil || receipt.Outcome != mailer.Accepted {
			m.t.Fatalf("no error, and the receipt is %+v", receipt)
		}
		return receipt
	}
	var e *mailer.SendError
	if !errors.As(err, &e) || e.Receipt == nil {
		m.t.Fatalf("%T without a receipt: %v", err, err)
	}
	if partly := e.Outcome == mailer.PartlyAccepted; partly != (receipt != nil) || partly && receipt != e.Receipt {
		m.t.Errorf("%v with the receipt %p, in the error is %p", e.Outcome, receipt, e.Receipt)
	}
	if text := e.Error(); strings.ContainsAny(text, "@\n\r") {
		m.t.Errorf("an address or several lines in %q", text)
	}
	if e.Outcome != e.Receipt.Outcome || len(e.Receipt.Recipients) > 0 && e.Outcome != mailer.RollUp(e.Receipt.Recipients) {
		m.t.Errorf("%v in the error, %v in the receipt of %v", e.Outcome, e.Receipt.Outcome, e.Receipt.Recipients)
	}
	return e.Receipt
}

// truth compares the account with what the providers have and saw.
func (m *mailing) truth(account *mailer.Receipt, msg *mailer.Message) {
	m.t.Helper()
	if len(account.Recipients) == 0 {
		return
	}
	var order []string
	spare := 0 // copies that may be one too many
	for i := range account.Attempts {
		if msg.Delivery == mailer.AtLeastOnce && account.Attempts[i].Outcome == mailer.Unknown {
			spare++
		}
	}
	for _, r := range account.Recipients {
		order = append(order, r.Address)
		n := 0
		for _, p := range spies(m.Router) {
			n += p.copies(account.MessageID, r.Address)
		}
		if r.Outcome == mailer.Accepted && n == 0 || r.Outcome == mailer.NotAccepted && n > 0 || n > 1+spare {
			m.t.Errorf("%s is %v by %q, and there are %d copies", r.Address, r.Outcome, r.Route, n)
		}
	}
	if want, err := mailer.Prepare(msg); err == nil && !slices.Equal(order, want.Recipients()) {
		m.t.Errorf("results for %v, want %v", order, want.Recipients())
	}
	if !m.loose {
		m.calls(account)
	}
}

// calls compares the attempts on record with the calls that there were.
func (m *mailing) calls(account *mailer.Receipt) {
	m.t.Helper()
	for _, p := range spies(m.Router) {
		recorded, called := 0, 0
		for _, a := range tried(account) {
			if a.Route == p.name {
				recorded++
			}
		}
		for _, c := range p.seen() {
			if c.msg.MessageID == account.MessageID {
				called++
			}
		}
		if recorded != called {
			m.t.Errorf("route %s was called %d times, on record are %d attempts", p.name, called, recorded)
		}
	}
}

// tried returns the attempts that were made: not the routes passed over, nor the questions.
func tried(r *mailer.Receipt) []mailer.Attempt {
	return slices.DeleteFunc(slices.Clone(r.Attempts), func(a mailer.Attempt) bool {
		return a.Skipped != "" || strings.HasPrefix(a.Detail, "asked ")
	})
}

// trace is the account in one line: each route with what followed, those passed over in brackets.
func trace(r *mailer.Receipt) string {
	var all []string
	for _, a := range r.Attempts {
		if a.Skipped != "" {
			all = append(all, "["+a.Route+"]")
		} else {
			all = append(all, a.Route+" "+a.Decision)
		}
	}
	return strings.Join(all, ", ")
}

// letter returns a message with a Message-ID of its own.
func letter(n int, to ...string) *mailer.Message {
	if len(to) == 0 {
		to = []string{"ann@example.net"}
	}
	msg := &mailer.Message{
		From:    mailer.Address{Name: "Shop", Address: "orders@shop.example"},
		Subject: "Your order", Text: "It is on its way.", MessageID: fmt.Sprintf("<%d@shop.example>", n),
	}
	for _, address := range to {
		msg.To = append(msg.To, mailer.Address{Address: address})
	}
	return msg
}

// doubled is letter for a message of which a second copy does no harm.
func doubled(n int) *mailer.Message {
	msg := letter(n)
	msg.Delivery = mailer.AtLeastOnce
	return msg
}

// virtual runs f with a clock of its own.
func virtual(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

// within returns a context that ends after d.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

var (
	errRefused = errors.New("connection refused")
	errReset   = errors.New("connection reset by peer")
)

const (
	elsewhere = 1 << iota
	temporary
)

// refused is a step that refuses the message.
func refused(scope mailer.Scope, flags, code int) mailertest.Step {
	return mailertest.Step{Verdict: refusal(scope, flags, code)}
}

func refusal(scope mailer.Scope, flags, code int) *mailer.SendError {
	e := &mailer.SendError{
		Outcome: mailer.NotAccepted, Scope: scope, Code: code, Err: errRefused,
		Elsewhere: flags&elsewhere != 0, Temporary: flags&temporary != 0,
	}
	if code != 0 {
		e.Protocol = "smtp"
	}
	return e
}

// down is a provider that cannot be reached, forbidden one that refuses the credentials.
func down() mailertest.Step      { return refused(mailer.ScopeProvider, elsewhere|temporary, 0) }
func forbidden() mailertest.Step { return refused(mailer.ScopeAccount, elsewhere, 535) }

// limited is a rate limit that lasts for d; zero: it does not say.
func limited(d time.Duration) mailertest.Step {
	step := refused(mailer.ScopeRate, elsewhere|temporary, 450)
	step.Verdict.RetryAfter = d
	return step
}

// lost is a reply that does not come, at once; kept says whether the message arrived.
func lost(kept bool) mailertest.Step {
	return mailertest.Step{Kept: kept, Verdict: &mailer.SendError{Scope: mailer.ScopeProvider, Err: errReset}}
}

// slowly takes that long to get to the boundary, and to answer after it.
func slowly(before, after time.Duration) mailertest.Step {
	return mailertest.Step{Before: mailertest.For(before), After: mailertest.For(after)}
}

// A blackHole takes connections and says nothing; a silence takes messages and says nothing.
func blackHole() mailertest.Step { return mailertest.Step{Before: mailertest.Until(nil)} }
func silence() mailertest.Step   { return mailertest.Step{After: mailertest.Until(nil)} }

// expect compares two values.
func expect[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// state returns the health of the route of that name.
func (m *mailing) state(name string) router.RouteHealth {
	m.t.Helper()
	for _, h := range m.Health() {
		if h.Name == name {
			return h
		}
	}
	m.t.Fatalf("no route %s", name)
	return router.RouteHealth{}
}
