package acs_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/observe"
	"github.com/mailkeel/mailkeel/mailer/router"
	"github.com/mailkeel/mailkeel/providers/acs"
	"github.com/mailkeel/mailkeel/providers/acs/acstest"
)

// failover returns a router over senders, by the names "a", "b" and so on.
func failover(t *testing.T, observer observe.Observer, senders ...mailer.Sender) *router.Router {
	t.Helper()
	cfg := router.Config{Observer: observer}
	for i, s := range senders {
		cfg.Routes = append(cfg.Routes, router.Route{Name: string(rune('a' + i)), Sender: s})
	}
	r, err := router.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close(context.Background()) })
	return r
}

// decisions are what followed from each attempt, and from each question.
func decisions(r *mailer.Receipt) []string {
	var all []string
	for _, a := range r.Attempts {
		all = append(all, fmt.Sprintf("%s %v: %s", a.Route, a.Outcome, a.Decision))
	}
	return all
}

// told is what Send told, either way.
func told(receipt *mailer.Receipt, err error) *mailer.Receipt {
	if err != nil {
		return mailer.AsSendError(err).Receipt
	}
	return receipt
}

// TestRouterSettles: a router finds out what became of a message whose reply was lost. Where that
// cannot be, it sends it again to the same resource under the same Operation-Id.
func TestRouterSettles(t *testing.T) {
	ask := acstest.Reply(acstest.InternalError())
	for _, c := range []struct {
		name    string
		server  acstest.Config
		faults  []acstest.Fault // of the requests, one after the other
		change  func(*acs.Config)
		outcome mailer.Outcome
		copies  int
		posts   int
		gets    int
	}{
		{"lost after it was accepted", acstest.Config{}, []acstest.Fault{lost(true)}, nil, mailer.Accepted, 1, 1, 1},
		{"lost before", acstest.Config{}, []acstest.Fault{lost(false)}, nil, mailer.Accepted, 1, 2, 3},
		{"500 after it was accepted", acstest.Config{}, []acstest.Fault{acstest.AcceptBut(acstest.InternalError())}, nil, mailer.Accepted, 1, 1, 1},
		{"504 before", acstest.Config{}, []acstest.Fault{acstest.Reply(acstest.Gateway(504))}, nil, mailer.Accepted, 1, 2, 3},
		{"shows late", acstest.Config{Life: acstest.Life{VisibleAfter: 3 * time.Second}}, []acstest.Fault{lost(true)}, nil, mailer.Accepted, 1, 1, 3},
		{"never shows, the repeat is answered", acstest.Config{Life: acstest.Life{Hidden: true}}, []acstest.Fault{lost(true)}, nil, mailer.Accepted, 1, 2, 3},
		{"shows after the repeat, which conflicts", acstest.Config{RepeatConflicts: true, Life: acstest.Life{HiddenReads: 3}}, []acstest.Fault{lost(true)}, nil, mailer.Accepted, 1, 2, 4},
		{"lost twice", acstest.Config{}, []acstest.Fault{lost(false), {}, {}, {}, lost(true)}, nil, mailer.Accepted, 1, 2, 4},
		{"the question fails, the repeat is answered", acstest.Config{}, []acstest.Fault{lost(true), ask, ask, ask}, nil, mailer.Accepted, 1, 2, 3},
		{"no replay: lost before", acstest.Config{}, []acstest.Fault{lost(false)}, noReplay, mailer.Unknown, 0, 1, 3},
		{"no replay: 500 to the question", acstest.Config{}, []acstest.Fault{lost(true), ask, ask, ask}, noReplay, mailer.Unknown, 1, 1, 3},
		{"no replay: 429 to the question", acstest.Config{}, []acstest.Fault{lost(true), acstest.Reply(acstest.RateLimited())}, noReplay, mailer.Unknown, 1, 1, 1},
		{"no replay: 401 to the question", acstest.Config{}, []acstest.Fault{lost(true), acstest.Reply(acstest.Forbidden())}, noReplay, mailer.Unknown, 1, 1, 1},
		{"no replay: the question is cut", acstest.Config{}, []acstest.Fault{lost(true), lost(true), lost(true), lost(true)}, noReplay, mailer.Unknown, 1, 1, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t, c.server)
			for _, f := range c.faults {
				l.Next(f)
			}
			l.run(func(t *testing.T) {
				receipt := told(failover(t, nil, l.client(t, c.change)).Send(t.Context(), simple()))
				if receipt.Outcome != c.outcome {
					t.Errorf("got %v by %q, want %v", receipt.Outcome, decisions(receipt), c.outcome)
				}
				want := acs.OperationID(receipt.IdempotencyKey)
				if receipt.ProviderMessageID != want || receipt.Recipients[0].ProviderMessageID != want {
					t.Errorf("the operation %q, the recipient's %q; want %q", receipt.ProviderMessageID, receipt.Recipients[0].ProviderMessageID, want)
				}
			})
			wantCopies(t, l.held(), c.copies)
			wantRequests(t, l.Requests(), c.posts, c.gets)
		})
	}
}

func noReplay(c *acs.Config) { c.ReplayWindow = -1 }

// TestRouterUndecided: the repeat conflicts, and the operation never shows. Somebody has that
// Operation-Id, and nobody says who: there is one copy, and nothing is sent elsewhere.
func TestRouterUndecided(t *testing.T) {
	l := newLab(t, acstest.Config{RepeatConflicts: true, Life: acstest.Life{Hidden: true}})
	l.Next(lost(true))
	backup := newLab(t, acstest.Config{})
	l.run(func(t *testing.T) {
		r := failover(t, nil, l.client(t, nil), backup.client(t, func(c *acs.Config) { c.Name = "backup" }))
		_, err := r.Send(t.Context(), simple())
		wantVerdict(t, err, mailer.Unknown, mailer.ScopeProvider, mailer.ErrUnknownOutcome)
	})
	wantCopies(t, l.held(), 1)
	wantCopies(t, backup.held(), 0)
}

// TestRouterUnanswered: a service that is gone after it took the message, or says nothing any more.
func TestRouterUnanswered(t *testing.T) {
	gone := false
	l := newLab(t, acstest.Config{})
	l.Next(lost(true))
	l.run(func(t *testing.T) {
		client := l.client(t, func(c *acs.Config) {
			noReplay(c)
			dial := c.Dial
			c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				if gone {
					return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
				}
				gone = true
				return dial(ctx, network, address)
			}
		})
		_, err := failover(t, nil, client).Send(t.Context(), simple())
		wantVerdict(t, err, mailer.Unknown, mailer.ScopeProvider, mailer.ErrUnknownOutcome)
	})
	wantCopies(t, l.held(), 1)

	server, client := start(t, acstest.Config{}, noReplay)
	server.Next(lost(true))
	ctx := cutAfter(t, server.Next(acstest.Fault{Kind: acstest.Silence}))
	_, err := failover(t, nil, client).Send(ctx, simple())
	wantVerdict(t, err, mailer.Unknown, mailer.ScopeProvider, mailer.ErrUnknownOutcome)
	wantCopies(t, held(t, server), 1)
}

// TestRouterIdentity: the Operation-Id is the message's, through routers in routers and at each resource.
func TestRouterIdentity(t *testing.T) {
	first, second := newLab(t, acstest.Config{}), newLab(t, acstest.Config{})
	for range 4 {
		first.Next(acstest.Reply(acstest.Forbidden()))
		second.Next(acstest.Reply(acstest.Forbidden()))
	}
	first.run(func(t *testing.T) {
		m := prepared(t, simple())
		a, b := first.client(t, nil), second.client(t, nil)
		for _, r := range []*router.Router{failover(t, nil, a, b), failover(t, nil, failover(t, nil, a), failover(t, nil, b))} {
			_, err := r.Send(t.Context(), m)
			wantRefused(t, err, mailer.ScopeAccount, mailer.ErrUnauthorized)
		}
		for _, l := range []*lab{first, second} {
			for _, r := range l.Requests() {
				if r.Method == http.MethodPost && r.Header.Get("Operation-Id") != acs.OperationID(m.IdempotencyKey) {
					t.Errorf("sent as %s, want %s", r.Header.Get("Operation-Id"), acs.OperationID(m.IdempotencyKey))
				}
			}
		}
	})
	wantCopies(t, append(first.held(), second.held()...), 0)
}

// states keeps the changes of routes that it hears of.
type states struct {
	mu  sync.Mutex
	all []string
}

func (*states) ObserveAttempt(context.Context, observe.Attempt) {}

func (s *states) ObserveState(st observe.State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, fmt.Sprintf("%s %s>%s %s", st.Route, st.From, st.To, st.Cause))
}

func (s *states) heard() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.all)
}

// pair is a router over two resources.
type pair struct {
	*router.Router
	states
}

func newPair(t *testing.T, a, b *lab, change func(*acs.Config)) *pair {
	t.Helper()
	p := new(pair)
	p.Router = failover(t, &p.states, a.client(t, change), b.client(t, func(c *acs.Config) { c.Name = "backup" }))
	return p
}

// wantVia sends m, which has to go by that route.
func (p *pair) wantVia(t *testing.T, m *mailer.Message, route string) {
	t.Helper()
	receipt, err := p.Send(t.Context(), m)
	if err != nil || receipt.Route != route {
		t.Errorf("got %v, %v; want it to go by %s", receipt, err, route)
	}
}

// wantHealth: the first route is in that state, because of that.
func (p *pair) wantHealth(t *testing.T, state router.State, cause string, gated time.Duration) {
	t.Helper()
	h := p.Health()[0]
	until := time.Duration(0)
	if !h.GatedUntil.IsZero() {
		until = time.Until(h.GatedUntil)
	}
	if h.State != state || h.Cause != cause || (until-gated).Abs() > gated/5 {
		t.Errorf("it is %v because of %q, and gated for %v; want %v, %q, %v", h.State, h.Cause, until, state, cause, gated)
	}
}

// TestRouterHealth: what each refusal does to the message and to the route.
func TestRouterHealth(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer acstest.Answer
		times  int
		via    string // the route that gets the message in the end, or none
		state  router.State
		cause  string
		gated  time.Duration
		next   string // the route that gets the next message
		heard  []string
	}{
		{"401 twice", acstest.Denied(), 2, "b", router.Open, "config", 0, "b", []string{"a closed>open config"}},
		{"403", acstest.Forbidden(), 1, "b", router.Open, "config", 0, "b", []string{"a closed>open config"}},
		{"404", acstest.NotFound(), 1, "b", router.Open, "config", 0, "b", []string{"a closed>open config"}},
		{"400 about an address", acstest.InvalidEmail("recipients.to[0].address"), 1, "", router.Closed, "", 0, "a", nil},
		{"400 about the sender's user", acstest.InvalidSenderUserName(), 1, "b", router.Closed, "", 0, "b", nil},
		{"404 DomainNotLinked", acstest.DomainNotLinked(), 1, "b", router.Closed, "", 0, "b", nil},
		{"413", acstest.TooLarge(), 1, "b", router.Closed, "", 0, "a", nil},
		{"429 for an hour", acstest.RateLimitedFor(time.Hour), 1, "b", router.Closed, "", time.Hour, "b", []string{"a closed>closed rate"}},
		{"503", acstest.Unavailable(), 1, "b", router.Closed, "", 0, "a", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := newLab(t, acstest.Config{}), newLab(t, acstest.Config{})
			for range c.times {
				a.Next(acstest.Reply(c.answer))
			}
			a.run(func(t *testing.T) {
				p := newPair(t, a, b, limited)
				if c.via != "" {
					p.wantVia(t, simple(), c.via)
				} else {
					_, err := p.Send(t.Context(), simple())
					wantRefused(t, err, mailer.ScopeMessage, nil)
				}
				p.wantHealth(t, c.state, c.cause, c.gated)
				p.wantVia(t, simple(), c.next)
				if heard := p.heard(); !slices.Equal(heard, c.heard) {
					t.Errorf("heard %q, want %q", heard, c.heard)
				}
			})
		})
	}
}

// TestRouterSenderRests: a domain that is not linked keeps messages from that domain away, and no others.
func TestRouterSenderRests(t *testing.T) {
	a, b := newLab(t, acstest.Config{LinkedDomains: []string{"example.com"}}), newLab(t, acstest.Config{})
	a.run(func(t *testing.T) {
		p := newPair(t, a, b, nil)
		for range 3 {
			p.wantVia(t, from("shop@example.net"), "b")
			p.wantVia(t, simple(), "a")
		}
		p.wantHealth(t, router.Closed, "", 0)
	})
	if n := a.Stats().Requests; n != 4 {
		t.Errorf("%d requests, want 4: the domain was asked for once", n)
	}
	wantCopies(t, a.held(), 3)
	wantCopies(t, b.held(), 3)
}

// TestRouterRecovers: credentials that are right again are found by a check, and then mail goes there again.
func TestRouterRecovers(t *testing.T) {
	a, b := newLab(t, acstest.Config{}), newLab(t, acstest.Config{})
	a.run(func(t *testing.T) {
		p := newPair(t, a, b, nil)
		a.Forbid(true)
		p.wantVia(t, simple(), "b")
		time.Sleep(5 * time.Minute)
		p.wantVia(t, simple(), "b")
		p.wantHealth(t, router.Open, "config", 0)
		a.Forbid(false)
		time.Sleep(11 * time.Minute)
		synctest.Wait()
		p.wantVia(t, simple(), "a")
		p.wantHealth(t, router.Closed, "", 0)
	})
	wantCopies(t, a.held(), 1)
	wantCopies(t, b.held(), 2)
}

// TestRouterQuota: where the quota is used up, messages take the backup at once; only the gate of the
// route rests, and they come back when there is room.
func TestRouterQuota(t *testing.T) {
	a, b := newLab(t, acstest.Config{SendQuota: acstest.Quota{PerMinute: 30, PerHour: 100}}), newLab(t, acstest.Config{})
	a.run(func(t *testing.T) {
		p := newPair(t, a, b, limited)
		for range 30 {
			p.wantVia(t, simple(), "a")
		}
		if took := lasts(func() { p.wantVia(t, simple(), "b") }); took != 0 {
			t.Errorf("took %v", took)
		}
		p.wantHealth(t, router.Closed, "", time.Minute)
		for range 10 {
			p.wantVia(t, simple(), "b")
		}
		time.Sleep(75 * time.Second)
		p.wantHealth(t, router.Closed, "", 0)
		p.wantVia(t, simple(), "a")
		if heard := p.heard(); !slices.Equal(heard, []string{"a closed>closed rate"}) {
			t.Errorf("heard %q", heard)
		}
	})
	if u := a.SendUsage(); u.Throttled != 0 {
		t.Errorf("the service counted %+v", u)
	}
	wantCopies(t, a.held(), 31)
	wantCopies(t, b.held(), 11)
}

// TestRouterQuotaOfDomains: a route rests for messages from all domains, whichever of them has used up its quota.
// Routes of their own rest alone.
func TestRouterQuotaOfDomains(t *testing.T) {
	const managed = "x.azurecomm.net"
	for name, c := range map[string]struct {
		domains [][]string // of one route after the other
		err     error
	}{
		"one route": {[][]string{nil}, mailer.ErrRateLimited}, "two routes": {[][]string{{"example.com"}, {managed}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, acstest.Config{})
			l.run(func(t *testing.T) {
				cfg := router.Config{}
				for i, domains := range c.domains {
					route := router.Route{Name: string(rune('a' + i)), Sender: l.client(t, limited), FromDomains: domains}
					cfg.Routes = append(cfg.Routes, route)
				}
				r := must(router.New(cfg))
				defer func() { _ = r.Close(context.Background()) }()
				for range 5 {
					mustSend(t, r, from("shop@"+managed))
				}
				if _, err := r.Send(t.Context(), from("shop@"+managed)); !errors.Is(err, mailer.ErrRateLimited) {
					t.Errorf("the sixth: %v", err)
				}
				if _, err := r.Send(t.Context(), simple()); !errors.Is(err, c.err) {
					t.Errorf("from the other domain: %v, want %v", err, c.err)
				}
			})
		})
	}
}

// TestRouterDropped: a message that was dropped after it was accepted goes on to the next route; where
// its recipients are the reason, it does not.
func TestRouterDropped(t *testing.T) {
	for _, c := range []struct {
		end    acstest.End
		copies int // at the backup
	}{{acstest.Dropped(), 1}, {acstest.Canceled(), 1}, {acstest.AllSuppressed(), 0}} {
		t.Run(c.end.Code, func(t *testing.T) {
			a, b := newLab(t, acstest.Config{RetryAfter: -1, Life: acstest.Life{End: c.end}}), newLab(t, acstest.Config{})
			a.run(func(t *testing.T) {
				p := newPair(t, a, b, waiting(time.Minute))
				_, err := p.Send(t.Context(), simple())
				if (err == nil) != (c.copies == 1) {
					t.Errorf("got %v", err)
				}
				p.wantHealth(t, router.Closed, "", 0)
			})
			wantCopies(t, a.held(), 1)
			wantCopies(t, b.held(), c.copies)
		})
	}
}

// TestRouterWaits: a route that has taken a message, and waits for its end, is not one that does not answer.
func TestRouterWaits(t *testing.T) {
	a, b := newLab(t, acstest.Config{}), newLab(t, acstest.Config{})
	a.run(func(t *testing.T) {
		p := newPair(t, a, b, waiting(time.Minute))
		var sends sync.WaitGroup
		for range 5 {
			sends.Go(func() { p.wantVia(t, simple(), "a") })
			time.Sleep(3 * time.Second)
			if h := p.Health()[0]; h.Overdue != 0 || h.State != router.Closed {
				t.Errorf("it is %v, with %d overdue", h.State, h.Overdue)
			}
		}
		sends.Wait()
	})
	wantCopies(t, a.held(), 5)
	wantCopies(t, b.held(), 0)
}
